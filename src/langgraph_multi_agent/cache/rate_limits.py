"""How often somebody may ask: counted in this process, or in REDIS_URL for all replicas together.

Hides the counting (`limits`, a sliding window in two buckets) and where it happens. Callers: bootstrap
opens it, the API asks. Invariant: an outage of Redis lets nobody in or out: this process then counts
for itself, and one request at a time finds out whether Redis is back.
"""

import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import Redis

from langgraph_multi_agent.cache.redis import QuietRedis
from langgraph_multi_agent.redis_client import open_client

CONNECTIONS = 8
SHARES = 100
ADVANCE_S = 5.0
"""What was taken in advance and not used by then is lost: another replica may have needed it."""
MAX_ADVANCES = 10_000
PREFIX = "rate"


class RateLimits:
    """`ports.RateLimits`.

    A hundredth of a limit is taken at a time and used up here before more is asked for, so that most
    requests cost no look at Redis; somebody may meet the limit so much early, on each replica.

    Args:
        client: of the Redis where all replicas count; None for this process alone.
        prefix: of all keys, one for each installation that shares the server.
        monotonic: for what is taken in advance.
    """

    def __init__(
        self,
        client: "Redis | None" = None,
        *,
        prefix: str = "lgma",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._redis = None if client is None else QuietRedis(client, "rate_limits", metrics=None)
        self._shared = None if client is None else SlidingWindowCounterRateLimiter(_storage(client, prefix))
        self._monotonic = monotonic
        self._advance: OrderedDict[tuple[str, ...], tuple[int, float]] = OrderedDict()

    async def take(self, limit: str, *who: str) -> float:
        left, until = self._advance.get((limit, *who), (0, 0.0))
        now = self._monotonic()
        if left and now < until:
            self._advance[limit, *who] = (left - 1, until)
            return 0.0
        item = _item(limit)
        share = max(1, item.amount // SHARES)
        waits_s = await self._count(item, share, *who)
        if waits_s and share > 1:  # too little is left for a share, perhaps not for one
            share, waits_s = 1, await self._count(item, 1, *who)
        if not waits_s and share > 1:
            self._advance[limit, *who] = (share - 1, now + ADVANCE_S)
            self._advance.move_to_end((limit, *who))
            while len(self._advance) > MAX_ADVANCES:
                self._advance.popitem(last=False)
        return waits_s

    async def _count(self, item: RateLimitItem, cost: int, *who: str) -> float:
        if self._redis is not None and self._shared is not None:
            shared = self._shared
            is_answered, waits_s = await self._redis.ask(lambda _: _take(shared, item, cost, *who))
            if is_answered:
                return float(waits_s)
        return await _take(self._own, item, cost, *who)


async def _take(
    counter: SlidingWindowCounterRateLimiter, item: RateLimitItem, cost: int, *who: str
) -> float:
    if await counter.hit(item, *who, cost=cost):
        return 0.0
    return max(1.0, (await counter.get_window_stats(item, *who)).reset_time - time.time())


@cache
def _item(limit: str) -> RateLimitItem:
    return parse(limit)


@asynccontextmanager
async def open_rate_limits(url: str | None, *, prefix: str = "lgma") -> AsyncIterator[RateLimits]:
    """Over REDIS_URL until the block ends; None for this process alone."""
    if url is None:
        yield RateLimits()
        return
    async with open_client(url, connections=CONNECTIONS) as client:
        yield RateLimits(client, prefix=prefix)


def _storage(client: "Redis", prefix: str) -> RedisStorage:
    options: Any = {"connection_pool": client.connection_pool}
    return RedisStorage(
        "async+redis://",
        wrap_exceptions=False,
        implementation="redispy",
        key_prefix=f"{prefix}:{PREFIX}",
        **options,
    )
