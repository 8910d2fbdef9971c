"""`lgma tasks`: looking at tasks and taking a hand in them. Called by `program`.

Invariant: a command that changes a task shows it before, takes `--dry-run`, tells its undo, and asks
for the name before it destroys.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from langgraph_multi_agent.cli.agents import ago
from langgraph_multi_agent.cli.call import Call, Outcome
from langgraph_multi_agent.cli.confirmation import confirm_name
from langgraph_multi_agent.cli.connection import Connection, DataDir, connected
from langgraph_multi_agent.cli.exits import Exit, Trouble
from langgraph_multi_agent.cli.layout import cut, duration, size
from langgraph_multi_agent.cli.paper import Block, Facts, Heading, Lines, Rows
from langgraph_multi_agent.cli.picture import Picture, StreamEvent, moment, symbol
from langgraph_multi_agent.cli.work import Out, finish

TaskId = Annotated[str, typer.Argument(metavar="TASK", help="cli.argument.task")]
Status = Annotated[
    list[str] | None, typer.Option("--status", metavar="STATUS", help="cli.option.status")
]
Limit = Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=500, help="cli.option.limit")]
Cursor = Annotated[str | None, typer.Option("--cursor", metavar="CURSOR", help="cli.option.cursor")]
Question = Annotated[
    str | None, typer.Option("--question", metavar="ID", help="cli.option.question")
]
Answer = Annotated[str | None, typer.Argument(metavar="ANSWER", help="cli.argument.answer")]
Confirm = Annotated[str | None, typer.Option("--confirm", metavar="TASK", help="cli.option.confirm")]
SaveTo = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", file_okay=False, help="cli.option.save_to")
]

STATUSES = ("pending", "in_progress", "waiting_input", "paused", "completed", "failed", "cancelled")
UNDO = {"pause": "resume", "resume": "pause", "cancel": "retry", "retry": "cancel"}
DONE = {"pause": "paused", "cancel": "cancelled"}
"""Status that shows that the work has stopped; until then the server answers before it has."""


async def list_(
    call: Call,
    status: Status = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    data_dir: DataDir = None,
) -> Outcome:
    """Tasks, newest first."""
    for word in status or ():
        if word not in STATUSES:
            raise typer.BadParameter(
                call.say("cli.usage.status", value=word, known=", ".join(STATUSES)), param_hint="--status"
            )
    async with connected(call, data_dir) as connection:
        page = await connection.client.tasks(status=status, limit=limit, cursor=cursor)
    rows = [
        [
            f"{symbol(item['status'])} {call.say('cli.status.' + item['status'])}",
            str(item["id"]),
            cut(str(item["title"]), 60),
            f"{item['progress']}%",
            call.say(f"cli.priority.{item['priority']}"),
            ago(call, str(item["created_at"])),
        ]
        for item in page["tasks"]
    ]
    headers = [call.say(f"cli.column.{n}") for n in ("status", "task", "title", "progress", "priority", "age")]
    blocks: list[Block] = [Rows(headers, rows)] if rows else [Lines([call.say("cli.tasks.none")])]
    if page.get("next"):
        call.note("cli.tasks.more", cursor=page["next"])
    return Outcome(blocks=blocks, data={"tasks": page["tasks"], "next": page.get("next")})


async def show(call: Call, task_id: TaskId, data_dir: DataDir = None) -> Outcome:
    """One task: what was asked, how far it is, what came out, what it waits for."""
    import asyncio

    async with connected(call, data_dir) as connection:
        client = connection.client
        task = await client.task(task_id)
        plan, files, questions = await asyncio.gather(
            client.plan(task_id), client.artifacts(task_id), client.questions(task_id)
        )
    blocks: list[Block] = [
        Heading(f"{symbol(task['status'])} {task['title']}"),
        Facts(_facts(call, task)),
    ]
    if plan is not None:
        blocks += [Heading(call.say("cli.label.plan", revision=plan["revision"])), Lines(_plan_lines(plan))]
    if questions:
        from langgraph_multi_agent.cli.watching import unanswered

        blocks += [Heading(call.say("cli.label.questions")), Lines([unanswered(call, task_id, q) for q in questions])]
    if files:
        blocks += [Heading(call.say("cli.label.artifacts")), _file_rows(call, files)]
    data = {"task": task, "plan": plan, "artifacts": files, "questions": questions}
    return Outcome(blocks=blocks, data=data)


async def watch(call: Call, task_id: TaskId, data_dir: DataDir = None) -> Outcome:
    """Follow a task's events live; Ctrl-C leaves it running."""
    from langgraph_multi_agent.cli import results, watching

    async with watching.interruptible() as interrupt, connected(call, data_dir, works=True) as connection:
        task = await connection.client.task(task_id)
        ending = await watching.watch(call, connection.client, task, interrupt=interrupt, waits=True)
    if ending.reason == "interrupted":
        call.known["task"] = ending.task
        raise Trouble("WATCH_LEFT", Exit.INTERRUPTED, task=task_id)
    elapsed = duration(ending.picture.elapsed_s(datetime.now(UTC)))
    return Outcome(
        blocks=results.summary_blocks(call, ending.task, elapsed=elapsed),
        data={"task": ending.task},
        errors=results.task_errors(call, ending.task),
        exit_code=results.exit_code_of(ending.task),
    )


