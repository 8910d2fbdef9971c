"""Through HTTP, queue and worker, 50 in flight, beside plain LangGraph in its own process.

Each of 50 clients holds one keep-alive connection: it submits, follows the task's event stream to
its end, and submits the next. Real `lgma serve --no-worker` and `lgma worker --processes 1`; CPU is
of both, PostgreSQL and Redis, without the harness.

    python -m bench.end_to_end [--json FILE]
"""

import asyncio
import statistics
import time
from collections.abc import Sequence

from bench import baseline as peer
from bench import wire
from bench.figures import AT_LEAST, AT_MOST, Figure, compared, run_alone
from bench.processes import cpu_s, installation
from bench.servers import Servers

TASKS = 300
RUNS = 5


async def _clients(port: int, tasks: int, in_flight: int) -> tuple[float, list[float]]:
    """Seconds for all, and from create to result of each."""
    left, latencies = iter(range(tasks)), list[float]()

    async def one(client: wire.Wire) -> None:
        for _ in left:
            began = time.perf_counter()
            task = await client.json("POST", "/api/v1/tasks", wire.zero_work())
            last = ""
            async for kind, moment in client.events(task["id"]):
                if kind in wire.TERMINAL:
                    last = kind
                    latencies.append(moment - began)
            if last != "task.completed":
                raise RuntimeError(f"a task ended with {last or 'nothing'}")

    connections = [await wire.connect(port) for _ in range(in_flight)]
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for connection in connections:
            group.create_task(one(connection))
    elapsed = time.perf_counter() - began
    for connection in connections:
        connection.close()
    return elapsed, latencies


def measure(servers: Servers, *, tasks: int = TASKS, runs: int = RUNS) -> Sequence[Figure]:
    """The figures; see the module."""
    import uvloop

    ours: list[float] = []
    plain: list[float] = []
    ours_cpu: list[float] = []
    plain_cpu: list[float] = []
    url = servers.postgres.url(servers.database(is_migrated=False))
    with installation(servers) as made, peer.baseline(url) as other:
        (api, port), worker = made.serve(), made.work()
        uvloop.run(_clients(port, peer.IN_FLIGHT, peer.IN_FLIGHT))
        other.run(peer.IN_FLIGHT)
        servers.checkpoint()
        for _ in range(runs):
            before = sum(made.cpu_s(api, worker).values())
            seconds, _ = uvloop.run(_clients(port, tasks, peer.IN_FLIGHT))
            ours.append(tasks / seconds)
            ours_cpu.append(1000 * (sum(made.cpu_s(api, worker).values()) - before) / tasks)
            before = cpu_s(other.pid, servers.postgres.pid)
            plain.append(tasks / other.run(tasks)["seconds"])
            plain_cpu.append(1000 * (cpu_s(other.pid, servers.postgres.pid) - before) / tasks)
    return [
        _pairs("end to end: tasks/s over HTTP", ours, plain, "/s", AT_LEAST, 1.2),
        _pairs("end to end: CPU a task, all processes", ours_cpu, plain_cpu, "ms", AT_MOST, None),
    ]


def _pairs(
    name: str, ours: list[float], plain: list[float], unit: str, wanted: str, bound: float | None
) -> Figure:
    found = [a / b for a, b in zip(ours, plain, strict=True)]
    return compared(
        name, statistics.median(ours), statistics.median(plain), unit=unit, wanted=wanted, bound=bound,
        ratio=statistics.median(found), spread=(min(found), max(found)),
    )  # fmt: skip


if __name__ == "__main__":
    run_alone("end_to_end", measure)
