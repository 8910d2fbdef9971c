"""A TCP proxy whose line can go bad while a test runs: silent, cut, slow, and good again.

It hides an event loop on a thread of its own, so that it works for tests and for processes that
block. Put between a worker and PostgreSQL or Redis. What a fault holds back is delivered when it
heals, in order, as TCP would; only `cut` loses bytes.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal, Self, TypeVar

from tests.support.servers import free_port

Direction = Literal["requests", "answers"]
"""`requests` flow from the client to the target, `answers` back."""

_CHUNK_BYTES: Final = 64 * 1024
_HELD_CHUNKS: Final = 256
_CALL_TIMEOUT_S: Final = 60.0
_RESET: Final = struct.pack("ii", 1, 0)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What went through since the start; bytes count when they are passed on."""

    accepted: int
    open: int
    request_bytes: int
    answer_bytes: int


class TcpProxy:
    """Listens on a free port of 127.0.0.1 and forwards to `target`.

    Every method may be called from any thread and returns when the change holds.
    `target` may be assigned; connections that come later go there.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.address: Final = ("127.0.0.1", free_port())
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tcp-proxy", daemon=True)
        self._listening: socket.socket | None = None
        self._links: set[asyncio.Task[None]] = set()
        self._ends: set[asyncio.StreamWriter] = set()
        self._gates: dict[Direction, asyncio.Event] = {
            "requests": asyncio.Event(),
            "answers": asyncio.Event(),
        }
        self._delay_s = 0.0
        self._accepted = 0
        self._bytes: dict[Direction, int] = {"requests": 0, "answers": 0}

    @property
    def host(self) -> str:
        return self.address[0]

    @property
    def port(self) -> int:
        return self.address[1]

    def start(self) -> Self:
        if not self._thread.is_alive():
            self._thread.start()
            self._call(self._heal())
        return self

    def close(self) -> None:
        """Cut everything and end the thread. For good."""
        if not self._thread.is_alive():
            return
        self._call(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def pause(self, *directions: Direction) -> None:
        """A black hole: connections are accepted and kept, nothing passes, not even their end.

        Args:
            directions: both if none is named. With only "answers", a COMMIT arrives and its
                confirmation does not.
        """
        self._call(self._pause(directions or ("requests", "answers")))

    def cut(self) -> None:
        """Reset every connection (RST to both sides) and refuse new ones."""
        self._call(self._cut())

    def delay(self, seconds: float) -> None:
        """Everything arrives that much later, each way; the throughput stays."""
        self._call(self._set_delay(seconds))

    def heal(self) -> None:
        """A good line again: no pause, no delay, new connections are accepted."""
        self._call(self._heal())

    def traffic(self) -> Traffic:
        return Traffic(
            accepted=self._accepted,
            open=len(self._links),
            request_bytes=self._bytes["requests"],
            answer_bytes=self._bytes["answers"],
        )

    def _call(self, change: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(change, self._loop).result(_CALL_TIMEOUT_S)

    async def _pause(self, directions: tuple[Direction, ...]) -> None:
        for direction in directions:
            self._gates[direction].clear()

    async def _set_delay(self, seconds: float) -> None:
        self._delay_s = seconds

    async def _heal(self) -> None:
        self._delay_s = 0.0
        for gate in self._gates.values():
            gate.set()
        if self._listening is None:
            self._listening = socket.create_server(self.address, backlog=1024)
            self._listening.setblocking(False)
            self._loop.add_reader(self._listening, self._accept, self._listening)

    async def _cut(self) -> None:
        if self._listening is not None:
            self._loop.remove_reader(self._listening)
            self._listening.close()
            self._listening = None
        for writer in self._ends:
            _reset(writer)
        links = tuple(self._links)
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)

    async def _shut(self) -> None:
        await self._cut()
        await asyncio.sleep(0)  # lets the transports close their sockets

    def _accept(self, listening: socket.socket) -> None:
        """By hand: asyncio's server loses connections that come in while it is closed (its sockets are left open)."""
        try:
            near, _ = listening.accept()
        except OSError:  # gone again
            return
        near.setblocking(False)
        self._accepted += 1
        ends: list[asyncio.StreamWriter] = []
        link = self._loop.create_task(self._link(near, ends))
        self._links.add(link)

        def over(link: asyncio.Task[None]) -> None:
            self._links.discard(link)
            if not ends:  # cut before its first step, so nobody else closes it
                with suppress(OSError):  # or its transport has
                    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                near.close()

        link.add_done_callback(over)

    async def _link(self, near: socket.socket, ends: list[asyncio.StreamWriter]) -> None:
        reader, writer = await asyncio.open_connection(sock=near, limit=_CHUNK_BYTES)
        ends.append(writer)
        self._ends.add(writer)
        try:
            try:
                far_reader, far_writer = await asyncio.open_connection(*self.target, limit=_CHUNK_BYTES)
            except OSError:
                await self._gates["answers"].wait()
                _reset(writer)
                return
            ends.append(far_writer)
            self._ends.add(far_writer)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry("requests", reader, far_writer))
                group.create_task(self._carry("answers", far_reader, writer))
        except* (OSError, EOFError):
            for end in ends:
                _reset(end)
        finally:
            for end in ends:
                self._ends.discard(end)
                end.close()

    async def _carry(
        self, direction: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """One direction: read at once, pass on when due. b"" is the end of the stream, None its reset."""
        loop = asyncio.get_running_loop()
        held: asyncio.Queue[tuple[float, bytes | None]] = asyncio.Queue(_HELD_CHUNKS)

        async def take() -> None:
            data: bytes | None = b" "
            while data:
                try:
                    data = await reader.read(_CHUNK_BYTES)
                except OSError:
                    data = None
                await held.put((loop.time() + self._delay_s, data))

        taking = loop.create_task(take())
        try:
            data: bytes | None = b" "
            while data:
                due, data = await held.get()
                if due > loop.time():
                    await asyncio.sleep(due - loop.time())
                await self._gates[direction].wait()
                if data is None:
                    raise ConnectionResetError
                if data:
                    self._bytes[direction] += len(data)
                    writer.write(data)
                    await writer.drain()
                elif not writer.is_closing():
                    writer.write_eof()
        finally:
            taking.cancel()
            with suppress(asyncio.CancelledError):
                await taking


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST: nothing that waits in the socket is still sent."""
    if (plain := writer.get_extra_info("socket")) is not None:
        with suppress(OSError):
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
