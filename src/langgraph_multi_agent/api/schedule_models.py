"""The shapes of schedules and retention in requests and answers; read like `models`."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from langgraph_multi_agent.api import samples
from langgraph_multi_agent.api.models import (
    NOT_BLANK,
    BudgetModel,
    Moment,
    Name,
    PriorityNumber,
    TaskErrorModel,
    Text,
    Title,
    a_change,
    not_blank,
)

MAX_SCHEDULE_NAME_CHARS = 128
MAX_CRON_CHARS = 128
MAX_TIMEZONE_CHARS = 64

SCHEDULE_ID = "019ab1c2-8000-7f40-8a51-2b6c7d8e9f02"
SCHEDULED_TASK: dict[str, Any] = {
    "title": "每日销售简报",
    "description": "统计昨天各地区的销售，指出异常。",
    "priority": 2,
    "team": "default",
    "assignee": samples.NULL,
    "language": "zh",
    "input_data": {},
    "budget": {"tokens": 200000, "cost": 1.5},
}
SCHEDULE_REQUEST: dict[str, Any] = {
    "name": "每日简报",
    "cron": "0 9 * * MON-FRI",
    "timezone": "Asia/Shanghai",
    "task": {"title": "每日销售简报", "description": "统计昨天各地区的销售，指出异常。"},
}
SCHEDULE: dict[str, Any] = {
    "id": SCHEDULE_ID,
    "name": "每日简报",
    "cron": "0 9 * * MON-FRI",
    "timezone": "Asia/Shanghai",
    "task": SCHEDULED_TASK,
    "is_enabled": True,
    "next_fire_at": "2026-11-23T01:00:00Z",
    "last_fire_at": "2026-11-20T01:00:00Z",
    "last_task_id": samples.TASK_ID,
    "last_error": samples.NULL,
    "created_at": samples.MOMENT,
    "updated_at": samples.MOMENT,
    "created_by": "li",
}
RETENTION_TABLE: dict[str, Any] = {
    "table": "agent_messages",
    "older_than_days": 30.0,
    "rows": 1280,
    "oldest": "2026-10-01T00:00:00Z",
    "is_at_least": False,
    "is_at_most": False,
}
RETENTION_PLAN: dict[str, Any] = {"tables": [RETENTION_TABLE]}
RETENTION_RUN: dict[str, Any] = {
    "tables": [{"table": "agent_messages", "older_than_days": 30.0, "rows": 1280}],
    "is_complete": True,
    "is_elsewhere": False,
}

ScheduleName = Annotated[
    str,
    StringConstraints(max_length=MAX_SCHEDULE_NAME_CHARS, strip_whitespace=True),
    AfterValidator(not_blank),
    NOT_BLANK,
    Field(description="Unique."),
]
Cron = Annotated[
    str,
    StringConstraints(max_length=MAX_CRON_CHARS, strip_whitespace=True),
    Field(description="Five fields: minute, hour, day of month, month, day of week."),
]
Timezone = Annotated[
    str, StringConstraints(max_length=MAX_TIMEZONE_CHARS), Field(description="IANA name, such as Asia/Shanghai.")
]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ScheduledTaskRequest(_Closed):
    """What each fire submits. `title` defaults to the first line of the description."""

    title: Title | None = None
    description: Text
    priority: PriorityNumber = 2
    team: Annotated[Name, Field(min_length=1)] = "default"
    assignee: Name | None = None
    language: Literal["zh", "en"] | None = None
    input_data: dict[str, Any] = Field(default_factory=dict)
    budget: BudgetModel = Field(default_factory=BudgetModel)


class ScheduleRequest(_Closed):
    """A task that comes again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [SCHEDULE_REQUEST]})

    name: ScheduleName
    cron: Cron
    timezone: Timezone = "UTC"
    task: ScheduledTaskRequest
    is_enabled: Annotated[bool, Field(strict=True)] = True


class SchedulePatch(_Closed):
    """The fields to change; those that are absent stay. `task` is replaced as a whole."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=a_change({"is_enabled": False}))

    name: ScheduleName = ""
    cron: Cron = ""
    timezone: Timezone = "UTC"
    task: ScheduledTaskRequest = ScheduledTaskRequest(description="-")
    is_enabled: Annotated[bool, Field(strict=True)] = True


class ScheduledTaskModel(_Closed):
    """What each fire submits."""

    title: str
    description: str
    priority: Annotated[int, Field(ge=1, le=4)]
    team: str
    assignee: str | None
    language: Literal["zh", "en"]
    input_data: dict[str, Any]
    budget: BudgetModel


class ScheduleModel(_Closed):
    """A schedule. `last_error` says why the last fire made no task, or that some were skipped."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [SCHEDULE]})

    id: str
    name: str
    cron: str
    timezone: str
    task: ScheduledTaskModel
    is_enabled: bool
    next_fire_at: Moment | None
    last_fire_at: Moment | None
    last_task_id: str | None
    last_error: TaskErrorModel | None
    created_at: Moment
    updated_at: Moment
    created_by: Annotated[str | None, Field(description="Whose the tasks are that it makes, whoever asks for one.")]


class SchedulePage(_Closed):
    """Schedules by name. `next` is the cursor of the following page, null on the last."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"schedules": [SCHEDULE], "next": samples.NULL}]}
    )

    schedules: list[ScheduleModel]
    next: str | None


class OverdueModel(_Closed):
    """Rows of a table that have passed their time.

    `is_at_least`: there are more than were counted; `is_at_most`: some of them may have to stay.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [RETENTION_TABLE]})

    table: str
    older_than_days: float
    rows: int
    oldest: Moment | None
    is_at_least: bool
    is_at_most: bool


class RetentionPlanModel(_Closed):
    """What a run would delete now."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [RETENTION_PLAN]})

    tables: list[OverdueModel]


class DeletedModel(_Closed):
    """Rows of a table that were deleted."""

    table: str
    older_than_days: float
    rows: int


class RetentionRunModel(_Closed):
    """What a run deleted. Ask again while it is not complete; `is_elsewhere`: another process is at it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [RETENTION_RUN]})

    tables: list[DeletedModel]
    is_complete: bool
    is_elsewhere: bool
