"""Lists that are counted: numbered pages of tasks, and the figures over all of them.

Hides how far a count goes, and how a part of a name is looked for. Callers: the task service. Invariant:
a total is exact up to COUNTED_TASKS and never larger, so that its price does not grow with the table.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, case, func, literal, select, union_all

from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.task import TERMINAL, Priority, Task, TaskStatus
from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.database import Store, single_statement
from langgraph_multi_agent.store.names import names_in
from langgraph_multi_agent.store.rows import scoped, task_of
from langgraph_multi_agent.store.sets import among
from langgraph_multi_agent.store.tasks import TaskFilter, contains, restricted

COUNTED_TASKS = 10_000
MAX_ASSIGNEES = 1000
"""With more different names than these, each task is asked whether its name has the wanted part."""
MAX_MERGED = 20
"""For so many names each one's tasks are looked up by itself, which no statistics can mislead."""
_PLANS = (EventType.PLAN_CREATED.value, EventType.PLAN_REVISED.value)
_STEPS = (
    EventType.TASK_REOPENED.value,
    EventType.SUBTASK_STARTED.value,
    EventType.SUBTASK_COMPLETED.value,
    EventType.SUBTASK_FAILED.value,
    EventType.SUBTASK_RETRIED.value,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStatistics:
    """Figures over all tasks of a tenant, of one moment.

    Attributes:
        urgent: of the highest priority, in any status.
        urgent_unfinished: those of them that have not ended.
        completed_since: completed at or after the `since` that was asked for.
        overdue: not ended although their deadline has passed.
    """

    total: int
    completed: int
    pending: int
    urgent: int
    urgent_unfinished: int
    completed_since: int
    overdue: int


def numbered_page(
    store: Store, task_filter: TaskFilter, *, limit: int, offset: int
) -> tuple[list[Task], int, bool]:
    """Newest first: at most `limit` tasks after the first `offset`, how many there are, and whether
    there are more than that, which is said from COUNTED_TASKS on.
    """
    columns = schema.tasks.c
    order = (columns.created_at.desc(), columns.id.desc())
    # What matches is looked for once: what no index finds costs a look at every row.
    parts = _parts(store, task_filter)
    found = _first(parts, COUNTED_TASKS + 1).cte("found")
    count = select(func.count()).select_from(found).scalar_subquery()
    page = (
        select(found.c.id).order_by(found.c.created_at.desc(), found.c.id.desc()).limit(limit).offset(offset)
    )
    counted = select(count.label("total"), schema.tasks).where(columns.id.in_(page)).order_by(*order)
    rows: Sequence[Row[Any]] = store.connection.execute(counted).all()
    if rows or not offset:
        total = rows[0].total if rows else 0
    else:  # behind the last page
        total = store.connection.scalar(select(count)) or 0
    if total > COUNTED_TASKS:  # these were any that match: the newest are found on the way from the newest
        newest = _first([part.order_by(*order) for part in parts], limit + offset).subquery()
        ids = select(newest.c.id).order_by(newest.c.created_at.desc(), newest.c.id.desc())
        wanted = columns.id.in_(ids.limit(limit).offset(offset))
        rows = store.connection.execute(select(schema.tasks).where(wanted).order_by(*order)).all()
    return [task_of(row) for row in rows], min(total, COUNTED_TASKS), total > COUNTED_TASKS


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtasksDone:
    """How many subtasks of a task's newest plan are completed, and how many it has."""

    done: int
    total: int


@single_statement
def subtasks_done(store: Store, task_ids: Sequence[str]) -> dict[str, SubtasksDone]:
    """By id, those of some tasks that have a plan in this generation; as `service.plans` folds it.

    Reads the events of all these tasks: ask for tasks at work, not for what has ended.
    """
    columns = schema.agent_messages.c
    # Only a plan's data is read: what a subtask gave may be long.
    plan = case((columns.type.in_(_PLANS), columns.data)).label("plan")
    query = select(columns.task_id, columns.type, columns.subtask_id, plan).where(
        among(columns.task_id, "ids"), columns.type.in_([*_PLANS, *_STEPS])
    )
    rows = store.connection.execute(
        scoped(store, query, schema.agent_messages).order_by(columns.task_id, columns.seq), {"ids": list(task_ids)}
    )
    return {
        task_id: found
        for task_id, events in groupby(rows, key=lambda row: row.task_id)
        if (found := _counted(events)) is not None
    }


def _counted(events: Iterable[Row[Any]]) -> SubtasksDone | None:
    total, known, done = 0, None, set[str]()
    for event in events:
        if event.type == EventType.TASK_REOPENED.value:
            total, known, done = 0, None, set()
        elif event.plan is not None:
            total, nodes = event.plan.get("count", 0), event.plan.get("subtasks")
            known = None if nodes is None else {node["id"] for node in nodes}
        elif event.type == EventType.SUBTASK_COMPLETED.value:
            done.add(event.subtask_id)
        else:
            done.discard(event.subtask_id)
    if not total:
        return None
    # A plan too long for an event is told by its length alone.
    return SubtasksDone(done=min(len(done), total) if known is None else len(done & known), total=total)


def _parts(store: Store, task_filter: TaskFilter) -> list[Select[Any]]:
    """Queries for the `id` and `created_at` of what matches; no task is in two of them."""
    columns = schema.tasks.c
    every = scoped(store, select(columns.id, columns.created_at))
    names = None if task_filter.assignee is None else _assignees_with(store, task_filter.assignee)
    if names is None:
        return [restricted(every, task_filter)]
    matching = restricted(every, replace(task_filter, assignee=None))
    if len(names) > MAX_MERGED:
        return [matching.where(among(columns.assignee, "assignees")).params(assignees=names)]
    return [matching.where(columns.assignee == name) for name in names] or [matching.where(literal(False))]


def _first(parts: Sequence[Select[Any]], count: int) -> Select[Any]:
    """Of each query its first rows, `count` at most, together."""
    if len(parts) == 1:
        return parts[0].limit(count)
    together = union_all(*(select(part.limit(count).subquery()) for part in parts)).subquery()
    return select(together)


def _assignees_with(store: Store, part: str) -> list[str] | None:
    """The names that contain a text, whatever its case; None if there are too many to look through."""
    if store.scope.tenant is None:  # the index is that of a tenant's names
        return None
    names = names_in(store, schema.tasks, "assignee", most=MAX_ASSIGNEES).subquery()
    is_beyond = names.c.place > MAX_ASSIGNEES
    query = select(names.c.name, is_beyond).where(contains(names.c.name, part) | is_beyond)
    found = store.connection.execute(query).all()
    return None if any(row[1] for row in found) else [row[0] for row in found]


@single_statement
def statistics(store: Store, *, since: datetime) -> TaskStatistics:
    """The figures, read in one pass."""
    columns = schema.tasks.c
    is_completed = columns.status == TaskStatus.COMPLETED.value
    is_urgent = columns.priority == int(Priority.URGENT)
    is_unfinished = columns.status.not_in(sorted(status.value for status in TERMINAL))
    count = func.count
    figures: list[ColumnElement[Any]] = [
        count().label("total"),
        count().filter(is_completed).label("completed"),
        count().filter(columns.status == TaskStatus.PENDING.value).label("pending"),
        count().filter(is_urgent).label("urgent"),
        count().filter(is_urgent, is_unfinished).label("urgent_unfinished"),
        count().filter(is_completed, columns.completed_at >= since).label("completed_since"),
        count().filter(is_unfinished, columns.deadline < store.now).label("overdue"),
    ]
    query: Select[Any] = select(*figures)
    return TaskStatistics(
        **store.connection.execute(scoped(store, query.select_from(schema.tasks))).one()._mapping
    )
