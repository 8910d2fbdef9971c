"""Every adapter of a port keeps the port's words: feed, doorbell, artifacts."""

import asyncio
import hashlib
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from tests.support.servers import RedisServer

from langgraph_multi_agent import redis_client
from langgraph_multi_agent.artifacts.directory import DirectoryArtifacts
from langgraph_multi_agent.domain.errors import ArtifactNotFound, DependencyUnavailable, InputTooLarge
from langgraph_multi_agent.domain.ports import Artifacts, Doorbell, Feed
from langgraph_multi_agent.feed import redis as redis_feed
from langgraph_multi_agent.feed.memory import MAX_EPHEMERAL, MemoryFeed
from langgraph_multi_agent.feed.redis import open_feed
from langgraph_multi_agent.queue import redis as redis_doorbell
from langgraph_multi_agent.queue.memory import MemoryDoorbell
from langgraph_multi_agent.queue.redis import open_doorbell

SOON = 0.02


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis that is up answers, however busy this machine is: a late answer would count as an outage."""
    for module in (redis_client, redis_feed, redis_doorbell):
        monkeypatch.setattr(module, "CALL_S", 60.0)
    monkeypatch.setattr(redis_client, "CONNECT_S", 60.0)
    monkeypatch.setattr(redis_feed, "QUIET_S", 60.0)


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with RedisServer() as server:
        yield server.url()


@pytest.fixture(params=["memory", "redis"])
async def feed(request: pytest.FixtureRequest) -> AsyncIterator[Feed]:
    if request.param == "memory":
        yield MemoryFeed()
    else:
        async with open_feed(request.getfixturevalue("redis_url")) as opened:
            await subscribed(opened)
            assert await opened.ping()
            yield opened


@pytest.fixture(params=["memory", "redis"])
async def doorbell(request: pytest.FixtureRequest) -> AsyncIterator[Doorbell]:
    if request.param == "memory":
        yield MemoryDoorbell()
    else:
        url = request.getfixturevalue("redis_url")
        async with open_doorbell(url, size=100) as opened, Redis.from_url(url) as client:
            await client.flushdb()
            yield opened


async def subscribed(feed: Feed) -> None:
    """Everybody is woken when the subscription begins; after that nobody is without a cause."""
    async with feed.listen("any") as listener:
        assert await listener.wait(40)


# Feed


async def test_a_wake_up_before_the_wait_counts_and_counts_once(feed: Feed) -> None:
    async with feed.listen("t") as listener:
        feed.wake(["t"])
        feed.wake(["t"])
        assert await listener.wait(40)
        assert not await listener.wait(SOON)


async def test_a_wake_up_during_the_wait_ends_it(feed: Feed) -> None:
    async with feed.listen("t") as listener:
        waiting = asyncio.create_task(listener.wait(40))
        await asyncio.sleep(0)
        feed.wake(["t"])
        assert await waiting


async def test_listeners_hear_of_their_own_task_only_and_of_all_if_they_ask(feed: Feed) -> None:
    async with feed.listen("a") as a, feed.listen("b") as b, feed.listen(None) as everything:
        feed.wake(["a"])
        assert await a.wait(40)
        assert await everything.wait(40)
        assert not await b.wait(SOON)


async def test_ephemeral_messages_come_in_order_once_and_name_their_task(feed: Feed) -> None:
    async with feed.listen("t") as mine, feed.listen(None) as everything:
        for percent in (1, 2):
            feed.publish("t", {"percent": percent})
        assert await mine.wait(40)
        for listener in (mine, everything):
            taken = listener.take_ephemeral()
            assert [(item["task_id"], item["percent"]) for item in taken] == [("t", 1), ("t", 2)]
            assert listener.take_ephemeral() == []


async def test_a_slow_listener_loses_old_ephemeral_messages_and_no_memory(feed: Feed) -> None:
    async with feed.listen("t") as listener:
        for number in range(10 * MAX_EPHEMERAL):
            feed.publish("t", {"number": number})
        taken = listener.take_ephemeral()
    assert len(taken) <= MAX_EPHEMERAL
    assert taken[-1]["number"] == 10 * MAX_EPHEMERAL - 1


async def test_who_stopped_listening_is_forgotten_also_after_an_error() -> None:
    feed = MemoryFeed()
    with pytest.raises(ZeroDivisionError):
        async with feed.listen("t"), feed.listen("t"), feed.listen(None):
            raise ZeroDivisionError
    feed.wake(["t"])
    feed.publish("t", {})
    assert feed._listeners == {}


# Doorbell


async def test_a_ring_before_the_wait_is_not_lost(doorbell: Doorbell) -> None:
    await doorbell.ring("t")
    async with asyncio.timeout(40):
        await doorbell.wait(100)


async def test_a_ring_ends_the_wait_and_silence_ends_it_at_the_time_out(doorbell: Doorbell) -> None:
    waiting = asyncio.create_task(doorbell.wait(100))
    await asyncio.sleep(0)
    await doorbell.ring("t")
    async with asyncio.timeout(40):
        await waiting
    began = time.monotonic()
    await doorbell.wait(SOON)
    assert time.monotonic() - began >= SOON / 2


async def test_a_nudge_ends_the_wait_also_of_a_worker_without_a_slot(doorbell: Doorbell) -> None:
    for has_slot in (True, False):
        waiting = asyncio.create_task(doorbell.wait(100, has_slot=has_slot))
        await asyncio.sleep(0)
        doorbell.nudge()
        async with asyncio.timeout(40):
            await waiting


async def test_what_is_said_of_unknown_tasks_is_harmless(doorbell: Doorbell) -> None:
    doorbell.took(["never rung", "never rung"])
    doorbell.took([])
    await doorbell.reconcile([])
    await doorbell.ring("t")
    await doorbell.ring("t")
    doorbell.took(["t", "t", "t"])
    async with asyncio.timeout(40):
        await doorbell.wait(100)
    assert await doorbell.ping()


async def test_reconciling_tells_the_waiter_of_work_it_never_heard_of(doorbell: Doorbell) -> None:
    waiting = asyncio.create_task(doorbell.wait(100))
    await asyncio.sleep(0)
    await doorbell.reconcile(["a", "b"])
    async with asyncio.timeout(40):
        await waiting


# Artifacts


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@pytest.fixture
def artifacts(tmp_path: Path) -> DirectoryArtifacts:
    return DirectoryArtifacts(tmp_path / "artifacts")


def left_over(artifacts: DirectoryArtifacts) -> list[Path]:
    return list((artifacts._root / "incoming").iterdir())


async def test_bytes_streams_and_files_of_the_same_content_are_the_same_file(
    artifacts: DirectoryArtifacts, tmp_path: Path
) -> None:
    store: Artifacts = artifacts
    body = "内容".encode() * 1000
    (tmp_path / "f").write_bytes(body)
    blobs = [
        await store.put(body),
        await store.put(chunks(body[:7], b"", body[7:])),
        await store.put_file(tmp_path / "f"),
    ]
    assert {(blob.digest, blob.size_bytes) for blob in blobs} == {
        (hashlib.sha256(body).hexdigest(), len(body))
    }
    assert await store.read(blobs[0].digest) == body
    path = await store.path(blobs[0].digest)
    assert path.read_bytes() == body
    assert path.stat().st_mode & 0o222 == 0
    assert left_over(artifacts) == []


async def test_an_empty_file_is_a_file(artifacts: DirectoryArtifacts) -> None:
    blob = await artifacts.put(chunks())
    assert (blob.size_bytes, await artifacts.read(blob.digest)) == (0, b"")


async def test_too_much_is_refused_and_leaves_nothing(artifacts: DirectoryArtifacts) -> None:
    with pytest.raises(InputTooLarge):
        await artifacts.put(chunks(b"x" * 6, b"x" * 5), max_bytes=10)
    with pytest.raises(InputTooLarge):
        await artifacts.put(b"x" * 11, max_bytes=10)
    assert (await artifacts.put(chunks(b"x" * 10), max_bytes=10)).size_bytes == 10
    assert left_over(artifacts) == []


async def test_an_upload_that_breaks_off_leaves_nothing(artifacts: DirectoryArtifacts) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionResetError

    with pytest.raises((ConnectionResetError, DependencyUnavailable)):
        await artifacts.put(broken())
    started = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"half"
        started.set()
        await asyncio.Event().wait()

    putting = asyncio.create_task(artifacts.put(endless()))
    await started.wait()
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert left_over(artifacts) == []


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 63 + "/", "f" * 64])
async def test_only_a_known_digest_leads_to_a_file(artifacts: DirectoryArtifacts, digest: str) -> None:
    with pytest.raises(ArtifactNotFound):
        await artifacts.path(digest)
    with pytest.raises(ArtifactNotFound):
        await artifacts.read(digest)


async def test_collecting_removes_old_unreferenced_files_and_what_crashes_left(
    artifacts: DirectoryArtifacts,
) -> None:
    kept, doomed, fresh = [await artifacts.put(text) for text in (b"kept", b"doomed", b"fresh")]
    crashed = artifacts._root / "incoming" / "tmp-of-a-crash"
    crashed.write_bytes(b"half")
    for path in (await artifacts.path(kept.digest), await artifacts.path(doomed.digest), crashed):
        os.utime(path, (0, 0))
    assert await artifacts.collect({kept.digest}, min_age_s=3600) == 2
    assert await artifacts.read(kept.digest) == b"kept"
    assert await artifacts.read(fresh.digest) == b"fresh"
    assert left_over(artifacts) == []
    with pytest.raises(ArtifactNotFound):
        await artifacts.path(doomed.digest)


async def test_storing_again_what_is_there_makes_it_young(artifacts: DirectoryArtifacts) -> None:
    blob = await artifacts.put(b"again")
    os.utime(await artifacts.path(blob.digest), (0, 0))
    await artifacts.put(b"again")
    assert await artifacts.collect(set(), min_age_s=3600) == 0


def test_a_full_disk_is_a_fault_that_names_it_and_leaves_no_half_file(tmp_path: Path) -> None:
    # A file-size limit stands for a full disk; it would bind the whole process, so a child has it.
    program = textwrap.dedent("""
        import asyncio, resource, signal, sys
        from pathlib import Path
        from langgraph_multi_agent.artifacts.directory import DirectoryArtifacts
        from langgraph_multi_agent.domain.errors import DependencyUnavailable

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        store = DirectoryArtifacts(Path(sys.argv[1]))

        async def stream():
            for _ in range(20):
                yield b"x" * 50_000

        async def main():
            for content in (b"x" * 1_000_000, stream()):
                try:
                    await store.put(content)
                except DependencyUnavailable as fault:
                    print(fault.params["dependency"])
            print(len(list((store._root / "incoming").iterdir())))
            print((await store.put(b"small")).size_bytes)

        asyncio.run(main())
    """)
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "a")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.split() == ["artifacts", "artifacts", "0", "5"], done.stderr
