"""What Redis keeps of people: sessions, and answers of models that were given before.

Hides the names of keys. Caller: `bootstrap`, for an erasure. Invariant: only keys of this installation
are touched. An entry of the cache does not say whose it is, so all answers of models go; a cache may
forget anything at any time.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from langgraph_multi_agent.cache.redis import CONNECTIONS, ENTRIES, USES
from langgraph_multi_agent.cache.sessions import SESSIONS
from langgraph_multi_agent.domain.errors import DependencyUnavailable
from langgraph_multi_agent.redis_client import CALL_S, open_client

AT_ONCE = 500


@asynccontextmanager
async def open_traces(url: str, *, prefix: str, answers: str) -> AsyncIterator["RedisTraces"]:
    """What REDIS_URL keeps, until the block ends.

    Args:
        prefix: what the keys of the installation begin with.
        answers: what those of models' answers begin with in the cache.

    Raises:
        ValueError: the URL is none of Redis.
    """
    async with open_client(url, connections=CONNECTIONS) as client:
        yield RedisTraces(client, prefix=prefix, answers=answers)


class RedisTraces:
    """Sessions and cached answers of one installation."""

    def __init__(self, client: "Redis", *, prefix: str, answers: str) -> None:
        self._client, self._prefix, self._answers = client, prefix, answers

    async def end_sessions(self, is_theirs: Callable[[bytes], bool]) -> int:
        """Delete the sessions whose value is somebody's; how many. Raises DependencyUnavailable."""
        ended = 0
        async for keys in self._pages(f"{self._prefix}:{SESSIONS}*"):
            values = await self._ask(self._client.mget(keys))
            theirs = [key for key, value in zip(keys, values, strict=True) if value is not None and is_theirs(value)]
            if theirs:
                ended += await self._ask(self._client.delete(*theirs))
        return ended

    async def forget_answers(self) -> int:
        """Delete all cached answers of models; how many. Raises DependencyUnavailable."""
        entries = f"{self._prefix}:{ENTRIES}".encode()
        forgotten = 0
        async for keys in self._pages(f"{self._prefix}:{ENTRIES}{self._answers}*"):
            forgotten += await self._ask(self._client.delete(*keys))
            await self._ask(self._client.zrem(f"{self._prefix}:{USES}", *(key.removeprefix(entries) for key in keys)))
        return forgotten

    async def _pages(self, pattern: str) -> AsyncIterator[list[bytes]]:
        cursor = 0
        while True:
            cursor, keys = await self._ask(self._client.scan(cursor, match=pattern, count=AT_ONCE))
            if keys:
                yield keys
            if not cursor:
                return

    async def _ask(self, call: Any) -> Any:
        try:
            async with asyncio.timeout(CALL_S):
                return await cast("Any", call)
        except (RedisError, OSError) as error:
            raise DependencyUnavailable(dependency="redis", reason=type(error).__name__) from error
