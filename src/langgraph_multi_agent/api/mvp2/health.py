"""Health of the MVP2 adapter, and the live measurements behind `get_status`."""

import os
from typing import Any

import psutil
from fastapi import APIRouter
from starlette.requests import HTTPConnection
from starlette.responses import Response

from langgraph_multi_agent.api.context import Language, Services, ServicesOf
from langgraph_multi_agent.api.documents import problems
from langgraph_multi_agent.api.problems import Json
from langgraph_multi_agent.i18n import text
from langgraph_multi_agent.service.health import Health

router = APIRouter(tags=["system"])

WORDS = {"ok": "healthy", "degraded": "degraded", "down": "unhealthy"}
SERVICE = "mvp2-adapter"
_EXAMPLE = {
    "success": True,
    "message": "System status",
    "data": {"database": "healthy", "artifacts": "healthy", "model": "healthy"},
    "timestamp": "2026-11-22T08:30:00Z",
    "status": "healthy",
    "service": SERVICE,
    "version": "0.1.0",
}


def _answer(status: int, description: str, value: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    schema = {"type": "object", "required": ["success", "message", "data", "timestamp", "status"]}
    content = {"application/json": {"schema": schema, "examples": {"default": {"value": value}}}}
    return {status: {"description": description, "content": content}}


@router.get(
    "/api/v1/mvp2/health",
    response_class=Response,
    summary="Health of the MVP2 adapter",
    description="200 healthy, 503 not; in the envelope of the MVP2 contract.",
    responses={
        **problems(),
        **_answer(200, "Healthy", _EXAMPLE),
        **_answer(503, "Not healthy", _EXAMPLE | {"success": False, "status": "unhealthy"}),
    },
)
async def get_adapter_health(services: ServicesOf, language: Language) -> Response:
    health = await services.health.check()
    is_healthy = health.state != "down"
    body = {
        "success": is_healthy,
        "message": text("frame.status", language),
        "data": {item.name: WORDS[item.state] for item in health.dependencies},
        "timestamp": services.clock.now(),
        "status": WORDS[health.state],
        "service": SERVICE,
        "version": services.version,
    }
    if not is_healthy:
        body |= {"error_code": "DEPENDENCY_UNAVAILABLE", "details": body["data"]}
    return Json(body, status_code=200 if is_healthy else 503, headers={"cache-control": "no-store"})


async def system_status(connection: HTTPConnection, services: Services) -> dict[str, Any]:
    """What `get_status` shows, measured now.

    `response_time` is the time in ms that asking all dependencies took, `uptime` is in seconds,
    `memory_usage` the share of this machine's memory in percent.
    """
    clock = services.clock
    began = clock.monotonic()
    health: Health = await services.health.check()
    answered = clock.monotonic()
    memory = psutil.Process(os.getpid()).memory_info().rss
    word = WORDS[health.state]
    return {
        "system_health": word,
        "adapter_status": "draining" if services.health.is_draining else "running",
        "services": {"task_service": word, "sync_service": word},
        "performance": {
            "response_time": round(1000 * (answered - began), 2),
            "uptime": round(answered - connection.app.state.started, 1),
            "memory_usage": round(100 * memory / psutil.virtual_memory().total, 2),
        },
    }
