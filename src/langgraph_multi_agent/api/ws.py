"""The WebSocket: JSON text frames of the MVP2 contract, live and with replay.

Hides one asyncio task for each connection, one more for each subscription, and none for what is
idle. Invariant: a subscriber gets every durable event once and in order, from the `event_id` or
`cursor` it names. Followers pull from the log and send for themselves, one frame at a time, so a
slow client costs no memory; one that takes nothing for the send deadline is closed with 1013 and
can resume.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any

import orjson
import structlog
from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from langgraph_multi_agent.api.context import Services, language_of_connection, scope_of, services_of
from langgraph_multi_agent.api.mvp2.shapes import frame_data, frame_type, task_object
from langgraph_multi_agent.api.mvp2.status import system_status
from langgraph_multi_agent.api.origins import is_allowed_origin
from langgraph_multi_agent.api.shapes import agent_shape
from langgraph_multi_agent.domain.errors import Fault, TaskNotFound
from langgraph_multi_agent.domain.event import Event, position_of
from langgraph_multi_agent.domain.task import Task
from langgraph_multi_agent.i18n import text
from langgraph_multi_agent.i18n.errors import describe
from langgraph_multi_agent.service.agents import AgentStatus
from langgraph_multi_agent.service.streams import StreamItem
from langgraph_multi_agent.telemetry.logs import SERVICE_NAME

router = APIRouter()
log = structlog.get_logger(__name__)

POLICY_VIOLATION = 1008
TRY_AGAIN_LATER = 1013
CLOSE_DEADLINE_S = 10.0
"""How long a slow client gets to take what is on the wire and read why it is closed."""
AGENT_PAUSE_S = 0.25
"""Changes of agents within this time go out together."""
GONE = (WebSocketDisconnect, RuntimeError, OSError)
"""What sending to a client that left may raise, by server and moment."""
ALL_TASKS, AGENTS, CHAT = "*tasks", "*agents", "*chat"


class SlowClient(Exception):
    """The client took nothing for the whole send deadline."""


class ClientGone(Exception):
    """The client left while a frame was on its way to it; reading tells so too."""


class BadField(Exception):
    """A field of a client's frame that does not fit."""


@router.websocket("/ws")
@router.websocket("/api/v1/mvp2/ws")
async def serve_socket(websocket: WebSocket) -> None:
    services = services_of(websocket)
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


