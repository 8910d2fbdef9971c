"""The only place where an outgoing connection is opened: look up, check, connect to what was checked.

Hides DNS. Caller: `client`, as httpcore's network backend. Invariant: the address that is connected to is
one that the policy has just admitted; a name is looked up once for it, so a second answer helps nobody.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from ipaddress import ip_address
from typing import Any
from weakref import WeakValueDictionary

import httpcore

from langgraph_multi_agent.domain.errors import OutgoingFailed, OutgoingRefused
from langgraph_multi_agent.outgoing.address import IPAddress, canonical_host, ip_of
from langgraph_multi_agent.outgoing.policy import OutgoingPolicy

LOOK_UPS = 64
LOOK_UPS_EACH = 2
"""Of these, how many one caller may hold; the system ends a look-up late, long after it was given up."""
MAX_TRIED = 4
"""Addresses of one name that are tried one after the other."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a name, best first. Raises OSError."""

whose: ContextVar[str] = ContextVar("whose", default="")
"""Whose look-up it is; those of nobody in particular are bounded only together with all others."""


class SystemNames:
    """Look-ups by the system, in threads of their own: slow ones must not hold up anybody else's."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOK_UPS, thread_name_prefix="outgoing-names")
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        caller, loop = whose.get(), asyncio.get_running_loop()
        turn = self._turns.get(caller)
        if turn is None:
            turn = self._turns[caller] = asyncio.Semaphore(LOOK_UPS_EACH if caller else LOOK_UPS)
        await turn.acquire()
        try:
            look_up = self._threads.submit(_look_up, host, port)
        except BaseException:
            turn.release()
            raise

        def ended(_: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended before the system gave up
                loop.call_soon_threadsafe(turn.release)

        # By the thread's end, not by its caller's: a look-up that nobody waits for still takes a thread.
        look_up.add_done_callback(ended)
        found = await asyncio.wrap_future(look_up)
        return [str(entry[4][0]) for entry in found]

    def close(self) -> None:
        """Take no more; look-ups under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int) -> list[tuple[Any, ...]]:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP))


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects to admitted addresses only.

    Args:
        connector: opens the connection to an IP address.
    """

    def __init__(
        self, policy: OutgoingPolicy, *, resolve: Resolve, connector: httpcore.AsyncNetworkBackend
    ) -> None:
        self._policy, self._resolve, self._connector = policy, resolve, connector

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """See the class.

        Raises:
            OutgoingOff, OutgoingRefused, OutgoingFailed.
        """
        name = canonical_host(host)
        self._policy.admit_host(name, port)
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._admitted(name, port)
                return await self._connected(name, addresses, port, timeout, socket_options)
        except TimeoutError as error:
            raise OutgoingFailed(host=name, reason="timeout") from error

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise OutgoingRefused(host="", reason="scheme")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _admitted(self, host: str, port: int) -> list[IPAddress]:
        """Every address of the host, or none: a name that also leads inside is not trusted outside."""
        ip = ip_of(host)
        if ip is not None:
            return [ip]
        try:
            found = await self._resolve(host, port)
            addresses = list(dict.fromkeys(ip_address(text.partition("%")[0]) for text in found))
        except (OSError, ValueError) as error:
            raise OutgoingFailed(host=host, reason="unresolved") from error
        if not addresses:
            raise OutgoingFailed(host=host, reason="unresolved")
        for address in addresses:
            self._policy.admit(host, address)
        return addresses[:MAX_TRIED]

    async def _connected(
        self,
        host: str,
        addresses: Sequence[IPAddress],
        port: int,
        timeout_s: float | None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None,
    ) -> httpcore.AsyncNetworkStream:
        share = None if timeout_s is None else timeout_s / len(addresses)
        reason = "unreachable"
        for address in addresses:
            try:
                return await self._connector.connect_tcp(
                    str(address), port, timeout=share, socket_options=socket_options
                )
            except httpcore.ConnectTimeout:
                reason = "timeout"
            except httpcore.ConnectError:
                continue
        raise OutgoingFailed(host=host, reason=reason)
