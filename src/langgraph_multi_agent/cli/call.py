"""One call of one command: its global options, how it runs, and the one place where it ends.

Hides from commands that they have the same eight options, that they may be asynchronous, have a
deadline, and must end with exactly one envelope on standard output under `--json`. Invariant: data
goes to standard output, all else to standard error, and a traceback to nobody who did not ask (`-v`).
"""

import inspect
import re
import sys
import time
import traceback
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

import typer

from langgraph_multi_agent.cli import help as help_page
from langgraph_multi_agent.cli import paper
from langgraph_multi_agent.cli.exits import STATUS_WORDS, Exit, Refusal, Trouble
from langgraph_multi_agent.cli.help import GLOBAL_PANEL
from langgraph_multi_agent.cli.language import language
from langgraph_multi_agent.cli.layout import printable
from langgraph_multi_agent.domain.errors import Fault
from langgraph_multi_agent.i18n import catalogue, text
from langgraph_multi_agent.i18n.errors import describe, field_message

SCHEMA = "lgma/v1"
HTTP_UNAVAILABLE = 503


class Output(StrEnum):
    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    MARKDOWN = "markdown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What every command may need to know of its caller.

    Attributes:
        verbosity: −1 quiet, 0 normal, 1 and more for tracebacks and logs.
        timeout_s: seconds after which the command gives up; None: as long as it takes.
        dry_run: say what would change, change nothing.
        url: the server to talk to; None: the one that is found.
        known: what the envelope's `data` tells even if the command fails later.
    """

    command: str
    output: Output = Output.TABLE
    yes: bool = False
    timeout_s: float | None = None
    verbosity: int = 0
    dry_run: bool = False
    url: str | None = None
    known: dict[str, Any] = field(default_factory=dict)

    @property
    def language(self) -> str:
        return language()

    @property
    def is_interactive(self) -> bool:
        """A person sits at both ends: they see what is asked and can type."""
        return sys.stdin.isatty() and sys.stderr.isatty() and not self.yes

    def say(self, key: str, **params: object) -> str:
        return text(key, self.language, **params)

    def note(self, key: str, **params: object) -> None:
        """One line for people, on standard error."""
        if self.verbosity >= 0:
            write_error(self.say(key, **params))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command ended.

    Attributes:
        blocks: what people read on standard output.
        data: what machines read in the envelope.
        findings: `{code, state, …}` of checks.
        changes: `{action, target, before, after, undo}` of what was changed.
    """

    blocks: Sequence[paper.Block] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    findings: Sequence[Mapping[str, Any]] = ()
    changes: Sequence[Mapping[str, Any]] = ()
    errors: Sequence[Mapping[str, Any]] = ()
    exit_code: Exit = Exit.OK


def _number(value: float | None) -> float | None:
    if value is not None and not value > 0:
        raise typer.BadParameter(text("cli.usage.not_positive", language()))
    return value


def _language(value: str | None) -> str | None:
    if value is not None and value not in ("zh", "en"):
        raise typer.BadParameter(text("cli.usage.language", language()))
    return value


def _address(value: str | None) -> str | None:
    if value is not None and not re.match(r"https?://[^/@\s]+(/|$)", value):
        raise typer.BadParameter(text("cli.usage.url", language()))
    return value


def _option(*names: str, key: str, metavar: str | None = None, **more: Any) -> Any:
    return typer.Option(
        *names, help=f"cli.option.{key}", metavar=metavar, rich_help_panel=GLOBAL_PANEL, **more
    )


_GLOBALS: Mapping[str, tuple[Any, Any]] = {
    "json_": (Annotated[bool, _option("--json", key="json")], False),
    "output": (Annotated[Output | None, _option("--output", "-o", key="output", metavar="FORM")], None),
    "lang": (
        Annotated[str | None, _option("--lang", key="lang", metavar="zh|en", callback=_language)],
        None,
    ),
    "yes": (Annotated[bool, _option("--yes", "-y", key="yes")], False),
    "timeout": (
        Annotated[float | None, _option("--timeout", key="timeout", metavar="SECONDS", callback=_number)],
        None,
    ),
    "quiet": (Annotated[bool, _option("--quiet", "-q", key="quiet")], False),
    "verbose": (Annotated[int, _option("--verbose", "-v", key="verbose", count=True)], 0),
}
_URL = (
    Annotated[str | None, typer.Option("--url", metavar="URL", help="cli.option.url", callback=_address)],
    None,
)
_DRY_RUN = (Annotated[bool, typer.Option("--dry-run", help="cli.option.dry_run")], False)


