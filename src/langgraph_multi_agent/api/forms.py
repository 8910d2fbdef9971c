"""Submissions, as JSON or as forms: fields as the values JSON would have brought, files stored.

Callers: the routes that take a task, of `/api/v1` and of the MVP2 adapter. Invariant: files are
stored as they come, one chunk in memory; files that end up in no task are collected later.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel
from starlette.requests import Request

from langgraph_multi_agent.api.body import (
    JSON,
    check,
    decode,
    has_body,
    media_type_of,
    no_body,
    parse,
    read_json,
)
from langgraph_multi_agent.api.context import Services
from langgraph_multi_agent.api.media import media_type_of_name
from langgraph_multi_agent.api.multipart import MultipartReader, Part
from langgraph_multi_agent.api.problems import MalformedJson, UnsupportedMediaType
from langgraph_multi_agent.domain.errors import Draining, InputTooLarge, InputUnsafe, InvalidRequest
from langgraph_multi_agent.domain.task import InputFile
from langgraph_multi_agent.service.tasks import input_file

MULTIPART = "multipart/form-data"
FILES = "files"
DECIMAL = re.compile(r"-?\d{1,9}", re.ASCII)
SECONDS = re.compile(r"-?\d{1,9}(\.\d{1,9})?", re.ASCII)

Model = TypeVar("Model", bound=BaseModel)


async def read_submission(
    request: Request,
    services: Services,
    model: type[Model],
    *,
    skips_unknown: bool = False,
) -> tuple[Model, tuple[InputFile, ...]]:
    """The task that a request describes, as JSON or as a form, with the files it brought.

    Args:
        skips_unknown: of a form; what JSON may hold beside its fields the model itself says.

    Raises:
        Draining, InvalidRequest, UnsupportedMediaType, MalformedJson, MalformedForm, InputTooLarge, InputUnsafe.
    """
    if services.health.is_draining:
        raise Draining  # before reading what would be refused anyway
    if not has_body(request):
        raise no_body()
    match media_type_of(request):
        case "application/json":
            return await read_json(request, model, limit=services.settings.max_body_bytes), ()
        case "multipart/form-data":
            return await read_form(request, services, model, skips_unknown=skips_unknown)
        case other:
            raise UnsupportedMediaType(media_type=other or "-", supported=f"{JSON}, {MULTIPART}")


async def read_form(
    request: Request, services: Services, model: type[Model], *, skips_unknown: bool = False
) -> tuple[Model, tuple[InputFile, ...]]:
    """Fields and stored files of a form.

    Args:
        skips_unknown: whether a field that the model does not have is left out instead of refused.

    Raises:
        MalformedForm, InvalidRequest, InputTooLarge, InputUnsafe.
    """
    settings = services.settings
    fields: dict[str, Any] = {}
    files: list[InputFile] = []
    left = settings.max_body_bytes
    async for part in MultipartReader(request.headers["content-type"], request.stream()):
        if part.file_name is not None and part.name == FILES:
            if len(files) >= settings.max_files:
                error = {"field": FILES, "code": "too_many", "limit": settings.max_files}
                raise InvalidRequest(errors=[error])
            stored = await _store(part, services)
            files += [stored] if stored is not None else []
            continue
        if part.file_name is not None or part.name not in model.model_fields:
            if skips_unknown and part.file_name is None:
                continue
            raise InvalidRequest(errors=[{"field": part.name[:80], "code": "unknown_field"}])
        if part.name in fields:
            raise InvalidRequest(errors=[{"field": part.name, "code": "given_twice"}])
        try:
            fields[part.name] = await part.text(limit=left)
        except InputTooLarge:
            limit = settings.max_body_bytes
            raise InputTooLarge(file=part.name, size=f"> {limit}", limit=limit) from None
        left -= len(fields[part.name].encode())
    return parse(model, _form_values(fields)), tuple(files)


async def _store(part: Part, services: Services) -> InputFile | None:
    """Store a file as it comes; None for the empty part of a form without a chosen file."""
    assert part.file_name is not None
    if not part.file_name:
        async for chunk in part.chunks():
            if chunk:
                raise InputUnsafe(file="", reason="empty")
        return None
    name, blob = await services.tasks.store_input(part.file_name, part.chunks())
    return input_file(name, blob, media_type_of_name(name))


def _form_values(fields: Mapping[str, str]) -> dict[str, Any]:
    """The texts of a form as the values that JSON would have brought; an empty optional one is absent."""
    values: dict[str, Any] = {}
    for name, value in fields.items():
        if name in ("input_data", "budget"):
            if value.strip():
                try:
                    values[name] = decode(value.encode())
                except MalformedJson:
                    raise InvalidRequest(errors=[{"field": name, "code": "not_json"}]) from None
        elif name == "priority":
            if value.strip():
                values[name] = int(value) if DECIMAL.fullmatch(value.strip()) else value
        elif name == "delay_s":
            if value.strip():
                values[name] = float(value) if SECONDS.fullmatch(value.strip()) else value
        elif value or name == "description":
            values[name] = value
    check(values)
    return values
