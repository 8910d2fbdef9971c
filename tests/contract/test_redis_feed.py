"""The feed between processes: who hears what, how often, and what an outage costs."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs
from tests.support.proxy import TcpProxy
from tests.support.servers import RedisServer

from langgraph_multi_agent import redis_client
from langgraph_multi_agent.feed import redis as adapter
from langgraph_multi_agent.feed.redis import RedisFeed, open_feed
from langgraph_multi_agent.telemetry.metrics import Metrics

SOON = 0.05
PATIENCE_S = 30.0


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis that is up answers, however busy this machine is: a late answer would count as an outage."""
    for name in ("CONNECT_S", "CALL_S"):
        monkeypatch.setattr(redis_client, name, 60.0)
    for name in ("CALL_S", "CLOSE_S", "QUIET_S"):
        monkeypatch.setattr(adapter, name, 60.0)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
async def here(server: RedisServer) -> AsyncIterator[RedisFeed]:
    server.start()
    async with open_feed(server.url()) as feed:
        await woken(feed)
        yield feed


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(with_process=False)


@pytest.fixture
async def there(server: RedisServer, here: RedisFeed, metrics: Metrics) -> AsyncIterator[RedisFeed]:
    async with open_feed(server.url(), metrics=metrics) as feed:
        await woken(feed)
        yield feed


async def woken(feed: RedisFeed) -> None:
    """Until its subscription begins: everybody is woken then."""
    async with feed.listen("any") as listener:
        assert await listener.wait(PATIENCE_S)


def messages(metrics: Metrics, direction: str) -> float | None:
    return metrics.registry.get_sample_value("langgraph_feed_messages_total", {"direction": direction})


async def test_a_wake_up_reaches_the_listeners_of_other_processes_and_only_the_right_ones(
    here: RedisFeed, there: RedisFeed
) -> None:
    async with there.listen("a") as a, there.listen("b") as b, there.listen(None) as everything:
        here.wake(["a"])
        assert await a.wait(PATIENCE_S)
        assert await everything.wait(PATIENCE_S)
        assert not await b.wait(SOON)


async def test_progress_reaches_other_processes_and_names_its_task(here: RedisFeed, there: RedisFeed) -> None:
    async with there.listen("t") as listener:
        here.publish("t", {"percent": 1, "text": "进度"})
        assert await listener.wait(PATIENCE_S)
        assert listener.take_ephemeral() == [{"task_id": "t", "percent": 1, "text": "进度"}]


async def test_a_process_does_not_hear_its_own_message_twice(here: RedisFeed, there: RedisFeed) -> None:
    async with here.listen("t") as mine, there.listen("t") as theirs, here.listen("answer") as answer:
        here.wake(["t"])
        here.publish("t", {"n": 1})
        assert await mine.wait(0)
        assert len(mine.take_ephemeral()) == 1
        assert await theirs.wait(PATIENCE_S)
        there.wake(["answer"])  # comes back behind the echo
        assert await answer.wait(PATIENCE_S)
        assert not await mine.wait(0)
        assert mine.take_ephemeral() == []


async def test_wake_ups_that_come_together_go_in_few_messages(
    here: RedisFeed, there: RedisFeed, metrics: Metrics
) -> None:
    async with here.listen("t999") as last, here.listen("t500") as middle:
        for number in range(1000):
            there.wake([f"t{number}"])
        assert await last.wait(PATIENCE_S)
        assert await middle.wait(PATIENCE_S)
    sent = messages(metrics, "sent")
    assert sent is not None
    assert 1 <= sent <= 3


async def test_more_wake_ups_than_are_kept_wake_everybody(
    here: RedisFeed, there: RedisFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "MAX_WAITING_IDS", 10)
    async with there.listen("t0") as named, there.listen("unnamed") as unnamed:
        for number in range(100):
            here.wake([f"t{number}"])
        assert await named.wait(PATIENCE_S)
        assert await unnamed.wait(PATIENCE_S)


async def test_what_json_cannot_carry_or_is_too_long_stays_here_and_stops_nothing(
    here: RedisFeed, there: RedisFeed, metrics: Metrics
) -> None:
    async with there.listen("t") as local, here.listen("t") as remote:
        there.publish("t", {"what": object()})
        there.publish("t", {"text": "x" * 20_000})
        there.publish("t", {"n": 1})
        assert len(local.take_ephemeral()) == 3
        assert await remote.wait(PATIENCE_S)
        assert remote.take_ephemeral() == [{"task_id": "t", "n": 1}]
    assert messages(metrics, "dropped") == 2