class Connection:
    """One client."""

    __slots__ = (
        "_beat",
        "_beating",
        "_followed_from",
        "_followers",
        "_is_slow",
        "_language",
        "_life",
        "_limits",
        "_scope",
        "_services",
        "_turn",
        "_websocket",
    )

    def __init__(self, websocket: WebSocket, services: Services) -> None:
        self._websocket, self._services = websocket, services
        self._scope, self._language = scope_of(websocket), language_of_connection(websocket)
        self._limits = services.stream_limits
        self._followers: dict[str, asyncio.Task[None]] = {}
        self._followed_from: dict[str, int] = {}
        self._turn, self._life = asyncio.Lock(), asyncio.timeout(None)
        self._is_slow = False
        self._beat: asyncio.TimerHandle | None = None
        self._beating: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Until the client leaves or proves too slow."""
        data = {"service": SERVICE_NAME, "version": self._services.version}
        try:
            async with self._life:
                await self._send("system_notification", data, message=self._text("frame.connected"))
                self._wait_to_beat()
                await self._read()
        except (TimeoutError, SlowClient):
            if not self._is_slow:
                raise
        except ClientGone:
            pass  # a frame met the end before the reader did
        finally:
            if self._beat is not None:
                self._beat.cancel()
            rest = [*self._followers.values(), *([self._beating] if self._beating is not None else [])]
            for task in rest:
                task.cancel()
            if rest:
                await asyncio.wait(rest)
        if self._is_slow:
            log.warning("ws.slow")
            await self._close(TRY_AGAIN_LATER)

    async def _close(self, code: int) -> None:
        if self._websocket.client_state is WebSocketState.CONNECTED:
            with suppress(TimeoutError, *GONE):
                async with asyncio.timeout(CLOSE_DEADLINE_S):
                    await self._websocket.close(code)

    async def _read(self) -> None:
        while True:
            received = await self._websocket.receive()
            if received["type"] == "websocket.disconnect":
                return
            raw = received.get("text")
            raw = received.get("bytes") or b"" if raw is None else raw
            if len(raw) > self._limits.frame_bytes:
                await self._refuse("frame.too_large", limit=self._limits.frame_bytes)
                continue
            try:
                message = orjson.loads(raw)
            except orjson.JSONDecodeError:
                message = None
            if isinstance(message, dict):
                await self._act(message)
            else:
                await self._refuse("frame.bad_json")

    def _wait_to_beat(self) -> None:
        self._beat = asyncio.get_running_loop().call_later(self._limits.heartbeat_s, self._start_beat)

    def _start_beat(self) -> None:
        self._beating = asyncio.create_task(self._heartbeat(), name="ws-heartbeat")

    async def _heartbeat(self) -> None:
        with suppress(SlowClient, ClientGone):
            await self._send("heartbeat", {}, message=self._text("frame.heartbeat"))
            self._beating = None
            self._wait_to_beat()

    async def _act(self, message: Mapping[str, Any]) -> None:
        kind = message.get("type")
        actions: Mapping[Any, Callable[[Mapping[str, Any]], Awaitable[None]]] = {
            "ping": self._pong,
            "task_subscribe": self._subscribe_tasks,
            "chat_subscribe": self._subscribe_chat,
            "agent_subscribe": self._subscribe_agents,
            "get_status": self._status,
        }
        action = actions.get(kind) if isinstance(kind, str) else None
        if action is None:
            await self._refuse("frame.unknown_type", kind=str(kind)[:40])
            return
        try:
            await action(message)
        except BadField as error:
            await self._refuse("frame.bad_field", field=str(error))
        except Fault as fault:
            await self._refuse_fault(fault, task_id=message.get("task_id"))

    async def _pong(self, message: Mapping[str, Any]) -> None:
        await self._send("pong", {}, message="pong", original_message=message)

    async def _status(self, _message: Mapping[str, Any]) -> None:
        data = await system_status(self._websocket, self._services)
        await self._send("status_response", data, message=self._text("frame.status"))

    async def _subscribe_chat(self, _message: Mapping[str, Any]) -> None:
        self._follow(CHAT, self._follow_chat)

    async def _subscribe_tasks(self, message: Mapping[str, Any]) -> None:
        task_id = message.get("task_id")
        if task_id is None:
            cursor = message.get("cursor")
            if cursor is None:
                cursor = await self._services.streams.newest_cursor(self._scope)
            elif isinstance(cursor, str):
                position_of(cursor)
            else:
                raise BadField("cursor")
            note = self._text("frame.subscribed_tasks")
            await self._send("task_subscription_confirmed", {}, message=note, cursor=cursor)
            self._follow(ALL_TASKS, lambda: self._follow_all(cursor))
            return
        if not isinstance(task_id, str):
            raise BadField("task_id")
        after = _number(message, "after_event_id")
        if task_id not in self._followers and len(self._followers) >= self._limits.subscriptions:
            await self._refuse("frame.too_many", limit=self._limits.subscriptions)
            return
        task = await self._services.tasks.get(self._scope, task_id)
        self._services.recent_tasks.put(self._scope.tenant, task)
        if after is None:
            after = task.last_seq
        else:  # a number that retention has passed is said at once
            await self._services.tasks.events(self._scope, task_id, after=after, limit=1)
        self._followed_from[task_id] = after
        data = task_object(task, self._language)
        note = self._text("frame.subscribed_task", task=task_id)
        await self._send("task_subscription_confirmed", data, message=note, task_id=task_id, event_id=after)
        self._follow(task_id, lambda: self._follow_one(task_id, after))

    async def _subscribe_agents(self, _message: Mapping[str, Any]) -> None:
        cursor = await self._services.streams.newest_cursor(self._scope)
        statuses = await self._services.agents.status(self._scope)
        data = {"agents": [agent_shape(status, self._language) for status in statuses]}
        note = self._text("frame.subscribed_agents")
        await self._send("agent_subscription_confirmed", data, message=note)
        known = {_place(status): status for status in statuses}
        self._follow(AGENTS, lambda: self._follow_agents(cursor, known))

    def _follow(self, key: str, work: Callable[[], Awaitable[None]]) -> None:
        """Start a subscription; one of the same kind before it is replaced."""
        previous = self._followers.pop(key, None)
        if previous is not None:
            previous.cancel()

        async def guarded() -> None:
            if previous is not None:
                await asyncio.wait({previous})
            try:
                await work()
            except Fault as fault:
                await self._refuse_fault(fault, task_id=key)

        task = asyncio.create_task(guarded(), name=f"ws-follow-{key}")
        self._followers[key] = task
        task.add_done_callback(lambda done: self._followed(key, done))

    def _followed(self, key: str, done: "asyncio.Task[None]") -> None:
        if self._followers.get(key) is done:
            del self._followers[key]
        if not done.cancelled() and (error := done.exception()) is not None:
            _record(error)

    async def _follow_one(self, task_id: str, after: int) -> None:
        streams = self._services.streams
        follow = streams.follow_task(self._scope, task_id, after=after, stop_at_end=False, progress=False)
        async for event in _events(follow):
            await self._put(await self._shared_frame(event, with_cursor=False))

    async def _follow_all(self, cursor: str) -> None:
        follow = self._services.streams.follow_all(self._scope, cursor=cursor, progress=False)
        async for event in _events(follow):
            followed_from = self._followed_from.get(event.task_id)
            if followed_from is None or event.seq <= followed_from:  # else its own follower sends it
                await self._put(await self._shared_frame(event, with_cursor=True))

    async def _shared_frame(self, event: Event, *, with_cursor: bool) -> str:
        """The event's frame, with the task at least as new as the event."""
        key = (self._scope.tenant, event.task_id, event.seq, self._language, with_cursor)

        async def build() -> str:
            task = await self._task(event.task_id, min_seq=event.seq)
            kind = frame_type(event)
            frame = {
                "type": kind,
                "data": frame_data(event, task, self._language),
                "message": self._text(f"frame.{kind}", name=event.task_id if task is None else task.title),
                "timestamp": event.at,
                "event_id": event.seq,
                "task_id": event.task_id,
            }
            return _encoded({**frame, "cursor": event.cursor} if with_cursor else frame)

        return await self._services.socket_frames.get(key, build)

    async def _task(self, task_id: str, *, min_seq: int) -> Task | None:
        tenant, recent = self._scope.tenant, self._services.recent_tasks
        known = recent.get(tenant, task_id, min_seq=min_seq)
        if known is None:
            try:
                known = await self._services.tasks.get(self._scope, task_id)
            except TaskNotFound:
                return None
            recent.put(tenant, known)
        return known

    async def _follow_chat(self) -> None:
        """Confirm once nothing can be missed any more, then send what is said."""
        async with self._services.streams.chat(self._scope) as messages:
            await self._send("chat_subscription_confirmed", {}, message=self._text("frame.subscribed_chat"))
            async for message in messages:
                sender = str(message.get("sender", ""))
                await self._send(
                    "chat_message", message, message=self._text("frame.chat_message", sender=sender)
                )

    async def _follow_agents(self, cursor: str, known: dict[tuple[Any, ...], AgentStatus]) -> None:
        """Send the agents whose state or record changed, at most every AGENT_PAUSE_S."""
        changed = asyncio.Event()

        async def watch() -> None:
            follow = self._services.streams.follow_all(self._scope, cursor=cursor, progress=False)
            async for _ in _events(follow):
                changed.set()

        async with asyncio.TaskGroup() as group:
            group.create_task(watch(), name="ws-watch-agents")
            while True:
                await changed.wait()
                await asyncio.sleep(AGENT_PAUSE_S)
                changed.clear()
                for status in await self._services.agents.status(self._scope):
                    if known.get(_place(status)) != status:
                        known[_place(status)] = status
                        await self._send_agent(status)

    async def _send_agent(self, status: AgentStatus) -> None:
        data = agent_shape(status, self._language)
        state = self._text(f"frame.agent_state.{status.state}")
        await self._send(
            "agent_status", data, message=self._text("frame.agent_status", name=data["title"], state=state)
        )

    async def _refuse_fault(self, fault: Fault, *, task_id: Any) -> None:
        detail = describe(fault.code, fault.params, self._language, errors=fault.errors).detail
        await self._send("error", None, message=detail, error=True, error_code=fault.code, task_id=task_id)

    async def _refuse(self, key: str, **params: Any) -> None:
        await self._send("error", None, message=self._text(key, **params), error=True)

    async def _send(self, kind: str, data: Mapping[str, Any] | None, *, message: str, **more: Any) -> None:
        shown = {} if data is None else {"data": data}
        now = self._services.clock.now()
        await self._put(_encoded({"type": kind, **shown, "message": message, **more, "timestamp": now}))

    async def _put(self, frame: str) -> None:
        """Send a frame when those before it are on their way.

        Raises:
            SlowClient: it could not be sent within the send deadline; the connection ends.
            ClientGone: nobody is there to take it.
        """
        try:
            async with asyncio.timeout(self._limits.send_deadline_s), self._turn:
                await self._websocket.send_text(frame)
        except TimeoutError:
            self._end_slow()
            raise SlowClient from None
        except GONE:
            raise ClientGone from None

    def _end_slow(self) -> None:
        if not self._is_slow:
            self._is_slow = True
            self._life.reschedule(asyncio.get_running_loop().time())

    def _text(self, key: str, **params: Any) -> str:
        return text(key, self._language, **params)


def _encoded(frame: Mapping[str, Any]) -> str:
    return orjson.dumps(frame, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS).decode()


async def _events(items: AsyncGenerator[StreamItem, None]) -> AsyncGenerator[Event, None]:
    """The durable events of a stream; progress that is shown and forgotten has no frame."""
    async with aclosing(items) as found:
        async for item in found:
            if isinstance(item, Event):
                yield item


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


def _place(status: AgentStatus) -> tuple[Any, ...]:
    """One agent may have two places in a team: to understand and to plan."""
    return status.team, status.name, status.capabilities


def _record(error: BaseException) -> None:
    if not isinstance(error, SlowClient | ClientGone):
        log.error("ws.error", exc_info=error)
