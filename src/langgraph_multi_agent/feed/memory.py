"""The feed of one process."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

MAX_EPHEMERAL = 64
ALL = "*"


class MemoryListener:
    """`ports.Listener`: one flag and a bounded store of ephemeral messages."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._ephemeral: deque[Mapping[str, Any]] = deque(maxlen=MAX_EPHEMERAL)

    def wake(self) -> None:
        self._woken.set()

    def push(self, ephemeral: Mapping[str, Any]) -> None:
        self._ephemeral.append(ephemeral)
        self._woken.set()

    async def wait(self, timeout_s: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._woken.wait()
        woken = self._woken.is_set()
        self._woken.clear()
        return woken

    def take_ephemeral(self) -> list[Mapping[str, Any]]:
        taken = list(self._ephemeral)
        self._ephemeral.clear()
        return taken


class MemoryFeed:
    """`ports.Feed` for the embedded server. Use from one event loop only."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[MemoryListener]] = {}

    def wake(self, task_ids: Sequence[str]) -> None:
        for topic in {*task_ids, ALL}:
            for listener in self._listeners.get(topic, ()):
                listener.wake()

    def publish(self, task_id: str, ephemeral: Mapping[str, Any]) -> None:
        for topic in (task_id, ALL):
            for listener in self._listeners.get(topic, ()):
                listener.push({"task_id": task_id, **ephemeral})

    def wake_everybody(self) -> None:
        """Wake each listener once, whatever it listens to."""
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.wake()

    async def ping(self) -> bool:
        return True

    @asynccontextmanager
    async def listen(self, task_id: str | None) -> AsyncIterator[MemoryListener]:
        topic = ALL if task_id is None else task_id
        listener = MemoryListener()
        self._listeners.setdefault(topic, set()).add(listener)
        try:
            yield listener
        finally:
            listeners = self._listeners[topic]
            listeners.discard(listener)
            if not listeners:
                del self._listeners[topic]