async def run(call: Call, task_id: TaskId, out: Out = None, data_dir: DataDir = None) -> Outcome:
    """Work on an accepted task here and now, and export what comes out."""
    from langgraph_multi_agent.cli.watching import interruptible

    async with interruptible() as interrupt, connected(call, data_dir, works=True) as connection:
        task = await connection.client.task(task_id)
        call.known["task"] = task
        return await finish(call, connection, task, interrupt=interrupt, out=out)


async def answer(
    call: Call, task_id: TaskId, answer: Answer = None, question: Question = None, data_dir: DataDir = None
) -> Outcome:
    """Answer a question of a task; without an answer, ask in the terminal."""
    from langgraph_multi_agent.cli.watching import ask, parse_answer

    async with connected(call, data_dir) as connection:
        client = connection.client
        open_now = await client.questions(task_id)
        chosen = [q for q in open_now if question in (None, q["id"])]
        if not chosen:
            await client.task(task_id)
            raise Trouble("NO_QUESTION", Exit.FAILED, task=task_id)
        if len(chosen) > 1 and answer is not None:
            ids = ", ".join(q["id"] for q in chosen)
            raise Trouble("WHICH_QUESTION", Exit.USAGE, task=task_id, questions=ids)
        changes = []
        for item in chosen:
            if answer is not None:
                options, is_approval = list(item.get("options") or ()), item["kind"] == "approval"
                value = parse_answer(answer, options=options, is_approval=is_approval)
                # What fits no option still goes to the server: it says what would.
                value = value or {"text": answer}
            elif call.is_interactive:
                value = await ask(call, item)
            else:
                value = None
            if value is None:
                raise Trouble("WAITS_FOR_ANSWER", Exit.REFUSED, task=task_id)
            is_applied = not call.dry_run
            changes.append(
                {"action": "answer", "target": item["id"], "after": value, "undo": None, "applied": is_applied}
            )
            if not call.dry_run:
                await client.answer(task_id, str(item["id"]), value)
        task = await client.task(task_id)
    line = call.say("cli.dry_run.answer" if call.dry_run else "cli.done.answer", task=task_id, count=len(changes))
    return Outcome(blocks=[Lines([line])], data={"task": task}, changes=changes)


async def cancel(call: Call, task_id: TaskId, data_dir: DataDir = None) -> Outcome:
    """Stop a task; returns when its work has stopped."""
    return await _act(call, task_id, "cancel", data_dir)


async def pause(call: Call, task_id: TaskId, data_dir: DataDir = None) -> Outcome:
    """Start nothing new of a task; what runs may end."""
    return await _act(call, task_id, "pause", data_dir)


async def resume(call: Call, task_id: TaskId, data_dir: DataDir = None) -> Outcome:
    """Go on with a paused task."""
    return await _act(call, task_id, "resume", data_dir)


async def retry(call: Call, task_id: TaskId, data_dir: DataDir = None) -> Outcome:
    """Work on a failed or cancelled task again; finished subtasks are kept."""
    return await _act(call, task_id, "retry", data_dir)


async def delete(
    call: Call, task_id: TaskId, confirm: Confirm = None, data_dir: DataDir = None
) -> Outcome:
    """Remove a task with its history; a copy of everything is written first."""
    from langgraph_multi_agent.cli import results

    async with connected(call, data_dir) as connection:
        task = await connection.client.task(task_id)
        folder = results.below(connection.data_dir / results.DELETED, task_id)
        change: dict[str, Any] = {"action": "delete", "target": task_id, "before": task, "undo": None}
        call.note("cli.delete.target", title=cut(str(task["title"]), 60), task=task_id, directory=connection.place)
        if call.dry_run:
            line = call.say("cli.dry_run.delete", task=task_id, folder=str(folder))
            return Outcome(blocks=[Lines([line])], data={"task": task}, changes=[{**change, "applied": False}])
        await confirm_name(call, call.say("cli.confirm.delete"), name=task_id, given=confirm)
        copy = await _keep_copy(connection, task, folder)
        await connection.client.delete(task_id)
    return Outcome(
        blocks=[Lines([call.say("cli.done.delete", task=task_id), f"backup: {copy}"])],
        data={"task": task, "backup": str(copy)},
        changes=[{**change, "applied": True, "backup": str(copy)}],
    )


async def artifacts(
    call: Call, task_id: TaskId, out: SaveTo = None, data_dir: DataDir = None
) -> Outcome:
    """A task's files; with --out, copies of them."""
    from langgraph_multi_agent.cli import results

    async with connected(call, data_dir) as connection:
        if out is None:
            files = await connection.client.artifacts(task_id)
        else:
            files = await results.export(connection.client, task_id, out, inputs=True)
    blocks: list[Block] = [_file_rows(call, files)] if files else [Lines([call.say("cli.artifacts.none")])]
    return Outcome(blocks=blocks, data={"artifacts": files})


