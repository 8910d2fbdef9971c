"""How a run ends: where its task goes from there, and what is recorded of it.

A run is one attempt at a task by one worker, named by the epoch that its claim gave it. Hides what wins of
what a run wants and what people asked for meanwhile. Callers: the journal's flusher, for many runs at once;
the worker; `leases`. Invariant: only the owner of the current epoch can move a task that is in progress;
everybody else changes zero rows and learns `LeaseLost`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import func, select

from langgraph_multi_agent.domain.errors import LimitExceeded
from langgraph_multi_agent.domain.event import EventType, NewEvent
from langgraph_multi_agent.domain.task import Action, TaskStatus, is_terminal
from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.store.decisions import CONTROL_CANCEL, CONTROL_PAUSE, answer_key
from langgraph_multi_agent.store.rows import LockedTask, encode_event, lock_owned, save
from langgraph_multi_agent.store.sets import delete_among, update_rows

SHORT_CHARS = 1000
MAX_SHORT_QUESTIONS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a run ends: the action on its task, and what to record."""

    action: Action
    result: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    detail: str | None = None
    questions: tuple[Mapping[str, Any], ...] = ()
    active_s: float = 0.0
    seen_control_seq: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)


@unit
def finish(store: Store, task_id: str, epoch: int, ending: Ending) -> TaskStatus:
    """End one run alone; the worker's runs end through the journal's flusher, many at once.

    Raises:
        LeaseLost: the run does not own the task any more; nothing was written.
    """
    task = lock_owned(store, task_id, epoch)
    end_runs(store, decide_endings(store, [(task, ending)]))
    save(store, [task])
    return task.status


EndedRun = tuple[LockedTask, str, Mapping[str, Any] | None]
"""A task whose run ended, the run's status, and the error if there was one."""


def decide_endings(store: Store, endings: Sequence[tuple[LockedTask, Ending]]) -> list[EndedRun]:
    """Move owned, locked tasks to where their runs ended; the caller saves them and calls `end_runs`.

    A cancel that arrived meanwhile wins over any other ending; a question that was answered
    meanwhile turns parking into one more run.
    """
    ended: list[EndedRun] = []
    for task, ending in endings:
        decided = _decided(store, task, ending)
        _apply_ending(store, task, decided)
        ended.append((task, task.status.value, decided.error))
    return ended


def _decided(store: Store, task: LockedTask, ending: Ending) -> Ending:
    action = ending.action
    if task.row.control == CONTROL_CANCEL and action is not Action.CANCEL:
        return Ending(action=Action.CANCEL, active_s=ending.active_s)
    if task.row.control == CONTROL_PAUSE and action in (Action.PARK, Action.HAND_BACK):
        return replace(ending, action=Action.PAUSE)
    if action is Action.PARK and _any_answered(store, task, ending):
        return replace(ending, action=Action.HAND_BACK)
    return ending


def _apply_ending(store: Store, task: LockedTask, ending: Ending) -> None:
    task.act(ending.action)
    task.changes.update(
        control=None, active_s=task.row.active_s + ending.active_s, status_detail=ending.detail
    )
    if is_terminal(task.status):
        task.changes["completed_at"] = store.now
    match ending.action:
        case Action.COMPLETE:
            result = dict(ending.result or {})
            task.changes.update(progress=100, result=result, error=None, error_message=None)
            short = {"result": {"summary": str(result.get("summary", ""))[:SHORT_CHARS]}, "is_shortened": True}
            task.events.append(_fitting(EventType.TASK_COMPLETED, {"result": result}, short))
        case Action.FAIL:
            error = dict(ending.error or {})
            task.changes.update(error=error, error_message=error.get("code"), result=ending.result)
            short = {"error": {"code": error.get("code"), "params": {}}, "is_shortened": True}
            task.events.append(_fitting(EventType.TASK_FAILED, {"error": error}, short))
        case Action.CANCEL:
            task.events.append(NewEvent(type=EventType.TASK_CANCELLED, data=dict(ending.data)))
        case Action.PARK:
            task.changes["status_detail"] = "waiting_input"
            ids = [{"id": question["id"]} for question in ending.questions[:MAX_SHORT_QUESTIONS]]
            short = {"questions": ids, "is_shortened": True}
            task.events.append(_fitting(EventType.TASK_WAITING_INPUT, {"questions": list(ending.questions)}, short))
        case Action.PAUSE:
            task.events.append(NewEvent(type=EventType.TASK_PAUSED, data=dict(ending.data)))
        case _:
            task.changes["run_at"] = store.now


def _fitting(kind: EventType, data: Mapping[str, Any], short: Mapping[str, Any]) -> NewEvent:
    # The whole of it stands in the row or the journal; its length must not keep a run from ending.
    event = NewEvent(type=kind, data=data)
    try:
        encode_event(event)
    except LimitExceeded:
        return NewEvent(type=kind, data=short)
    return event


def _any_answered(store: Store, task: LockedTask, ending: Ending) -> bool:
    keys = [answer_key(task.row.generation, question["id"]) for question in ending.questions]
    table = schema.journal
    found = store.connection.scalar(
        select(func.count()).where(table.c.task_id == task.id, table.c.key.in_(keys))
    )
    return bool(found)


def end_runs(store: Store, ended: Sequence[EndedRun]) -> None:
    """Write how these runs ended, and let their leases go. Writes only: it may stand in `together`."""
    if not ended:
        return
    rows = [
        {
            "task_id": task.id,
            "epoch": task.row.epoch,
            "status": status,
            "completed_at": store.now,
            "error_message": (error or {}).get("code"),
        }
        for task, status, error in ended
    ]
    update_rows(store, schema.workflow_executions, ("task_id", "epoch"), rows)
    delete_among(store, schema.leases, "task_id", [task.id for task, _, _ in ended])
