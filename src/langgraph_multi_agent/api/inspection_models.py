"""The shapes of looks into the system and its tasks, for the OpenAPI document."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from langgraph_multi_agent.api import samples
from langgraph_multi_agent.service.spans import SpanKind, SpanStatus

Moment = Annotated[datetime, Field(examples=[samples.MOMENT])]
Count = Annotated[int, Field(ge=0)]
RUN_ID = "019ab1c2-8000-7f40-8a51-2b6c7d8e9f02"
WORKER = "web-1-4711-9f01ab"
CHECKPOINT_ID = "1f0c7b2e-8a51-6f40-8003-2b6c7d8e9f03"
ERROR: dict[str, Any] = {
    "code": "SKILL_FAILED",
    "title": "A calculation failed",
    "detail": "The calculation tables.trend failed: its process was killed.",
    "hint": "Try the task again.",
    "params": {"skill": "tables.trend", "reason": "killed"},
}
WORKERS: dict[str, Any] = {
    "at": samples.MOMENT,
    "lease_s": 6.0,
    "workers": [
        {
            "name": WORKER,
            "host": "web-1",
            "pid": 4711,
            "is_alone": False,
            "running": 1,
            "oldest_lease_s": 12.4,
            "last_beat": samples.MOMENT,
            "last_beat_age_s": 0.8,
            "runs_ended": 3,
            "last_ended": samples.MOMENT,
            "tasks": [{"task_id": samples.TASK_ID, "title": "华东区销售分析", "since": samples.MOMENT}],
        }
    ],
}
QUEUE: dict[str, Any] = {
    "at": samples.MOMENT,
    "waiting": 2,
    "running": 1,
    "by_priority": [{"priority": 3, "count": 2, "oldest_wait_s": 4.2}],
    "oldest_wait_s": 4.2,
    "delayed": {"count": 1, "next_at": samples.MOMENT},
    "suspects": 0,
    "dead_letters": {
        "count": 1,
        "tasks": [{"task_id": samples.TASK_ID, "title": "华东区销售分析", "at": samples.MOMENT}],
    },
}
ERRORS: dict[str, Any] = {
    "generated_at": samples.MOMENT,
    "window_s": 604800,
    "errors": [
        {
            "code": "SKILL_FAILED",
            "agent": "data_analyst",
            "count": 2,
            "last_at": samples.MOMENT,
            "task_id": samples.TASK_ID,
            "task_title": "华东区销售分析",
            "error": ERROR,
            "command": f"lgma tasks show {samples.TASK_ID}",
        }
    ],
}
EXECUTIONS: dict[str, Any] = {
    "executions": [
        {
            "id": RUN_ID,
            "generation": 1,
            "epoch": 1,
            "worker": WORKER,
            "status": "completed",
            "started_at": samples.MOMENT,
            "completed_at": samples.MOMENT,
            "error": samples.NULL,
        }
    ]
}
CHECKPOINT: dict[str, Any] = {
    "id": CHECKPOINT_ID,
    "namespace": "",
    "at": samples.MOMENT,
    "step": 1,
    "source": "loop",
    "parent": samples.NULL,
    "next": ["coordinator"],
    "channels": ["plan", "understanding"],
    "size_bytes": 2048,
}
STATE: dict[str, Any] = {
    **CHECKPOINT,
    "values": [
        {"name": "understanding", "value": {"goal": "…"}, "size_bytes": 14, "is_shortened": False},
    ],
}
SPANS: dict[str, Any] = {
    "first_seq": 1,
    "last_seq": 6,
    "is_complete": True,
    "spans": [
        {
            "id": "task",
            "kind": "task",
            "name": "华东区销售分析",
            "start": samples.MOMENT,
            "end": samples.NULL,
            "status": "running",
            "parent": samples.NULL,
            "agent": samples.NULL,
            "subtask_id": samples.NULL,
            "generation": 1,
            "detail": {},
        }
    ],
}


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NamedTaskModel(_Answer):
    """A task by its id, with a moment that matters here."""

    task_id: str
    title: str
    at: Moment | None


class HeldTaskModel(_Answer):
    """A task that a worker holds. `since` is when this run of it began."""

    task_id: str
    title: str
    since: Moment


class WorkerModel(_Answer):
    """A worker process, as its leases and runs show it. One that holds nothing is known for 15 minutes."""

    name: str
    host: str | None
    pid: int | None
    is_alone: Annotated[bool, Field(description="It runs a task that crashes its process, alone.")]
    running: Count
    oldest_lease_s: Annotated[float | None, Field(ge=0, description="Age of its oldest running run.")]
    last_beat: Moment | None
    last_beat_age_s: float | None
    runs_ended: Annotated[int, Field(ge=0, description="In the last 15 minutes.")]
    last_ended: Moment | None
    tasks: list[HeldTaskModel]


class WorkerList(_Answer):
    """All workers that hold tasks, and those that did lately. `at` is the database's time."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [WORKERS]})

    at: Moment
    lease_s: float
    workers: list[WorkerModel]


