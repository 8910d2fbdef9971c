"""Units of work on schedules, and the one that fires those that are due.

Hides locks and the order of writes. Caller: `service.schedules`. Invariant: a task of a schedule
and the move of its `next_fire_at` are one transaction, under the row's lock; so replicas that
tick together fire once, and a crash fires again or has fired, never both.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import Row, Select, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.domain.errors import (
    DataRefused,
    DayQuotaExceeded,
    DependencyUnavailable,
    Fault,
    QueueFull,
    QuotaExceeded,
)
from langgraph_multi_agent.domain.schedule import (
    DueFires,
    FiresDue,
    NextFire,
    Schedule,
    ScheduleDraft,
    ScheduleExists,
    ScheduleNotFound,
    draft_json,
    draft_of,
    error_json,
)
from langgraph_multi_agent.domain.task import DEFAULT_TENANT, Task, TaskDraft
from langgraph_multi_agent.store import schema, submissions
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.store.rows import scoped

FIRES_AT_ONCE = 50
"""Schedules of one transaction: a thousand that are due together take twenty."""
FIRES_SKIPPED = "FIRES_SKIPPED"
SCHEDULE_UNREADABLE = "SCHEDULE_UNREADABLE"
UNREADABLE_AGAIN = timedelta(hours=1)
"""When a schedule whose own plan cannot be read is looked at again."""
MAX_REASON_CHARS = 200
_TABLE = schema.schedules
_OF_A_FIRE = ("id", "tenant", "name", "cron", "timezone", "next_fire_at", "created_by")
_INSERT: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """What became of one due schedule: a new task, or why there is none.

    Attributes:
        skipped: earlier fire times that this one stands for.
        is_news: False if the same refusal of the same fire was told before.
    """

    schedule_id: str
    fire_at: datetime
    task: Task | None
    error: Mapping[str, Any] | None
    skipped: int
    is_news: bool = True


def get(store: Store, schedule_id: str) -> Schedule:
    """One schedule. Raises ScheduleNotFound."""
    return _schedule_of(_row(store, schedule_id))


def list_schedules(store: Store, *, limit: int, after: str | None = None) -> list[Schedule]:
    """By name, at most `limit`, those after the name `after`."""
    query = _scoped(store, select(_TABLE))
    if after is not None:
        query = query.where(_TABLE.c.name > after)
    return [_schedule_of(row) for row in store.connection.execute(query.order_by(_TABLE.c.name).limit(limit))]


def has_due(store: Store) -> bool:
    """Whether a fire is owed, in any tenant."""
    query = select(_TABLE.c.id).where(_TABLE.c.next_fire_at <= store.now).limit(1)
    return store.connection.execute(query).first() is not None


@unit
def create(store: Store, schedule_id: str, request: ScheduleDraft, next_fire: NextFire) -> Schedule:
    """Store a schedule; its first fire is the first time after now. Raises ScheduleExists."""
    now = store.now
    values = {
        "id": schedule_id,
        "tenant": store.scope.tenant or DEFAULT_TENANT,
        "name": request.name,
        "cron": request.cron,
        "timezone": request.timezone,
        "draft": draft_json(request.draft),
        "is_enabled": request.is_enabled,
        "next_fire_at": next_fire(request.cron, request.timezone, now) if request.is_enabled else None,
        "created_at": now,
        "updated_at": now,
        "created_by": store.scope.actor,
    }
    insert = _INSERT[store.connection.dialect.name](_TABLE).values(values).on_conflict_do_nothing()
    if store.connection.execute(insert.returning(_TABLE.c.id)).first() is None:
        raise ScheduleExists(name=request.name)
    return get(store, schedule_id)


@unit
def change(store: Store, schedule_id: str, fields: Mapping[str, Any], next_fire: NextFire) -> Schedule:
    """Change name, cron, timezone, draft or is_enabled; a new plan counts from now.

    Args:
        fields: `draft` is a TaskDraft.

    Raises:
        ScheduleNotFound, ScheduleExists.
    """
    row = _row(store, schedule_id, is_locked=True)
    values = dict(fields)
    if "draft" in values:
        values["draft"] = draft_json(values["draft"])
    if values.get("name", row.name) != row.name:
        taken = select(_TABLE.c.id).where(_TABLE.c.tenant == row.tenant, _TABLE.c.name == values["name"])
        if store.connection.execute(taken).first() is not None:
            raise ScheduleExists(name=values["name"])
    plan = {name: values.get(name, getattr(row, name)) for name in ("cron", "timezone", "is_enabled")}
    if any(plan[name] != getattr(row, name) for name in plan):
        values["next_fire_at"] = (
            next_fire(plan["cron"], plan["timezone"], store.now) if plan["is_enabled"] else None
        )
    try:
        _save(store, schedule_id, values)
    except IntegrityError as error:  # another change took the name since the look
        if "name" not in values:
            raise
        raise ScheduleExists(name=values["name"]) from error
    return get(store, schedule_id)


@unit
def remove(store: Store, schedule_id: str) -> None:
    """Delete a schedule; its tasks stay. Raises ScheduleNotFound."""
    _row(store, schedule_id, is_locked=True)
    store.connection.execute(delete(_TABLE).where(_TABLE.c.id == schedule_id))


@unit
def run_now(store: Store, schedule_id: str, task_id: str, *, queue_size: int) -> Task:
    """Submit a schedule's task once more, outside its plan.

    Raises:
        ScheduleNotFound, QueueFull, QuotaExceeded.
    """
    row = _row(store, schedule_id, is_locked=True)
    task, _ = submissions.submit(
        _as_maker(store, row), task_id, draft_of(row.draft), queue_size=queue_size, idempotency_key=None, body_hash=""
    )
    _save(store, schedule_id, {"last_task_id": task.id})
    return task


@unit
def fire_due(
    store: Store, *, queue_size: int, fires_due: FiresDue, admit: Callable[[TaskDraft], None]
) -> Sequence[Fired]:
    """Fire the schedules that are due, at most FIRES_AT_ONCE; rows that another replica holds are its.

    A refusal, or a schedule that cannot be read, is kept on the schedule and the next fire is tried in
    its turn, whatever the others do; a full queue is tried again at the next call, as long as no newer
    fire takes its place.

    Args:
        admit: raises a Fault for a draft that the team refuses now.
    """
    due: Select[Any] = (
        select(*(_TABLE.c[name] for name in _OF_A_FIRE))
        .where(_TABLE.c.next_fire_at <= store.now)
        .order_by(_TABLE.c.next_fire_at, _TABLE.c.id)
        .limit(FIRES_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    return [
        _fire(store, row, queue_size=queue_size, fires_due=fires_due, admit=admit)
        for row in store.connection.execute(due).all()
    ]


def _fire(
    store: Store, row: Row[Any], *, queue_size: int, fires_due: FiresDue, admit: Callable[[TaskDraft], None]
) -> Fired:
    fire_at, skipped = row.next_fire_at, 0
    values: dict[str, Any] = {"next_fire_at": row.next_fire_at}  # still due, unless it gets further
    task: Task | None = None
    error: dict[str, Any] | None = None
    owed: DueFires | None = None
    last_error: Any = None
    try:
        owed = fires_due(row.cron, row.timezone, row.next_fire_at, store.now)
        fire_at, skipped = owed.newest, owed.skipped
        # Read alone: JSON that cannot be decoded would take the other rows along.
        kept = store.connection.execute(select(_TABLE.c.draft, _TABLE.c.last_error).where(_TABLE.c.id == row.id)).one()
        last_error, draft = kept.last_error, draft_of(kept.draft)
        try:
            admit(draft)
        except Fault as refusal:
            values["next_fire_at"], error = owed.following, error_json(refusal, fire_at=fire_at)
        else:
            with _undone_if_refused(store):
                task, is_replay = submissions.submit(
                    _as_maker(store, row),
                    store.new_id(),
                    draft,
                    queue_size=queue_size,
                    idempotency_key=fire_key(row.id, fire_at),
                    body_hash="schedule",
                )
            values = {"next_fire_at": owed.following, "last_fire_at": fire_at, "last_task_id": task.id}
            task = None if is_replay else task
            if skipped:
                error = {"code": FIRES_SKIPPED, "params": {"count": skipped, "fire_at": fire_at.isoformat()}}
    except DependencyUnavailable:
        raise
    except Fault as fault:
        error = error_json(fault, fire_at=fire_at)
        if owed is None:  # this machine does not know the time zone
            last_error = _last_error(store, row.id)
        elif not _makes_room(fault):
            values["next_fire_at"] = owed.following
    except Exception as failure:
        if _is_of_database(failure):
            raise
        error = _unreadable(failure, fire_at)
        values["next_fire_at"] = owed.following if owed is not None else store.now + UNREADABLE_AGAIN
    is_news = task is not None or error != last_error
    if is_news or values["next_fire_at"] != row.next_fire_at:
        _save(store, row.id, {**values, "last_error": error})
    return Fired(
        schedule_id=row.id, fire_at=fire_at, task=task, error=error, skipped=skipped, is_news=is_news
    )


def _makes_room(fault: Fault) -> bool:
    """Whether the same fire is worth another try soon: tasks end, a day does not."""
    return isinstance(fault, (QueueFull, QuotaExceeded)) and not isinstance(fault, DayQuotaExceeded)


@contextmanager
def _undone_if_refused(store: Store) -> Iterator[None]:
    """A savepoint: the transaction goes on after a refusal, without what came before it."""
    store.connection.exec_driver_sql("SAVEPOINT fire")
    try:
        yield
    except Exception as error:
        if _is_of_database(error):
            raise
        store.connection.exec_driver_sql("ROLLBACK TO SAVEPOINT fire")
        raise
    store.connection.exec_driver_sql("RELEASE SAVEPOINT fire")


def _is_of_database(error: Exception) -> bool:
    """Whether the database failed, and not this row's values: then nothing of the transaction stands."""
    cause = getattr(error, "orig", None) or error
    return isinstance(cause, _DATABASE_FAILED) and not isinstance(cause, _VALUE_REFUSED)


