"""What happens around every request: its id, language, record and metrics, and what no route may
leak.

Pure ASGI, so that streams pass through unbuffered. Invariant: every HTTP request ends with an
answer that carries `X-Request-ID`, one log record and one count under its route's template.
"""

import re
import secrets
from collections.abc import MutableMapping
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from langgraph_multi_agent.api.context import Services
from langgraph_multi_agent.api.methods import Methods
from langgraph_multi_agent.api.origins import SAFE_METHODS, is_allowed_origin, is_trusted_host
from langgraph_multi_agent.api.patience import patient
from langgraph_multi_agent.api.problems import (
    HostNotAllowed,
    MethodNotAllowed,
    OriginNotAllowed,
    RouteNotFound,
    UriTooLong,
    is_api,
    problem,
)
from langgraph_multi_agent.domain.errors import Fault, InvalidRequest
from langgraph_multi_agent.i18n import DEFAULT_LANGUAGE, language_of
from langgraph_multi_agent.telemetry.redaction import redacted

log = structlog.get_logger(__name__)

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
QUIET_PATHS = frozenset({"/health", "/ready", "/metrics", "/api/v1/system/metrics"})
PROBES = frozenset({"/health", "/ready"})
"""Asked by orchestrators and proxies under any name, and telling nothing that is anybody's."""
PAGE_METHODS = ("GET", "HEAD", "OPTIONS")
"""What the front end's own addresses take."""
CLIENT_GONE = 499
"""What the log says of a request whose client left before its answer."""
MAX_TARGET_BYTES = 8192
"""Of an address with its query, as it was sent."""
LOGGED_CHARS = 200
"""Of the path of one that is too long."""


class RequestRecord:
    """Outermost: request id, language, access log, metrics; HEAD is a GET without its body.

    An address that is too long goes no further than this.
    """

    def __init__(self, app: ASGIApp, *, services: Services) -> None:
        self._app, self._services = app, services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        wanted, default = headers.get("accept-language"), self._services.settings.lang or DEFAULT_LANGUAGE
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        state["language"] = language_of(wanted) if wanted else default
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            if scope["type"] == "http":
                await self._http(scope, receive, send, request_id)
            elif _is_too_long(scope):
                refused = problem(UriTooLong(limit=MAX_TARGET_BYTES), HTTPConnection(scope))
                await WebSocket(scope, receive, send).send_denial_response(refused)
            else:
                await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        clock, method = self._services.clock, scope["method"]
        started, status = clock.monotonic(), CLIENT_GONE
        is_head = method == "HEAD" and not scope["path"].endswith("/stream")

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                if "origin" not in headers.get("vary", "").lower():
                    headers.add_vary_header("Origin")
                headers.setdefault("x-content-type-options", "nosniff")
            elif is_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        inner = {**scope, "method": "GET"} if is_head else scope
        is_too_long, path = _is_too_long(scope), scope["path"]
        if is_too_long and len(path) > LOGGED_CHARS:  # cut last, or half a password is none
            path = redacted(path[:MAX_TARGET_BYTES])[:LOGGED_CHARS] + "…"
        try:
            if is_too_long:
                await problem(UriTooLong(limit=MAX_TARGET_BYTES), Request(scope))(inner, receive, answer)
            else:
                await self._app(inner, receive, answer)
        finally:
            duration = clock.monotonic() - started
            route = _template(inner)
            self._services.metrics.http(method=method, route=route, status=status, duration_s=duration)
            write = log.debug if scope["path"] in QUIET_PATHS and status < 400 else log.info
            write(
                "http.request",
                method=method,
                route=route,
                status_code=status,
                duration_s=round(duration, 6),
                client=scope["client"][0] if scope.get("client") else None,
                **{"url.path": path},
            )


def _is_too_long(scope: Scope) -> bool:
    path = scope.get("raw_path") or scope["path"].encode()
    return len(path) + len(scope.get("query_string", b"")) > MAX_TARGET_BYTES


def _template(scope: MutableMapping[str, Any]) -> str | None:
    path: str | None = getattr(scope.get("route"), "path", None)
    return path.replace(":path}", "}") if path else scope.get("state", {}).get("route")


class Preflight(CORSMiddleware):
    """CORS whose refusals are problems like all others."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" and scope["method"] == "OPTIONS" else {}
        origin, wanted = headers.get("origin"), headers.get("access-control-request-method")
        if origin is None or wanted is None:
            await super().__call__(scope, receive, send)
            return
        answer = self.preflight_response(Headers(scope=scope))
        if answer.status_code >= 400:
            allowed = {"methods": ", ".join(self.allow_methods), "headers": ", ".join(self.allow_headers)}
            fault: Fault = OriginNotAllowed(origin=origin)
            if self.is_allowed_origin(origin):
                is_method = wanted not in self.allow_methods
                name, of = ("Method", "methods") if is_method else ("Headers", "headers")
                field = f"Access-Control-Request-{name}"
                fault = InvalidRequest(
                    errors=[{"field": field, "code": "not_allowed", "allowed": allowed[of]}]
                )
            kept = {
                name: value for name, value in answer.headers.items() if name.startswith("access-control-")
            }
            answer = problem(fault, Request(scope), headers={**kept, "vary": "Origin"})
        await answer(scope, receive, send)


class Boundary:
    """Innermost: refuses foreign names and changes by foreign web pages, says which methods an address
    takes, and turns a bug into a problem.

    The words of an unexpected exception go to the log only.
    """

    def __init__(self, app: ASGIApp, *, services: Services, methods: Methods) -> None:
        self._app, self._services, self._methods = app, services, methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        connection, settings = HTTPConnection(scope), self._services.settings
        host = connection.headers.get("host")
        is_probe = scope["path"] in PROBES
        if not is_probe and not is_trusted_host(host, settings.trusted_hosts, asks_who=settings.enable_auth):
            refused = problem(HostNotAllowed(host=(host or "")[:100]), connection)
            if scope["type"] == "websocket":
                await WebSocket(scope, receive, send).send_denial_response(refused)
            else:
                await refused(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        origin, allowed = request.headers.get("origin"), settings.cors_origins
        if scope["method"] not in SAFE_METHODS and not is_allowed_origin(origin, host, allowed):
            await problem(OriginNotAllowed(origin=origin), request)(scope, receive, send)
            return
        if scope["method"] == "OPTIONS" or self._methods.refuses(scope["path"], scope["method"]):
            await self._methods_of(request)(scope, receive, send)
            return
        has_started = False

        async def answer(message: Message) -> None:
            nonlocal has_started
            has_started = has_started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, patient(receive), answer)
        except ClientDisconnect:
            return
        except Exception as error:
            log.exception("http.error", error_code=getattr(error, "code", Fault.code), route=_template(scope))
            self._services.metrics.error(Fault.code)
            if has_started:  # only a broken connection can still say that the answer is not whole
                raise
            await problem(Fault(), request)(scope, receive, send)

    def _methods_of(self, request: Request) -> Response:
        """The answer to OPTIONS, and to a method that the address does not take."""
        path, method = request.scope["path"], request.method
        known = self._methods.of(path)
        if not known and is_api(path):
            return problem(RouteNotFound(path=path), request)
        headers = {"allow": ", ".join(known or PAGE_METHODS)}
        if method == "OPTIONS":
            return Response(status_code=204, headers=headers)
        return problem(MethodNotAllowed(path=path, method=method), request, headers=headers)
