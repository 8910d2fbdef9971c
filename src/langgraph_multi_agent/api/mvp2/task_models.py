"""The shapes of the MVP2 task routes, for parsing and for OpenAPI.

Invariant: what a front end of the contract sends is understood: Chinese words and core numbers for a
priority, both vocabularies for a status, an empty text where nothing is meant, and keys that are not
known are left alone, because such clients send back whole task objects.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from langgraph_multi_agent.api import models, samples
from langgraph_multi_agent.api.models import NOT_BLANK, Moment, Name, Title, not_blank
from langgraph_multi_agent.api.mvp2.envelope import Answer
from langgraph_multi_agent.api.mvp2.shapes import PRIORITIES
from langgraph_multi_agent.domain.plan import SubtaskStatus
from langgraph_multi_agent.domain.task import Priority, TaskStatus

PRIORITY_WORDS = {word: number for number, word in PRIORITIES.items()} | {
    priority.name.lower(): priority for priority in Priority
}
STATUS_WORDS = {"待处理": "pending", "进行中": "in_progress", "已完成": "completed", "失败": "failed"}
STATUSES = tuple(status.value for status in TaskStatus)
"""What a status may be on input besides the words: theirs and the finer ones of the core."""

PriorityWord = Literal["低", "中", "高", "紧急"]
StatusWord = Literal["pending", "in_progress", "completed", "failed"]


def parse_priority(value: Any) -> Priority:
    """A priority by its Chinese or English word, or its core number, also as text.

    Raises:
        PydanticCustomError: it is none of these.
    """
    if isinstance(value, str):
        word = value.strip().lower()
        if word in PRIORITY_WORDS:
            return PRIORITY_WORDS[word]
        value = int(word) if len(word) == 1 and word in "1234" else value
    value = models.whole_number(value)
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= len(Priority):
        return Priority(value)
    allowed = ", ".join([*PRIORITIES.values(), "1–4"])
    raise PydanticCustomError("field_not_allowed", "no priority", {"expected": allowed})


def parse_status(value: Any) -> str:
    """A status in English: one of the contract's four, or a finer one of the core.

    Raises:
        PydanticCustomError: it is neither.
    """
    if isinstance(value, str):
        word = STATUS_WORDS.get(value.strip(), value.strip().lower())
        if word in STATUSES:
            return word
    allowed = ", ".join([*STATUS_WORDS, *STATUSES])
    raise PydanticCustomError("field_not_allowed", "no status", {"expected": allowed})


def _nothing(value: Any) -> Any:
    """An empty text means that nothing is given."""
    return None if isinstance(value, str) and not value.strip() else value


def _optional_priority(value: Any) -> Any:
    return None if _nothing(value) is None else parse_priority(value)


def _optional_status(value: Any) -> Any:
    return None if _nothing(value) is None else parse_status(value)


def _words(*words: str) -> dict[str, Any]:
    """A pattern that takes any of these, in either case and with blanks around them."""
    either = (("".join(f"[{c.upper()}{c}]" if c.isascii() and c.isalpha() else c for c in word)) for word in words)
    return {"pattern": rf"^\s*({'|'.join(either)})\s*$"}


Nothing = Annotated[str, Field(json_schema_extra={"pattern": r"^\s*$"})]
"""An empty text, which front ends send where nothing is meant."""
EnglishPriority = Annotated[str, Field(json_schema_extra=_words(*PRIORITY_WORDS, "[1-4]"))]
StatusText = Annotated[str, Field(json_schema_extra=_words(*STATUS_WORDS, *STATUSES))]
PriorityInput = Annotated[
    Priority | None,
    BeforeValidator(
        _optional_priority,
        json_schema_input_type=PriorityWord | EnglishPriority | Literal[1, 2, 3, 4] | Nothing | None,
    ),
    Field(description="低, 中, 高, 紧急, or 1 to 4.", examples=["高"]),
]
StatusInput = Annotated[
    str | None,
    BeforeValidator(_optional_status, json_schema_input_type=StatusText | Nothing | None),
    Field(
        description="pending, in_progress, completed, failed, or their Chinese words.", examples=["已完成"]
    ),
]
DeadlineInput = Annotated[
    datetime | None,
    BeforeValidator(
        lambda value: models.parse_deadline(_nothing(value)),
        json_schema_input_type=models.DateText | models.TimeText | Nothing | None,
    ),
    Field(
        description="`YYYY-MM-DD` (the end of that day, UTC) or an ISO-8601 time.", examples=["2026-12-31"]
    ),
]
AssigneeInput = Annotated[Name | None, BeforeValidator(_nothing)]
TeamInput = Annotated[Name | None, BeforeValidator(_nothing)]


class _Input(BaseModel):
    model_config = ConfigDict(extra="ignore")


class TaskInput(_Input):
    """A new task. Without a description, the name is what the agents work on."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={
            "examples": [
                {
                    "name": samples.TASK_REQUEST["title"],
                    "description": samples.TASK_REQUEST["description"],
                    "priority": "高",
                    "deadline": "2026-12-31",
                    "assignee": "李雷",
                }
            ]
        },
    )

    name: Annotated[Title, AfterValidator(not_blank), NOT_BLANK]
    description: str | None = None
    priority: PriorityInput = None
    deadline: DeadlineInput = None
    assignee: AssigneeInput = None
    team: TeamInput = None
    language: Annotated[
        Literal["zh", "en"] | None,
        BeforeValidator(_nothing, json_schema_input_type=Literal["zh", "en"] | Nothing | None),
    ] = None
    input_data: dict[str, Any] | None = None
    budget: models.BudgetModel | None = None
    start_at: models.StartAt = None
    delay_s: models.Delay = None


