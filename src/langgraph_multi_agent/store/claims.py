"""Which task a worker takes next, and the taking of it.

Hides the order (priority with ageing, tenants in turn), how workers that ask at once come by different
tasks, and who may take one that crashes processes. Callers: the worker, its upkeep. Invariant: each claim
gives the task a new epoch, the fencing token, with a lease and a run in the same transaction.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Select,
    String,
    bindparam,
    extract,
    func,
    select,
    update,
)

from langgraph_multi_agent.domain.event import EventType, NewEvent
from langgraph_multi_agent.domain.task import PROTOCOL_VERSION, Action, Task, TaskStatus
from langgraph_multi_agent.store import leases, schema
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.store.leases import ALONE, SUSPECT_CRASHES
from langgraph_multi_agent.store.rows import LockedTask, save, task_of
from langgraph_multi_agent.store.sets import POSTGRESQL, among, delete_among, insert_rows, together

WINDOW = 1000
"""How many of the oldest runnable tasks a claim looks at; the default of TASK_QUEUE_SIZE."""
CANDIDATES = 200
SPARE = 50
"""How many more are chosen than wanted, for those that other workers take in the same moment."""
AGEING = timedelta(minutes=5)
"""Each of these that a task has waited counts like one more level of priority."""


class Suspects(StrEnum):
    """What a claim does with tasks that have crashed their process twice without progress."""

    ALONE = "alone"
    """Takes one when the worker runs nothing else: for the only process there is."""
    NEVER = "never"
    """Leaves them to a process of their own."""
    ONLY = "only"
    """Takes nothing else: that process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A task with the epoch under which this worker owns it. `waited_s`: since it could have run."""

    task: Task
    epoch: int
    run_id: str
    control_seq: int
    active_s: float
    waited_s: float
    is_first: bool
    must_run_alone: bool


@unit
def claim(
    store: Store,
    owner: str,
    *,
    limit: int,
    lease: timedelta,
    teams: Mapping[str, str],
    suspects: Suspects = Suspects.ALONE,
    is_busy: bool = False,
) -> list[Claimed]:
    """Take the best runnable tasks: priority with ageing, then the tenant with fewest in flight.

    A task that has crashed its process twice is a suspect: it runs without company, so that its
    next crash takes no innocent task along.

    Args:
        teams: the teams this worker serves, with their versions.
        is_busy: the worker runs something; with `Suspects.ALONE`, when a suspect's turn has come it
            takes nothing more, until it is idle.
    """
    query = _CANDIDATES[suspects]
    candidates = store.connection.execute(query, {"now": store.now, "teams": list(teams)}).all()
    if not candidates:
        return []
    chosen = _best(store, candidates, limit=limit + SPARE)
    if suspects is Suspects.ALONE:
        chosen = _without_company(chosen, is_busy=is_busy)
    if not chosen:
        return []
    rows = _take(store, chosen, limit)
    claimed: list[Claimed] = []
    locked: list[LockedTask] = []
    for row in rows:
        task = LockedTask(row=row, status=TaskStatus(row.status))
        task.act(Action.CLAIM)
        epoch, is_first = row.epoch + 1, row.started_at is None
        run_id = store.new_id()
        task.changes.update(
            epoch=epoch, control=None, team_version=teams[row.team], status_detail=None
        )
        if is_first:
            task.changes["started_at"] = store.now
        task.events.append(
            NewEvent(
                type=EventType.TASK_STARTED if is_first else EventType.TASK_RESUMED,
                data={"run": run_id, "epoch": epoch, "generation": row.generation, "worker": owner},
            )
        )
        locked.append(task)
        claimed.append(
            Claimed(
                task=task_of(row),
                epoch=epoch,
                run_id=run_id,
                control_seq=row.control_seq,
                active_s=row.active_s,
                waited_s=max(0.0, (store.now - row.run_at).total_seconds()),
                is_first=is_first,
                must_run_alone=row.crash_count >= SUSPECT_CRASHES,
            )
        )
    expires_at = store.now + lease
    _clear_leftovers(store, [item.task.id for item in claimed if not item.is_first])
    with together(store):
        save(store, locked)
        insert_rows(
            store,
            schema.leases,
            [
                {
                    "task_id": item.task.id,
                    "tenant": item.task.tenant,
                    "epoch": item.epoch,
                    "owner": f"{owner}{ALONE}" if item.must_run_alone else owner,
                    "expires_at": expires_at,
                }
                for item in claimed
            ],
        )
        insert_rows(
            store,
            schema.workflow_executions,
            [
                {
                    "id": item.run_id,
                    "tenant": item.task.tenant,
                    "task_id": item.task.id,
                    "generation": item.task.generation,
                    "epoch": item.epoch,
                    "worker": owner,
                    "status": TaskStatus.IN_PROGRESS.value,
                    "created_at": store.now,
                }
                for item in claimed
            ],
        )
    return claimed


def _clear_leftovers(store: Store, task_ids: Sequence[str]) -> None:
    # Left where SQL made a running task pending and its worker has not heard of it yet.
    if not task_ids:
        return
    delete_among(store, schema.leases, "task_id", task_ids)
    table = schema.workflow_executions
    left = among(table.c.task_id, "ids") & (table.c.status == TaskStatus.IN_PROGRESS.value)
    ended = update(table).where(left).values(status="cancelled", completed_at=store.now)
    store.connection.execute(ended, {"ids": task_ids})


_TASKS = schema.tasks.c
_RUNNABLE = (
    _TASKS.status == TaskStatus.PENDING.value,
    _TASKS.protocol_version.in_([PROTOCOL_VERSION, PROTOCOL_VERSION - 1]),
    among(_TASKS.team, "teams"),
)


def _candidates(*more: ColumnElement[bool]) -> Select[Any]:
    """The first of each tenant before the second of any, in the order of aged priority.

    Without it, one tenant's hundreds would hide another's ten. `priority` levels count as waiting
    time, AGEING each, which is the ageing rule without its rounding.
    """
    waiting = (
        select(
            _TASKS.id,
            _TASKS.tenant,
            _TASKS.priority,
            _TASKS.created_at,
            _TASKS.run_at,
            _TASKS.deadline,
            _TASKS.crash_count,
        )
        .where(*_RUNNABLE, _TASKS.run_at <= bindparam("now", type_=_TASKS.run_at.type), *more)
        .order_by(_TASKS.created_at)
        .limit(WINDOW)
        .subquery()
    )
    columns = waiting.c
    virtual_time = extract("epoch", columns.created_at) - AGEING.total_seconds() * columns.priority
    place = func.row_number().over(partition_by=columns.tenant, order_by=(virtual_time, columns.id))
    return select(*columns).order_by(place, virtual_time).limit(CANDIDATES)


_CANDIDATES = {
    Suspects.ALONE: _candidates(),
    Suspects.NEVER: _candidates(_TASKS.crash_count < SUSPECT_CRASHES),
    Suspects.ONLY: _candidates(_TASKS.crash_count >= SUSPECT_CRASHES),
}
_TAKE = (
    select(schema.tasks)
    .where(among(_TASKS.id, "ids"), _TASKS.status == TaskStatus.PENDING.value)
    .limit(bindparam("free", type_=Integer))
)
_TAKE_FREE = _TAKE.order_by(
    func.array_position(bindparam("ids", type_=ARRAY(String)), _TASKS.id)
).with_for_update(key_share=True, skip_locked=True)
_IN_FLIGHT = (
    select(_TASKS.tenant, func.count()).where(_TASKS.status == TaskStatus.IN_PROGRESS.value).group_by(_TASKS.tenant)
)


def _take(store: Store, chosen: Sequence[Any], limit: int) -> list[Any]:
    """Lock the best of the chosen that are still waiting and that nobody else is taking now.

    Candidates are looked at without locks, so that workers do not hide them from each other, and
    more are chosen than wanted, so that one that comes second takes the next.
    """
    ids = [row.id for row in chosen]
    if store.dialect == POSTGRESQL:
        return list(store.connection.execute(_TAKE_FREE, {"ids": ids, "free": limit}))
    rows = {row.id: row for row in store.connection.execute(_TAKE, {"ids": ids[:limit], "free": limit})}
    return [rows[task_id] for task_id in ids if task_id in rows]


def _without_company(chosen: list[Any], *, is_busy: bool) -> list[Any]:
    if chosen[0].crash_count >= SUSPECT_CRASHES:
        return [] if is_busy else chosen[:1]
    return [row for row in chosen if row.crash_count < SUSPECT_CRASHES]


def _best(store: Store, candidates: Sequence[Any], *, limit: int) -> list[Any]:
    """The first `limit` by aged priority, then fewest in flight of the tenant, deadline, time to run."""

    def rank(row: Any) -> tuple[Any, ...]:
        deadline = row.deadline.timestamp() if row.deadline else float("inf")
        return (-aged(row), deadline, row.run_at, row.id)

    def aged(row: Any) -> int:
        return int(row.priority + (store.now - row.created_at) // AGEING)

    waiting: dict[str, deque[Any]] = {}
    for row in sorted(candidates, key=rank):
        waiting.setdefault(row.tenant, deque()).append(row)
    if len(waiting) == 1:
        return list(waiting.popitem()[1])[:limit]
    load = dict.fromkeys(waiting, 0)
    load.update({tenant: count for tenant, count in store.connection.execute(_IN_FLIGHT)})
    chosen: list[Any] = []
    while waiting and len(chosen) < limit:
        tenant = min(waiting, key=lambda name: (-aged(waiting[name][0]), load[name], *rank(waiting[name][0])))
        chosen.append(waiting[tenant].popleft())
        load[tenant] += 1
        if not waiting[tenant]:
            del waiting[tenant]
    return chosen


_NEXT_RUN_AT = select(func.min(_TASKS.run_at)).where(*_RUNNABLE)


def seconds_to_next(store: Store, teams: Iterable[str]) -> float | None:
    """Seconds, by the database's clock, until a task of these teams is runnable; None if none waits."""
    moment: datetime | None = store.connection.scalar(_NEXT_RUN_AT, {"teams": list(teams)})
    return None if moment is None else (moment - store.now).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What every replica looks at each second: is there something to give back, start, or show?"""

    has_abandoned: bool
    has_suspects: bool
    waiting: tuple[str, ...]


_WAITING = (
    select(_TASKS.id, _TASKS.crash_count)
    .where(*_RUNNABLE, _TASKS.run_at <= bindparam("now", type_=_TASKS.run_at.type))
    .order_by(_TASKS.created_at)
    .limit(bindparam("most", type_=Integer))
)


def situation(store: Store, *, teams: Iterable[str], most: int) -> Situation:
    """Look at leases and at the first `most` runnable tasks of these teams, oldest first."""
    values = {"now": store.now, "teams": list(teams), "most": most}
    rows = store.connection.execute(_WAITING, values).all()
    return Situation(
        has_abandoned=leases.has_abandoned(store),
        has_suspects=any(row.crash_count >= SUSPECT_CRASHES for row in rows),
        waiting=tuple(row.id for row in rows),
    )
