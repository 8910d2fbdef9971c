"""Endpoints spoken to through LangChain: OpenAI-compatible ones, and Anthropic.

Hides the providers' libraries, which are imported at the first call (they cost about 80 MB and a
second), and turns whatever they raise into `WireFault`. The gateway alone calls them. Invariant: no
retry happens here; the libraries' own are off.
"""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing
from importlib.util import find_spec
from typing import Any

import structlog

from langgraph_multi_agent.domain.errors import Fault, SettingsUnsafe
from langgraph_multi_agent.domain.ports import ModelMessage
from langgraph_multi_agent.models.wire import Answer, Ask, FaultKind, Provider, WireFault
from langgraph_multi_agent.settings import Settings

log = structlog.get_logger(__name__)

OPENAI_URL = "https://api.openai.com/v1"
ANTHROPIC_URL = "https://api.anthropic.com"
CONNECT_TIMEOUT_S = 10.0
NO_KEY = "none"
"""Sent where no key is set: local endpoints want none, but the libraries insist on one."""

_FINISH = {
    "stop": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "content_filter": "refused",
    "refusal": "refused",
}
_FEATURES: Mapping[str, tuple[str, ...]] = {
    "response_format": ("response_format", "json_schema", "structured output"),
    "stream_options": ("stream_options", "include_usage"),
    "temperature": ("temperature",),
}
"""Features that some endpoints do not know, with the words by which their refusals name them."""


def open_provider(settings: Settings) -> Provider:
    """The provider that the settings name.

    Raises:
        SettingsUnsafe: its library is an extra that is not installed.
    """
    if settings.llm_provider == "anthropic":
        if find_spec("langchain_anthropic") is None:
            raise SettingsUnsafe(
                setting="LLM_PROVIDER",
                reason="provider_not_installed",
                value="anthropic",
                detail="langchain-anthropic is not installed",
            )
        return AnthropicProvider(settings)
    return OpenAIProvider(settings)


class LangChainProvider(ABC):
    """What both kinds share: one chat model per name, one way to read an answer."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._chats: dict[str, Any] = {}
        self._left_out: dict[str, set[str]] = {}
        self._opening = asyncio.Lock()

    async def answer(self, ask: Ask, on_delta: Callable[[str], None] | None) -> Answer:
        chat = await self._chat(ask.model)
        left_out = self._left_out.setdefault(ask.model, set())
        options = self._options(ask, is_stream=on_delta is not None)
        for feature in left_out:
            self._leave_out(feature, options)
        try:
            messages = _langchain_messages(ask.messages)
            if on_delta is None:
                return _read([await chat.ainvoke(messages, **options)], None)
            chunks = await _told(chat.astream(messages, **options), on_delta)
        except Exception as error:
            fault = fault_of(error)
            unsupported = _unsupported_feature(fault, options)
            if unsupported is not None:
                left_out.add(unsupported)
                raise WireFault(FaultKind.UNSUPPORTED, status=fault.status, detail=fault.detail) from error
            raise fault from error
        return _read(chunks, "cut")

    async def close(self) -> None:
        for chat in self._chats.values():
            await self._close_chat(chat)
        self._chats.clear()

    async def _chat(self, model: str) -> Any:
        async with self._opening:
            if model not in self._chats:
                # In a thread: the import takes a second in which heartbeats must go on.
                self._chats[model] = await asyncio.to_thread(self._open_chat, model)
            return self._chats[model]

    def _key(self) -> str:
        key = self._settings.llm_api_key
        return key.get_secret_value() if key is not None else NO_KEY

    @abstractmethod
    def _open_chat(self, model: str) -> Any: ...

    @abstractmethod
    async def _close_chat(self, chat: Any) -> None: ...

    def _options(self, ask: Ask, *, is_stream: bool) -> dict[str, Any]:
        return {"max_tokens": ask.max_output_tokens, "temperature": ask.temperature}

    def _leave_out(self, feature: str, options: dict[str, Any]) -> None:
        options.pop(feature, None)


class OpenAIProvider(LangChainProvider):
    """OpenAI, and any endpoint that speaks `/chat/completions` at LLM_BASE_URL."""

    def _open_chat(self, model: str) -> Any:
        import openai
        from langchain_openai import ChatOpenAI
        from langchain_openai.chat_models.base import BaseChatOpenAI

        # ChatOpenAI renames max_tokens as OpenAI wants it; other endpoints know the old name only.
        kind = ChatOpenAI if self._settings.llm_base_url is None else BaseChatOpenAI
        return kind(
            model=model,
            api_key=self._key(),
            base_url=self._settings.llm_base_url or OPENAI_URL,
            max_retries=0,
            timeout=openai.Timeout(self._settings.llm_timeout, connect=CONNECT_TIMEOUT_S),
            http_async_client=openai.DefaultAsyncHttpxClient(),
            stream_chunk_timeout=None,
            use_responses_api=False,
        )

    async def _close_chat(self, chat: Any) -> None:
        await chat.root_async_client.close()

    def _options(self, ask: Ask, *, is_stream: bool) -> dict[str, Any]:
        options = super()._options(ask, is_stream=is_stream)
        if ask.schema is not None:
            # In the body, not as an argument: LangChain would parse and judge the answer itself.
            options["extra_body"] = {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": dict(ask.schema), "strict": False},
                }
            }
        if is_stream:
            options["stream_usage"] = True
        return options

    def _leave_out(self, feature: str, options: dict[str, Any]) -> None:
        match feature:
            case "response_format":
                options.pop("extra_body", None)
            case "stream_options":
                options.pop("stream_usage", None)
            case _:
                super()._leave_out(feature, options)


class AnthropicProvider(LangChainProvider):
    """Anthropic's messages API; an extra of the distribution."""

    def _open_chat(self, model: str) -> Any:
        import anthropic
        from langchain_anthropic import ChatAnthropic

        chat = ChatAnthropic(
            model=model,
            api_key=self._key(),
            base_url=self._settings.llm_base_url or ANTHROPIC_URL,
            max_retries=0,
            timeout=self._settings.llm_timeout,
        )
        # LangChain shares one HTTP client among all chat models of a process: closing it here would
        # close it for others, so this one gets its own.
        chat.__dict__["_async_client"] = anthropic.AsyncAnthropic(**chat._client_params)
        return chat

    async def _close_chat(self, chat: Any) -> None:
        await chat._async_client.close()


