"""What the engine and the services need of the outside. Adapters implement these; only
`bootstrap` picks them. Contracts are in words, and one conformance suite holds each port.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from langgraph_multi_agent.domain.event import NewEvent
from langgraph_multi_agent.domain.result import ArtifactRef
from langgraph_multi_agent.domain.task import Cost


class Clock(Protocol):
    """Wall time for people, monotonic time for deadlines."""

    def now(self) -> datetime:
        """The present, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...


NewId = Callable[[], str]
"""Makes an id that sorts by time (UUIDv7, 36 characters)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A finished step, ready to be journalled with what it made known.

    `artifacts` get their names in the same transaction; `progress` never falls.
    """

    key: str
    input_hash: str
    result: Any
    version: int = 1
    events: tuple[NewEvent, ...] = ()
    artifacts: tuple[ArtifactRef, ...] = ()
    progress: int | None = None
    agent: str | None = None
    subtask_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """A step as read back."""

    key: str
    input_hash: str
    version: int
    result: Any


class Journal(Protocol):
    """The durable record of one run's steps, bound to a task and its epoch.

    `read` gives what was committed by any epoch of the task. `commit` writes step and events in
    one transaction under the fence, exactly once: it returns when they are durable, raises
    `LeaseLost` if the epoch has passed, and never half-writes. A step once handed over is
    written even if the caller is cancelled.
    """

    def read(self, key: str) -> JournalEntry | None: ...

    async def commit(self, step: Step, *, may_wait: bool = False) -> None:
        """Make a step durable.

        Args:
            may_wait: return at once; the step becomes durable with the run's next write, in one
                transaction with it, or not at all. For what costs nothing to do again.
        """
        ...

    async def emit(self, events: Sequence[NewEvent]) -> None:
        """Queue events that belong to no step, in order, under the same fence; returns at once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBlob:
    digest: str
    size_bytes: int


class Artifacts(Protocol):
    """Content-addressed files. A digest that was returned stays readable while referenced."""

    async def put(self, content: bytes | AsyncIterator[bytes], *, max_bytes: int | None = None) -> StoredBlob:
        """Store durably (fsync, then rename). Raises InputTooLarge past `max_bytes`."""
        ...

    async def put_file(self, path: Path) -> StoredBlob: ...

    async def path(self, digest: str) -> Path:
        """A local file with this content. Raises ArtifactNotFound."""
        ...

    async def read(self, digest: str) -> bytes:
        """The content, verified. Raises ArtifactNotFound, DependencyUnavailable if it has changed."""
        ...

    async def collect(self, referenced: set[str], *, min_age_s: float) -> int:
        """Delete what nothing references and nobody stored again for `min_age_s`; how many.

        Safe beside anybody's puts and reads. Only one process at a time may collect; who that is
        the caller decides. `referenced` must be read before the call, and every row must name
        its digest within `min_age_s` of the put.
        """
        ...

    async def check_marker(self, agree: Callable[[str], Awaitable[str]]) -> None:
        """Make sure, once at start, that this is the storage of the installation.

        Args:
            agree: offers the storage's id to the installation, gives the id that holds.

        Raises:
            SettingsUnsafe: another storage than the installation's, or one that cannot be used.
        """
        ...


class Doorbell(Protocol):
    """A hint that work may be waiting. Lost, doubled or stale rings are harmless.

    No method raises for want of its server, and none but `wait`, `reconcile` and `ping` waits for it.
    """

    async def ring(self, task_id: str) -> None:
        """Work may be waiting: tell one waiter somewhere, and the one of this process at once."""
        ...

    def nudge(self) -> None:
        """Wake the waiter of this process only: a slot became free, or a delayed task is due."""
        ...

    async def wait(self, timeout_s: float, *, has_slot: bool = True) -> None:
        """Return at the next ring, or after the time-out. May return early, also without a ring.

        Without a free slot only this process is heard, so that a ring stays for who can follow it.
        While the server is away it returns within 2 s, so that the caller looks for itself.
        """
        ...

    def took(self, task_ids: Sequence[str]) -> None:
        """These were claimed by this process: as many rings less are waiting."""
        ...

    async def reconcile(self, pending_ids: Sequence[str]) -> None:
        """Make the waiting rings those of the runnable tasks, best first; the caller holds no lock."""
        ...

    async def ping(self) -> bool:
        """Whether the server answers within 2 s."""
        ...


class Feed(Protocol):
    """Wake-ups for readers of the event log, and ephemeral progress. May lose anything."""

    def wake(self, task_ids: Sequence[str]) -> None: ...

    def publish(self, task_id: str, ephemeral: Mapping[str, Any]) -> None:
        """Show it to who listens now. What JSON cannot carry stays in this process."""
        ...

    def listen(self, task_id: str | None) -> AbstractAsyncContextManager["Listener"]:
        """Wake-ups of one task, or of all. Listening starts before the block is entered."""
        ...

    async def ping(self) -> bool:
        """Whether the server answers within 2 s."""
        ...


class Listener(Protocol):
    async def wait(self, timeout_s: float) -> bool:
        """True at the next wake-up, False after the time-out. A wake-up since the last call counts."""
        ...

    def take_ephemeral(self) -> list[Mapping[str, Any]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMessage:
    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One question to a model.

    Attributes:
        agent: whose question it is; picks `LLM_MODEL_<AGENT>`.
        schema: JSON Schema that the answer must satisfy, or None for plain text.
        max_output_tokens: also what the budget reserves.
    """

    agent: str
    messages: tuple[ModelMessage, ...]
    schema: Mapping[str, Any] | None = None
    max_output_tokens: int = 2048
    temperature: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReply:
    """The answer. `data` is the validated object when a schema was asked for.

    `is_cached`: an earlier answer to the same question; it costs nothing.
    """

    text: str
    data: Any = None
    model: str = ""
    cost: Cost = field(default_factory=Cost)
    is_cached: bool = False


