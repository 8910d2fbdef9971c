"""Tasks as MVP2 front ends use them: create, list, count, read, change, delete.

Each route translates for the same service that `/api/v1/tasks` calls. Invariant: a change with an
action is one transaction: what the task does not allow is refused as a whole.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from langgraph_multi_agent.access.policy import Permission
from langgraph_multi_agent.agents.request import language_of_request
from langgraph_multi_agent.api.auth.rules import needs, ruled_router
from langgraph_multi_agent.api.body import read_json
from langgraph_multi_agent.api.context import Language, ScopeOf, ServicesOf
from langgraph_multi_agent.api.documents import json_body
from langgraph_multi_agent.api.forms import MULTIPART, read_submission
from langgraph_multi_agent.api.models import MAX_NAME_CHARS, MAX_TITLE_CHARS
from langgraph_multi_agent.api.mvp2 import task_models as shown
from langgraph_multi_agent.api.mvp2.envelope import Success, example, failures, success
from langgraph_multi_agent.api.mvp2.shapes import STATUSES, task_detail, task_object
from langgraph_multi_agent.api.mvp2.task_models import TaskChange, TaskInput, parse_priority, parse_status
from langgraph_multi_agent.api.problems import MalformedForm, MalformedJson, UnsupportedMediaType
from langgraph_multi_agent.api.samples import NULL, TASK_ID
from langgraph_multi_agent.api.v1.tasks import IdempotencyKey
from langgraph_multi_agent.domain import errors as faults
from langgraph_multi_agent.domain.errors import IllegalTransition, InvalidRequest
from langgraph_multi_agent.domain.task import (
    DEFAULT_TEAM,
    Action,
    Budget,
    InputFile,
    Priority,
    Task,
    TaskDraft,
    TaskStatus,
    can,
    is_terminal,
    next_status,
)
from langgraph_multi_agent.service.tasks import NumberedPage
from langgraph_multi_agent.store.tasks import TaskFilter

router = ruled_router(tags=["mvp2"])

PATH = "/api/v1/mvp2/tasks"
MAX_LIMIT = 1000
MAX_OFFSET = 2**31
CLOCK_DIGITS = timedelta(milliseconds=1)
"""What front ends may cut off a moment."""
SEPARATORS = str.maketrans("，、", ",,")

BY_STATUS = (Action.CANCEL, Action.PAUSE, Action.RESUME, Action.COMPLETE_BY_PERSON, Action.REOPEN)
"""What people can do with a task by its status."""

BODY = (faults.InputTooLarge, MalformedJson, UnsupportedMediaType)


def _submit_body() -> dict[str, Any]:
    extra = json_body(TaskInput)
    content = extra["requestBody"]["content"]
    text = {"type": "string"}
    names = [name for name in TaskInput.model_fields if name not in ("priority", "delay_s")]
    content[MULTIPART] = {
        "schema": {
            "type": "object",
            "required": ["name"],
            "properties": {
                **dict.fromkeys(names, text),
                "name": {**text, "pattern": r"\S", "maxLength": MAX_TITLE_CHARS},
                **{name: {**text, "maxLength": MAX_NAME_CHARS} for name in ("assignee", "team")},
                "priority": {"type": "string", "description": "低, 中, 高, 紧急, or 1 to 4."},
                "delay_s": {"type": "number", "minimum": 0},
                "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
            },
        },
        "examples": {"default": {"value": {"name": shown.EXAMPLE["name"], "files": ["sales.csv"]}}},
    }
    return extra


@router.post(
    PATH,
    response_model=Success[shown.TaskObject],
    summary="Create a task",
    description="It is queued, and the agents really work on it. JSON, or a form with the same fields and "
    "any number of `files`. Keys that are not known are left alone.",
    responses={
        **failures(
            faults.InvalidRequest,
            faults.TeamUnknown,
            faults.ModelRequired,
            faults.InputUnreadable,
            faults.InputUnsafe,
            faults.IdempotencyConflict,
            faults.QueueFull,
            faults.QuotaExceeded,
            faults.DayQuotaExceeded,
            faults.Draining,
            faults.DependencyUnavailable,
            MalformedForm,
            *BODY,
        ),
        **example(
            shown.EXAMPLE | {"status": "pending", "progress": 0, "started_at": NULL, "last_event_id": 1},
            "mvp2.task_created",
            name=shown.EXAMPLE["name"],
        ),
    },
    openapi_extra=_submit_body(),
)
@needs(Permission.TASKS_WRITE)
async def create_task(
    request: Request,
    services: ServicesOf,
    scope: ScopeOf,
    language: Language,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    body, files = await read_submission(request, services, TaskInput, skips_unknown=True)
    submitted = await services.tasks.submit(
        scope, draft_of(body, files, default_language=language), idempotency_key=idempotency_key
    )
    task = submitted.task
    headers = {"idempotent-replayed": "true"} if submitted.is_replay else {}
    return success(
        task_object(task, language),
        "mvp2.task_created",
        language,
        now=services.clock.now(),
        headers={"location": f"{PATH}/{task.id}", **headers},
        name=task.title,
    )


def draft_of(body: TaskInput, files: tuple[InputFile, ...], *, default_language: str) -> TaskDraft:
    """The draft of a task as a front end describes it.

    Raises:
        InvalidRequest: a start is given twice.
    """
    if body.start_at is not None and body.delay_s is not None:
        raise InvalidRequest(errors=[{"field": "delay_s", "code": "start_given_twice"}])
    description = body.description if body.description and body.description.strip() else body.name
    found = language_of_request(f"{body.name}\n{description}", default_language)
    return TaskDraft(
        title=body.name,
        description=description,
        priority=body.priority or Priority.MEDIUM,
        team=body.team or DEFAULT_TEAM,
        deadline=body.deadline,
        assignee=body.assignee or None,
        language=body.language or found,
        input_data=body.input_data or {},
        files=files,
        budget=Budget() if body.budget is None else Budget(**body.budget.model_dump()),
        start_at=body.start_at,
        delay_s=body.delay_s,
    )


@router.get(
    PATH,
    response_model=Success[shown.TaskList],
    summary="List tasks",
    description="Newest first. `status` and `priority` may be repeated or hold several, separated by commas. "
    f"A `limit` above {MAX_LIMIT} counts as {MAX_LIMIT}. Parameters that are not known are left alone: `team`, "
    "`created_after` and `running` are additions to the contract, and front ends may send what another one adds.",
    responses={
        **failures(faults.InvalidRequest, faults.DependencyUnavailable),
        **example(
            {"tasks": [shown.EXAMPLE], "total": 1, "total_is_capped": False, "limit": 50, "offset": 0},
            "mvp2.tasks_listed",
            count=1,
        ),
    },
)
@needs(Permission.TASKS_READ)
async def list_tasks(  # noqa: PLR0917 - FastAPI calls it by name
    services: ServicesOf,
    scope: ScopeOf,
    language: Language,
    status: Annotated[list[str] | None, Query(description="Either vocabulary, or the Chinese words.")] = None,
    priority: Annotated[list[str] | None, Query(description="Chinese words or 1 to 4.")] = None,
    assignee: Annotated[
        str | None, Query(max_length=MAX_NAME_CHARS, description="A part of the name.")
    ] = None,
    q: Annotated[str | None, Query(max_length=200, description="Words of the name or description.")] = None,
    team: Annotated[str | None, Query(max_length=MAX_NAME_CHARS, description="The team's name.")] = None,
    created_after: Annotated[
        str | None, Query(max_length=64, description="ISO-8601, included; without an offset it is of UTC.")
    ] = None,
    running: Annotated[
        Literal["true", "false", ""] | None,
        Query(description="Whether a worker has it: false also shows what is paused or waits for a person."),
    ] = None,
    limit: Annotated[int, Query(ge=1)] = 50,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
) -> Response:
    wanted = [core for word in _words("status", status, parse_status) for core in _core_statuses(word)]
    if running:
        is_wanted = running == "true"
        wanted = [core for core in wanted or TaskStatus if (core is TaskStatus.IN_PROGRESS) is is_wanted]
    is_impossible = bool(running) and not wanted
    task_filter = TaskFilter(
        status=tuple(dict.fromkeys(wanted)),
        priority=tuple(dict.fromkeys(map(int, _words("priority", priority, parse_priority)))),
        assignee=(assignee or "").strip() or None,
        query=(q or "").strip() or None,
        team=(team or "").strip() or None,
        created_after=_moment("created_after", created_after),
    )
    limit = min(limit, MAX_LIMIT)
    if is_impossible:  # no status at all would mean any
        page = NumberedPage(tasks=(), total=0, is_capped=False)
    else:
        page = await services.tasks.numbered_page(scope, task_filter, limit=limit, offset=offset)
    data = {
        "tasks": [
            task_object(task, language, with_result=False) | _subtasks_of(page, task.id) for task in page.tasks
        ],
        "total": page.total,
        "total_is_capped": page.is_capped,
        "limit": limit,
        "offset": offset,
    }
    key = "mvp2.tasks_listed_capped" if page.is_capped else "mvp2.tasks_listed"
    return success(data, key, language, now=services.clock.now(), count=page.total)


def _subtasks_of(page: NumberedPage, task_id: str) -> dict[str, int | None]:
    found = page.subtasks.get(task_id)
    return {
        "subtasks_done": None if found is None else found.done,
        "subtasks_total": None if found is None else found.total,
    }


def _words(name: str, values: Sequence[str] | None, parse: Any) -> list[Any]:
    """The values of a query parameter. Raises InvalidRequest, naming what is allowed."""
    found = []
    for word in ",".join(values or ()).translate(SEPARATORS).split(","):
        if word.strip():
            try:
                found.append(parse(word))
            except PydanticCustomError as error:
                allowed = (error.context or {}).get("expected", "")
                raise InvalidRequest(
                    errors=[{"field": name, "code": "not_allowed", "allowed": allowed}]
                ) from None
    return found


def _moment(name: str, value: str | None) -> datetime | None:
    """The moment in a query parameter; the beginning of a day. Raises InvalidRequest."""
    # A plus that was not escaped comes as a space.
    written = (value or "").strip().replace(" ", "+" if "T" in (value or "") else "T")
    if not written:
        return None
    try:
        moment = datetime.fromisoformat(written)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidRequest(errors=[{"field": name, "code": "not_a_date"}]) from None


def _core_statuses(word: str) -> list[TaskStatus]:
    """Which of our statuses a word means: all that show as it, or the one that only the core has."""
    return [status for status, (theirs, _) in STATUSES.items() if theirs == word] or [TaskStatus(word)]


@router.get(
    f"{PATH}/stats",
    response_model=Success[shown.TaskStatisticsModel],
    summary="Count tasks",
    description="`completion_rate` is in percent. A count that takes long is told again for a while.",
    responses={
        **failures(faults.DependencyUnavailable),
        **example(shown.EXAMPLE_STATISTICS, "mvp2.stats"),
    },
)
@needs(Permission.TASKS_READ)
async def get_statistics(services: ServicesOf, scope: ScopeOf, language: Language) -> Response:
    now = services.clock.now()
    found = await services.tasks.statistics(scope, since=_monday(now))
    data = {
        "total_tasks": found.total,
        "completed_tasks": found.completed,
        "pending_tasks": found.pending,
        "urgent_tasks": found.urgent,
        "urgent_unfinished_tasks": found.urgent_unfinished,
        "completion_rate": round(100 * found.completed / found.total, 1) if found.total else 0.0,
        "this_week_completed": found.completed_since,
        "overdue_tasks": found.overdue,
    }
    return success(data, "mvp2.stats", language, now=now)


def _monday(now: datetime) -> datetime:
    """When the week of a moment began, in UTC."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