def _langchain_messages(messages: tuple[ModelMessage, ...]) -> list[Any]:
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

    kinds = {"system": SystemMessage, "assistant": AIMessage, "user": HumanMessage}
    return [kinds[message.role](content=message.content) for message in messages]


async def _told(stream: AsyncGenerator[Any], on_delta: Callable[[str], None]) -> list[Any]:
    """The chunks, each told to the watcher; a watcher that fails is told no more."""
    chunks: list[Any] = []
    is_watched = True
    # Closed at once when cancelled, or the connection would stay open until it is collected.
    async with aclosing(stream):
        async for chunk in stream:
            chunks.append(chunk)
            if chunk.text and is_watched:
                try:
                    on_delta(str(chunk.text))
                except Exception:
                    is_watched = False
                    log.warning("model.watcher_failed", exc_info=True)
    return chunks


def _read(chunks: list[Any], if_unfinished: str | None) -> Answer:
    """Put the parts together.

    Token counts come cumulative or split over chunks, so the largest counts; zero says nothing.
    """
    finish = ""
    usage: dict[str, int] = {}
    for chunk in chunks:
        metadata = chunk.response_metadata
        finish = metadata.get("finish_reason") or metadata.get("stop_reason") or finish
        for name in ("input_tokens", "output_tokens"):
            count = (chunk.usage_metadata or {}).get(name)
            if count:
                usage[name] = max(count, usage.get(name, 0))
    if not finish and if_unfinished is not None:
        raise WireFault(FaultKind.CUT, detail="the stream ended without a finish reason")
    return Answer(
        text="".join(str(chunk.text) for chunk in chunks),
        finish=_FINISH.get(finish, finish or "stop"),
        input_tokens=usage.get("input_tokens"),
        output_tokens=usage.get("output_tokens"),
    )


def fault_of(error: BaseException) -> WireFault:
    """What a provider library's error means; causes are looked through.

    Both SDKs are generated by one tool and share names and attributes, so they are told by those,
    without importing either.
    """
    chain = list(_causes(error))
    for link in chain:
        status = getattr(link, "status_code", None)
        if isinstance(status, int) and status >= 400:
            return _status_fault(status, link)
    names = {kind.__name__ for link in chain for kind in type(link).__mro__}
    detail = str(error)
    if names & {"APITimeoutError", "TimeoutException", "TimeoutError"}:
        return WireFault(FaultKind.TIMEOUT, detail=detail)
    if names & {"RemoteProtocolError", "ReadError", "IncompleteRead"}:
        return WireFault(FaultKind.CUT, detail=detail)
    if names & {"APIConnectionError", "ConnectError", "TransportError"}:
        return WireFault(FaultKind.CONNECT, detail=detail)
    if "APIResponseValidationError" in names:
        return WireFault(FaultKind.NOT_JSON, detail=detail)
    if "APIError" in names:
        return WireFault(FaultKind.SERVER, detail=detail)
    if "No generation" in detail:
        return WireFault(FaultKind.CUT, detail="the stream was empty")
    return WireFault(FaultKind.NOT_JSON, detail=f"{type(error).__name__}: {detail}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    seen: set[int] = set()
    # Our own faults were being handled by a caller: what lies behind them is another story.
    while link is not None and id(link) not in seen and not isinstance(link, (Fault, WireFault)):
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def _status_fault(status: int, error: BaseException) -> WireFault:
    headers = getattr(getattr(error, "response", None), "headers", {})
    body = getattr(error, "body", None)
    detail = _message_in(body) or str(error)
    match status:
        case 429 if "insufficient_quota" in json.dumps(body, default=str):
            kind = FaultKind.QUOTA
        case 429:
            kind = FaultKind.RATE_LIMITED
        case 401 | 403:
            kind = FaultKind.UNAUTHORIZED
        case 402:
            kind = FaultKind.QUOTA
        case 404:
            kind = FaultKind.NOT_FOUND
        case 408 | 409 | 425:
            kind = FaultKind.SERVER
        case _:
            kind = FaultKind.SERVER if status >= 500 else FaultKind.REJECTED
    return WireFault(kind, status=status, retry_after=headers.get("retry-after"), detail=detail)


def _message_in(body: Any) -> str:
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        if isinstance(inner, Mapping):
            return str(inner.get("message") or "")
        return str(inner)
    return ""


def _unsupported_feature(fault: WireFault, options: Mapping[str, Any]) -> str | None:
    """The feature that a refusal names, if this call used it."""
    if fault.status not in {400, 404, 422}:
        return None
    used = {
        "response_format": "extra_body" in options,
        "stream_options": "stream_usage" in options,
        "temperature": "temperature" in options,
    }
    words = fault.detail.lower()
    for feature, names in _FEATURES.items():
        if used[feature] and any(name in words for name in names):
            return feature
    return None
