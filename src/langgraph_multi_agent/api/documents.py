"""The parts of the OpenAPI document that cannot be read off the routes.

Routes read their bodies by hand, within limits, so they name the models here; every route names
the problems it can answer with of its own. `complete` adds what stands before all of them (the gate,
and what is refused whatever the address), the schemas and the texts of the whole.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from langgraph_multi_agent.access.policy import Permission
from langgraph_multi_agent.api import access_models, chat_models, models, samples, schedule_models
from langgraph_multi_agent.api.auth.cookies import COOKIE
from langgraph_multi_agent.api.auth.rules import PUBLIC, Rule, RuledRoute
from langgraph_multi_agent.api.mvp2 import task_models
from langgraph_multi_agent.api.mvp2.envelope import failures
from langgraph_multi_agent.api.origins import SAFE_METHODS
from langgraph_multi_agent.api.problems import (
    MEDIA_TYPE,
    TYPE_BASE,
    HostNotAllowed,
    OriginNotAllowed,
    RequestTooSlow,
    UriTooLong,
    is_of_adapter,
)
from langgraph_multi_agent.domain import errors as faults
from langgraph_multi_agent.domain.errors import Fault
from langgraph_multi_agent.i18n.errors import describe

REFERENCE = "#/components/schemas/{model}"
REQUESTS: tuple[type[BaseModel], ...] = (
    models.TaskRequest,
    models.TaskPatch,
    models.AnswerRequest,
    models.CompleteRequest,
    models.EmptyRequest,
    models.ResetRequest,
    schedule_models.ScheduleRequest,
    schedule_models.SchedulePatch,
    *chat_models.REQUESTS,
    *access_models.REQUESTS,
    task_models.TaskInput,
    task_models.TaskChange,
    models.Problem,
)
TAGS = [
    {"name": "tasks", "description": "Submit tasks, follow them, and decide about them."},
    {"name": "results", "description": "Plans, events and files of a task."},
    {"name": "schedules", "description": "Tasks that come again at the times of a cron line."},
    {"name": "mvp2", "description": "The contract of MVP2 front ends, in its envelope."},
    {"name": "settings", "description": "A person's settings, and the language model."},
    {"name": "access", "description": "Logging in, API keys and users."},
    {"name": "admin", "description": "Housekeeping by operators."},
    {"name": "system", "description": "Health, metrics, agents and teams."},
]
DESCRIPTION = """Tasks go in, agents work on them, results come out.

Errors are RFC 9457 problems with a stable `code`; their words follow `Accept-Language` (zh or en).
Times are ISO-8601 in UTC.

**Live events.** `GET /api/v1/tasks/{task_id}/events/stream` is a stream of server-sent events with
`Last-Event-ID`. `WS /ws` (the same as `WS /api/v1/mvp2/ws`) speaks JSON text frames: send
`{"type": "task_subscribe", "task_id": "…", "after_event_id": 0}` and receive `task_created`,
`task_update`, `task_completed` and `task_deleted`, each with the `event_id` to resume from.
`?language=zh` or `en` in its address goes before `Accept-Language`. A frame that the role or the key may
not send gets an `error` frame with `error_code` `PERMISSION_DENIED`, and the socket stays; one whose
credential ends is closed with 1008, one that reads too slowly with 1013.
"""

SECURITY = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, or a token of the issuer that the server trusts.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": f"Of somebody who has logged in; `__Host-{COOKIE}` over https. A change also shows which "
        "page it comes from, by `Origin` or `X-Requested-With`.",
    },
}
"""How to show who one is; a server with `ENABLE_AUTH` off asks nobody."""


def problems(*kinds: type[Fault]) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route: the problems it can answer with, by status, each with an example."""
    answers: dict[int | str, dict[str, Any]] = {}
    everything: tuple[type[Fault], ...] = (*kinds, Fault)
    for kind in everything:
        words = describe(kind.code, {}, "en")
        example = {
            "summary": words.title,
            "value": {
                "type": f"{TYPE_BASE}{kind.code.lower().replace('_', '-')}",
                "title": words.title,
                "status": kind.status,
                "code": kind.code,
                "detail": words.detail,
                "hint": words.hint,
                "errors": [],
                "request_id": samples.PROBLEM["request_id"],
            },
        }
        answer = answers.setdefault(
            kind.status,
            {
                "description": words.title,
                "content": {
                    MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(model="Problem")}, "examples": {}}
                },
            },
        )
        answer["content"][MEDIA_TYPE]["examples"][kind.code] = example
        if kind.status == 401:
            answer["headers"] = {
                "WWW-Authenticate": {"schema": {"type": "string"}, "example": "Bearer"},
            }
        if kind.status in (429, 503):
            answer["headers"] = {
                "Retry-After": {
                    "description": "Seconds to wait.",
                    "schema": {"type": "integer"},
                    "example": 1,
                }
            }
    return answers


