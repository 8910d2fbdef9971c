"""Ledgers: what was spent on models, what tools did to the world, which agents were reset.

Invariant of the budget: a reservation commits before its call; one whose epoch has passed
counts as spent in full, because nobody knows what the wire did.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from langgraph_multi_agent.access import WORKER_SCOPE
from langgraph_multi_agent.domain.errors import AgentNotFound, BudgetExceeded
from langgraph_multi_agent.domain.task import DEFAULT_TENANT, Cost
from langgraph_multi_agent.store import quotas, schema
from langgraph_multi_agent.store.database import Database, Store, unit
from langgraph_multi_agent.store.rows import lock_owned, save

_CALLS = schema.model_calls
_LIMITS: Select[Any] = (
    select(schema.tasks.c.budget, *quotas.COLUMNS)
    .select_from(schema.tasks.outerjoin(schema.quotas, quotas.OF_TENANT))
    .where(schema.tasks.c.id == bindparam("task_id"))
)


@unit
def reserve(
    store: Store, task_id: str, epoch: int, *, agent: str, subtask_id: str | None, tokens: int, cost: float
) -> str:
    """Set aside tokens and cost for one model call.

    Raises:
        BudgetExceeded: with it, the task's budget would be overdrawn; nothing was reserved.
        DayQuotaExceeded: the same of the tenant's day.
        LeaseLost: the run does not own the task.
    """
    task = lock_owned(store, task_id, epoch)
    own = store.connection.execute(_LIMITS, {"task_id": task_id, "tenant": task.row.tenant}).one()
    budget: Mapping[str, Any] = own.budget
    spent_tokens, spent_cost = _committed(store, task_id)
    limit_tokens, limit_cost = budget.get("tokens"), budget.get("cost")
    if limit_tokens is not None and spent_tokens + tokens > limit_tokens:
        raise BudgetExceeded(what="tokens", spent=spent_tokens, wanted=tokens, limit=limit_tokens)
    if limit_cost is not None and spent_cost + cost > limit_cost:
        raise BudgetExceeded(what="cost", spent=round(spent_cost, 6), wanted=round(cost, 6), limit=limit_cost)
    quotas.reserve_of_day(store, task.row.tenant, quotas.quota_of(store, own), tokens=tokens, cost=cost)
    call_id = store.new_id()
    store.connection.execute(
        insert(_CALLS),
        {
            "id": call_id,
            "tenant": task.row.tenant,
            "task_id": task_id,
            "subtask_id": subtask_id,
            "agent": agent,
            "epoch": epoch,
            "state": "reserved",
            "reserved_tokens": tokens,
            "reserved_cost": cost,
            "created_at": store.now,
        },
    )
    return call_id


def _committed(store: Store, task_id: str) -> tuple[int, float]:
    rows = store.connection.execute(select(_CALLS).where(_CALLS.c.task_id == task_id)).all()
    tokens = sum(
        row.input_tokens + row.output_tokens if row.state == "settled" else row.reserved_tokens for row in rows
    )
    return tokens, sum(row.cost if row.state == "settled" else row.reserved_cost for row in rows)


@unit
def settle(store: Store, call_id: str, task_id: str, epoch: int, spent: Cost) -> None:
    """Replace a reservation by what was really spent, and add it to the task's cost."""
    task = lock_owned(store, task_id, epoch)
    store.connection.execute(
        update(_CALLS)
        .where(_CALLS.c.id == call_id, _CALLS.c.state == "reserved")
        .values(
            state="settled",
            input_tokens=spent.input_tokens,
            output_tokens=spent.output_tokens,
            cost=spent.cost,
        )
    )
    row = store.connection.execute(
        select(
            func.coalesce(func.sum(_CALLS.c.input_tokens), 0),
            func.coalesce(func.sum(_CALLS.c.output_tokens), 0),
            func.coalesce(func.sum(_CALLS.c.cost), 0.0),
            func.count(),
        ).where(_CALLS.c.task_id == task_id, _CALLS.c.state == "settled")
    ).one()
    total = Cost(input_tokens=row[0], output_tokens=row[1], cost=round(row[2], 9), model_calls=row[3])
    task.changes["cost"] = asdict(total)
    save(store, [task])


