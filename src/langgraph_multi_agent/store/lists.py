"""Lists that are counted: numbered pages of tasks, and the figures over all of them.

Hides how far a count goes. Callers: the task service. Invariant: a total is exact up to
COUNTED_TASKS and never larger, so that its price does not grow with the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select

from langgraph_multi_agent.domain.task import TERMINAL, Priority, Task, TaskStatus
from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.database import Store, single_statement
from langgraph_multi_agent.store.rows import scoped, task_of
from langgraph_multi_agent.store.tasks import TaskFilter, restricted

COUNTED_TASKS = 10_000


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
    matching = restricted(scoped(store, select(columns.id, columns.created_at)), task_filter)
    found = matching.limit(COUNTED_TASKS + 1).cte("found")
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
        ids = matching.with_only_columns(columns.id).order_by(*order).limit(limit).offset(offset)
        rows = store.connection.execute(
            select(schema.tasks).where(columns.id.in_(ids)).order_by(*order)
        ).all()
    return [task_of(row) for row in rows], min(total, COUNTED_TASKS), total > COUNTED_TASKS


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
