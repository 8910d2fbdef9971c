"""Following the event log live.

Hides that followers of one log share its reading, and the one poll a process that makes lost
wake-ups harmless. Callers: SSE, WebSocket, CLI. Invariant: a follower sees every event once, in
order, from the `seq` or cursor it knows.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from langgraph_multi_agent.access import SYSTEM_SCOPE, Scope
from langgraph_multi_agent.domain.errors import DependencyUnavailable, EventsGone, TaskNotFound
from langgraph_multi_agent.domain.event import Event, EventType, Position, position_of
from langgraph_multi_agent.domain.ports import Feed
from langgraph_multi_agent.service.channels import (
    LISTEN_S,
    AllChannel,
    Channel,
    Follower,
    Histories,
    TaskChannel,
    chat_topic,
)
from langgraph_multi_agent.store import endings_by_hand
from langgraph_multi_agent.store import events as event_log
from langgraph_multi_agent.store.database import Database
from langgraph_multi_agent.store.histories import PAGE, History, histories
from langgraph_multi_agent.store.lookups import Lookups

log = structlog.get_logger(__name__)
P = TypeVar("P", int, Position)
K = TypeVar("K")
C = TypeVar("C", bound=Channel[Any])

POLL_S = 1.0
MAX_TOGETHER = 32
"""Events that a page of a follower holds, so that a slow one holds little."""
POLL_CHUNK = 1000
"""Tasks that one question to the database asks about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ephemeral:
    """Progress that is shown and forgotten: it has no number and may be missed."""

    task_id: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """Nothing happened for a while: a chance to send a keep-alive."""


StreamItem = Event | Ephemeral | Idle


