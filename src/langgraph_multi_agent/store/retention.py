"""What has passed its time: counted without deleting, and deleted in short transactions.

Hides which index finds old rows of each table. Caller: `service.retention`. Invariants: one batch is
one transaction of at most `limit` rows; nothing of a task that has not ended goes; on PostgreSQL at
most one process of the installation deletes at a time. Every batch stands alone, so a run may end
anywhere and the next one goes on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, exists, func, select, tuple_

from langgraph_multi_agent.domain.task import TERMINAL
from langgraph_multi_agent.store import audit, installation, schema
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.store.submissions import IDEMPOTENCY_WINDOW

MAX_BATCH_ROWS = 5_000
COUNT_LIMIT = 500_000
"""A plan counts so far and then says `at least`."""
CLOCK_SLACK = timedelta(days=1)
"""Ids are made by the clocks of processes, ends by the database's."""
_LOCK_KEY = 0x6C67_6D61_0310
_DAY_PREFIX = "retention:"
_ENDED = [status.value for status in TERMINAL]

Cursor = tuple[Any, ...]
"""Where the following batch begins; empty at the start."""


class Kept(StrEnum):
    """Tables with a retention, in the order in which a run visits them."""

    MESSAGES = "agent_messages"
    EXECUTIONS = "workflow_executions"
    KEYS = "idempotency_keys"
    CHECKPOINTS = "checkpoints"
    AUDIT = "audit_log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How long rows stay.

    Attributes:
        messages: of ended and deleted tasks, by the age of the message.
        executions: by the end of the run.
        checkpoints: of ended tasks, by the task's end; the newest of a thread stay.
        keep_checkpoints: how many of the newest, at least one.
        audit: by the time of the row; None keeps all.
    """

    messages: timedelta = timedelta(days=30)
    executions: timedelta = timedelta(days=90)
    keys: timedelta = IDEMPOTENCY_WINDOW
    checkpoints: timedelta = timedelta(days=1)
    keep_checkpoints: int = 1
    audit: timedelta | None = None

    @property
    def tables(self) -> tuple[Kept, ...]:
        """Those with a retention."""
        return tuple(kept for kept in Kept if kept is not Kept.AUDIT or self.audit is not None)

    def age_of(self, kept: Kept) -> timedelta:
        return {
            Kept.MESSAGES: self.messages,
            Kept.EXECUTIONS: self.executions,
            Kept.KEYS: self.keys,
            Kept.CHECKPOINTS: self.checkpoints,
            Kept.AUDIT: self.audit or timedelta.max,
        }[kept]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """What of a table has passed its time.

    Attributes:
        rows: how many; with `is_at_least` there are more, with `is_at_most` some may have to stay.
        oldest: time of the oldest of them (of checkpoints: when its task ended).
    """

    rows: int
    oldest: datetime | None
    is_at_least: bool = False
    is_at_most: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one transaction did.

    Attributes:
        following: cursor of the next batch; None after the last.
        is_elsewhere: another process deletes now; nothing was done.
        flaw_seq: the row of the audit log that somebody changed, which is kept with all after it.
    """

    rows: int
    following: Cursor | None
    is_elsewhere: bool = False
    flaw_seq: int | None = None


def overdue(store: Store, policy: Policy) -> Mapping[Kept, Overdue]:
    """Count what a run would delete, and find the oldest of each; deletes nothing."""
    messages, executions, keys = schema.agent_messages.c, schema.workflow_executions.c, schema.idempotency_keys.c
    found = {
        Kept.MESSAGES: _counted(store, _old_messages(store, policy.messages), messages.created_at),
        Kept.EXECUTIONS: _counted(store, _old_executions(store, policy.executions), executions.completed_at),
        Kept.KEYS: _counted(store, _older(keys.created_at, store, policy.keys), keys.created_at),
        Kept.CHECKPOINTS: _counted_checkpoints(store, policy),
    }
    if policy.audit is not None:
        found[Kept.AUDIT] = _counted_of(store, audit.old_rows(policy.audit, store.now, COUNT_LIMIT))
    return found


@unit
def delete_messages(store: Store, *, older_than: timedelta, cursor: Cursor, limit: int) -> Batch:
    """Delete old messages of tasks that ended or are gone, among the next `limit` old ones.

    Args:
        cursor: `(created_at, id)` of the last message looked at.
    """
    if not _is_alone(store):
        return _ELSEWHERE
    columns = schema.agent_messages.c
    place = tuple_(columns.created_at, columns.id)
    window = _older(columns.created_at, store, older_than)
    if cursor:
        window &= (columns.created_at >= cursor[0]) & (place > tuple_(*cursor))
    last = _last_of(store, select(columns.created_at, columns.id).where(window), limit)
    if last is not None:
        window &= (columns.created_at <= last[0]) & (place <= tuple_(*last))
    done = store.connection.execute(delete(schema.agent_messages).where(window, ~_is_unended(columns.task_id)))
    return Batch(rows=done.rowcount, following=last)


@unit
def delete_executions(store: Store, *, older_than: timedelta, cursor: Cursor, limit: int) -> Batch:
    """Delete runs that ended long ago, among the next `limit` of that age.

    Args:
        cursor: `(id,)` of the last run looked at.
    """
    if not _is_alone(store):
        return _ELSEWHERE
    columns = schema.workflow_executions.c
    window = columns.id < _first_id(store.now - older_than + CLOCK_SLACK)
    if cursor:
        window &= columns.id > cursor[0]
    last = _last_of(store, select(columns.id).where(window), limit)
    if last is not None:
        window &= columns.id <= last[0]
    ended = _older(columns.completed_at, store, older_than)
    done = store.connection.execute(delete(schema.workflow_executions).where(window, ended))
    return Batch(rows=done.rowcount, following=last)


