"""Locked task rows: the only way to change a task.

Every writing unit first locks its task rows in id order (`FOR NO KEY UPDATE`; SQLite's one writer
needs none), checks epoch and status in what it got, then adds events and changes, and `save`s
them together: `seq` comes from `last_seq` of the locked row, so visibility order is seq order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row, Select, Table, bindparam, select

from langgraph_multi_agent.domain.errors import DataRefused, LeaseLost, LimitExceeded, TaskNotFound
from langgraph_multi_agent.domain.event import MAX_EVENT_BYTES, NewEvent
from langgraph_multi_agent.domain.task import (
    Action,
    Budget,
    Cost,
    InputFile,
    Priority,
    Task,
    TaskStatus,
    can,
    next_status,
)
from langgraph_multi_agent.store.database import Store
from langgraph_multi_agent.store.schema import agent_messages, tasks
from langgraph_multi_agent.store.sets import among, insert_rows, update_rows

_LOCKED_COLUMNS = (
    tasks.c.id,
    tasks.c.tenant,
    tasks.c.status,
    tasks.c.status_detail,
    tasks.c.epoch,
    tasks.c.generation,
    tasks.c.last_seq,
    tasks.c.control,
    tasks.c.control_seq,
    tasks.c.progress,
    tasks.c.active_s,
    tasks.c.crash_count,
    tasks.c.crash_mark,
    tasks.c.started_at,
)
_LOCK = (
    select(*_LOCKED_COLUMNS)
    .where(among(tasks.c.id, "ids"))
    .order_by(tasks.c.id)
    .with_for_update(key_share=True)
)
_LOCK_OF_TENANT = _LOCK.where(tasks.c.tenant == bindparam("tenant"))
_LOCK_FREE = _LOCK.with_for_update(key_share=True, skip_locked=True)

_EXISTING = select(tasks.c.id).where(among(tasks.c.id, "ids"))


@dataclass(slots=True, kw_only=True)
class LockedTask:
    """A task row held by this transaction."""

    row: Any
    status: TaskStatus
    changes: dict[str, Any] = field(default_factory=dict)
    events: list[NewEvent] = field(default_factory=list)

    @property
    def id(self) -> str:
        return str(self.row.id)

    def act(self, action: Action) -> None:
        """Move to the next status. Raises IllegalTransition."""
        self.status = next_status(action, self.status)
        self.changes["status"] = self.status.value


def scoped(store: Store, query: Select[Any], table: Table = tasks) -> Select[Any]:
    """Restrict a query over a table to the scope's tenant: the one place that does."""
    return query if store.scope.tenant is None else query.where(table.c.tenant == store.scope.tenant)


def lock(store: Store, task_ids: Iterable[str]) -> dict[str, LockedTask]:
    """Lock the rows that exist and are in scope, in id order."""
    values: dict[str, Any] = {"ids": sorted(set(task_ids))}
    query = _LOCK
    if store.scope.tenant is not None:
        query, values["tenant"] = _LOCK_OF_TENANT, store.scope.tenant
    rows = store.connection.execute(query, values)
    return {row.id: LockedTask(row=row, status=TaskStatus(row.status)) for row in rows}


def lock_free(store: Store, task_ids: Iterable[str]) -> dict[str, LockedTask]:
    """Lock those rows that nobody else holds now: for work that comes round again."""
    rows = store.connection.execute(_LOCK_FREE, {"ids": sorted(set(task_ids))})
    return {row.id: LockedTask(row=row, status=TaskStatus(row.status)) for row in rows}


def lock_soon(store: Store, task_ids: Iterable[str]) -> tuple[dict[str, LockedTask], frozenset[str]]:
    """Lock the rows of many tasks without letting one of them hold up the rest.

    The first attempt of the unit waits for every row, as `lock` does. When one was not to be had in
    time the unit runs again, and takes those that are free.

    Returns:
        The locked tasks, and the ids of those that exist and that somebody else holds.
    """
    wanted = set(task_ids)
    if not store.attempt:
        return lock(store, wanted), frozenset()
    free = lock_free(store, wanted)
    missing = sorted(wanted - free.keys())
    held = store.connection.scalars(_EXISTING, {"ids": missing}) if missing else ()
    return free, frozenset(held)


def lock_one(store: Store, task_id: str) -> LockedTask:
    """Lock one row. Raises TaskNotFound."""
    try:
        return lock(store, [task_id])[task_id]
    except KeyError:
        raise TaskNotFound(task=task_id) from None


