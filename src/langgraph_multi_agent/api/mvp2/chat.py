"""The conversation with the MetaAgent, in the envelope of the MVP2 contract."""

from typing import Annotated, Any, Literal

from fastapi import Header, Query, Request
from starlette.responses import Response

from langgraph_multi_agent.access.policy import Permission
from langgraph_multi_agent.api import samples
from langgraph_multi_agent.api.auth.rules import needs, ruled_router
from langgraph_multi_agent.api.body import read_json
from langgraph_multi_agent.api.chat_models import CHAT, ChatRequest
from langgraph_multi_agent.api.context import Language, ScopeOf, ServicesOf
from langgraph_multi_agent.api.documents import json_body
from langgraph_multi_agent.api.models import Moment
from langgraph_multi_agent.api.mvp2.envelope import Answer, Success, example, failures, success
from langgraph_multi_agent.api.problems import MalformedJson, UnsupportedMediaType
from langgraph_multi_agent.domain import errors as faults
from langgraph_multi_agent.service.chat import MAX_PAGE, message_json

router = ruled_router(tags=["mvp2"])

USER_MESSAGE: dict[str, Any] = {
    "id": "019ab1c2-8000-7f40-8a51-2b6c7d8e9f21",
    "type": "user",
    "content": CHAT["content"],
    "sender": "local",
    "timestamp": samples.MOMENT,
    "task_id": samples.NULL,
    "citations": [],
    "links": [],
    "offer": samples.NULL,
}
AI_RESPONSE: dict[str, Any] = USER_MESSAGE | {
    "id": "019ab1c2-8000-7f40-8a51-2b6c7d8e9f22",
    "type": "ai",
    "content": "失败的任务有 1 个：\n· 季度报告（40%）",
    "sender": "MetaAgent",
    "links": [{"kind": "task", "label": "季度报告", "href": f"/tasks/{samples.TASK_ID}"}],
}


class Citation(Answer):
    """A quotation of the handbook that the answer rests on; `anchor` is its heading."""

    id: str
    source: str
    title: str
    locator: str
    anchor: str
    quote: str


class ChatLink(Answer):
    """Where to go on in our front end."""

    kind: Literal["task", "page"]
    label: str
    href: str


class ChatMessageModel(Answer):
    """A message. `offer` is the request that a yes makes a task of; `task_id` the task that was made."""

    id: str
    type: Literal["user", "ai"]
    content: str
    sender: str
    timestamp: Moment
    task_id: str | None
    citations: list[Citation]
    links: list[ChatLink]
    offer: str | None


class ChatExchange(Answer):
    """A message and its answer."""

    user_message: ChatMessageModel
    ai_response: ChatMessageModel
    task_id: str | None


class ChatHistory(Answer):
    """A page of the conversation, the oldest of the page first; offset 0 is the newest page."""

    messages: list[ChatMessageModel]
    total: int
    limit: int
    offset: int


@router.post(
    "/api/v1/mvp2/chat/messages",
    response_model=Success[ChatExchange],
    summary="Say something to the MetaAgent",
    description="Questions on tasks, agents, queue and system are answered from the services, those on how to "
    "use the system from the handbook, with citations. A plain order becomes a task, which `task_id` names; what "
    "could be one is asked about first, and a yes makes it. With a language model configured it answers the rest.",
    responses={
        **failures(
            faults.InvalidRequest,
            faults.InputTooLarge,
            faults.TooManyMessages,
            faults.DependencyUnavailable,
            MalformedJson,
            UnsupportedMediaType,
        ),
        **example(
            {"user_message": USER_MESSAGE, "ai_response": AI_RESPONSE, "task_id": samples.NULL},
            "chat.answered",
        ),
    },
    openapi_extra=json_body(ChatRequest),
)
@needs(Permission.CHAT)
async def send_message(
    request: Request,
    services: ServicesOf,
    scope: ScopeOf,
    language: Language,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=200,
            pattern=r"^[\x20-\x7e]+$",
            description="The same key gives the same answer again, and no second task.",
        ),
    ] = None,
) -> Response:
    body = await read_json(request, ChatRequest, limit=services.settings.max_body_bytes)
    exchange = await services.chat.say(
        scope, body.content, language=language, idempotency_key=idempotency_key
    )
    data = {
        "user_message": message_json(exchange.message),
        "ai_response": message_json(exchange.answer),
        "task_id": exchange.answer.task_id,
    }
    return success(data, "chat.answered", language, now=services.clock.now())


@router.get(
    "/api/v1/mvp2/chat/history",
    response_model=Success[ChatHistory],
    summary="Read the conversation",
    description="Of the person who asks. Offset 0 is the page with the newest messages; within a page the oldest "
    "comes first.",
    responses={
        **failures(faults.InvalidRequest, faults.DependencyUnavailable),
        **example(
            {"messages": [USER_MESSAGE, AI_RESPONSE], "total": 2, "limit": 50, "offset": 0}, "chat.history"
        ),
    },
)
@needs(Permission.CHAT)
async def read_history(
    services: ServicesOf,
    scope: ScopeOf,
    language: Language,
    limit: Annotated[int, Query(ge=1, description=f"At most {MAX_PAGE} are given.")] = 50,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> Response:
    limit = min(limit, MAX_PAGE)
    page = await services.chat.history(scope, limit=limit, offset=offset)
    data = {
        "messages": [message_json(message) for message in page.messages],
        "total": page.total,
        "limit": limit,
        "offset": offset,
    }
    return success(data, "chat.history", language, now=services.clock.now())