async def test_a_message_of_a_stranger_does_no_harm(
    here: RedisFeed, there: RedisFeed, server: RedisServer
) -> None:
    async with Redis.from_url(server.url()) as client, there.listen("t") as listener:
        for body in (b"", b"\xff", b"[]", b"3", b'{"process": "x", "ephemeral": [1]}', b'{"ids": 3}'):
            await client.publish("lgma:feed", body)
        here.wake(["t"])
        assert await listener.wait(PATIENCE_S)


async def test_after_a_restart_all_are_woken_once_and_messages_pass_again(
    server: RedisServer, here: RedisFeed
) -> None:
    metrics = Metrics(with_process=False)
    with capture_logs() as logs:
        async with open_feed(server.url(), metrics=metrics) as there:
            await woken(there)
            async with there.listen("a") as a, there.listen("b") as b, there.listen("t") as t:
                server.stop()
                began = time.monotonic()
                here.wake(["t"])
                here.publish("t", {"n": 1})
                assert time.monotonic() - began < 30  # who waits for an answer: 60 s
                async with asyncio.timeout(PATIENCE_S):
                    while not there._hearing.is_down:  # noqa: ASYNC110
                        await asyncio.sleep(0.005)
                assert not await there.ping()
                server.start()
                assert await a.wait(PATIENCE_S)
                assert await b.wait(0)
                assert not await a.wait(SOON)
                assert await t.wait(PATIENCE_S)
                # Both are subscribed once a message has passed each way.
                async with here.listen("echo") as echo:
                    async with asyncio.timeout(PATIENCE_S):
                        while not await echo.wait(SOON):
                            there.wake(["echo"])
                here.wake(["a"])
                assert await a.wait(PATIENCE_S)
                assert await there.ping()
    lost = [line["part"] for line in logs if line["event"] == "redis.lost"]
    assert lost.count("feed.listen") == 2  # once for each process
    assert lost.count("feed.publish") <= 2
    assert metrics.registry.get_sample_value("langgraph_redis_reconnects_total", {"part": "feed.listen"}) == 1


async def test_a_subscription_that_went_silent_is_noticed_and_begun_anew(
    server: RedisServer, here: RedisFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "QUIET_S", 5.0)
    with TcpProxy(server.address) as proxy:
        async with open_feed(server.url(via=proxy.address)) as there, there.listen("t") as listener:
            assert await listener.wait(PATIENCE_S)
            assert not await listener.wait(11)  # silence alone is no outage
            proxy.pause()
            monkeypatch.setattr(adapter, "QUIET_S", 0.1)
            monkeypatch.setattr(adapter, "CALL_S", 0.5)
            async with asyncio.timeout(PATIENCE_S):
                while not there._hearing.is_down:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            monkeypatch.setattr(adapter, "QUIET_S", PATIENCE_S)
            monkeypatch.setattr(adapter, "CALL_S", PATIENCE_S)
            proxy.heal()
            assert await listener.wait(PATIENCE_S)
            here.wake(["t"])
            assert await listener.wait(PATIENCE_S)


async def test_closing_sends_what_was_said_last(server: RedisServer, here: RedisFeed) -> None:
    async with here.listen("t") as listener:
        async with open_feed(server.url()) as leaving:
            leaving.wake(["t"])
        assert await listener.wait(PATIENCE_S)


@pytest.mark.parametrize("is_up", [True, False])
async def test_nothing_is_left_running_after_closing(server: RedisServer, is_up: bool) -> None:
    server.start()
    if not is_up:
        server.stop()
    before = asyncio.all_tasks()
    with contextlib.suppress(ZeroDivisionError):
        async with open_feed(server.url()) as feed:
            feed.wake(["t"])
            async with feed.listen("other") as listener:
                await listener.wait(0.1)
            raise ZeroDivisionError
    assert asyncio.all_tasks() == before


async def test_installations_on_one_server_do_not_hear_each_other(
    server: RedisServer, here: RedisFeed
) -> None:
    async with open_feed(server.url(5), prefix="lgma:other") as other:
        await woken(other)
        async with open_feed(server.url(5)) as same:
            await woken(same)
            async with other.listen(None) as foreign, same.listen(None) as own:
                here.publish("control", {"reset_agent": "coder"})
                assert await own.wait(PATIENCE_S)
                assert not await foreign.wait(SOON)
                assert foreign.take_ephemeral() == []


async def test_it_closes_wherever_in_a_call_its_end_meets_it(server: RedisServer) -> None:
    """A cancellation that a call loses leaves a server that never ends its shutdown."""
    server.start()
    for turns in range(60):
        async with asyncio.timeout(60):
            async with open_feed(server.url()) as feed:
                feed.wake(["t"])
                for _ in range(turns):
                    await asyncio.sleep(0)
