"""What people decide about a task: stop it, take it up again, answer it, end it."""

from typing import Any

from fastapi import Request
from starlette.responses import Response

from langgraph_multi_agent.access.policy import Permission
from langgraph_multi_agent.api import models, samples
from langgraph_multi_agent.api.auth.rules import needs, ruled_router
from langgraph_multi_agent.api.body import read_json
from langgraph_multi_agent.api.context import Language, ScopeOf, ServicesOf
from langgraph_multi_agent.api.documents import READ_PROBLEMS, example, json_body, problems
from langgraph_multi_agent.api.problems import Json, MalformedJson, UnsupportedMediaType
from langgraph_multi_agent.api.shapes import question_shape, task_shape
from langgraph_multi_agent.domain import errors as faults
from langgraph_multi_agent.domain.errors import InvalidRequest
from langgraph_multi_agent.service.tasks import Controlled

router = ruled_router(tags=["tasks"])

PROBLEMS = problems(
    faults.TaskNotFound, faults.IllegalTransition, faults.InvalidRequest, faults.DependencyUnavailable
)
BODY_PROBLEMS = (faults.InputTooLarge, MalformedJson, UnsupportedMediaType)


def _stopped(status: str) -> dict[int | str, dict[str, Any]]:
    still = samples.TASK | {"status_detail": "cancelling" if status == "cancelled" else "pausing"}
    return {
        **PROBLEMS,
        **example(200, f"The work has stopped: the task is {status}", samples.TASK | {"status": status}),
        **example(202, "The wish is recorded; the work has not stopped yet", still, model=models.TaskModel),
    }


@router.post(
    "/api/v1/tasks/{task_id}/cancel",
    response_model=models.TaskModel,
    summary="Cancel a task",
    description="Answers 200 when the work has stopped, 202 with `cancelling` if that takes longer.",
    responses=_stopped("cancelled"),
)
@needs(Permission.TASKS_WRITE)
async def cancel_task(task_id: str, services: ServicesOf, scope: ScopeOf, language: Language) -> Response:
    return _controlled(await services.tasks.cancel(scope, task_id), language)


@router.post(
    "/api/v1/tasks/{task_id}/pause",
    response_model=models.TaskModel,
    summary="Pause a task",
    description="Nothing new starts; running subtasks get PAUSE_GRACE to end. Answers 200 when the work has "
    "stopped, 202 with `pausing` if that takes longer.",
    responses=_stopped("paused"),
)
@needs(Permission.TASKS_WRITE)
async def pause_task(task_id: str, services: ServicesOf, scope: ScopeOf, language: Language) -> Response:
    return _controlled(await services.tasks.pause(scope, task_id), language)


def _controlled(controlled: Controlled, language: str) -> Response:
    return Json(task_shape(controlled.task, language), status_code=200 if controlled.is_settled else 202)


_RUNNABLE: dict[int | str, dict[str, Any]] = {
    **problems(
        faults.TaskNotFound,
        faults.IllegalTransition,
        faults.InvalidRequest,
        faults.Draining,
        faults.DependencyUnavailable,
    ),
    **example(200, "The task waits for a worker", samples.TASK | {"status": "pending"}),
}


@router.post(
    "/api/v1/tasks/{task_id}/resume",
    response_model=models.TaskModel,
    summary="Resume a paused task",
    responses=_RUNNABLE,
)
@needs(Permission.TASKS_WRITE)
async def resume_task(task_id: str, services: ServicesOf, scope: ScopeOf, language: Language) -> Response:
    return Json(task_shape(await services.tasks.resume(scope, task_id), language))


@router.post(
    "/api/v1/tasks/{task_id}/retry",
    response_model=models.TaskModel,
    summary="Retry a failed or cancelled task",
    description="Opens a new generation; finished subtasks are kept.",
    responses=_RUNNABLE,
)
@needs(Permission.TASKS_WRITE)
async def retry_task(task_id: str, services: ServicesOf, scope: ScopeOf, language: Language) -> Response:
    return Json(task_shape(await services.tasks.retry(scope, task_id), language))


@router.post(
    "/api/v1/tasks/{task_id}/reopen",
    response_model=models.TaskModel,
    summary="Reopen an ended task",
    responses=_RUNNABLE,
)
@needs(Permission.TASKS_WRITE)
async def reopen_task(task_id: str, services: ServicesOf, scope: ScopeOf, language: Language) -> Response:
    return Json(task_shape(await services.tasks.reopen(scope, task_id), language))


@router.post(
    "/api/v1/tasks/{task_id}/complete",
    response_model=models.TaskModel,
    summary="Mark a task completed by a person",
    description="Records who and why; a running worker is stopped and no result is invented.",
    responses={
        **PROBLEMS,
        **problems(faults.InvalidRequest, faults.TaskNotFound, faults.IllegalTransition, *BODY_PROBLEMS),
        **example(200, "The completed task", samples.TASK | {"status": "completed", "progress": 100}),
    },
    openapi_extra=json_body(models.CompleteRequest, is_required=False),
)
@needs(Permission.TASKS_WRITE)
async def complete_task(
    task_id: str, request: Request, services: ServicesOf, scope: ScopeOf, language: Language
) -> Response:
    body = await read_json(
        request, models.CompleteRequest, limit=services.settings.max_body_bytes, is_optional=True
    )
    return Json(task_shape(await services.tasks.complete(scope, task_id, note=body.note), language))


@router.get(
    "/api/v1/tasks/{task_id}/questions",
    response_model=models.QuestionList,
    summary="List open questions",
    responses={**READ_PROBLEMS, **example(200, "Open questions", {"questions": [samples.QUESTION]})},
)
@needs(Permission.TASKS_READ)
async def list_questions(task_id: str, services: ServicesOf, scope: ScopeOf) -> Response:
    found = await services.tasks.questions(scope, task_id)
    return Json({"questions": [question_shape(question) for question in found]})


@router.post(
    "/api/v1/tasks/{task_id}/answer",
    response_model=models.TaskModel,
    summary="Answer a question",
    description="A task that waited for it goes on at once. An answer cannot be changed.",
    responses={
        **problems(
            faults.TaskNotFound,
            faults.QuestionNotFound,
            faults.AlreadyAnswered,
            faults.IllegalTransition,
            faults.InvalidRequest,
            faults.DependencyUnavailable,
            *BODY_PROBLEMS,
        ),
        **example(200, "The task", samples.TASK | {"status": "pending"}),
    },
    openapi_extra=json_body(models.AnswerRequest),
)
@needs(Permission.TASKS_WRITE)
async def answer_question(
    task_id: str, request: Request, services: ServicesOf, scope: ScopeOf, language: Language
) -> Response:
    body = await read_json(request, models.AnswerRequest, limit=services.settings.max_body_bytes)
    value = body.model_dump(exclude={"question_id"}, exclude_none=True)
    question_id = body.question_id
    if question_id is None:
        waiting = await services.tasks.questions(scope, task_id)
        if len(waiting) != 1:
            code = "ambiguous" if waiting else "nothing_to_answer"
            raise InvalidRequest(errors=[{"field": "question_id", "code": code}])
        question_id = waiting[0].id
    return Json(task_shape(await services.tasks.answer(scope, task_id, question_id, value), language))
