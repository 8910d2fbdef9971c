"""`lgma` as people start it: a real process that brings its own server, or is one."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from langgraph_multi_agent.demo import penguins_path

pytestmark = pytest.mark.timeout(500)
HAN = re.compile(r"[\u4e00-\u9fff]")
PROGRAM = [sys.executable, "-c", "from langgraph_multi_agent.cli import main; main()"]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "LGMA_LANG": "en", "NO_COLOR": "1", **more}


def lgma(*argv: str | Path, expect: int = 0, timeout: float = 250, **env: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*PROGRAM, *map(str, argv)],
        env=environment(**env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )
    assert done.returncode == expect, (done.returncode, done.stdout, done.stderr)
    return done


def envelope(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(done.stdout)
    assert value["schema"] == "lgma/v1"
    return value


@contextlib.contextmanager
def server(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`lgma serve` on a free port; its URL as the program prints it."""
    process = subprocess.Popen(
        [*PROGRAM, "serve", "--port", "0", "--data-dir", str(data_dir)],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line
        yield process, found[0]
    finally:
        process.kill()
        process.communicate()


def test_run_without_a_server_does_the_work_and_leaves_a_report_that_can_be_listed_later(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    done = lgma(
        *("run", "Compare body_mass_g between the species"),
        *("--input", penguins_path(), "--data-dir", data, "--out", out, "--json"),
    )
    value = envelope(done)
    assert (value["status"], value["errors"]) == ("ok", [])
    task, report = value["data"]["task"], Path(value["data"]["report"])
    assert task["result"]["review"] == "passed"
    assert report.parent == out
    assert "species" in report.read_text(encoding="utf-8")
    kinds = {item["kind"] for item in value["data"]["artifacts"]}
    assert {"report", "chart"} <= kinds
    assert all(Path(item["path"]).stat().st_size == item["size_bytes"] for item in value["data"]["artifacts"])
    assert re.search(r"plan 1: \d+ subtasks", done.stderr)
    assert "\x1b" not in done.stderr

    listed = envelope(lgma("tasks", "list", "--data-dir", data, "--json"))["data"]["tasks"]
    assert [(item["id"], item["status"]) for item in listed] == [(task["id"], "completed")]


def test_the_demo_passes_twice_while_another_server_runs(tmp_path: Path) -> None:
    with server(tmp_path / "other") as (_, url):
        first = lgma("demo", "--data-dir", tmp_path / "demo")
        second = lgma("demo", "--data-dir", tmp_path / "demo", "--json", "--lang", "zh")
        assert httpx.get(f"{url}/api/v1/tasks", trust_env=False, timeout=60).json()["tasks"] == []
    paths = re.findall(r"^result: (.*)$", first.stdout, re.MULTILINE)
    assert len(paths) == 2
    assert all(Path(path).is_file() for path in paths)
    assert not HAN.search(first.stdout + first.stderr)
    entries = envelope(second)["data"]["tasks"]
    assert [entry["passed"] for entry in entries] == [True, True]
    assert [entry["report"] for entry in entries] == paths, "a stable place"
    assert entries[0]["task"]["result"]["findings"] > 0
    assert entries[1]["task"]["result"]["passages"] > 0
    assert HAN.search(Path(paths[1]).read_text(encoding="utf-8"))


def test_a_server_takes_the_tasks_of_its_data_directory_and_ends_well_on_sigterm(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with server(data) as (process, url):
        assert httpx.get(f"{url}/health", trust_env=False, timeout=60).status_code == 200
        done = lgma("run", "What can I do when a task is stuck without progress?", "--data-dir", data, "--json")
        assert url in done.stderr
        assert envelope(done)["data"]["task"]["status"] == "completed"
        busy = lgma("serve", "--port", "0", "--data-dir", data, expect=5)
        assert "DATA_DIRECTORY_IN_USE" in busy.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=100) == 0
    assert "Traceback" not in done.stderr


def test_ctrl_c_cancels_the_task_of_an_own_server(tmp_path: Path) -> None:
    data = tmp_path / "data"
    table = tmp_path / "big.csv"
    with table.open("w", encoding="utf-8") as file:
        file.write("day,group,a,b,c,d\n")
        for row in range(400_000):
            file.write(f"{row},g{row % 7},{row * 7 % 1013},{row * 3 % 977},{row % 31},{row * 11 % 499}\n")
    process = subprocess.Popen(
        [*PROGRAM, "run", "Analyse everything", "--input", str(table), "--data-dir", str(data), "--json"],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stderr is not None
    lines = iter(process.stderr.readline, "")
    assert any("started" in line for line in lines)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 130, err
    value = json.loads(out)
    assert (value["status"], value["errors"][0]["code"]) == ("interrupted", "RUN_CANCELLED")
    task_id = value["data"]["task"]["id"]
    shown = envelope(lgma("tasks", "show", task_id, "--data-dir", data, "--json"))
    assert shown["data"]["task"]["status"] == "cancelled"


def test_a_request_beyond_the_skills_is_refused_with_what_to_set(tmp_path: Path) -> None:
    done = lgma("run", "Write a poem about the sea", "--data-dir", tmp_path / "data", "--json", expect=1)
    (error,) = envelope(done)["errors"]
    assert error["code"] == "MODEL_REQUIRED"
    assert "LLM_MODEL" in json.dumps(error)


def test_the_doctor_has_codes_states_and_exit_codes(tmp_path: Path) -> None:
    value = envelope(lgma("doctor", "--data-dir", tmp_path / "d", "--json", LGMA_PORT="0"))
    assert {"SETTINGS_OK", "PYTHON_OK", "SKILL_OK"} <= {item["code"] for item in value["findings"]}
    assert {item["state"] for item in value["findings"]} <= {"OK", "WARN", "SKIPPED"}

    bad = lgma("doctor", "--data-dir", tmp_path / "d", "--lang", "zh", expect=4, LGMA_PORT="abc")
    assert "▲ CRIT" in bad.stdout
    assert "LGMA_PORT" in bad.stdout
    assert HAN.search(bad.stdout)
    assert not (tmp_path / "d").exists()
