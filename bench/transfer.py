"""Memory and time of exporting and importing many tasks, over HTTP, in a real server.

    python -m bench.transfer [--tasks 100000] [--json FILE]

An export is written down as it comes, and imported into a second, empty server. Shown is the greatest
resident memory of each server during the transfer, and what it was before.
"""

import argparse
import asyncio
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
from uuid_utils import uuid7

from bench.machine import describe
from bench.memory import server
from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.domain.clock import SystemClock
from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.database import SqliteDatabase, Store, unit
from langgraph_multi_agent.store.sets import insert_rows

WANTED_MB = 200.0
BATCH = 5000
HEADERS = {"content-type": "application/json"}


@unit
def _fill(store: Store, rows: list[dict[str, Any]]) -> None:
    insert_rows(store, schema.tasks, rows)


def fill(path: Path, count: int) -> None:
    """Completed tasks with a result of half a kilobyte each."""
    database = SqliteDatabase(path, clock=SystemClock(), new_id=lambda: str(uuid7()))
    start = datetime.now(UTC) - timedelta(days=20)
    for first in range(0, count, BATCH):
        rows = []
        for number in range(first, min(first + BATCH, count)):
            moment = start + timedelta(seconds=number)
            rows.append(
                {
                    "id": str(uuid7()),
                    "tenant": "default",
                    "title": f"transfer {number}",
                    "description": "Count the rows of the file and say where they come from. " * 3,
                    "priority": 1 + number % 4,
                    "team": "default",
                    "language": "en",
                    "status": "completed" if number % 10 else "paused",
                    "progress": 100 if number % 10 else 0,
                    "input_data": {},
                    "files": [],
                    "budget": {"tokens": None, "cost": None},
                    "cost": {"input_tokens": 1, "output_tokens": 1, "cost": 0.0, "model_calls": 1},
                    "result": {"summary": "words " * 90} if number % 10 else None,
                    "created_at": moment,
                    "updated_at": moment,
                    "completed_at": moment if number % 10 else None,
                    "run_at": moment,
                    "protocol_version": 1,
                }
            )
        database.write_from_thread(DEFAULT_SCOPE, _fill, rows)
    asyncio.run(database.close())


@contextmanager
def watched(process: psutil.Process) -> Iterator[dict[str, float]]:
    """The greatest resident memory of a process inside the block, in MB."""
    seen = {"before_mb": process.memory_info().rss / 1e6, "peak_mb": 0.0}
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(0.02):
            seen["peak_mb"] = max(seen["peak_mb"], process.memory_info().rss / 1e6)

    thread = threading.Thread(target=look)
    thread.start()
    started = time.perf_counter()
    try:
        yield seen
    finally:
        seen["seconds"] = time.perf_counter() - started
        is_over.set()
        thread.join()


def _slowest(address: str, stop: threading.Event, seen: list[float]) -> None:
    """How long a submission takes meanwhile: the one writer of SQLite is what an import holds."""
    with httpx.Client(base_url=address, timeout=60) as client:
        while not stop.wait(0.05):
            began = time.perf_counter()
            client.post("/api/v1/tasks", json={"description": "meanwhile", "team": "zero_work"})
            seen.append(time.perf_counter() - began)


def export(directory: Path, document: Path) -> dict[str, float]:
    with (
        server(directory) as (process, address, _),
        watched(process) as seen,
        httpx.stream("GET", f"{address}/api/v1/mvp2/export", timeout=600) as answer,
        document.open("wb") as file,
    ):
        answer.raise_for_status()
        for chunk in answer.iter_raw():
            file.write(chunk)
    return seen


def import_(directory: Path, document: Path) -> tuple[dict[str, float], dict[str, int], dict[str, int]]:
    with server(directory) as (process, address, _):
        stop, slow = threading.Event(), list[float]()
        meanwhile = threading.Thread(target=_slowest, args=(address, stop, slow))
        meanwhile.start()
        with watched(process) as seen:
            counts = _import_once(address, document)
        stop.set()
        meanwhile.join()
        seen["slowest_submission_s"] = max(slow, default=0.0)
        again = _import_once(address, document)
    return seen, counts, again


def _import_once(address: str, document: Path) -> dict[str, int]:
    with document.open("rb") as file:
        answer = httpx.post(f"{address}/api/v1/mvp2/import", content=file, headers=HEADERS, timeout=600)
    answer.raise_for_status()
    counts: dict[str, int] = answer.json()["data"]["imported_counts"]
    return counts


def run(tasks: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as work:
        source, target, document = Path(work) / "a", Path(work) / "b", Path(work) / "export.json"
        for directory in (source, target):
            directory.mkdir()
            with server(directory):
                pass
        fill(source / "lgma.db", tasks)
        exported = export(source, document)
        size_mb = document.stat().st_size / 1e6
        imported, counts, again = import_(target, document)
    return {
        "tasks": tasks,
        "document_mb": size_mb,
        "export": exported,
        "import": imported,
        "imported": counts,
        "imported_again": again,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    report = {"machine": describe(), **run(options.tasks)}
    print(f"{report['tasks']} tasks, a document of {report['document_mb']:.0f} MB")
    for name in ("export", "import"):
        row = report[name]
        print(
            f"{name:7} {row['seconds']:6.1f} s, memory {row['before_mb']:.0f} MB before,"
            f" at most {row['peak_mb']:.0f} MB; wanted ≤ {WANTED_MB:.0f}"
        )
    print(f"slowest submission meanwhile {report['import']['slowest_submission_s']:.2f} s")
    print(f"imported {report['imported']}, a second time {report['imported_again']}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