async def _act(call: Call, task_id: TaskId, verb: str, data_dir: Path | None) -> Outcome:
    """One control: show before, do, show after and the undo."""
    async with connected(call, data_dir) as connection:
        before = await connection.client.task(task_id)
        undo = f"lgma tasks {UNDO[verb]} {task_id}"
        change = {"action": verb, "target": task_id, "before": before["status"], "undo": undo}
        status = call.say(f"cli.status.{before['status']}")
        if call.dry_run:
            line = call.say(f"cli.dry_run.{verb}", task=task_id, status=status)
            return Outcome(blocks=[Lines([line])], data={"task": before}, changes=[{**change, "applied": False}])
        after = await connection.client.act(task_id, verb)
        is_settled = after["status"] == DONE.get(verb, after["status"])
        if connection.is_embedded and verb in ("resume", "retry"):
            call.note("cli.tasks.needs_server", task=task_id)
    key = f"cli.done.{verb}" if is_settled else "cli.done.not_yet"
    lines = [call.say(key, task=task_id, status=call.say(f"cli.status.{after['status']}"))]
    lines.append(call.say("cli.undo", command=undo))
    return Outcome(
        blocks=[Lines(lines)],
        data={"task": after},
        changes=[{**change, "after": after["status"], "applied": True}],
        exit_code=Exit.OK if is_settled else Exit.PARTIAL,
    )


async def _keep_copy(connection: Connection, task: dict[str, Any], folder: Path) -> Path:
    """Write the task, its plan, events and files before they are gone."""
    from langgraph_multi_agent.cli import results

    client, task_id = connection.client, str(task["id"])
    record = {
        "task": task,
        "plan": await client.plan(task_id),
        "events": [_event_json(event) for event in await client.events(task_id)],
    }
    results.made(folder)
    results.written(folder / "task.json", json.dumps(record, ensure_ascii=False, indent=2))
    await results.export(client, task_id, folder / "files", inputs=True)
    return folder


def _event_json(event: StreamEvent) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "type": event.type,
        "at": event.at,
        "agent": event.agent,
        "subtask_id": event.subtask_id,
        "data": event.data,
    }


def _facts(call: Call, task: dict[str, Any]) -> list[tuple[str, str]]:
    cost = task.get("cost") or {}
    tokens = int(cost.get("input_tokens") or 0) + int(cost.get("output_tokens") or 0)
    error = task.get("error") or {}
    result = task.get("result") or {}
    facts = {
        "task": task["id"],
        "status": f"{call.say('cli.status.' + task['status'])}  {task['progress']}%",
        "detail": task.get("status_detail") or "",
        "priority": call.say(f"cli.priority.{task['priority']}"),
        "team": task.get("team") or "",
        "assignee": task.get("assignee") or "",
        "deadline": local_time(task.get("deadline")),
        "start": local_time(task.get("start_at")),
        "created": local_time(task.get("created_at")),
        "created_by": task.get("created_by") or "",
        "started": local_time(task.get("started_at")),
        "completed": local_time(task.get("completed_at")),
        "request": cut(str(task.get("description") or ""), 400),
        "cost": f"{tokens:,} tokens · {cost.get('cost', 0)}" if tokens else "",
        "result": cut(str(result.get("summary") or ""), 600),
        "error": " ".join(str(error.get(p) or "") for p in ("code", "title", "detail")).strip(),
    }
    return [(call.say(f"cli.column.{name}"), str(value)) for name, value in facts.items()]


def _plan_lines(plan: dict[str, Any]) -> list[str]:
    picture = Picture(task_id="", title="")
    picture.set_plan(int(plan["revision"]), plan["subtasks"])
    lines = []
    for item in plan["subtasks"]:
        node = picture.nodes[str(item["id"])]
        took = ""
        if item.get("started_at") and item.get("completed_at"):
            took = duration((moment(item["completed_at"]) - moment(item["started_at"])).total_seconds())
        indent = "  " * min(node.level, 6)
        lines.append(f"{indent}{symbol(item['status'])} {item['title']}  [{item['agent']}]  {took}".rstrip())
    return lines


def _file_rows(call: Call, files: list[dict[str, Any]]) -> Rows:
    has_path = any("path" in item for item in files)
    names = ("file", "kind", "size", *(("path",) if has_path else ()))
    return Rows(
        [call.say(f"cli.column.{name}") for name in names],
        [
            [
                item["name"],
                call.say(f"cli.kind.{item['kind']}"),
                size(int(item["size_bytes"])),
                *([str(item.get("path", ""))] if has_path else []),
            ]
            for item in files
        ],
    )


def local_time(iso: Any) -> str:
    """An ISO 8601 time on this machine's clock; empty for none."""
    return moment(str(iso)).astimezone().strftime("%Y-%m-%d %H:%M:%S %z") if iso else ""
