"""Schedules: tasks that come again."""

from typing import Annotated, Any

from fastapi import Query, Request
from starlette.responses import Response

from langgraph_multi_agent.access.policy import Permission
from langgraph_multi_agent.agents.request import language_of_request
from langgraph_multi_agent.api import models, samples, schedule_models
from langgraph_multi_agent.api.auth.rules import needs, ruled_router
from langgraph_multi_agent.api.body import read_json
from langgraph_multi_agent.api.context import Language, ScopeOf, ServicesOf
from langgraph_multi_agent.api.documents import example, json_body, problems
from langgraph_multi_agent.api.problems import BODY, Json, MalformedJson, UnsupportedMediaType, task_error
from langgraph_multi_agent.api.shapes import task_shape
from langgraph_multi_agent.api.v1.tasks import TITLE_CHARS
from langgraph_multi_agent.domain import errors as faults
from langgraph_multi_agent.domain.errors import InvalidRequest
from langgraph_multi_agent.domain.schedule import (
    Schedule,
    ScheduleDraft,
    ScheduleExists,
    ScheduleNotFound,
    draft_json,
)
from langgraph_multi_agent.domain.task import Budget, Priority, TaskDraft
from langgraph_multi_agent.service.tasks import MAX_PAGE

router = ruled_router(tags=["schedules"])

_READ_PROBLEMS = problems(ScheduleNotFound, faults.InvalidRequest, faults.DependencyUnavailable)
_WRITE_FAULTS = (
    ScheduleExists,
    faults.InvalidRequest,
    faults.TeamUnknown,
    faults.ModelRequired,
    faults.InputTooLarge,
    faults.DependencyUnavailable,
    MalformedJson,
    UnsupportedMediaType,
)


@router.post(
    "/api/v1/schedules",
    status_code=201,
    response_model=schedule_models.ScheduleModel,
    summary="Add a schedule",
    description="Its task is submitted at each time of the cron line, in its time zone. After a time without "
    "service only the newest missed fire is made up for.",
    responses={
        **problems(*_WRITE_FAULTS),
        **example(
            201,
            "Added",
            schedule_models.SCHEDULE | {"last_fire_at": samples.NULL, "last_task_id": samples.NULL},
            headers={
                "Location": {
                    "schema": {"type": "string"},
                    "example": f"/api/v1/schedules/{schedule_models.SCHEDULE_ID}",
                }
            },
        ),
    },
    openapi_extra=json_body(schedule_models.ScheduleRequest),
)
@needs(Permission.TASKS_WRITE)
async def add_schedule(
    request: Request, services: ServicesOf, scope: ScopeOf, language: Language
) -> Response:
    body = await read_json(request, schedule_models.ScheduleRequest, limit=services.settings.max_body_bytes)
    wanted = ScheduleDraft(
        name=body.name,
        cron=body.cron,
        timezone=body.timezone,
        draft=_draft(body.task, default_language=language),
        is_enabled=body.is_enabled,
    )
    made = await services.schedules.create(scope, wanted)
    headers = {"location": f"/api/v1/schedules/{made.id}"}
    return Json(schedule_shape(made, language), status_code=201, headers=headers)


@router.get(
    "/api/v1/schedules",
    response_model=schedule_models.SchedulePage,
    summary="List schedules",
    description="By name. `next` is the `cursor` of the following page.",
    responses={
        **problems(faults.InvalidRequest, faults.DependencyUnavailable),
        **example(200, "A page", {"schedules": [schedule_models.SCHEDULE], "next": samples.NULL}),
    },
)
@needs(Permission.TASKS_READ)
async def list_schedules(
    services: ServicesOf,
    scope: ScopeOf,
    language: Language,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
    cursor: Annotated[str | None, Query(max_length=schedule_models.MAX_SCHEDULE_NAME_CHARS)] = None,
) -> Response:
    page = await services.schedules.list(scope, limit=limit, cursor=cursor)
    found = [schedule_shape(schedule, language) for schedule in page.schedules]
    return Json({"schedules": found, "next": page.next})


@router.get(
    "/api/v1/schedules/{schedule_id}",
    response_model=schedule_models.ScheduleModel,
    summary="Read a schedule",
    responses={**_READ_PROBLEMS, **example(200, "The schedule", schedule_models.SCHEDULE)},
)
@needs(Permission.TASKS_READ)
async def get_schedule(
    schedule_id: str, services: ServicesOf, scope: ScopeOf, language: Language
) -> Response:
    return Json(schedule_shape(await services.schedules.get(scope, schedule_id), language))


