"""The application: routes, middleware and errors put together.

`bootstrap` calls `create_api` with services that it has opened; importing this module opens
nothing.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from langgraph_multi_agent.api import documents, pages, ws
from langgraph_multi_agent.api.auth.rules import RuledRoute
from langgraph_multi_agent.api.context import Services
from langgraph_multi_agent.api.methods import Methods
from langgraph_multi_agent.api.middleware import Boundary, Preflight, RequestRecord
from langgraph_multi_agent.api.mvp2 import analytics as mvp2_analytics
from langgraph_multi_agent.api.mvp2 import chat as mvp2_chat
from langgraph_multi_agent.api.mvp2 import feedback as mvp2_feedback
from langgraph_multi_agent.api.mvp2 import health as mvp2_health
from langgraph_multi_agent.api.mvp2 import status as mvp2_status
from langgraph_multi_agent.api.mvp2 import tasks as mvp2_tasks
from langgraph_multi_agent.api.mvp2 import transfer as mvp2_transfer
from langgraph_multi_agent.api.problems import Json, on_fault, on_http_exception, on_validation_error
from langgraph_multi_agent.api.v1 import (
    access,
    audit,
    decisions,
    events,
    inspection,
    operations,
    results,
    retention,
    schedules,
    settings,
    system,
    tasks,
)
from langgraph_multi_agent.domain.errors import Fault

CORS_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
CORS_HEADERS = ("X-Requested-With", "Content-Type", "Authorization", "Idempotency-Key", "Last-Event-ID")
CORS_EXPOSED = (
    "Location",
    "Idempotent-Replayed",
    "X-Request-ID",
    "Retry-After",
    "ETag",
    "Content-Disposition",
)

ROUTERS = (
    *(part.router for part in (access, audit, tasks, decisions, results, events, schedules, retention)),
    *(part.router for part in (system, mvp2_health, pages, ws, mvp2_tasks, mvp2_status)),
    *(part.router for part in (inspection, operations, mvp2_analytics, mvp2_transfer)),
    *(part.router for part in (mvp2_chat, mvp2_feedback, settings)),
)
"""In the order in which they are asked; the document lists them so too."""


def create_api(services: Services) -> FastAPI:
    """The ASGI application over services that are open already.

    Args:
        services: all it may use; `lifespan`, if given, is entered at start-up.
    """
    origins = services.settings.cors_origins
    methods = Methods(route for router in ROUTERS for route in router.routes)
    app = FastAPI(
        title="LangGraph multi-agent",
        version=services.version,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        default_response_class=Json,
        lifespan=_lifespan_of(services),
        middleware=[
            Middleware(RequestRecord, services=services),
            Middleware(
                Preflight,
                allow_origins=list(origins),
                allow_credentials="*" not in origins,
                allow_methods=list(CORS_METHODS),
                allow_headers=list(CORS_HEADERS),
                expose_headers=list(CORS_EXPOSED),
                max_age=600,
            ),
            Middleware(Boundary, services=services, methods=methods),
        ],
    )
    app.add_exception_handler(Fault, on_fault)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.state.services = services
    app.state.started = services.clock.monotonic()
    app.state.methods = methods
    for router in ROUTERS:
        app.include_router(router)
    app.router.default = pages.Pages()
    ruled = [route for router in ROUTERS for route in router.routes if isinstance(route, RuledRoute)]
    app.openapi = documents.complete(app, version=services.version, routes=ruled)  # type: ignore[method-assign,assignment]
    return app


def _lifespan_of(services: Services) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if services.lifespan is None:
            yield
        else:
            async with services.lifespan():
                yield

    return lifespan
