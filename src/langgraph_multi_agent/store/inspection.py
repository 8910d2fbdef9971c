"""Looks into the system and its tasks: who works on what, what waits, what failed, and how it ran.

Reads only; nothing is kept. Caller: `service.inspection`. Invariant: every answer is of one snapshot,
and of the scope's tenant.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.task import TaskStatus
from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.analytics import event_text
from langgraph_multi_agent.store.database import Store
from langgraph_multi_agent.store.leases import SUSPECT_CRASHES
from langgraph_multi_agent.store.rows import scoped

DEAD_LETTER = "POISON_TASK"
MAX_SHOWN = 20

_TASK, _LEASE, _RUN, _MESSAGE = (
    schema.tasks.c,
    schema.leases.c,
    schema.workflow_executions.c,
    schema.agent_messages.c,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A task in somebody's hands. `since` is when this run of it began."""

    owner: str
    task_id: str
    title: str
    since: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """A run of a task. `error` is a code; `completed_at` None while it goes on."""

    id: str
    generation: int
    epoch: int
    worker: str
    status: str
    error: str | None
    started_at: datetime
    completed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Runnable tasks of one priority, and when the first of them could have started."""

    priority: int
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTask:
    task_id: str
    title: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLook:
    """What waits.

    Attributes:
        delayed, next_at: tasks whose time has not come, and when the first one's comes.
        suspects: runnable tasks that have crashed their process and therefore run alone.
        dead_letters: tasks that were given up for it; `dead` are the newest of them.
    """

    waiting: tuple[Waiting, ...]
    running: int
    delayed: int
    next_at: datetime | None
    suspects: int
    dead_letters: int
    dead: tuple[NamedTask, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Failures of one kind by one agent. The example is the newest.

    Attributes:
        agent: None where a whole task failed.
        params: of the newest error.
    """

    code: str
    agent: str | None
    count: int
    last_at: datetime
    task_id: str
    title: str | None
    status: TaskStatus | None
    params: Mapping[str, Any]


def held(store: Store) -> list[Held]:
    """All leases with their tasks, oldest run first."""
    query = (
        scoped(store, select(_LEASE.owner, _LEASE.task_id, _TASK.title, _RUN.created_at, _LEASE.expires_at))
        .select_from(
            schema.leases.join(schema.tasks, _TASK.id == _LEASE.task_id).join(
                schema.workflow_executions, (_RUN.task_id == _LEASE.task_id) & (_RUN.epoch == _LEASE.epoch)
            )
        )
        .order_by(_RUN.created_at, _LEASE.task_id)
    )
    return [
        Held(owner=owner, task_id=task_id, title=title, since=since, expires_at=expires_at)
        for owner, task_id, title, since, expires_at in store.connection.execute(query)
    ]


def lately_ended(store: Store, *, since: datetime) -> dict[str, tuple[int, datetime]]:
    """By worker: runs that ended since then, and when the last one did."""
    query: Any = select(_RUN.worker, func.count(), func.max(_RUN.completed_at)).where(_RUN.completed_at >= since)
    if store.scope.tenant is not None:
        query = query.where(_RUN.tenant == store.scope.tenant)
    return {
        worker: (count, last) for worker, count, last in store.connection.execute(query.group_by(_RUN.worker))
    }


