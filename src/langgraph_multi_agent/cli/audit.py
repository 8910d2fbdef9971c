"""`lgma audit`: who did what, and whether anybody changed that. Called by `program`.

Reads the database that the settings name, as `lgma users` does: what is to be verified is not asked of
a server, and whoever is locked out can still look. Invariant: nothing is written.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from langgraph_multi_agent.access import TENANT, Scope
from langgraph_multi_agent.cli.call import Call, Outcome
from langgraph_multi_agent.cli.connection import DataDir, load_settings, quiet_logs
from langgraph_multi_agent.cli.exits import Exit
from langgraph_multi_agent.cli.language import language
from langgraph_multi_agent.cli.paper import Lines, Rows
from langgraph_multi_agent.cli.tasks import local_time
from langgraph_multi_agent.i18n import text

if TYPE_CHECKING:
    from langgraph_multi_agent.service.audit import AuditService
    from langgraph_multi_agent.store.audit import Recorded

Actor = Annotated[str | None, typer.Option("--actor", metavar="NAME", help="cli.option.audit_actor")]
Action = Annotated[str | None, typer.Option("--action", metavar="ACTION", help="cli.option.audit_action")]
Since = Annotated[datetime | None, typer.Option("--since", metavar="TIME", help="cli.option.audit_since")]
Before = Annotated[int | None, typer.Option("--before", metavar="SEQ", min=1, help="cli.option.audit_before")]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, max=500, help="cli.option.limit")]
Tenant = Annotated[str | None, typer.Option("--tenant", metavar="NAME", help="cli.option.only_tenant")]
From = Annotated[str | None, typer.Option("--from", metavar="SEQ:HASH", help="cli.option.audit_from")]


async def log(
    call: Call,
    *,
    actor: Actor = None,
    action: Action = None,
    since: Since = None,
    before: Before = None,
    limit: Limit = 50,
    tenant: Tenant = None,
    data_dir: DataDir = None,
) -> Outcome:
    """Who did what, newest first."""
    if tenant is not None and not TENANT.fullmatch(tenant):
        raise typer.BadParameter(text("cli.usage.tenant", language(), value=tenant), param_hint="--tenant")
    scope = Scope(tenant=tenant, actor="lgma")
    try:  # a time without a zone is one of this machine
        moment = None if since is None else since.astimezone(UTC)
    except (OverflowError, ValueError, OSError):
        raise typer.BadParameter(text("cli.usage.audit_since", language()), param_hint="--since") from None
    async with _opened(call, data_dir) as audit:
        found = await audit.page(scope, actor=actor, action=action, since=moment, before=before, limit=limit)
    headers = [call.say(f"cli.audit.{name}") for name in ("seq", "at", "actor", "action", "target", "result", "from")]
    rows = [
        [
            str(row.seq),
            local_time(row.at.isoformat()),
            row.actor or "–",
            row.action,
            row.target or "–",
            row.result,
            row.address or row.means,
        ]
        for row in found
    ]
    none = Lines([call.say("cli.audit.none")])
    return Outcome(blocks=[Rows(headers, rows) if rows else none], data={"rows": [_data(row) for row in found]})


async def verify(call: Call, *, from_: From = None, data_dir: DataDir = None) -> Outcome:
    """Whether any row was changed, removed, added or moved; names the first one that was."""
    after, expected = _place(from_)
    async with _opened(call, data_dir) as audit:
        found = await audit.verify(after=after, expected=expected)
    data: dict[str, Any] = {"rows": found.rows, "seq": found.seq, "hash": found.hash, "pruned": found.pruned}
    if found.flaw is None:
        lines = [call.say("cli.audit.whole", rows=f"{found.rows:,}")]
        findings: list[dict[str, Any]] = []
        if found.pruned:
            lines.append(call.say("cli.audit.pruned", seq=found.pruned))
        if after and after < found.pruned:
            words = call.say("cli.audit.too_old", seq=after)
            lines.append(words)
            findings.append({"code": "AUDIT_START_GONE", "state": "warning", "title": words, "seq": after})
        if found.seq:
            lines += [f"tail: {found.seq}:{found.hash}", call.say("cli.audit.keep")]
        return Outcome(blocks=[Lines(lines)], data={**data, "flaw": None, "flaw_seq": None}, findings=findings)
    words = call.say(f"cli.audit.flaw.{found.flaw.value}", seq=found.flaw_seq)
    return Outcome(
        blocks=[Lines([words, call.say("cli.audit.broken")])],
        data={**data, "flaw": found.flaw.value, "flaw_seq": found.flaw_seq},
        findings=[{"code": "AUDIT_CHAIN", "state": "critical", "title": words, "seq": found.flaw_seq}],
        exit_code=Exit.CRITICAL,
    )


@asynccontextmanager
async def _opened(call: Call, data_dir: Any) -> AsyncIterator["AuditService"]:
    from langgraph_multi_agent import bootstrap

    settings = load_settings(data_dir)
    quiet_logs(call, settings)
    async with bootstrap.operator_services(settings) as operator:
        yield operator.audit


def _place(word: str | None) -> tuple[int, str | None]:
    """A number, or one with the hash that it had. Raises typer.BadParameter."""
    if word is None:
        return 0, None
    seq, _, seal = word.partition(":")
    if not (seq.isascii() and seq.isdecimal()) or len(seq) > 18 or (seal and len(seal) != 64):
        raise typer.BadParameter(text("cli.usage.audit_from", language(), value=word), param_hint="--from")
    return int(seq), seal or None


def _data(row: "Recorded") -> dict[str, Any]:
    return {
        "seq": row.seq,
        "at": row.at.isoformat(),
        "tenant": row.tenant,
        "actor": row.actor,
        "means": row.means,
        "action": row.action,
        "target": row.target,
        "result": row.result,
        "request_id": row.request_id,
        "address": row.address,
        "details": dict(row.details),
        "hash": row.hash,
    }
