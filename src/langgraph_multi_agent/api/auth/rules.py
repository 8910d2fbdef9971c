"""What a route needs of who calls it, declared beside the route and checked before it.

Callers: every module of routes makes its router here. Invariant: a route without a rule does not
start, and a refused request costs no look at its body.
"""

from collections.abc import Callable, Coroutine
from enum import Enum
from typing import Any, TypeVar

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from langgraph_multi_agent.access.addresses import limit_key
from langgraph_multi_agent.access.policy import LOCAL, Permission, Principal
from langgraph_multi_agent.api.auth.addresses import address_of
from langgraph_multi_agent.api.auth.gate import authenticate
from langgraph_multi_agent.api.auth.record import action_of, recorded, turned_away
from langgraph_multi_agent.api.auth.scrapers import is_scraper
from langgraph_multi_agent.api.context import services_of
from langgraph_multi_agent.domain.errors import (
    AuthenticationRequired,
    CrossSiteRequest,
    PermissionDenied,
    TooManyRequests,
)

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class Everybody(Enum):
    """Rules without a permission."""

    PUBLIC = "public"
    KNOWN = "known"


PUBLIC, KNOWN = Everybody.PUBLIC, Everybody.KNOWN
"""No credential is asked for; any valid one will do."""
Rule = Permission | Everybody


def needs(rule: Rule) -> Callable[[Endpoint], Endpoint]:
    """Declare a route's rule, below its `@router` line."""

    def declare(endpoint: Endpoint) -> Endpoint:
        endpoint.__dict__["rule"] = rule
        return endpoint

    return declare


def rule_of(endpoint: Callable[..., Any]) -> Rule:
    """Raises TypeError: nothing was declared."""
    rule: Rule | None = endpoint.__dict__.get("rule")
    if rule is None:
        raise TypeError(f"{endpoint.__module__}.{endpoint.__qualname__} declares no rule: add @needs(…)")
    return rule


async def let_in(connection: HTTPConnection, rule: Rule) -> Principal | None:
    """Check a rule and remember who it is for `scope_of`; None where nobody is asked.

    Raises:
        AuthenticationRequired, CrossSiteRequest, PermissionDenied, DependencyUnavailable
    """
    if rule is PUBLIC or (rule is Permission.METRICS_READ and is_scraper(connection)):
        return None
    services = services_of(connection)
    principal = await known(connection)
    connection.scope.setdefault("state", {})["principal"] = principal
    if principal is not LOCAL:
        await within(connection, services.settings.rate_limit, "request", principal.id)
    if isinstance(rule, Permission):
        try:
            require(principal, rule)
        except PermissionDenied as fault:
            await turned_away(connection, fault)
            raise
    return principal


async def known(connection: HTTPConnection) -> Principal:
    """Who it is; what is refused is recorded, and counted for its address.

    Raises:
        AuthenticationRequired, CrossSiteRequest, TooManyRequests, DependencyUnavailable
    """
    try:
        return await authenticate(connection)
    except AuthenticationRequired as fault:
        if fault.params["reason"] != "missing":
            await turned_away(connection, fault)
            limit = services_of(connection).settings.rate_limit_failures
            await within(connection, limit, "failure", limit_key(address_of(connection)))
        raise
    except CrossSiteRequest as fault:
        await turned_away(connection, fault)
        raise


async def within(connection: HTTPConnection, limit: str, *who: str) -> None:
    """Count one request against a limit. Raises TooManyRequests."""
    waits_s = await services_of(connection).rate_limits.take(limit, *who)
    if waits_s:
        raise TooManyRequests(allowed=limit, retry_after_s=waits_s)


def require(principal: Principal, permission: Permission) -> None:
    """Raises PermissionDenied."""
    if permission not in principal.permissions:
        raise PermissionDenied(permission=permission.value, role=principal.role.word)


class RuledRoute(APIRoute):
    """A route that asks its rule first, and whose changes are recorded."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.rule = rule_of(endpoint)
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()
        method = next(iter(self.methods or ("GET",)))
        action = action_of(method, self.path)
        if action is None:
            return handler

        async def handle(request: Request) -> Response:
            return await recorded(request, action, handler)

        return handle

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] in (self.methods or ()):
            await let_in(Request(scope), self.rule)
        await super().handle(scope, receive, send)


def ruled_router(**options: Any) -> APIRouter:
    """A router whose routes declare their rules."""
    return APIRouter(route_class=RuledRoute, **options)
