"""How often somebody may ask: counted in this process, or in REDIS_URL for all replicas together.

Hides the counting (`limits`, a sliding window in two buckets) and where it happens. Callers: bootstrap
opens it, the API asks. Invariant: an outage of Redis lets nobody in or out: this process then counts
for itself.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError

from langgraph_multi_agent.redis_client import open_client

log = structlog.get_logger(__name__)

CONNECTIONS = 8
PREFIX = "rate"


class RateLimits:
    """`ports.RateLimits`.

    Args:
        shared: where all replicas count; None for this process alone.
    """

    def __init__(self, shared: RedisStorage | None = None) -> None:
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared = None if shared is None else SlidingWindowCounterRateLimiter(shared)
        self._is_shared_away = False

    async def take(self, limit: str, *who: str) -> float:
        item = _item(limit)
        if self._shared is not None:
            try:
                waits_s = await _take(self._shared, item, *who)
            except StorageError as error:
                if not self._is_shared_away:
                    log.warning("rate_limits.redis", reason=type(error.__cause__ or error).__name__)
                self._is_shared_away = True
            else:
                self._is_shared_away = False
                return waits_s
        return await _take(self._own, item, *who)


async def _take(counter: SlidingWindowCounterRateLimiter, item: RateLimitItem, *who: str) -> float:
    if await counter.hit(item, *who):
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
        options: Any = {"connection_pool": client.connection_pool}
        shared = RedisStorage(
            "async+redis://",
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix=f"{prefix}:{PREFIX}",
            **options,
        )
        yield RateLimits(shared)
