"""Request bodies: read within limits, then parsed into models.

Hides how much is read and how deep it may nest. Callers: the routes that take a body.
Invariant: no body is held in memory beyond MAX_BODY_BYTES, and none is parsed before its size
is known to be within it.
"""

from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from langgraph_multi_agent.api.problems import BODY, MalformedJson, UnsupportedMediaType, invalid
from langgraph_multi_agent.domain.errors import InputTooLarge, InvalidRequest

MAX_DEPTH = 32
JSON = "application/json"

Model = TypeVar("Model", bound=BaseModel)


def media_type_of(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_bytes(request: Request, *, limit: int) -> bytes:
    """The body.

    Raises:
        InputTooLarge: as soon as more than `limit` bytes are announced or have come.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise InputTooLarge(size=int(announced), limit=limit)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise InputTooLarge(size=size, limit=limit)
        chunks.append(chunk)
    return b"".join(chunks)


def no_body() -> InvalidRequest:
    """The fault for a request that says nothing where something is needed."""
    return InvalidRequest(errors=[{"field": BODY, "code": "no_body"}])


def has_body(request: Request) -> bool:
    """Whether a body is announced; it may still turn out to be empty."""
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


async def read_json(request: Request, model: type[Model], *, limit: int, is_optional: bool = False) -> Model:
    """The JSON body as a model.

    Args:
        is_optional: whether no body counts as an empty object instead of being refused.

    Raises:
        InputTooLarge, UnsupportedMediaType, MalformedJson, InvalidRequest.
    """
    body = await read_bytes(request, limit=limit)
    if not body:
        if is_optional:
            return parse(model, {})
        raise no_body()
    if media_type_of(request) != JSON:
        raise UnsupportedMediaType(media_type=media_type_of(request) or "-", supported=JSON)
    return parse(model, decode(body))


def decode(body: bytes) -> Any:
    """JSON text as a value.

    Raises:
        MalformedJson: not JSON in UTF-8, or NaN, or a lone surrogate.
        InvalidRequest: nested too deeply, or a NUL in a string, which no database keeps.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedJson(reason=str(error)) from None
    check(value)
    return value


def check(value: Any, field: str = "") -> None:
    """Refuse what is nested too deeply or holds a NUL. Raises InvalidRequest."""
    level = [(field, value)]
    for depth in range(MAX_DEPTH + 1):
        deeper: list[tuple[str, Any]] = []
        for name, item in level:
            if isinstance(item, str):
                if "\x00" in item:
                    raise InvalidRequest(errors=[{"field": name, "code": "control_character"}])
            elif isinstance(item, dict):
                deeper += [(f"{name}.{key}".lstrip("."), child) for key, child in item.items()]
                if any("\x00" in key for key in item):
                    raise InvalidRequest(errors=[{"field": name, "code": "control_character"}])
            elif isinstance(item, list):
                deeper += [(f"{name}.{index}".lstrip("."), child) for index, child in enumerate(item)]
        if not deeper:
            return
        if depth == MAX_DEPTH:
            break
        level = deeper
    raise InvalidRequest(
        errors=[{"field": level[0][0].partition(".")[0], "code": "too_deep", "limit": MAX_DEPTH}]
    )


def parse(model: type[Model], value: Any) -> Model:
    """A value as a model. Raises InvalidRequest, naming each field that does not fit."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid(error) from None
