"""Following the event log live.

Hides listening before reading, so that nothing between the two is missed, and the poll that makes
lost wake-ups harmless. Callers: SSE, WebSocket, CLI. Invariant: a follower sees every event
once, in order, from the `seq` or cursor it knows.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.domain.errors import EventsGone, TaskNotFound
from langgraph_multi_agent.domain.event import Event, EventType
from langgraph_multi_agent.domain.ports import Feed
from langgraph_multi_agent.domain.task import is_terminal
from langgraph_multi_agent.service.tasks import CONTROL_TOPIC
from langgraph_multi_agent.store import events as event_log
from langgraph_multi_agent.store import tasks
from langgraph_multi_agent.store.database import Database, Store

POLL_S = 1.0
IDLE_POLL_S = 15.0
SPACING_S = 0.02
"""A follower of all tasks reads at most once in this time, however many commits wake it."""
PAGE = 200


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
    """Live views on the event log."""

    def __init__(self, *, database: Database, feed: Feed) -> None:
        self._database, self._feed = database, feed

    async def follow_task(
        self, scope: Scope, task_id: str, *, after: int, stop_at_end: bool = True
    ) -> AsyncGenerator[StreamItem, None]:
        """Events of one task with `seq > after`, then live.

        Ends after the event that ended the task (if `stop_at_end`) or deleted it.

        Raises:
            TaskNotFound: at once, before the first item.
            EventsGone: retention removed events that the follower has not seen.
        """
        await self._database.read(scope, tasks.get, task_id)
        async with self._feed.listen(task_id) as listener:
            while True:
                while found := await self._database.read(scope, event_log.after, task_id, after, limit=PAGE):
                    for event in found:
                        if event.seq != after + 1 and event.type is not EventType.TASK_DELETED:
                            raise EventsGone(task=task_id, after=after, oldest=event.seq)
                        after = event.seq
                        yield event
                        if event.type is EventType.TASK_DELETED:
                            return
                if stop_at_end and await self._database.read(scope, _is_over, task_id, after):
                    return
                if not await listener.wait(POLL_S):
                    yield Idle()
                for ephemeral in listener.take_ephemeral():
                    yield Ephemeral(task_id=task_id, data=ephemeral)

    async def newest_cursor(self, scope: Scope) -> str:
        """Where `follow_all` goes on from without the events there are already."""
        return await self._database.read(scope, event_log.last_cursor)

    async def follow_all(self, scope: Scope, *, cursor: str | None) -> AsyncGenerator[StreamItem, None]:
        """Events of all tasks in scope after a cursor (None: from now on), in commit order."""
        async with self._feed.listen(None) as listener:
            if cursor is None:
                cursor = await self.newest_cursor(scope)
            while True:
                while found := await self._database.read(scope, event_log.after_cursor, cursor, limit=PAGE):
                    for event in found:
                        cursor = event.cursor
                        yield event
                if await listener.wait(IDLE_POLL_S):
                    await asyncio.sleep(SPACING_S)
                else:
                    yield Idle()
                for ephemeral in listener.take_ephemeral():
                    if ephemeral["task_id"] != CONTROL_TOPIC:
                        yield Ephemeral(task_id=str(ephemeral["task_id"]), data=ephemeral)


def _is_over(store: Store, task_id: str, seen: int) -> bool:
    try:
        task = tasks.get(store, task_id)
    except TaskNotFound:
        return False  # its last event is on the way
    return is_terminal(task.status) and task.last_seq <= seen
