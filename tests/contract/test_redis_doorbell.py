"""The doorbell between processes: who is woken, what LLEN shows, and what an outage costs."""

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
from langgraph_multi_agent.queue import redis as adapter
from langgraph_multi_agent.queue.redis import KEY, RedisDoorbell, open_doorbell
from langgraph_multi_agent.queue.roll import Roll
from langgraph_multi_agent.telemetry.metrics import Metrics

SIZE = 50
CALL_S = redis_client.CALL_S


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis that is up answers, however busy this machine is: a late answer would count as an outage."""
    for module, name in (
        (redis_client, "CONNECT_S"), (redis_client, "CALL_S"), (adapter, "CALL_S"), (adapter, "CLOSE_S"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, 60.0)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
async def client(server: RedisServer) -> AsyncIterator[Redis]:
    server.start()
    async with Redis.from_url(server.url()) as opened:
        await opened.flushall()
        yield opened


@pytest.fixture
async def replica(server: RedisServer, client: Redis) -> AsyncIterator[RedisDoorbell]:
    """The doorbell of a process that rings and has no worker."""
    async with open_doorbell(server.url(), size=SIZE) as opened:
        yield opened


@pytest.fixture
async def worker(server: RedisServer, client: Redis) -> AsyncIterator[RedisDoorbell]:
    async with open_doorbell(server.url(), size=SIZE) as opened:
        yield opened


async def length_becomes(client: Redis, wanted: int) -> None:
    async with asyncio.timeout(30):
        while await client.llen(KEY) != wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def is_blocked(client: Redis) -> None:
    """Until a BRPOP waits on the server."""
    async with asyncio.timeout(30):
        while (await client.info("clients"))["blocked_clients"] == 0:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def is_mute(doorbell: RedisDoorbell) -> bool:
    """Whether it has rung in vain."""
    return doorbell._ringing.is_down


async def heard(doorbell: RedisDoorbell) -> None:
    """Until it has heard of Redis: waits end early for other causes too."""
    async with asyncio.timeout(60):
        while doorbell._hearing.is_down:
            await doorbell.wait(0.05)


async def test_a_ring_in_one_process_wakes_the_waiter_of_another(
    replica: RedisDoorbell, worker: RedisDoorbell, client: Redis
) -> None:
    waiting = asyncio.create_task(worker.wait(60))
    await is_blocked(client)
    await replica.ring("t")
    async with asyncio.timeout(30):
        await waiting
    worker.took(["t"])
    await length_becomes(client, 0)


async def test_the_list_shows_the_tasks_that_wait_and_no_more_than_its_size(
    replica: RedisDoorbell, client: Redis
) -> None:
    for number in range(5):
        await replica.ring(f"t{number}")
    await length_becomes(client, 5)
    assert await client.lrange(KEY, -1, -1) == [b"t0"]  # the oldest is popped first
    for number in range(2 * SIZE):
        await replica.ring(f"u{number}")
    await length_becomes(client, SIZE)
    assert (await client.lrange(KEY, -1, -1)) == [b"t0"]


async def test_what_a_worker_takes_leaves_the_list_whatever_woke_it(
    replica: RedisDoorbell, worker: RedisDoorbell, client: Redis
) -> None:
    for number in range(10):
        await replica.ring(f"t{number}")
    await length_becomes(client, 10)
    async with asyncio.timeout(30):
        await worker.wait(60)  # pops one
    assert await client.llen(KEY) == 9
    worker.took([f"t{number}" for number in range(4)])
    await length_becomes(client, 6)
    worker.took(["t4", "t5"])  # a slot became free: claimed without a pop
    await length_becomes(client, 4)


async def test_a_stale_ring_wakes_once_and_is_not_set_against_later_tasks(
    replica: RedisDoorbell, worker: RedisDoorbell, client: Redis
) -> None:
    await replica.ring("stale")
    async with asyncio.timeout(30):
        await worker.wait(60)
    await worker.wait(0.05)  # it claimed nothing, and waits again
    for number in range(3):
        await client.lpush(KEY, f"t{number}")
    worker.took(["a", "b"])
    await length_becomes(client, 1)


async def test_without_a_free_slot_the_ring_stays_for_who_has_one(
    replica: RedisDoorbell, worker: RedisDoorbell, client: Redis
) -> None:
    await replica.ring("t")
    await length_becomes(client, 1)
    await worker.wait(0.1, has_slot=False)
    assert await client.llen(KEY) == 1


async def test_what_was_popped_for_a_worker_that_left_is_put_back(
    replica: RedisDoorbell, worker: RedisDoorbell, client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "BLOCK_S", 50)  # the BRPOP of who left still waits when the ring comes
    waiting = asyncio.create_task(worker.wait(60))
    await is_blocked(client)
    worker.nudge()
    await waiting
    await replica.ring("t")  # the BRPOP that was on its way gets it
    async with asyncio.timeout(30):
        await worker.wait(60, has_slot=False)
    await length_becomes(client, 1)
    assert await client.lrange(KEY, 0, -1) == [b"t"]


async def test_a_task_that_is_taken_before_its_ring_went_out_never_enters_the_list(
    worker: RedisDoorbell, client: Redis
) -> None:
    await worker.ring("mine")
    worker.took(["mine"])
    await worker.ring("other")
    await length_becomes(client, 1)
    assert await client.lrange(KEY, 0, -1) == [b"other"]


async def test_a_waiter_of_the_same_process_gets_the_ring_without_the_list(
    worker: RedisDoorbell, client: Redis
) -> None:
    await client.lpush(KEY, "of another")
    async with asyncio.timeout(30):
        await worker.wait(60)
    waiting = asyncio.create_task(worker.wait(60))
    await is_blocked(client)
    for task_id in ("mine", "second", "third"):
        await worker.ring(task_id)
    await waiting
    await length_becomes(client, 2)
    worker.took(["mine", "second"])
    await length_becomes(client, 1)


async def test_doubled_and_reordered_rings_wake_and_do_no_harm(
    replica: RedisDoorbell, worker: RedisDoorbell, client: Redis
) -> None:
    await client.rpush(KEY, "b", "a", "b", "b", "gone", "a")
    for _ in range(6):
        async with asyncio.timeout(30):
            await worker.wait(60)
    await length_becomes(client, 0)
    worker.took(["a", "b"])
    waiting = asyncio.create_task(worker.wait(60))
    await replica.ring("c")
    async with asyncio.timeout(30):
        await waiting


class Time:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def roll(client: Redis, time_of: Time, process: str) -> Roll:
    return Roll(client, key=KEY, size=SIZE, process=process, monotonic=time_of)


async def queue(client: Redis) -> list[str]:
    """In the order of popping."""
    entries = reversed(await client.lrange(KEY, 0, -1))
    return [entry.decode() for entry in entries if isinstance(entry, bytes)]


async def test_reconciling_adds_what_is_pending_best_first_and_drops_doubles(
    replica: RedisDoorbell, client: Redis
) -> None:
    await client.lpush(KEY, "b", "b")
    await replica.reconcile(["a", "b"])
    assert await queue(client) == ["a", "b"]
    await replica.reconcile([f"t{number}" for number in range(3 * SIZE)])
    assert await client.llen(KEY) == SIZE


async def test_what_nobody_knows_leaves_the_list_after_a_question(client: Redis) -> None:
    passing = Time()
    one, other = roll(client, passing, "one"), roll(client, passing, "other")
    await client.lpush(KEY, "stale", "a", "junk")
    for seconds in (0, 1, 2):
        passing.seconds = seconds
        for replica in (one, other):
            await replica.settle(["a"])
        assert set(await queue(client)) == {"stale", "a", "junk"}
    passing.seconds = 3
    for replica in (one, other):
        await replica.settle(["a"])
    assert await queue(client) == ["a"]
    assert await client.keys("*") == [KEY.encode()]


async def test_replicas_without_tasks_vouch_for_nothing_not_even_for_an_empty_entry(client: Redis) -> None:
    passing = Time()
    one, other = roll(client, passing, "one"), roll(client, passing, "other")
    await client.lpush(KEY, "", b"\xff\x00 no id", "", "gone")
    for seconds in range(4):
        passing.seconds = seconds
        for replica in (one, other):
            await replica.settle([])
    assert await queue(client) == []


async def test_replicas_of_different_teams_come_to_one_list_and_leave_it_alone(client: Redis) -> None:
    passing = Time()
    one, other = roll(client, passing, "one"), roll(client, passing, "other")
    await client.lpush(KEY, "stale")
    lists = []
    for round_number in range(30):
        passing.seconds = round_number
        for replica, pending in ((one, ["x1", "x2", "x3"]), (other, ["y1"])):
            await replica.settle(pending)
            lists.append(await queue(client))
    assert all({"x1", "x2", "x3"} <= set(found) for found in lists)
    assert all("y1" in found for found in lists[1:])  # never taken from each other, not even for a round
    assert "stale" not in lists[-1]
    settled = lists[20:]
    assert all(found == settled[0] for found in settled)
    assert len(settled[0]) == 4


async def test_what_is_rung_while_a_question_is_open_stays(client: Redis) -> None:
    passing = Time()
    one = roll(client, passing, "one")
    await client.lpush(KEY, "stale")
    await one.settle([])
    passing.seconds = 3
    await client.lpush(KEY, "fresh")
    await one.settle([])
    assert await queue(client) == ["fresh"]


async def test_the_tasks_of_a_replica_that_is_gone_leave_the_list_in_the_end(client: Redis) -> None:
    passing = Time()
    one, other = roll(client, passing, "one"), roll(client, passing, "other")
    for round_number in range(10):
        passing.seconds = round_number
        await other.settle(["y1"])
        await one.settle(["x1", "x2"])
    assert set(await queue(client)) == {"x1", "x2", "y1"}
    for round_number in range(10, 90):
        passing.seconds = round_number
        await one.settle(["x1", "x2"])
    assert await queue(client) == ["x1", "x2"]


async def test_a_full_list_of_two_teams_is_not_written_again_and_again(client: Redis) -> None:
    passing = Time()
    one, other = roll(client, passing, "one"), roll(client, passing, "other")
    await one.settle([f"x{number}" for number in range(SIZE)])
    before = await queue(client)
    for round_number in range(10):
        passing.seconds = round_number
        await other.settle([f"y{number}" for number in range(SIZE // 2)])
        await one.settle([f"x{number}" for number in range(SIZE)])
    assert await queue(client) == before


async def test_flushing_redis_costs_one_reconciling(
    replica: RedisDoorbell, worker: RedisDoorbell, client: Redis
) -> None:
    await replica.ring("t")
    await length_becomes(client, 1)
    await client.flushdb()
    waiting = asyncio.create_task(worker.wait(60))
    await is_blocked(client)
    await replica.reconcile(["t"])
    async with asyncio.timeout(30):
        await waiting


async def test_silence_longer_than_the_socket_time_out_is_no_outage(
    server: RedisServer, client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (redis_client, adapter):
        monkeypatch.setattr(module, "CALL_S", 6.0)
    monkeypatch.setattr(adapter, "BLOCK_S", 0.1)
    metrics = Metrics(with_process=False)
    with capture_logs() as logs:
        async with open_doorbell(server.url(), size=SIZE, metrics=metrics) as doorbell:
            waiting = asyncio.create_task(doorbell.wait(60))
            done, _ = await asyncio.wait([waiting], timeout=7)
            assert not done
            await client.lpush(KEY, "t")
            async with asyncio.timeout(30):
                await waiting
    assert logs == []


async def test_when_redis_stops_waits_end_in_time_and_its_return_brings_the_rings_back(
    server: RedisServer, client: Redis
) -> None:
    metrics = Metrics(with_process=False)
    with capture_logs() as logs:
        async with (
            open_doorbell(server.url(), size=SIZE, metrics=metrics) as worker,
            open_doorbell(server.url(), size=SIZE) as replica,
        ):
            waiting = asyncio.create_task(worker.wait(60))
            await is_blocked(client)
            server.stop()
            began = time.monotonic()
            await waiting
            assert time.monotonic() - began < 30
            for _ in range(2):
                began = time.monotonic()
                await worker.wait(60)
                assert time.monotonic() - began < 30
            began = time.monotonic()
            await replica.ring("during")
            replica.took(["x"])
            await replica.reconcile(["during"])
            assert time.monotonic() - began < 30  # who waits for an answer: 60 s
            assert not await replica.ping()
            async with asyncio.timeout(20):
                while not is_mute(replica):  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            server.start()
            await client.connection_pool.disconnect()
            await heard(worker)
            assert await replica.ping()
            async with asyncio.timeout(30):  # what was rung meanwhile is brought and popped
                while is_mute(replica) or await client.llen(KEY):
                    await worker.wait(0.05)
            waiting = asyncio.create_task(worker.wait(60))
            await is_blocked(client)
            await replica.ring("after")
            async with asyncio.timeout(30):
                await waiting
    events = [(line["event"], line["part"]) for line in logs]
    assert events.count(("redis.lost", "doorbell.wait")) == 1
    assert events.count(("redis.returned", "doorbell.wait")) == 1
    assert events.count(("redis.lost", "doorbell.ring")) <= 1
    assert (
        metrics.registry.get_sample_value("langgraph_redis_reconnects_total", {"part": "doorbell.wait"}) == 1
    )


async def test_behind_a_black_hole_waits_end_in_time_and_rings_do_not_wait(
    server: RedisServer, client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "CALL_S", CALL_S)
    with TcpProxy(server.address) as proxy:
        async with open_doorbell(server.url(via=proxy.address), size=SIZE) as doorbell:
            waiting = asyncio.create_task(doorbell.wait(60))
            await is_blocked(client)
            proxy.pause()
            began = time.monotonic()
            await waiting
            assert time.monotonic() - began < 30
            monkeypatch.setattr(adapter, "CALL_S", 60.0)
            began = time.monotonic()
            for number in range(2 * SIZE):
                await doorbell.ring(f"t{number}")
            assert time.monotonic() - began < 30  # who waits for an answer: 60 s
            proxy.heal()
            await length_becomes(client, SIZE)


async def test_closing_tells_the_others_what_was_rung_last(server: RedisServer, client: Redis) -> None:
    async with open_doorbell(server.url(), size=SIZE) as doorbell:
        await doorbell.ring("handed back")
    assert await client.lrange(KEY, 0, -1) == [b"handed back"]


@pytest.mark.parametrize("is_up", [True, False])
async def test_nothing_is_left_running_after_closing(server: RedisServer, client: Redis, is_up: bool) -> None:
    if not is_up:
        server.stop()
    before = asyncio.all_tasks()
    with contextlib.suppress(ZeroDivisionError):
        async with open_doorbell(server.url(), size=SIZE) as doorbell:
            await doorbell.ring("t")
            await doorbell.wait(0.01)
            await doorbell.wait(0.05)
            raise ZeroDivisionError
    assert asyncio.all_tasks() == before


async def test_an_address_that_is_none_of_redis_is_refused_when_it_is_opened() -> None:
    with pytest.raises(ValueError, match="scheme"):
        async with open_doorbell("http://127.0.0.1", size=SIZE):
            raise AssertionError("opened")


async def test_it_closes_wherever_in_a_call_its_end_meets_it(server: RedisServer, client: Redis) -> None:
    """A cancellation that a call loses leaves a worker that never ends its shutdown."""
    for turns in range(60):
        async with asyncio.timeout(60):
            async with open_doorbell(server.url(), size=SIZE) as doorbell:
                await doorbell.ring("t")
                await doorbell.wait(1)
                for _ in range(turns):
                    await asyncio.sleep(0)
