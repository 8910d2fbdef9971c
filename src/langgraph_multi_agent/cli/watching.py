"""Following a task to its end, asking its questions, and stopping when the person says so.

Callers: `run`, `tasks watch`, `tasks run`, `demo`. Invariant: the terminal is given back and no
asyncio task is left, however the watching ends.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

from langgraph_multi_agent.cli.call import Call, write_error
from langgraph_multi_agent.cli.client import Client
from langgraph_multi_agent.cli.confirmation import typed_line
from langgraph_multi_agent.cli.picture import Picture
from langgraph_multi_agent.cli.progress import View, open_view

YES = frozenset({"y", "yes", "是", "好", "同意", "可以"})
NO = frozenset({"n", "no", "否", "不", "不同意", "拒绝"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Why the watching ended: the task is over, waits for a person, or the person interrupted."""

    reason: Literal["over", "waiting", "interrupted"]
    task: Mapping[str, Any]
    picture: Picture


@asynccontextmanager
async def interruptible() -> AsyncIterator[asyncio.Event]:
    """An event that the first Ctrl-C or SIGTERM sets; the second one breaks off."""
    loop, first = asyncio.get_running_loop(), asyncio.Event()
    owner = asyncio.current_task()

    def on_signal() -> None:
        if first.is_set() and owner is not None:
            owner.cancel()
        first.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    try:
        yield first
    except asyncio.CancelledError:
        if first.is_set():
            raise KeyboardInterrupt from None
        raise
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def watch(
    call: Call,
    client: Client,
    task: Mapping[str, Any],
    *,
    interrupt: asyncio.Event,
    waits: bool,
) -> Ending:
    """Show a task until it is over.

    Args:
        interrupt: set when the person wants to leave.
        waits: stay when a question is open that nobody here can answer.
    """
    picture = Picture(task_id=str(task["id"]), title=str(task.get("title") or ""))
    view = open_view(call, picture, await _titles(client, call.language))
    view.start()
    following = asyncio.create_task(_follow(call, client, picture, view, waits=waits))
    leaving = asyncio.create_task(interrupt.wait())
    try:
        await asyncio.wait({following, leaving}, return_when=asyncio.FIRST_COMPLETED)
        reason: Literal["over", "waiting", "interrupted"] = (
            await following if following.done() else "interrupted"
        )
    finally:
        for job in (following, leaving):
            job.cancel()
        await asyncio.gather(following, leaving, return_exceptions=True)
        view.close()
    return Ending(reason=reason, task=await client.task(picture.task_id), picture=picture)


async def _follow(
    call: Call, client: Client, picture: Picture, view: View, *, waits: bool
) -> Literal["over", "waiting"]:
    while True:
        async for event in client.follow(picture.task_id, after=picture.seq):
            if not picture.apply(event):
                continue
            if picture.needs_plan:
                await _fetch_plan(client, picture)
            view.update(event)
            if event.type == "task.waiting_input":
                is_asked = await _questions(call, client, picture, view)
                if not is_asked and not waits:
                    return "waiting"
        task = await client.task(picture.task_id)
        picture.status = str(task["status"])
        if picture.is_over:
            return "over"


async def _fetch_plan(client: Client, picture: Picture) -> None:
    plan = await client.plan(picture.task_id)
    if plan is not None:
        picture.set_plan(int(plan["revision"]), plan["subtasks"])


async def _titles(client: Client, language: str) -> Any:
    agents = {item["name"]: item for item in await client.agents()}

    def title(name: str) -> str:
        titles = agents.get(name, {}).get("titles") or {}
        return str(titles.get(language) or name)

    return title


async def _questions(call: Call, client: Client, picture: Picture, view: View) -> bool:
    """Ask what is open now; False if nobody here can answer.

    The event may be old news when a task is watched from its beginning, so the task is asked.
    """
    open_now = await client.questions(picture.task_id)
    if not open_now:
        return True
    view.pause()
    for question in open_now:
        if not call.is_interactive:
            view.say(unanswered(call, picture.task_id, question))
            continue
        value = await ask(call, question)
        if value is None:
            view.say(unanswered(call, picture.task_id, question))
            return False
        await client.answer(picture.task_id, str(question["id"]), value)
    if call.is_interactive:
        view.start()
    return call.is_interactive


def unanswered(call: Call, task_id: str, question: Mapping[str, Any]) -> str:
    """A question with the command that answers it."""
    options = "".join(f"\n    {number}. {option}" for number, option in enumerate(question.get("options") or (), 1))
    key = "cli.question.approve" if question.get("kind") == "approval" else "cli.question.open"
    return call.say(key, text=question.get("text", ""), options=options, task=task_id, question=question["id"])


async def ask(call: Call, question: Mapping[str, Any]) -> dict[str, Any] | None:
    """A person's answer from the terminal; None if they leave it open (an empty line, Ctrl-D)."""
    options = list(question.get("options") or ())
    is_approval = question.get("kind") == "approval"
    write_error(f"◆ {question.get('text', '')}")
    for number, option in enumerate(options, 1):
        write_error(f"    {number}. {option}")
    while True:
        line = await typed_line(call.say("cli.question.yes_no" if is_approval else "cli.question.prompt"))
        if not line:
            return None
        value = parse_answer(line, options=options, is_approval=is_approval)
        if value is not None:
            return value
        write_error(call.say("cli.question.again"))


def parse_answer(line: str, *, options: list[str], is_approval: bool) -> dict[str, Any] | None:
    """What a typed line answers: an option by number or words, yes or no, or free text."""
    word = line.strip()
    if is_approval:
        low = word.lower()
        return {"approved": True} if low in YES else {"approved": False} if low in NO else None
    if not options:
        return {"text": word} if word else None
    if word.isascii() and word.isdigit() and 1 <= int(word) <= len(options):
        return {"text": options[int(word) - 1]}
    return {"text": word} if word in options else None
