"""Errors on the wire: RFC 9457 problems with stable codes, in the caller's language.

Hides where an error came from: a `Fault` of any layer, a path that does not exist, a field that
does not fit, or a bug; and that paths of the MVP2 adapter answer in the envelope of its contract.
Invariant: every answer that is not a success has one of these two forms, and none carries a stack,
a path of this machine, a secret or the words of an unexpected exception.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response

from langgraph_multi_agent.api.context import language_of_connection, services_of
from langgraph_multi_agent.domain.errors import Fault, InvalidRequest
from langgraph_multi_agent.i18n.errors import describe, field_message
from langgraph_multi_agent.telemetry.redaction import redacted, without_secrets

MEDIA_TYPE = "application/problem+json"
TYPE_BASE = "urn:lgma:problem:"
RETRY_AFTER_S = {429: 1, 503: 5}
MAX_FIELD_ERRORS = 20
BODY = "body"
"""What the body as a whole is called where a field is named."""
ADAPTER = "/api/v1/mvp2"
"""Paths at and under this one are the MVP2 adapter's."""


def is_of_adapter(path: str) -> bool:
    """Whether a path is the MVP2 adapter's, so that refusals come in its envelope."""
    return path == ADAPTER or path.startswith(ADAPTER + "/")


def is_api(path: str) -> bool:
    """Whether a path is the API's, so that no page is ever there."""
    return path == "/api" or path.startswith("/api/")


class MalformedJson(Fault):
    code, status = "MALFORMED_JSON", 400


class MalformedForm(Fault):
    code, status = "MALFORMED_FORM", 400


class UnsupportedMediaType(Fault):
    code, status = "UNSUPPORTED_MEDIA_TYPE", 415


class RouteNotFound(Fault):
    code, status = "ROUTE_NOT_FOUND", 404


class MethodNotAllowed(Fault):
    code, status = "METHOD_NOT_ALLOWED", 405


class OriginNotAllowed(Fault):
    code, status = "ORIGIN_NOT_ALLOWED", 403


class HostNotAllowed(Fault):
    """The name under which a request came is none of ours (RFC 9110, section 15.5.20)."""

    code, status = "HOST_NOT_ALLOWED", 421


class UriTooLong(Fault):
    """Its answer repeats nothing of the address."""

    code, status = "URI_TOO_LONG", 414


class RequestTooSlow(Fault):
    """The body did not come in time. Its connection is closed: the rest of it would be read as a request."""

    code, status = "REQUEST_TOO_SLOW", 408


class PlanNotFound(Fault):
    code, status = "PLAN_NOT_FOUND", 404


class RangeNotSatisfiable(Fault):
    """A part of a file was asked for that it does not have. `size` is the file's, in bytes."""

    code, status = "RANGE_NOT_SATISFIABLE", 416


NO_STORE: Mapping[str, str] = {"cache-control": "no-store"}
"""Headers of what is true only now, or is for this caller only: no cache keeps it."""


class Json(JSONResponse):
    """JSON by orjson: aware times become ISO-8601."""

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


def problem_body(fault: Fault, language: str, *, instance: str | None = None) -> dict[str, Any]:
    """The problem object of a fault."""
    errors = [without_secrets(item) for item in fault.errors]
    text = describe(fault.code, without_secrets(fault.params), language, errors=errors)
    body: dict[str, Any] = {
        "type": f"{TYPE_BASE}{fault.code.lower().replace('_', '-')}",
        "title": text.title,
        "status": fault.status,
        "code": fault.code,
        "detail": text.detail,
        "hint": text.hint,
        "errors": [
            {"field": str(item.get("field", "")), "code": str(item.get("code", "invalid"))}
            | {"message": field_message(item, language)}
            for item in errors
        ],
    }
    if instance is not None:
        body["instance"] = redacted(instance)
    return body


def failure_body(
    fault: Fault, language: str, *, now: datetime, request_id: str | None = None
) -> dict[str, Any]:
    """A fault in the envelope of the MVP2 contract; `envelope.Failure` describes it."""
    known = problem_body(fault, language)
    return {
        "success": False,
        "error_code": fault.code,
        "message": known["detail"] or known["title"],
        "details": {
            "title": known["title"],
            "hint": known["hint"],
            "errors": known["errors"],
            "request_id": request_id,
        },
        "timestamp": now,
    }


