"""What a Redis server says about itself. Caller: `ops.data_plane`.

Hides the client and its errors. Invariant: one short-lived connection, nothing is written.
"""

import asyncio
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from langgraph_multi_agent.domain.errors import DependencyUnavailable
from langgraph_multi_agent.telemetry.redaction import Redactor


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisFacts:
    """`version` is that of the Redis protocol and commands, also for a compatible server."""

    version: tuple[int, ...]
    eviction_policy: str


async def redis_facts(url: str, *, deadline_s: float) -> RedisFacts:
    """Ask a server for its version and eviction policy.

    Args:
        url: `redis://`, `rediss://` or `unix://`.
        deadline_s: seconds for everything, name look-up included.

    Raises:
        DependencyUnavailable: it does not answer in time, or refuses; `reason` in its words.
    """
    client = Redis.from_url(url, retry=Retry(NoBackoff(), 0), socket_timeout=None)
    try:
        async with asyncio.timeout(deadline_s):
            info = await client.info("server", "memory")
    except (RedisError, OSError) as error:
        # OSError holds TimeoutError, which says nothing of its own.
        reason = Redactor().text(str(error)) or f"no answer within {deadline_s:g} s"
        raise DependencyUnavailable(dependency="redis", reason=reason) from error
    finally:
        await client.aclose()
    version = tuple(int(part) for part in str(info["redis_version"]).split(".") if part.isdigit())
    return RedisFacts(version=version, eviction_policy=str(info["maxmemory_policy"]))
