"""The supervisor keeps real child processes alive, and none of them outlives it.

Each child reports over a FIFO, so that a test waits for what happened and not for a time to pass.
"""

import asyncio
import contextlib
import gc
import os
import signal
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from langgraph_multi_agent.worker.supervisor import Backoff, Ending, Supervisor

pytestmark = pytest.mark.anyio

QUICK = Backoff(first_s=0.01, most_s=0.04, settled_s=60)
DEADLINE_S = 60.0
REFUSAL = 6
WAITS = "signal.sigwait({signal.SIGTERM, signal.SIGINT})"
BLOCKED = "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})"


def script(body: str) -> Callable[[int, int], list[str]]:
    """A child's command line; the body knows `number`, `lifeline` and `say(*words)`."""

    def argv(number: int, lifeline: int) -> list[str]:
        return [sys.executable, "-S", "-c", code, str(number), str(lifeline)]

    code = textwrap.dedent(
        """
        import os, signal, sys
        number, lifeline = int(sys.argv[1]), int(sys.argv[2])
        def say(*words):
            with open(os.environ["NEWS"], "a") as news:
                print(*words, file=news)
        """
    ) + textwrap.dedent(body)
    return argv


def is_alive(pid: int | str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    return True


class News:
    """What children say, one line each."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def next(self) -> list[str]:
        async with asyncio.timeout(DEADLINE_S):
            return (await self._reader.readline()).decode().split()


@pytest.fixture
def fifo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The reading end; opened for writing too, so that it has no end between two children."""
    path = tmp_path / "news"
    os.mkfifo(path)
    monkeypatch.setenv("NEWS", str(path))
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    yield descriptor
    with contextlib.suppress(OSError):
        os.close(descriptor)


@pytest.fixture
async def news(fifo: int) -> AsyncIterator[News]:
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(fifo), "rb", 0)
    )
    yield News(reader)
    transport.close()


@asynccontextmanager
async def supervising(
    body: str, *, processes: int = 1, grace_s: float = DEADLINE_S, backoff: Backoff = QUICK
) -> AsyncIterator[tuple[Supervisor, "asyncio.Task[Ending]"]]:
    supervisor = Supervisor(
        script(body), processes=processes, grace_s=grace_s, backoff=backoff, refusal=REFUSAL
    )
    running = asyncio.create_task(supervisor.run())
    try:
        yield supervisor, running
    finally:
        if not running.done():
            supervisor.stop()
            supervisor.stop()
            await running


async def ended(running: "asyncio.Task[Ending]") -> Ending:
    async with asyncio.timeout(DEADLINE_S):
        return await running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_reaches_every_child_once_and_all_are_waited_for(news: News, number: signal.Signals) -> None:
    body = f"{BLOCKED}\nsay('up', os.getpid())\ngot = {WAITS}\nsay('got', got.value, signal.sigpending() == set())"
    async with supervising(body, processes=3) as (_, running):
        pids = {int(pid) for _, pid in [await news.next() for _ in range(3)]}
        os.kill(os.getpid(), number)
        assert [await news.next() for _ in range(3)] == [["got", str(int(number)), "True"]] * 3
        assert await ended(running) is Ending.DRAINED
    assert len(pids) == 3
    assert [pid for pid in pids if is_alive(pid)] == []


async def test_children_have_a_process_group_of_their_own(news: News) -> None:
    async with supervising(f"{BLOCKED}\nsay(os.getpgid(0), os.getpid())\n{WAITS}") as (_, _running):
        group, pid = await news.next()
    assert group == pid
    assert int(group) != os.getpgid(0)


async def test_a_child_that_was_killed_is_replaced_and_its_siblings_go_on(news: News) -> None:
    async with supervising(f"{BLOCKED}\nsay(number, os.getpid())\n{WAITS}", processes=2) as (supervisor, running):
        first = dict([await news.next(), await news.next()])
        os.kill(int(first["1"]), signal.SIGKILL)
        number, pid = await news.next()
        assert number == "1"
        assert pid != first["1"]
        assert is_alive(first["2"])
        supervisor.stop()
        assert await ended(running) is Ending.DRAINED


async def test_a_child_that_keeps_dying_is_started_ever_more_slowly(news: News) -> None:
    with capture_logs() as logs:
        async with supervising("say(number)\nsys.exit(3)"):
            for _ in range(5):
                await news.next()
    waits = [entry["again_in_s"] for entry in logs if entry["event"] == "worker died"]
    assert waits[:4] == [0.01, 0.02, 0.04, 0.04]
    assert {entry["reason"] for entry in logs if entry["event"] == "worker died"} == {"exit 3"}


@pytest.mark.parametrize(
    ("lived_s", "last_s", "wait_s"), [(0, None, 1), (0, 1, 2), (59, 16, 30), (0, 30, 30), (60, 30, 1), (900, 8, 1)]
)
def test_the_wait_doubles_to_its_limit_and_a_minute_of_life_resets_it(
    lived_s: float, last_s: float | None, wait_s: float
) -> None:
    assert Backoff().wait_s(lived_s=lived_s, last_s=last_s) == wait_s


async def test_a_stop_does_not_wait_for_the_back_off(news: News) -> None:
    slow = Backoff(first_s=3600, most_s=3600)
    async with supervising("say(number)", backoff=slow) as (supervisor, running):
        await news.next()
        supervisor.stop()
        assert await ended(running) is Ending.DRAINED