def _moment_or_none(value: Any) -> datetime | None:
    """A moment with its zone; anything else is as if it were not there: nobody can write this field."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None


class TaskChange(_Input):
    """What to change; keys that are absent stay, and those that nobody can write are left alone.

    A `status` that differs from the task's is an action: `failed` cancels, `completed` marks it
    completed by a person, `pending` reopens what has ended or resumes what is paused.
    """

    model_config = ConfigDict(
        extra="ignore", json_schema_extra={"examples": [{"priority": "紧急", "status": "已完成"}]}
    )

    name: Annotated[Title, AfterValidator(not_blank), NOT_BLANK] | None = None
    description: models.Text | None = None
    priority: PriorityInput = None
    deadline: DeadlineInput = None
    assignee: AssigneeInput = None
    budget: models.BudgetModel | None = None
    status: StatusInput = None
    updated_at: Annotated[datetime | None, BeforeValidator(_moment_or_none, json_schema_input_type=Any)] = Field(
        default=None,
        description="Of the object that is sent back: an unfinished `status` in it from before the task started or "
        "ended is that of then, and asks for nothing.",
    )


_TASK: dict[str, Any] = {
    "id": samples.TASK_ID,
    "name": samples.TASK["title"],
    "description": samples.TASK["description"],
    "priority": "高",
    "deadline": "2026-12-31",
    "deadline_at": samples.TASK["deadline"],
    "assignee": samples.NULL,
    "progress": 40,
    "status": "in_progress",
    "status_detail": samples.NULL,
    "created_at": samples.MOMENT,
    "updated_at": samples.MOMENT,
    "started_at": samples.MOMENT,
    "completed_at": samples.NULL,
    "start_at": samples.NULL,
    "team": "default",
    "files": samples.TASK["files"],
    "budget": samples.TASK["budget"],
    "cost": {"tokens": 0, "cost": 0.0, "model_calls": 0},
    "error": samples.NULL,
    "generation": 1,
    "last_event_id": 6,
}
EXAMPLE = _TASK
EXAMPLE_DETAIL: dict[str, Any] = _TASK | {
    "result": samples.NULL,
    "subtasks": [
        {
            "id": "data_analyst.trend",
            "title": "销售额趋势",
            "agent": "data_analyst",
            "status": "running",
            "depends_on": [],
            "weight": 1.0,
            "progress": 0,
        }
    ],
    "artifacts": [samples.ARTIFACT],
}
EXAMPLE_STATISTICS: dict[str, Any] = {
    "total_tasks": 42,
    "completed_tasks": 30,
    "pending_tasks": 5,
    "urgent_tasks": 4,
    "urgent_unfinished_tasks": 1,
    "completion_rate": 71.4,
    "this_week_completed": 6,
    "overdue_tasks": 2,
}


class TaskSpend(Answer):
    """What a task has spent on models; `cost` is in the currency of the settings."""

    tokens: int
    cost: float
    model_calls: int


class TaskObject(Answer):
    """The contract's task, and the further keys of our own front end.

    `deadline` is the day where one was given, `deadline_at` the moment it means. `status_detail` says
    what the four statuses leave out. `last_event_id` is the number to follow the task's events from.
    """

    id: str
    name: str
    description: str
    priority: PriorityWord
    deadline: str | None
    deadline_at: Moment | None
    assignee: str | None
    progress: Annotated[int, Field(ge=0, le=100)]
    status: StatusWord
    status_detail: str | None
    created_at: Moment
    updated_at: Moment
    started_at: Moment | None
    completed_at: Moment | None
    start_at: Moment | None
    team: str
    files: list[models.InputModel]
    budget: models.BudgetModel
    cost: TaskSpend
    error: models.TaskErrorModel | None
    generation: int
    last_event_id: int
    result: dict[str, Any] | None = None
    subtasks_done: Annotated[
        int | None, Field(ge=0, description="In lists: completed subtasks of a task at work that has a plan.")
    ] = None
    subtasks_total: Annotated[int | None, Field(ge=0, description="In lists: how many the plan has.")] = None


class SubtaskObject(Answer):
    """A step of the task's plan. `progress` is 100 when it is completed, else 0."""

    id: str
    title: str
    agent: str
    status: SubtaskStatus
    depends_on: list[str]
    weight: float
    progress: Annotated[int, Field(ge=0, le=100)]


class TaskDetail(TaskObject):
    """A task with its plan, its result and its files."""

    result: dict[str, Any] | None
    subtasks: list[SubtaskObject]
    artifacts: list[models.ArtifactModel]


class TaskList(Answer):
    """A page, newest first. `total` is exact unless `total_is_capped`: then there are more."""

    tasks: list[TaskObject]
    total: int
    total_is_capped: bool
    limit: int
    offset: int


class TaskStatisticsModel(Answer):
    """Figures over all tasks.

    `completion_rate` is in percent of all tasks, `this_week_completed` counts from Monday 0:00 UTC,
    `urgent_tasks` in any status, `overdue_tasks` those that have not ended in time.
    """

    total_tasks: int
    completed_tasks: int
    pending_tasks: int
    urgent_tasks: int
    urgent_unfinished_tasks: int
    completion_rate: Annotated[float, Field(ge=0, le=100)]
    this_week_completed: int
    overdue_tasks: int


class DeletedTask(Answer):
    """Which task is gone."""

    deleted_task_id: str
