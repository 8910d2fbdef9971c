"""The WebSocket: JSON text frames of the MVP2 contract, live and with replay.

Hides one asyncio task for each connection, one more for each subscription, and none for what is
idle, and what each kind of frame needs of who sends it. Invariant: a question is read when the one
before it is answered or, where answers may take long, noted once; so a client that asks faster than it
is answered costs no memory. One that takes nothing for the send deadline is closed with 1013 and can
resume; one whose credential ends is closed with 1008.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from fastapi import APIRouter
from starlette.websockets import WebSocket

from langgraph_multi_agent.access.policy import LOCAL, Permission
from langgraph_multi_agent.api.auth.gate import require_room, while_valid
from langgraph_multi_agent.api.auth.rules import KNOWN, Rule, let_in, require, within
from langgraph_multi_agent.api.context import (
    Services,
    language_of_connection,
    principal_of,
    scope_of,
    services_of,
)
from langgraph_multi_agent.api.mvp2.status import system_status
from langgraph_multi_agent.api.origins import is_allowed_origin
from langgraph_multi_agent.api.problems import problem
from langgraph_multi_agent.api.subscriptions import Subscriptions, record
from langgraph_multi_agent.api.wire import ClientGone, SlowClient, Wire
from langgraph_multi_agent.domain.errors import Fault
from langgraph_multi_agent.domain.event import position_of
from langgraph_multi_agent.i18n import LANGUAGES
from langgraph_multi_agent.telemetry.logs import SERVICE_NAME

router = APIRouter()
log = structlog.get_logger(__name__)

POLICY_VIOLATION = 1008
TRY_AGAIN_LATER = 1013


class BadField(Exception):
    """A field of a client's frame that does not fit."""


@router.websocket("/ws")
@router.websocket("/api/v1/mvp2/ws")
async def serve_socket(websocket: WebSocket) -> None:
    services = services_of(websocket)
    try:
        await let_in(websocket, KNOWN)
        require_room(websocket)
    except Fault as fault:
        await websocket.send_denial_response(problem(fault, websocket))
        return
    origin, host = websocket.headers.get("origin"), websocket.headers.get("host")
    if not is_allowed_origin(origin, host, services.settings.cors_origins):
        log.warning("ws.refused", reason="origin", origin=origin)
        await websocket.close(POLICY_VIOLATION)
        return
    await websocket.accept()
    services.metrics.websockets.inc()
    opened = services.clock.monotonic()
    try:
        await Connection(websocket, services).serve()
    finally:
        services.metrics.websockets.dec()
        log.info("ws.closed", route="/ws", duration_s=round(services.clock.monotonic() - opened, 3))


def language_of_socket(websocket: WebSocket) -> str:
    """`?language=`, which a page can choose, before Accept-Language, which only its browser can."""
    wanted = websocket.query_params.get("language")
    return wanted if wanted in LANGUAGES else language_of_connection(websocket)


