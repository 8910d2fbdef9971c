"""Tasks: submit, list, read, change, delete."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Header, Query, Request
from starlette.responses import Response

from langgraph_multi_agent.access.policy import Permission
from langgraph_multi_agent.agents.request import language_of_request
from langgraph_multi_agent.api import models, samples
from langgraph_multi_agent.api.auth.rules import needs, ruled_router
from langgraph_multi_agent.api.body import read_json
from langgraph_multi_agent.api.context import Language, ScopeOf, ServicesOf
from langgraph_multi_agent.api.documents import READ_PROBLEMS, example, json_body, problems, submit_body
from langgraph_multi_agent.api.forms import read_submission
from langgraph_multi_agent.api.problems import BODY, Json, MalformedForm, MalformedJson, UnsupportedMediaType
from langgraph_multi_agent.api.shapes import task_shape
from langgraph_multi_agent.domain import errors as faults
from langgraph_multi_agent.domain.errors import InvalidRequest
from langgraph_multi_agent.domain.task import Budget, InputFile, Priority, TaskDraft, TaskStatus
from langgraph_multi_agent.service.tasks import MAX_PAGE
from langgraph_multi_agent.store.tasks import TaskFilter

router = ruled_router(tags=["tasks"])

TITLE_CHARS = 80

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="1–255 visible ASCII characters. The same key with the same body answers with the "
        "task that the first request made, for 24 hours.",
        examples=["order-2026-11-22-0001"],
    ),
]


@router.post(
    "/api/v1/tasks",
    status_code=202,
    response_model=models.TaskModel,
    summary="Submit a task",
    description="Accepts JSON, or a form with the same fields and any number of `files`. The task is durable "
    "when the answer comes; `Location` names it.",
    responses={
        **problems(
            faults.InvalidRequest,
            faults.TeamUnknown,
            faults.ModelRequired,
            faults.InputUnreadable,
            faults.InputUnsafe,
            faults.InputTooLarge,
            faults.IdempotencyConflict,
            faults.QueueFull,
            faults.QuotaExceeded,
            faults.DayQuotaExceeded,
            faults.Draining,
            faults.DependencyUnavailable,
            MalformedJson,
            MalformedForm,
            UnsupportedMediaType,
        ),
        **example(
            202,
            "Accepted",
            samples.TASK | {"status": "pending", "progress": 0, "started_at": samples.NULL, "last_seq": 1},
            headers={
                "Location": {"schema": {"type": "string"}, "example": f"/api/v1/tasks/{samples.TASK_ID}"},
                "Idempotent-Replayed": {
                    "description": "`true` if an earlier request with this key made the task.",
                    "schema": {"type": "string"},
                    "example": "true",
                },
            },
        ),
    },
    openapi_extra=submit_body(),
)
@needs(Permission.TASKS_WRITE)
async def submit_task(
    request: Request,
    services: ServicesOf,
    scope: ScopeOf,
    language: Language,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    body, files = await read_submission(request, services, models.TaskRequest)
    submitted = await services.tasks.submit(
        scope, _draft(body, files, default_language=language), idempotency_key=idempotency_key
    )
    headers = {"location": f"/api/v1/tasks/{submitted.task.id}"}
    if submitted.is_replay:
        headers["idempotent-replayed"] = "true"
    return Json(task_shape(submitted.task, language), status_code=202, headers=headers)


def _draft(body: models.TaskRequest, files: tuple[InputFile, ...], *, default_language: str) -> TaskDraft:
    if body.start_at is not None and body.delay_s is not None:
        raise InvalidRequest(errors=[{"field": "delay_s", "code": "start_given_twice"}])
    title = body.title or body.description.strip().splitlines()[0].strip()[:TITLE_CHARS]
    return TaskDraft(
        title=title,
        description=body.description,
        priority=Priority(body.priority),
        team=body.team,
        deadline=body.deadline,
        assignee=body.assignee or None,
        language=body.language or language_of_request(f"{title}\n{body.description}", default_language),
        input_data=body.input_data,
        files=files,
        budget=Budget(tokens=body.budget.tokens, cost=body.budget.cost),
        start_at=body.start_at,
        delay_s=body.delay_s,
    )


@router.get(
    "/api/v1/tasks",
    response_model=models.TaskPage,
    summary="List tasks",
    description="Newest first. `next` is the `cursor` of the following page; pages stay stable while "
    "tasks are added.",
    responses={
        **problems(faults.InvalidRequest, faults.DependencyUnavailable),
        **example(200, "A page", {"tasks": [samples.TASK], "next": samples.NULL}),
    },
)
@needs(Permission.TASKS_READ)
async def list_tasks(  # noqa: PLR0917 - FastAPI calls it by name
    services: ServicesOf,
    scope: ScopeOf,
    language: Language,
    status: Annotated[list[TaskStatus] | None, Query(description="May be repeated.")] = None,
    priority: Annotated[
        list[Annotated[int, Query(ge=1, le=4)]] | None, Query(description="May be repeated.")
    ] = None,
    team: Annotated[str | None, Query(max_length=models.MAX_NAME_CHARS)] = None,
    assignee: Annotated[
        str | None, Query(max_length=models.MAX_NAME_CHARS, description="A part of the name.")
    ] = None,
    q: Annotated[str | None, Query(max_length=200, description="Words of the title or description.")] = None,
    created_after: Annotated[models.QueryMoment | None, Query(description="ISO-8601, included.")] = None,
    created_before: Annotated[models.QueryMoment | None, Query(description="ISO-8601, excluded.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    task_filter = TaskFilter(
        status=tuple(status or ()),
        priority=tuple(priority or ()),
        team=team,
        assignee=assignee or None,
        query=q or None,
        created_after=_utc("created_after", created_after),
        created_before=_utc("created_before", created_before),
    )
    page = await services.tasks.list(scope, task_filter, limit=limit, cursor=cursor)
    return Json({"tasks": [task_shape(task, language) for task in page.tasks], "next": page.next})


def _utc(name: str, moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:  # its offset moves it out of the years 1 to 9999
        raise InvalidRequest(errors=[{"field": name, "code": "not_a_date"}]) from None


@router.get(
    "/api/v1/tasks/{task_id}",
    response_model=models.TaskModel,
    summary="Read a task",
    responses={**READ_PROBLEMS, **example(200, "The task", samples.TASK)},
)
@needs(Permission.TASKS_READ)
async def get_task(task_id: str, services: ServicesOf, scope: ScopeOf, language: Language) -> Response:
    return Json(task_shape(await services.tasks.get(scope, task_id), language))


@router.patch(
    "/api/v1/tasks/{task_id}",
    response_model=models.TaskModel,
    summary="Change a task",
    description="Title, priority, deadline, assignee and budget at any time; the description while pending.",
    responses={
        **problems(
            faults.TaskNotFound,
            faults.InvalidRequest,
            faults.IllegalTransition,
            faults.InputTooLarge,
            faults.DependencyUnavailable,
            MalformedJson,
            UnsupportedMediaType,
        ),
        **example(200, "The changed task", samples.TASK),
    },
    openapi_extra=json_body(models.TaskPatch),
)
@needs(Permission.TASKS_WRITE)
async def change_task(
    task_id: str, request: Request, services: ServicesOf, scope: ScopeOf, language: Language
) -> Response:
    patch = await read_json(request, models.TaskPatch, limit=services.settings.max_body_bytes)
    fields = {name: getattr(patch, name) for name in patch.model_fields_set}
    if not fields:
        raise InvalidRequest(errors=[{"field": BODY, "code": "empty"}])
    if "budget" in fields:
        fields["budget"] = patch.budget.model_dump()
    return Json(task_shape(await services.tasks.update(scope, task_id, fields), language))


@router.delete(
    "/api/v1/tasks/{task_id}",
    status_code=204,
    summary="Delete a task",
    description="A running task is cancelled first. Its history, results and files go with it.",
    responses={
        **problems(
            faults.TaskNotFound, faults.InvalidRequest, faults.IllegalTransition, faults.DependencyUnavailable
        ),
        204: {"description": "Deleted"},
    },
)
@needs(Permission.TASKS_WRITE)
async def delete_task(task_id: str, services: ServicesOf, scope: ScopeOf) -> Response:
    await services.tasks.delete(scope, task_id)
    return Response(status_code=204)