def is_fenced(locked: LockedTask | None, epoch: int) -> bool:
    """True if a run with this epoch no longer owns the task."""
    return locked is None or locked.row.epoch != epoch or locked.status is not TaskStatus.IN_PROGRESS


def lock_owned(store: Store, task_id: str, epoch: int) -> LockedTask:
    """Lock a row for its owner. Raises LeaseLost."""
    locked = lock(store, [task_id]).get(task_id)
    if locked is None or is_fenced(locked, epoch):
        raise LeaseLost(task=task_id, epoch=epoch)
    return locked


def encode_event(event: NewEvent) -> None:
    """Refuse an event that could not be stored. Raises LimitExceeded, DataRefused."""
    try:
        size = len(orjson.dumps(dict(event.data)))
    except TypeError as error:
        raise DataRefused(reason=f"event {event.type}: {error}") from error
    if size > MAX_EVENT_BYTES:
        raise LimitExceeded(what=f"event {event.type}", size=size, limit=MAX_EVENT_BYTES)


def save(store: Store, locked: Sequence[LockedTask]) -> None:
    """Write changes and events of locked rows, numbering the events."""
    messages: list[dict[str, Any]] = []
    updates: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for task in locked:
        last_seq = task.row.last_seq
        for event in task.events:
            encode_event(event)
            last_seq += 1
            messages.append(
                {
                    "tenant": task.row.tenant,
                    "task_id": task.id,
                    "seq": last_seq,
                    "type": event.type.value,
                    "agent": event.agent,
                    "subtask_id": event.subtask_id,
                    "data": dict(event.data),
                    "created_at": store.now,
                }
            )
        if last_seq != task.row.last_seq:
            task.changes["last_seq"] = last_seq
        if task.changes:
            task.changes.setdefault("updated_at", store.now)
            updates.setdefault(tuple(sorted(task.changes)), []).append({**task.changes, "id": task.id})
    for rows in updates.values():
        update_rows(store, tasks, ("id",), rows)
    add_events(store, messages)


def add_events(store: Store, messages: Sequence[Mapping[str, Any]]) -> None:
    """Append numbered events to the log; the last of them is this transaction's witness."""
    if not messages:
        return
    insert_rows(store, agent_messages, messages)
    last = messages[-1]
    columns = agent_messages.c
    store.witness = select(columns.seq).where(
        columns.task_id == last["task_id"],
        columns.seq == last["seq"],
        columns.created_at == last["created_at"],
    )


def task_of(row: Row[Any]) -> Task:
    """The domain value of a full task row."""
    values: Mapping[str, Any] = dict(zip(row._fields, row, strict=True))
    return Task(
        id=values["id"],
        tenant=values["tenant"],
        title=values["title"],
        description=values["description"],
        priority=Priority(values["priority"]),
        team=values["team"],
        deadline=values["deadline"],
        assignee=values["assignee"],
        language=values["language"],
        status=TaskStatus(values["status"]),
        status_detail=values["status_detail"],
        progress=values["progress"],
        input_data=values["input_data"],
        files=tuple(InputFile(**item) for item in values["files"]),
        budget=Budget(**values["budget"]),
        cost=Cost(**values["cost"]),
        result=values["result"],
        error=values["error"] or _error_by_hand(values),
        generation=values["generation"],
        epoch=values["epoch"],
        last_seq=values["last_seq"],
        created_at=values["created_at"],
        updated_at=values["updated_at"],
        started_at=values["started_at"],
        completed_at=values["completed_at"],
        created_by=values["created_by"],
        start_at=_start_of(values),
    )


def _start_of(values: Mapping[str, Any]) -> datetime | None:
    is_held = can(Action.CLAIM, TaskStatus(values["status"])) and values["run_at"] > values["created_at"]
    return values["run_at"] if is_held else None


def _error_by_hand(values: Mapping[str, Any]) -> Mapping[str, Any] | None:
    message = values["error_message"]
    return {"code": "OPERATOR_SQL", "params": {}, "detail": message} if message else None


def budget_json(budget: Budget) -> dict[str, Any]:
    return asdict(budget)


def files_json(files: Sequence[InputFile]) -> list[dict[str, Any]]:
    return [asdict(item) for item in files]


def cost_json(cost: Cost) -> dict[str, Any]:
    return asdict(cost)

