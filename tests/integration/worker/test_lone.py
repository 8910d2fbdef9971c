"""The process for suspects: one at a time, ended with its worker, whatever ended that."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.support.fleet import Fleet, Program

from langgraph_multi_agent.worker.lone import LoneWorker

GRACE_S = 12
LONG_S = 300.0
TELLS = "import os, signal, sys; open(sys.argv[1], 'w').write(str(os.getpid()))"
DEAF = f"{TELLS}; signal.signal(signal.SIGTERM, signal.SIG_IGN); open(sys.argv[2], 'w'); signal.pause()"
WAITS = f"{TELLS}; open(sys.argv[2], 'w'); signal.pause()"


def has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """Opened for reading, it waits for a child that opens it for writing."""
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


def lone(code: str, tmp_path: Path, fifo: Path) -> LoneWorker:
    return LoneWorker((sys.executable, "-S", "-c", code, str(tmp_path / "pid"), str(fifo)))


async def test_a_second_start_while_a_child_runs_starts_none(tmp_path: Path, fifo: Path) -> None:
    worker = lone(WAITS, tmp_path, fifo)
    await worker.start()
    await asyncio.to_thread(fifo.read_bytes)
    pid = (tmp_path / "pid").read_text()
    (tmp_path / "pid").unlink()
    await worker.start()
    await worker.close(grace_s=60)
    assert has_ended(int(pid))
    assert not (tmp_path / "pid").exists()


async def test_a_child_that_hears_no_signal_is_killed_after_its_grace(tmp_path: Path, fifo: Path) -> None:
    worker = lone(DEAF, tmp_path, fifo)
    await worker.start()
    await asyncio.to_thread(fifo.read_bytes)
    began = time.monotonic()
    await worker.close(grace_s=0.2)
    assert 0.2 <= time.monotonic() - began < 100
    assert has_ended(int((tmp_path / "pid").read_text()))


async def test_after_its_end_it_starts_nothing(tmp_path: Path, fifo: Path) -> None:
    worker = lone(WAITS, tmp_path, fifo)
    await worker.close(grace_s=1)
    await worker.start()
    await worker.close(grace_s=1)
    assert not (tmp_path / "pid").exists()


# With a real worker on real servers.


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with Fleet({"SHUTDOWN_GRACE": str(GRACE_S), "LEASE_SECONDS": "60", "HEARTBEAT_SECONDS": "2"}) as running:
        yield running


def with_suspect(fleet: Fleet) -> tuple[Program, int, list[str]]:
    """A worker with a long task, and below it a lone process with a suspect: worker, pid, the two tasks."""
    api = fleet.serve()
    ids = fleet.submit(2, via=[api], subtasks=1, sleep_s=LONG_S)
    fleet.change("UPDATE tasks SET crash_count = 2 WHERE id = %s", ids[0])
    worker = fleet.work()
    fleet.until(lambda: {line.task_id for line in fleet.executions()} == set(ids), "both tasks run")
    [pid] = worker.lone_pids()
    assert [line.pid for line in fleet.executions() if line.task_id == ids[0]] == [pid]
    return worker, pid, ids


@pytest.mark.timeout(600)
@pytest.mark.servers
def test_it_ends_when_its_worker_is_killed_and_hands_back_what_it_ran(fleet: Fleet) -> None:
    worker, pid, (suspect, _) = with_suspect(fleet)
    child = worker.child
    os.kill(worker.pid, signal.SIGKILL)  # the supervisor too: a new worker would take the task again
    os.kill(child, signal.SIGKILL)
    fleet.until(lambda: has_ended(pid), "the lone process ended")
    assert fleet.count([suspect], "pending") == 1


@pytest.mark.timeout(600)
@pytest.mark.servers
def test_it_drains_beside_its_worker_within_one_grace(fleet: Fleet) -> None:
    worker, pid, ids = with_suspect(fleet)
    worker.terminate()
    assert worker.wait() == 0
    stopped = {line.pid: line.at_s for line in fleet.executions() if line.what == "stopped"}
    assert len(stopped) == 2
    assert max(stopped.values()) - min(stopped.values()) < GRACE_S, "each had a grace of its own"
    assert has_ended(pid)
    assert fleet.count(ids, "pending") == 2
