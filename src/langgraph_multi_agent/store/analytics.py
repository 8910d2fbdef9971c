"""The numbers of the dashboard, each by one statement over a tenant's rows, on both dialects.

Hides how SQLite and PostgreSQL cut times into days and read JSON. Caller: `service.analytics`, all of
it in one snapshot. Invariant: a number is counted or it is absent; days and months are those of UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Select,
    String,
    Subquery,
    Text,
    case,
    cast,
    extract,
    func,
    literal_column,
    select,
    text,
)

from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.task import TERMINAL, TaskStatus
from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.database import Store
from langgraph_multi_agent.store.rows import scoped
from langgraph_multi_agent.store.sets import POSTGRESQL

LIFECYCLE = (
    EventType.TASK_SUBMITTED,
    EventType.TASK_STARTED,
    EventType.TASK_WAITING_INPUT,
    EventType.TASK_PAUSED,
    EventType.TASK_COMPLETED,
    EventType.TASK_FAILED,
    EventType.TASK_CANCELLED,
    EventType.TASK_REOPENED,
    EventType.TASK_DELETED,
)
"""What an activity is: a step in a task's life that a person would be told of."""
DAY, MONTH = 10, 7
"""So many characters of an ISO date name a day and a month."""
DURATION_BOUNDS_S = (10, 30, 60, 300, 900, 1800, 3600, 14_400)
"""Between these seconds lie the classes of the histogram; the last one is open."""

_TASK, _MESSAGE, _CALL = schema.tasks.c, schema.agent_messages.c, schema.model_calls.c
_UNFINISHED_AT_WORK = [status.value for status in (TaskStatus.IN_PROGRESS, TaskStatus.WAITING_INPUT, TaskStatus.PAUSED)]
_ENDED = [status.value for status in TERMINAL]


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Tasks in scope.

    Attributes:
        at_work: in progress, waiting for a person, or paused.
        ended: that ended since the beginning of the window.
        ended_well: of these, completed in their first generation and not after their deadline.
    """

    total: int
    completed: int
    at_work: int
    ended: int
    ended_well: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """Seconds from the first start to the completion of the tasks completed in the window.

    `classes` holds, for each bound of DURATION_BOUNDS_S and one above, how many lie below it.
    """

    count: int
    p50_s: float | None
    p90_s: float | None
    classes: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentNumbers:
    """An agent's subtasks in the window. `median_s` is of the completed ones that were really worked on."""

    agent: str
    completed: int
    failed: int
    median_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What a day's settled model calls took."""

    input_tokens: int
    output_tokens: int
    cost: float
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """A step in a task's life. `title` is None when the task is gone."""

    type: EventType
    task_id: str
    title: str | None
    at: datetime
    actor: str | None


def totals(store: Store, *, since: datetime) -> Totals:
    """All tasks, and those that ended at or after `since`."""
    is_completed = _TASK.status == TaskStatus.COMPLETED.value
    is_ended = _TASK.status.in_(_ENDED) & (_TASK.completed_at >= since)
    is_in_time = _TASK.deadline.is_(None) | (_TASK.completed_at <= _TASK.deadline)
    query: Any = select(
        func.count(),
        _count(is_completed),
        _count(_TASK.status.in_(_UNFINISHED_AT_WORK)),
        _count(is_ended),
        _count(is_ended & is_completed & (_TASK.generation == 1) & is_in_time),
    )
    total, completed, at_work, ended, ended_well = store.connection.execute(scoped(store, query)).one()
    return Totals(total=total, completed=completed, at_work=at_work, ended=ended, ended_well=ended_well)


def completed_by_month(store: Store, *, since: datetime) -> dict[str, int]:
    """Completed tasks by the month (`YYYY-MM`) of their completion; months without one are absent."""
    month = _bucket(store, _TASK.completed_at, MONTH)
    query: Any = select(month, func.count()).where(
        _TASK.status == TaskStatus.COMPLETED.value, _TASK.completed_at >= since
    )
    return _pairs(store, scoped(store, query).group_by(text("1")))


