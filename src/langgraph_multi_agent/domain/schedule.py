"""Schedule: a task that is submitted again and again, at the times of a cron line.

Hides how a draft is kept as JSON. Callers: store, service and API. Invariant: a pair of schedule
and fire time makes at most one task.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from langgraph_multi_agent.domain.errors import Fault
from langgraph_multi_agent.domain.task import Budget, Priority, TaskDraft

MAX_COUNTED_SKIPS = 1000
"""Skipped fires are counted so far; a system that was down for longer is told `at least`."""


class ScheduleNotFound(Fault):
    code, status = "SCHEDULE_NOT_FOUND", 404


class ScheduleExists(Fault):
    """Another schedule of the tenant has the name."""

    code, status = "SCHEDULE_EXISTS", 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A schedule as its readers see it. Times are UTC.

    Attributes:
        cron: five fields: minute, hour, day of month, month, day of week.
        timezone: IANA name in which the fields are meant.
        draft: what each fire submits.
        next_fire_at: None while it is paused.
        last_fire_at: the planned time of the last fire that became a task.
        last_error: `{"code", "params"}` of why the last fire made no task, or that earlier ones
            were skipped; None when all is well.
    """

    id: str
    tenant: str
    name: str
    cron: str
    timezone: str
    draft: TaskDraft
    is_enabled: bool
    next_fire_at: datetime | None
    last_fire_at: datetime | None
    last_task_id: str | None
    last_error: Mapping[str, Any] | None
    created_at: datetime
    updated_at: datetime
    created_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleDraft:
    """A parsed request for a schedule, before it is checked."""

    name: str
    cron: str
    timezone: str
    draft: TaskDraft
    is_enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DueFires:
    """What a due schedule owes.

    Attributes:
        newest: the fire time to make up for; earlier ones are skipped.
        following: the first fire time after now; None if there is none.
        skipped: how many fire times before `newest` made no task, up to MAX_COUNTED_SKIPS.
    """

    newest: datetime
    following: datetime | None
    skipped: int


NextFire = Callable[[str, str, datetime], datetime | None]
"""`(cron, timezone, after)` → the first fire time later than `after`, UTC."""
FiresDue = Callable[[str, str, datetime, datetime], DueFires]
"""`(cron, timezone, due, now)` → what a schedule owes that was due at `due`."""


def draft_json(draft: TaskDraft) -> dict[str, Any]:
    """What a schedule keeps of a draft: no files, deadline or start of its own."""
    return {
        "title": draft.title,
        "description": draft.description,
        "priority": int(draft.priority),
        "team": draft.team,
        "assignee": draft.assignee,
        "language": draft.language,
        "input_data": dict(draft.input_data),
        "budget": {"tokens": draft.budget.tokens, "cost": draft.budget.cost},
    }


def draft_of(value: Mapping[str, Any]) -> TaskDraft:
    """The draft that `draft_json` wrote, here or in a newer version: keys that are unknown here are left out."""
    known = {name: value[name] for name in _DRAFT_NAMES & value.keys()}
    budget = {name: value["budget"][name] for name in _BUDGET_NAMES & value["budget"].keys()}
    return TaskDraft(**{**known, "priority": Priority(value["priority"]), "budget": Budget(**budget)})


_DRAFT_NAMES = frozenset(item.name for item in fields(TaskDraft))
_BUDGET_NAMES = frozenset(item.name for item in fields(Budget))


def error_json(fault: Fault, *, fire_at: datetime) -> dict[str, Any]:
    """A fault as a schedule keeps it; values that JSON has no form for become text."""
    plain = (str, int, float, bool, type(None))
    params = {name: value if isinstance(value, plain) else str(value) for name, value in fault.params.items()}
    if fault.errors:
        params |= {"field": str(fault.errors[0].get("field", "")), "reason": str(fault.errors[0].get("code", ""))}
    return {"code": fault.code, "params": {**params, "fire_at": fire_at.isoformat()}}