READ = (faults.TaskNotFound, faults.InvalidRequest, faults.DependencyUnavailable)


@router.get(
    f"{PATH}/{{task_id}}",
    response_model=Success[shown.TaskDetail],
    summary="Read a task",
    description="With its subtasks, result and files.",
    responses={**failures(*READ), **example(shown.EXAMPLE_DETAIL, "mvp2.task_read")},
)
@needs(Permission.TASKS_READ)
async def get_task(task_id: str, services: ServicesOf, scope: ScopeOf, language: Language) -> Response:
    plan = await services.tasks.plan(scope, task_id)
    artifacts = await services.tasks.artifacts(scope, task_id)
    task = await services.tasks.get(scope, task_id)
    data = task_detail(task, plan, artifacts, language)
    return success(data, "mvp2.task_read", language, now=services.clock.now())


@router.put(
    f"{PATH}/{{task_id}}",
    response_model=Success[shown.TaskObject],
    summary="Change a task",
    description="Any of the writable fields; a whole task object may be sent back. A `status` that differs from "
    "the task's is an action: `failed` cancels, `completed` marks it completed by a person, `pending` reopens "
    "what has ended or resumes what is paused. One that the task does not allow is refused with 409.",
    responses={
        **failures(*READ, faults.IllegalTransition, faults.Draining, *BODY),
        **example(shown.EXAMPLE, "mvp2.task_updated", name=shown.EXAMPLE["name"]),
    },
    openapi_extra=json_body(TaskChange),
)
@needs(Permission.TASKS_WRITE)
async def change_task(
    task_id: str, request: Request, services: ServicesOf, scope: ScopeOf, language: Language
) -> Response:
    body = await read_json(request, TaskChange, limit=services.settings.max_body_bytes)
    task = await services.tasks.get(scope, task_id)
    action = None if _is_of_then(task, body) else _action(task, body.status)
    if action is not None:
        next_status(action, task.status)
    fields = _changes(task, body)
    if fields or action is not None:
        task = await services.tasks.update(scope, task_id, fields, action=action)
    is_cancelling = action is Action.CANCEL and not is_terminal(task.status)
    key = "mvp2.task_cancelling" if is_cancelling else "mvp2.task_updated"
    return success(task_object(task, language), key, language, now=services.clock.now(), name=task.title)


