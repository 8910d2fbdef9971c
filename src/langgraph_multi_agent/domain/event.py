"""Events: the durable, gapless history of a task (table `agent_messages`).

`seq` counts from 1 per task without gaps; a reader that knows `n` asks for `seq > n` and sees
everything once, in order. Data is at most 8 kB; larger bodies are referenced. Over all tasks an
event has a *position*, the pair of its transaction and its row; clients hold it as an opaque cursor.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from langgraph_multi_agent.domain.errors import InvalidRequest

MAX_EVENT_BYTES = 8 * 1024
MAX_NUMBER = 2**63 - 1

Position = tuple[int, int]
"""`(transaction, row)`: sorts events of all tasks in commit order. The transaction is 0 on SQLite."""


def cursor_of(position: Position) -> str:
    """The text that clients hold."""
    return f"{position[0]}.{position[1]}"


def position_of(cursor: str) -> Position:
    """What a client's cursor means. Raises InvalidRequest for one that is not ours."""
    parts = cursor.split(".") if len(cursor) <= 40 else []
    if len(parts) == 2 and all(part.isascii() and part.isdecimal() for part in parts):
        transaction, row = int(parts[0]), int(parts[1])
        if transaction <= MAX_NUMBER and row <= MAX_NUMBER:
            return transaction, row
    raise unknown_cursor()


def unknown_cursor() -> InvalidRequest:
    """The refusal of a cursor that this system did not hand out."""
    errors = [{"field": "cursor", "code": "invalid", "message": ""}]
    return InvalidRequest(reason="the cursor is not one of ours", errors=errors)


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
    """An event of the log. `cursor` is its opaque place among the events of all tasks."""

    task_id: str
    seq: int
    type: EventType
    at: datetime
    agent: str | None
    subtask_id: str | None
    data: Mapping[str, Any]
    cursor: str = ""
