"""The acceptance of tasks: alone with an idempotency key, or all that come at the same time together.

Hides that those who submit at once share a transaction (see `gathering`), and how much may wait. Callers:
the task service, `chats`, `schedules`. Invariant: a submission is refused for its own sake only; one that
was answered is durable, with its first event, its inputs and its key.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, bindparam, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.domain.errors import (
    DataRefused,
    Fault,
    IdempotencyConflict,
    QueueFull,
    QuotaExceeded,
)
from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.task import (
    DEFAULT_TENANT,
    PROTOCOL_VERSION,
    Cost,
    Task,
    TaskDraft,
    TaskStatus,
)
from langgraph_multi_agent.store import quotas, schema
from langgraph_multi_agent.store.database import Database, Store, unit
from langgraph_multi_agent.store.gathering import Gathering
from langgraph_multi_agent.store.rows import add_events, budget_json, cost_json, files_json
from langgraph_multi_agent.store.sets import insert_rows
from langgraph_multi_agent.store.tasks import get

IDEMPOTENCY_WINDOW = timedelta(hours=24)
DELAYED_PER_PLACE = 10
"""So many tasks may wait for their time, for each place in the queue of those that wait for a worker."""
DELAYED_RETRY_S = 60

Submission = tuple[str, TaskDraft]
"""The id that the task is to have, and what was asked for."""


class Submissions(Gathering[Submission, Task]):
    """Submissions without an idempotency key. Use from one event loop only.

    Args:
        queue_size: so many tasks may wait.
    """

    def __init__(self, database: Database, *, queue_size: int) -> None:
        super().__init__()
        self._database, self._queue_size = database, queue_size

    async def submit(self, scope: Scope, task_id: str, draft: TaskDraft) -> Task:
        """Accept a task.

        Raises:
            QueueFull, DataRefused, DependencyUnavailable, CommitInDoubt.
        """
        return await self._ask(scope, (task_id, draft))

    async def _answer_all(self, scope: Scope, asked: Sequence[Submission]) -> Sequence[Task | Exception]:
        try:
            return await self._write(scope, asked)
        except DataRefused:
            if len(asked) == 1:
                raise
        answers: list[Task | Exception] = []
        for submission in asked:  # one of them cannot be stored: it alone is refused
            try:
                answers += await self._write(scope, [submission])
            except Fault as fault:
                answers.append(fault)
        return answers

    async def _write(self, scope: Scope, asked: Sequence[Submission]) -> Sequence[Task | Exception]:
        return await self._database.write(scope, submit_all, asked, queue_size=self._queue_size)


def _count_pending(is_of_kind: ColumnElement[bool]) -> Select[Any]:
    """How many pending tasks are of a kind, counted up to `limit`, and what the tenant may have."""
    some = (
        select(schema.tasks.c.id)
        .where(schema.tasks.c.status == TaskStatus.PENDING.value, is_of_kind)
        .limit(bindparam("limit", type_=Integer))
    )
    counted = select(func.count().label("pending")).select_from(some.subquery()).subquery()
    with_quota = counted.outerjoin(schema.quotas, quotas.OF_TENANT)
    return select(counted.c.pending, *quotas.COLUMNS).select_from(with_quota)


_NOW = bindparam("now", type_=schema.tasks.c.run_at.type)
_COUNT_WAITING = _count_pending(schema.tasks.c.run_at <= _NOW)
_COUNT_DELAYED = _count_pending(schema.tasks.c.run_at > _NOW)


@unit
def submit(
    store: Store,
    task_id: str,
    draft: TaskDraft,
    *,
    queue_size: int,
    idempotency_key: str | None,
    body_hash: str,
) -> tuple[Task, bool]:
    """Accept a task: its row, its first event, its inputs and the idempotency key, together.

    Returns:
        The task, and whether it is an earlier one that the same key made.

    Raises:
        IdempotencyConflict: the key was used with another body.
        QueueFull: `queue_size` tasks are waiting for a worker already or, for a delayed one,
            DELAYED_PER_PLACE times as many for their time.
        QuotaExceeded: the tenant has as many tasks as it may, or has spent its day.
    """
    tenant = store.scope.tenant or DEFAULT_TENANT
    if idempotency_key is not None and not _take_key(store, tenant, idempotency_key, body_hash, task_id):
        earlier = replayed(store, idempotency_key, body_hash)
        if earlier is None:
            raise AssertionError("a key that is taken names no task")
        return earlier, True
    [outcome] = _accept(store, [(task_id, draft)], queue_size=queue_size)
    if isinstance(outcome, Fault):
        raise outcome
    return outcome, False


def submit_all(
    store: Store, submissions: Sequence[tuple[str, TaskDraft]], *, queue_size: int
) -> list[Task | QueueFull | QuotaExceeded]:
    """Accept tasks, each with its id and without an idempotency key, as far as there is room; in order."""
    return _accept(store, submissions, queue_size=queue_size)


# The same commit for the fail-points, whatever the number of submissions in it.
submit_all.__dict__["unit_name"] = submit.__dict__["unit_name"]


def _accept(
    store: Store, submissions: Sequence[tuple[str, TaskDraft]], *, queue_size: int
) -> list[Task | QueueFull | QuotaExceeded]:
    tenant, now = store.scope.tenant or DEFAULT_TENANT, store.now
    outcomes: list[tuple[Task, dict[str, Any]] | QueueFull | QuotaExceeded] = []
    room: dict[bool, int] = {}
    places: quotas.Places | None = None
    for task_id, draft in submissions:
        is_delayed = _start_of(draft, now) > now
        limit = queue_size * DELAYED_PER_PLACE if is_delayed else queue_size
        if is_delayed not in room:
            query = _COUNT_DELAYED if is_delayed else _COUNT_WAITING
            row = store.connection.execute(query, {"now": now, "limit": limit, "tenant": tenant}).one()
            room[is_delayed] = limit - row.pending
            places = places or quotas.Places.of(store, tenant, quotas.quota_of(store, row))
        assert places is not None
        if room[is_delayed] <= 0:
            outcomes.append(
                QueueFull(
                    what="delayed" if is_delayed else "waiting",
                    limit=limit,
                    retry_after_s=DELAYED_RETRY_S if is_delayed else 1,
                )
            )
        elif (refusal := places.take()) is not None:
            outcomes.append(refusal)
        else:
            room[is_delayed] -= 1
            outcomes.append(_new_task(store.scope.actor, tenant, task_id, draft, now))
    accepted = [outcome for outcome in outcomes if not isinstance(outcome, Fault)]
    insert_rows(store, schema.tasks, [row for _, row in accepted])
    add_events(store, [_first_event(task) for task, _ in accepted])
    inputs = [
        {**asdict(item), "task_id": task.id, "tenant": tenant, "kind": "input", "created_at": now}
        for task, _ in accepted
        for item in task.files
    ]
    insert_rows(store, schema.artifacts, inputs)
    return [outcome if isinstance(outcome, Fault) else outcome[0] for outcome in outcomes]


def _new_task(
    actor: str, tenant: str, task_id: str, draft: TaskDraft, now: datetime
) -> tuple[Task, dict[str, Any]]:
    """A task as it is accepted, and its row."""
    run_at = _start_of(draft, now)
    task = Task(
        id=task_id,
        tenant=tenant,
        title=draft.title,
        description=draft.description,
        priority=draft.priority,
        team=draft.team,
        deadline=draft.deadline,
        assignee=draft.assignee,
        language=draft.language,
        status=TaskStatus.PENDING,
        status_detail=None,
        progress=0,
        input_data=draft.input_data,
        files=draft.files,
        budget=draft.budget,
        cost=Cost(),
        result=None,
        error=None,
        generation=1,
        epoch=0,
        last_seq=1,
        created_at=now,
        updated_at=now,
        started_at=None,
        completed_at=None,
        created_by=actor,
        start_at=run_at if run_at > now else None,
    )
    row = {
        "id": task_id,
        "tenant": tenant,
        "title": draft.title,
        "description": draft.description,
        "priority": int(draft.priority),
        "team": draft.team,
        "deadline": draft.deadline,
        "assignee": draft.assignee,
        "language": draft.language,
        "status": TaskStatus.PENDING.value,
        "progress": 0,
        "input_data": dict(draft.input_data),
        "files": files_json(draft.files),
        "budget": budget_json(draft.budget),
        "cost": cost_json(task.cost),
        "created_at": now,
        "updated_at": now,
        "run_at": run_at,
        "last_seq": 1,
        "protocol_version": PROTOCOL_VERSION,
        "created_by": actor,
    }
    return task, row


def _first_event(task: Task) -> dict[str, Any]:
    return {
        "tenant": task.tenant,
        "task_id": task.id,
        "seq": 1,
        "type": EventType.TASK_SUBMITTED.value,
        "data": {
            "title": task.title[:200],
            "team": task.team,
            "priority": int(task.priority),
            "files": [item.name for item in task.files],
        },
        "created_at": task.created_at,
    }


def _take_key(store: Store, tenant: str, key: str, body_hash: str, task_id: str) -> bool:
    """Whether the key is this task's now; False if another submission has it."""
    keys = schema.idempotency_keys
    is_over = keys.c.created_at < store.now - IDEMPOTENCY_WINDOW
    store.connection.execute(delete(keys).where(keys.c.tenant == tenant, keys.c.key == key, is_over))
    dialect = postgresql if store.dialect == "postgresql" else sqlite
    row = {"tenant": tenant, "key": key, "body_hash": body_hash, "task_id": task_id, "created_at": store.now}
    statement = dialect.insert(keys).on_conflict_do_nothing().returning(keys.c.task_id)
    return store.connection.execute(statement, row).first() is not None


def _start_of(draft: TaskDraft, now: datetime) -> datetime:
    """When a draft may start: never in the past."""
    return max(now, draft.start_at or now + timedelta(seconds=draft.delay_s or 0.0))


def replayed(store: Store, key: str, body_hash: str) -> Task | None:
    """The task that this key made within the window, if any.

    Raises:
        IdempotencyConflict: the key was used with another body.
    """
    keys, tenant = schema.idempotency_keys, store.scope.tenant or DEFAULT_TENANT
    row = store.connection.execute(select(keys).where(keys.c.tenant == tenant, keys.c.key == key)).one_or_none()
    if row is None or row.created_at < store.now - IDEMPOTENCY_WINDOW:
        return None
    if row.body_hash != body_hash:
        raise IdempotencyConflict(key=key, task=row.task_id)
    return get(store, row.task_id)
