"""One WebSocket's way out: frames in one client's language, sent one at a time.

Hides who else waits to send, and what a server raises for a client that left. Callers: `ws` and
`subscriptions`. Invariant: nothing is kept for a client that takes nothing; after the send deadline
its connection ends.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from langgraph_multi_agent.api.context import Services
from langgraph_multi_agent.domain.errors import Fault
from langgraph_multi_agent.i18n import text
from langgraph_multi_agent.i18n.errors import describe
from langgraph_multi_agent.telemetry.redaction import without_secrets

CLOSE_DEADLINE_S = 10.0
"""How long a slow client gets to take what is on the wire and read why it is closed."""
GONE = (WebSocketDisconnect, RuntimeError, OSError)
"""What sending to a client that left may raise, by server and moment."""


class SlowClient(Exception):
    """The client took nothing for the whole send deadline."""


class ClientGone(Exception):
    """The client left while a frame was on its way to it; reading tells so too."""


class Wire:
    """The sending side of one connection.

    Attributes:
        language: `zh` or `en`, of every word that is sent.
        life: to be entered around the whole connection; it ends when the client proves too slow or
            must go.
        is_slow: whether it did.
        is_refused: whether the client must go.
    """

    __slots__ = ("_services", "_turn", "_websocket", "is_refused", "is_slow", "language", "life")

    def __init__(self, websocket: WebSocket, services: Services, language: str) -> None:
        self._websocket, self._services, self.language = websocket, services, language
        self._turn, self.life, self.is_slow = asyncio.Lock(), asyncio.timeout(None), False
        self.is_refused = False

    def text(self, key: str, **params: Any) -> str:
        return text(key, self.language, **params)

    async def send(self, kind: str, data: Mapping[str, Any] | None, *, message: str, **more: Any) -> None:
        """Send a frame of the contract's form. Raises what `put` raises."""
        shown = {} if data is None else {"data": data}
        now = self._services.clock.now()
        await self.put(encoded({"type": kind, **shown, "message": message, **more, "timestamp": now}))

    async def refuse(self, key: str, *, task_id: str | None = None, **params: Any) -> None:
        """An `error` frame; the connection stays.

        Args:
            key: of the text that `params` fill.
            task_id: of the task that was asked about, so that the client knows which question failed.
        """
        named = {} if task_id is None else {"task_id": task_id}
        await self.send("error", None, message=self.text(key, **params), error=True, **named)

    async def refuse_fault(self, fault: Fault, *, task_id: Any) -> None:
        """An `error` frame with the fault's code and words."""
        errors = [without_secrets(item) for item in fault.errors]
        detail = describe(fault.code, without_secrets(fault.params), self.language, errors=errors).detail
        await self.send("error", None, message=detail, error=True, error_code=fault.code, task_id=task_id)

    async def put(self, frame: str) -> None:
        """Send a frame when those before it are on their way.

        Raises:
            SlowClient: it could not be sent within the send deadline; the connection ends.
            ClientGone: nobody is there to take it.
        """
        try:
            async with asyncio.timeout(self._services.stream_limits.send_deadline_s), self._turn:
                await self._websocket.send_text(frame)
        except TimeoutError:
            self._end_slow()
            raise SlowClient from None
        except GONE:
            raise ClientGone from None

    async def close(self, code: int, reason: str = "") -> None:
        """Close what is open, within CLOSE_DEADLINE_S."""
        if self._websocket.client_state is WebSocketState.CONNECTED:
            with suppress(TimeoutError, *GONE):
                async with asyncio.timeout(CLOSE_DEADLINE_S):
                    await self._websocket.close(code, reason)

    def end_refused(self) -> None:
        """End a connection whose client may not be here any more."""
        self.is_refused = True
        self._end()

    def _end_slow(self) -> None:
        if not self.is_slow:
            self.is_slow = True
            self._end()

    def _end(self) -> None:
        if not self.life.expired():
            self.life.reschedule(asyncio.get_running_loop().time())


def encoded(frame: Mapping[str, Any]) -> str:
    return orjson.dumps(frame, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS).decode()
