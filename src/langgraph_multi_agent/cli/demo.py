"""`lgma demo`: two real tasks over HTTP on a server of its own, from submission to checked report.

Called by `program` and `make demo`. Hides nothing behind the curtain: the same server, API and agents
as always, on a private data directory. Invariant: it succeeds only if both tasks found something,
completed and passed their review.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langgraph_multi_agent.cli.call import Call, Outcome, error_of, write_error
from langgraph_multi_agent.cli.connection import Connection, DataDir, connected, load_settings
from langgraph_multi_agent.cli.exits import Exit, Trouble
from langgraph_multi_agent.cli.layout import duration
from langgraph_multi_agent.cli.paper import Block, Lines

if TYPE_CHECKING:
    import asyncio

FOLDER = "lgma-demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One task of the demo; `key` names its texts and its folder."""

    key: str
    files: tuple[Path, ...]


async def demo(call: Call, data_dir: DataDir = None) -> Outcome:
    """Run both tasks one after the other and print what came out."""
    from langgraph_multi_agent.cli.watching import interruptible
    from langgraph_multi_agent.demo import weather_path

    own = data_dir or load_settings(None).data_dir.parent / FOLDER
    errands = (Errand(key="data", files=(weather_path(),)), Errand(key="handbook", files=()))
    blocks: list[Block] = []
    done: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    call.note("cli.demo.start", directory=str(own))
    async with interruptible() as interrupt, connected(call, own, works=True) as connection:
        call.note("cli.demo.server", url=connection.client.base_url)
        for errand in errands:
            entry, shown, wrong = await _perform(call, connection, errand, interrupt)
            done.append(entry)
            blocks += shown
            errors += wrong
            call.known["tasks"] = done
    is_good = all(entry["passed"] for entry in done)
    return Outcome(
        blocks=blocks,
        data={"tasks": done},
        errors=errors,
        exit_code=Exit.OK if is_good else Exit.FAILED,
    )


async def _perform(
    call: Call, connection: Connection, errand: Errand, interrupt: "asyncio.Event"
) -> tuple[dict[str, Any], list[Block], list[dict[str, Any]]]:
    """Submit one task, follow it, export its report."""
    from langgraph_multi_agent.cli import results
    from langgraph_multi_agent.cli.watching import watch

    client = connection.client
    description = call.say(f"cli.demo.{errand.key}.request")
    fields = {
        "title": call.say(f"cli.demo.{errand.key}.title"),
        "description": description,
        "language": call.language,
    }
    if call.verbosity >= 0:
        write_error("")
        write_error(f"» {description}")
    task = await client.submit(fields, errand.files)
    task_id = str(task["id"])
    ending = await watch(call, client, task, interrupt=interrupt, waits=False)
    if ending.reason == "interrupted":
        await client.act(task_id, "cancel")
        raise Trouble("RUN_CANCELLED", Exit.INTERRUPTED, task=task_id)
    if ending.reason == "waiting":
        raise Trouble("WAITS_FOR_ANSWER", Exit.FAILED, task=task_id)
    saved = await results.export(client, task_id, connection.data_dir / results.EXPORTS / errand.key)
    report = results.report_path(ending.task, saved)
    result = ending.task.get("result") or {}
    has_content = bool(int(result.get("findings") or 0) + int(result.get("passages") or 0))
    is_reviewed = ending.task["status"] == "completed" and result.get("review") == "passed"
    passed = is_reviewed and has_content and report is not None
    elapsed = duration(ending.picture.elapsed_s(datetime.now(UTC)))
    blocks = results.summary_blocks(call, ending.task, elapsed=elapsed)
    blocks.append(Lines([f"result: {report}" if report else call.say("cli.demo.no_report")]))
    errors = results.task_errors(call, ending.task)
    if not passed and not errors:
        failure = Trouble("DEMO_NOT_PASSED", task=task_id, review=str(result.get("review") or "–"))
        errors = [error_of(call, failure)]
    entry = {"task": ending.task, "report": report, "artifacts": saved, "passed": passed}
    return entry, blocks, errors
