"""Whose a task in progress is: the lease that an owner renews, and the task whose owner is gone.

Hides how a change by SQL is told from ours, and how a crash is counted. Callers: the heartbeat, the reaper
of every replica. Invariant: a lease is renewed for the owner of the current epoch only, and a task whose
lease has run out goes back to the queue until it has crashed MAX_LONE_CRASHES processes of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import bindparam, func, null, select, union, update

from langgraph_multi_agent.domain.event import EventType, NewEvent
from langgraph_multi_agent.domain.task import Action, TaskStatus, is_terminal
from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.store.decisions import CONTROL_CANCEL, CONTROL_PAUSE
from langgraph_multi_agent.store.rows import LockedTask, is_fenced, lock_free, lock_soon, save
from langgraph_multi_agent.store.runs import end_runs
from langgraph_multi_agent.store.sets import among

SUSPECT_CRASHES = 2
"""From so many crashes without progress on, a task runs alone."""
MAX_LONE_CRASHES = 5
ALONE = "#alone"
"""Marks the owner of a run that has no company: a crash of it is its task's own."""
FOREVER = datetime.max.replace(tzinfo=UTC)
_TASKS, _LEASES = schema.tasks.c, schema.leases.c
_RENEW = (
    update(schema.leases)
    .where(among(schema.leases.c.task_id, "ids"), among(schema.leases.c.owner, "owners"))
    .values(expires_at=bindparam("until", type_=schema.leases.c.expires_at.type))
)
_ABANDONED = union(
    select(_LEASES.task_id, _LEASES.owner).where(_LEASES.expires_at < bindparam("now", type_=_LEASES.expires_at.type)),
    select(_TASKS.id, null()).where(
        _TASKS.status == TaskStatus.IN_PROGRESS.value,
        ~select(_LEASES.task_id).where(_LEASES.task_id == _TASKS.id).exists(),
    ),
)
"""Tasks whose lease has run out, and those that SQL put into progress without one."""
_COUNT_STEPS = (
    select(schema.journal.c.task_id, func.count())
    .where(among(schema.journal.c.task_id, "ids"))
    .group_by(schema.journal.c.task_id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """What a heartbeat learned of one run. `is_owned` False: stop, somebody else decided."""

    task_id: str
    epoch: int
    is_owned: bool
    control: str | None = None
    control_seq: int = 0


@unit
def heartbeat(store: Store, owner: str, runs: Sequence[tuple[str, int]], *, lease: timedelta) -> list[Beat]:
    """Renew the leases of all runs of this worker, and learn what people want of them.

    A task that somebody changed by SQL is obeyed: its run is told that it is not owned any
    more, and the event that the change did not write is written. Of a task whose row somebody
    holds nothing is learned: its lease is not renewed, those of all others are.
    """
    locked, held = lock_soon(store, [task_id for task_id, _ in runs])
    beats: list[Beat] = []
    kept: list[str] = []
    moved: list[LockedTask] = []
    for task_id, epoch in runs:
        if task_id in held:
            continue
        task = locked.get(task_id)
        if is_fenced(task, epoch):
            beats.append(Beat(task_id=task_id, epoch=epoch, is_owned=False))
            if task is not None and task.row.epoch == epoch:
                moved.append(task)
        else:
            assert task is not None
            kept.append(task_id)
            beats.append(
                Beat(
                    task_id=task_id,
                    epoch=epoch,
                    is_owned=True,
                    control=task.row.control,
                    control_seq=task.row.control_seq,
                )
            )
    for task in _with_lease(store, moved):
        record_change_by_hand(store, task)
    if kept:
        store.connection.execute(_RENEW, {"ids": kept, "owners": [owner, owner + ALONE], "until": store.now + lease})
    save(store, list(locked.values()))
    return beats


def _with_lease(store: Store, moved: Sequence[LockedTask]) -> list[LockedTask]:
    """Those whose lease is left: an ending of ours takes the lease along, SQL by hand does not."""
    if not moved:
        return []
    query = select(_LEASES.task_id).where(among(_LEASES.task_id, "ids"))
    left = set(store.connection.scalars(query, {"ids": [task.id for task in moved]}))
    return [task for task in moved if task.id in left]


def record_change_by_hand(store: Store, task: LockedTask) -> None:
    """Write what an operator's SQL left out: the event, the end of the run, the passed epoch."""
    kinds = {
        TaskStatus.FAILED: EventType.TASK_FAILED,
        TaskStatus.CANCELLED: EventType.TASK_CANCELLED,
        TaskStatus.COMPLETED: EventType.TASK_COMPLETED,
        TaskStatus.PAUSED: EventType.TASK_PAUSED,
        TaskStatus.WAITING_INPUT: EventType.TASK_WAITING_INPUT,
        TaskStatus.PENDING: EventType.TASK_UPDATED,
    }
    kind = kinds.get(task.status)
    if kind is None:
        return
    task.changes.update(epoch=task.row.epoch + 1, control=None)
    if is_terminal(task.status):
        task.changes["completed_at"] = store.now
    task.events.append(NewEvent(type=kind, data={"by": "operator SQL", "status": task.status.value}))
    end_runs(store, [(task, "cancelled", None)])


def has_abandoned(store: Store) -> bool:
    """Whether there is anything to reclaim."""
    return store.connection.execute(_ABANDONED, {"now": store.now}).first() is not None


@unit
def reclaim(store: Store, *, all_leases: bool) -> list[str]:
    """Give tasks whose owner is gone back to the queue; poison ones become dead letters.

    Args:
        all_leases: every lease counts as expired. True only at start under the data directory's
            lock file, when no other process can own anything.
    """
    horizon = FOREVER if all_leases else store.now
    found = set(store.connection.scalars(_ABANDONED, {"now": horizon}))
    if not found:
        return []
    locked = lock_free(store, found)
    # Between the look and the lock the owner may have renewed, or another reaper been here.
    owners: dict[str, str] = {
        row.task_id: row.owner or "" for row in store.connection.execute(_ABANDONED, {"now": horizon})
    }
    locked = {task_id: task for task_id, task in locked.items() if task_id in owners}
    journalled = {
        task_id: count
        for task_id, count in store.connection.execute(_COUNT_STEPS, {"ids": list(locked)})
    }
    returned: list[str] = []
    in_company = sum(task.status is TaskStatus.IN_PROGRESS for task in locked.values()) > 1
    for task in locked.values():
        if task.status is not TaskStatus.IN_PROGRESS:
            record_change_by_hand(store, task)
            continue
        mark = journalled.get(task.id, 0)
        crashes = 1 if mark > task.row.crash_mark else task.row.crash_count + 1
        if crashes > SUSPECT_CRASHES and (in_company or not owners[task.id].endswith(ALONE)):
            crashes = SUSPECT_CRASHES  # others ended with it, in its process or on its machine
        task.changes.update(crash_count=crashes, crash_mark=mark, run_at=store.now)
        if task.row.control == CONTROL_CANCEL:
            task.act(Action.CANCEL)
            task.changes.update(completed_at=store.now, control=None, status_detail=None)
            task.events.append(NewEvent(type=EventType.TASK_CANCELLED, data={}))
        elif task.row.control == CONTROL_PAUSE:
            task.act(Action.PAUSE)
            task.changes.update(control=None, status_detail=None)
            task.events.append(NewEvent(type=EventType.TASK_PAUSED, data={}))
        elif crashes >= MAX_LONE_CRASHES:
            task.act(Action.FAIL)
            error = {"code": "POISON_TASK", "params": {"crashes": crashes}}
            task.changes.update(
                completed_at=store.now, error=error, error_message="POISON_TASK", status_detail="poison"
            )
            task.events.append(NewEvent(type=EventType.TASK_FAILED, data={"error": error}))
        else:
            task.act(Action.HAND_BACK)
            task.changes["status_detail"] = "recovering"
            returned.append(task.id)
        end_runs(store, [(task, "crashed", {"code": "WORKER_CRASHED"})])
    save(store, list(locked.values()))
    return returned