def spent_by_subtask(store: Store, task_id: str) -> Mapping[str, Cost]:
    """What each subtask has spent on models, over all its attempts, failed ones included."""
    query = (
        select(
            _CALLS.c.subtask_id,
            func.sum(_CALLS.c.input_tokens),
            func.sum(_CALLS.c.output_tokens),
            func.sum(_CALLS.c.cost),
            func.count(),
        )
        .where(_CALLS.c.task_id == task_id, _CALLS.c.state == "settled", _CALLS.c.subtask_id.is_not(None))
        .group_by(_CALLS.c.subtask_id)
    )
    return {
        row[0]: Cost(input_tokens=row[1], output_tokens=row[2], cost=round(row[3], 9), model_calls=row[4])
        for row in store.connection.execute(query)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class RunBudget:
    """`ports.BudgetGuard` for one agent's subtask in one run."""

    database: Database
    task_id: str
    epoch: int
    agent: str
    subtask_id: str | None

    async def reserve(self, *, tokens: int, cost: float) -> str:
        return await self.database.write(
            WORKER_SCOPE,
            reserve,
            self.task_id,
            self.epoch,
            agent=self.agent,
            subtask_id=self.subtask_id,
            tokens=tokens,
            cost=cost,
        )

    async def settle(self, reservation: str, spent: Cost) -> None:
        await self.database.write(WORKER_SCOPE, settle, reservation, self.task_id, self.epoch, spent)


@unit
def claim_effect(store: Store, task_id: str, epoch: int, key: str, tool: str) -> tuple[str, Any]:
    """Commit the intention to call a tool before the call.

    Returns:
        `("claimed", None)` if it may be called now, `("done", result)` if it was, or
        `("orphan", None)` if it was claimed before and nobody knows what happened.
    """
    task = lock_owned(store, task_id, epoch)
    table = schema.effects
    row = store.connection.execute(
        select(table).where(table.c.task_id == task_id, table.c.key == key)
    ).one_or_none()
    if row is None:
        store.connection.execute(
            insert(table),
            {
                "task_id": task_id,
                "key": key,
                "tenant": task.row.tenant,
                "tool": tool,
                "epoch": epoch,
                "state": "claimed",
                "created_at": store.now,
                "updated_at": store.now,
            },
        )
        return "claimed", None
    if row.state == "done":
        return "done", row.result
    return "orphan", None


@unit
def settle_effect(
    store: Store, task_id: str, epoch: int, key: str, *, state: str, result: Any
) -> None:
    """Record what a tool gave back, or that its outcome is `unknown`. Raises LeaseLost."""
    lock_owned(store, task_id, epoch)
    table = schema.effects
    store.connection.execute(
        update(table)
        .where(table.c.task_id == task_id, table.c.key == key)
        .values(state=state, result=result, epoch=epoch, updated_at=store.now)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEffects:
    """`ports.EffectLedger` for one run."""

    database: Database
    task_id: str
    epoch: int

    async def claim(self, key: str, tool: str) -> tuple[str, Any]:
        return await self.database.write(WORKER_SCOPE, claim_effect, self.task_id, self.epoch, key, tool)

    async def settle(self, key: str, *, state: str, result: Any) -> None:
        await self.database.write(
            WORKER_SCOPE, settle_effect, self.task_id, self.epoch, key, state=state, result=result
        )


@unit
def reset_agent(store: Store, agent: str, known: frozenset[str]) -> int:
    """Count a reset of an agent, from which its record starts anew. Raises AgentNotFound."""
    if agent not in known:
        raise AgentNotFound(agent=agent)
    tenant = store.scope.tenant or DEFAULT_TENANT
    table = schema.agent_resets
    dialect: Any = postgresql if store.connection.dialect.name == "postgresql" else sqlite
    first = dialect.insert(table).values(tenant=tenant, agent=agent, count=1, reset_at=store.now)
    counted = first.on_conflict_do_update(
        index_elements=[table.c.tenant, table.c.agent],
        set_={"count": table.c.count + 1, "reset_at": first.excluded.reset_at},
    )
    return int(store.connection.execute(counted.returning(table.c.count)).scalar_one())


def agent_resets(store: Store) -> Mapping[str, datetime]:
    """When each agent was last reset."""
    table = schema.agent_resets
    query = select(table.c.agent, table.c.reset_at)
    if store.scope.tenant is not None:
        query = query.where(table.c.tenant == store.scope.tenant)
    return {row.agent: row.reset_at for row in store.connection.execute(query)}
