"""Idle memory of the server, its start beside bare imports, and memory over many tasks.

    python -m bench.memory [--tasks 2000] [--json FILE]

`start` compares the time until `/ready` answers with a script that only imports the same
libraries, alternating, five times each. `flat` runs zero-work tasks through one server process
and reads its resident memory every 200 tasks; the slope of the second half is what leaks.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from bench.machine import describe

ROOT = Path(__file__).resolve().parents[1]
IMPORTS = """
import aiosqlite, fastapi, httpx, langgraph.graph, langgraph.checkpoint.base, orjson, prometheus_client
import pydantic_settings, sqlalchemy, structlog, uuid_utils, uvicorn, uvloop, websockets, yaml
import alembic.command
"""


def _environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("LLM_", "LGMA_"))}
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    return {**kept, "LGMA_TEAMS": "bench.teams:zero_work", "PYTHONPATH": path, "LOG_LEVEL": "WARNING"}


@contextmanager
def server(data_dir: Path) -> Iterator[tuple[psutil.Process, str, float]]:
    """A real `lgma serve` on a free port; yields its process, URL, and seconds until ready."""
    started = time.perf_counter()
    command = [
        sys.executable,
        "-m",
        "langgraph_multi_agent",
        "serve",
        "--port",
        "0",
        "--data-dir",
        str(data_dir),
    ]
    with subprocess.Popen(
        command, env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as child:
        try:
            address = _wait_ready(data_dir, child)
            yield psutil.Process(child.pid), address, time.perf_counter() - started
        finally:
            child.terminate()
            child.wait(timeout=40)


def _wait_ready(data_dir: Path, child: "subprocess.Popen[bytes]") -> str:
    lock = data_dir / "lgma.lock"
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up and child.poll() is None:
        try:
            address: str = json.loads(lock.read_text())["address"]
            if address and httpx.get(address + "/ready", timeout=2).status_code == 200:
                return address
        except (OSError, ValueError, KeyError, httpx.HTTPError):
            pass
        time.sleep(0.01)
    raise RuntimeError("the server did not become ready")


def start(runs: int = 5) -> dict[str, Any]:
    """Seconds until ready, beside the bare imports."""
    ready: list[float] = []
    bare: list[float] = []
    idle: list[float] = []
    with tempfile.TemporaryDirectory() as directory:
        for number in range(runs + 1):
            with server(Path(directory)) as (process, _, seconds):
                time.sleep(1)
                memory = process.memory_info().rss / 1e6
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", IMPORTS], check=True, env=_environment())
            if number:  # the first pair warms the caches
                ready.append(seconds)
                bare.append(time.perf_counter() - started)
                idle.append(memory)
    ratio = statistics.median(a / b for a, b in zip(ready, bare, strict=True))
    return {
        "ready_s": statistics.median(ready),
        "imports_s": statistics.median(bare),
        "ratio": ratio,
        "idle_rss_mb": statistics.median(idle),
    }


async def _load(address: str, count: int) -> None:
    limits = httpx.Limits(max_connections=20)
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits) as client:
        places = asyncio.Semaphore(50)

        async def one(number: int) -> None:
            async with places:
                body = {"title": "flat", "description": f"task {number}", "team": "zero_work"}
                answer = await client.post("/api/v1/tasks", json=body)
                answer.raise_for_status()
                task_id = answer.json()["id"]
                while True:
                    status = (await client.get(f"/api/v1/tasks/{task_id}")).json()["status"]
                    if status == "completed":
                        return
                    if status in ("failed", "cancelled"):
                        raise RuntimeError(f"a task ended as {status}")
                    await asyncio.sleep(0.2)

        async with asyncio.TaskGroup() as group:
            for number in range(count):
                group.create_task(one(number))


def flat(tasks: int) -> dict[str, Any]:
    """Resident memory while many tasks pass."""
    rows: list[tuple[int, float]] = []
    with tempfile.TemporaryDirectory() as directory, server(Path(directory)) as (process, address, _):
        for done in range(0, tasks, 200):
            asyncio.run(_load(address, 200))
            rows.append((done + 200, process.memory_info().rss / 1e6))
    half = rows[len(rows) // 2 :]
    slope = (
        statistics.linear_regression([n for n, _ in half], [m for _, m in half]).slope
        if len(half) > 1
        else 0.0
    )
    return {"rss_mb": rows, "growth_kb_per_task_second_half": 1000 * slope}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    report: dict[str, Any] = {"machine": describe(), "start": start()}
    row = report["start"]
    print(f"ready {row['ready_s']:.2f} s, bare imports {row['imports_s']:.2f} s")
    print(f"ratio {row['ratio']:.2f}; wanted ≤ 1.5")
    print(f"idle resident memory {row['idle_rss_mb']:.0f} MB; wanted ≤ 180")
    report["flat"] = flat(options.tasks)
    for count, memory in report["flat"]["rss_mb"]:
        print(f"after {count:5} tasks {memory:6.1f} MB")
    print(f"growth in the second half {report['flat']['growth_kb_per_task_second_half']:.2f} kB a task")
    if options.json:
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