class Connection:
    """One client."""

    __slots__ = (
        "_beat",
        "_beating",
        "_is_status_wanted",
        "_limits",
        "_services",
        "_status",
        "_subscriptions",
        "_websocket",
        "_wire",
    )

    def __init__(self, websocket: WebSocket, services: Services) -> None:
        self._websocket, self._services = websocket, services
        self._limits = services.stream_limits
        self._wire = Wire(websocket, services, language_of_socket(websocket))
        self._subscriptions = Subscriptions(self._wire, services, scope_of(websocket))
        self._beat: asyncio.TimerHandle | None = None
        self._beating: asyncio.Task[None] | None = None
        self._status: asyncio.Task[None] | None = None
        self._is_status_wanted = False

    async def serve(self) -> None:
        """Until the client leaves or proves too slow."""
        wire, data = self._wire, {"service": SERVICE_NAME, "version": self._services.version}
        try:
            async with wire.life:
                with while_valid(self._websocket, wire.end_refused):
                    await wire.send("system_notification", data, message=wire.text("frame.connected"))
                    self._wait_to_beat()
                    await self._read()
        except (TimeoutError, SlowClient):
            if not (wire.is_slow or wire.is_refused):
                raise
        except ClientGone:
            pass  # a frame met the end before the reader did
        finally:
            if self._beat is not None:
                self._beat.cancel()
            rest = [task for task in (self._beating, self._status) if task is not None]
            for task in rest:
                task.cancel()
            await self._subscriptions.end()
            if rest:
                await asyncio.wait(rest)
        if wire.is_refused:
            await wire.close(POLICY_VIOLATION, wire.text("frame.access_ended"))
        elif wire.is_slow:
            log.warning("ws.slow")
            await wire.close(TRY_AGAIN_LATER)

    async def _read(self) -> None:
        while True:
            received = await self._websocket.receive()
            if received["type"] == "websocket.disconnect":
                return
            raw = received.get("text")
            raw = received.get("bytes") or b"" if raw is None else raw
            if len(raw) > self._limits.frame_bytes:
                await self._wire.refuse("frame.too_large", limit=self._limits.frame_bytes)
                continue
            try:
                message = orjson.loads(raw)
            except orjson.JSONDecodeError:
                message = None
            if isinstance(message, dict):
                await self._act(message)
            else:
                await self._wire.refuse("frame.bad_json")

    def _wait_to_beat(self) -> None:
        self._beat = asyncio.get_running_loop().call_later(self._limits.heartbeat_s, self._start_beat)

    def _start_beat(self) -> None:
        self._beating = asyncio.create_task(self._heartbeat(), name="ws-heartbeat")

    async def _heartbeat(self) -> None:
        with suppress(SlowClient, ClientGone):
            await self._wire.send("heartbeat", {}, message=self._wire.text("frame.heartbeat"))
            self._beating = None
            self._wait_to_beat()

    async def _act(self, message: Mapping[str, Any]) -> None:
        kind = message.get("type")
        frame = FRAMES.get(kind) if isinstance(kind, str) else None
        if frame is None:
            await self._wire.refuse("frame.unknown_type", kind=str(kind)[:40])
            return
        task_id = message.get("task_id")
        try:
            principal = principal_of(self._websocket)
            if isinstance(frame.rule, Permission):
                require(principal, frame.rule)
                if principal is not LOCAL:  # a frame is a request
                    await within(self._websocket, self._services.settings.rate_limit, "request", principal.id)
            await frame.act(self, message)
        except BadField as error:
            named = task_id if isinstance(task_id, str) else None
            await self._wire.refuse("frame.bad_field", task_id=named, field=str(error))
        except Fault as fault:
            await self._wire.refuse_fault(fault, task_id=task_id)

    async def _pong(self, message: Mapping[str, Any]) -> None:
        await self._wire.send("pong", {}, message="pong", original_message=message)

    async def _want_status(self, _message: Mapping[str, Any]) -> None:
        self._is_status_wanted = True
        if self._status is None or self._status.done():
            self._status = asyncio.create_task(self._tell_status(), name="ws-status")
            self._status.add_done_callback(_record_end)

    async def _tell_status(self) -> None:
        """Answer at once; what is asked within the pause after it has one answer together."""
        while self._is_status_wanted:
            self._is_status_wanted = False
            try:
                data = await system_status(self._websocket, self._services)
                await self._wire.send("status_response", data, message=self._wire.text("frame.status"))
            except Fault as fault:
                await self._wire.refuse_fault(fault, task_id=None)
            await asyncio.sleep(self._limits.status_pause_s)

    async def _subscribe_chat(self, _message: Mapping[str, Any]) -> None:
        await self._subscriptions.to_chat()

    async def _subscribe_agents(self, _message: Mapping[str, Any]) -> None:
        await self._subscriptions.to_agents()

    async def _subscribe_tasks(self, message: Mapping[str, Any]) -> None:
        task_id, cursor = message.get("task_id"), message.get("cursor")
        if isinstance(task_id, str):
            await self._subscriptions.to_task(task_id, _number(message, "after_event_id"))
        elif task_id is not None:
            raise BadField("task_id")
        elif cursor is None:
            await self._subscriptions.to_all_tasks(None)
        elif isinstance(cursor, str):
            position_of(cursor)
            await self._subscriptions.to_all_tasks(cursor)
        else:
            raise BadField("cursor")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFrame:
    """A kind of frame that a client may send: what it needs and what it does."""

    rule: Rule
    act: Callable[[Connection, Mapping[str, Any]], Awaitable[None]]


FRAMES: Mapping[str, ClientFrame] = {
    "ping": ClientFrame(rule=KNOWN, act=Connection._pong),
    "task_subscribe": ClientFrame(rule=Permission.TASKS_READ, act=Connection._subscribe_tasks),
    "chat_subscribe": ClientFrame(rule=Permission.CHAT, act=Connection._subscribe_chat),
    "agent_subscribe": ClientFrame(rule=Permission.SYSTEM_READ, act=Connection._subscribe_agents),
    "get_status": ClientFrame(rule=Permission.SYSTEM_READ, act=Connection._want_status),
}
"""By `type`. What is not here is no frame of ours."""


def _record_end(done: "asyncio.Task[None]") -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        record(error)


def _number(message: Mapping[str, Any], field: str) -> int | None:
    """An optional whole number, also as text. Raises BadField."""
    value = message.get(field)
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 19:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53:
        return value
    raise BadField(field)