def _changes(task: Task, body: TaskChange) -> Mapping[str, Any]:
    """The fields that a change gives another value: what is sent back as it was changes nothing."""
    wanted: dict[str, Any] = {
        "title": body.name,
        "description": body.description,
        "priority": body.priority,
        "budget": None if body.budget is None else Budget(**body.budget.model_dump()),
    }
    wanted = {name: value for name, value in wanted.items() if value is not None}
    for name in ("deadline", "assignee"):
        if name in body.model_fields_set:
            wanted[name] = getattr(body, name) or None
    changed = {name: value for name, value in wanted.items() if value != getattr(task, name)}
    if isinstance(budget := changed.get("budget"), Budget):
        changed["budget"] = {"tokens": budget.tokens, "cost": budget.cost}
    if "priority" in changed:
        changed["priority"] = int(changed["priority"])
    return changed


def _is_of_then(task: Task, body: TaskChange) -> bool:
    """Whether the status was the task's when the object was read, and it has moved on since.

    Without this, a new name for a task that ended meanwhile would run it again.
    """
    moved_at = max(filter(None, (task.started_at, task.completed_at)), default=None)
    if body.status not in ("pending", "in_progress") or body.updated_at is None or moved_at is None:
        return False
    return body.updated_at < moved_at - CLOCK_DIGITS