@router.patch(
    "/api/v1/schedules/{schedule_id}",
    response_model=schedule_models.ScheduleModel,
    summary="Change a schedule",
    description="A new cron line or time zone, and `is_enabled` true after false, count from now: what was "
    "missed before stays missed.",
    responses={
        **problems(ScheduleNotFound, *_WRITE_FAULTS),
        **example(
            200,
            "The schedule",
            schedule_models.SCHEDULE | {"is_enabled": False, "next_fire_at": samples.NULL},
        ),
    },
    openapi_extra=json_body(schedule_models.SchedulePatch),
)
@needs(Permission.TASKS_WRITE)
async def change_schedule(
    schedule_id: str, request: Request, services: ServicesOf, scope: ScopeOf, language: Language
) -> Response:
    patch = await read_json(request, schedule_models.SchedulePatch, limit=services.settings.max_body_bytes)
    fields: dict[str, Any] = {name: getattr(patch, name) for name in patch.model_fields_set}
    if not fields:
        raise InvalidRequest(errors=[{"field": BODY, "code": "empty"}])
    if "task" in fields:
        del fields["task"]
        fields["draft"] = _draft(patch.task, default_language=language)
    return Json(schedule_shape(await services.schedules.change(scope, schedule_id, fields), language))


@router.delete(
    "/api/v1/schedules/{schedule_id}",
    status_code=204,
    summary="Delete a schedule",
    description="The tasks that it made stay.",
    responses={**_READ_PROBLEMS, 204: {"description": "Deleted"}},
)
@needs(Permission.TASKS_WRITE)
async def delete_schedule(schedule_id: str, services: ServicesOf, scope: ScopeOf) -> Response:
    await services.schedules.delete(scope, schedule_id)
    return Response(status_code=204)


@router.post(
    "/api/v1/schedules/{schedule_id}/run",
    status_code=202,
    response_model=models.TaskModel,
    summary="Submit a schedule's task now",
    description="Once more, outside its plan.",
    responses={
        **problems(
            ScheduleNotFound,
            faults.InvalidRequest,
            faults.TeamUnknown,
            faults.ModelRequired,
            faults.QueueFull,
            faults.QuotaExceeded,
            faults.DayQuotaExceeded,
            faults.Draining,
            faults.DependencyUnavailable,
        ),
        **example(
            202,
            "Accepted",
            samples.TASK | {"status": "pending", "progress": 0, "started_at": samples.NULL, "last_seq": 1},
        ),
    },
)
@needs(Permission.TASKS_WRITE)
async def run_schedule(
    schedule_id: str, services: ServicesOf, scope: ScopeOf, language: Language
) -> Response:
    task = await services.schedules.run_now(scope, schedule_id)
    headers = {"location": f"/api/v1/tasks/{task.id}"}
    return Json(task_shape(task, language), status_code=202, headers=headers)


def schedule_shape(schedule: Schedule, language: str) -> dict[str, Any]:
    return {
        "id": schedule.id,
        "name": schedule.name,
        "cron": schedule.cron,
        "timezone": schedule.timezone,
        "task": draft_json(schedule.draft),
        "is_enabled": schedule.is_enabled,
        "next_fire_at": schedule.next_fire_at,
        "last_fire_at": schedule.last_fire_at,
        "last_task_id": schedule.last_task_id,
        "last_error": task_error(schedule.last_error, language) if schedule.last_error else None,
        "created_at": schedule.created_at,
        "updated_at": schedule.updated_at,
        "created_by": schedule.created_by,
    }


def _draft(body: schedule_models.ScheduledTaskRequest, *, default_language: str) -> TaskDraft:
    title = body.title or body.description.strip().splitlines()[0].strip()[:TITLE_CHARS]
    return TaskDraft(
        title=title,
        description=body.description,
        priority=Priority(body.priority),
        team=body.team,
        assignee=body.assignee or None,
        language=body.language or language_of_request(f"{title}\n{body.description}", default_language),
        input_data=body.input_data,
        budget=Budget(tokens=body.budget.tokens, cost=body.budget.cost),
    )
