"""The shapes of requests and answers, for parsing and for OpenAPI.

Requests are parsed with these models; answers are built by `shapes` and only described here, and
the contract tests hold every answer against its schema. Invariant: an unknown field of a request
is an error, never ignored.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from langgraph_multi_agent.api import samples
from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.plan import SubtaskStatus
from langgraph_multi_agent.domain.task import TaskStatus, moment_of

MAX_TITLE_CHARS = 500
MAX_NAME_CHARS = 200
MAX_TOKENS = 10**12
MAX_DELAY_S = 366 * 86_400


def parse_deadline(value: Any) -> Any:
    """`YYYY-MM-DD` is the end of that day; a time without offset is UTC."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise PydanticCustomError("field_not_a_date", "a date is a string")
    try:
        return moment_of(value)
    except (ValueError, OverflowError):
        raise PydanticCustomError("field_not_a_date", "no ISO-8601 date") from None


def parse_start(value: Any) -> Any:
    """An ISO-8601 time with its offset: a start at another hour than meant would be worse than none."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise PydanticCustomError("field_not_a_date", "a date is a string")
    try:
        moment = datetime.fromisoformat(value)
        has_offset = moment.tzinfo is not None
        moment = moment.astimezone(UTC) if has_offset else moment
    except (ValueError, OverflowError):
        raise PydanticCustomError("field_not_a_date", "no ISO-8601 date") from None
    if not has_offset:
        raise PydanticCustomError("field_no_offset", "a time has an offset")
    return moment


def not_blank(value: str) -> str:
    """Refuse a text of blanks. Raises a validation error."""
    if not value.strip():
        raise PydanticCustomError("field_empty", "must not be empty")
    return value


def whole_number(value: Any) -> Any:
    """`3.0` as 3: JSON has one kind of numbers (JSON Schema, "integer"), and some programs write all of them so."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(whole_number)
"""Comes after the bounds, or the document would not have them."""


def not_a_number(value: Any) -> Any:
    """Refuse the numbers that pydantic takes for seconds since 1970: `2026` is a mistake, not a minute of then."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        raise PydanticCustomError("field_not_a_date", "no ISO-8601 date")
    return value


_NUMBER = re.compile(r"\s*[-+]?[\d_]*[.,]?[\d_]*([eE][-+]?\d*)?\s*")
NOT_BLANK = Field(json_schema_extra={"pattern": r"\S"})
"""What `not_blank` holds, as the document says it."""
Text = Annotated[str, AfterValidator(not_blank), NOT_BLANK]
DateText = Annotated[str, Field(json_schema_extra={"format": "date"})]
TimeText = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
QueryMoment = Annotated[datetime, BeforeValidator(not_a_number)]
"""A moment in an address."""
Deadline = Annotated[
    datetime | None,
    BeforeValidator(parse_deadline, json_schema_input_type=DateText | TimeText | None),
    Field(
        description="`YYYY-MM-DD` (the end of that day, UTC) or an ISO-8601 time.", examples=["2026-12-31"]
    ),
]
StartAt = Annotated[
    datetime | None,
    BeforeValidator(parse_start, json_schema_input_type=TimeText | None),
    Field(
        description="ISO-8601 with an offset: it starts no earlier. One that has passed means at once.",
        examples=["2026-12-31T08:00:00+08:00"],
    ),
]
Delay = Annotated[
    float | None,
    Field(
        ge=0,
        le=MAX_DELAY_S,
        strict=True,
        allow_inf_nan=False,
        description="Seconds after its acceptance, instead of `start_at`.",
    ),
]
Title = Annotated[str, StringConstraints(max_length=MAX_TITLE_CHARS, strip_whitespace=True)]
Name = Annotated[str, StringConstraints(max_length=MAX_NAME_CHARS, strip_whitespace=True)]
PriorityNumber = Annotated[
    int,
    Field(ge=1, le=4, strict=True, description="1 low, 2 medium, 3 high, 4 urgent."),
    WHOLE,
]
Moment = Annotated[datetime, Field(examples=[samples.MOMENT])]


def a_change(example: Mapping[str, Any]) -> Callable[[dict[str, Any]], None]:
    """`json_schema_extra` of fields of which those that are absent stay: some are given, and none has a default."""

    def say(schema: dict[str, Any]) -> None:
        schema |= {"minProperties": 1, "examples": [dict(example)]}
        for described in schema["properties"].values():
            described.pop("default", None)

    return say


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class BudgetModel(_Request):
    """What a task may spend on models; null means no limit of its own."""

    tokens: Annotated[int, Field(ge=0, le=MAX_TOKENS, strict=True), WHOLE] | None = None
    cost: Annotated[float, Field(ge=0, strict=True, allow_inf_nan=False)] | None = None


class TaskRequest(_Request):
    """A request for work. `title` defaults to the first line of the description."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [samples.TASK_REQUEST]})

    title: Title | None = None
    description: Text
    priority: PriorityNumber = 2
    team: Annotated[Name, Field(min_length=1)] = "default"
    deadline: Deadline = None
    assignee: Name | None = None
    language: Annotated[
        Literal["zh", "en"] | None, Field(description="Of the results; found from the request if absent.")
    ] = None
    input_data: dict[str, Any] = Field(default_factory=dict)
    budget: BudgetModel = Field(default_factory=BudgetModel)
    start_at: StartAt = None
    delay_s: Delay = None


