"""`lgma privacy`: all that is stored of one person or tenant, handed out as an archive, or erased.

Works on the database and the storage that the settings name, without a server or beside a running one,
as `lgma users` does. Called by `program`. Invariants: an archive has its name only when it is whole;
nothing is erased that was not shown and confirmed.
"""

import os
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from langgraph_multi_agent.cli.access import tenant_scope
from langgraph_multi_agent.cli.call import Call, Outcome, write_error
from langgraph_multi_agent.cli.confirmation import confirm_name
from langgraph_multi_agent.cli.connection import DataDir, load_settings, quiet_logs
from langgraph_multi_agent.cli.exits import Exit, Trouble
from langgraph_multi_agent.cli.language import language
from langgraph_multi_agent.cli.paper import Block, Lines, Rows
from langgraph_multi_agent.i18n import text

if TYPE_CHECKING:
    from langgraph_multi_agent.service.audit import CommandLine
    from langgraph_multi_agent.service.privacy import PrivacyService
    from langgraph_multi_agent.store.belongings import Subject
    from langgraph_multi_agent.store.privacy import Inventory

User = Annotated[str | None, typer.Option("--user", metavar="NAME", help="cli.option.privacy_user")]
Tenant = Annotated[str | None, typer.Option("--tenant", metavar="NAME", help="cli.option.privacy_tenant")]
To = Annotated[Path, typer.Option("--to", metavar="FILE", help="cli.option.privacy_to")]
Cancel = Annotated[bool, typer.Option("--cancel", help="cli.option.privacy_cancel")]
Confirm = Annotated[str | None, typer.Option("--confirm", metavar="NAME", help="cli.option.privacy_confirm")]


async def export(call: Call, *, to: To, user: User = None, tenant: Tenant = None, data_dir: DataDir = None) -> Outcome:
    """One archive with all that is theirs; never a password, a key or a hash of one."""
    _check(user, tenant)
    target = to.absolute()
    if target.exists():
        raise Trouble("FILE_EXISTS", Exit.USAGE, path=str(target))
    async with _opened(call, data_dir) as service:
        subject = await service.subject(tenant=tenant, actor=user)
        file, partial = _partial(target)
        try:
            with file:
                exported = await service.export(subject, file, _operator())
                file.flush()
                os.fsync(file.fileno())
            _publish(partial, target)
        finally:
            partial.unlink(missing_ok=True)
    if not exported.is_recorded:
        write_error(call.say("cli.access.unrecorded", action="privacy.export"))
    rows = [[name, f"{count:,}"] for name, count in exported.rows.items() if count]
    said = call.say("cli.done.privacy_export", files=exported.files, bytes=f"{exported.size_bytes:,}")
    lines = [said, f"archive: {target}"]
    if exported.missing:
        lines.append(call.say("cli.privacy.missing", count=len(exported.missing)))
    data = {
        "subject": _who(subject),
        "path": str(target),
        "rows": dict(exported.rows),
        "files": exported.files,
        "size_bytes": exported.size_bytes,
        "missing_files": list(exported.missing),
    }
    headers = [call.say(f"cli.column.{name}") for name in ("table", "privacy_rows")]
    return Outcome(blocks=[Rows(headers, rows), Lines(lines)], data=data)


async def erase(
    call: Call,
    *,
    user: User = None,
    tenant: Tenant = None,
    cancel: Cancel = False,
    confirm: Confirm = None,
    data_dir: DataDir = None,
) -> Outcome:
    """Delete all that is theirs; shows what and how much, and asks first."""
    from langgraph_multi_agent.service.privacy import TasksRunning

    _check(user, tenant)
    async with _opened(call, data_dir) as service:
        subject = await service.subject(tenant=tenant, actor=user)
        plan = await service.plan(subject)
    call.known.update(subject=_who(subject), plan=_plan_data(plan))
    name = subject.actor or subject.tenant
    before = {table: rows for table, rows in plan.rows.items() if rows and table != "audit_log"}
    changes = [{"action": "delete", "target": key, "before": rows, "undo": None} for key, rows in before.items()]
    shown: list[Block] = [_plan_rows(call, plan), Lines(_kept(call, subject, plan))]
    if call.dry_run:
        unapplied = [{**change, "applied": False} for change in changes]
        return Outcome(blocks=[*shown, Lines([call.say("cli.dry_run.privacy")])], data=call.known, changes=unapplied)
    if plan.running and not cancel:
        raise TasksRunning(count=plan.running)
    for line in (f"  {key}: {rows:,}" for key, rows in before.items()):
        _tell(call, line)
    for line in _kept(call, subject, plan):
        _tell(call, line)
    if not call.yes or confirm is not None:  # asked while nothing is held
        key = "cli.confirm.privacy_tenant" if subject.actor is None else "cli.confirm.privacy_user"
        question = call.say(key, name=name, tenant=subject.tenant, rows=f"{sum(before.values()):,}")
        await confirm_name(call, question, name=name, given=confirm)
    so_far: dict[str, int] = {}

    def told(table: str, rows: int) -> None:
        so_far[table] = so_far.get(table, 0) + rows
        call.known["erased"] = dict(so_far)

    async with _opened(call, data_dir) as service:
        erased = await service.erase(subject, _operator(), cancels=cancel, told=told)
    if not erased.is_recorded:
        write_error(call.say("cli.access.unrecorded", action="privacy.erase"))
    lines = [call.say("cli.done.privacy_erase", name=name, rows=f"{sum(erased.rows.values()):,}", files=erased.files)]
    if erased.unnamed:
        lines.append(call.say("cli.privacy.unnamed", count=erased.unnamed))
    if erased.files_left:
        lines.append(call.say("cli.privacy.files_left", count=erased.files_left))
    if erased.is_redis_away:
        lines.append(call.say("cli.privacy.redis_away"))
    data = {
        **call.known,
        "erased": erased.rows,
        "unnamed": erased.unnamed,
        "files": erased.files,
        "files_left": erased.files_left,
        "cached_answers": erased.answers,
        "is_complete": erased.is_complete,
    }
    headers = [call.say(f"cli.column.{key}") for key in ("table", "deleted")]
    rows = [[table, f"{count:,}"] for table, count in erased.rows.items()]
    return Outcome(
        blocks=[Rows(headers, rows), Lines(lines)],
        data=data,
        changes=[
            {"action": "delete", "target": table, "before": count, "after": 0, "undo": None, "applied": True}
            for table, count in erased.rows.items()
        ],
        exit_code=Exit.OK if erased.is_complete else Exit.PARTIAL,
    )


