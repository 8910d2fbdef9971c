"""Makespan of random DAGs beside their critical path.

Five DAGs of 20 subtasks that sleep 0.2–0.5 s each, run one after the other through the code path
of `lgma serve`. The critical path is the longest chain of sleeps; the makespan is from the first
`subtask.started` to the last `subtask.completed`, as a follower of the event log sees them.
Prints each ratio and the median.

    python -m bench.makespan [--dags 5] [--nodes 20] [--seed 1] [--json FILE]
"""

import argparse
import asyncio
import json
import random
import statistics
import tempfile
from pathlib import Path
from typing import Any

from bench.machine import describe
from bench.teams import zero_work
from langgraph_multi_agent import bootstrap
from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.domain.event import Event, EventType
from langgraph_multi_agent.domain.task import TaskDraft
from langgraph_multi_agent.settings import Settings

WANTED = 1.05


def random_dag(rng: random.Random, nodes: int) -> tuple[dict[str, list[str]], dict[str, float]]:
    """Edges (node → what it depends on) and sleeps in seconds; each node depends on up to three earlier ones."""
    edges = {
        f"n{i:02}": sorted(f"n{j:02}" for j in rng.sample(range(i), min(i, rng.randint(0, 3))))
        for i in range(nodes)
    }
    return edges, {node: round(rng.uniform(0.2, 0.5), 3) for node in edges}


def critical_path_s(edges: dict[str, list[str]], sleeps: dict[str, float]) -> float:
    """The longest chain of sleeps; nodes come after what they depend on."""
    ends: dict[str, float] = {}
    for node, parents in edges.items():
        ends[node] = sleeps[node] + max((ends[parent] for parent in parents), default=0.0)
    return max(ends.values())


async def makespan_s(
    application: bootstrap.Application, edges: dict[str, list[str]], sleeps: dict[str, float]
) -> float:
    """Run one DAG and measure it from its events."""
    draft = TaskDraft(
        title="makespan", description="bench", team="zero_work", input_data={"edges": edges, "sleeps": sleeps}
    )
    task = (await application.tasks.submit(DEFAULT_SCOPE, draft)).task
    started, completed = [], []
    async for item in application.streams.follow_task(DEFAULT_SCOPE, task.id, after=0):
        if isinstance(item, Event) and item.type is EventType.SUBTASK_STARTED:
            started.append(item.at)
        elif isinstance(item, Event) and item.type is EventType.SUBTASK_COMPLETED:
            completed.append(item.at)
    if len(completed) != len(edges):
        raise RuntimeError(f"{len(completed)} of {len(edges)} subtasks were completed")
    return (max(completed) - min(started)).total_seconds()


async def measure(*, dags: int, nodes: int, seed: int) -> dict[str, Any]:
    """Run all DAGs in one process over a fresh data directory."""
    rng = random.Random(seed)
    rows: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as directory:
        settings = Settings.load({}, data_dir=Path(directory), log_level="WARNING")
        bootstrap.configure(settings)
        opened = bootstrap.open_application(settings, teams={"zero_work": zero_work()})
        async with opened as application, bootstrap.working(application):
            await makespan_s(application, {"warm": []}, {"warm": 0.0})
            for _ in range(dags):
                edges, sleeps = random_dag(rng, nodes)
                critical = critical_path_s(edges, sleeps)
                took = await makespan_s(application, edges, sleeps)
                rows.append({"critical_path_s": critical, "makespan_s": took, "ratio": took / critical})
    return {
        "machine": describe(),
        "seed": seed,
        "dags": rows,
        "median_ratio": statistics.median(row["ratio"] for row in rows),
    }


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dags", type=int, default=5)
    parser.add_argument("--nodes", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    report = asyncio.run(measure(dags=options.dags, nodes=options.nodes, seed=options.seed))
    for row in report["dags"]:
        print(
            f"critical path {row['critical_path_s']:.3f} s  makespan {row['makespan_s']:.3f} s  {row['ratio']:.4f}"
        )
    print(f"median ratio {report['median_ratio']:.4f}; wanted ≤ {WANTED}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
