"""Tasks and events as MVP2 front ends know them.

The contract is fixed: six statuses of ours become four of theirs, and `status_detail` says what
was lost. Whoever needs more reads `/api/v1`.
"""

from typing import Any

from langgraph_multi_agent.api.problems import task_error
from langgraph_multi_agent.api.shapes import event_shape
from langgraph_multi_agent.domain.event import Event, EventType
from langgraph_multi_agent.domain.task import Priority, Task, TaskStatus

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


def task_object(task: Task, language: str) -> dict[str, Any]:
    """The contract's task object, with the extra keys of our own front end."""
    status, detail = STATUSES[task.status]
    return {
        "id": task.id,
        "name": task.title,
        "description": task.description,
        "priority": PRIORITIES[task.priority],
        "deadline": task.deadline,
        "assignee": task.assignee,
        "progress": task.progress,
        "status": status,
        "status_detail": detail or task.status_detail,
        "created_at": task.created_at,
        "updated_at": task.updated_at,
        "result": task.result,
        "error": task_error(task.error, language) if task.error else None,
        "cost": {"tokens": task.cost.input_tokens + task.cost.output_tokens, "cost": task.cost.cost},
    }


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