def global_parameters() -> list[inspect.Parameter]:
    """The options that each command, and the program itself, takes."""
    return [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in _GLOBALS.items()
    ]


def add_command(
    app: typer.Typer,
    name: str,
    body: Callable[..., Any],
    *,
    panel: str = "commands",
    changes: bool = False,
    attaches: bool = True,
) -> None:
    """Register a command.

    Args:
        body: `(call, …) -> Outcome`, plain or asynchronous. Its help is `cli.<path>.help`, which
            `app.info.name` and `name` make.
        changes: it changes something, so it takes `--dry-run`.
        attaches: it talks to a server, so it takes `--url`.
    """
    path = f"{app.info.name} {name}" if app.info.name else name
    own = [p for p in inspect.signature(body, eval_str=True).parameters.values() if p.name != "call"]
    extra = [
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for key, (annotation, default), is_taken in (("url", _URL, attaches), ("dry_run", _DRY_RUN, changes))
        if is_taken
    ]
    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]

    def entry(**options: Any) -> None:
        ctx = options.pop("ctx")
        call = _call(path, options, _given_before(ctx))
        try:
            raise typer.Exit(perform(call, lambda: body(call, **options)))
        except typer.BadParameter as error:
            error.ctx = ctx
            raise

    entry.__name__ = name
    entry.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [context, *keyword, *extra, *global_parameters()]
    )
    entry.__annotations__ = {}
    app.command(
        name,
        cls=help_page.Command,
        help=f"cli.{path.replace(' ', '.')}.help",
        rich_help_panel=panel,
    )(entry)


def _given_before(ctx: Any) -> dict[str, Any]:
    """The global options that stand before the command's name, the nearest first."""
    given: dict[str, Any] = {}
    while (ctx := ctx.parent) is not None:
        given = {**ctx.params, **{name: value for name, value in given.items() if value}}
    return given


def _call(path: str, options: dict[str, Any], before: Mapping[str, Any]) -> Call:
    """Take the global options out of a command's, joined with those before the command's name."""
    mine = {name: options.pop(name) for name in _GLOBALS}
    joined = {name: value or before.get(name) for name, value in mine.items()}
    is_json = bool(joined["json_"])
    return Call(
        command=path,
        output=Output.JSON if is_json else joined["output"] or Output.TABLE,
        yes=bool(joined["yes"]),
        timeout_s=joined["timeout"],
        verbosity=-1 if joined["quiet"] else int(joined["verbose"] or 0),
        dry_run=bool(options.pop("dry_run", False)),
        url=options.pop("url", None),
    )


def perform(call: Call, body: Callable[[], Any]) -> int:
    """Run a command to its end and write what it has to say; returns the exit code."""
    started = time.monotonic()
    try:
        outcome = body()
        if inspect.iscoroutine(outcome):
            import asyncio

            outcome = asyncio.run(_with_deadline(call, outcome))
    except (typer.TyperException, typer.Exit):
        raise
    except Trouble as trouble:
        outcome = _of_trouble(call, trouble)
    except Fault as fault:
        outcome = fault_outcome(call, fault)
    except KeyboardInterrupt:
        outcome = _of_trouble(call, Trouble("INTERRUPTED", Exit.INTERRUPTED))
    except BrokenPipeError:
        sys.stdout = sys.stderr
        return Exit.FAILED
    except ExceptionGroup as group:
        outcome = _of_group(call, group)
    except Exception as error:
        if call.verbosity > 0:
            traceback.print_exc()
        outcome = _of_trouble(call, _internal(error))
    deliver(call, outcome, duration_ms=round(1000 * (time.monotonic() - started)))
    return int(outcome.exit_code)


def _of_group(call: Call, group: ExceptionGroup[Exception]) -> Outcome:
    """What is understood in a group of failures comes first."""
    known = group.subgroup((Trouble, Fault))
    first: BaseException = known or group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    if call.verbosity > 0:
        traceback.print_exception(group)
    if isinstance(first, Trouble):
        return _of_trouble(call, first)
    if isinstance(first, Fault):
        return fault_outcome(call, first)
    return _of_trouble(call, _internal(first))


def _internal(error: BaseException) -> Trouble:
    return Trouble("INTERNAL", Exit.FAILED, kind=type(error).__name__, detail=str(error))


async def _with_deadline(call: Call, body: Coroutine[Any, Any, Outcome]) -> Outcome:
    import asyncio

    try:
        async with asyncio.timeout(call.timeout_s) as deadline:
            return await body
    except TimeoutError:
        if not deadline.expired():
            raise
        raise Trouble("TIMED_OUT", Exit.TIMED_OUT, seconds=call.timeout_s or 0) from None