def json_body(model: type[BaseModel], *, is_required: bool = True) -> dict[str, Any]:
    """`openapi_extra` of a route with a JSON body."""
    example = model.model_json_schema().get("examples", [{}])[0]
    return {
        "requestBody": {
            "required": is_required,
            "content": {
                "application/json": {
                    "schema": {"$ref": REFERENCE.format(model=model.__name__)},
                    "examples": {"default": {"value": example}},
                }
            },
        }
    }


def submit_body() -> dict[str, Any]:
    """`openapi_extra` of the submission: JSON, or a form with the same fields and files."""
    extra = json_body(models.TaskRequest)
    text = {"type": "string"}
    name = {**text, "maxLength": models.MAX_NAME_CHARS}
    extra["requestBody"]["content"]["multipart/form-data"] = {
        "schema": {
            "type": "object",
            "additionalProperties": False,
            "required": ["description"],
            "properties": {
                "title": {**text, "maxLength": models.MAX_TITLE_CHARS},
                "description": {**text, "pattern": r"\S"},
                "priority": {"type": "integer", "minimum": 1, "maximum": 4},
                "team": name,
                "deadline": text,
                "assignee": name,
                "language": {"type": "string", "enum": ["zh", "en"]},
                "input_data": {**text, "description": "A JSON object."},
                "budget": {**text, "description": "A JSON object."},
                "start_at": text,
                "delay_s": {"type": "number", "minimum": 0},
                "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
            },
        },
        "examples": {
            "default": {"value": {"description": samples.TASK_REQUEST["description"], "files": ["sales.csv"]}}
        },
    }
    return extra


def example(status: int, description: str, value: Any, **more: Any) -> dict[int | str, dict[str, Any]]:
    """A `responses` entry with an example of a successful answer."""
    return {
        status: {
            "description": description,
            "content": {"application/json": {"examples": {"default": {"value": value}}}},
            **more,
        }
    }


def complete(
    app: FastAPI, *, version: str, routes: Iterable[RuledRoute]
) -> Callable[[], Mapping[str, Any]]:
    """The function that makes the OpenAPI document, once."""

    def make() -> Mapping[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title="LangGraph multi-agent",
                version=version,
                description=DESCRIPTION,
                routes=app.routes,
                tags=TAGS,
                license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            )
            _, schemas = models_json_schema(
                [(model, "validation") for model in REQUESTS], ref_template=REFERENCE
            )
            components = document.setdefault("components", {}).setdefault("schemas", {})
            for name, schema in schemas.get("$defs", {}).items():
                components.setdefault(name, schema)
            for unused in ("HTTPValidationError", "ValidationError"):
                components.pop(unused, None)
            document["components"]["securitySchemes"] = SECURITY
            for route in routes:
                _add_gate(document["paths"].get(route.path_format, {}), route)
            app.openapi_schema = _with_nulls(document)
        return app.openapi_schema

    return make


def _add_gate(operations: Mapping[str, Any], route: RuledRoute) -> None:
    """Say of a route's operations who may ask, and what is answered before the route is."""
    for method in route.methods or ():
        operation = operations.get(method.lower())
        if operation is None:
            continue
        operation["security"] = [] if route.rule is PUBLIC else [{name: []} for name in SECURITY]
        kinds = before_route(route.rule, method)
        if "requestBody" in operation:
            kinds = (*kinds, RequestTooSlow)
        is_adapter = is_of_adapter(route.path)
        for status, answer in (failures if is_adapter else problems)(*kinds).items():
            known = operation["responses"].setdefault(str(status), {"description": answer["description"]})
            if "headers" in answer:
                known["headers"] = answer["headers"] | known.get("headers", {})
            for media_type, content in answer["content"].items():
                schema = {"$ref": REFERENCE.format(model="Failure" if is_adapter else "Problem")}
                shown = known.setdefault("content", {}).setdefault(media_type, {"schema": schema})
                shown["examples"] = content["examples"] | shown.get("examples", {})


def before_route(rule: Rule, method: str) -> tuple[type[Fault], ...]:
    """What the middleware and the gate refuse with, whatever the route."""
    kinds: list[type[Fault]] = [UriTooLong, HostNotAllowed]
    if method not in SAFE_METHODS:
        kinds.append(OriginNotAllowed)
    if rule is not PUBLIC:
        kinds += [faults.AuthenticationRequired, faults.TooManyRequests, faults.DependencyUnavailable]
        if method not in SAFE_METHODS:
            kinds.append(faults.CrossSiteRequest)
    if isinstance(rule, Permission):
        kinds.append(faults.PermissionDenied)
    return tuple(kinds)


def _with_nulls(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _with_nulls(item) for key, item in node.items()}
    if isinstance(node, list):
        return [_with_nulls(item) for item in node]
    return None if node == samples.NULL else node


READ_PROBLEMS = problems(faults.TaskNotFound, faults.InvalidRequest, faults.DependencyUnavailable)
"""What any reading route about one task can answer with."""
