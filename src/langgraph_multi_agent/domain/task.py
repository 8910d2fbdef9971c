"""Task, its statuses, and the one transition table.

A task is what a person asked for; it owns one LangGraph thread. A run is one attempt at it
by one worker. No other module compares statuses: it asks `can` or `next_status`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from enum import IntEnum, StrEnum
from typing import Any

from langgraph_multi_agent.domain.errors import IllegalTransition

PROTOCOL_VERSION = 1
DEFAULT_TENANT = "default"
DEFAULT_TEAM = "default"
IMPORTED = "imported"
"""`status_detail` of an unfinished task that was imported and waits to be resumed."""
END_OF_DAY = time(23, 59, 59, tzinfo=UTC)
"""When a day that somebody names as a moment is over."""


def moment_of(text: str) -> datetime:
    """An ISO-8601 time in UTC; `YYYY-MM-DD` is the end of that day, a time without offset is UTC.

    Raises:
        ValueError: it is none.
        OverflowError: it has no name in UTC, as on the first and the last day of all.
    """
    if len(text) == len("2026-12-31"):
        return datetime.combine(date.fromisoformat(text), END_OF_DAY)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


class TaskStatus(StrEnum):
    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    WAITING_INPUT = "waiting_input"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Action(StrEnum):
    """What can happen to a task; the values are also words of the audit record."""

    CLAIM = "claim"
    HAND_BACK = "hand_back"
    PARK = "park"
    ANSWER = "answer"
    PAUSE = "pause"
    RESUME = "resume"
    COMPLETE = "complete"
    FAIL = "fail"
    CANCEL = "cancel"
    RETRY = "retry"
    REOPEN = "reopen"
    COMPLETE_BY_PERSON = "complete_by_person"
    UPDATE = "update"
    DELETE = "delete"


class Priority(IntEnum):
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    URGENT = 4


_S = TaskStatus
_UNFINISHED = (_S.PENDING, _S.IN_PROGRESS, _S.WAITING_INPUT, _S.PAUSED)

TRANSITIONS: Mapping[Action, Mapping[TaskStatus, TaskStatus]] = {
    Action.CLAIM: {_S.PENDING: _S.IN_PROGRESS},
    Action.HAND_BACK: {_S.IN_PROGRESS: _S.PENDING},
    Action.PARK: {_S.IN_PROGRESS: _S.WAITING_INPUT},
    Action.ANSWER: {
        _S.WAITING_INPUT: _S.PENDING,
        _S.PENDING: _S.PENDING,  # the first of several answers made it pending
        _S.IN_PROGRESS: _S.IN_PROGRESS,
        _S.PAUSED: _S.PAUSED,
    },
    Action.PAUSE: dict.fromkeys((_S.PENDING, _S.IN_PROGRESS, _S.WAITING_INPUT), _S.PAUSED),
    Action.RESUME: {_S.PAUSED: _S.PENDING},
    Action.COMPLETE: {_S.IN_PROGRESS: _S.COMPLETED},
    Action.FAIL: {_S.IN_PROGRESS: _S.FAILED, _S.PENDING: _S.FAILED},
    Action.CANCEL: dict.fromkeys(_UNFINISHED, _S.CANCELLED),
    Action.RETRY: {_S.FAILED: _S.PENDING, _S.CANCELLED: _S.PENDING},
    Action.REOPEN: {_S.COMPLETED: _S.PENDING, _S.FAILED: _S.PENDING, _S.CANCELLED: _S.PENDING},
    Action.COMPLETE_BY_PERSON: dict.fromkeys((*_UNFINISHED, _S.FAILED), _S.COMPLETED),
    Action.UPDATE: {status: status for status in _S},
    Action.DELETE: {status: status for status in _S},
}

TERMINAL = frozenset({_S.COMPLETED, _S.FAILED, _S.CANCELLED})
"""Statuses that end a generation."""


def is_terminal(status: TaskStatus) -> bool:
    return status in TERMINAL


def can(action: Action, status: TaskStatus) -> bool:
    return status in TRANSITIONS[action]


def next_status(action: Action, status: TaskStatus) -> TaskStatus:
    """The status after the action.

    Raises:
        IllegalTransition: the action is not possible in this status.
    """
    try:
        return TRANSITIONS[action][status]
    except KeyError:
        raise IllegalTransition(
            action=action.value,
            status=status.value,
            allowed=", ".join(sorted(a.value for a in Action if can(a, status))),
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a task may spend on models; None means no limit of its own."""

    tokens: int | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a task has spent on models. `cost` is in the currency of the settings."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    model_calls: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """A stored file that a task works on. `name` is a plain file name, unique in the task."""

    name: str
    digest: str
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDraft:
    """A parsed request for work, before it is admitted.

    Attributes:
        start_at: it starts no earlier; None: at once, or after `delay_s`.
        delay_s: seconds after its acceptance, by the database's clock.
    """

    title: str
    description: str
    priority: Priority = Priority.MEDIUM
    team: str = DEFAULT_TEAM
    deadline: datetime | None = None
    assignee: str | None = None
    language: str = "zh"
    input_data: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[InputFile, ...] = ()
    budget: Budget = field(default_factory=Budget)
    start_at: datetime | None = None
    delay_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task row as its readers see it. All times are UTC.

    Attributes:
        created_by: who submitted or imported it, or made the schedule that did (`schedule:<id>` where only
            the schedule is known); None where that is not known.
        start_at: a pending task starts no earlier; None when nothing holds it, or when it is not pending.
    """

    id: str
    tenant: str
    title: str
    description: str
    priority: Priority
    team: str
    deadline: datetime | None
    assignee: str | None
    language: str
    status: TaskStatus
    status_detail: str | None
    progress: int
    input_data: Mapping[str, Any]
    files: tuple[InputFile, ...]
    budget: Budget
    cost: Cost
    result: Mapping[str, Any] | None
    error: Mapping[str, Any] | None
    generation: int
    epoch: int
    last_seq: int
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    created_by: str | None = None
    start_at: datetime | None = None
