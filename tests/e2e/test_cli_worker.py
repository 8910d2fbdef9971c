"""`lgma serve --no-worker` and `lgma worker` as people start them, on a real PostgreSQL and Redis."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.servers import PostgresServer, RedisServer

from langgraph_multi_agent.demo import penguins_path

pytestmark = pytest.mark.timeout(400)
PROGRAM = [sys.executable, "-c", "from langgraph_multi_agent.cli import main; main()"]
END_S = 100.0


@pytest.fixture
def environment(
    tmp_path: Path, postgres_server: PostgresServer, redis_server: RedisServer
) -> Iterator[dict[str, str]]:
    database = postgres_server.create_database()
    yield {
        **os.environ,
        "LGMA_LANG": "en",
        "LGMA_DATA_DIR": str(tmp_path / "data"),
        "LGMA_PORT": "0",
        "DATABASE_URL": postgres_server.url(database),
        "REDIS_URL": redis_server.url(8),
        "QUEUE_REDIS_URL": redis_server.url(9),
        "SHUTDOWN_GRACE": "30",
    }
    postgres_server.drop_database(database)


class Program:
    """A running `lgma`, whose log records are read one after the other."""

    def __init__(self, argv: Sequence[str], environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [*PROGRAM, *argv],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def logged(self, *events: str, times: int = 1) -> list[dict[str, Any]]:
        """The next records of these events, as soon as there are so many."""
        found: list[dict[str, Any]] = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            record = json.loads(line) if line.startswith("{") else {}
            if record.get("message") in events:
                found.append(record)
                if len(found) == times:
                    return found
        raise AssertionError(f"ended with {self.process.wait()} before {events}")

    def ended(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=END_S)
        return self.process.returncode


@contextlib.contextmanager
def running(environment: dict[str, str], *argv: str) -> Iterator[Program]:
    program = Program(argv, environment)
    try:
        yield program
    finally:
        program.process.kill()
        program.process.communicate()


def test_a_task_of_a_server_without_a_worker_is_done_by_a_worker_process(environment: dict[str, str]) -> None:
    fields = {"title": "t", "description": "Compare body_mass_g between the species"}
    with running(environment, "serve", "--no-worker") as server:
        [ready] = server.logged("ready")
        with httpx.Client(base_url=ready["address"], timeout=END_S) as client:
            files = {"files": (penguins_path().name, penguins_path().read_bytes())}
            task = client.post("/api/v1/tasks", data=fields, files=files).json()["id"]
            assert client.get(f"/api/v1/tasks/{task}").json()["status"] == "pending"
            with running(environment, "worker", "--processes", "2") as worker:
                worker.logged("worker ready", times=2)
                with client.stream("GET", f"/api/v1/tasks/{task}/events/stream") as stream:
                    seen = stream.read().decode()
                assert client.get(f"/api/v1/tasks/{task}").json()["status"] == "completed"
                assert "event: task.started" in seen
                assert worker.ended(signal.SIGTERM) == 0
        assert server.ended(signal.SIGTERM) == 0


def test_workers_of_a_killed_supervisor_end_by_themselves(environment: dict[str, str]) -> None:
    with running(environment, "worker", "--processes", "2") as worker:
        worker.logged("worker ready", times=2)
        worker.process.kill()
        # The pipe that is read here is theirs too: it ends with the last of them.
        rest, _ = worker.process.communicate(timeout=END_S)
        assert rest.count('"supervisor gone"') >= 2


def test_a_worker_whose_settings_the_database_cannot_serve_refuses_once_and_ends(
    environment: dict[str, str],
) -> None:
    with running({**environment, "DATABASE_POOL_SIZE": "6", "DATABASE_MAX_OVERFLOW": "0"}, "worker") as worker:
        worker.logged("workers stopped")
        worker.process.communicate(timeout=END_S)
        assert worker.process.returncode == 1
