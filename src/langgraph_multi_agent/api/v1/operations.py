"""What an operator watches: workers, the queue, and what failed lately with the command to run next."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from langgraph_multi_agent.access.policy import Permission
from langgraph_multi_agent.api import inspection_models as models
from langgraph_multi_agent.api.auth.rules import needs, ruled_router
from langgraph_multi_agent.api.context import Language, ScopeOf, ServicesOf
from langgraph_multi_agent.api.documents import example, problems
from langgraph_multi_agent.api.problems import NO_STORE, Json, task_error
from langgraph_multi_agent.domain import errors as faults
from langgraph_multi_agent.domain.task import Action, can
from langgraph_multi_agent.service.inspection import WorkerLook
from langgraph_multi_agent.store.inspection import Failures, QueueLook

router = ruled_router(tags=["system"])

MAX_HOURS = 24 * 30
COMMANDS = {
    "AGENT_RESET": "lgma agents status",
    "DEPENDENCY_UNAVAILABLE": "lgma doctor",
    "MODEL_ANSWER_INVALID": "lgma doctor",
    "MODEL_REQUIRED": "lgma doctor",
    "MODEL_UNAVAILABLE": "lgma doctor",
    "SETTINGS_UNSAFE": "lgma doctor",
}
"""What helps whatever the task is; for all other codes it is the task that is looked at or tried again."""


@router.get(
    "/api/v1/system/workers",
    response_model=models.WorkerList,
    summary="Workers and what they hold",
    responses={**problems(faults.DependencyUnavailable), **example(200, "Workers", models.WORKERS)},
)
@needs(Permission.SYSTEM_READ)
async def get_workers(services: ServicesOf, scope: ScopeOf) -> Response:
    found = await services.inspection.workers(scope)
    body = {
        "at": found.at,
        "lease_s": float(services.settings.lease_seconds),
        "workers": [worker_shape(item, found.at) for item in found.workers],
    }
    return Json(body, headers=NO_STORE)


@router.get(
    "/api/v1/system/queue",
    response_model=models.QueueModel,
    summary="What waits",
    responses={**problems(faults.DependencyUnavailable), **example(200, "The queue", models.QUEUE)},
)
@needs(Permission.SYSTEM_READ)
async def get_queue(services: ServicesOf, scope: ScopeOf) -> Response:
    at, look = await services.inspection.queue(scope)
    return Json(queue_shape(look, at), headers=NO_STORE)


@router.get(
    "/api/v1/system/errors",
    response_model=models.ErrorList,
    summary="What failed lately",
    responses={
        **problems(faults.InvalidRequest, faults.DependencyUnavailable),
        **example(200, "Failures", models.ERRORS),
    },
)
@needs(Permission.SYSTEM_READ)
async def get_errors(
    services: ServicesOf,
    scope: ScopeOf,
    language: Language,
    hours: Annotated[int, Query(ge=1, le=MAX_HOURS, description="How far back.")] = 24 * 7,
) -> Response:
    window = timedelta(hours=hours)
    found = await services.inspection.failures(scope, window=window)
    body = {
        "generated_at": found.at,
        "window_s": int(window.total_seconds()),
        "errors": [failures_shape(item, language) for item in found.failures],
    }
    return Json(body, headers=NO_STORE)


def worker_shape(item: WorkerLook, at: datetime) -> dict[str, Any]:
    return {
        "name": item.name,
        "host": item.host,
        "pid": item.pid,
        "is_alone": item.is_alone,
        "running": len(item.held),
        "oldest_lease_s": _age(min(held.since for held in item.held), at) if item.held else None,
        "last_beat": item.last_beat,
        "last_beat_age_s": _age(item.last_beat, at) if item.last_beat else None,
        "runs_ended": item.runs_ended,
        "last_ended": item.last_ended,
        "tasks": [{"task_id": held.task_id, "title": held.title, "since": held.since} for held in item.held],
    }


def queue_shape(look: QueueLook, at: datetime) -> dict[str, Any]:
    waits = [(item, _age(item.oldest, at)) for item in look.waiting]
    return {
        "at": at,
        "waiting": sum(item.count for item in look.waiting),
        "running": look.running,
        "by_priority": [
            {"priority": item.priority, "count": item.count, "oldest_wait_s": wait} for item, wait in waits
        ],
        "oldest_wait_s": max((wait for _, wait in waits), default=None),
        "delayed": {"count": look.delayed, "next_at": look.next_at},
        "suspects": look.suspects,
        "dead_letters": {
            "count": look.dead_letters,
            "tasks": [{"task_id": item.task_id, "title": item.title, "at": item.at} for item in look.dead],
        },
    }


def failures_shape(item: Failures, language: str) -> dict[str, Any]:
    return {
        "code": item.code,
        "agent": item.agent,
        "count": item.count,
        "last_at": item.last_at,
        "task_id": item.task_id,
        "task_title": item.title,
        "error": task_error({"code": item.code, "params": item.params}, language),
        "command": command_for(item),
    }


def command_for(item: Failures) -> str:
    """What an operator runs next: repair what is around the task, try it again, or look at it."""
    known = COMMANDS.get(item.code)
    if known is not None:
        return known
    if item.status is None:
        return "lgma tasks list"
    if item.agent is None and can(Action.RETRY, item.status):
        return f"lgma tasks retry {item.task_id}"
    return f"lgma tasks show {item.task_id}"


def _age(moment: datetime, at: datetime) -> float:
    return max(0.0, round((at - moment).total_seconds(), 3))
