"""How often somebody may ask, in one process and over all replicas, with Redis and without."""

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from tests.support.proxy import TcpProxy
from tests.support.servers import RedisServer

from langgraph_multi_agent import redis_client
from langgraph_multi_agent.cache import redis as adapter
from langgraph_multi_agent.cache.rate_limits import SHARES, RateLimits, open_rate_limits

pytestmark = pytest.mark.anyio
NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis that is up answers, however busy this machine is: a late answer would count as an outage."""
    for module, name in ((redis_client, "CONNECT_S"), (redis_client, "CALL_S"), (adapter, "CALL_S")):
        monkeypatch.setattr(module, name, 60.0)


@pytest.fixture(params=["memory", "redis"])
async def limits(request: pytest.FixtureRequest) -> AsyncIterator[RateLimits]:
    url = None
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        url = server.url(0)
    async with open_rate_limits(url, prefix=uuid4().hex) as opened:
        yield opened


async def granted(limits: RateLimits, limit: str, who: str, tries: int) -> int:
    return [await limits.take(limit, who) for _ in range(tries)].count(0.0)


async def test_so_many_are_granted_and_the_next_is_told_when_to_come(limits: RateLimits) -> None:
    assert await granted(limits, "10/hour", "li", 10) == 10
    waits_s = await limits.take("10/hour", "li")
    assert 1 <= waits_s <= 7200
    assert await limits.take("10/hour", "wang") == 0.0


async def test_a_large_limit_is_met_to_the_last_request_by_one_process(limits: RateLimits) -> None:
    limits._monotonic = lambda: 0.0  # what is taken in advance is not lost before it is used
    wanted = 7 * SHARES + 3
    assert await granted(limits, f"{wanted}/day", "li", wanted + 50) == wanted


async def test_what_was_taken_in_advance_is_lost_after_its_time() -> None:
    now = [0.0]
    limits = RateLimits(monotonic=lambda: now[0])
    assert await limits.take("500/day", "li") == 0.0
    now[0] += 60
    assert await granted(limits, "500/day", "li", 600) == 495


async def test_replicas_count_together_and_each_for_itself_while_redis_is_away(redis_server: RedisServer) -> None:
    url, prefix = redis_server.url(0), uuid4().hex
    async with open_rate_limits(url, prefix=prefix) as one, open_rate_limits(url, prefix=prefix) as two:
        assert await granted(one, "20/hour", "li", 12) + await granted(two, "20/hour", "li", 12) == 20
    async with open_rate_limits(NOWHERE) as alone:
        assert await granted(alone, "20/hour", "li", 30) == 20


async def test_behind_a_black_hole_one_count_waits_and_the_others_go_on(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, limit = uuid4().hex, "50/year"
    with TcpProxy(redis_server.address) as proxy:
        async with open_rate_limits(redis_server.url(0, via=proxy.address), prefix=who) as limits:
            assert await limits.take(limit, who) == 0.0
            proxy.pause()
            with monkeypatch.context() as patch:
                patch.setattr(adapter, "CALL_S", 0.5)
                assert await limits.take(limit, who) == 0.0  # waits, and finds that Redis is away
            assert limits._redis is not None
            limits._redis._outage._monotonic = lambda: 0.0  # its pause does not end
            assert not limits._redis._outage.has_rested
            held = proxy.traffic().accepted
            assert await granted(limits, limit, who, 60) == 49
            assert proxy.traffic().accepted == held
            limits._redis._outage._monotonic = time.monotonic
            proxy.heal()
            async with asyncio.timeout(60):
                while limits._redis._outage.is_down:
                    await limits.take("100000/hour", uuid4().hex)
                    await asyncio.sleep(0.05)
            assert 0 < await granted(limits, limit, who, 60) <= 49  # Redis has kept its count
