"""`lgma run` and `lgma serve`: a task from the shell, and the server.

Called by `program`. Hides whether a server runs already: `run` attaches to the data directory's
server, or starts the same server in this process and ends with it.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from langgraph_multi_agent.cli.call import Call, Outcome, write_error
from langgraph_multi_agent.cli.connection import Connection, DataDir, connected, load_settings
from langgraph_multi_agent.cli.exits import Exit, Trouble
from langgraph_multi_agent.cli.language import language
from langgraph_multi_agent.cli.layout import duration
from langgraph_multi_agent.cli.paper import Lines
from langgraph_multi_agent.i18n import text

TITLE_CHARS = 80

Request = Annotated[str, typer.Argument(metavar="REQUEST", help="cli.argument.request")]
Inputs = Annotated[
    list[Path] | None, typer.Option("--input", "-i", metavar="FILE", help="cli.option.input")
]
Title = Annotated[str | None, typer.Option("--title", metavar="TEXT", help="cli.option.title")]
Priority = Annotated[str, typer.Option("--priority", metavar="LEVEL", help="cli.option.priority")]
Team = Annotated[str | None, typer.Option("--team", metavar="NAME", help="cli.option.team")]
Deadline = Annotated[str | None, typer.Option("--deadline", metavar="WHEN", help="cli.option.deadline")]
Tokens = Annotated[
    int | None, typer.Option("--budget-tokens", metavar="N", min=0, help="cli.option.budget_tokens")
]
Cost = Annotated[
    float | None, typer.Option("--budget-cost", metavar="AMOUNT", min=0.0, help="cli.option.budget_cost")
]
Detach = Annotated[bool, typer.Option("--detach", help="cli.option.detach")]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", file_okay=False, help="cli.option.out")
]
Host = Annotated[str | None, typer.Option("--host", metavar="ADDRESS", help="cli.option.host")]
NoWorker = Annotated[bool, typer.Option("--no-worker", help="cli.option.no_worker")]
Port = Annotated[int | None, typer.Option("--port", metavar="N", min=0, max=65535, help="cli.option.port")]

PRIORITIES = {"low": 1, "medium": 2, "high": 3, "urgent": 4, "低": 1, "中": 2, "高": 3, "紧急": 4}


async def run(
    call: Call,
    request: Request,
    *,
    inputs: Inputs = None,
    title: Title = None,
    priority: Priority = "medium",
    team: Team = None,
    deadline: Deadline = None,
    budget_tokens: Tokens = None,
    budget_cost: Cost = None,
    detach: Detach = False,
    out: Out = None,
    data_dir: DataDir = None,
) -> Outcome:
    """Submit a task, show the work, leave the report in a folder."""
    from langgraph_multi_agent.cli.watching import interruptible

    files = _checked(inputs or [])
    fields: dict[str, Any] = {
        "title": title or title_of(request),
        "description": request,
        "priority": priority_of(priority),
    }
    if team is not None:
        fields["team"] = team
    if deadline is not None:
        fields["deadline"] = moment_of(deadline)
    if budget_tokens is not None or budget_cost is not None:
        fields["budget"] = {"tokens": budget_tokens, "cost": budget_cost}
    async with interruptible() as interrupt, connected(call, data_dir, works=True) as connection:
        if not connection.is_embedded:
            call.note("cli.run.attached", url=connection.client.base_url)
        task = await connection.client.submit(fields, files)
        call.known["task"] = task
        if detach:
            return _detached(call, connection, task)
        return await finish(call, connection, task, interrupt=interrupt, out=out)


async def finish(
    call: Call, connection: Connection, task: dict[str, Any], *, interrupt: Any, out: Path | None
) -> Outcome:
    """Watch a task to its end, export its files, and say how it went."""
    from langgraph_multi_agent.cli import results
    from langgraph_multi_agent.cli.watching import watch

    client, task_id = connection.client, str(task["id"])
    ending = await watch(call, client, task, interrupt=interrupt, waits=False)
    call.known["task"] = ending.task
    if ending.reason == "interrupted":
        return await _interrupted(call, connection, task_id)
    if ending.reason == "waiting":
        call.known["questions"] = list(ending.picture.questions)
        raise Trouble("WAITS_FOR_ANSWER", Exit.REFUSED, task=task_id)
    folder = out or results.below(connection.data_dir / results.EXPORTS, task_id)
    saved = await results.export(client, task_id, folder)
    report = results.report_path(ending.task, saved)
    elapsed = duration(ending.picture.elapsed_s(datetime.now(UTC)))
    blocks = results.summary_blocks(call, ending.task, elapsed=elapsed)
    if report:
        blocks.append(Lines([f"report: {report}"]))
    return Outcome(
        blocks=blocks,
        data={"task": ending.task, "report": report, "artifacts": saved},
        errors=results.task_errors(call, ending.task),
        exit_code=results.exit_code_of(ending.task),
    )


def _detached(call: Call, connection: Connection, task: dict[str, Any]) -> Outcome:
    call.note("cli.run.stored" if connection.is_embedded else "cli.run.detached", task=task["id"])
    return Outcome(
        blocks=[Lines([f"task: {task['id']}"])], data={"task": task, "report": None, "artifacts": []}
    )


async def _interrupted(call: Call, connection: Connection, task_id: str) -> Outcome:
    """Ctrl-C: an own server takes the task down with it, a running one goes on."""
    if connection.is_embedded:
        call.note("cli.run.cancelling")
        task = await connection.client.act(task_id, "cancel")
        call.known["task"] = task
        raise Trouble("RUN_CANCELLED", Exit.INTERRUPTED, task=task_id)
    raise Trouble("RUN_DETACHED", Exit.INTERRUPTED, task=task_id)


def serve(
    call: Call,
    host: Host = None,
    port: Port = None,
    no_worker: NoWorker = False,
    data_dir: DataDir = None,
) -> Outcome:
    """Run the server until Ctrl-C or SIGTERM."""
    from langgraph_multi_agent import bootstrap

    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    if call.verbosity > 0:
        given["log_level"] = "DEBUG"
    settings = load_settings(data_dir, **given)

    def ready(address: str) -> None:
        if call.verbosity >= 0:
            write_error(call.say("cli.serve.ready", url=address, directory=str(settings.data_dir)))

    def nobody() -> None:
        if call.verbosity >= 0:
            write_error(call.say("cli.serve.nobody", command=bootstrap.first_admin_command(settings)))

    bootstrap.run_server(settings, on_ready=ready, on_nobody=nobody, works=not no_worker)
    return Outcome()


def priority_of(word: str) -> int:
    """1–4 from a number or a word.

    Raises:
        typer.BadParameter: neither.
    """
    known = {**PRIORITIES, **{str(number): number for number in (1, 2, 3, 4)}}
    try:
        return known[word.strip().lower()]
    except KeyError:
        raise typer.BadParameter(
            text("cli.usage.priority", language(), value=word), param_hint="--priority"
        ) from None


def moment_of(words: str, *, now: datetime | None = None) -> str:
    """A time in ISO 8601 from `2h`, `30m`, `3d`, or ISO 8601; without a zone it is local time.

    A bare date stays one: the server takes it as the end of that day.

    Raises:
        typer.BadParameter: neither.
    """
    units = {"m": 60, "h": 3600, "d": 86400}
    number, unit = words[:-1], words[-1:]
    if unit in units and number.isascii() and number.isdigit() and len(number) < 7:
        return ((now or datetime.now(UTC)) + timedelta(seconds=int(number) * units[unit])).isoformat()
    try:
        moment = datetime.fromisoformat(words)
    except ValueError:
        raise typer.BadParameter(
            text("cli.usage.deadline", language(), value=words), param_hint="--deadline"
        ) from None
    return words if len(words) == len("2026-12-31") else moment.astimezone(UTC).isoformat()


def _checked(paths: list[Path]) -> list[Path]:
    """Inputs that can be read, before anything is started."""
    for path in paths:
        if path.is_dir():
            raise Trouble("INPUT_IS_DIRECTORY", Exit.USAGE, path=str(path))
        try:
            with path.open("rb"):
                pass
        except FileNotFoundError:
            raise Trouble("INPUT_MISSING", Exit.USAGE, path=str(path)) from None
        except OSError as error:
            raise Trouble(
                "INPUT_UNREADABLE_HERE", Exit.USAGE, path=str(path), reason=error.strerror or str(error)
            ) from None
    return paths


def title_of(request: str) -> str:
    """The first line of a request, cut to a title."""
    line = next((line.strip() for line in request.splitlines() if line.strip()), request)
    return line if len(line) <= TITLE_CHARS else line[: TITLE_CHARS - 1] + "…"