class WaitingModel(_Answer):
    """Runnable tasks of a priority, and how long the first of them could have run already."""

    priority: Annotated[int, Field(ge=1, le=4)]
    count: Count
    oldest_wait_s: Annotated[float, Field(ge=0)]


class DelayedModel(_Answer):
    """Tasks whose time has not come."""

    count: Count
    next_at: Moment | None


class DeadLettersModel(_Answer):
    """Tasks that were given up because they crashed their process; the newest of them."""

    count: Count
    tasks: list[NamedTaskModel]


class QueueModel(_Answer):
    """What waits for a worker, for its time, or for an operator."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [QUEUE]})

    at: Moment
    waiting: Count
    running: Count
    by_priority: list[WaitingModel]
    oldest_wait_s: Annotated[float | None, Field(ge=0)]
    delayed: DelayedModel
    suspects: Annotated[int, Field(ge=0, description="Runnable tasks that have crashed their process.")]
    dead_letters: DeadLettersModel


class InspectedError(_Answer):
    """What went wrong, in words."""

    code: str
    title: str
    detail: str
    hint: str
    params: dict[str, Any]


class ErrorGroup(_Answer):
    """Failures of one code by one agent; task and words are the newest one's."""

    code: str
    agent: Annotated[str | None, Field(description="null where a whole task failed.")]
    count: Count
    last_at: Moment
    task_id: str
    task_title: str | None
    error: InspectedError
    command: Annotated[str, Field(description="What an operator runs next, see docs/cli.md.")]


class ErrorList(_Answer):
    """Failures of the window before `generated_at`, most frequent first."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [ERRORS]})

    generated_at: Moment
    window_s: int
    errors: list[ErrorGroup]


class ExecutionModel(_Answer):
    """One run of the task by one worker."""

    id: str
    generation: int
    epoch: int
    worker: str
    status: str
    started_at: Moment
    completed_at: Moment | None
    error: InspectedError | None


class ExecutionList(_Answer):
    """All runs, newest first."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXECUTIONS]})

    executions: list[ExecutionModel]


class CheckpointModel(_Answer):
    """A saved state of the graph: which step made it, which nodes come next, what it holds."""

    id: str
    namespace: str
    at: Moment
    step: Annotated[int | None, Field(description="-1 is the input.")]
    source: Annotated[str | None, Field(description="`input`, `loop`, `update` or `fork`.")]
    parent: str | None
    next: list[str]
    channels: list[str]
    size_bytes: Annotated[int, Field(ge=0, description="With its pending writes.")]


class CheckpointList(_Answer):
    """The newest 200 checkpoints, newest first. Those of ended tasks are pruned to the newest one."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"checkpoints": [CHECKPOINT]}]})

    checkpoints: list[CheckpointModel]


class ChannelModel(_Answer):
    """A value of the state. One over 64 kB, or beyond 256 kB together, is left out and says so."""

    name: str
    value: Any
    size_bytes: Count
    is_shortened: bool


class StateModel(CheckpointModel):
    """A checkpoint with the values it holds."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [STATE]})

    values: list[ChannelModel]


class SpanModel(_Answer):
    """A bar of the time line. `end` is null while it goes on, and equal to `start` where the log knows
    one moment only. What was cut off without an event of its own ends where the next run begins.
    """

    id: str
    kind: SpanKind
    name: str
    start: Moment
    end: Moment | None
    status: SpanStatus
    parent: str | None
    agent: str | None
    subtask_id: str | None
    generation: int
    detail: dict[str, Any]


class SpanList(_Answer):
    """The task's time line from its event log. `is_complete` is false when retention removed the first
    events, or there are more than 20,000.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [SPANS]})

    first_seq: int
    last_seq: int
    is_complete: bool
    spans: list[SpanModel]
