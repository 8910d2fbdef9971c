"""The system itself: is it alive, ready, well; what are its numbers, agents and teams."""

from typing import Annotated, Any

import structlog
from fastapi import Query, Request
from starlette.responses import Response

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.access.policy import Permission
from langgraph_multi_agent.api import models, samples
from langgraph_multi_agent.api.auth.record import concerns
from langgraph_multi_agent.api.auth.rules import PUBLIC, needs, ruled_router
from langgraph_multi_agent.api.body import parse, read_json
from langgraph_multi_agent.api.context import Language, ScopeOf, Services, ServicesOf
from langgraph_multi_agent.api.documents import example, json_body, problems
from langgraph_multi_agent.api.problems import NO_STORE, Json, MalformedJson, UnsupportedMediaType
from langgraph_multi_agent.api.shapes import agent_shape, team_shape
from langgraph_multi_agent.domain import errors as faults
from langgraph_multi_agent.domain.errors import DependencyUnavailable, Draining, Fault
from langgraph_multi_agent.domain.task import TaskStatus
from langgraph_multi_agent.telemetry.logs import SERVICE_NAME

router = ruled_router(tags=["system"])
log = structlog.get_logger(__name__)

STATES = {"ok": "healthy", "degraded": "degraded", "down": "unhealthy"}


@router.get(
    "/health",
    response_model=models.Liveness,
    summary="Liveness",
    description="The process lives; nothing else is asked.",
    responses={**problems(), **example(200, "Alive", samples.LIVENESS)},
)
@needs(PUBLIC)
async def get_liveness(request: Request, services: ServicesOf) -> Response:
    return Json({"status": "healthy", **_identity(request, services)}, headers=NO_STORE)


@router.get(
    "/ready",
    response_model=models.Readiness,
    summary="Readiness",
    description="503 with Retry-After while the process drains or a dependency is down. Whether files can be stored is "
    "looked at every few seconds, however many ask.",
    responses={
        **problems(faults.Draining, faults.DependencyUnavailable),
        **example(200, "Ready", {"status": "ready", "timestamp": samples.MOMENT}),
    },
)
@needs(PUBLIC)
async def get_readiness(services: ServicesOf) -> Response:
    if services.health.is_draining or services.is_stopping():
        raise Draining
    health = await services.health.check(may_write=False)  # anybody may ask
    for dependency in health.dependencies:
        if dependency.state == "down":
            raise DependencyUnavailable(dependency=dependency.name, reason=dependency.detail)
    return Json({"status": "ready", "timestamp": services.clock.now()}, headers=NO_STORE)


@router.get(
    "/api/v1/system/health",
    response_model=models.SystemHealth,
    summary="Health of every dependency",
    description="200 while all dependencies work, 503 with the same body otherwise. "
    "`tasks` counts those of the caller's tenant.",
    responses={
        **problems(),
        **example(200, "Healthy", samples.HEALTH),
        503: {
            "description": "A dependency is down",
            "model": models.SystemHealth,
            "content": {
                "application/json": {
                    "examples": {"default": {"value": samples.HEALTH | {"status": "unhealthy"}}}
                }
            },
        },
    },
)
@needs(Permission.SYSTEM_READ)
async def get_system_health(request: Request, services: ServicesOf, scope: ScopeOf) -> Response:
    health = await services.health.check()
    try:
        counts = dict(await services.tasks.counts(scope)) if health.state != "down" else {}
    except Fault:
        counts = {}
    body = {
        "status": STATES[health.state],
        "draining": services.health.is_draining,
        **_identity(request, services),
        "dependencies": [
            {"name": item.name, "status": item.state, "latency_ms": item.latency_ms, "detail": item.detail}
            for item in health.dependencies
        ],
        "tasks": counts,
    }
    return Json(body, status_code=503 if health.state == "down" else 200, headers=NO_STORE)


