"""What came of a task: its plan and its files."""

from typing import Annotated, Any

from fastapi import Header, Query, Request
from starlette.responses import FileResponse, Response

from langgraph_multi_agent.access.policy import Permission
from langgraph_multi_agent.api import models, samples
from langgraph_multi_agent.api.auth.rules import needs, ruled_router
from langgraph_multi_agent.api.context import Language, ScopeOf, ServicesOf
from langgraph_multi_agent.api.documents import READ_PROBLEMS, example, problems
from langgraph_multi_agent.api.media import (
    ACTIVE,
    SANDBOX,
    SHOWN,
    base_type,
    content_disposition,
    header_type,
    wanted_ranges,
)
from langgraph_multi_agent.api.problems import Json, PlanNotFound, RangeNotSatisfiable
from langgraph_multi_agent.api.shapes import artifact_shape, plan_shape
from langgraph_multi_agent.domain import errors as faults

router = ruled_router(tags=["results"])

_CONTENT: dict[str, Any] = {
    "content": {
        "*/*": {
            "schema": {"type": "string", "format": "binary"},
            "examples": {"report": {"summary": "A report", "value": "# 销售分析\n"}},
        }
    },
    "headers": {"ETag": {"schema": {"type": "string"}, "example": f'"{samples.DIGEST}"'}},
}


@router.get(
    "/api/v1/tasks/{task_id}/plan",
    response_model=models.PlanModel,
    summary="Read the plan",
    description="The newest revision, or the one asked for, with the state of each subtask.",
    responses={
        **problems(faults.TaskNotFound, PlanNotFound, faults.InvalidRequest, faults.DependencyUnavailable),
        **example(200, "The plan", samples.PLAN),
    },
)
@needs(Permission.TASKS_READ)
async def get_plan(
    task_id: str,
    services: ServicesOf,
    scope: ScopeOf,
    language: Language,
    revision: Annotated[int | None, Query(ge=1, le=10**6)] = None,
) -> Response:
    plan = await services.tasks.plan(scope, task_id, revision=revision)
    if plan is None and revision is not None:
        raise PlanNotFound(task=task_id, revision=revision)
    return Json(plan_shape(plan, language))


@router.get(
    "/api/v1/tasks/{task_id}/artifacts",
    response_model=models.ArtifactList,
    summary="List a task's files",
    responses={**READ_PROBLEMS, **example(200, "The files", {"artifacts": [samples.ARTIFACT]})},
)
@needs(Permission.TASKS_READ)
async def list_artifacts(task_id: str, services: ServicesOf, scope: ScopeOf) -> Response:
    found = await services.tasks.artifacts(scope, task_id)
    return Json({"artifacts": [artifact_shape(task_id, stored) for stored in found]})


@router.get(
    "/api/v1/tasks/{task_id}/artifacts/{name:path}",
    summary="Read a file",
    description="The content, with its digest as ETag; ranges are supported. What could carry scripts is "
    "shown in a sandbox, what a browser cannot show is offered for download.",
    response_class=FileResponse,
    responses={
        **problems(
            faults.TaskNotFound,
            faults.ArtifactNotFound,
            faults.InvalidRequest,
            faults.DependencyUnavailable,
            RangeNotSatisfiable,
        ),
        200: _CONTENT | {"description": "The content, under its own media type"},
        206: _CONTENT | {"description": "The parts that were asked for"},
        304: {"description": "Not modified"},
    },
)
@needs(Permission.TASKS_READ)
async def get_artifact(  # noqa: PLR0917 - FastAPI calls it by name
    task_id: str,
    name: str,
    request: Request,
    services: ServicesOf,
    scope: ScopeOf,
    download: Annotated[bool, Query(description="Offer it for download.")] = False,
    range_: Annotated[
        str | None, Header(alias="Range", description="`bytes=0-99`; one that is not understood is left alone.")
    ] = None,
    if_range: Annotated[str | None, Header(description="The ETag whose parts are wanted, else the whole.")] = None,
    if_none_match: Annotated[str | None, Header(description="ETags that are known.")] = None,
) -> Response:
    ref, path = await services.tasks.artifact(scope, task_id, name)
    etag = f'"{ref.digest}"'
    headers = {"etag": etag, "cache-control": "private, no-cache", "x-content-type-options": "nosniff"}
    known = {tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")}
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    is_whole = range_ is None or if_range not in (None, etag)
    _ask_for(request, None if is_whole else wanted_ranges(range_ or "", ref.size_bytes))
    media_type = header_type(ref.media_type)
    plain = base_type(media_type)
    headers["content-disposition"] = content_disposition(ref.name, as_download=download or plain not in SHOWN)
    if plain in ACTIVE:
        headers["content-security-policy"] = SANDBOX
    if ref.kind == "input":  # nobody has said in which encoding a person wrote it
        headers["content-type"] = plain
    return FileResponse(path, media_type=media_type, headers=headers)


def _ask_for(request: Request, parts: str | None) -> None:
    """Replace the Range header, which `FileResponse` reads and answers in its own way where it is odd."""
    kept = [(name, value) for name, value in request.scope["headers"] if name not in (b"range", b"if-range")]
    request.scope["headers"] = kept if parts is None else [*kept, (b"range", parts.encode())]
