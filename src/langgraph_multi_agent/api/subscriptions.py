"""What one WebSocket follows: single tasks, all tasks, agents, the conversation.

Hides one asyncio task for each subscription. Caller: `ws`. Invariant: a subscriber gets every
durable event once and in order, from the `event_id` or `cursor` it names. Followers pull from the
log and send for themselves, one frame at a time; a subscription that is made again replaces the one
before it, which has ended by then.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import structlog

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.api.context import Services
from langgraph_multi_agent.api.mvp2.shapes import frame_data, frame_type, task_object
from langgraph_multi_agent.api.shapes import agent_shape
from langgraph_multi_agent.api.wire import ClientGone, SlowClient, Wire, encoded
from langgraph_multi_agent.domain.errors import Fault, TaskNotFound
from langgraph_multi_agent.domain.event import Event
from langgraph_multi_agent.domain.task import Task
from langgraph_multi_agent.service.agents import AgentStatus
from langgraph_multi_agent.service.streams import StreamItem

log = structlog.get_logger(__name__)

AGENT_PAUSE_S = 0.25
"""Changes of agents within this time go out together."""
ALL_TASKS, AGENTS, CHAT = "*tasks", "*agents", "*chat"


class Subscriptions:
    """Those of one connection."""

    __slots__ = ("_followed_from", "_followers", "_scope", "_services", "_wire")

    def __init__(self, wire: Wire, services: Services, scope: Scope) -> None:
        self._wire, self._services, self._scope = wire, services, scope
        self._followers: dict[str, asyncio.Task[None]] = {}
        self._followed_from: dict[str, int] = {}

    async def end(self) -> None:
        """End all of them."""
        followers = [*self._followers.values()]
        for follower in followers:
            follower.cancel()
        if followers:
            await asyncio.wait(followers)

    async def to_task(self, task_id: str, after: int | None) -> None:
        """Confirm with the task as it is, then send its events after number `after`, by default from now on.

        Raises:
            TaskNotFound, EventsGone: there is no such task, or retention has passed the number.
        """
        limit = self._services.stream_limits.subscriptions
        if task_id not in self._followers and len(self._followers) >= limit:
            await self._wire.refuse("frame.too_many", task_id=task_id, limit=limit)
            return
        task = await self._services.tasks.get(self._scope, task_id)
        self._services.recent_tasks.put(self._scope.tenant, task)
        if after is None:
            after = task.last_seq
        else:  # a number that retention has passed is said at once
            await self._services.tasks.events(self._scope, task_id, after=after, limit=1)
        first = self._followed_from[task_id] = after
        data = task_object(task, self._wire.language)
        note = self._wire.text("frame.subscribed_task", task=task_id)
        await self._wire.send(
            "task_subscription_confirmed", data, message=note, task_id=task_id, event_id=first
        )
        await self._follow(task_id, lambda: self._follow_one(task_id, first))

    async def to_all_tasks(self, cursor: str | None) -> None:
        """Confirm, then send the events of all tasks after `cursor`, by default from now on."""
        first = await self._services.streams.newest_cursor(self._scope) if cursor is None else cursor
        note = self._wire.text("frame.subscribed_tasks")
        await self._wire.send("task_subscription_confirmed", {}, message=note, cursor=first)
        await self._follow(ALL_TASKS, lambda: self._follow_all(first))

    async def to_chat(self) -> None:
        """Send what is said in the conversation; the confirmation comes once nothing can be missed."""
        await self._follow(CHAT, self._follow_chat)

    async def to_agents(self) -> None:
        """Confirm with all agents, then send those whose state or record changed."""
        cursor = await self._services.streams.newest_cursor(self._scope)
        statuses = await self._services.agents.status(self._scope)
        data = {"agents": [agent_shape(status, self._wire.language) for status in statuses]}
        note = self._wire.text("frame.subscribed_agents")
        await self._wire.send("agent_subscription_confirmed", data, message=note)
        known = {_place(status): status for status in statuses}
        await self._follow(AGENTS, lambda: self._follow_agents(cursor, known))

    async def _follow(self, key: str, work: Callable[[], Awaitable[None]]) -> None:
        """Start a subscription once the one of the same kind before it has ended."""
        previous = self._followers.pop(key, None)
        if previous is not None:
            previous.cancel()
            await asyncio.wait({previous})

        async def guarded() -> None:
            try:
                await work()
            except Fault as fault:
                if self._followers.get(key) is asyncio.current_task():
                    self._followed_from.pop(key, None)  # the stream of all tasks tells of it from now on
                await self._wire.refuse_fault(fault, task_id=key)

        task = asyncio.create_task(guarded(), name=f"ws-follow-{key}")
        self._followers[key] = task
        task.add_done_callback(lambda done: self._followed(key, done))

    def _followed(self, key: str, done: "asyncio.Task[None]") -> None:
        if self._followers.get(key) is done:
            del self._followers[key]
        if not done.cancelled() and (error := done.exception()) is not None:
            record(error)

    async def _follow_one(self, task_id: str, after: int) -> None:
        streams = self._services.streams
        follow = streams.follow_task(self._scope, task_id, after=after, stop_at_end=False, progress=False)
        async for event in _events(follow):
            await self._wire.put(await self._shared_frame(event, with_cursor=False))

    async def _follow_all(self, cursor: str) -> None:
        follow = self._services.streams.follow_all(self._scope, cursor=cursor, progress=False)
        async for event in _events(follow):
            followed_from = self._followed_from.get(event.task_id)
            if followed_from is None or event.seq <= followed_from:  # else its own follower sends it
                await self._wire.put(await self._shared_frame(event, with_cursor=True))

    async def _shared_frame(self, event: Event, *, with_cursor: bool) -> str:
        """The event's frame, with the task at least as new as the event."""
        language = self._wire.language
        key = (self._scope.tenant, event.task_id, event.seq, language, with_cursor)

        async def build() -> str:
            task = await self._task(event.task_id, min_seq=event.seq)
            kind = frame_type(event)
            name = event.task_id if task is None else task.title
            frame = {
                "type": kind,
                "data": frame_data(event, task, language),
                "message": self._wire.text(f"frame.{kind}", name=name),
                "timestamp": event.at,
                "event_id": event.seq,
                "task_id": event.task_id,
            }
            return encoded({**frame, "cursor": event.cursor} if with_cursor else frame)

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
            note = self._wire.text("frame.subscribed_chat")
            await self._wire.send("chat_subscription_confirmed", {}, message=note)
            async for message in messages:
                sender = str(message.get("sender", ""))
                note = self._wire.text("frame.chat_message", sender=sender)
                await self._wire.send("chat_message", message, message=note)

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
        data = agent_shape(status, self._wire.language)
        state = self._wire.text(f"frame.agent_state.{status.state}")
        note = self._wire.text("frame.agent_status", name=data["title"], state=state)
        await self._wire.send("agent_status", data, message=note)


def record(error: BaseException) -> None:
    """Log what ended a part of a connection, unless the client did."""
    if not isinstance(error, SlowClient | ClientGone):
        log.error("ws.error", exc_info=error)


async def _events(items: AsyncGenerator[StreamItem, None]) -> AsyncGenerator[Event, None]:
    """The durable events of a stream; progress that is shown and forgotten has no frame."""
    async with aclosing(items) as found:
        async for item in found:
            if isinstance(item, Event):
                yield item


def _place(status: AgentStatus) -> tuple[Any, ...]:
    """One agent may have two places in a team: to understand and to plan."""
    return status.team, status.name, status.capabilities
