"""`lgma worker` refuses what cannot work, and its children start with what it was told."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from langgraph_multi_agent.cli import language, program
from langgraph_multi_agent.cli.call import Call
from langgraph_multi_agent.cli.exits import Exit
from langgraph_multi_agent.cli.worker import children_of

pytestmark = pytest.mark.timeout(300)
HIDDEN = ("--process ", "--lifeline", "--lone")


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "QUEUE_REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LGMA_LANG", "en")
    monkeypatch.setenv("LGMA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "100")
    language.choose([])


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, dict[str, Any]]:
    exit_code = program.run(["worker", *argv, "--json"])
    [error] = json.loads(capsys.readouterr().out)["errors"]
    return exit_code, error


def test_several_workers_on_sqlite_refuse_and_name_the_setting(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    exit_code, error = refused(capsys)
    assert (exit_code, error["code"]) == (Exit.FAILED, "SETTINGS_UNSAFE")
    assert "DATABASE_URL" in error["detail"]
    assert "PostgreSQL" in error["detail"]
    assert list(tmp_path.iterdir()) == [], "nothing was made"


def test_a_child_tells_its_supervisor_that_trying_again_is_no_use(capsys: pytest.CaptureFixture[str]) -> None:
    exit_code, error = refused(capsys, "--process", "1")
    assert (exit_code, error["code"]) == (Exit.REFUSED, "SETTINGS_UNSAFE")


def test_no_processes_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["worker", "--processes", "0"]) == Exit.USAGE
    assert "at least 1" in capsys.readouterr().err


def test_what_only_children_are_told_is_not_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["worker", "--help"]) == 0
    page = capsys.readouterr().out
    assert "--processes" in page
    assert [name for name in HIDDEN if name in page] == []


def test_children_get_the_options_of_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    argv = children_of(Call(command="worker", verbosity=2), Path("data"), 3)(2, 9)
    words = list(argv)[list(argv).index("worker") :]
    options = dict(zip(words[1:-1:2], words[2:-1:2], strict=True))
    assert options == {
        "--process": "2",
        "--lifeline": "9",
        "--processes": "3",
        "--lang": "en",
        "--data-dir": str(tmp_path / "data"),
    }
    assert words[-1] == "-vv"


def test_a_child_s_command_line_is_this_program(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    try:
        argv = children_of(Call(command="worker", verbosity=-1), tmp_path, 2)(1, reading)
        assert argv[0] == sys.executable
        done = subprocess.run(
            [*argv, "--json"],
            env={**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'x.db'}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            pass_fds=(reading,),
            check=False,
            timeout=200,
        )
    finally:
        os.close(reading)
        os.close(writing)
    assert done.returncode == Exit.REFUSED
    assert json.loads(done.stdout)["errors"][0]["code"] == "SETTINGS_UNSAFE"


def test_the_command_starts_its_processes_and_ends_them_on_a_signal(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "langgraph_multi_agent", "worker", "--processes", "2"],
        env={
            **os.environ,
            "DATABASE_URL": f"postgresql://u:canary-word@127.0.0.1:{port}/d",
            "LGMA_DATA_DIR": str(tmp_path / "data"),
            "SHUTDOWN_GRACE": "40",  # who is killed for being slow is told by another exit code
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    lines: list[str] = []
    try:
        for line in process.stdout:
            lines.append(line)
            if sum("worker started" in seen for seen in lines) == 2:
                break
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=200)
    finally:
        process.kill()
        process.wait()
    children = [json.loads(line)["child"] for line in lines if "worker started" in line]
    assert process.returncode == Exit.OK
    assert "workers stopped" in rest
    assert "canary-word" not in "".join(lines) + rest
    for pid in children:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
