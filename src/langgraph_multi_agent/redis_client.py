"""Connections to a Redis, the same for all that keep something there.

Hides the pool. Callers: `queue`, `feed` and `cache`, which may not import each other.
Invariants: connecting takes at most CONNECT_S, and who calls puts `asyncio.timeout(CALL_S)` around it;
a task that is cancelled in a call ends.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

CONNECT_S = 1.0
CALL_S = 2.0
"""The whole of a call: a connection for it, the way there and back."""


@asynccontextmanager
async def open_client(url: str, *, connections: int) -> AsyncIterator["Redis"]:
    """A client whose connections are made when first used; Redis may be away the whole time.

    Args:
        url: `redis://`, `rediss://` or `unix://`.
        connections: at most; a caller waits up to CONNECT_S for a free one.

    Raises:
        ValueError: the URL is none of Redis.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=CONNECT_S,
        socket_connect_timeout=CONNECT_S,
        # With a deadline of its own redis-py sends by `asyncio.wait_for`, which before Python 3.12 loses a
        # cancellation that arrives as the bytes have left (gh-86296): who was told to end would wait on.
        socket_timeout=None,
        protocol=2,
        # A pooled connection that a restart has cut is found out by using it.
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    )
    async with Redis.from_pool(pool) as client:
        yield client
