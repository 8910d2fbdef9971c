"""Frames that many connections share: each event is encoded once for each language.

Hides single flight and the bound in bytes. Callers: the WebSocket and the event stream, with keys
that name the tenant. Invariant: of all who want a frame at the same time, one builds it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from langgraph_multi_agent.domain.task import Task

F = TypeVar("F", str, bytes)

MAX_SHARED_CHARACTERS = 4 * 1024 * 1024
MAX_TASKS = 256

Key = tuple[object, ...]


class SharedFrames(Generic[F]):
    """Encoded frames by key, the least used forgotten first."""

    def __init__(self, limit: int = MAX_SHARED_CHARACTERS) -> None:
        self._limit, self._size = limit, 0
        self._frames: OrderedDict[Key, F] = OrderedDict()
        self._building: dict[Key, asyncio.Future[None]] = {}

    async def get(self, key: Key, build: Callable[[], Awaitable[F]]) -> F:
        """The frame, built if nobody has. Raises what building raises, to the one who built."""
        while True:
            frame = self.known(key)
            if frame is not None:
                return frame
            underway = self._building.get(key)
            if underway is None:
                return await self._build(key, build)
            await asyncio.shield(underway)

    async def _build(self, key: Key, build: Callable[[], Awaitable[F]]) -> F:
        done = self._building[key] = asyncio.get_running_loop().create_future()
        try:
            frame = await build()
        finally:  # on an error or a cancellation the next who waits builds
            del self._building[key]
            done.set_result(None)
        self.put(key, frame)
        return frame

    def known(self, key: Key) -> F | None:
        """The frame if there is one: for who builds without waiting."""
        frame = self._frames.get(key)
        if frame is not None:
            self._frames.move_to_end(key)
        return frame

    def put(self, key: Key, frame: F) -> None:
        """Keep a frame that is not kept yet."""
        self._frames[key] = frame
        self._size += len(frame)
        while self._size > self._limit:
            self._size -= len(self._frames.popitem(last=False)[1])


class RecentTasks:
    """Tasks as frames need them, by tenant and id; the least used forgotten first."""

    def __init__(self) -> None:
        self._tasks: OrderedDict[tuple[str | None, str], Task] = OrderedDict()

    def get(self, tenant: str | None, task_id: str, *, min_seq: int) -> Task | None:
        """A task at least as new as its event `min_seq`, if it is known."""
        task = self._tasks.get((tenant, task_id))
        return task if task is not None and task.last_seq >= min_seq else None

    def put(self, tenant: str | None, task: Task) -> None:
        self._tasks[tenant, task.id] = task
        self._tasks.move_to_end((tenant, task.id))
        if len(self._tasks) > MAX_TASKS:
            self._tasks.popitem(last=False)
