"""`lgma quota`: what a tenant may use, and what it has used today. Called by `program`.

Works on the database that the settings name, as `lgma users` does. Invariant: a limit that is not named
stays as it is.
"""

import math
from typing import Annotated, Any

import typer

from langgraph_multi_agent.cli.access import applied, opened, recorded, tenant_scope, unapplied
from langgraph_multi_agent.cli.call import Call, Outcome
from langgraph_multi_agent.cli.connection import DataDir
from langgraph_multi_agent.cli.exits import Exit, Trouble
from langgraph_multi_agent.cli.language import language
from langgraph_multi_agent.cli.paper import Rows
from langgraph_multi_agent.domain.quota import Allowance, Quota
from langgraph_multi_agent.i18n import text

DEFAULT = "default"
MAX_TASKS, MAX_TOKENS = 2**31 - 1, 2**63 - 1

Tenant = Annotated[str, typer.Argument(metavar="TENANT", help="cli.argument.tenant")]
OnlyTenant = Annotated[str | None, typer.Option("--tenant", metavar="NAME", help="cli.option.only_tenant")]
Tasks = Annotated[str | None, typer.Option("--tasks", metavar="N", help="cli.option.quota_tasks")]
Tokens = Annotated[str | None, typer.Option("--tokens", metavar="N", help="cli.option.quota_tokens")]
Cost = Annotated[str | None, typer.Option("--cost", metavar="AMOUNT", help="cli.option.quota_cost")]


async def show(call: Call, *, tenant: OnlyTenant = None, data_dir: DataDir = None) -> Outcome:
    """Limits and use of each tenant; the day is one of UTC."""
    everywhere = tenant_scope(tenant)
    async with opened(call, data_dir) as operator:
        names = [tenant] if tenant else await operator.quotas.tenants(everywhere)
        found = [await operator.quotas.allowance(tenant_scope(name)) for name in names]
    headers = [call.say(f"cli.column.{name}") for name in ("tenant", "in_flight", "tokens_today", "cost_today")]
    rows = [
        [
            one.tenant,
            _shown(call, one.tasks_in_flight, one.limits.tasks_in_flight, one.own.tasks_in_flight),
            _shown(call, one.tokens_today, one.limits.tokens_a_day, one.own.tokens_a_day),
            _shown(call, one.cost_today, one.limits.cost_a_day, one.own.cost_a_day),
        ]
        for one in found
    ]
    return Outcome(blocks=[Rows(headers, rows)], data={"tenants": [_data(one) for one in found]})


async def set_(
    call: Call,
    tenant: Tenant,
    *,
    tasks: Tasks = None,
    tokens: Tokens = None,
    cost: Cost = None,
    data_dir: DataDir = None,
) -> Outcome:
    """Give a tenant limits of its own; `default` in one takes it back to the settings'."""
    scope = tenant_scope(tenant)
    wanted: dict[str, float | None] = {}
    if tasks is not None:
        wanted["tasks_in_flight"] = _whole(tasks, "--tasks", MAX_TASKS)
    if tokens is not None:
        wanted["tokens_a_day"] = _whole(tokens, "--tokens", MAX_TOKENS)
    if cost is not None:
        wanted["cost_a_day"] = _amount(cost)
    if not wanted:
        raise Trouble("QUOTA_NOT_NAMED", Exit.USAGE)
    async with opened(call, data_dir) as operator:
        before = await operator.quotas.allowance(scope)
        own: dict[str, Any] = {**_limits(before.own), **wanted}
        if call.dry_run:
            return unapplied(call, "set", tenant, _limits(before.own), "cli.dry_run.quota_set", tenant=tenant)
        async with recorded(call, operator, tenant, "quota.set", tenant, **{k: _word(v) for k, v in wanted.items()}):
            await operator.quotas.set_own(scope, Quota(**own))
        after = await operator.quotas.allowance(scope)
    return applied(
        call,
        "set",
        tenant,
        _limits(before.own),
        _limits(after.own),
        lines=[call.say("cli.done.quota_set", tenant=tenant)],
        undo=_undo(tenant, before.own, wanted),
        data={"tenant": _data(after)},
    )


_OPTIONS = {"tasks_in_flight": "--tasks", "tokens_a_day": "--tokens", "cost_a_day": "--cost"}


def _undo(tenant: str, before: Quota, wanted: dict[str, float | None]) -> str:
    words = [f"{_OPTIONS[name]} {_word(getattr(before, name))}" for name in wanted]
    return f"lgma quota set {tenant} {' '.join(words)}"


def _word(value: float | None) -> str:
    return DEFAULT if value is None else str(value)


def _whole(word: str, option: str, most: int) -> int | None:
    """Raises typer.BadParameter."""
    if word == DEFAULT:
        return None
    if not (word.isascii() and word.isdecimal()) or not 0 < int(word[:30]) <= most:
        raise typer.BadParameter(text("cli.usage.quota_whole", language(), value=word), param_hint=option)
    return int(word)


def _amount(word: str) -> float | None:
    """Raises typer.BadParameter."""
    if word == DEFAULT:
        return None
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise typer.BadParameter(text("cli.usage.quota_amount", language(), value=word), param_hint="--cost")
    return value


def _shown(call: Call, used: float, limit: float | None, own: float | None) -> str:
    if limit is None:
        return f"{used:,} / –"
    return f"{used:,} / {limit:,}{'' if own is None else call.say('cli.quota.own')}"


def _limits(quota: Quota) -> dict[str, float | None]:
    return {name: getattr(quota, name) for name in _OPTIONS}


def _data(one: Allowance) -> dict[str, Any]:
    return {
        "tenant": one.tenant,
        "limits": _limits(one.limits),
        "own": _limits(one.own),
        "used": {
            "tasks_in_flight": one.tasks_in_flight,
            "tokens_today": one.tokens_today,
            "cost_today": one.cost_today,
        },
    }
