"""Units of work of a worker: claim, heartbeat, finish, hand back, reclaim.

A run is one attempt at a task by one worker, named by the epoch that its claim gave it.
Invariant: only the owner of the current epoch can move a task that is in progress; everybody
else changes zero rows and learns `LeaseLost`.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
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
    null,
    select,
    union,
    update,
)

from langgraph_multi_agent.domain.errors import LimitExceeded
from langgraph_multi_agent.domain.event import EventType, NewEvent
from langgraph_multi_agent.domain.task import PROTOCOL_VERSION, Action, Task, TaskStatus, is_terminal
from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.store.rows import (
    LockedTask,
    encode_event,
    is_fenced,
    lock_free,
    lock_owned,
    lock_soon,
    save,
    task_of,
)
from langgraph_multi_agent.store.sets import (
    POSTGRESQL,
    among,
    delete_among,
    insert_rows,
    together,
    update_rows,
)
from langgraph_multi_agent.store.tasks import CONTROL_CANCEL, CONTROL_PAUSE, answer_key

WINDOW = 1000
"""How many of the oldest runnable tasks a claim looks at; the default of TASK_QUEUE_SIZE."""
CANDIDATES = 200
SPARE = 50
"""How many more are chosen than wanted, for those that other workers take in the same moment."""
AGEING = timedelta(minutes=5)
"""Each of these that a task has waited counts like one more level of priority."""
SUSPECT_CRASHES = 2
"""From so many crashes without progress on, a task runs alone."""
MAX_LONE_CRASHES = 5
ALONE = "#alone"
"""Marks the owner of a run that has no company: a crash of it is its task's own."""
SHORT_CHARS = 1000
MAX_SHORT_QUESTIONS = 30


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """What a heartbeat learned of one run. `is_owned` False: stop, somebody else decided."""

    task_id: str
    epoch: int
    is_owned: bool
    control: str | None = None
    control_seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a run ends: the action on its task, and what to record."""

    action: Action
    result: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    detail: str | None = None
    questions: tuple[Mapping[str, Any], ...] = ()
    active_s: float = 0.0
    seen_control_seq: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)


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


@unit
def heartbeat(store: Store, owner: str, runs: Sequence[tuple[str, int]], *, lease: timedelta) -> list[Beat]:
    """Renew the leases of all runs of this worker, and learn what people want of them.

    A task that somebody changed by SQL is obeyed: its run is told that it is not owned any
    more, and the event that the change did not write is written. Of a task whose row somebody
    holds nothing is learned: its lease is not renewed, those of all others are.
    """
    locked, held = lock_soon(store, [task_id for task_id, _ in runs])
    beats: list[Beat] = []
    kept: list[str] = []
    moved: list[LockedTask] = []
    for task_id, epoch in runs:
        if task_id in held:
            continue
        task = locked.get(task_id)
        if is_fenced(task, epoch):
            beats.append(Beat(task_id=task_id, epoch=epoch, is_owned=False))
            if task is not None and task.row.epoch == epoch:
                moved.append(task)
        else:
            assert task is not None
            kept.append(task_id)
            beats.append(
                Beat(
                    task_id=task_id,
                    epoch=epoch,
                    is_owned=True,
                    control=task.row.control,
                    control_seq=task.row.control_seq,
                )
            )
    for task in _with_lease(store, moved):
        record_change_by_hand(store, task)
    if kept:
        store.connection.execute(_RENEW, {"ids": kept, "owners": [owner, owner + ALONE], "until": store.now + lease})
    save(store, list(locked.values()))
    return beats


def _with_lease(store: Store, moved: Sequence[LockedTask]) -> list[LockedTask]:
    """Those whose lease is left: an ending of ours takes the lease along, SQL by hand does not."""
    if not moved:
        return []
    leases = schema.leases
    query = select(leases.c.task_id).where(among(leases.c.task_id, "ids"))
    left = set(store.connection.scalars(query, {"ids": [task.id for task in moved]}))
    return [task for task in moved if task.id in left]


def record_change_by_hand(store: Store, task: LockedTask) -> None:
    """Write what an operator's SQL left out: the event, the end of the run, the passed epoch."""
    kinds = {
        TaskStatus.FAILED: EventType.TASK_FAILED,
        TaskStatus.CANCELLED: EventType.TASK_CANCELLED,
        TaskStatus.COMPLETED: EventType.TASK_COMPLETED,
        TaskStatus.PAUSED: EventType.TASK_PAUSED,
        TaskStatus.WAITING_INPUT: EventType.TASK_WAITING_INPUT,
        TaskStatus.PENDING: EventType.TASK_UPDATED,
    }
    kind = kinds.get(task.status)
    if kind is None:
        return
    task.changes.update(epoch=task.row.epoch + 1, control=None)
    if is_terminal(task.status):
        task.changes["completed_at"] = store.now
    task.events.append(NewEvent(type=kind, data={"by": "operator SQL", "status": task.status.value}))
    _end_run(store, task, "cancelled", None)