def by_team(store: Store) -> dict[str, int]:
    """Tasks of each team."""
    return _pairs(store, scoped(store, select(_TASK.team, func.count())).group_by(_TASK.team))


def ends_by_day(store: Store, *, since: datetime) -> dict[str, dict[str, int]]:
    """By day (`YYYY-MM-DD`) and terminal status, how many tasks ended."""
    day = _bucket(store, _TASK.completed_at, DAY)
    query: Any = select(day, _TASK.status, func.count()).where(
        _TASK.status.in_(_ENDED), _TASK.completed_at >= since
    )
    found: dict[str, dict[str, int]] = {}
    for name, status, count in store.connection.execute(scoped(store, query).group_by(text("1"), _TASK.status)):
        found.setdefault(name, {})[status] = count
    return found


def created_by_day(store: Store, *, since: datetime) -> dict[str, int]:
    """By day, how many tasks came."""
    query: Any = select(_bucket(store, _TASK.created_at, DAY), func.count()).where(_TASK.created_at >= since)
    return _pairs(store, scoped(store, query).group_by(text("1")))


def durations(store: Store, *, since: datetime) -> Durations:
    """How long the tasks took that were completed at or after `since`; percentiles by nearest rank."""
    seconds = _epoch(store, _TASK.completed_at) - _epoch(store, _TASK.started_at)
    taken = scoped(store, select(seconds.label("s"))).where(
        _TASK.status == TaskStatus.COMPLETED.value,
        _TASK.completed_at >= since,
        _TASK.started_at.is_not(None),
    )
    ranked = _ranked(taken, partition_by=None)
    columns = ranked.c
    bounds = [_count(columns.s < bound) for bound in DURATION_BOUNDS_S]
    count, p50, p90, *below = store.connection.execute(
        select(func.count(), _at_rank(columns, 50), _at_rank(columns, 90), *bounds)
    ).one()
    edges = [0, *below, count]
    classes = tuple(edges[n + 1] - edges[n] for n in range(len(edges) - 1))
    return Durations(count=count, p50_s=_rounded(p50), p90_s=_rounded(p90), classes=classes)


def by_agent(store: Store, *, since: datetime) -> list[AgentNumbers]:
    """Ended subtasks of each agent since then, most first. What a reset aborted is no failure of the agent."""
    is_completed = _MESSAGE.type == EventType.SUBTASK_COMPLETED.value
    duration = cast(event_text(store, "duration_s"), Float)
    code = event_text(store, "error", "code")
    is_failed = (_MESSAGE.type == EventType.SUBTASK_FAILED.value) & (
        code.is_(None) | (code != "AGENT_RESET")
    )
    ended = scoped(
        store, select(_MESSAGE.agent, _count(is_completed), _count(is_failed)), schema.agent_messages
    ).where(
        _MESSAGE.agent.is_not(None),
        _MESSAGE.created_at >= since,
        _MESSAGE.type.in_([EventType.SUBTASK_COMPLETED.value, EventType.SUBTASK_FAILED.value]),
    )
    numbers = {
        agent: (completed, failed)
        for agent, completed, failed in store.connection.execute(ended.group_by(_MESSAGE.agent))
    }
    worked = scoped(
        store, select(_MESSAGE.agent.label("agent"), duration.label("s")), schema.agent_messages
    ).where(
        is_completed, _MESSAGE.agent.is_not(None), _MESSAGE.created_at >= since, ~_is_reused(store)
    )
    ranked = _ranked(worked, partition_by="agent")
    middle = select(ranked.c.agent, _at_rank(ranked.c, 50)).group_by(ranked.c.agent)
    medians = {agent: seconds for agent, seconds in store.connection.execute(middle)}
    found = [
        AgentNumbers(agent=agent, completed=done, failed=failed, median_s=_rounded(medians.get(agent)))
        for agent, (done, failed) in numbers.items()
    ]
    return sorted(found, key=lambda item: (-item.completed - item.failed, item.agent))


