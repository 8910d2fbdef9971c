"""Reading the event log: by task after a `seq`, or over all tasks in commit order."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    Text,
    case,
    cast,
    func,
    literal_column,
    select,
    tuple_,
    update,
)

from langgraph_multi_agent.domain.event import (
    MAX_NUMBER,
    Event,
    EventType,
    Position,
    cursor_of,
    position_of,
    unknown_cursor,
)
from langgraph_multi_agent.domain.task import TaskStatus
from langgraph_multi_agent.store import rows, schema
from langgraph_multi_agent.store.database import Store, unit

MAX_SEQ = 2**31 - 1
"""The greatest number that the column holds; PostgreSQL refuses to compare it with a greater one."""
_MESSAGES = schema.agent_messages
_SNAPSHOT_XMIN: ColumnElement[int] = literal_column(
    "(pg_snapshot_xmin(pg_current_snapshot())::text::bigint)", BigInteger
)
"""The oldest transaction that still runs: all before it have ended, and what they wrote is seen."""
_SNAPSHOT_XMAX: ColumnElement[int] = literal_column(
    "(pg_snapshot_xmax(pg_current_snapshot())::text::bigint)", BigInteger
)
"""The first id that no transaction has yet."""


def _is_postgresql(store: Store) -> bool:
    return store.connection.dialect.name == "postgresql"


def _number(store: Store, expression: ColumnElement[int]) -> int:
    return store.connection.execute(select(expression)).scalar_one()


def _event(row: Row[Any]) -> Event:
    return Event(
        task_id=row.task_id,
        seq=row.seq,
        type=EventType(row.type),
        at=row.created_at,
        agent=row.agent,
        subtask_id=row.subtask_id,
        data=row.data,
        cursor=cursor_of((row.xid, row.id)),
    )


def _scoped(store: Store, query: Select[Any]) -> Select[Any]:
    return rows.scoped(store, query, _MESSAGES)


def _places(store: Store, position: Position) -> tuple[Any, Any]:
    """What to compare: the place of a row, and a place. SQLite's index serves one column, and one is all."""
    if _is_postgresql(store):
        return tuple_(_MESSAGES.c.xid, _MESSAGES.c.id), position
    return _MESSAGES.c.id, position[1]


def after(store: Store, task_id: str, seq: int, *, limit: int) -> list[Event]:
    """Events of one task with a greater `seq`, in order."""
    query = (
        _scoped(store, select(_MESSAGES))
        .where(_MESSAGES.c.task_id == task_id, _MESSAGES.c.seq > min(seq, MAX_SEQ))
        .order_by(_MESSAGES.c.seq)
        .limit(limit)
    )
    return [_event(row) for row in store.connection.execute(query)]


def after_cursor(store: Store, cursor: str, *, limit: int) -> list[Event]:
    """Events of all tasks in scope committed after the cursor, in an order in which nothing later appears.

    PostgreSQL: transactions commit in another order than they got their ids, so rows are shown only
    when every transaction with a smaller id has ended. SQLite: one writer, `id` is the commit order.

    Raises:
        InvalidRequest: the cursor is not one that this database handed out.
    """
    position = position_of(cursor)
    place, known = _places(store, position)
    query = _scoped(store, select(_MESSAGES)).where(place > known).order_by(_MESSAGES.c.id).limit(limit)
    if _is_postgresql(store):
        if position[0] and position[0] >= _number(store, _SNAPSHOT_XMAX):
            raise unknown_cursor()  # of another history of this database, before a restore
        query = query.where(_MESSAGES.c.xid < _SNAPSHOT_XMIN)
        query = query.order_by(None).order_by(_MESSAGES.c.xid, _MESSAGES.c.id)
    return [_event(row) for row in store.connection.execute(query)]


def last_cursor(store: Store) -> str:
    """The place after all events that `after_cursor` shows now; what it shows later comes after.

    PostgreSQL: every transaction below the oldest running one has ended, so the place is the end of
    the one before it. SQLite: the newest event in scope, `0.0` if there is none.
    """
    if _is_postgresql(store):
        return cursor_of((_number(store, _SNAPSHOT_XMIN) - 1, MAX_NUMBER))
    return cursor_of((0, store.connection.scalar(_scoped(store, select(func.max(_MESSAGES.c.id)))) or 0))