def problem(
    fault: Fault, connection: HTTPConnection, *, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer for a fault, with Retry-After where waiting helps."""
    language, path = language_of_connection(connection), str(connection.scope["path"])
    request_id = connection.scope.get("state", {}).get("request_id")
    if is_of_adapter(path):
        now = services_of(connection).clock.now()
        body, media_type = failure_body(fault, language, now=now, request_id=request_id), "application/json"
    else:
        instance = None if isinstance(fault, UriTooLong) else path
        body, media_type = problem_body(fault, language, instance=instance), MEDIA_TYPE
        if request_id:
            body["request_id"] = request_id
    answer = Json(body, status_code=fault.status, media_type=media_type)
    answer.headers.update(NO_STORE)
    if fault.status == HTTPStatus.UNAUTHORIZED:
        answer.headers["www-authenticate"] = "Bearer"
    if isinstance(fault, RequestTooSlow):
        answer.headers["connection"] = "close"
    if isinstance(fault, RangeNotSatisfiable):
        answer.headers["content-range"] = f"bytes */{fault.params['size']}"
    for name, value in (headers or {}).items():
        answer.headers[name] = value
    if fault.status in RETRY_AFTER_S:
        seconds = fault.params.get("retry_after_s", RETRY_AFTER_S[fault.status])
        answer.headers["retry-after"] = str(max(1, round(float(seconds))))
    return answer


def task_error(error: Mapping[str, Any], language: str) -> dict[str, Any]:
    """A stored `{"code", "params"}` with its words."""
    code, params = str(error.get("code", Fault.code)), dict(error.get("params") or {})
    detail = error.get("detail")
    text = describe(code, {**params, "detail": detail} if detail else params, language)
    return {"code": code, "title": text.title, "detail": text.detail, "hint": text.hint, "params": params}


async def on_fault(request: Request, error: Exception) -> Response:
    assert isinstance(error, Fault)
    return problem(error, request)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """What the router or the static files refuse."""
    assert isinstance(error, HTTPException)
    path, headers = request.scope["path"], dict(error.headers or {})
    fault: Fault
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            fault = RouteNotFound(path=path)
        case HTTPStatus.METHOD_NOT_ALLOWED:
            known: tuple[str, ...] = request.app.state.methods.of(path)
            headers |= {"allow": ", ".join(known)} if known else {}
            fault = MethodNotAllowed(path=path, method=request.method)
        case _:
            fault = InvalidRequest(reason=str(error.detail))
    return problem(fault, request, headers=headers)


async def on_validation_error(request: Request, error: Exception) -> Response:
    """A query, path or header value that does not fit."""
    assert isinstance(error, RequestValidationError)
    return problem(InvalidRequest(errors=field_errors(error.errors(), skip=1)), request)


def invalid(error: ValidationError) -> InvalidRequest:
    """The fault for a body that does not fit its model; one that does not fit as a whole is named `body`."""
    found = field_errors(error.errors(include_url=False))
    return InvalidRequest(errors=[{**item, "field": item["field"] or BODY} for item in found])


_CODES = {
    "missing": "missing",
    "extra_forbidden": "unknown_field",
    "greater_than_equal": "below_minimum",
    "greater_than": "below_minimum",
    "less_than_equal": "above_maximum",
    "less_than": "above_maximum",
    "string_too_long": "too_long",
    "string_too_short": "empty",
    "too_long": "too_many",
    "too_short": "too_few",
    "literal_error": "not_allowed",
    "enum": "not_allowed",
    "string_type": "wrong_type",
    "string_pattern_mismatch": "invalid",
    "finite_number": "wrong_type",
    "json_invalid": "not_json",
}
_EXPECTED = {
    "str": "string",
    "int": "integer",
    "bool": "boolean",
    "float": "number",
    "dict": "object",
    "list": "array",
    "model": "object",
    "datetime": "ISO-8601 date",
}


def field_errors(errors: Sequence[Any], *, skip: int = 0) -> list[dict[str, Any]]:
    """pydantic's errors with our codes.

    Args:
        skip: how many leading parts of the location name the place (query, path, header).
    """
    found = []
    for item in errors[:MAX_FIELD_ERRORS]:
        kind, context = str(item["type"]), dict(item.get("ctx") or {})
        code = _CODES.get(kind)
        entry: dict[str, Any] = {"field": ".".join(str(part) for part in item["loc"][skip:])}
        if kind.startswith("field_"):  # raised by our own validators
            code = kind.removeprefix("field_")
        elif code is None and kind.endswith(("_type", "_parsing", "_from_float")):
            code = "wrong_type"
        entry["code"] = code or "invalid"
        for name in ("ge", "gt", "le", "lt", "max_length", "min_length"):
            if name in context:
                entry["limit"] = context[name]
        if code == "not_allowed":
            entry["allowed"] = str(context.get("expected", "")).replace(" or ", ", ").replace("'", "")
        if code == "wrong_type":
            name = kind.partition("_")[0]
            entry["expected"] = _EXPECTED.get(name, name)
        entry["message"] = str(item.get("msg", ""))
        found.append(entry)
    return found
