"""The tree of commands, and what happens before and instead of one: help, version, wrong usage.

Callers: `main`, tests. Invariant: whatever the command line, `run` returns an exit code of the
contract, and `--json` yields one envelope, also for wrong usage.
"""

import inspect
import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any

import typer
from typer.main import get_command

from langgraph_multi_agent import __version__
from langgraph_multi_agent.cli import (
    access,
    agents,
    audit,
    demo,
    look,
    privacy,
    quota,
    retention,
    schedules,
    tasks,
    work,
    worker,
)
from langgraph_multi_agent.cli import help as help_page
from langgraph_multi_agent.cli.call import (
    Call,
    Outcome,
    Output,
    add_command,
    deliver,
    global_parameters,
    write_error,
)
from langgraph_multi_agent.cli.exits import Exit
from langgraph_multi_agent.cli.language import choose, language
from langgraph_multi_agent.i18n import text


def build() -> Any:
    """The command tree: Work and Look so far."""
    app = _group("")
    add_command(app, "demo", demo.demo, panel="work", attaches=False)
    add_command(app, "run", work.run, panel="work")
    add_command(app, "serve", work.serve, panel="work", attaches=False)
    add_command(app, "worker", worker.worker, panel="work", attaches=False)

    task_group = _group("tasks")
    add_command(task_group, "list", tasks.list_)
    add_command(task_group, "show", tasks.show)
    add_command(task_group, "watch", tasks.watch)
    add_command(task_group, "run", tasks.run)
    add_command(task_group, "answer", tasks.answer, changes=True)
    add_command(task_group, "cancel", tasks.cancel, changes=True)
    add_command(task_group, "pause", tasks.pause, changes=True)
    add_command(task_group, "resume", tasks.resume, changes=True)
    add_command(task_group, "retry", tasks.retry, changes=True)
    add_command(task_group, "delete", tasks.delete, changes=True)
    add_command(task_group, "artifacts", tasks.artifacts)
    schedule_group = _group("tasks schedule")
    add_command(schedule_group, "list", schedules.list_)
    add_command(schedule_group, "show", schedules.show)
    add_command(schedule_group, "add", schedules.add, changes=True)
    add_command(schedule_group, "pause", schedules.pause, changes=True)
    add_command(schedule_group, "resume", schedules.resume, changes=True)
    add_command(schedule_group, "remove", schedules.remove, changes=True)
    add_command(schedule_group, "run", schedules.run, changes=True)
    schedule_group.callback(cls=help_page.Group, help="cli.tasks.schedule.help")(_before_command())
    task_group.add_typer(schedule_group, name="schedule")
    app.add_typer(task_group, rich_help_panel="work")

    task_group.callback(cls=help_page.Group, help="cli.tasks.help")(_before_command())

    agent_group = _group("agents")
    add_command(agent_group, "list", agents.list_)
    add_command(agent_group, "status", agents.status)
    add_command(agent_group, "reset", agents.reset, changes=True)
    agent_group.callback(cls=help_page.Group, help="cli.agents.help")(_before_command())
    app.add_typer(agent_group, rich_help_panel="work")

    app.add_typer(_user_group(), rich_help_panel="access")
    app.add_typer(_key_group(), rich_help_panel="access")
    app.add_typer(_quota_group(), rich_help_panel="access")
    app.add_typer(_audit_group(), rich_help_panel="access")
    app.add_typer(_privacy_group(), rich_help_panel="access")
    add_command(app, "doctor", look.doctor, panel="look", attaches=False)

    database_group = _group("db")
    retention_group = _group("db retention")
    add_command(retention_group, "plan", retention.plan)
    add_command(retention_group, "run", retention.run, changes=True)
    retention_group.callback(cls=help_page.Group, help="cli.db.retention.help")(_before_command())
    database_group.add_typer(retention_group, name="retention")
    database_group.callback(cls=help_page.Group, help="cli.db.help")(_before_command())
    app.add_typer(database_group, rich_help_panel="data")
    app.callback(cls=help_page.Group, invoke_without_command=True, help="cli.program.help")(_root())
    return get_command(app)


def run(argv: Sequence[str]) -> int:
    """Run one command line; returns the exit code."""
    choose(argv)
    _speak_utf8()
    try:
        result = build().main(list(argv), prog_name="lgma", standalone_mode=False)
        return int(result or 0)
    except typer.Exit as done:
        return done.exit_code
    except typer.Abort:
        write_error(text("cli.error.INTERRUPTED.title", language()))
        return Exit.INTERRUPTED
    except typer.TyperException as error:
        return _wrong_usage(argv, error)
    except BrokenPipeError:
        # The reader has gone; Python's own flush at exit must not complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED


