"""Tasks as people see them: one, a list, a count, the files.

Hides what a filter means in SQL. Callers: the services, `lists`, and whoever changes a task and answers with
it. Invariant: nothing here writes, and a scope reads the tasks of its tenant only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Select, bindparam, func, literal_column, select, tuple_

from langgraph_multi_agent.domain.errors import TaskNotFound
from langgraph_multi_agent.domain.result import ArtifactRef
from langgraph_multi_agent.domain.task import Task, TaskStatus
from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.database import Store, single_statement
from langgraph_multi_agent.store.rows import scoped, task_of
from langgraph_multi_agent.store.sets import among

_BY_ID = select(schema.tasks).where(among(schema.tasks.c.id, "ids"))
_BY_ID_OF_TENANT = _BY_ID.where(schema.tasks.c.tenant == bindparam("tenant"))


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """What a list of tasks is restricted to; empty means all."""

    status: tuple[TaskStatus, ...] = ()
    priority: tuple[int, ...] = ()
    team: str | None = None
    assignee: str | None = None
    query: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


@single_statement
def get(store: Store, task_id: str) -> Task:
    """One task. Raises TaskNotFound."""
    try:
        return found(store, [task_id])[task_id]
    except KeyError:
        raise TaskNotFound(task=task_id) from None


@single_statement
def found(store: Store, task_ids: Sequence[str]) -> dict[str, Task]:
    """Those of some tasks that exist in scope, by id."""
    values: dict[str, Any] = {"ids": task_ids}
    query = _BY_ID
    if store.scope.tenant is not None:
        query, values["tenant"] = _BY_ID_OF_TENANT, store.scope.tenant
    return {row.id: task_of(row) for row in store.connection.execute(query, values).all()}


@single_statement
def list_tasks(
    store: Store, task_filter: TaskFilter, *, limit: int, after: tuple[datetime, str] | None
) -> list[Task]:
    """Newest first, at most `limit`, those older than the (created_at, id) of `after`."""
    columns = schema.tasks.c
    query = restricted(scoped(store, select(schema.tasks)), task_filter)
    if after is not None:
        query = query.where(tuple_(columns.created_at, columns.id) < tuple_(*after))
    query = query.order_by(columns.created_at.desc(), columns.id.desc()).limit(limit)
    return [task_of(row) for row in store.connection.execute(query).all()]


def restricted(query: Select[Any], task_filter: TaskFilter) -> Select[Any]:
    """A query over tasks with a filter's conditions."""
    columns = schema.tasks.c
    if task_filter.status:
        query = query.where(columns.status.in_([status.value for status in task_filter.status]))
    if task_filter.priority:
        query = query.where(columns.priority.in_(task_filter.priority))
    if task_filter.team is not None:
        query = query.where(columns.team == task_filter.team)
    if task_filter.assignee is not None:
        query = query.where(contains(columns.assignee, task_filter.assignee))
    if task_filter.query is not None:
        words = task_filter.query
        query = query.where(contains(columns.title, words) | contains(columns.description, words))
    if task_filter.created_after is not None:
        query = query.where(columns.created_at >= task_filter.created_after)
    if task_filter.created_before is not None:
        query = query.where(columns.created_at < task_filter.created_before)
    return query


def contains(column: ColumnElement[Any], part: str) -> ColumnElement[bool]:
    """Whether a column contains a text, whatever its case.

    A text that has no case, as Chinese has none, is found in half the time without looking at it.
    """
    if part.lower() == part.upper():
        return column.contains(part, autoescape=True)
    return column.icontains(part, autoescape=True)


@single_statement
def answers(store: Store) -> bool:
    """Whether the table of tasks can be read: the cheapest question that proves it."""
    store.connection.execute(select(schema.tasks.c.id).limit(1)).first()
    return True


@single_statement
def count_by_status(store: Store) -> dict[str, int]:
    """How many tasks have each status."""
    query = scoped(store, select(schema.tasks.c.status, func.count())).group_by(schema.tasks.c.status)
    return {status: count for status, count in store.connection.execute(query)}


@single_statement
def count_at_work(store: Store) -> dict[str, int]:
    """How many tasks are pending and in progress: by the index of these, however many have ended."""
    status = schema.tasks.c.status
    # Written out, as the index's own condition is: with parameters a prepared plan could not use it.
    is_at_work = literal_column("tasks.status IN ('pending', 'in_progress')", Boolean)
    query = scoped(store, select(status, func.count()).where(is_at_work)).group_by(status)
    return {name: count for name, count in store.connection.execute(query)}


def artifacts_of(store: Store, task_id: str) -> list[tuple[ArtifactRef, datetime]]:
    """Names and digests of a task's files, inputs included, oldest first."""
    get(store, task_id)
    table = schema.artifacts
    rows = store.connection.execute(
        select(table).where(table.c.task_id == task_id).order_by(table.c.created_at, table.c.name)
    )
    return [
        (
            ArtifactRef(
                name=row.name, digest=row.digest, size_bytes=row.size_bytes, media_type=row.media_type, kind=row.kind
            ),
            row.created_at,
        )
        for row in rows
    ]
