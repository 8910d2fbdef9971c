"""The WebSocket: JSON text frames of the MVP2 contract, live and with replay.

Hides the connection's tasks: one reads, one writes, one follower for each subscription. Invariant:
a subscriber gets every durable event once and in order, from the `event_id` or `cursor` it names.
Followers pull from the log and wait for the bounded send queue, so a slow client costs no memory;
one that takes nothing for the send deadline is closed with 1013 and can resume.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any

import orjson
import structlog
from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketState

from langgraph_multi_agent.api.context import Services, language_of_connection, scope_of, services_of
from langgraph_multi_agent.api.mvp2.health import system_status
from langgraph_multi_agent.api.mvp2.shapes import frame_data, frame_type, task_object
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
TASK_CACHE = 256
ALL_TASKS, AGENTS = "*tasks", "*agents"


class SlowClient(Exception):
    """The client took nothing from a full queue for the whole send deadline."""


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

    def __init__(self, websocket: WebSocket, services: Services) -> None:
        self._websocket, self._services = websocket, services
        self._scope, self._language = scope_of(websocket), language_of_connection(websocket)
        self._limits = services.stream_limits
        self._queue: asyncio.Queue[str] = asyncio.Queue(self._limits.send_queue)
        self._followers: dict[str, asyncio.Task[None]] = {}
        self._followed_from: dict[str, int] = {}
        self._tasks: dict[str, Task] = {}
        self._slow = asyncio.Event()

    async def serve(self) -> None:
        """Until the client leaves or proves too slow."""
        data = {"service": SERVICE_NAME, "version": self._services.version}
        await self._send("system_notification", data, message=self._text("frame.connected"))
        own = [
            asyncio.create_task(work, name=f"ws-{name}")
            for name, work in (
                ("read", self._read()),
                ("write", self._write()),
                ("heartbeat", self._heartbeat()),
                ("slow", self._slow.wait()),
            )
        ]
        try:
            await asyncio.wait(own, return_when=asyncio.FIRST_COMPLETED)
        finally:
            everything = [*own, *self._followers.values()]
            for task in everything:
                task.cancel()
            await asyncio.wait(everything)
            for task in everything:
                if not task.cancelled() and (error := task.exception()) is not None:
                    _record(error)
        if self._slow.is_set():
            log.warning("ws.slow", queued=self._queue.qsize())
            await self._close(TRY_AGAIN_LATER)

    async def _close(self, code: int) -> None:
        if self._websocket.client_state is WebSocketState.CONNECTED:
            with suppress(TimeoutError, RuntimeError, OSError):
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

    async def _write(self) -> None:
        with suppress(RuntimeError, OSError):  # the client is gone: reading will say so too
            while True:
                await self._websocket.send_text(await self._queue.get())

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(self._limits.heartbeat_s)
            await self._send("heartbeat", {}, message=self._text("frame.heartbeat"))

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
        await self._send("chat_subscription_confirmed", {}, message=self._text("frame.subscribed_chat"))

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
            self._follow(ALL_TASKS, self._follow_all(cursor))
            return
        if not isinstance(task_id, str):
            raise BadField("task_id")
        after = _number(message, "after_event_id")
        if task_id not in self._followers and len(self._followers) >= self._limits.subscriptions:
            await self._refuse("frame.too_many", limit=self._limits.subscriptions)
            return
        task = await self._task(task_id, min_seq=None)
        if after is None:
            after = task.last_seq
        else:  # a number that retention has passed is said at once
            await self._services.tasks.events(self._scope, task_id, after=after, limit=1)
        self._followed_from[task_id] = after
        data = task_object(task, self._language)
        note = self._text("frame.subscribed_task", task=task_id)
        await self._send("task_subscription_confirmed", data, message=note, task_id=task_id, event_id=after)
        self._follow(task_id, self._follow_one(task_id, after))

    async def _subscribe_agents(self, _message: Mapping[str, Any]) -> None:
        cursor = await self._services.streams.newest_cursor(self._scope)
        statuses = await self._services.agents.status(self._scope)
        data = {"agents": [agent_shape(status, self._language) for status in statuses]}
        note = self._text("frame.subscribed_agents")
        await self._send("agent_subscription_confirmed", data, message=note)
        self._follow(AGENTS, self._follow_agents(cursor, {_place(s): s for s in statuses}))

    def _follow(self, key: str, work: Any) -> None:
        """Start a subscription; one of the same kind before it is replaced."""
        previous = self._followers.pop(key, None)
        if previous is not None:
            previous.cancel()

        async def guarded() -> None:
            if previous is not None:
                await asyncio.wait({previous})
            try:
                await work
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
        follow = self._services.streams.follow_task(self._scope, task_id, after=after, stop_at_end=False)
        async for event in _events(follow):
            await self._send_event(event)

    async def _follow_all(self, cursor: str) -> None:
        async for event in _events(self._services.streams.follow_all(self._scope, cursor=cursor)):
            followed_from = self._followed_from.get(event.task_id)
            if followed_from is None or event.seq <= followed_from:  # else its own follower sends it
                await self._send_event(event, cursor=event.cursor)

    async def _send_event(self, event: Event, **more: Any) -> None:
        try:
            task = await self._task(event.task_id, min_seq=event.seq)
        except TaskNotFound:
            task = None
        kind = frame_type(event)
        data = frame_data(event, task, self._language)
        note = self._text(f"frame.{kind}", name=task.title if task is not None else event.task_id)
        place = {"timestamp": event.at, "event_id": event.seq, "task_id": event.task_id}
        await self._send(kind, data, message=note, **place, **more)

    async def _task(self, task_id: str, *, min_seq: int | None) -> Task:
        """The task, at least as new as its event `min_seq`."""
        known = self._tasks.get(task_id)
        if known is None or min_seq is None or known.last_seq < min_seq:
            known = await self._services.tasks.get(self._scope, task_id)
            if len(self._tasks) >= TASK_CACHE:
                self._tasks.clear()
            self._tasks[task_id] = known
        return known

    async def _follow_agents(self, cursor: str, known: dict[tuple[Any, ...], AgentStatus]) -> None:
        """Send the agents whose state or record changed, at most every AGENT_PAUSE_S."""
        changed = asyncio.Event()

        async def watch() -> None:
            async for _ in _events(self._services.streams.follow_all(self._scope, cursor=cursor)):
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
        more = {"error_code": fault.code, "task_id": task_id}
        await self._put({"type": "error", "error": True, "message": detail, **more})

    async def _refuse(self, key: str, **params: Any) -> None:
        await self._put({"type": "error", "error": True, "message": self._text(key, **params)})

    async def _send(self, kind: str, data: Mapping[str, Any], *, message: str, **more: Any) -> None:
        await self._put({"type": kind, "data": data, "message": message, **more})

    async def _put(self, frame: dict[str, Any]) -> None:
        """Queue a frame.

        Raises:
            SlowClient: the queue stayed full for the send deadline; the connection ends.
        """
        frame.setdefault("timestamp", self._services.clock.now())
        encoded = orjson.dumps(frame, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS).decode()
        try:
            async with asyncio.timeout(self._limits.send_deadline_s):
                await self._queue.put(encoded)
        except TimeoutError:
            self._slow.set()
            raise SlowClient from None

    def _text(self, key: str, **params: Any) -> str:
        return text(key, self._language, **params)


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
    if not isinstance(error, SlowClient):
        log.error("ws.error", exc_info=error)