def _user_group() -> typer.Typer:
    group = _group("users")
    add_command(group, "list", access.list_users, attaches=False)
    add_command(group, "add", access.add_user, changes=True, attaches=False)
    add_command(group, "role", access.set_role, changes=True, attaches=False)
    add_command(group, "password", access.set_password, changes=True, attaches=False)
    add_command(group, "disable", access.disable_user, changes=True, attaches=False)
    add_command(group, "enable", access.enable_user, changes=True, attaches=False)
    group.callback(cls=help_page.Group, help="cli.users.help")(_before_command())
    return group


def _key_group() -> typer.Typer:
    group = _group("keys")
    add_command(group, "list", access.list_keys, attaches=False)
    add_command(group, "create", access.create_key, changes=True, attaches=False)
    add_command(group, "revoke", access.revoke_key, changes=True, attaches=False)
    group.callback(cls=help_page.Group, help="cli.keys.help")(_before_command())
    return group


def _quota_group() -> typer.Typer:
    group = _group("quota")
    add_command(group, "show", quota.show, attaches=False)
    add_command(group, "set", quota.set_, changes=True, attaches=False)
    group.callback(cls=help_page.Group, help="cli.quota.help")(_before_command())
    return group


def _audit_group() -> typer.Typer:
    group = _group("audit")
    add_command(group, "log", audit.log, attaches=False)
    add_command(group, "verify", audit.verify, attaches=False)
    group.callback(cls=help_page.Group, help="cli.audit.help")(_before_command())
    return group


def _privacy_group() -> typer.Typer:
    group = _group("privacy")
    add_command(group, "export", privacy.export, attaches=False)
    add_command(group, "erase", privacy.erase, changes=True, attaches=False)
    group.callback(cls=help_page.Group, help="cli.privacy.help")(_before_command())
    return group


def _group(name: str) -> typer.Typer:
    return typer.Typer(
        name=name or None,
        cls=help_page.Group,
        help=f"cli.{name.replace(' ', '.')}.help" if name else "cli.program.help",
        add_completion=False,
        rich_markup_mode=None,
        no_args_is_help=bool(name),
        pretty_exceptions_enable=False,
        invoke_without_command=False,
    )


def _before_command() -> Any:
    """Global options may also stand between a group's name and the command's."""

    def group(**_options: Any) -> None:
        return None

    group.__signature__ = inspect.Signature(global_parameters())  # type: ignore[attr-defined]
    group.__annotations__ = {}
    return group


def _root() -> Any:
    version = inspect.Parameter(
        "version",
        inspect.Parameter.KEYWORD_ONLY,
        default=False,
        annotation=Annotated[bool, typer.Option("--version", help="cli.option.version", is_eager=True)],
    )
    context = inspect.Parameter(
        "ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
    )

    def root(**options: Any) -> None:
        ctx = options["ctx"]
        if options["version"]:
            sys.stdout.write(f"lgma {__version__}\n")
            raise typer.Exit(Exit.OK)
        if ctx.invoked_subcommand is None:
            sys.stdout.write(ctx.get_help() + "\n")
            raise typer.Exit(Exit.OK)

    root.__signature__ = inspect.Signature([context, version, *global_parameters()])  # type: ignore[attr-defined]
    root.__annotations__ = {}
    return root


def _wrong_usage(argv: Sequence[str], error: Any) -> int:
    """Exit 2 with what is wrong and where the help is; under `--json` as the envelope."""
    ctx: Any = getattr(error, "ctx", None)
    path = ctx.command_path if ctx is not None else "lgma"
    hint = text("cli.usage.hint", language(), command=path)
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(ctx.get_help() + "\n")
        return Exit.USAGE
    message = help_page.usage_message(error)
    words = [word for word in argv if word != "--"]
    is_json = "--json" in words or any(
        word in ("-o", "--output") and after == "json" for word, after in pairwise(words)
    )
    if is_json:
        failure = {"code": "USAGE", "title": message, "detail": "", "hint": hint}
        call = Call(command=path.partition(" ")[2], output=Output.JSON, verbosity=-1)
        outcome = Outcome(errors=[failure], exit_code=Exit.USAGE)
        deliver(call, outcome, duration_ms=0)
        return Exit.USAGE
    write_error(text("cli.error", language(), title=message, code="USAGE"))
    if ctx is not None:
        usage = help_page.usage(ctx.command, ctx)
        write_error(f"  {text('cli.help.usage', language())} {usage}")
    write_error(f"  → {hint}")
    return Exit.USAGE


def _speak_utf8() -> None:
    """Chinese text must not fail on a stream whose locale cannot spell it."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace")
