"""Events: the durable, gapless history of a task (table `agent_messages`).

`seq` counts from 1 per task without gaps; a reader that knows `n` asks for `seq > n` and sees
everything once, in order. Data is at most 8 kB; larger bodies are referenced.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

MAX_EVENT_BYTES = 8 * 1024


class EventType(StrEnum):
    TASK_SUBMITTED = "task.submitted"
    TASK_STARTED = "task.started"
    TASK_WAITING_INPUT = "task.waiting_input"
    TASK_PAUSED = "task.paused"
    TASK_RESUMED = "task.resumed"
    TASK_UPDATED = "task.updated"
    TASK_COMPLETED = "task.completed"
    TASK_FAILED = "task.failed"
    TASK_CANCELLED = "task.cancelled"
    TASK_REOPENED = "task.reopened"
    TASK_DELETED = "task.deleted"
    PLAN_CREATED = "plan.created"
    PLAN_REVISED = "plan.revised"
    SUBTASK_STARTED = "subtask.started"
    SUBTASK_COMPLETED = "subtask.completed"
    SUBTASK_FAILED = "subtask.failed"
    SUBTASK_RETRIED = "subtask.retried"
    TOOL_CALLED = "tool.called"
    MODEL_CALLED = "model.called"
    REVIEW_VERDICT = "review.verdict"
    RECOVERY_ATTEMPTED = "recovery.attempted"
    ARTIFACT_CREATED = "artifact.created"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event before the log gives it its number and time."""

    type: EventType
    agent: str | None = None
    subtask_id: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event of the log. `cursor` orders events of all tasks in commit order."""

    task_id: str
    seq: int
    type: EventType
    at: datetime
    agent: str | None
    subtask_id: str | None
    data: Mapping[str, Any]
    cursor: int = 0
