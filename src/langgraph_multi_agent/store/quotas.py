"""What a tenant may use: looked at where a task is accepted or a model is about to be paid.

Hides where the limits are (the settings, and the tenant's row of `quotas` over them) and how those who
ask at once are put in turn. Callers: `submissions`, `decisions`, `transfer`, `ledgers`, `turns`,
`service.quotas`. Invariant: no transaction of any process takes a tenant past a limit, and where none is set
nothing is locked, counted or summed.

A tenant past its day starts no new task, and an agent's next call to a model is refused as one past its
budget is: the agent does without, or its task fails with this error and may be retried the next day.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, case, delete, func, literal, select, text, union

from langgraph_multi_agent.domain.errors import DayQuotaExceeded, QuotaExceeded
from langgraph_multi_agent.domain.quota import UNLIMITED, Allowance, Quota
from langgraph_multi_agent.domain.task import DEFAULT_TENANT
from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.database import Store, single_statement, unit
from langgraph_multi_agent.store.names import names_in
from langgraph_multi_agent.store.rows import scoped
from langgraph_multi_agent.store.sets import insert_rows

MOST_COUNTED = 1_000_000
"""So many tasks are counted for who only looks."""
IN_FLIGHT_RETRY_S = 5
"""A guess at when one of a tenant's tasks has ended."""
_TASKS, _CALLS, _QUOTAS = schema.tasks, schema.model_calls, schema.quotas

COLUMNS = (_QUOTAS.c.tasks_in_flight, _QUOTAS.c.tokens_a_day, _QUOTAS.c.cost_a_day)
OF_TENANT = _QUOTAS.c.tenant == bindparam("tenant")
"""For a query that joins the tenant's own row, so that looking at it costs no round trip."""
_OWN = select(*COLUMNS).where(OF_TENANT)
_IN_FLIGHT = select(func.count()).select_from(
    select(literal(1))
    .select_from(_TASKS)
    # As the partial index says it, or it is not used.
    .where(text("status IN ('pending', 'in_progress', 'waiting_input', 'paused')"))
    .where(_TASKS.c.tenant == bindparam("tenant"))
    # One more than the largest limit is looked for.
    .limit(bindparam("limit", type_=BigInteger))
    .subquery()
)
_IS_SETTLED = _CALLS.c.state == "settled"
_SPENT: Select[Any] = select(
    func.coalesce(
        func.sum(case((_IS_SETTLED, _CALLS.c.input_tokens + _CALLS.c.output_tokens), else_=_CALLS.c.reserved_tokens)), 0
    ),
    func.coalesce(func.sum(case((_IS_SETTLED, _CALLS.c.cost), else_=_CALLS.c.reserved_cost)), 0.0),
).where(
    _CALLS.c.tenant == bindparam("tenant"),
    _CALLS.c.created_at >= bindparam("since", type_=_CALLS.c.created_at.type),
)
_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended('lgma quota ' || :tenant, 0))")


def quota_of(store: Store, row: Any) -> Quota:
    """The tenant's own limits (COLUMNS of its row, all None without one) over the settings'."""
    default = store.quota
    return Quota(
        tasks_in_flight=default.tasks_in_flight if row.tasks_in_flight is None else row.tasks_in_flight,
        tokens_a_day=default.tokens_a_day if row.tokens_a_day is None else row.tokens_a_day,
        cost_a_day=default.cost_a_day if row.cost_a_day is None else row.cost_a_day,
    )


def quota(store: Store, tenant: str) -> Quota:
    row = store.connection.execute(_OWN, {"tenant": tenant}).one_or_none()
    return store.quota if row is None else quota_of(store, row)


def allowance(store: Store) -> Allowance:
    """Limits and use of the scope's tenant. Locks nothing."""
    tenant = store.scope.tenant or DEFAULT_TENANT
    row = store.connection.execute(_OWN, {"tenant": tenant}).one_or_none()
    tokens, cost = _spent(store, tenant)
    return Allowance(
        tenant=tenant,
        limits=quota(store, tenant),
        own=UNLIMITED if row is None else Quota(**row._mapping),
        tasks_in_flight=int(store.connection.scalar(_IN_FLIGHT, {"tenant": tenant, "limit": MOST_COUNTED}) or 0),
        tokens_today=tokens,
        cost_today=round(cost, 6),
    )


@single_statement
def tenants(store: Store) -> list[str]:
    """Those that somebody made or that have used anything, by name."""
    made = [scoped(store, select(table.c.tenant), table) for table in (schema.users, schema.api_keys, _QUOTAS)]
    # Tenants of an issuer's tokens stand nowhere else than in what they used.
    used = [select(names_in(store, table, "tenant").subquery().c.name) for table in (_TASKS, _CALLS)]
    named = union(*made, *used).subquery()
    found = store.connection.scalars(select(named.c.tenant))
    return sorted({*found, store.scope.tenant or DEFAULT_TENANT})