class TaskPatch(_Request):
    """The fields to change; those that are absent stay. The description can change while pending."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra=a_change({"priority": 4, "deadline": "2026-12-31"})
    )

    title: Annotated[Title, AfterValidator(not_blank), NOT_BLANK] = ""
    description: Text = ""
    priority: PriorityNumber = 2
    deadline: Deadline = None
    assignee: Name | None = None
    budget: BudgetModel = Field(default_factory=BudgetModel)


class AnswerRequest(_Request):
    """An answer: `text` to a clarification, `approved` to an approval."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [samples.ANSWER_REQUEST]})

    question_id: Annotated[
        str | None, Field(description="May be left out while exactly one question is open.")
    ] = None
    text: str | None = None
    approved: Annotated[bool, Field(strict=True)] | None = None


class CompleteRequest(_Request):
    """Why a person calls the task completed."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"note": "Done by hand."}]})

    note: Annotated[str, StringConstraints(max_length=2000)] | None = None


class EmptyRequest(_Request):
    """No fields."""


class ResetRequest(_Request):
    """Which agent to set back."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"agent": "data_analyst"}]})

    agent: Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FieldError(_Answer):
    """What is wrong with one field of the request."""

    field: str
    code: str
    message: str


class Problem(_Answer):
    """RFC 9457. `code` is stable, the words follow Accept-Language."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [samples.PROBLEM]})

    type: str
    title: str
    status: int
    code: str
    detail: str
    hint: str
    errors: list[FieldError]
    instance: str | None = None
    request_id: str | None = None


class TaskErrorModel(_Answer):
    """Why a task failed."""

    code: str
    title: str
    detail: str
    hint: str
    params: dict[str, Any]


class CostModel(_Answer):
    """What a task has spent on models."""

    input_tokens: int
    output_tokens: int
    cost: float
    model_calls: int


class InputModel(_Answer):
    """A file that the task works on."""

    name: str
    size_bytes: int
    media_type: str
    digest: str


class TaskModel(_Answer):
    """A task. `last_seq` is the number of its newest event."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [samples.TASK]})

    id: str
    title: str
    description: str
    priority: Annotated[int, Field(ge=1, le=4)]
    team: str
    deadline: Moment | None
    assignee: str | None
    language: Literal["zh", "en"]
    status: TaskStatus
    status_detail: str | None
    progress: Annotated[int, Field(ge=0, le=100)]
    input_data: dict[str, Any]
    files: list[InputModel]
    budget: BudgetModel
    cost: CostModel
    result: dict[str, Any] | None
    error: TaskErrorModel | None
    generation: int
    last_seq: int
    created_at: Moment
    updated_at: Moment
    started_at: Moment | None
    completed_at: Moment | None
    created_by: Annotated[
        str | None,
        Field(
            description="Who submitted or imported it, or made the schedule that did: a user's name, `key:<id>`, "
            "`token:<subject>`, `local` without a log-in, `schedule:<id>` for a schedule whose maker is not known; "
            "null where nothing is known."
        ),
    ]
    start_at: Annotated[
        Moment | None, Field(description="A pending task starts no earlier; null when nothing holds it.")
    ]