def queue(store: Store) -> QueueLook:
    """What waits for a worker, for its time, or for an operator."""
    is_pending = _TASK.status == TaskStatus.PENDING.value
    is_due = is_pending & (_TASK.run_at <= store.now)
    waiting: Any = select(_TASK.priority, func.count(), func.min(_TASK.run_at)).where(is_due)
    delayed: Any = select(func.count(), func.min(_TASK.run_at)).where(is_pending & (_TASK.run_at > store.now))
    later, next_at = store.connection.execute(scoped(store, delayed)).one()
    is_dead = (_TASK.status == TaskStatus.FAILED.value) & (_TASK.error_message == DEAD_LETTER)
    dead = (
        scoped(store, select(_TASK.id, _TASK.title, _TASK.completed_at))
        .where(is_dead)
        .order_by(_TASK.completed_at.desc(), _TASK.id.desc())
        .limit(MAX_SHOWN)
    )
    return QueueLook(
        waiting=tuple(
            Waiting(priority=priority, count=count, oldest=oldest)
            for priority, count, oldest in store.connection.execute(
                scoped(store, waiting).group_by(_TASK.priority).order_by(_TASK.priority.desc())
            )
        ),
        running=_number(store, _TASK.status == TaskStatus.IN_PROGRESS.value),
        delayed=later,
        next_at=next_at,
        suspects=_number(store, is_pending & (_TASK.crash_count >= SUSPECT_CRASHES)),
        dead_letters=_number(store, is_dead),
        dead=tuple(
            NamedTask(task_id=task_id, title=title, at=at)
            for task_id, title, at in store.connection.execute(dead)
        ),
    )


def failures(store: Store, *, since: datetime, limit: int) -> list[Failures]:
    """Failed subtasks and tasks since then, by code and agent, most frequent first."""
    code = event_text(store, "error", "code")
    group = [code, _MESSAGE.agent]
    events = scoped(
        store,
        select(
            code.label("code"),
            _MESSAGE.agent,
            _MESSAGE.task_id,
            _MESSAGE.created_at,
            _MESSAGE.data,
            func.count().over(partition_by=group).label("total"),
            func.row_number()
            .over(partition_by=group, order_by=(_MESSAGE.created_at.desc(), _MESSAGE.id.desc()))
            .label("place"),
        ),
        schema.agent_messages,
    ).where(
        _MESSAGE.type.in_([EventType.SUBTASK_FAILED.value, EventType.TASK_FAILED.value]),
        _MESSAGE.created_at >= since,
        code.is_not(None),
    )
    newest = events.subquery()
    columns = newest.c
    query = (
        select(newest, _TASK.title, _TASK.status)
        .select_from(newest.outerjoin(schema.tasks, _TASK.id == columns.task_id))
        .where(columns.place == 1)
        .order_by(columns.total.desc(), columns.created_at.desc())
        .limit(limit)
    )
    return [
        Failures(
            code=row.code,
            agent=row.agent,
            count=row.total,
            last_at=row.created_at,
            task_id=row.task_id,
            title=row.title,
            status=None if row.status is None else TaskStatus(row.status),
            params=dict((row.data.get("error") or {}).get("params") or {}),
        )
        for row in store.connection.execute(query)
    ]


def executions(store: Store, task_id: str) -> list[Execution]:
    """The runs of a task, newest first."""
    query: Any = select(schema.workflow_executions).where(_RUN.task_id == task_id).order_by(_RUN.epoch.desc())
    if store.scope.tenant is not None:
        query = query.where(_RUN.tenant == store.scope.tenant)
    return [
        Execution(
            id=row.id,
            generation=row.generation,
            epoch=row.epoch,
            worker=row.worker,
            status=row.status,
            error=row.error_message,
            started_at=row.created_at,
            completed_at=row.completed_at,
        )
        for row in store.connection.execute(query)
    ]


def checkpoint_sizes(store: Store, task_id: str) -> dict[tuple[str, str], int]:
    """Bytes of each checkpoint of a task with its pending writes, by namespace and id."""
    own, writes = schema.checkpoints.c, schema.checkpoint_writes.c
    sizes: dict[tuple[str, str], int] = {}
    for columns, body in ((own, own.checkpoint), (writes, writes.value)):
        query: Any = (
            select(columns.checkpoint_ns, columns.checkpoint_id, func.sum(func.length(body)))
            .where(columns.thread_id == task_id)
            .group_by(columns.checkpoint_ns, columns.checkpoint_id)
        )
        for namespace, checkpoint_id, size in store.connection.execute(query):
            key = (namespace, checkpoint_id)
            sizes[key] = sizes.get(key, 0) + int(size or 0)
    return sizes


def _number(store: Store, condition: Any) -> int:
    query: Any = select(func.count()).select_from(schema.tasks).where(condition)
    return int(store.connection.scalar(scoped(store, query)) or 0)
