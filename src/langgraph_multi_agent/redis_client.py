"""Connections to a Redis, the same for all that keep something there.

Hides the pool and its deadlines. Callers: `queue`, `feed` and `cache`, which may not import each other.
Invariant: no call waits longer than CONNECT_S + CALL_S, whatever the network does.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

CONNECT_S = 1.0
CALL_S = 2.0


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
        socket_timeout=CALL_S,
        protocol=2,
        # A pooled connection that a restart has cut is found out by using it.
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    )
    async with Redis.from_pool(pool) as client:
        yield client