def spending_by_day(store: Store, *, since: datetime) -> dict[str, Spending]:
    """What settled model calls took, by the day of the call."""
    sums: Any = select(
        _bucket(store, _CALL.created_at, DAY),
        func.sum(_CALL.input_tokens),
        func.sum(_CALL.output_tokens),
        func.sum(_CALL.cost),
        func.count(),
    )
    query = scoped(store, sums, schema.model_calls).where(_CALL.state == "settled", _CALL.created_at >= since)
    return {
        day: Spending(input_tokens=int(taken), output_tokens=int(given), cost=round(float(cost), 9), calls=calls)
        for day, taken, given, cost, calls in store.connection.execute(query.group_by(text("1")))
    }


def recent_activities(store: Store, *, limit: int) -> list[Activity]:
    """The newest steps in the lives of tasks, newest first."""
    query = (
        scoped(
            store,
            select(_MESSAGE.type, _MESSAGE.task_id, schema.tasks.c.title, _MESSAGE.created_at, _MESSAGE.data),
            schema.agent_messages,
        )
        .select_from(schema.agent_messages.outerjoin(schema.tasks, _TASK.id == _MESSAGE.task_id))
        .where(_MESSAGE.type.in_([kind.value for kind in LIFECYCLE]))
        .order_by(_MESSAGE.created_at.desc(), _MESSAGE.id.desc())
        .limit(limit)
    )
    return [
        Activity(type=EventType(kind), task_id=task_id, title=title, at=at, actor=_actor(data))
        for kind, task_id, title, at, data in store.connection.execute(query)
    ]


def _actor(data: Mapping[str, Any]) -> str | None:
    by = data.get("by")
    return str(by) if by else None


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((condition, 1)))


def _pairs(store: Store, query: Select[Any]) -> dict[str, int]:
    return {name: count for name, count in store.connection.execute(query)}


def _bucket(store: Store, column: ColumnElement[Any], characters: int) -> ColumnElement[str]:
    """The first characters of a time as ISO text, in UTC."""
    if store.dialect == POSTGRESQL:
        pattern: Any = literal_column("'YYYY-MM-DD'" if characters == DAY else "'YYYY-MM'")
        return func.to_char(func.timezone(literal_column("'UTC'"), column), pattern)
    return func.substr(cast(column, Text), 1, literal_column(str(characters)))


def _epoch(store: Store, column: ColumnElement[Any]) -> ColumnElement[float]:
    """Seconds of the epoch with microseconds, which `strftime` of SQLite would round."""
    if store.dialect == POSTGRESQL:
        return cast(extract("epoch", column), Float)
    written = cast(column, Text)
    fraction = literal_column("'0'", String).concat(func.substr(written, 20))
    return cast(func.strftime("%s", func.substr(written, 1, 19)), Float) + cast(fraction, Float)


def event_text(store: Store, *path: str) -> ColumnElement[Any]:
    """A scalar of an event's data as text, or as its own type on SQLite; NULL where it is not."""
    if store.dialect == POSTGRESQL:
        return func.json_extract_path_text(_MESSAGE.data, *path)
    return func.json_extract(cast(_MESSAGE.data, Text), "$." + ".".join(path))


def _is_reused(store: Store) -> ColumnElement[bool]:
    value = event_text(store, "reused")
    return func.coalesce(cast(value, String), "false").in_(["true", "1"])


def _ranked(query: Select[Any], *, partition_by: str | None) -> Subquery:
    """The rows of a query over `s` with their rank `n` and how many they are, `total`."""
    rows = query.subquery()
    group = rows.c[partition_by] if partition_by else None
    return select(
        *rows.c,
        func.row_number().over(partition_by=group, order_by=rows.c.s).label("n"),
        func.count().over(partition_by=group).label("total"),
    ).subquery()


def _at_rank(columns: Any, percent: int) -> ColumnElement[float | None]:
    """The value at the nearest rank: of `total` ordered values the ceil(percent/100 * total)-th."""
    share = columns.total * percent
    is_it = (columns.n * 100 >= share) & ((columns.n - 1) * 100 < share)
    return func.max(case((is_it, columns.s)))


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(float(seconds), 3)