class StreamService:
    """Live views on the event log, one reading of each log a process. Use from one event loop only."""

    def __init__(self, *, database: Database, feed: Feed) -> None:
        self._database, self._feed = database, feed
        self._histories: Histories = Lookups(database, histories)
        self._of_task: dict[tuple[str | None, str], TaskChannel] = {}
        self._of_all: dict[str | None, AllChannel] = {}
        self._poller: asyncio.Task[None] | None = None

    async def follow_task(
        self,
        scope: Scope,
        task_id: str,
        *,
        after: int,
        stop_at_end: bool = True,
        progress: bool = True,
        idle_s: float | None = None,
    ) -> AsyncGenerator[StreamItem, None]:
        """Events of one task with `seq > after`, then live, one by one; see `pages_of_task`."""
        pages = self.pages_of_task(
            scope, task_id, after=after, stop_at_end=stop_at_end, progress=progress, idle_s=idle_s
        )
        async with aclosing(pages):
            async for page in pages:
                for item in page:
                    yield item

    async def pages_of_task(
        self,
        scope: Scope,
        task_id: str,
        *,
        after: int,
        stop_at_end: bool = True,
        progress: bool = True,
        idle_s: float | None = None,
    ) -> AsyncGenerator[Sequence[StreamItem], None]:
        """Events of one task with `seq > after`, then live; what is there at once comes together.

        Ends after the event that ended the task (if `stop_at_end`) or deleted it.

        Args:
            progress: also yield `Ephemeral` items.
            idle_s: yield `Idle` after so many quiet seconds; None never does.

        Raises:
            TaskNotFound: at once, before the first item.
            EventsGone: retention removed events that the follower has not seen.
            DependencyUnavailable: the database is away at the start; later it is waited for.
        """
        follower: Follower[int] = Follower(after, wants_progress=progress)

        def open_channel() -> TaskChannel:
            return TaskChannel(self._histories, self._feed, scope, task_id, known=after)

        async with self._joined(self._of_task, (scope.tenant, task_id), open_channel, follower) as channel:
            while True:
                while follower.position < channel.head:
                    found = await _patiently(channel, follower)
                    if not found:
                        raise EventsGone(task=task_id, after=follower.position, oldest=channel.head)
                    page = _without_gap(found[:MAX_TOGETHER], follower.position)
                    if not page:
                        raise EventsGone(task=task_id, after=follower.position, oldest=found[0].seq)
                    follower.position = page[-1].seq
                    yield page
                    if page[-1].type is EventType.TASK_DELETED:
                        return
                if stop_at_end and channel.ended_at is not None and channel.ended_at <= follower.position:
                    return
                shown = await channel.pause(follower, idle_s)
                if shown is None:
                    yield (Idle(),)
                elif shown:
                    yield [Ephemeral(task_id=task_id, data=data) for data in shown]

    async def check(self, scope: Scope, task_id: str, *, after: int) -> History:
        """What a stream of a task would begin with, for a client that must hear a refusal first.

        Raises:
            TaskNotFound, EventsGone, DependencyUnavailable.
        """
        history = await self._histories.get(scope, (task_id, after))
        if history is None or history.last_seq is None:
            raise TaskNotFound(task=task_id)
        if history.last_seq > after and not _without_gap(history.events[:1], after):
            oldest = history.events[0].seq if history.events else history.last_seq + 1
            raise EventsGone(task=task_id, after=after, oldest=oldest)
        return history

    async def newest_cursor(self, scope: Scope) -> str:
        """Where `follow_all` goes on from without the events there are already."""
        return await self._database.read(scope, event_log.last_cursor)

    async def follow_all(
        self, scope: Scope, *, cursor: str | None, progress: bool = True, idle_s: float | None = None
    ) -> AsyncGenerator[StreamItem, None]:
        """Events of all tasks in scope after a cursor (None: from now on), in commit order.

        Raises:
            InvalidRequest: the cursor is not one that was handed out.
            DependencyUnavailable: the database is away at the start; later it is waited for.
        """
        known = (0, 0) if cursor is None else position_of(cursor)
        follower: Follower[Position] = Follower(known, wants_progress=progress)

        def open_channel() -> AllChannel:
            return AllChannel(self._database, self._feed, scope)

        async with self._joined(self._of_all, scope.tenant, open_channel, follower) as channel:
            if cursor is None:
                follower.position = channel.head
            while True:
                while follower.position < channel.head:
                    head = channel.head
                    found = await _patiently(channel, follower)
                    for event in found:
                        follower.position = position_of(event.cursor)
                        yield event
                    if len(found) < PAGE:  # nothing else lies before the head that was
                        follower.position = max(follower.position, head)
                shown = await channel.pause(follower, idle_s)
                if shown is None:
                    yield Idle()
                for data in shown or ():
                    yield Ephemeral(task_id=str(data["task_id"]), data=data)

    @asynccontextmanager
    async def chat(self, scope: Scope) -> AsyncIterator[AsyncIterator[Mapping[str, Any]]]:
        """Messages of the scope's conversation that are told from now on; nothing is replayed."""
        async with self._feed.listen(chat_topic(scope.tenant)) as listener:

            async def heard() -> AsyncIterator[Mapping[str, Any]]:
                while True:
                    await listener.wait(LISTEN_S)
                    for told in listener.take_ephemeral():
                        if told.get("actor") == scope.actor:
                            yield told["message"]

            yield heard()

    @asynccontextmanager
    async def _joined(
        self, channels: dict[K, C], key: K, open_channel: Callable[[], C], follower: Follower[P]
    ) -> AsyncIterator[C]:
        """A follower's place in a channel, which is opened for the first one and closed after the last."""
        channel = channels.get(key)
        if channel is None:
            channel = channels[key] = open_channel()
        channel.join(follower)
        if self._poller is None:
            self._poller = asyncio.create_task(self._poll(), name="stream-poll")
        try:
            await channel.opened()
            await channel.check(follower.position)
            yield channel
        finally:
            channel.leave(follower)
            if not channel.followers:
                del channels[key]
                ending = {channel.close()}
                if not self._of_task and not self._of_all:
                    ending.add(self._poller)
                    self._poller.cancel()
                    self._poller = None
                await asyncio.wait(ending)

    async def _poll(self) -> None:
        """Once a second: what moved without a wake-up that arrived, and what SQL by hand ended without an event."""
        while True:
            await asyncio.sleep(POLL_S)
            try:
                await self._read_on()
            except DependencyUnavailable:
                continue
            except Exception as error:  # followers still have their wake-ups
                log.error("stream.poll_failed", exc_info=error)

    async def _read_on(self) -> None:
        watched = list(self._of_task.values())
        moved: list[TaskChannel | AllChannel] = list(self._of_all.values())
        for start in range(0, len(watched), POLL_CHUNK):
            chunk = watched[start : start + POLL_CHUNK]
            ids = sorted({channel.task_id for channel in chunk})
            if unsaid := await self._database.read(SYSTEM_SCOPE, endings_by_hand.unsaid, ids):
                self._feed.wake(await self._database.write(SYSTEM_SCOPE, endings_by_hand.record, unsaid))
            newest = await self._database.read(SYSTEM_SCOPE, event_log.newest_numbers, ids)
            moved += [channel for channel in chunk if channel.is_behind(newest.get(channel.task_id))]
        # With the errors as answers: raised at once, one would hide a cancellation that comes as it does.
        outcomes = await asyncio.gather(*(channel.pump() for channel in moved), return_exceptions=True)
        failed = [one for one in outcomes if isinstance(one, Exception) and not isinstance(one, DependencyUnavailable)]
        if failed:  # the database's absence is told by who watches it; many followers, one line
            log.error("stream.poll_failed", channels=len(failed), exc_info=failed[0])


def _without_gap(events: Sequence[Event], position: int) -> Sequence[Event]:
    """The first of these events that follow a place without a gap; a deletion needs none before it."""
    for number, event in enumerate(events):
        if event.seq != position + 1 + number and event.type is not EventType.TASK_DELETED:
            return events[:number]
    return events


async def _patiently(channel: Channel[P], follower: Follower[P]) -> Sequence[Event]:
    """What is new to a follower, once the database can say it."""
    while True:
        try:
            return await channel.after(follower.position)
        except DependencyUnavailable:
            await asyncio.sleep(POLL_S)
