"""Reading the event log: by task after a `seq`, or over all tasks in commit order."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, Select, Text, case, cast, func, select

from langgraph_multi_agent.domain.event import Event, EventType
from langgraph_multi_agent.domain.task import TaskStatus
from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.database import Store

_MESSAGES = schema.agent_messages


def _event(row: Row[Any]) -> Event:
    return Event(
        task_id=row.task_id,
        seq=row.seq,
        type=EventType(row.type),
        at=row.created_at,
        agent=row.agent,
        subtask_id=row.subtask_id,
        data=row.data,
        cursor=row.id,
    )


def _scoped(store: Store, query: Select[Any]) -> Select[Any]:
    return query if store.scope.tenant is None else query.where(_MESSAGES.c.tenant == store.scope.tenant)


def after(store: Store, task_id: str, seq: int, *, limit: int) -> list[Event]:
    """Events of one task with a greater `seq`, in order."""
    query = (
        _scoped(store, select(_MESSAGES))
        .where(_MESSAGES.c.task_id == task_id, _MESSAGES.c.seq > seq)
        .order_by(_MESSAGES.c.seq)
        .limit(limit)
    )
    return [_event(row) for row in store.connection.execute(query)]


def after_cursor(store: Store, cursor: int, *, limit: int) -> list[Event]:
    """Events of all tasks in scope committed after the cursor, in commit order.

    On SQLite the rowid is the commit order: there is one writer.
    """
    query = (
        _scoped(store, select(_MESSAGES)).where(_MESSAGES.c.id > cursor).order_by(_MESSAGES.c.id).limit(limit)
    )
    return [_event(row) for row in store.connection.execute(query)]


def last_cursor(store: Store) -> int:
    """The cursor of the newest event in scope; 0 if there is none."""
    return int(store.connection.scalar(_scoped(store, select(func.max(_MESSAGES.c.id)))) or 0)


def of_types(store: Store, task_id: str, types: Sequence[EventType], *, after_seq: int = 0) -> list[Event]:
    """All events of some types of one task."""
    query = (
        _scoped(store, select(_MESSAGES))
        .where(
            _MESSAGES.c.task_id == task_id,
            _MESSAGES.c.seq > after_seq,
            _MESSAGES.c.type.in_([kind.value for kind in types]),
        )
        .order_by(_MESSAGES.c.seq)
    )
    return [_event(row) for row in store.connection.execute(query)]


def agent_record(store: Store, *, resets: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By agent: completed and failed subtasks, last activity, since the agent's last reset.

    What a reset aborted is no failure of the agent.
    """
    columns = _MESSAGES.c
    by_reset = cast(columns.data, Text).like('%"AGENT_RESET"%')
    failed = (columns.type == EventType.SUBTASK_FAILED.value) & ~by_reset
    query = (
        _scoped(
            store,
            select(
                columns.agent,
                func.sum(case((columns.type == EventType.SUBTASK_COMPLETED.value, 1), else_=0)).label("completed"),
                func.sum(case((failed, 1), else_=0)).label("failed"),
                func.max(columns.created_at).label("last_activity"),
            ),
        )
        .where(columns.agent.is_not(None))
        .group_by(columns.agent)
    )
    if resets:
        since = case(
            *[(columns.agent == agent, moment) for agent, moment in resets.items()], else_=None
        )
        query = query.where((since.is_(None)) | (columns.created_at > since))
    return {
        row.agent: {
            "completed": int(row.completed or 0),
            "failed": int(row.failed or 0),
            "last_activity": row.last_activity,
        }
        for row in store.connection.execute(query)
    }


def running_subtasks(store: Store) -> list[Event]:
    """The `subtask.started` events without an end, of tasks that are in progress."""
    running = schema.tasks.c
    query = (
        _scoped(store, select(_MESSAGES))
        .join(schema.tasks, schema.tasks.c.id == _MESSAGES.c.task_id)
        .where(
            running.status == TaskStatus.IN_PROGRESS.value,
            _MESSAGES.c.type.in_(
                [
                    EventType.TASK_STARTED.value,
                    EventType.TASK_RESUMED.value,
                    EventType.SUBTASK_STARTED.value,
                    EventType.SUBTASK_COMPLETED.value,
                    EventType.SUBTASK_FAILED.value,
                ]
            ),
        )
        .order_by(_MESSAGES.c.task_id, _MESSAGES.c.seq)
    )
    open_: dict[tuple[str, str], Event] = {}
    for event in (_event(row) for row in store.connection.execute(query)):
        if event.subtask_id is None:  # a new run starts with nothing running
            open_ = {key: value for key, value in open_.items() if key[0] != event.task_id}
        elif event.type is EventType.SUBTASK_STARTED:
            open_[event.task_id, event.subtask_id] = event
        else:
            open_.pop((event.task_id, event.subtask_id), None)
    return list(open_.values())
