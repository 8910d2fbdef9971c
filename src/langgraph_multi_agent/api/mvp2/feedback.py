"""Feedback: people give it through the adapter, operators read it under `/api/v1`."""

from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import Field
from starlette.responses import Response

from langgraph_multi_agent.access.policy import Permission
from langgraph_multi_agent.api import samples
from langgraph_multi_agent.api.auth.rules import KNOWN, needs, ruled_router
from langgraph_multi_agent.api.body import read_json
from langgraph_multi_agent.api.chat_models import FEEDBACK, FeedbackRequest
from langgraph_multi_agent.api.context import Language, ScopeOf, ServicesOf
from langgraph_multi_agent.api.documents import example as plain_example
from langgraph_multi_agent.api.documents import json_body, problems
from langgraph_multi_agent.api.models import Moment
from langgraph_multi_agent.api.mvp2.envelope import Answer, Success, example, failures, success
from langgraph_multi_agent.api.problems import NO_STORE, Json, MalformedJson, UnsupportedMediaType
from langgraph_multi_agent.domain import errors as faults
from langgraph_multi_agent.service.feedback import MAX_PAGE, FeedbackType
from langgraph_multi_agent.store.feedback import Feedback

router = ruled_router()

STORED: dict[str, Any] = {
    "id": "019ab1c2-8000-7f40-8a51-2b6c7d8e9f11",
    "created_at": samples.MOMENT,
    **FEEDBACK,
}
LISTED: dict[str, Any] = {**STORED, "sender": "local"}


class FeedbackStored(Answer):
    """Feedback as it was stored."""

    id: str
    type: FeedbackType
    rating: Annotated[int, Field(ge=1, le=5)] | None
    message: str
    context: dict[str, Any]
    created_at: Moment


class FeedbackModel(FeedbackStored):
    """Feedback as operators see it; `sender` is who gave it."""

    sender: str


class FeedbackPageModel(Answer):
    """Newest first."""

    feedback: list[FeedbackModel]
    total: int
    limit: int
    offset: int


def _shape(item: Feedback) -> dict[str, Any]:
    return {
        "id": item.id,
        "type": item.type,
        "rating": item.rating,
        "message": item.message,
        "context": item.context,
        "created_at": item.created_at,
    }


@router.post(
    "/api/v1/mvp2/feedback",
    tags=["mvp2"],
    response_model=Success[FeedbackStored],
    summary="Give feedback",
    description="Stored, and listed to operators.",
    responses={
        **failures(
            faults.InvalidRequest,
            faults.InputTooLarge,
            faults.DependencyUnavailable,
            MalformedJson,
            UnsupportedMediaType,
        ),
        **example(STORED, "chat.feedback_stored"),
    },
    openapi_extra=json_body(FeedbackRequest),
)
@needs(KNOWN)
async def give_feedback(
    request: Request, services: ServicesOf, scope: ScopeOf, language: Language
) -> Response:
    body = await read_json(request, FeedbackRequest, limit=services.settings.max_body_bytes)
    stored = await services.feedback.add(
        scope, kind=body.type, message=body.message, rating=body.rating, context=body.context
    )
    return success(_shape(stored), "chat.feedback_stored", language, now=services.clock.now())


@router.get(
    "/api/v1/feedback",
    tags=["admin"],
    response_model=FeedbackPageModel,
    summary="List feedback",
    description="For operators; newest first.",
    responses={
        **problems(faults.InvalidRequest, faults.DependencyUnavailable),
        **plain_example(200, "A page", {"feedback": [LISTED], "total": 1, "limit": 50, "offset": 0}),
    },
)
@needs(Permission.SYSTEM_OPERATE)
async def list_feedback(
    services: ServicesOf,
    scope: ScopeOf,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    type: Annotated[FeedbackType | None, Query(description="Only of this type.")] = None,  # noqa: A002
) -> Response:
    page = await services.feedback.list(scope, limit=limit, offset=offset, kind=type)
    shown = [{**_shape(item), "sender": item.actor} for item in page.feedback]
    body = {"feedback": shown, "total": page.total, "limit": limit, "offset": offset}
    return Json(body, headers=NO_STORE)
