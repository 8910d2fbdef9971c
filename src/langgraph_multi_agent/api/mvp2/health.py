"""Health of the MVP2 adapter: the one answer with keys of its own beside the envelope's."""

from typing import Any, Literal

from starlette.responses import Response

from langgraph_multi_agent.api import samples
from langgraph_multi_agent.api.auth.rules import PUBLIC, needs, ruled_router
from langgraph_multi_agent.api.context import Language, ServicesOf
from langgraph_multi_agent.api.models import Moment
from langgraph_multi_agent.api.mvp2.envelope import Answer, failures
from langgraph_multi_agent.api.problems import RETRY_AFTER_S, Json
from langgraph_multi_agent.domain.errors import DependencyUnavailable
from langgraph_multi_agent.i18n import text

router = ruled_router(tags=["mvp2"])

WORDS = {"ok": "healthy", "degraded": "degraded", "down": "unhealthy"}
SERVICE = "mvp2-adapter"


class AdapterHealth(Answer):
    """`data` has the state of each dependency by its name. Not healthy, it is a refusal as well."""

    success: bool
    message: str
    data: dict[str, Literal["healthy", "degraded", "unhealthy"]]
    timestamp: Moment
    status: Literal["healthy", "degraded", "unhealthy"]
    service: str
    version: str
    error_code: str | None = None
    details: dict[str, Any] | None = None


_EXAMPLE: dict[str, Any] = {
    "success": True,
    "message": "适配器运行正常",
    "data": {"database": "healthy", "artifacts": "healthy", "model": "healthy"},
    "timestamp": samples.MOMENT,
    "status": "healthy",
    "service": SERVICE,
    "version": "0.1.0",
}
_ILL = _EXAMPLE | {
    "success": False,
    "message": "这些依赖没有应答：database",
    "data": _EXAMPLE["data"] | {"database": "unhealthy"},
    "status": "unhealthy",
    "error_code": DependencyUnavailable.code,
    "details": {"database": "unhealthy"},
}


@router.get(
    "/api/v1/mvp2/health",
    response_model=AdapterHealth,
    summary="Health of the MVP2 adapter",
    description="200 healthy, 503 not; in the envelope of the MVP2 contract.",
    responses={
        **failures(),
        200: {
            "description": "Healthy",
            "content": {"application/json": {"examples": {"default": {"value": _EXAMPLE}}}},
        },
        503: {
            "description": "Not healthy",
            "model": AdapterHealth,
            "content": {"application/json": {"examples": {"default": {"value": _ILL}}}},
            "headers": {
                "Retry-After": {
                    "description": "Seconds to wait.",
                    "schema": {"type": "integer"},
                    "example": 5,
                }
            },
        },
    },
)
@needs(PUBLIC)
async def get_adapter_health(services: ServicesOf, language: Language) -> Response:
    health = await services.health.lately()  # anybody may ask, and a check writes
    is_healthy = health.state != "down"
    words = {item.name: WORDS[item.state] for item in health.dependencies}
    ill = [name for name, word in words.items() if word != "healthy"]
    key = "mvp2.health" if not ill else "mvp2.health_ill"
    body = {
        "success": is_healthy,
        "message": text(key, language, names=", ".join(ill)) if ill else text(key, language),
        "data": words,
        "timestamp": services.clock.now(),
        "status": WORDS[health.state],
        "service": SERVICE,
        "version": services.version,
    }
    headers = {"cache-control": "no-store"}
    if is_healthy:
        return Json(body, headers=headers)
    body |= {"error_code": DependencyUnavailable.code, "details": {name: words[name] for name in ill}}
    return Json(body, status_code=503, headers=headers | {"retry-after": str(RETRY_AFTER_S[503])})
