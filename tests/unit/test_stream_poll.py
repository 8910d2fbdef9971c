"""The poll behind all streams of a process."""

import asyncio
from typing import Any, cast

import pytest

from langgraph_multi_agent.feed.memory import MemoryFeed
from langgraph_multi_agent.service import streams
from langgraph_multi_agent.service.streams import StreamService


class Log:
    """A channel that is read until it is told to fail."""

    def __init__(self, fails: asyncio.Event) -> None:
        self.is_read, self._fails = asyncio.Event(), fails

    async def pump(self) -> None:
        self.is_read.set()
        await self._fails.wait()
        raise ValueError


async def test_it_ends_wherever_in_the_failure_of_a_reading_its_end_meets_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that goes on is waited for by the last who follows a stream, for ever."""
    monkeypatch.setattr(streams, "POLL_S", 0.0)
    for turns in range(6):
        service = StreamService(database=cast("Any", None), feed=MemoryFeed())
        broken, other = Log(asyncio.Event()), Log(asyncio.Event())
        service._of_all = cast("Any", {"a": broken, "b": other})
        polling = asyncio.create_task(service._poll())
        async with asyncio.timeout(60):
            await broken.is_read.wait()
            await other.is_read.wait()
        broken._fails.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        polling.cancel()
        done, _ = await asyncio.wait({polling}, timeout=60)
        assert done
        assert polling.cancelled()
