"""Tasks and events as MVP2 front ends know them.

The contract is fixed: six statuses of ours become four of theirs, and `status_detail` says what
was lost. Whoever needs more reads `/api/v1`.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from langgraph_multi_agent.api.problems import task_error
from langgraph_multi_agent.api.shapes import artifact_shape, event_shape
from langgraph_multi_agent.domain.event import Event, EventType
from langgraph_multi_agent.domain.plan import SubtaskStatus
from langgraph_multi_agent.domain.task import END_OF_DAY, IMPORTED, Priority, Task, TaskStatus
from langgraph_multi_agent.service.plans import PlanView, SubtaskView
from langgraph_multi_agent.service.tasks import StoredArtifact

PRIORITIES = {Priority.LOW: "低", Priority.MEDIUM: "中", Priority.HIGH: "高", Priority.URGENT: "紧急"}
STATUSES = {
    TaskStatus.PENDING: ("pending", None),
    TaskStatus.IN_PROGRESS: ("in_progress", None),
    TaskStatus.WAITING_INPUT: ("in_progress", "waiting_input"),
    TaskStatus.PAUSED: ("in_progress", "paused"),
    TaskStatus.COMPLETED: ("completed", None),
    TaskStatus.FAILED: ("failed", None),
    TaskStatus.CANCELLED: ("failed", "cancelled"),
}
"""Their status, and the detail that ours needs on top of it."""
FRAME_TYPES = {
    EventType.TASK_SUBMITTED: "task_created",
    EventType.TASK_COMPLETED: "task_completed",
    EventType.TASK_DELETED: "task_deleted",
}
"""All other events are a `task_update`."""


def task_object(task: Task, language: str, *, with_result: bool = True) -> dict[str, Any]:
    """The contract's task object, with the extra keys of our own front end.

    Args:
        with_result: False where many are shown together: results may be large.
    """
    status, detail = STATUSES[task.status]
    shape = {
        "id": task.id,
        "name": task.title,
        "description": task.description,
        "priority": PRIORITIES[task.priority],
        "deadline": _deadline(task.deadline),
        "deadline_at": task.deadline,
        "assignee": task.assignee,
        "progress": task.progress,
        "status": status,
        "status_detail": task.status_detail
        if task.status_detail == IMPORTED
        else detail or task.status_detail,
        "created_at": task.created_at,
        "updated_at": task.updated_at,
        "started_at": task.started_at,
        "completed_at": task.completed_at,
        "start_at": task.start_at,
        "team": task.team,
        "files": [asdict(item) for item in task.files],
        "budget": asdict(task.budget),
        "cost": {
            "tokens": task.cost.input_tokens + task.cost.output_tokens,
            "cost": task.cost.cost,
            "model_calls": task.cost.model_calls,
        },
        "error": task_error(task.error, language) if task.error else None,
        "generation": task.generation,
        "last_event_id": task.last_seq,
    }
    return shape | {"result": task.result} if with_result else shape


def task_detail(
    task: Task, plan: PlanView | None, artifacts: Sequence[StoredArtifact], language: str
) -> dict[str, Any]:
    """The task object with its subtasks and files."""
    return task_object(task, language) | {
        "subtasks": [_subtask_object(view) for view in plan.subtasks] if plan is not None else [],
        "artifacts": [artifact_shape(task.id, stored) for stored in artifacts],
    }


def _subtask_object(view: SubtaskView) -> dict[str, Any]:
    return {
        "id": view.subtask.id,
        "title": view.subtask.title,
        "agent": view.agent,
        "status": view.status.value,
        "depends_on": list(view.subtask.depends_on),
        "weight": view.subtask.weight,
        "progress": 100 if view.status is SubtaskStatus.COMPLETED else 0,
    }


def _deadline(moment: datetime | None) -> str | None:
    """The day, where the deadline is the end of one: a date field shows again what was put into it."""
    if moment is None:
        return None
    if moment.timetz() == END_OF_DAY:
        return moment.date().isoformat()
    return moment.isoformat().replace("+00:00", "Z")


def frame_type(event: Event) -> str:
    return FRAME_TYPES.get(event.type, "task_update")


def frame_data(event: Event, task: Task | None, language: str) -> dict[str, Any]:
    """`data` of an event's frame: the task as it is now, and the event as `event`.

    A deleted task leaves its id only.
    """
    shape = event_shape(event, language)
    if event.type is EventType.TASK_DELETED:
        return {"id": event.task_id, "deleted_task_id": event.task_id, "event": shape}
    known = {"id": event.task_id} if task is None else task_object(task, language)
    return {**known, "event": shape}