class BudgetGuard(Protocol):
    """Asked before every call on the wire, told after it."""

    async def reserve(self, *, tokens: int, cost: float) -> str:
        """Commit a reservation and return its id. Raises BudgetExceeded."""
        ...

    async def settle(self, reservation: str, spent: Cost) -> None: ...


class EffectLedger(Protocol):
    """What tools did to the world, one row per call, bound to a task and its epoch."""

    async def claim(self, key: str, tool: str) -> tuple[str, Any]:
        """`("claimed", None)`, `("done", result)`, or `("orphan", None)` after a crash mid-call."""
        ...

    async def settle(self, key: str, *, state: str, result: Any) -> None: ...


class Model(Protocol):
    """Access to language models with structure, fallback, retries and deadlines inside.

    Raises ModelUnavailable, ModelAnswerInvalid, BudgetExceeded.
    """

    async def complete(
        self,
        request: ModelRequest,
        *,
        budget: BudgetGuard,
        on_delta: Callable[[str], None] | None = None,
    ) -> ModelReply: ...


class Cache(Protocol):
    """Values that can be had again at a price. May forget anything at any time, and never raises.

    Keys begin with their kind (`model:…`) and hold whatever separates tenants; who reads checks
    what it gets. Values beyond 1 MiB are not kept.
    """

    async def get(self, key: str) -> bytes | None: ...

    async def put(self, key: str, value: bytes, *, ttl_s: float | None = None) -> None:
        """Keep it for `ttl_s` seconds, or for CACHE_TTL."""
        ...

    async def ping(self) -> bool:
        """Whether the server answers within 2 s."""
        ...


class Sessions(Protocol):
    """Who is logged in: a value for the hash of an opaque token, until its time is over.

    The token itself never comes here. When the server is away `get` raises DependencyUnavailable, for
    nobody is logged out by an outage; the others give False.
    """

    async def create(self, token_hash: str, value: bytes, *, ttl_s: float) -> bool:
        """Keep it for `ttl_s` seconds; False if it is not kept, or the hash is taken."""
        ...

    async def get(self, token_hash: str) -> bytes | None: ...

    async def touch(self, token_hash: str, *, ttl_s: float) -> bool:
        """From now on it lasts `ttl_s` seconds; False if there is no such session."""
        ...

    async def delete(self, token_hash: str) -> bool:
        """End it; returns whether the server did, True also where there was none."""
        ...

    async def ping(self) -> bool:
        """Whether the server answers within 2 s."""
        ...


class RateLimits(Protocol):
    """How often somebody may ask."""

    async def take(self, limit: str, *who: str) -> float:
        """Count one request.

        Args:
            limit: such as `10/minute`.
            who: whose requests are counted together.

        Returns:
            0 if it is within the limit, else the seconds until another one is.
        """
        ...


class SkillRunner(Protocol):
    """Runs a pure function on files in a killable child process.

    Cancelling the call kills the child before it raises. Raises SkillFailed, InputUnreadable,
    InputUnsafe, LimitExceeded.
    """

    async def run(
        self, skill: str, params: Mapping[str, Any], *, deadline_s: float | None = None
    ) -> Mapping[str, Any]: ...