@unit
def finish(store: Store, task_id: str, epoch: int, ending: Ending) -> TaskStatus:
    """End one run alone; the worker's runs end through the journal's flusher, many at once.

    Raises:
        LeaseLost: the run does not own the task any more; nothing was written.
    """
    task = lock_owned(store, task_id, epoch)
    end_runs(store, decide_endings(store, [(task, ending)]))
    save(store, [task])
    return task.status


EndedRun = tuple[LockedTask, str, Mapping[str, Any] | None]
"""A task whose run ended, the run's status, and the error if there was one."""


def decide_endings(store: Store, endings: Sequence[tuple[LockedTask, Ending]]) -> list[EndedRun]:
    """Move owned, locked tasks to where their runs ended; the caller saves them and calls `end_runs`.

    A cancel that arrived meanwhile wins over any other ending; a question that was answered
    meanwhile turns parking into one more run.
    """
    ended: list[EndedRun] = []
    for task, ending in endings:
        decided = _decided(store, task, ending)
        _apply_ending(store, task, decided)
        ended.append((task, task.status.value, decided.error))
    return ended


def _decided(store: Store, task: LockedTask, ending: Ending) -> Ending:
    action = ending.action
    if task.row.control == CONTROL_CANCEL and action is not Action.CANCEL:
        return Ending(action=Action.CANCEL, active_s=ending.active_s)
    if task.row.control == CONTROL_PAUSE and action in (Action.PARK, Action.HAND_BACK):
        return replace(ending, action=Action.PAUSE)
    if action is Action.PARK and _any_answered(store, task, ending):
        return replace(ending, action=Action.HAND_BACK)
    return ending


def _apply_ending(store: Store, task: LockedTask, ending: Ending) -> None:
    task.act(ending.action)
    task.changes.update(
        control=None, active_s=task.row.active_s + ending.active_s, status_detail=ending.detail
    )
    if is_terminal(task.status):
        task.changes["completed_at"] = store.now
    match ending.action:
        case Action.COMPLETE:
            result = dict(ending.result or {})
            task.changes.update(progress=100, result=result, error=None, error_message=None)
            short = {"result": {"summary": str(result.get("summary", ""))[:SHORT_CHARS]}, "is_shortened": True}
            task.events.append(_fitting(EventType.TASK_COMPLETED, {"result": result}, short))
        case Action.FAIL:
            error = dict(ending.error or {})
            task.changes.update(error=error, error_message=error.get("code"), result=ending.result)
            short = {"error": {"code": error.get("code"), "params": {}}, "is_shortened": True}
            task.events.append(_fitting(EventType.TASK_FAILED, {"error": error}, short))
        case Action.CANCEL:
            task.events.append(NewEvent(type=EventType.TASK_CANCELLED, data=dict(ending.data)))
        case Action.PARK:
            task.changes["status_detail"] = "waiting_input"
            ids = [{"id": question["id"]} for question in ending.questions[:MAX_SHORT_QUESTIONS]]
            short = {"questions": ids, "is_shortened": True}
            task.events.append(_fitting(EventType.TASK_WAITING_INPUT, {"questions": list(ending.questions)}, short))
        case Action.PAUSE:
            task.events.append(NewEvent(type=EventType.TASK_PAUSED, data=dict(ending.data)))
        case _:
            task.changes["run_at"] = store.now


def _fitting(kind: EventType, data: Mapping[str, Any], short: Mapping[str, Any]) -> NewEvent:
    # The whole of it stands in the row or the journal; its length must not keep a run from ending.
    event = NewEvent(type=kind, data=data)
    try:
        encode_event(event)
    except LimitExceeded:
        return NewEvent(type=kind, data=short)
    return event


def _any_answered(store: Store, task: LockedTask, ending: Ending) -> bool:
    keys = [answer_key(task.row.generation, question["id"]) for question in ending.questions]
    table = schema.journal
    found = store.connection.scalar(
        select(func.count()).where(table.c.task_id == task.id, table.c.key.in_(keys))
    )
    return bool(found)


_RENEW = (
    update(schema.leases)
    .where(among(schema.leases.c.task_id, "ids"), among(schema.leases.c.owner, "owners"))
    .values(expires_at=bindparam("until", type_=schema.leases.c.expires_at.type))
)


