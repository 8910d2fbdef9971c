"""Endings that an operator's SQL gave to tasks that nobody runs.

Hides how they are told from ours: each ending of ours sets `completed_at` with the status. Caller: the
stream service, for the tasks that somebody follows; no index would find them among all tasks. Invariant:
such an ending gets its event once, whoever looks; a task with a lease is its worker's or the reaper's.
"""

from collections.abc import Sequence

from sqlalchemy import select

from langgraph_multi_agent.domain.task import TERMINAL
from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.database import Store, single_statement, unit
from langgraph_multi_agent.store.leases import record_change_by_hand
from langgraph_multi_agent.store.rows import lock_free, save
from langgraph_multi_agent.store.sets import among

_TASKS, _LEASES = schema.tasks.c, schema.leases.c
_UNSAID = select(_TASKS.id).where(
    among(_TASKS.id, "ids"),
    _TASKS.status.in_(sorted(status.value for status in TERMINAL)),
    _TASKS.completed_at.is_(None),
    ~select(_LEASES.task_id).where(_LEASES.task_id == _TASKS.id).exists(),
)


@single_statement
def unsaid(store: Store, task_ids: Sequence[str]) -> list[str]:
    """Those of some tasks, of any tenant, that ended without an event."""
    return list(store.connection.scalars(_UNSAID, {"ids": task_ids}))


@unit
def record(store: Store, task_ids: Sequence[str]) -> list[str]:
    """Write the event and the time of the end of those that still lack them; which these are."""
    locked = lock_free(store, task_ids)
    # Asked under the locks: another process may have looked, and written it, at the same time.
    ended = [locked[task_id] for task_id in unsaid(store, list(locked))]
    for task in ended:
        record_change_by_hand(store, task)
    save(store, ended)
    return [task.id for task in ended]