@unit
def set_own(store: Store, own: Quota) -> None:
    """Limits of the scope's tenant; None in one leaves that to the settings, in all takes the row away."""
    tenant = store.scope.tenant or DEFAULT_TENANT
    _take_turn(store, tenant)
    store.connection.execute(delete(_QUOTAS).where(_QUOTAS.c.tenant == tenant))
    if own != UNLIMITED:
        row = {"tenant": tenant, **asdict(own), "updated_at": store.now}
        insert_rows(store, _QUOTAS, [row])


def tasks_left(store: Store, tenant: str, quota: Quota) -> int | None:
    """How many tasks more a tenant may have now; None for as many as it likes.

    Others who ask for the tenant wait until this transaction has ended.
    """
    limit = quota.tasks_in_flight
    if limit is None:
        return None
    _take_turn(store, tenant)
    return limit - int(store.connection.scalar(_IN_FLIGHT, {"tenant": tenant, "limit": limit}) or 0)


@dataclass(slots=True)
class Places:
    """How many tasks more a tenant may have in this transaction."""

    quota: Quota
    left: int | None
    past_day: QuotaExceeded | None

    @classmethod
    def of(cls, store: Store, tenant: str, quota: Quota) -> "Places":
        return cls(quota, tasks_left(store, tenant, quota), past_day(store, tenant, quota))

    def take(self) -> QuotaExceeded | None:
        """One task; what to say instead where there is none left."""
        if self.past_day is not None:
            return self.past_day
        if self.left is None:
            return None
        if self.left <= 0:
            return too_many_tasks(self.quota)
        self.left -= 1
        return None


def require_place(store: Store, tenant: str) -> None:
    """Whether one task more may be in flight. Raises QuotaExceeded."""
    refusal = Places.of(store, tenant, quota(store, tenant)).take()
    if refusal is not None:
        raise refusal


def require_room(store: Store, tenant: str, arrived: int, *, hidden: int = 0) -> None:
    """After tasks came in by an import of this transaction: whether the tenant may have so many.

    Args:
        arrived: of them, those that have not ended; none are none too many.
        hidden: those that are not the tenant's yet.

    Raises:
        QuotaExceeded
    """
    limits = quota(store, tenant)
    limit = limits.tasks_in_flight
    if limit is None or not arrived:
        return
    _take_turn(store, tenant)
    if int(store.connection.scalar(_IN_FLIGHT, {"tenant": tenant, "limit": limit + 1}) or 0) + hidden > limit:
        raise too_many_tasks(limits)


def too_many_tasks(quota: Quota) -> QuotaExceeded:
    return QuotaExceeded(limit=quota.tasks_in_flight, retry_after_s=IN_FLIGHT_RETRY_S)


def past_day(store: Store, tenant: str, quota: Quota) -> DayQuotaExceeded | None:
    """What a tenant is told that has used up its day; None while it has not."""
    if not quota.has_day:
        return None
    tokens, cost = _spent(store, tenant)
    if quota.tokens_a_day is not None and tokens >= quota.tokens_a_day:
        return _refusal(store, "tokens", tokens, 0, quota.tokens_a_day)
    if quota.cost_a_day is not None and cost >= quota.cost_a_day:
        return _refusal(store, "cost", cost, 0, quota.cost_a_day)
    return None


def reserve_of_day(store: Store, tenant: str, quota: Quota, *, tokens: int, cost: float) -> None:
    """Before a model's call is reserved in this transaction: whether the day has room for it.

    Raises:
        DayQuotaExceeded
    """
    if not quota.has_day:
        return
    _take_turn(store, tenant)
    spent_tokens, spent_cost = _spent(store, tenant)
    if quota.tokens_a_day is not None and spent_tokens + tokens > quota.tokens_a_day:
        raise _refusal(store, "tokens", spent_tokens, tokens, quota.tokens_a_day)
    if quota.cost_a_day is not None and spent_cost + cost > quota.cost_a_day:
        raise _refusal(store, "cost", spent_cost, cost, quota.cost_a_day)


def forget_calls(store: Store, tenant: str, task_id: str) -> None:
    """Delete a task's calls to models. Where a day is limited those of today stay: it is spent all the same."""
    gone = delete(_CALLS).where(_CALLS.c.task_id == task_id)
    if quota(store, tenant).has_day:
        gone = gone.where(_CALLS.c.created_at < _today(store))
    store.connection.execute(gone)


def _spent(store: Store, tenant: str) -> tuple[int, float]:
    """Tokens and cost of today; a call that has not come back counts as reserved."""
    row = store.connection.execute(_SPENT, {"tenant": tenant, "since": _today(store)}).one()
    return int(row[0]), float(row[1])


def _today(store: Store) -> datetime:
    now: datetime = store.now
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _refusal(store: Store, what: str, spent: float, wanted: float, limit: float) -> DayQuotaExceeded:
    left = _today(store) + timedelta(days=1) - store.now
    return DayQuotaExceeded(
        what=what,
        spent=round(spent, 6),
        wanted=round(wanted, 6),
        limit=limit,
        retry_after_s=max(1, -(-left // timedelta(seconds=1))),
    )


def _take_turn(store: Store, tenant: str) -> None:
    """SQLite has one writer."""
    if store.dialect == "postgresql":
        store.connection.execute(_TURN, {"tenant": tenant})
