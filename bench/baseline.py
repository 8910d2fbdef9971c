"""The other side: plain LangGraph + AsyncPostgresSaver in a process of its own, on uvloop.

A saver instance a run over one psycopg pool, durability `sync`, the shape of `bench.teams`:
understand, plan, four parallel subtasks of ~500 B, check, finish. Reads counts from its standard
input, one batch a line, and answers each with one line of JSON: seconds and CPU seconds.

    python -m bench.baseline --url postgresql://… [--pool 20]
"""

import argparse
import asyncio
import json
import operator
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

IN_FLIGHT = 50
POOL = 50
MESSAGE = "x" * 500
ROOT = Path(__file__).resolve().parents[1]
DESCRIPTION = {
    "saver": "a new AsyncPostgresSaver each run, one shared pool",
    "durability": "sync",
    "loop": "uvloop",
    "payload": f"4 messages of {len(MESSAGE)} B",
    "indexes": "those of AsyncPostgresSaver.setup()",
}


class State(TypedDict, total=False):
    """What the graph carries."""

    request: str
    understanding: dict[str, Any]
    plan: list[str]
    messages: Annotated[list[dict[str, str]], operator.add]
    verdict: str
    result: str


def graph() -> "StateGraph[State]":
    """The shape that every peer runs, not yet compiled."""

    async def meta_agent(state: State) -> State:
        return {"understanding": {"goal": state["request"]}}

    async def task_decomposer(_: State) -> State:
        return {"plan": [f"part-{number}" for number in range(4)]}

    def fan_out(state: State) -> list[Send]:
        return [Send("subtask", {"request": name}) for name in state["plan"]]

    async def subtask(state: State) -> State:
        return {"messages": [{"id": state["request"], "message": MESSAGE}]}

    async def quality_check(_: State) -> State:
        return {"verdict": "passed"}

    async def finish(state: State) -> State:
        return {"result": f"{len(state['messages'])} parts"}

    built = StateGraph(State)
    nodes: tuple[Any, ...] = (meta_agent, task_decomposer, subtask, quality_check, finish)
    for node in nodes:
        built.add_node(node.__name__, node)
    built.add_edge(START, "meta_agent")
    built.add_edge("meta_agent", "task_decomposer")
    built.add_conditional_edges("task_decomposer", fan_out, ["subtask"])
    built.add_edge("subtask", "quality_check")
    built.add_edge("quality_check", "finish")
    built.add_edge("finish", END)
    return built


async def _serve(url: str, pool_size: int) -> None:
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from psycopg import AsyncConnection
    from psycopg.rows import DictRow, dict_row
    from psycopg_pool import AsyncConnectionPool

    compiled: Any = graph().compile()
    kwargs: dict[str, Any] = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    pool: AsyncConnectionPool[AsyncConnection[DictRow]] = AsyncConnectionPool(
        url, min_size=pool_size, max_size=pool_size, kwargs=kwargs, open=False
    )
    threads = iter(range(10**9))
    async with pool:
        await AsyncPostgresSaver(pool).setup()

        async def one(places: asyncio.Semaphore) -> None:
            async with places:
                own = compiled.copy(update={"checkpointer": AsyncPostgresSaver(pool)})
                config = {"configurable": {"thread_id": f"t{next(threads)}"}}
                state = await own.ainvoke({"request": "task"}, config, durability="sync")
                if state["result"] != "4 parts":
                    raise RuntimeError("the baseline did not do the work")

        while line := await asyncio.to_thread(sys.stdin.readline):
            count, in_flight = (int(word) for word in line.split())
            places = asyncio.Semaphore(in_flight)
            began, cpu = time.perf_counter(), time.process_time()
            async with asyncio.TaskGroup() as group:
                for _ in range(count):
                    group.create_task(one(places))
            answer = {"seconds": time.perf_counter() - began, "cpu_s": time.process_time() - cpu}
            print(json.dumps(answer), flush=True)


@dataclass(slots=True)
class Baseline:
    """The process, ready to run batches."""

    process: "subprocess.Popen[str]"

    @property
    def pid(self) -> int:
        return self.process.pid

    def run(self, count: int, in_flight: int = IN_FLIGHT) -> dict[str, float]:
        """Run a batch to its end: `seconds` and `cpu_s` (of that process alone)."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{count} {in_flight}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the baseline ended")
        answer: dict[str, float] = json.loads(line)
        return answer


@contextmanager
def baseline(url: str, *, pool_size: int = POOL) -> Iterator[Baseline]:
    """A baseline process over a database of its own."""
    command = [sys.executable, "-m", "bench.baseline", "--url", url, "--pool", str(pool_size)]
    pipe = subprocess.PIPE  # its end ends the process, also when this one is killed
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as child:
        try:
            yield Baseline(child)
        finally:
            assert child.stdin is not None
            child.stdin.close()
            child.wait(timeout=20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--pool", type=int, default=POOL)
    options = parser.parse_args()
    import uvloop

    uvloop.run(_serve(options.url, options.pool))


if __name__ == "__main__":
    main()
