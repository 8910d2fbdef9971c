"""Sessions of people who are logged in, in REDIS_URL (keys `<prefix>:session:…`).

Hides where they are. Caller: `bootstrap`, where there is a Redis; else they are in the database.
Invariant: only hashes of tokens come here, and a session that nobody touches is gone after its time.
"""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from redis.asyncio import Redis

from langgraph_multi_agent.cache.redis import CONNECTIONS, QuietRedis
from langgraph_multi_agent.domain.errors import DependencyUnavailable
from langgraph_multi_agent.redis_client import open_client
from langgraph_multi_agent.telemetry.metrics import Metrics

SESSIONS = "session:"


@asynccontextmanager
async def open_sessions(
    url: str, *, prefix: str = "lgma", metrics: Metrics | None = None
) -> AsyncIterator["RedisSessions"]:
    """Sessions in REDIS_URL until the block ends. Raises ValueError: the URL is none of Redis."""
    async with open_client(url, connections=CONNECTIONS) as client:
        yield RedisSessions(client, prefix=prefix, metrics=metrics)


class RedisSessions:
    """`ports.Sessions` over Redis."""

    def __init__(self, client: "Redis", *, prefix: str = "lgma", metrics: Metrics | None = None) -> None:
        self._prefix = f"{prefix}:{SESSIONS}"
        self._redis = QuietRedis(client, "sessions", metrics=metrics)

    async def create(self, token_hash: str, value: bytes, *, ttl_s: float) -> bool:
        lasts_ms = math.ceil(ttl_s * 1000)
        _, reply = await self._redis.ask(
            lambda client: client.set(self._prefix + token_hash, value, px=lasts_ms, nx=True)
        )
        return bool(reply)

    async def get(self, token_hash: str) -> bytes | None:
        is_answered, reply = await self._redis.ask(lambda client: client.get(self._prefix + token_hash))
        if not is_answered:  # nobody is logged out by an outage
            raise DependencyUnavailable(dependency="sessions", reason="unreachable")
        return cast("bytes | None", reply)

    async def touch(self, token_hash: str, *, ttl_s: float) -> bool:
        lasts_ms = math.ceil(ttl_s * 1000)
        _, reply = await self._redis.ask(lambda client: client.pexpire(self._prefix + token_hash, lasts_ms))
        return bool(reply)

    async def delete(self, token_hash: str) -> bool:
        is_answered, _ = await self._redis.ask(lambda client: client.delete(self._prefix + token_hash))
        return is_answered

    async def ping(self) -> bool:
        return await self._redis.ping()