def _identity(request: Request, services: Services) -> dict[str, Any]:
    uptime = services.clock.monotonic() - request.app.state.started
    return {
        "service": SERVICE_NAME,
        "version": services.version,
        "uptime_s": round(uptime, 1),
        "timestamp": services.clock.now(),
    }


_METRICS_RESPONSES: dict[int | str, dict[str, Any]] = {
    **problems(),
    200: {
        "description": "Prometheus text",
        "content": {
            "text/plain": {
                "schema": {"type": "string"},
                "examples": {"default": {"value": "langgraph_tasks_active 1.0\n"}},
            }
        },
    },
}


@router.get("/metrics", summary="Metrics", response_class=Response, responses=_METRICS_RESPONSES)
@needs(Permission.METRICS_READ)
async def get_metrics(services: ServicesOf) -> Response:
    """Prometheus text. The gauges of tasks are counted for each scrape."""
    try:
        counts = await services.tasks.counts_at_work(SYSTEM_SCOPE)
    except Exception as error:  # what is known without the database is still worth showing
        log.warning("metrics.incomplete", error_type=type(error).__name__)
    else:
        services.metrics.tasks_active.set(counts.get(TaskStatus.IN_PROGRESS.value, 0))
        services.metrics.queue_length.set(counts.get(TaskStatus.PENDING.value, 0))
    body, content_type = services.metrics.render()
    return Response(body, headers={"content-type": content_type, **NO_STORE})


router.add_api_route(
    "/api/v1/system/metrics",
    get_metrics,
    methods=["GET"],
    summary="Metrics, also here",
    operation_id="get_system_metrics",
    response_class=Response,
    responses=_METRICS_RESPONSES,
)


@router.get(
    "/api/v1/system/agents/status",
    response_model=models.AgentList,
    summary="What each agent does",
    responses={
        **problems(faults.DependencyUnavailable),
        **example(200, "All agents", {"agents": [samples.AGENT]}),
    },
)
@needs(Permission.SYSTEM_READ)
async def get_agents_status(services: ServicesOf, scope: ScopeOf, language: Language) -> Response:
    statuses = await services.agents.status(scope)
    return Json({"agents": [agent_shape(status, language) for status in statuses]}, headers=NO_STORE)


@router.post(
    "/api/v1/system/agents/reset",
    response_model=models.AgentModel,
    summary="Set one agent back",
    description="Aborts what the agent does now (recovery takes it up again) and starts its record anew. "
    "Doing it twice is the same as once.",
    responses={
        **problems(
            faults.AgentNotFound,
            faults.InvalidRequest,
            faults.InputTooLarge,
            faults.DependencyUnavailable,
            MalformedJson,
            UnsupportedMediaType,
        ),
        **example(200, "The agent", samples.AGENT),
    },
    openapi_extra=json_body(models.ResetRequest, is_required=False),
)
@needs(Permission.SYSTEM_OPERATE)
async def reset_agent(
    request: Request,
    services: ServicesOf,
    scope: ScopeOf,
    language: Language,
    agent: Annotated[
        str | None,
        Query(min_length=1, max_length=models.MAX_NAME_CHARS, description="Instead of a body."),
    ] = None,
) -> Response:
    if agent is not None:
        body = parse(models.ResetRequest, {"agent": agent})
    else:
        limit = services.settings.max_body_bytes
        body = await read_json(request, models.ResetRequest, limit=limit, is_optional=True)
    concerns(request, target=body.agent)
    status = await services.agents.reset(scope, body.agent)
    log.info("agent.reset", agent=status.name, actor=scope.actor, tenant=scope.tenant)
    return Json(agent_shape(status, language))


@router.get(
    "/api/v1/teams",
    response_model=models.TeamList,
    summary="List teams",
    responses={**problems(), **example(200, "All teams", {"teams": [samples.TEAM]})},
)
@needs(Permission.SYSTEM_READ)
async def list_teams(services: ServicesOf, language: Language) -> Response:
    return Json({"teams": [team_shape(team, language) for team in services.agents.teams]})
