"""What people decide about a task: rewrite it, stop it, take it up again, answer it, end it, delete it.

Hides that a running task is asked to stop where one that waits changes at once, and what a new generation
begins with. Callers: the task service; `runs` and `leases` for what was asked of a run meanwhile. Invariant:
a decision and its event are one transaction under the task's lock, and no worker undoes it later.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, insert, select

from langgraph_multi_agent.domain.errors import AlreadyAnswered, IllegalTransition, QuestionNotFound
from langgraph_multi_agent.domain.event import EventType, NewEvent
from langgraph_multi_agent.domain.task import Action, Task, TaskStatus, can, is_terminal
from langgraph_multi_agent.store import quotas, schema
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.store.rows import LockedTask, add_events, lock_one, save
from langgraph_multi_agent.store.tasks import get

CONTROL_CANCEL = "cancel"
CONTROL_PAUSE = "pause"


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


def _taken(store: Store, task_id: str, fields: Mapping[str, Any] | None, *, actor: str) -> LockedTask:
    """The task, locked; what a person wrote is changed in the transaction of whatever else is done with it."""
    locked = lock_one(store, task_id)
    if fields:
        _rewrite(store, locked, fields, actor=actor)
    return locked


def _rewrite(store: Store, locked: LockedTask, fields: Mapping[str, Any], *, actor: str) -> None:
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
    locked = _taken(store, task_id, fields, actor=actor)
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
    locked = _taken(store, task_id, fields, actor=actor)
    had_ended = is_terminal(locked.status)
    locked.act(action)
    if had_ended:
        quotas.require_place(store, locked.row.tenant)
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
    locked = _taken(store, task_id, fields, actor=actor)
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
