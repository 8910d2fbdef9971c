"""The envelope of the MVP2 contract: every answer of the adapter, and how OpenAPI describes it.

Callers: the routes of `api/mvp2`. Invariant: a success is `{success, message, data, timestamp}` and
nothing more than its keyword arguments add; refusals are raised as a `Fault`, which
`problems.problem` puts into the same envelope for every path of the adapter.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from langgraph_multi_agent.api import samples
from langgraph_multi_agent.api.problems import NO_STORE, Json
from langgraph_multi_agent.domain.errors import Fault
from langgraph_multi_agent.i18n import text
from langgraph_multi_agent.i18n.errors import describe

Data = TypeVar("Data")


class Answer(BaseModel):
    """What all shapes of the adapter have in common: keys may be added, never taken away."""

    model_config = ConfigDict(extra="forbid")


class Success(Answer, Generic[Data]):
    """The envelope of an answer. `message` is for people, in the language of Accept-Language."""

    success: Literal[True]
    message: str
    data: Data
    timestamp: Annotated[datetime, Field(examples=[samples.MOMENT])]


class FailureField(Answer):
    """What is wrong with one field of the request."""

    field: str
    code: str
    message: str


class FailureDetails(Answer):
    """`hint` says what to do next; `errors` names each field that does not fit."""

    title: str
    hint: str
    errors: list[FailureField]
    request_id: str | None = None


class Failure(Answer):
    """The envelope of a refusal. `error_code` is stable, `message` is for people."""

    success: Literal[False]
    error_code: Annotated[str, Field(pattern="^[A-Z][A-Z0-9_]*$")]
    message: str
    details: FailureDetails
    timestamp: Annotated[datetime, Field(examples=[samples.MOMENT])]


def success(
    data: Any,
    message_key: str,
    language: str,
    *,
    now: datetime,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **params: object,
) -> Json:
    """The answer of a route.

    Args:
        data: JSON values; aware times are written as ISO-8601.
        message_key: of a text in `i18n/mvp2.py` (or the area of the route), filled with `params`.
        language: `zh` or `en`, from the `Language` dependency.
        now: by the services' clock.
    """
    body = {"success": True, "message": text(message_key, language, **params), "data": data, "timestamp": now}
    return Json(body, status_code=status, headers={**NO_STORE, **(headers or {})})


def failures(*kinds: type[Fault]) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route: the faults it can answer with, by status, each with an example."""
    answers: dict[int | str, dict[str, Any]] = {}
    everything: tuple[type[Fault], ...] = (*kinds, Fault)
    for kind in everything:
        words = describe(kind.code, {}, "zh")
        example = {
            "summary": words.title,
            "value": {
                "success": False,
                "error_code": kind.code,
                "message": words.detail,
                "details": {
                    "title": words.title,
                    "hint": words.hint,
                    "errors": [],
                    "request_id": samples.PROBLEM["request_id"],
                },
                "timestamp": samples.MOMENT,
            },
        }
        answer = answers.setdefault(
            kind.status,
            {"description": words.title, "model": Failure, "content": {"application/json": {"examples": {}}}},
        )
        answer["content"]["application/json"]["examples"][kind.code] = example
        if kind.status in (429, 503):
            answer["headers"] = {
                "Retry-After": {
                    "description": "Seconds to wait.",
                    "schema": {"type": "integer"},
                    "example": 1,
                }
            }
    return answers


def example(
    data: Any,
    message_key: str,
    *,
    status: int = 200,
    description: str = "Done",
    model: type[BaseModel] | None = None,
    **params: object,
) -> dict[int | str, dict[str, Any]]:
    """A `responses` entry with an example of a success.

    Args:
        data: what the example shows as `data`; null is `samples.NULL`.
        model: the shape, where it is not the route's `response_model`.
    """
    message = text(message_key, "zh", **params)
    value = {"success": True, "message": message, "data": data, "timestamp": samples.MOMENT}
    entry: dict[str, Any] = {
        "description": description,
        "content": {"application/json": {"examples": {"default": {"value": value}}}},
    }
    return {status: entry if model is None else entry | {"model": model}}
