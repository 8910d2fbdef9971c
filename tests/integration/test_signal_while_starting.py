"""SIGTERM while a process still waits for its database: it ends at once, and leaves nothing open."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.servers import free_port

END_S = 20.0
"""A start waits 30 s for its database; an idle process ends in well under a second."""
pytestmark = pytest.mark.timeout(400)
PROGRAMS = [["serve", "--no-worker"], ["serve"], ["worker", "--processes", "1"]]


@contextmanager
def starting(words: list[str], database_port: int, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    foreign = ("LLM_", "LGMA_", "DATABASE_", "REDIS_", "QUEUE_REDIS_")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(foreign)} | {
        "DATABASE_URL": f"postgresql://u:p@127.0.0.1:{database_port}/d",
        "LGMA_DATA_DIR": str(tmp_path),
        "LOG_FORMAT": "json",
        "PYTHONUNBUFFERED": "1",
    }
    if words[0] == "serve":
        environment["LGMA_PORT"] = str(free_port())
    process = subprocess.Popen(
        [sys.executable, "-m", "langgraph_multi_agent", *words],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(process: "subprocess.Popen[str]") -> tuple[int, float]:
    """Exit code after SIGTERM, and the seconds until then."""
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    return process.wait(timeout=90), time.monotonic() - began


@pytest.mark.parametrize("words", PROGRAMS, ids=" ".join)
def test_a_process_whose_database_is_away_ends_at_once(words: list[str], tmp_path: Path) -> None:
    with starting(words, free_port(), tmp_path) as process:
        assert process.stdout is not None
        assert any("waiting for the database" in line for line in process.stdout)
        code, seconds = ended(process)
        assert (code, seconds < END_S) == (0, True), seconds
        assert not list(tmp_path.glob("scratch/*"))


@pytest.mark.parametrize("words", PROGRAMS, ids=" ".join)
def test_a_process_whose_database_is_silent_ends_at_once_and_hangs_up(words: list[str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(90)
        with starting(words, silent.getsockname()[1], tmp_path) as process:
            connection, _ = silent.accept()
            with connection:
                code, seconds = ended(process)
                assert (code, seconds < END_S) == (0, True), seconds
                connection.settimeout(END_S)
                while connection.recv(4096):
                    pass
