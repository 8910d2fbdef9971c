"""What of a request goes into the audit log: changes that reached their route, and who was turned away.

Callers: `rules`, and routes that know more than their address says. Invariants: the answer of a change
is not sent before its row is committed, and goes out also where none could be; no body, no credential
and no word that somebody typed is recorded.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response

from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.access.policy import Principal
from langgraph_multi_agent.api.auth.gate import authenticate
from langgraph_multi_agent.api.context import services_of
from langgraph_multi_agent.api.origins import SAFE_METHODS
from langgraph_multi_agent.domain.errors import Fault, InvalidRequest
from langgraph_multi_agent.service.audit import Unknown
from langgraph_multi_agent.store.belongings import REPLAYED

Handler = Callable[[Request], Awaitable[Response]]
LOG_IN, LOG_OUT = "auth.login", "auth.logout"
ACTIONS: dict[tuple[str, str], str] = {
    ("POST", "/api/v1/auth/login"): LOG_IN,
    ("POST", "/api/v1/auth/logout"): LOG_OUT,
    ("POST", "/api/v1/auth/password"): "auth.password",
    ("POST", "/api/v1/auth/logout-everywhere"): "auth.logout_everywhere",
    ("POST", "/api/v1/keys"): "key.create",
    ("DELETE", "/api/v1/keys/{key_id}"): "key.revoke",
    ("POST", "/api/v1/users"): "user.add",
    ("PATCH", "/api/v1/users/{name}"): "user.change",
    ("POST", "/api/v1/tasks"): "task.submit",
    ("PATCH", "/api/v1/tasks/{task_id}"): "task.change",
    ("DELETE", "/api/v1/tasks/{task_id}"): "task.delete",
    ("POST", "/api/v1/tasks/{task_id}/cancel"): "task.cancel",
    ("POST", "/api/v1/tasks/{task_id}/pause"): "task.pause",
    ("POST", "/api/v1/tasks/{task_id}/resume"): "task.resume",
    ("POST", "/api/v1/tasks/{task_id}/retry"): "task.retry",
    ("POST", "/api/v1/tasks/{task_id}/reopen"): "task.reopen",
    ("POST", "/api/v1/tasks/{task_id}/complete"): "task.complete",
    ("POST", "/api/v1/tasks/{task_id}/answer"): "task.answer",
    ("POST", "/api/v1/schedules"): "schedule.add",
    ("PATCH", "/api/v1/schedules/{schedule_id}"): "schedule.change",
    ("DELETE", "/api/v1/schedules/{schedule_id}"): "schedule.delete",
    ("POST", "/api/v1/schedules/{schedule_id}/run"): "schedule.run",
    ("POST", "/api/v1/admin/retention"): "retention.run",
    ("POST", "/api/v1/system/agents/reset"): "agent.reset",
    ("POST", "/api/v1/mvp2/tasks"): "task.submit",
    ("PUT", "/api/v1/mvp2/tasks/{task_id}"): "task.change",
    ("DELETE", "/api/v1/mvp2/tasks/{task_id}"): "task.delete",
    ("GET", "/api/v1/mvp2/export"): "data.export",
    ("POST", "/api/v1/mvp2/import"): "data.import",
    ("POST", "/api/v1/mvp2/chat/messages"): "chat.send",
    ("POST", "/api/v1/mvp2/feedback"): "feedback.give",
    ("PUT", "/api/v1/settings"): "settings.change",
}
"""What each changing route does, in words that stay; those that only look are not here, but for the export."""


def action_of(method: str, path: str) -> str | None:
    """None for a route that is not recorded."""
    known = ACTIONS.get((method, path))
    return known if known is not None or method in SAFE_METHODS else f"{method} {path}"


def concerns(
    connection: HTTPConnection,
    *,
    target: str | None = None,
    name: str | None = None,
    who: Principal | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Say of this request what its address does not.

    Args:
        target: what was made, or is named in the body.
        name: whom somebody without a credential says to be; recorded only if there is such a user.
        who: whom a log-in let in.
        details: what was asked for, without secrets and what somebody wrote.
    """
    told = {"audit_target": target, "audit_name": name, "audit_details": details, "principal": who}
    connection.scope.setdefault("state", {}).update({key: value for key, value in told.items() if value is not None})


async def recorded(request: Request, action: str, handler: Handler) -> Response:
    """Run a route's handler and record how it went."""
    if not services_of(request).settings.enable_auth:
        return await handler(request)
    if action == LOG_OUT:
        await _look_who_leaves(request)
    try:
        answer = await handler(request)
    except BaseException as error:
        await _record(request, action, _result_of(error), "")
        raise
    if "idempotent-replayed" in answer.headers:  # what it names may be somebody else's
        concerns(request, details={REPLAYED: True})
    place = answer.headers.get("location", "").rpartition("/")[2]
    await _record(request, action, str(answer.status_code), place)
    return answer


async def turned_away(connection: HTTPConnection, fault: Fault) -> None:
    """Record a refusal of the gate, within its bound."""
    services, scope = services_of(connection), connection.scope
    if not services.settings.enable_auth:
        return
    principal: Principal | None = scope.get("state", {}).get("principal")
    path = getattr(scope.get("route"), "path", None) or scope["path"]
    reason = fault.params.get("reason") or fault.params.get("permission")
    await services.audit.refused(
        DEFAULT_SCOPE if principal is None else principal.scope,
        Unknown() if principal is None else principal,
        target=f"{scope.get('method', 'WS')} {path}",
        result=fault.code,
        details={"reason": reason} if reason else None,
        **_from(connection),
    )


async def _record(request: Request, action: str, result: str, made: str) -> None:
    state = request.scope.get("state", {})
    target = state.get("audit_target") or "/".join([*map(str, request.path_params.values()), made]).strip("/")
    principal: Principal | None = state.get("principal")
    audit = services_of(request).audit
    fields = {
        "action": action,
        "target": target,
        "result": result,
        "details": state.get("audit_details"),
        **_from(request),
    }
    if principal is not None:
        await audit.record(principal.scope, principal, **fields)
    elif action != LOG_OUT:  # nobody left
        await audit.refused(*await audit.claimed(state.get("audit_name")), **fields)


async def _look_who_leaves(request: Request) -> None:
    try:
        concerns(request, who=await authenticate(request))
    except Fault:
        return


def _from(connection: HTTPConnection) -> dict[str, Any]:
    return {
        "request_id": connection.scope.get("state", {}).get("request_id", ""),
        "address": connection.client.host if connection.client else "",
    }


def _result_of(error: BaseException) -> str:
    match error:
        case Fault():
            return error.code
        case RequestValidationError():
            return InvalidRequest.code
        case HTTPException():
            return str(error.status_code)
        case ClientDisconnect():
            return "CLIENT_GONE"
        case _:
            return Fault.code
