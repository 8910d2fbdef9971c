"""`GET /status` and the `status_response` frame: the adapter's services, measured lately."""

import os
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import psutil
from fastapi import Request
from pydantic import Field
from starlette.requests import HTTPConnection
from starlette.responses import Response

from langgraph_multi_agent.access.policy import Permission
from langgraph_multi_agent.api.auth.rules import needs, ruled_router
from langgraph_multi_agent.api.context import Language, Services, ServicesOf
from langgraph_multi_agent.api.mvp2.envelope import Answer, Success, example, failures, success
from langgraph_multi_agent.api.mvp2.health import WORDS
from langgraph_multi_agent.service.health import Health

router = ruled_router(tags=["mvp2"])

Word = Literal["healthy", "degraded", "unhealthy"]
NEEDS: Mapping[str, tuple[str, ...]] = {
    "task_service": ("database", "artifacts", "queue"),
    "chat_service": ("database", "model"),
    "analytics_service": ("database", "cache"),
    "sync_service": ("database", "feed"),
}
"""Which dependencies each of the contract's services stands on."""
WORST_FIRST = ("down", "degraded", "ok")


class ServiceWords(Answer):
    """How each service of the adapter does."""

    task_service: Word
    chat_service: Word
    analytics_service: Word
    sync_service: Word


class PerformanceModel(Answer):
    """`response_time` in ms of asking every dependency the last time, `uptime` in s, `memory_usage` in percent of this
    machine's memory.
    """

    response_time: Annotated[float, Field(ge=0)]
    uptime: Annotated[float, Field(ge=0)]
    memory_usage: Annotated[float, Field(ge=0, le=100)]


class StatusModel(Answer):
    """The system as a whole, the adapter, its services and how fast they are."""

    system_health: Word
    adapter_status: Literal["running", "draining"]
    services: ServiceWords
    performance: PerformanceModel


_EXAMPLE = {
    "system_health": "healthy",
    "adapter_status": "running",
    "services": dict.fromkeys(NEEDS, "healthy"),
    "performance": {"response_time": 2.31, "uptime": 3600.0, "memory_usage": 1.24},
}


@router.get(
    "/api/v1/mvp2/status",
    response_model=Success[StatusModel],
    summary="Status of the adapter",
    description="The dependencies are asked at most once a second, and less often when they answer slowly. "
    "A service is as well as the worst of what it stands on.",
    responses={**failures(), **example(_EXAMPLE, "mvp2.status")},
)
@needs(Permission.SYSTEM_READ)
async def get_status(request: Request, services: ServicesOf, language: Language) -> Response:
    return success(await system_status(request, services), "mvp2.status", language, now=services.clock.now())


async def system_status(connection: HTTPConnection, services: Services) -> dict[str, Any]:
    """What `StatusModel` describes."""
    health = await services.health.lately()
    memory = psutil.Process(os.getpid()).memory_info().rss
    return {
        "system_health": WORDS[health.state],
        "adapter_status": "draining" if services.health.is_draining else "running",
        "services": {name: _word(health, needed) for name, needed in NEEDS.items()},
        "performance": {
            "response_time": health.took_ms,
            "uptime": round(services.clock.monotonic() - connection.app.state.started, 3),
            "memory_usage": round(100 * memory / psutil.virtual_memory().total, 2),
        },
    }


def _word(health: Health, needed: tuple[str, ...]) -> str:
    states = {item.state for item in health.dependencies if item.name in needed}
    return WORDS[next((state for state in WORST_FIRST if state in states), "ok")]
