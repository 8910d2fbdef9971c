"""Live connections end when the credential that opened them does.

Hides how often credentials are looked at again: one look for each distinct one, by one asyncio task
for all connections of the process. Caller: `gate`. Invariant: what was revoked, disabled, changed or
logged out holds no connection for longer than LOOK_EVERY_S and the look itself, on every replica.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import structlog

from langgraph_multi_agent.access.policy import Principal
from langgraph_multi_agent.domain.errors import (
    AuthenticationRequired,
    CrossSiteRequest,
    Fault,
    TooManyRequests,
)

LOOK_EVERY_S = 3.0
LOOKS_AT_ONCE = 32
MAX_CONNECTIONS = 500
"""Of one principal in one process."""

log = structlog.get_logger(__name__)

Look = Callable[[], Awaitable[Principal]]
"""Whose credential it is now. Raises AuthenticationRequired: nobody's any more."""
End = Callable[[], None]


class _Live:
    """The connections of one credential: how to look at it and how to end each."""

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self.connections: dict[object, tuple[Look, End]] = {}


class Revocation:
    """The live connections of one process. Use from one event loop only."""

    def __init__(self, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._look_every_s = look_every_s
        self._live: dict[tuple[str, Principal], _Live] = {}
        self._looking: asyncio.Task[None] | None = None

    def require_room(self, principal: Principal) -> None:
        """Raises TooManyRequests: this principal has MAX_CONNECTIONS already."""
        count = sum(
            len(live.connections) for (_, whose), live in self._live.items() if whose.id == principal.id
        )
        if count >= MAX_CONNECTIONS:
            raise TooManyRequests(allowed=str(MAX_CONNECTIONS), retry_after_s=30)

    @contextmanager
    def watching(self, credential: str, principal: Principal, look: Look, end: End) -> Iterator[None]:
        """Call `end` once if the credential ends, or becomes another principal's, within the block.

        Args:
            credential: tells it apart from others; those that have the same one share the look.
        """
        name, mark = (credential, principal), object()
        live = self._live.setdefault(name, _Live(principal))
        live.connections[mark] = look, end
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_on(), name="revocation")
        try:
            yield
        finally:
            live.connections.pop(mark, None)
            if not live.connections and self._live.get(name) is live:
                del self._live[name]
            if not self._live and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    async def _look_on(self) -> None:
        loop, took_s = asyncio.get_running_loop(), 0.0
        while True:
            await asyncio.sleep(max(0.0, self._look_every_s - took_s))
            began = loop.time()
            await self.look()
            took_s = loop.time() - began

    async def look(self) -> None:
        """Look at every credential now."""
        turn = asyncio.Semaphore(LOOKS_AT_ONCE)

        async def one(name: tuple[str, Principal], live: _Live) -> None:
            async with turn:
                if await _is_over(live):
                    self._live.pop(name, None)
                    for _, end in tuple(live.connections.values()):
                        end()

        await asyncio.gather(*(one(name, live) for name, live in tuple(self._live.items())))


async def _is_over(live: _Live) -> bool:
    """Whether the credential of these connections is not what it was."""
    look, _ = next(iter(live.connections.values()), (None, None))
    if look is None:
        return False
    try:
        if await look() == live.principal:
            return False
        reason = "changed"
    except (AuthenticationRequired, CrossSiteRequest) as fault:
        reason = str(fault.params.get("reason", fault.code))
    except Fault:  # where credentials are does not answer: nobody is thrown out by an outage
        return False
    except Exception as error:  # the other credentials are looked at all the same
        log.error("access.look_failed", exc_info=error)
        return False
    log.info("access.ended", reason=reason, principal=live.principal.id, connections=len(live.connections))
    return True
