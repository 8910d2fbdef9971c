"""What followers of tasks read: the new events of each, and how far each task has come.

Hides that the questions of many followers are one statement. Callers: the services, through
`lookups.Lookups`. Invariant: a task's state and its events are of one snapshot.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Integer, String, bindparam, cast, column, func, select, true
from sqlalchemy.dialects.postgresql import JSON

from langgraph_multi_agent.domain.event import Event, EventType, cursor_of
from langgraph_multi_agent.domain.task import TaskStatus, is_terminal
from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.database import Store, single_statement
from langgraph_multi_agent.store.schema import json_text
from langgraph_multi_agent.store.sets import POSTGRESQL

PAGE = 200
"""Events of one task that are read at once."""
MAX_SEQ = 2**31 - 1
"""The greatest number that the column holds."""

Known = tuple[str, int]
"""A task's id, and the `seq` of the last event of it that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A task after a `seq`.

    Attributes:
        last_seq: of the task; None when the task is deleted and only its last event is left.
        is_over: it is in a terminal state.
        events: those after the `seq`, in order, at most `PAGE`.
    """

    last_seq: int | None
    is_over: bool
    events: list[Event] = field(default_factory=list)

    def reaches_from(self, seq: int) -> bool:
        """`events` is all there is after this `seq`, without a gap."""
        return self.last_seq == seq + len(self.events) and (not self.events or self.events[-1].seq == self.last_seq)


_TASK, _MESSAGE = schema.tasks, schema.agent_messages
_EVENT_COLUMNS = [
    _MESSAGE.c[name]
    for name in ("seq", "type", "created_at", "agent", "subtask_id", "data", "xid", "id")
]  # fmt: skip
_ASKED = (
    func.json_to_recordset(cast(bindparam("asked", type_=String), JSON))
    .table_valued(column("task_id", String), column("known", Integer))
    .render_derived(name="asked", with_types=True)
)


def _query(*, of_tenant: bool) -> Any:
    events = (
        select(*_EVENT_COLUMNS)
        .where(_MESSAGE.c.task_id == _ASKED.c.task_id, _MESSAGE.c.seq > _ASKED.c.known)
        .order_by(_MESSAGE.c.seq)
        .limit(PAGE)
    )
    of_task = _TASK.c.id == _ASKED.c.task_id
    if of_tenant:
        tenant = bindparam("tenant", type_=String)
        events, of_task = events.where(_MESSAGE.c.tenant == tenant), of_task & (_TASK.c.tenant == tenant)
    page = events.lateral("page")
    return (
        select(_ASKED.c.task_id, _ASKED.c.known, _TASK.c.last_seq, _TASK.c.status, *page.c)
        .select_from(_ASKED.outerjoin(_TASK, of_task).outerjoin(page, true()))
        .order_by(_ASKED.c.task_id, _ASKED.c.known, page.c.seq)
    )


_OF_ALL, _OF_TENANT = _query(of_tenant=False), _query(of_tenant=True)


@single_statement
def histories(store: Store, asked: Sequence[Known]) -> dict[Known, History]:
    """The history after each place, of tasks that are in scope or left an event there."""
    if store.dialect != POSTGRESQL:
        return {known: history for known in asked if (history := _one(store, known)) is not None}
    clamped: dict[Known, Known] = {(task_id, min(seq, MAX_SEQ)): (task_id, seq) for task_id, seq in asked}
    places = [{"task_id": task_id, "known": seq} for task_id, seq in clamped]
    values: dict[str, Any] = {"asked": json_text(places)}
    query = _OF_ALL
    if store.scope.tenant is not None:
        query, values["tenant"] = _OF_TENANT, store.scope.tenant
    found: dict[Known, History] = {}
    for row in store.connection.execute(query, values).all():
        task_id, known, last_seq, status, *event = row
        if status is None and event[0] is None:
            continue
        key = clamped[task_id, known]
        history = found.get(key)
        if history is None:
            is_over = status is not None and is_terminal(TaskStatus(status))
            history = found[key] = History(last_seq=last_seq, is_over=is_over)
        if event[0] is not None:
            history.events.append(_event(task_id, *event))
    return found


def _one(store: Store, known: Known) -> History | None:
    """The same on SQLite, which has no LATERAL and where a statement is no round trip."""
    task_id, seq = known
    tasks = select(_TASK.c.last_seq, _TASK.c.status).where(_TASK.c.id == task_id)
    events = (
        select(*_EVENT_COLUMNS)
        .where(_MESSAGE.c.task_id == task_id, _MESSAGE.c.seq > seq)
        .order_by(_MESSAGE.c.seq)
        .limit(PAGE)
    )
    if store.scope.tenant is not None:
        tasks = tasks.where(_TASK.c.tenant == store.scope.tenant)
        events = events.where(_MESSAGE.c.tenant == store.scope.tenant)
    task = store.connection.execute(tasks).first()
    found = [_event(task_id, *row) for row in store.connection.execute(events)]
    if task is None:
        return History(last_seq=None, is_over=False, events=found) if found else None
    return History(last_seq=task.last_seq, is_over=is_terminal(TaskStatus(task.status)), events=found)


def _event(task_id: str, *row: Any) -> Event:
    seq, kind, at, agent, subtask_id, data, xid, number = row
    return Event(
        task_id=task_id,
        seq=seq,
        type=EventType(kind),
        at=at,
        agent=agent,
        subtask_id=subtask_id,
        data=data,
        cursor=cursor_of((xid, number)),
    )
