"""The processes of one installation of ours, started as an operator starts them, and their CPU.

Hides the commands, the environment, readiness and process trees. Callers: the production benches.
Invariant: what it started has ended with the block, and nothing else is signalled.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx
import psutil
from tests.support.servers import free_port

from bench.servers import Servers

ROOT = Path(__file__).resolve().parents[1]
READY_S = 60.0
STOP_S = 40.0


def cpu_s(*roots: int) -> float:
    """CPU seconds of process trees so far, with those of children that have ended."""
    total = 0.0
    for root in roots:
        with suppress(psutil.NoSuchProcess):
            top = psutil.Process(root)
            for process in (top, *top.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    times = process.cpu_times()
                    total += times.user + times.system + times.children_user + times.children_system
    return total


@dataclass(slots=True)
class Program:
    """One `lgma …` with its children."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def tree(self) -> list[psutil.Process]:
        """The process and those below it, oldest first."""
        top = psutil.Process(self.pid)
        return [top, *top.children(recursive=True)]

    def signal(self, number: signal.Signals) -> None:
        """To the whole tree."""
        for process in self.tree():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def terminate(self) -> None:
        """SIGTERM to the top, as a service manager does; does not wait."""
        self.process.terminate()

    def kill(self) -> None:
        """SIGKILL to all of it at once: the supervisor first, so that it starts nothing anew."""
        self.signal(signal.SIGKILL)
        self.process.wait(timeout=10)

    def close(self) -> None:
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(timeout=STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()

    def logged(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]


@dataclass(slots=True)
class Installation:
    """A database, and the processes that were started over it."""

    servers: Servers
    database: str
    directory: Path
    redis_numbers: tuple[int, int]
    settings: dict[str, str] = field(default_factory=dict)
    programs: list[Program] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("LLM_", "LGMA_", "DATABASE_"))
        }
        cache, queue = self.redis_numbers
        return {
            **kept,
            "DATABASE_URL": self.servers.postgres.url(self.database),
            "REDIS_URL": self.servers.redis.url(cache),
            "QUEUE_REDIS_URL": self.servers.redis.url(queue),
            "LGMA_TEAMS": "bench.teams:zero_work",
            "LGMA_DATA_DIR": str(self.directory / "data"),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
            "LOG_LEVEL": "WARNING",
            "TASK_QUEUE_SIZE": "100000",
            "MAX_CONCURRENT_WORKFLOWS": "50",
            **self.settings,
        }

    def start(self, *words: str) -> Program:
        """Start `lgma …`; does not wait until it is ready."""
        number = len(self.programs)
        log = self.directory / f"{number}-{words[0]}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "langgraph_multi_agent", *words],
                env=self.environment(),
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        program = Program(words[0], process, log)
        self.programs.append(program)
        return program

    def serve(self) -> tuple[Program, int]:
        """An API replica that does not work, ready; its port."""
        port = free_port()
        program = self.start("serve", "--no-worker", "--host", "127.0.0.1", "--port", str(port))
        give_up = time.monotonic() + READY_S
        while time.monotonic() < give_up and program.process.poll() is None:
            with suppress(httpx.HTTPError):
                if httpx.get(f"http://127.0.0.1:{port}/ready", timeout=2).status_code == 200:
                    return program, port
            time.sleep(0.02)
        raise RuntimeError(f"the API did not become ready: {program.logged()}")

    def work(self) -> Program:
        """`lgma worker` with one process."""
        return self.start("worker", "--processes", "1")

    def cpu_s(self, *programs: Program) -> dict[str, float]:
        """CPU seconds so far of these programs and of both servers."""
        spent: dict[str, float] = {}
        for program in programs:
            spent[program.name] = spent.get(program.name, 0.0) + cpu_s(program.pid)
        return {
            **spent,
            "postgresql": cpu_s(self.servers.postgres.pid),
            "redis": cpu_s(self.servers.redis.pid),
        }

    def count(self, *statuses: str) -> int:
        """Tasks in these statuses."""
        asked = "SELECT count(*) FROM tasks WHERE status = ANY(%s)"
        return int(self.servers.query(self.database, asked, list(statuses))[0][0])

    def until(self, wanted: int, *statuses: str, timeout_s: float = 120.0, poll_s: float = 0.02) -> float:
        """Wait until that many tasks are in these statuses; the monotonic second when it was seen.

        Raises:
            RuntimeError: a task failed, a process ended, or the time is over.
        """
        give_up = time.monotonic() + timeout_s
        while (seen := self.count(*statuses)) < wanted:
            if time.monotonic() > give_up:
                raise RuntimeError(f"{seen} of {wanted} tasks are {statuses}; {self._troubles()}")
            if "failed" not in statuses and self.count("failed"):
                raise RuntimeError(f"a task failed; {self._troubles()}")
            time.sleep(poll_s)
        return time.monotonic()

    def _troubles(self) -> str:
        return "\n".join(f"{program.name}: {program.logged()}" for program in self.programs)

    def close(self) -> None:
        for program in reversed(self.programs):
            program.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def installation(servers: Servers, **settings: str) -> Iterator[Installation]:
    """A fresh installation without processes; `settings` are environment variables."""
    with tempfile.TemporaryDirectory(prefix="lgma-bench-") as directory:
        name = servers.database(is_migrated=True)
        # Each bench clears what the one before left: the queue is only a hint, but it wakes.
        _flush(servers)
        with Installation(servers, name, Path(directory), (0, 1), dict(settings)) as made:
            yield made


def _flush(servers: Servers) -> None:
    import redis

    with redis.Redis(host=servers.redis.host, port=servers.redis.port) as client:
        client.flushall()


def rss_mb(program: Program) -> float:
    """Resident memory of the tree."""
    return sum(process.memory_info().rss for process in program.tree()) / 1e6