def _action(task: Task, status: str | None) -> Action | None:
    """What a status asks for; None if the task has it already.

    Raises:
        IllegalTransition: nothing that a person can do leads there.
    """
    known = STATUSES[task.status][0]
    if status is None or status in (known, task.status.value):
        return None
    match status:
        case "completed":
            return Action.COMPLETE_BY_PERSON
        case "failed" | "cancelled":
            return Action.CANCEL
        case "paused":
            return Action.PAUSE
        case "pending" if task.status is TaskStatus.PAUSED:
            return Action.RESUME
        case "pending" | "in_progress" if is_terminal(task.status):
            return Action.REOPEN
    allowed = ", ".join(action.value for action in BY_STATUS if can(action, task.status))
    raise IllegalTransition(action=f"set_{status}", status=task.status.value, allowed=allowed)


@router.delete(
    f"{PATH}/{{task_id}}",
    response_model=Success[shown.DeletedTask],
    summary="Delete a task",
    description="A running task is cancelled first. Its history, results and files go with it.",
    responses={
        **failures(*READ, faults.IllegalTransition),
        **example({"deleted_task_id": TASK_ID}, "mvp2.task_deleted"),
    },
)
@needs(Permission.TASKS_WRITE)
async def delete_task(task_id: str, services: ServicesOf, scope: ScopeOf, language: Language) -> Response:
    await services.tasks.delete(scope, task_id)
    now = services.clock.now()
    return success({"deleted_task_id": task_id}, "mvp2.task_deleted", language, now=now)
