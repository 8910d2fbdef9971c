"""The cache of many processes: keys `<prefix>:cache:…` in REDIS_URL.

Hides the connection and every error of Redis: an error is a miss, and while Redis is away only one
look-up each second waits for it. `bootstrap` opens one for a process. Invariant: each entry has a TTL,
and with an index of last uses (`<prefix>:cache-uses`) there are about `max_entries` at most.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from redis.asyncio import Redis

from langgraph_multi_agent.cache.memory import MAX_VALUE_BYTES
from langgraph_multi_agent.redis_client import CALL_S, open_client
from langgraph_multi_agent.telemetry.metrics import Metrics
from langgraph_multi_agent.telemetry.outage import Outage

ENTRIES = "cache:"
USES = "cache-uses"
CONNECTIONS = 8
MAX_EVICTED_AT_ONCE = 1000


class QuietRedis:
    """Calls that end within a deadline and never raise; while Redis is away most end at once.

    Args:
        part: the name of its user in logs and metrics.
    """

    def __init__(self, client: "Redis", part: str, *, metrics: Metrics | None) -> None:
        self.client = client
        self._outage = Outage(part, metrics=metrics)
        self._is_probing = False

    async def ask(self, call: Callable[["Redis"], Any]) -> tuple[bool, Any]:
        """`(True, reply)`, or `(False, None)` if there was none within 2 s.

        Args:
            call: gives an awaitable of redis-py.
        """
        if self._outage.is_down and (self._is_probing or not self._outage.has_rested):
            return False, None
        self._is_probing = self._outage.is_down
        try:
            async with asyncio.timeout(CALL_S):
                reply = await cast("Awaitable[Any]", call(self.client))
        except Exception as error:
            self._outage.failed(error)
            return False, None
        finally:
            self._is_probing = False
        self._outage.answered()
        return True, reply

    async def ping(self) -> bool:
        """Whether it answers; asks also during an outage."""
        try:
            async with asyncio.timeout(CALL_S):
                return bool(await cast("Awaitable[Any]", self.client.ping()))
        except Exception:
            return False


@asynccontextmanager
async def open_cache(
    url: str, *, ttl_s: float, max_entries: int, prefix: str = "lgma", metrics: Metrics | None = None
) -> AsyncIterator["RedisCache"]:
    """A cache that works until the block ends; Redis may be away the whole time.

    Args:
        url: REDIS_URL, not that of the queue.
        ttl_s: CACHE_TTL, in seconds.
        max_entries: CACHE_MAX_SIZE, over all processes.
        prefix: of all keys, one for each installation that shares the server.
        metrics: counts look-ups, evictions and returns of Redis, if given.

    Raises:
        ValueError: the URL is none of Redis.
    """
    async with open_client(url, connections=CONNECTIONS) as client:
        yield RedisCache(client, ttl_s=ttl_s, max_entries=max_entries, prefix=prefix, metrics=metrics)


class RedisCache:
    """`ports.Cache` over Redis: about the least recently used entry goes first.

    The bound is approximate: processes evict side by side, and an entry whose time is over counts
    until it is asked for or its turn comes. Where Redis itself evicts, what it takes is a miss.
    """

    def __init__(
        self,
        client: "Redis",
        *,
        ttl_s: float,
        max_entries: int,
        prefix: str = "lgma",
        metrics: Metrics | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._redis = QuietRedis(client, "cache", metrics=metrics)
        self._ttl_s, self._max_entries = ttl_s, max_entries
        self._entries, self._uses = f"{prefix}:{ENTRIES}", f"{prefix}:{USES}"
        self._metrics, self._now = metrics, now

    async def get(self, key: str) -> bytes | None:
        async def look(client: "Redis") -> bytes | None:
            async with client.pipeline(transaction=False) as pipe:
                pipe.get(self._entries + key)
                pipe.zadd(self._uses, {key: self._now()}, xx=True)
                value: bytes | None = (await pipe.execute())[0]
            if value is None:
                await cast("Awaitable[Any]", client.zrem(self._uses, key))
            return value

        is_answered, value = await self._redis.ask(look)
        if self._metrics is not None:
            outcome = "error" if not is_answered else "miss" if value is None else "hit"
            self._metrics.cache_requests.labels("redis", outcome).inc()
        return cast("bytes | None", value)

    async def put(self, key: str, value: bytes, *, ttl_s: float | None = None) -> None:
        lasts_ms = math.ceil(1000 * (self._ttl_s if ttl_s is None else ttl_s))

        async def keep(client: "Redis") -> None:
            if lasts_ms <= 0 or len(value) > MAX_VALUE_BYTES:
                await cast("Awaitable[Any]", client.delete(self._entries + key))
                return
            async with client.pipeline(transaction=True) as pipe:
                pipe.set(self._entries + key, value, px=lasts_ms)
                pipe.zadd(self._uses, {key: self._now()})
                pipe.zcard(self._uses)
                surplus = (await pipe.execute())[2] - self._max_entries
            if surplus > 0:
                await self._evict(client, min(surplus, MAX_EVICTED_AT_ONCE))

        await self._redis.ask(keep)

    async def ping(self) -> bool:
        return await self._redis.ping()

    async def _evict(self, client: "Redis", number: int) -> None:
        oldest = await cast("Awaitable[Any]", client.zpopmin(self._uses, number))
        if oldest:
            keys = [self._entries.encode() + name for name, _ in oldest]
            removed = await cast("Awaitable[Any]", client.unlink(*keys))
            if self._metrics is not None:
                self._metrics.cache_evictions.labels("redis").inc(removed)