async def test_a_child_that_does_not_end_in_time_is_killed(news: News) -> None:
    body = "signal.signal(signal.SIGTERM, lambda *_: say('heard'))\nsay(os.getpid())\nwhile True: signal.pause()"
    async with supervising(body, grace_s=0.2) as (supervisor, running):
        [pid] = await news.next()
        supervisor.stop()
        assert await news.next() == ["heard"]
        assert await ended(running) is Ending.KILLED
    assert not is_alive(pid)


async def test_a_second_signal_waits_for_nobody(news: News) -> None:
    body = "signal.signal(signal.SIGINT, lambda *_: say('heard'))\nsay('up')\nwhile True: signal.pause()"
    async with supervising(body) as (_, running):
        await news.next()
        os.kill(os.getpid(), signal.SIGINT)
        assert await news.next() == ["heard"]
        os.kill(os.getpid(), signal.SIGINT)
        assert await ended(running) is Ending.ABORTED


async def test_children_that_refuse_their_settings_end_the_supervisor(news: News) -> None:
    async with supervising(f"say(number)\nsys.exit({REFUSAL})", processes=2) as (_, running):
        assert await ended(running) is Ending.REFUSED


async def test_a_refusal_after_a_healthy_life_is_a_death_like_others(news: News) -> None:
    healthy = Backoff(first_s=0.01, most_s=0.04, settled_s=0)
    async with supervising(f"say(number)\nsys.exit({REFUSAL})", backoff=healthy) as (supervisor, running):
        assert [await news.next() for _ in range(3)] == [["1"]] * 3
        supervisor.stop()
        assert await ended(running) is Ending.DRAINED


async def test_a_program_that_cannot_be_started_is_tried_again(tmp_path: Path) -> None:
    with capture_logs() as logs:
        tried = asyncio.Semaphore(0)

        def argv(number: int, lifeline: int) -> list[str]:
            tried.release()
            return [str(tmp_path / "nothing")]

        supervisor = Supervisor(argv, processes=1, grace_s=1, backoff=QUICK)
        running = asyncio.create_task(supervisor.run())
        async with asyncio.timeout(DEADLINE_S):
            await tried.acquire()
            await tried.acquire()
        supervisor.stop()
        assert await ended(running) is Ending.DRAINED
    assert [entry for entry in logs if entry["event"] == "worker not started"]


PARENT = """
import asyncio, sys
from langgraph_multi_agent.worker.supervisor import Supervisor
child = '''
import os, signal, sys
from langgraph_multi_agent.worker.lifeline import end_with_parent
def say(*words):
    with open(os.environ["NEWS"], "a") as news:
        print(*words, file=news)
{handler}
end_with_parent(int(sys.argv[2]), grace_s={grace_s})
say("up", os.getpid())
while True: signal.pause()
'''
argv = lambda number, lifeline: [sys.executable, "-c", child, str(number), str(lifeline)]
asyncio.run(Supervisor(argv, processes=2, grace_s=30).run())
"""
DRAINS = "signal.signal(signal.SIGTERM, lambda *_: (say('drained', os.getpid()), os._exit(0)))"
HANGS = "signal.signal(signal.SIGTERM, lambda *_: say('drained', os.getpid()))"


async def gone(pid: int) -> None:
    """Until a process that is not our child has ended; its descriptor tells."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop.add_reader(descriptor, done.set)
    try:
        async with asyncio.timeout(DEADLINE_S):
            await done.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux: a descriptor that tells of a process's end")
@pytest.mark.parametrize(("handler", "grace_s"), [(DRAINS, 60), (HANGS, 8)], ids=["drains", "hangs"])
async def test_children_of_a_killed_supervisor_drain_and_end_and_one_that_hangs_too(
    news: News, handler: str, grace_s: float
) -> None:
    code = PARENT.format(handler=handler, grace_s=grace_s)
    quiet = asyncio.subprocess.DEVNULL
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stderr=quiet, stdout=quiet)
    try:
        pids = {int(pid) for _, pid in [await news.next(), await news.next()]}
    finally:
        parent.kill()
        await parent.wait()
    words = [await news.next(), await news.next()]
    assert {(word, int(pid)) for word, pid in words} == {("drained", pid) for pid in pids}
    for pid in pids:
        await gone(pid)


async def test_watching_costs_no_processor_time(news: News) -> None:
    async with supervising(f"{BLOCKED}\nsay('up')\n{WAITS}", processes=2) as (supervisor, running):
        await news.next()
        await news.next()
        loop = asyncio.get_running_loop()
        gc.collect()
        gc.disable()  # all objects of a test process are looked at in more than what is allowed here
        began, wakes = time.process_time(), 0
        select = loop._selector.select  # type: ignore[attr-defined]

        def counted(timeout: float | None) -> object:
            nonlocal wakes
            wakes += 1
            return select(timeout)

        loop._selector.select = counted  # type: ignore[attr-defined]
        try:
            await asyncio.sleep(0.5)
        finally:
            loop._selector.select = select  # type: ignore[attr-defined]
            gc.enable()
        assert wakes <= 3, "the only timer is this test's"
        assert time.process_time() - began < 0.1
        supervisor.stop()
        assert await ended(running) is Ending.DRAINED