_DATABASE_FAILED = (DependencyUnavailable, psycopg.Error, sqlite3.Error, OSError)
_VALUE_REFUSED = (psycopg.DataError, psycopg.IntegrityError, sqlite3.DataError, sqlite3.IntegrityError)


def _unreadable(failure: Exception, fire_at: datetime) -> dict[str, Any]:
    cause = getattr(failure, "orig", None) or failure
    reason = str(cause).partition("\n")[0][:MAX_REASON_CHARS]
    if isinstance(cause, _VALUE_REFUSED):
        return error_json(DataRefused(reason=reason), fire_at=fire_at)
    reason = f"{type(cause).__name__}: {reason}"
    return {"code": SCHEDULE_UNREADABLE, "params": {"reason": reason, "fire_at": fire_at.isoformat()}}


def _last_error(store: Store, schedule_id: str) -> Any:
    return store.connection.scalar(select(_TABLE.c.last_error).where(_TABLE.c.id == schedule_id))


def fire_key(schedule_id: str, fire_at: datetime) -> str:
    """The idempotency key that makes a pair of schedule and fire time unique."""
    return f"{firing_of(schedule_id)}:{fire_at.isoformat()}"


def firing_of(schedule_id: str) -> str:
    """Who made the tasks of a schedule whose maker is not known; what the keys of its fires begin with."""
    return f"schedule:{schedule_id}"


def _as_maker(store: Store, row: Row[Any]) -> Store:
    """The same transaction in the scope of whoever made the schedule: its tasks are theirs, whoever asks."""
    return replace(store, scope=Scope(tenant=row.tenant, actor=row.created_by or firing_of(row.id)))


def _save(store: Store, schedule_id: str, values: Mapping[str, Any]) -> None:
    statement = update(_TABLE).where(_TABLE.c.id == schedule_id).values(**values, updated_at=store.now)
    store.connection.execute(statement)


def _scoped(store: Store, query: Select[Any]) -> Select[Any]:
    return scoped(store, query, _TABLE)


def _row(store: Store, schedule_id: str, *, is_locked: bool = False) -> Row[Any]:
    query = _scoped(store, select(_TABLE).where(_TABLE.c.id == schedule_id))
    row = store.connection.execute(query.with_for_update() if is_locked else query).one_or_none()
    if row is None:
        raise ScheduleNotFound(schedule=schedule_id)
    return row


def _schedule_of(row: Row[Any]) -> Schedule:
    values: dict[str, Any] = dict(row._mapping)
    return Schedule(**{**values, "draft": draft_of(values["draft"])})
