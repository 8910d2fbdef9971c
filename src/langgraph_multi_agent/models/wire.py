"""What a provider is asked, what it answers, and how it can fail.

Hides nothing; it is the vocabulary between the gateway (policy) and the providers (technology).
Invariant: whatever a provider's library raises has become a `WireFault` with a known kind.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from langgraph_multi_agent.domain.ports import ModelMessage


class FaultKind(StrEnum):
    """Why a call on the wire gave no answer; also the reason code that people see."""

    RATE_LIMITED = "rate_limited"
    SERVER = "server"
    CONNECT = "connect"
    TIMEOUT = "timeout"
    CUT = "cut"
    NOT_JSON = "not_json"
    UNSUPPORTED = "unsupported"
    REJECTED = "rejected"
    UNAUTHORIZED = "unauthorized"
    NOT_FOUND = "not_found"
    QUOTA = "quota"
    CIRCUIT_OPEN = "circuit_open"


RETRIED = frozenset(
    {FaultKind.RATE_LIMITED, FaultKind.SERVER, FaultKind.CONNECT, FaultKind.CUT, FaultKind.NOT_JSON}
)
"""Kinds that may pass by themselves."""
FINAL = frozenset({FaultKind.REJECTED, FaultKind.UNAUTHORIZED, FaultKind.NOT_FOUND, FaultKind.QUOTA})
"""Kinds that the operator must mend; neither a retry nor a fallback would tell the truth sooner."""
UNBILLED = frozenset(
    {*FINAL, FaultKind.RATE_LIMITED, FaultKind.SERVER, FaultKind.CONNECT, FaultKind.UNSUPPORTED}
)
"""Kinds where the provider answered with an error, or never got the question: nothing was spent."""
SICK = frozenset({FaultKind.SERVER, FaultKind.CONNECT, FaultKind.TIMEOUT, FaultKind.CUT, FaultKind.NOT_JSON})
"""Kinds that say that the endpoint is not well, and that the circuit breaker counts."""

SETTING_TO_CHECK: Mapping[FaultKind, str] = {
    FaultKind.UNAUTHORIZED: "LLM_API_KEY",
    FaultKind.QUOTA: "LLM_API_KEY",
    FaultKind.NOT_FOUND: "LLM_MODEL",
    FaultKind.REJECTED: "LLM_MODEL",
    FaultKind.CONNECT: "LLM_BASE_URL",
    FaultKind.NOT_JSON: "LLM_BASE_URL",
    FaultKind.TIMEOUT: "LLM_TIMEOUT",
}


class WireFault(Exception):
    """One call on the wire failed.

    Args:
        kind: why.
        status: HTTP status, if there was an answer.
        retry_after: the `Retry-After` header as it came.
        detail: the provider's own words, to be redacted before anybody sees them.
    """

    def __init__(
        self, kind: FaultKind, *, status: int | None = None, retry_after: str | None = None, detail: str = ""
    ) -> None:
        super().__init__(kind.value)
        self.kind = kind
        self.status = status
        self.retry_after = retry_after
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One call on the wire."""

    model: str
    messages: tuple[ModelMessage, ...]
    max_output_tokens: int
    temperature: float
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, complete.

    Attributes:
        finish: `stop`, `length`, `refused`, or the provider's own word.
        input_tokens, output_tokens: None when the provider told nothing.
    """

    text: str
    finish: str
    input_tokens: int | None = None
    output_tokens: int | None = None


class Provider(Protocol):
    """The technology of one kind of endpoint. Never retries, has no deadline of its own.

    `answer` raises WireFault only (and CancelledError). After a fault of kind UNSUPPORTED the same
    ask is worth repeating at once: the provider has learned to leave the feature out.
    """

    async def answer(self, ask: Ask, on_delta: Callable[[str], None] | None) -> Answer: ...

    async def close(self) -> None: ...