@unit
def delete_keys(store: Store, *, older_than: timedelta, limit: int) -> Batch:
    """Delete idempotency keys that no longer answer, the oldest first, at most `limit`."""
    if not _is_alone(store):
        return _ELSEWHERE
    table = schema.idempotency_keys
    age = store.now - max(older_than, IDEMPOTENCY_WINDOW)
    oldest = (
        select(table.c.tenant, table.c.key).where(table.c.created_at < age).order_by(table.c.created_at).limit(limit)
    )
    done = store.connection.execute(delete(table).where(tuple_(table.c.tenant, table.c.key).in_(oldest)))
    return Batch(rows=done.rowcount, following=() if done.rowcount == limit else None)


@unit
def delete_audit(store: Store, *, older_than: timedelta, limit: int) -> Batch:
    """Remove the oldest rows of the audit log and anchor the rest; none where somebody changed one of them."""
    if not _is_alone(store):
        return _ELSEWHERE
    pruned = audit.prune(store, older_than=older_than, limit=limit)
    return Batch(rows=pruned.rows, following=None if pruned.is_over else (), flaw_seq=pruned.flaw_seq)


@unit
def claim_day(store: Store, day: date, owner: str) -> bool:
    """Whether this process does the daily run of `day`: the first one that asks, for good.

    Args:
        owner: names this process, and nobody else.
    """
    facts = schema.installation
    name = f"{_DAY_PREFIX}{day.isoformat()}"
    is_past = facts.c.name.startswith(_DAY_PREFIX, autoescape=True) & (facts.c.name < name)
    is_mine = installation.agree(store, name, owner) == owner
    store.connection.execute(delete(facts).where(is_past))
    return is_mine


_ELSEWHERE = Batch(rows=0, following=None, is_elsewhere=True)


def _is_alone(store: Store) -> bool:
    """Hold the installation's retention lock to the end of this transaction; SQLite has one process."""
    if store.connection.dialect.name != "postgresql":
        return True
    return bool(store.connection.scalar(select(func.pg_try_advisory_xact_lock(_LOCK_KEY))))


def _older(column: ColumnElement[Any], store: Store, age: timedelta) -> ColumnElement[bool]:
    is_older: ColumnElement[bool] = column < store.now - age
    return is_older


def _is_unended(task_id: ColumnElement[Any]) -> ColumnElement[bool]:
    tasks = schema.tasks.c
    return exists().where(tasks.id == task_id, tasks.status.not_in(_ENDED))


def _old_messages(store: Store, age: timedelta) -> ColumnElement[bool]:
    columns = schema.agent_messages.c
    return _older(columns.created_at, store, age) & ~_is_unended(columns.task_id)


def _old_executions(store: Store, age: timedelta) -> ColumnElement[bool]:
    columns = schema.workflow_executions.c
    return (columns.id < _first_id(store.now - age + CLOCK_SLACK)) & _older(columns.completed_at, store, age)


def _last_of(store: Store, window: Select[Any], limit: int) -> Cursor | None:
    """The `limit`-th row in the order of its columns; None if there are fewer."""
    query = window.order_by(*window.selected_columns).offset(limit - 1).limit(1)
    row = store.connection.execute(query).first()
    return None if row is None else tuple(row)


def _first_id(moment: datetime) -> str:
    """What sorts before every UUIDv7 of this moment or later (RFC 9562, section 5.7: 48 bits of ms)."""
    digits = f"{max(0, int(moment.timestamp() * 1000)):012x}"
    return f"{digits[:8]}-{digits[8:]}"


def _counted(store: Store, condition: ColumnElement[bool], moment: ColumnElement[Any]) -> Overdue:
    return _counted_of(store, select(moment.label("moment")).where(condition).limit(COUNT_LIMIT))


def _counted_of(store: Store, moments: Select[Any]) -> Overdue:
    some = moments.subquery()
    rows, oldest = store.connection.execute(select(func.count(), func.min(some.c.moment))).one()
    return Overdue(rows=rows, oldest=oldest, is_at_least=rows >= COUNT_LIMIT)


def _counted_checkpoints(store: Store, policy: Policy) -> Overdue:
    """An upper bound: branch points and the like stay, which only the deletion itself finds."""
    tasks, checkpoints = schema.tasks.c, schema.checkpoints.c
    some = (
        select(checkpoints.thread_id, checkpoints.checkpoint_ns, tasks.completed_at)
        .join(schema.tasks, tasks.id == checkpoints.thread_id)
        .where(tasks.status.in_(_ENDED), _older(tasks.completed_at, store, policy.checkpoints))
        .limit(COUNT_LIMIT)
        .subquery()
    )
    threads = (
        select(func.count().label("size"), func.min(some.c.completed_at).label("moment"))
        .group_by(some.c.thread_id, some.c.checkpoint_ns)
        .subquery()
    )
    keep = max(policy.keep_checkpoints, 1)
    query = select(
        func.coalesce(func.sum(threads.c.size - keep), 0), func.min(threads.c.moment), func.sum(threads.c.size)
    ).where(threads.c.size > keep)
    rows, oldest, seen = store.connection.execute(query).one()
    return Overdue(rows=int(rows), oldest=oldest, is_at_least=int(seen or 0) >= COUNT_LIMIT, is_at_most=True)