class TaskPage(_Answer):
    """Tasks, newest first. `next` is the cursor of the following page, null on the last."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"tasks": [samples.TASK], "next": samples.NULL}]}
    )

    tasks: list[TaskModel]
    next: str | None


class SubtaskModel(_Answer):
    """A node of the plan with its state."""

    id: str
    title: str
    capability: str
    agent: str
    depends_on: list[str]
    status: SubtaskStatus
    reason: str
    weight: float
    inputs: list[str]
    parameters: dict[str, Any]
    success_criteria: list[str]
    attempts: int
    started_at: Moment | None
    completed_at: Moment | None
    summary: str | None
    error: TaskErrorModel | None
    cost: dict[str, Any]


class PlanModel(_Answer):
    """A revision of the plan; revision 0 without subtasks before there is one."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [samples.PLAN]})

    revision: int
    revisions: list[int]
    reason: str
    subtasks: list[SubtaskModel]


class EventModel(_Answer):
    """An event. `seq` counts from 1 without gaps."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [samples.EVENT]})

    seq: int
    type: EventType
    at: Moment
    agent: str | None
    subtask_id: str | None
    data: dict[str, Any]


class EventPage(_Answer):
    """Events in order. `next` is the `after` of the following page, also when there is none yet."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"events": [samples.EVENT], "next": 1}]}
    )

    events: list[EventModel]
    next: int


class ArtifactModel(_Answer):
    """A file of a task; `url` gives its content."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [samples.ARTIFACT]})

    name: str
    kind: Literal["input", "report", "chart", "result", "plan"]
    media_type: str
    size_bytes: int
    digest: str
    created_at: Moment
    url: str


class ArtifactList(_Answer):
    """All files of a task, its inputs included, oldest first."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"artifacts": [samples.ARTIFACT]}]}
    )

    artifacts: list[ArtifactModel]


class QuestionModel(_Answer):
    """Something that only a person can say."""

    id: str
    kind: Literal["clarification", "approval"]
    text: str
    options: list[str]
    subtask_id: str | None


class QuestionList(_Answer):
    """The questions that wait for an answer."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"questions": [samples.QUESTION]}]}
    )

    questions: list[QuestionModel]


class TeamMember(_Answer):
    """An agent as a part of a team."""

    name: str
    title: str
    titles: dict[str, str]
    capabilities: list[str]


class TeamModel(_Answer):
    """A team that tasks can be sent to."""

    name: str
    version: str
    title: str
    titles: dict[str, str]
    agents: list[TeamMember]


class TeamList(_Answer):
    """All teams."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"teams": [samples.TEAM]}]})

    teams: list[TeamModel]


class CurrentWorkModel(_Answer):
    """A subtask that an agent works on."""

    task_id: str
    subtask_id: str
    since: Moment


class AgentModel(_Answer):
    """An agent now. `success_rate` is a share 0–1, null before its first subtask."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [samples.AGENT]})

    name: str
    team: str
    title: str
    titles: dict[str, str]
    capabilities: list[str]
    state: Literal["busy", "idle"]
    current: list[CurrentWorkModel]
    completed: int
    failed: int
    success_rate: float | None
    last_activity: Moment | None
    last_reset: Moment | None


class AgentList(_Answer):
    """All agents of all teams."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"agents": [samples.AGENT]}]})

    agents: list[AgentModel]


class Liveness(_Answer):
    """The process lives."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [samples.LIVENESS]})

    status: Literal["healthy"]
    service: str
    version: str
    uptime_s: float
    timestamp: Moment


class Readiness(_Answer):
    """The process takes work."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"status": "ready", "timestamp": samples.MOMENT}]}
    )

    status: Literal["ready"]
    timestamp: Moment


class DependencyModel(_Answer):
    """How one dependency does."""

    name: str
    status: Literal["ok", "degraded", "down"]
    latency_ms: float
    detail: str


class SystemHealth(_Answer):
    """Every dependency, each asked once."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [samples.HEALTH]})

    status: Literal["healthy", "degraded", "unhealthy"]
    draining: bool
    service: str
    version: str
    uptime_s: float
    timestamp: Moment
    dependencies: list[DependencyModel]
    tasks: dict[str, int]
