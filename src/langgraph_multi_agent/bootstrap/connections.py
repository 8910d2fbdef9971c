"""HTTP connections of clients that are slow, on purpose or not.

Hides what uvicorn leaves open for ever: a head that never ends or never stops growing, the rest of a
body that nobody reads any more, trailers, an answer that nobody takes. Caller: `serving`. Invariant: a
connection on which nothing useful moves is closed after a bounded time, and costs bounded memory till then.
WebSockets leave here with their upgrade; `api.subscriptions` bounds those, `api.patience` bodies.
"""

import asyncio
import contextlib
import fcntl
import struct
import termios
from asyncio import TimerHandle
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_S = 20.0
"""From the connection's or the next request's first byte to the end of its head."""
REST_S = 20.0
"""For what is left of a body after its answer."""
TAKE_S = 300.0
"""How long a client may take nothing of an answer. Its own system takes for it, and tells of room by large
steps: at 2 kB/s one step may be minutes."""
MAX_HEAD_BYTES = 64 * 1024
"""Of a head, and of whatever else comes between two pieces of body: trailers, chunk sizes."""

log = structlog.get_logger(__name__)

_REFUSED = "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's protocol with an end to every wait for the client."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._is_in_head = self._is_whole = self._has_body = False
        self._head_bytes = self._untaken_bytes = 0
        self._reading: TimerHandle | None = None
        self._taking: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_client("head", HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._stop_watching()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._has_body = False
        super().data_received(data)
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return
        if not self._is_whole and not self._has_body:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse("431 Request Header Fields Too Large", "head_too_large")
                return
        if self._reading is None and self._is_answered:
            self._wait_for_client("head", HEAD_S)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head, self._is_whole, self._head_bytes = True, False, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_in_head:  # trailers come here, too, and nobody asks for them
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        self._has_body, self._head_bytes = True, 0
        super().on_body(body)

    def on_headers_complete(self) -> None:
        self._is_in_head, self._head_bytes = False, 0
        self._stop_waiting()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._is_whole = True
        self._stop_waiting()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._is_answered and not self._is_whole:
            if self._is_in_head:
                self._wait_for_client("head", HEAD_S)
            else:
                self._wait_for_client("rest", REST_S)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        self._stop_watching()
        super().resume_writing()

    @property
    def _is_answered(self) -> bool:
        """Nothing is under way here."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _wait_for_client(self, part: str, seconds: float) -> None:
        self._stop_waiting()
        self._reading = self.loop.call_later(seconds, self._refuse, "408 Request Timeout", f"{part}_too_slow")

    def _stop_waiting(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _refuse(self, status: str, reason: str) -> None:
        """Close, with a word of why to a client that has begun to ask and was not answered yet."""
        self._stop_waiting()
        if self.transport.is_closing():
            return
        if self._is_in_head and self._is_answered:
            log.info("http.closed", reason=reason, client=self.client[0] if self.client else None)
            self.transport.write(_REFUSED.format(status=status).encode())
        self.transport.close()

    def _watch(self) -> None:
        self._untaken_bytes = self._untaken()
        self._taking = self.loop.call_later(TAKE_S, self._look)

    def _stop_watching(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _look(self) -> None:
        """Nothing is added while writing is paused, so what is gone was taken."""
        if self._untaken() < self._untaken_bytes:
            self._watch()
            return
        self._taking = None
        log.info("http.closed", reason="answer_not_taken", client=self.client[0] if self.client else None)
        self.transport.abort()

    def _untaken(self) -> int:
        """Bytes that the client's side has not confirmed: ours and those in the kernel's queue (tcp(7), SIOCOUTQ)."""
        queued = 0
        with contextlib.suppress(OSError):
            answer = fcntl.ioctl(self.transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
            [queued] = struct.unpack("i", answer)
        return int(self.transport.get_write_buffer_size()) + int(queued)