def end_runs(store: Store, ended: Sequence[EndedRun]) -> None:
    """Write how these runs ended, and let their leases go. Writes only: it may stand in `together`."""
    if not ended:
        return
    rows = [
        {
            "task_id": task.id,
            "epoch": task.row.epoch,
            "status": status,
            "completed_at": store.now,
            "error_message": (error or {}).get("code"),
        }
        for task, status, error in ended
    ]
    update_rows(store, schema.workflow_executions, ("task_id", "epoch"), rows)
    delete_among(store, schema.leases, "task_id", [task.id for task, _, _ in ended])


def _end_run(store: Store, task: LockedTask, status: str, error: Mapping[str, Any] | None) -> None:
    end_runs(store, [(task, status, error)])


FOREVER = datetime.max.replace(tzinfo=UTC)
_LEASES = schema.leases.c
_ABANDONED = union(
    select(_LEASES.task_id, _LEASES.owner).where(_LEASES.expires_at < bindparam("now", type_=_LEASES.expires_at.type)),
    select(_TASKS.id, null()).where(
        _TASKS.status == TaskStatus.IN_PROGRESS.value,
        ~select(_LEASES.task_id).where(_LEASES.task_id == _TASKS.id).exists(),
    ),
)
"""Tasks whose lease has run out, and those that SQL put into progress without one."""
_COUNT_STEPS = (
    select(schema.journal.c.task_id, func.count())
    .where(among(schema.journal.c.task_id, "ids"))
    .group_by(schema.journal.c.task_id)
)


@unit
def reclaim(store: Store, *, all_leases: bool) -> list[str]:
    """Give tasks whose owner is gone back to the queue; poison ones become dead letters.

    Args:
        all_leases: every lease counts as expired. True only at start under the data directory's
            lock file, when no other process can own anything.
    """
    horizon = FOREVER if all_leases else store.now
    found = set(store.connection.scalars(_ABANDONED, {"now": horizon}))
    if not found:
        return []
    locked = lock_free(store, found)
    # Between the look and the lock the owner may have renewed, or another reaper been here.
    owners: dict[str, str] = {
        row.task_id: row.owner or "" for row in store.connection.execute(_ABANDONED, {"now": horizon})
    }
    locked = {task_id: task for task_id, task in locked.items() if task_id in owners}
    journalled = {
        task_id: count
        for task_id, count in store.connection.execute(_COUNT_STEPS, {"ids": list(locked)})
    }
    returned: list[str] = []
    in_company = sum(task.status is TaskStatus.IN_PROGRESS for task in locked.values()) > 1
    for task in locked.values():
        if task.status is not TaskStatus.IN_PROGRESS:
            record_change_by_hand(store, task)
            continue
        mark = journalled.get(task.id, 0)
        crashes = 1 if mark > task.row.crash_mark else task.row.crash_count + 1
        if crashes > SUSPECT_CRASHES and (in_company or not owners[task.id].endswith(ALONE)):
            crashes = SUSPECT_CRASHES  # others ended with it, in its process or on its machine
        task.changes.update(crash_count=crashes, crash_mark=mark, run_at=store.now)
        if task.row.control == CONTROL_CANCEL:
            task.act(Action.CANCEL)
            task.changes.update(completed_at=store.now, control=None, status_detail=None)
            task.events.append(NewEvent(type=EventType.TASK_CANCELLED, data={}))
        elif task.row.control == CONTROL_PAUSE:
            task.act(Action.PAUSE)
            task.changes.update(control=None, status_detail=None)
            task.events.append(NewEvent(type=EventType.TASK_PAUSED, data={}))
        elif crashes >= MAX_LONE_CRASHES:
            task.act(Action.FAIL)
            error = {"code": "POISON_TASK", "params": {"crashes": crashes}}
            task.changes.update(
                completed_at=store.now, error=error, error_message="POISON_TASK", status_detail="poison"
            )
            task.events.append(NewEvent(type=EventType.TASK_FAILED, data={"error": error}))
        else:
            task.act(Action.HAND_BACK)
            task.changes["status_detail"] = "recovering"
            returned.append(task.id)
        _end_run(store, task, "crashed", {"code": "WORKER_CRASHED"})
    save(store, list(locked.values()))
    return returned


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
        has_abandoned=store.connection.execute(_ABANDONED, {"now": store.now}).first() is not None,
        has_suspects=any(row.crash_count >= SUSPECT_CRASHES for row in rows),
        waiting=tuple(row.id for row in rows),
    )
