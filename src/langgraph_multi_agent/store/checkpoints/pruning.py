"""Which checkpoints may go, and their deletion in batches.

Called by housekeeping and by a run's saver. Invariant: of each thread and namespace stay the newest
ones, every checkpoint with an interrupt that a living task may still be resumed from, every branch
point with its branches' first steps, and all of a thread whose channels are stored as deltas.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from langgraph.checkpoint.serde.types import INTERRUPT
from sqlalchemy import ColumnElement, Select, Text, and_, case, cast, func, or_, select

from langgraph_multi_agent.domain.task import TERMINAL, TaskStatus
from langgraph_multi_agent.store.checkpoints import threads
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.store.schema import checkpoint_writes, checkpoints, tasks

BATCH = 5_000

_ENDED = [status.value for status in TERMINAL]
_WAITING = [TaskStatus.WAITING_INPUT.value, TaskStatus.PAUSED.value]
_DELTA = "counters_since_delta_snapshot"
"""The metadata key by which LangGraph marks a thread with delta channels: their values are rebuilt from
all ancestors, so a gap would empty them in silence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    checkpoints: int
    writes: int


@unit
def prune(store: Store, *, keep: int, older_than: timedelta, limit: int = BATCH) -> Pruned:
    """Delete checkpoints of ended and of waiting tasks, at most `limit`; call again while it finds some.

    Args:
        keep: how many of the newest stay in each thread and namespace, at least one.
        older_than: since when a task must have ended, or been waiting for a person.
    """
    past = store.now - older_than
    settled = select(tasks.c.id).where(
        or_(
            and_(tasks.c.status.in_(_ENDED), tasks.c.completed_at < past),
            and_(tasks.c.status.in_(_WAITING), tasks.c.updated_at < past),
        )
    )
    return _delete(store, checkpoints.c.thread_id.in_(settled), max(keep, 1), limit)


def keep_latest(store: Store, thread_id: str) -> Pruned:
    """Delete what may go of one thread but its newest, all at once."""
    return _delete(store, checkpoints.c.thread_id == thread_id, 1, None)


def _delete(store: Store, of_threads: ColumnElement[bool], keep: int, limit: int | None) -> Pruned:
    rows = store.connection.execute(_doomed(store, of_threads, keep).limit(limit)).all()
    done, writes = threads.delete_keys(store, [threads.key_of(row) for row in rows])
    return Pruned(checkpoints=done, writes=writes)


def _doomed(store: Store, of_threads: ColumnElement[bool], keep: int) -> Select[Any]:
    """Oldest first, so that a batch cut short never makes a parent look like the end of a branch."""
    place = (checkpoints.c.thread_id, checkpoints.c.checkpoint_ns)
    long = select(checkpoints.c.thread_id).where(of_threads).group_by(*place).having(func.count() > keep)
    is_delta = case((_text(store, checkpoints.c.metadata).contains(_DELTA, autoescape=True), 1), else_=0)
    newest_first = checkpoints.c.checkpoint_id.desc()
    ranked = (
        select(
            *place,
            checkpoints.c.checkpoint_id,
            checkpoints.c.parent_checkpoint_id,
            func.row_number().over(partition_by=place, order_by=newest_first).label("age"),
            func.max(is_delta).over(partition_by=place).label("has_deltas"),
        )
        .where(of_threads, checkpoints.c.thread_id.in_(long))
        .subquery()
    )
    branch = (
        select(*place, checkpoints.c.parent_checkpoint_id.label("checkpoint_id"))
        .where(checkpoints.c.parent_checkpoint_id.is_not(None), of_threads)
        .group_by(*place, checkpoints.c.parent_checkpoint_id)
        .having(func.count() > 1)
        .subquery()
    )
    at_branch = (
        select(branch.c.thread_id)
        .where(
            branch.c.thread_id == ranked.c.thread_id,
            branch.c.checkpoint_ns == ranked.c.checkpoint_ns,
            branch.c.checkpoint_id.in_([ranked.c.checkpoint_id, ranked.c.parent_checkpoint_id]),
        )
        .exists()
    )
    interrupted = (
        select(tasks.c.id)
        .join(checkpoint_writes, checkpoint_writes.c.thread_id == tasks.c.id)
        .where(
            tasks.c.status.not_in(_ENDED),
            checkpoint_writes.c.thread_id == ranked.c.thread_id,
            checkpoint_writes.c.checkpoint_ns == ranked.c.checkpoint_ns,
            checkpoint_writes.c.checkpoint_id == ranked.c.checkpoint_id,
            checkpoint_writes.c.channel == INTERRUPT,
        )
        .exists()
    )
    return (
        select(ranked.c.thread_id, ranked.c.checkpoint_ns, ranked.c.checkpoint_id)
        .where(ranked.c.age > keep, ranked.c.has_deltas == 0, ~at_branch, ~interrupted)
        .order_by(ranked.c.thread_id, ranked.c.checkpoint_ns, ranked.c.checkpoint_id)
    )


def _text(store: Store, column: ColumnElement[Any]) -> ColumnElement[Any]:
    is_postgresql = store.connection.dialect.name == "postgresql"
    return func.convert_from(column, "UTF8", type_=Text) if is_postgresql else cast(column, Text)
