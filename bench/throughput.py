"""Tasks per second: ours through the code path of `lgma serve`, beside plain LangGraph.

Both sides do the same shape in this one process, in alternating runs: understand, plan, four
parallel subtasks of ~500 B, check, finish; SQLite in WAL mode with synchronous=FULL; 50 tasks in
flight. The baseline is LangGraph's StateGraph over AsyncSqliteSaver with durability `sync`, one
saver for the process (it owns the connection). Prints medians and the ratio.

    python -m bench.throughput [--tasks 200] [--runs 5] [--json FILE]
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiosqlite
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from bench import baseline
from bench.machine import describe
from bench.teams import zero_work
from langgraph_multi_agent import bootstrap
from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.domain.task import TaskDraft
from langgraph_multi_agent.settings import Settings

IN_FLIGHT = 50
POLL_S = 0.01
Batch = Callable[[int], Awaitable[None]]


async def ours(directory: Path, measure: Callable[[Batch], Awaitable[None]]) -> None:
    """Hand `measure` a function that submits n tasks and returns when all are completed."""
    settings = Settings.load({}, data_dir=directory, log_level="WARNING", task_queue_size=100_000)
    bootstrap.configure(settings)
    opened = bootstrap.open_application(settings, teams={"zero_work": zero_work()})
    async with opened as application, bootstrap.working(application):

        async def completed() -> int:
            counts = await application.tasks.counts(DEFAULT_SCOPE)
            if counts.keys() & {"failed", "cancelled"}:
                raise RuntimeError("a task did not complete")
            return counts.get("completed", 0)

        async def batch(count: int) -> None:
            places = asyncio.Semaphore(IN_FLIGHT)
            before = await completed()

            async def watch() -> None:
                # As light as the baseline's harness: one count, no reading of the event log.
                seen = 0
                while seen < count:
                    await asyncio.sleep(POLL_S)
                    now = await completed() - before
                    for _ in range(now - seen):
                        places.release()
                    seen = now

            async with asyncio.TaskGroup() as group:
                group.create_task(watch())
                for number in range(count):
                    await places.acquire()
                    draft = TaskDraft(title="bench", description=f"task {number}", team="zero_work")
                    await application.tasks.submit(DEFAULT_SCOPE, draft)

        await measure(batch)


async def plain(directory: Path, measure: Callable[[Batch], Awaitable[None]]) -> None:
    """The same for plain LangGraph."""
    async with aiosqlite.connect(directory / "plain.db") as connection:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
            await connection.execute(f"PRAGMA {pragma}")
        saver = AsyncSqliteSaver(connection)
        await saver.setup()
        graph: Any = baseline.graph().compile(checkpointer=saver)
        threads = iter(range(10**9))

        async def batch(count: int) -> None:
            places = asyncio.Semaphore(IN_FLIGHT)

            async def one() -> None:
                async with places:
                    config = {"configurable": {"thread_id": f"t{next(threads)}"}}
                    state = await graph.ainvoke({"request": "task"}, config, durability="sync")
                    if state["result"] != "4 parts":
                        raise RuntimeError("the baseline did not do the work")

            async with asyncio.TaskGroup() as group:
                for _ in range(count):
                    group.create_task(one())

        await measure(batch)


async def compare(tasks: int, runs: int) -> dict[str, Any]:
    """Alternating runs of both sides in one process."""
    figures: dict[str, dict[str, list[float]]] = {
        side: {"tasks_per_s": [], "cpu_ms": []} for side in ("ours", "plain")
    }
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:

        async def with_ours(our_batch: Batch) -> None:
            async def with_plain(plain_batch: Batch) -> None:
                for batch in (our_batch, plain_batch):
                    await batch(IN_FLIGHT)
                for _ in range(runs):
                    for side, batch in (("ours", our_batch), ("plain", plain_batch)):
                        started, cpu = time.perf_counter(), time.process_time()
                        await batch(tasks)
                        elapsed, spent = time.perf_counter() - started, time.process_time() - cpu
                        figures[side]["tasks_per_s"].append(tasks / elapsed)
                        figures[side]["cpu_ms"].append(1000 * spent / tasks)

            await plain(Path(other), with_plain)

        await ours(Path(one), with_ours)
    pairs = list(zip(figures["ours"]["tasks_per_s"], figures["plain"]["tasks_per_s"], strict=True))
    return {
        "what": "embedded throughput, 4 parallel zero-work subtasks of ~500 B, 50 in flight",
        "machine": describe(),
        "sqlite": "WAL, synchronous=FULL on both sides",
        "runs": runs,
        "tasks": tasks,
        "figures": figures,
        "median": {
            side: {name: statistics.median(values) for name, values in rows.items()}
            for side, rows in figures.items()
        },
        "ratio": statistics.median(a / b for a, b in pairs),
        "ratio_spread": [min(a / b for a, b in pairs), max(a / b for a, b in pairs)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=200)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    import uvloop

    report = uvloop.run(compare(options.tasks, options.runs))
    for side in ("ours", "plain"):
        row = report["median"][side]
        print(f"{side:6} {row['tasks_per_s']:8.1f} tasks/s  {row['cpu_ms']:6.1f} ms CPU a task")
    low, high = report["ratio_spread"]
    print(f"ratio  {report['ratio']:.2f} (each pair {low:.2f} to {high:.2f}); wanted ≥ 1.5")
    if options.json:
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
