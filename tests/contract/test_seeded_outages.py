"""What was said while Redis was away is said when it is back; seeded faults showed that nothing noticed."""

import asyncio
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs
from tests.support.proxy import TcpProxy
from tests.support.servers import RedisServer

from langgraph_multi_agent.feed.redis import open_feed
from langgraph_multi_agent.queue.redis import KEY, open_doorbell


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
def proxy(server: RedisServer) -> Iterator[TcpProxy]:
    with TcpProxy(server.address) as proxy:
        yield proxy


async def lost(logs: Sequence[MutableMapping[str, Any]], part: str) -> None:
    """Until a part has noticed that Redis is away."""
    async with asyncio.timeout(30):
        while ("redis.lost", part) not in [(line["event"], line.get("part")) for line in logs]:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_what_was_rung_in_an_outage_is_in_the_list_after_it(server: RedisServer, proxy: TcpProxy) -> None:
    with capture_logs() as logs:
        async with (
            open_doorbell(server.url(via=proxy.address), size=10) as doorbell,
            Redis.from_url(server.url()) as client,
        ):
            proxy.cut()
            await doorbell.ring("first")
            await lost(logs, "doorbell.ring")
            await doorbell.ring("second")
            proxy.heal()
            async with asyncio.timeout(30):
                while await client.llen(KEY) < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert set(await client.lrange(KEY, 0, -1)) == {b"first", b"second"}


async def test_who_was_to_be_woken_in_an_outage_of_the_caller_is_woken_after_it(
    server: RedisServer, proxy: TcpProxy
) -> None:
    with capture_logs() as logs:
        async with open_feed(server.url(via=proxy.address)) as here, open_feed(server.url()) as there:
            async with there.listen("any") as subscribed:
                assert await subscribed.wait(30)
            async with there.listen("t") as listener:
                proxy.cut()
                here.wake(["t"])
                await lost(logs, "feed.publish")
                proxy.heal()
                assert await listener.wait(30)
