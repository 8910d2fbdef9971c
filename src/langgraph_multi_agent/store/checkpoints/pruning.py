"""Which checkpoints may go, and their deletion in batches.

Called by housekeeping and by a run's saver. Invariant: of each thread and namespace stay the newest
ones, every checkpoint with an interrupt that a living task may still be resumed from, every branch
point with its branches' first steps, and all of a thread whose channels are stored as deltas.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any

from langgraph.checkpoint.serde.types import INTERRUPT
from sqlalchemy import ColumnElement, Text, and_, cast, func, or_, select

from langgraph_multi_agent.domain.task import TERMINAL, TaskStatus
from langgraph_multi_agent.store.checkpoints import threads
from langgraph_multi_agent.store.checkpoints.threads import Key
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.store.schema import checkpoint_writes, checkpoints, tasks
from langgraph_multi_agent.store.sets import POSTGRESQL

BATCH = 5_000
THREADS_AT_ONCE = 200
"""Looked at together; bounds the rows in memory and the work of one statement."""

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
    keep = max(keep, 1)
    doomed: list[Key] = []
    for thread_ids in _long_threads(store, keep, older_than):
        doomed += _doomed(store, thread_ids, keep)
        if len(doomed) >= limit:
            break
    return _delete(store, doomed[:limit])


def keep_latest(store: Store, thread_id: str) -> Pruned:
    """Delete what may go of one thread but its newest, all at once."""
    return _delete(store, _doomed(store, [thread_id], 1))


def _delete(store: Store, keys: Sequence[Key]) -> Pruned:
    done, writes = threads.delete_keys(store, keys)
    return Pruned(checkpoints=done, writes=writes)


def _long_threads(store: Store, keep: int, older_than: timedelta) -> Iterator[list[str]]:
    """Threads with something beyond the newest, whose task has ended or waits, a few at a time."""
    past = store.now - older_than
    settled = select(tasks.c.id).where(
        or_(
            and_(tasks.c.status.in_(_ENDED), tasks.c.completed_at < past),
            and_(tasks.c.status.in_(_WAITING), tasks.c.updated_at < past),
        )
    )
    query = (
        select(checkpoints.c.thread_id)
        .where(checkpoints.c.thread_id.in_(settled))
        .group_by(checkpoints.c.thread_id, checkpoints.c.checkpoint_ns)
        .having(func.count() > keep)
        .order_by(checkpoints.c.thread_id)
        .limit(THREADS_AT_ONCE)
    )
    found = store.connection.scalars(query).all()
    while found:
        yield sorted(set(found))
        found = store.connection.scalars(query.where(checkpoints.c.thread_id > found[-1])).all()


def _doomed(store: Store, thread_ids: Sequence[str], keep: int) -> list[Key]:
    """Oldest first, so that a batch cut short never takes a branch point's child before it."""
    rows = store.connection.execute(
        select(
            checkpoints.c.thread_id,
            checkpoints.c.checkpoint_ns,
            checkpoints.c.checkpoint_id,
            checkpoints.c.parent_checkpoint_id,
            _text(store, checkpoints.c.metadata).contains(_DELTA, autoescape=True).label("has_deltas"),
        )
        .where(checkpoints.c.thread_id.in_(thread_ids))
        .order_by(checkpoints.c.thread_id, checkpoints.c.checkpoint_ns, checkpoints.c.checkpoint_id)
    )
    interrupted = _interrupted(store, thread_ids)
    doomed: list[Key] = []
    for _, group in groupby(rows, key=lambda row: threads.key_of(row)[:2]):
        line = list(group)
        if any(row.has_deltas for row in line):
            continue
        children = Counter(row.parent_checkpoint_id for row in line if row.parent_checkpoint_id)
        doomed += [
            threads.key_of(row)
            for row in line[:-keep]
            if max(children[row.checkpoint_id], children[row.parent_checkpoint_id]) < 2
            and threads.key_of(row) not in interrupted
        ]
    return doomed


def _interrupted(store: Store, thread_ids: Sequence[str]) -> set[Key]:
    rows = store.connection.execute(
        select(
            checkpoint_writes.c.thread_id,
            checkpoint_writes.c.checkpoint_ns,
            checkpoint_writes.c.checkpoint_id,
        )
        .join(tasks, tasks.c.id == checkpoint_writes.c.thread_id)
        .where(
            checkpoint_writes.c.thread_id.in_(thread_ids),
            checkpoint_writes.c.channel == INTERRUPT,
            tasks.c.status.not_in(_ENDED),
        )
    )
    return {threads.key_of(row) for row in rows}


def _text(store: Store, column: ColumnElement[Any]) -> ColumnElement[Any]:
    if store.dialect == POSTGRESQL:
        return func.convert_from(column, "UTF8", type_=Text)
    return cast(column, Text)