def is_held_back(store: Store) -> bool:
    """True if there are events that `after_cursor` shows only when an older transaction has ended."""
    if not _is_postgresql(store):
        return False
    found = _scoped(store, select(_MESSAGES.c.id)).where(_MESSAGES.c.xid >= _SNAPSHOT_XMIN)
    return bool(store.connection.scalar(select(found.exists())))


def read_on(store: Store, cursor: str, *, limit: int) -> tuple[list[Event], bool]:
    """`after_cursor`, and whether it is worth asking again soon without a wake-up."""
    found = after_cursor(store, cursor, limit=limit)
    return found, len(found) < limit and is_held_back(store)


@unit
def adopt_restored(store: Store) -> int:
    """Give rows of a dump restored into a new cluster a place before all others; how many there were.

    A new cluster counts transactions from the start, so their ids lie in its future. Run at start-up.
    """
    if not _is_postgresql(store):
        return 0
    foreign = update(_MESSAGES).where(_MESSAGES.c.xid >= _SNAPSHOT_XMAX).values(xid=0)
    return store.connection.execute(foreign).rowcount


def newest_numbers(store: Store, task_ids: Sequence[str]) -> dict[str, int]:
    """`last_seq` of those of at most 1000 tasks that exist in scope."""
    query = rows.scoped(store, select(schema.tasks.c.id, schema.tasks.c.last_seq))
    found = store.connection.execute(query.where(schema.tasks.c.id.in_(task_ids)))
    return {row.id: row.last_seq for row in found}


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


def agent_record(
    store: Store,
    *,
    resets: Mapping[str, Any],
    after: Position = (0, 0),
    until: Position | None = None,
    agents: Collection[str] | None = None,
) -> dict[str, dict[str, Any]]:
    """By agent: completed and failed subtasks, last activity, since the agent's last reset.

    What a reset aborted is no failure of the agent.

    Args:
        resets: when each agent was reset, those that were.
        after, until: only events between these places, the second included.
        agents: only these.
    """
    columns = _MESSAGES.c
    by_reset = cast(columns.data, Text).like('%"AGENT_RESET"%')
    failed = (columns.type == EventType.SUBTASK_FAILED.value) & ~by_reset
    completed = columns.type == EventType.SUBTASK_COMPLETED.value
    query = _scoped(
        store,
        select(
            columns.agent,
            func.sum(case((completed, 1), else_=0)).label("completed"),
            func.sum(case((failed, 1), else_=0)).label("failed"),
            func.max(columns.created_at).label("last_activity"),
        ),
    ).where(columns.agent.is_not(None))
    if after != (0, 0):
        place, known = _places(store, after)
        query = query.where(place > known)
    if until is not None:
        place, known = _places(store, until)
        query = query.where(place <= known)
    if agents is not None:
        moments = [resets[agent] for agent in agents if agent in resets]
        query = query.where(columns.agent.in_(sorted(agents)))
        if len(moments) == len(agents) and moments:
            query = query.where(columns.created_at > min(moments))
    if resets:
        since = case(*[(columns.agent == agent, moment) for agent, moment in resets.items()], else_=None)
        query = query.where((since.is_(None)) | (columns.created_at > since))
    return {
        row.agent: {
            "completed": int(row.completed or 0),
            "failed": int(row.failed or 0),
            "last_activity": row.last_activity,
        }
        for row in store.connection.execute(query.group_by(columns.agent))
    }


def has_deletion(store: Store, *, after: Position, until: Position) -> bool:
    """Whether a task was deleted between these places, the second included: its events before them are gone."""
    (place, first), (_, last) = _places(store, after), _places(store, until)
    query = _scoped(store, select(_MESSAGES.c.id)).where(
        _MESSAGES.c.type == EventType.TASK_DELETED.value, place > first, place <= last
    )
    return store.connection.execute(query.limit(1)).first() is not None


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
