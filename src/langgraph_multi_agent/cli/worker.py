"""`lgma worker`: worker processes beside any number of servers. Called by `program`.

The command is the supervisor; with the hidden `--process` it is one of the children, and with
`--lone` the process for tasks that crash theirs. Invariant: a child loads the same settings as
its supervisor, so options of the command line are handed on.
"""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from langgraph_multi_agent.cli.call import Call, Outcome, fault_outcome
from langgraph_multi_agent.cli.connection import DataDir, load_settings
from langgraph_multi_agent.cli.exits import Exit

Processes = Annotated[
    int | None, typer.Option("--processes", metavar="N", min=1, help="cli.option.processes")
]
Number = Annotated[int | None, typer.Option("--process", metavar="N", hidden=True, help="cli.option.process")]
Lifeline = Annotated[int | None, typer.Option("--lifeline", metavar="FD", hidden=True, help="cli.option.lifeline")]
Lone = Annotated[bool, typer.Option("--lone", hidden=True, help="cli.option.lone")]


def worker(
    call: Call,
    *,
    processes: Processes = None,
    data_dir: DataDir = None,
    process: Number = None,
    lifeline: Lifeline = None,
    lone: Lone = False,
) -> Outcome:
    """Work on tasks until Ctrl-C or SIGTERM."""
    given: dict[str, object] = {} if processes is None else {"async_workers": processes}
    if call.verbosity > 0:
        given["log_level"] = "DEBUG"
    if process is not None or lone:
        return _work(call, data_dir, given, lifeline=lifeline, is_lone=lone)
    return _supervise(call, data_dir, given)


def _work(
    call: Call, data_dir: Path | None, given: dict[str, object], *, lifeline: int | None, is_lone: bool
) -> Outcome:
    """One worker process. What it refuses, its supervisor need not try again."""
    from langgraph_multi_agent import bootstrap
    from langgraph_multi_agent.domain.errors import SettingsUnsafe
    from langgraph_multi_agent.worker.lifeline import DRAIN_MARGIN_S, end_with_parent

    try:
        settings = load_settings(data_dir, **given)
        settings.require_shared_database()
        if lifeline is not None:
            end_with_parent(lifeline, grace_s=settings.shutdown_grace + DRAIN_MARGIN_S)
        bootstrap.run_worker(settings, is_lone=is_lone)
    except SettingsUnsafe as unsafe:
        return replace(fault_outcome(call, unsafe), exit_code=Exit.REFUSED)
    return Outcome()


def _supervise(call: Call, data_dir: Path | None, given: dict[str, object]) -> Outcome:
    import asyncio

    from langgraph_multi_agent.telemetry.logs import configure_logs
    from langgraph_multi_agent.worker.lifeline import DRAIN_MARGIN_S
    from langgraph_multi_agent.worker.supervisor import Ending, Supervisor

    settings = load_settings(data_dir, **given)
    settings.require_shared_database()
    configure_logs(level=settings.log_level, style=settings.log_format, secrets=settings.secrets)

    async def supervised() -> Ending:
        supervisor = Supervisor(
            children_of(call, data_dir, settings.async_workers),
            processes=settings.async_workers,
            grace_s=settings.shutdown_grace + DRAIN_MARGIN_S,
            refusal=Exit.REFUSED,
        )
        return await supervisor.run()

    call.note("cli.worker.started", count=settings.async_workers)
    endings = {
        Ending.DRAINED: Exit.OK,
        Ending.KILLED: Exit.TIMED_OUT,
        Ending.ABORTED: Exit.INTERRUPTED,
        Ending.REFUSED: Exit.FAILED,
    }
    return Outcome(exit_code=endings[asyncio.run(supervised())])


def children_of(call: Call, data_dir: Path | None, processes: int) -> Callable[[int, int], Sequence[str]]:
    """Command lines of the children: this program, with what this command line said."""
    # `python -m` looks for modules in the working directory, the installed program does not.
    isolated = [] if sys.path[:1] in ([""], [str(Path.cwd())]) else ["-P"]
    handed_on = ["--processes", str(processes), "--lang", call.language]
    if data_dir is not None:
        handed_on += ["--data-dir", os.path.abspath(data_dir)]  # noqa: PTH100 - keeps links as they are
    if call.verbosity:
        handed_on.append("-q" if call.verbosity < 0 else f"-{'v' * call.verbosity}")
    program = [sys.executable, *isolated, "-m", "langgraph_multi_agent", "worker"]

    def argv(number: int, lifeline: int) -> Sequence[str]:
        return [*program, "--process", str(number), "--lifeline", str(lifeline), *handed_on]

    return argv