def deliver(call: Call, outcome: Outcome, *, duration_ms: int) -> None:
    """Write an outcome: the envelope, or blocks; errors for people go to standard error."""
    match call.output:
        case Output.JSON:
            sys.stdout.write(paper.as_json(envelope(call, outcome, duration_ms=duration_ms)))
        case Output.YAML:
            sys.stdout.write(paper.as_yaml(envelope(call, outcome, duration_ms=duration_ms)))
        case Output.MARKDOWN:
            sys.stdout.write(paper.as_markdown(outcome.blocks))
        case Output.TABLE:
            is_terminal = sys.stdout.isatty()
            sys.stdout.write(
                paper.as_text(
                    outcome.blocks,
                    columns=help_page.columns() if is_terminal else 0,
                    is_coloured=help_page.is_coloured(sys.stdout),
                )
            )
    sys.stdout.flush()
    for error in outcome.errors:
        _write_trouble(call, error)


def envelope(call: Call, outcome: Outcome, *, duration_ms: int) -> dict[str, Any]:
    """The one versioned answer for machines."""
    return {
        "schema": SCHEMA,
        "command": call.command,
        "status": STATUS_WORDS[outcome.exit_code],
        "findings": list(outcome.findings),
        "changes": list(outcome.changes),
        "errors": list(outcome.errors),
        "duration_ms": duration_ms,
        "data": dict(outcome.data),
    }


def error_of(call: Call, trouble: Trouble) -> dict[str, Any]:
    """An error for the envelope and for people: what happened, what it means, what to do."""
    if isinstance(trouble, Refusal):
        return {
            "code": trouble.code,
            "title": trouble.title,
            "detail": trouble.detail,
            "hint": trouble.hint or describe(trouble.code, {}, call.language).hint,
            "errors": list(trouble.errors),
        }
    base = f"cli.error.{trouble.code}"
    return {
        "code": trouble.code,
        **{part: call.say(f"{base}.{part}", **trouble.params) for part in ("title", "detail", "hint")},
    }


def fault_error(call: Call, code: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The same for a code that the system knows, such as a failed task's."""
    words = describe(code, params, call.language)
    return {"code": code, "title": words.title, "detail": words.detail, "hint": words.hint}


def _of_trouble(call: Call, trouble: Trouble) -> Outcome:
    data = {**call.known, **trouble.data}
    return Outcome(errors=[error_of(call, trouble)], data=data, exit_code=trouble.exit_code)


def fault_outcome(call: Call, fault: Fault) -> Outcome:
    """What the program itself refused, such as settings that contradict each other."""
    error = fault_error(call, fault.code, fault.params)
    error["errors"] = [{**item, "message": reason_of(call.language, item)} for item in fault.errors]
    if error["errors"] and f"settings.reason.{fault.errors[0].get('code')}" not in catalogue():
        error["detail"] = f"{error['errors'][0].get('field')}: {error['errors'][0]['message']}"
    exit_code = Exit.UNREACHABLE if fault.status == HTTP_UNAVAILABLE else Exit.FAILED
    return Outcome(errors=[error], data=call.known, exit_code=exit_code)


def reason_of(lang: str, item: Mapping[str, Any]) -> str:
    """Why a setting or a field was refused, in words."""
    if f"settings.reason.{item.get('code')}" not in catalogue():
        return field_message(item, lang)
    params = {"setting": item.get("field"), "detail": item.get("message"), **item, "reason": item.get("code")}
    return describe("SETTINGS_UNSAFE", params, lang).detail


def write_error(line: str) -> None:
    """A line on standard error; flushed, so that it keeps its place among other output."""
    sys.stderr.write(printable(line) + "\n")
    sys.stderr.flush()


def _write_trouble(call: Call, error: Mapping[str, Any]) -> None:
    head = call.say("cli.error", title=error.get("title") or error["code"], code=error["code"])
    write_error(head)
    if error.get("detail") and error["detail"] != error.get("title"):
        write_error(f"  {error['detail']}")
    items = error.get("errors") or ()
    for item in items if len(items) > 1 or not error.get("detail") else ():
        place = str(item.get("field") or "")
        words = str(item.get("message") or item.get("code") or "")
        write_error(f"  - {place}: {words}" if place and place not in words else f"  - {words}")
    if error.get("hint"):
        write_error(f"  → {error['hint']}")