@asynccontextmanager
async def _opened(call: Call, data_dir: Any) -> AsyncIterator["PrivacyService"]:
    from langgraph_multi_agent import bootstrap
    from langgraph_multi_agent.cli import results

    settings = load_settings(data_dir)
    quiet_logs(call, settings)
    copies = [settings.data_dir / name for name in (results.DELETED, results.EXPORTS)]
    async with bootstrap.privacy_service(settings, copies=copies) as service:
        yield service


def _check(user: str | None, tenant: str | None) -> None:
    """Raises typer.BadParameter: nobody is named, or by no name."""
    if not user and tenant is None:
        raise typer.BadParameter(text("cli.usage.privacy_whose", language()), param_hint="--user")
    tenant_scope(tenant)


def _operator() -> "CommandLine":
    from langgraph_multi_agent.service.audit import CommandLine

    return CommandLine(name=tenant_scope(None).actor)


def _partial(target: Path) -> tuple[BinaryIO, Path]:
    """A file of this account alone beside the target, under another name. Raises Trouble."""
    partial = target.with_name(f".{target.name}.{secrets.token_hex(6)}.partial")
    try:
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _unwritable(target, error) from error
    return os.fdopen(descriptor, "w+b"), partial


def _publish(partial: Path, target: Path) -> None:
    """Give the whole archive its name; never in place of another file. Raises Trouble."""
    try:
        os.link(partial, target)
    except FileExistsError:
        raise Trouble("FILE_EXISTS", Exit.USAGE, path=str(target)) from None
    except OSError:  # a file system without links
        try:
            partial.rename(target)
        except OSError as error:
            raise _unwritable(target, error) from error


def _unwritable(target: Path, error: OSError) -> Trouble:
    return Trouble("ARCHIVE_UNWRITABLE", Exit.FAILED, path=str(target), reason=error.strerror or type(error).__name__)


def _tell(call: Call, line: str) -> None:
    if call.verbosity >= 0:
        write_error(line)


def _who(subject: "Subject") -> dict[str, str | None]:
    return {"tenant": subject.tenant, "user": subject.actor}


def _plan_data(plan: "Inventory") -> Mapping[str, Any]:
    return {
        "rows": dict(plan.rows),
        "running": plan.running,
        "files": plan.files,
        "size_bytes": plan.size_bytes,
        "named_in": plan.named,
    }


def _plan_rows(call: Call, plan: "Inventory") -> Rows:
    headers = [call.say(f"cli.column.{name}") for name in ("table", "privacy_rows", "privacy_fate")]
    kept, erased = call.say("cli.privacy.kept"), call.say("cli.privacy.erased")
    rows = [
        [name, f"{count:,}", kept if name == "audit_log" else erased] for name, count in plan.rows.items() if count
    ]
    return Rows(headers, rows)


def _kept(call: Call, subject: "Subject", plan: "Inventory") -> list[str]:
    """What stays, and why."""
    lines = [
        call.say("cli.privacy.plan_files", count=plan.files, bytes=f"{plan.size_bytes:,}"),
        call.say("cli.privacy.audit_stays", count=f"{plan.rows['audit_log']:,}"),
    ]
    if subject.actor is not None:
        lines.append(call.say("cli.privacy.only_recorded", name=subject.actor, tenant=subject.tenant))
        if plan.named:
            lines.append(call.say("cli.privacy.will_unname", count=plan.named))
        if plan.rows["api_keys"]:
            lines.append(call.say("cli.privacy.keys", count=plan.rows["api_keys"]))
    lines.append(call.say("cli.privacy.elsewhere"))
    return lines
