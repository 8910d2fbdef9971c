"""Units of work on tasks as people see them: submit, read, change, delete."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    Select,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite

from langgraph_multi_agent.domain.errors import (
    AlreadyAnswered,
    Fault,
    IdempotencyConflict,
    IllegalTransition,
    QuestionNotFound,
    QueueFull,
    QuotaExceeded,
    TaskNotFound,
)
from langgraph_multi_agent.domain.event import EventType, NewEvent
from langgraph_multi_agent.domain.quota import Quota
from langgraph_multi_agent.domain.result import ArtifactRef
from langgraph_multi_agent.domain.task import (
    DEFAULT_TENANT,
    PROTOCOL_VERSION,
    Action,
    Cost,
    Task,
    TaskDraft,
    TaskStatus,
    can,
    is_terminal,
)
from langgraph_multi_agent.store import quotas, schema
from langgraph_multi_agent.store.database import Store, single_statement, unit
from langgraph_multi_agent.store.rows import (
    LockedTask,
    add_events,
    budget_json,
    cost_json,
    files_json,
    lock_one,
    save,
    scoped,
    task_of,
)
from langgraph_multi_agent.store.sets import among, insert_rows

IDEMPOTENCY_WINDOW = timedelta(hours=24)
CONTROL_CANCEL = "cancel"
CONTROL_PAUSE = "pause"
DIGESTS_AT_ONCE = 10_000


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


DELAYED_PER_PLACE = 10
"""So many tasks may wait for their time, for each place in the queue of those that wait for a worker."""
DELAYED_RETRY_S = 60


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
_BY_ID = select(schema.tasks).where(among(schema.tasks.c.id, "ids"))
_BY_ID_OF_TENANT = _BY_ID.where(schema.tasks.c.tenant == bindparam("tenant"))


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
    allowance: _Allowance | None = None
    for task_id, draft in submissions:
        is_delayed = _start_of(draft, now) > now
        limit = queue_size * DELAYED_PER_PLACE if is_delayed else queue_size
        if is_delayed not in room:
            query = _COUNT_DELAYED if is_delayed else _COUNT_WAITING
            row = store.connection.execute(query, {"now": now, "limit": limit, "tenant": tenant}).one()
            room[is_delayed] = limit - row.pending
            allowance = allowance or _Allowance.of(store, tenant, quotas.quota_of(store, row))
        assert allowance is not None
        if room[is_delayed] <= 0:
            outcomes.append(
                QueueFull(
                    what="delayed" if is_delayed else "waiting",
                    limit=limit,
                    retry_after_s=DELAYED_RETRY_S if is_delayed else 1,
                )
            )
        elif (refusal := allowance.take()) is not None:
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


@dataclass(slots=True)
class _Allowance:
    """How many tasks more a tenant may have in this transaction."""

    quota: Quota
    left: int | None
    past_day: QuotaExceeded | None

    @classmethod
    def of(cls, store: Store, tenant: str, quota: Quota) -> "_Allowance":
        return cls(quota, quotas.tasks_left(store, tenant, quota), quotas.past_day(store, tenant, quota))

    def take(self) -> QuotaExceeded | None:
        """One task; what to say instead where there is none left."""
        if self.past_day is not None:
            return self.past_day
        if self.left is None:
            return None
        if self.left <= 0:
            return quotas.too_many_tasks(self.quota)
        self.left -= 1
        return None


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


@unit
def update_fields(store: Store, task_id: str, fields: Mapping[str, Any], *, actor: str) -> Task:
    """Change what a person wrote: title, description, priority, deadline, assignee, budget.

    Raises:
        TaskNotFound, IllegalTransition.
    """
    locked = lock_one(store, task_id)
    _rewrite(store, locked, fields, actor=actor)
    save(store, [locked])
    return get(store, task_id)


def _rewrite(store: Store, locked: LockedTask, fields: Mapping[str, Any], *, actor: str) -> None:
    """What a person wrote, changed in the transaction of whatever else is done with the task."""
    if "description" in fields and (locked.status is not TaskStatus.PENDING or _has_steps(store, locked)):
        raise IllegalTransition(action="update description", status=locked.status.value, allowed="pending")
    locked.changes.update(fields)
    locked.events.append(
        NewEvent(type=EventType.TASK_UPDATED, data={"fields": sorted(fields), "by": actor})
    )


def _has_steps(store: Store, locked: LockedTask) -> bool:
    table, generation = schema.journal, locked.row.generation
    query = select(table.c.key).where(
        table.c.task_id == locked.id,
        table.c.key >= f"{generation}/",
        table.c.key < f"{generation}0",
        table.c.key != origin_key(generation),
    )
    return store.connection.execute(query.limit(1)).first() is not None


@unit
def request_control(
    store: Store, task_id: str, action: Action, *, actor: str, fields: Mapping[str, Any] | None = None
) -> Task:
    """Cancel or pause. A running task is asked to stop; one that is not changes at once.

    Args:
        fields: what `update_fields` changes, in the same transaction.

    Raises:
        TaskNotFound, IllegalTransition.
    """
    locked = lock_one(store, task_id)
    if fields:
        _rewrite(store, locked, fields, actor=actor)
    control = CONTROL_CANCEL if action is Action.CANCEL else CONTROL_PAUSE
    if locked.status is TaskStatus.IN_PROGRESS:
        if locked.row.control != CONTROL_CANCEL:  # a pause never softens a cancel
            locked.changes.update(
                control=control,
                control_seq=locked.row.control_seq + 1,
                status_detail="cancelling" if control == CONTROL_CANCEL else "pausing",
            )
    else:
        locked.act(action)
        kind = EventType.TASK_CANCELLED if action is Action.CANCEL else EventType.TASK_PAUSED
        locked.changes.update(status_detail=None, control=None)
        if is_terminal(locked.status):
            locked.changes["completed_at"] = store.now
        locked.events.append(NewEvent(type=kind, data={"by": actor}))
    save(store, [locked])
    return get(store, task_id)


def _check_allowance(store: Store, tenant: str) -> None:
    """Whether one task more may be in flight. Raises QuotaExceeded."""
    refusal = _Allowance.of(store, tenant, quotas.quota(store, tenant)).take()
    if refusal is not None:
        raise refusal


@unit
def make_pending(
    store: Store, task_id: str, action: Action, *, actor: str, fields: Mapping[str, Any] | None = None
) -> Task:
    """Resume, retry or reopen. Retry and reopen open a new generation.

    Args:
        fields: what `update_fields` changes, in the same transaction.

    Raises:
        TaskNotFound, IllegalTransition.
        QuotaExceeded: it had ended, and the tenant has as many tasks as it may, or has spent its day.
    """
    locked = lock_one(store, task_id)
    if fields:
        _rewrite(store, locked, fields, actor=actor)
    had_ended = is_terminal(locked.status)
    locked.act(action)
    if had_ended:
        _check_allowance(store, locked.row.tenant)
    locked.changes.update(
        run_at=store.now, control=None, control_seq=locked.row.control_seq + 1, status_detail=None
    )
    if action is not Action.RESUME:
        locked.changes.update(
            generation=locked.row.generation + 1,
            progress=0,
            result=None,
            error=None,
            error_message=None,
            completed_at=None,
            crash_count=0,
            crash_mark=0,
            active_s=0.0,
        )
    kind = EventType.TASK_RESUMED if action is Action.RESUME else EventType.TASK_REOPENED
    generation = locked.changes.get("generation", locked.row.generation)
    if action is not Action.RESUME:
        store.connection.execute(
            insert(schema.journal),
            {
                "task_id": task_id,
                "key": origin_key(generation),
                "tenant": locked.row.tenant,
                "epoch": locked.row.epoch,
                "input_hash": "",
                "version": 1,
                "result": {"action": action.value},
                "created_at": store.now,
            },
        )
    locked.events.append(
        NewEvent(type=kind, data={"by": actor, "action": action.value, "generation": generation})
    )
    save(store, [locked])
    return get(store, task_id)


@unit
def complete_by_person(
    store: Store, task_id: str, *, actor: str, note: str | None, fields: Mapping[str, Any] | None = None
) -> Task:
    """Mark completed by a person. Records who, invents no result, and fences a running worker.

    Args:
        fields: what `update_fields` changes, in the same transaction.

    Raises:
        TaskNotFound, IllegalTransition.
    """
    locked = lock_one(store, task_id)
    if fields:
        _rewrite(store, locked, fields, actor=actor)
    was_running = locked.status is TaskStatus.IN_PROGRESS
    locked.act(Action.COMPLETE_BY_PERSON)
    _fence_out(store, locked, was_running=was_running)
    locked.changes.update(
        status_detail="completed_by_person",
        progress=100,
        completed_at=store.now,
        error=None,
        error_message=None,
        control=None,
    )
    locked.events.append(
        NewEvent(type=EventType.TASK_COMPLETED, data={"by": actor, "note": note, "completed_by": "person"})
    )
    save(store, [locked])
    return get(store, task_id)


@unit
def remove(store: Store, task_id: str, *, actor: str) -> None:
    """Delete a task that is not running; a last event remains for watchers of all tasks.

    Raises:
        TaskNotFound, IllegalTransition: it runs; cancel first.
    """
    locked = lock_one(store, task_id)
    if locked.status is TaskStatus.IN_PROGRESS:
        raise IllegalTransition(action=Action.DELETE.value, status=locked.status.value, allowed="cancel first")
    created_by = store.connection.scalar(select(schema.tasks.c.created_by).where(schema.tasks.c.id == task_id))
    for table in (
        schema.agent_messages,
        schema.journal,
        schema.artifacts,
        schema.workflow_executions,
        schema.effects,
        schema.leases,
        schema.idempotency_keys,
    ):
        store.connection.execute(delete(table).where(table.c.task_id == task_id))
    quotas.forget_calls(store, locked.row.tenant, task_id)
    for thread_table in (schema.checkpoints, schema.checkpoint_writes):
        store.connection.execute(delete(thread_table).where(thread_table.c.thread_id == task_id))
    add_events(
        store,
        [{
            "tenant": locked.row.tenant,
            "task_id": task_id,
            "seq": locked.row.last_seq + 1,
            "type": EventType.TASK_DELETED.value,
            "data": {"by": actor, "created_by": created_by},
            "created_at": store.now,
        }],
    )
    store.connection.execute(delete(schema.tasks).where(schema.tasks.c.id == task_id))


@unit
def answer(
    store: Store, task_id: str, question_id: str, value: Mapping[str, Any], *, actor: str, input_hash: str
) -> Task:
    """Record a person's answer; a task that waited for it becomes runnable in the same transaction.

    Raises:
        TaskNotFound, QuestionNotFound, AlreadyAnswered, IllegalTransition.
    """
    locked = lock_one(store, task_id)
    if not can(Action.ANSWER, locked.status):
        raise IllegalTransition(action=Action.ANSWER.value, status=locked.status.value, allowed="waiting_input")
    question, reply = question_key(locked.row.generation, question_id), answer_key(locked.row.generation, question_id)
    table = schema.journal
    known = set(
        store.connection.scalars(
            select(table.c.key).where(table.c.task_id == task_id, table.c.key.in_([question, reply]))
        )
    )
    if question not in known:
        raise QuestionNotFound(question=question_id, task=task_id)
    if reply in known:
        raise AlreadyAnswered(question=question_id, task=task_id)
    store.connection.execute(
        insert(table),
        {
            "task_id": task_id,
            "key": reply,
            "tenant": locked.row.tenant,
            "epoch": locked.row.epoch,
            "input_hash": input_hash,
            "version": 1,
            "result": {**value, "by": actor},
            "created_at": store.now,
        },
    )
    locked.changes["control_seq"] = locked.row.control_seq + 1
    if locked.status is TaskStatus.WAITING_INPUT:
        locked.act(Action.ANSWER)
        locked.changes.update(run_at=store.now, status_detail=None)
    locked.events.append(
        NewEvent(type=EventType.TASK_UPDATED, data={"answered": question_id, "by": actor})
    )
    save(store, [locked])
    return get(store, task_id)


def origin_key(generation: int) -> str:
    """Where the journal says why this generation exists."""
    return f"{generation}/origin"


def question_key(generation: int, question_id: str) -> str:
    return f"{generation}/question/{question_id}"


def answer_key(generation: int, question_id: str) -> str:
    return f"{generation}/answer/{question_id}"


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


DigestCursor = tuple[str, str, str]
"""Where the next page of digests begins: the table, a task and a key or name in it."""
FIRST_DIGEST: DigestCursor = ("journal", "", "")
# The journal first: what a step produced is named there before it becomes an artifact.
_DIGESTS = {
    "journal": (schema.journal.c.task_id, schema.journal.c.key, schema.journal.c.result_digest),
    "artifacts": (schema.artifacts.c.task_id, schema.artifacts.c.name, schema.artifacts.c.digest),
}


def digests(store: Store, cursor: DigestCursor, *, limit: int) -> tuple[set[str], DigestCursor | None]:
    """Digests that the next `limit` rows need, over all tenants, and the cursor after them.

    Args:
        cursor: FIRST_DIGEST, or what the page before gave; None of it means that all are read.
    """
    table, *place = cursor
    task_id, name, digest = _DIGESTS[table]
    window = tuple_(task_id, name) > tuple_(*place)
    query = select(task_id, name).where(window).order_by(task_id, name)
    last = store.connection.execute(query.offset(limit - 1).limit(1)).first()
    if last is not None:
        window &= tuple_(task_id, name) <= tuple_(*last)
    found = set(store.connection.scalars(select(digest).where(window, digest.is_not(None))))
    if last is not None:
        return found, (table, last[0], last[1])
    return found, ("artifacts", "", "") if table == "journal" else None


def referenced_digests(store: Store) -> set[str]:
    """Digests that some artifact or journal row still needs, over all tenants, read at once."""
    found: set[str] = set()
    cursor: DigestCursor | None = FIRST_DIGEST
    while cursor is not None:
        page, cursor = digests(store, cursor, limit=DIGESTS_AT_ONCE)
        found |= page
    return found


def _fence_out(store: Store, locked: LockedTask, *, was_running: bool) -> None:
    """Take the task from its worker: its epoch passes, its lease and its run end."""
    if not was_running:
        return
    locked.changes["epoch"] = locked.row.epoch + 1
    store.connection.execute(delete(schema.leases).where(schema.leases.c.task_id == locked.id))
    table = schema.workflow_executions
    store.connection.execute(
        table.update()
        .where(table.c.task_id == locked.id, table.c.epoch == locked.row.epoch)
        .values(status="cancelled", completed_at=store.now)
    )


