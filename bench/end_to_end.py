"""Through HTTP, queue and worker, 50 in flight, beside plain LangGraph in its own process.

Each of 50 clients holds one keep-alive connection: it submits, asks for the task every 250 ms until
it has ended, and submits the next; or follows the task's event stream to its end instead. Real
`lgma serve --no-worker` and `lgma worker --processes 1`; CPU is of both, PostgreSQL and Redis,
without the harness.

    python -m bench.end_to_end [--json FILE]
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence

from bench import baseline as peer
from bench import wire
from bench.figures import AT_LEAST, AT_MOST, Figure, compared, run_alone
from bench.processes import cpu_s, installation
from bench.servers import Servers

TASKS = 300
RUNS = 5
POLL_S = 0.25
ENDED = frozenset({"completed", "failed", "cancelled"})
Follow = Callable[[wire.Wire, str], Awaitable[str]]


async def _poll(client: wire.Wire, task_id: str) -> str:
    while True:
        await asyncio.sleep(POLL_S)
        status = str((await client.json("GET", f"/api/v1/tasks/{task_id}"))["status"])
        if status in ENDED:
            return status


async def _stream(client: wire.Wire, task_id: str) -> str:
    last = ""
    async for kind, _ in client.events(task_id):
        last = kind
    return last.removeprefix("task.")


FOLLOW: dict[str, Follow] = {"polled": _poll, "streamed": _stream}


async def clients(port: int, tasks: int, in_flight: int, follow: Follow) -> float:
    """Seconds for all."""
    left = iter(range(tasks))

    async def one(client: wire.Wire) -> None:
        for _ in left:
            task = await client.json("POST", "/api/v1/tasks", wire.zero_work())
            if (ended := await follow(client, task["id"])) != "completed":
                raise RuntimeError(f"a task is {ended}")

    connections = [await wire.connect(port) for _ in range(in_flight)]
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for connection in connections:
            group.create_task(one(connection))
    elapsed = time.perf_counter() - began
    for connection in connections:
        connection.close()
    return elapsed


def measure(servers: Servers, *, tasks: int = TASKS, runs: int = RUNS) -> Sequence[Figure]:
    """The figures; see the module."""
    import uvloop

    ours: dict[str, list[float]] = {name: [] for name in FOLLOW}
    plain: list[float] = []
    ours_cpu: dict[str, list[float]] = {name: [] for name in FOLLOW}
    plain_cpu: list[float] = []
    url = servers.postgres.url(servers.database(is_migrated=False))
    with installation(servers) as made, peer.baseline(url) as other:
        (api, port), worker = made.serve(), made.work()
        uvloop.run(clients(port, peer.IN_FLIGHT, peer.IN_FLIGHT, _stream))
        other.run(peer.IN_FLIGHT)
        servers.checkpoint()
        for _ in range(runs):
            for name, follow in FOLLOW.items():
                before = sum(made.cpu_s(api, worker).values())
                seconds = uvloop.run(clients(port, tasks, peer.IN_FLIGHT, follow))
                ours[name].append(tasks / seconds)
                ours_cpu[name].append(1000 * (sum(made.cpu_s(api, worker).values()) - before) / tasks)
            before = cpu_s(other.pid, servers.postgres.pid)
            plain.append(tasks / other.run(tasks)["seconds"])
            plain_cpu.append(1000 * (cpu_s(other.pid, servers.postgres.pid) - before) / tasks)
    figures: list[Figure] = []
    for name, label, bound in (
        ("polled", f"asked each {1000 * POLL_S:.0f} ms", 1.2),
        ("streamed", "streamed", None),
    ):
        cpu = f"end to end, {label}: CPU a task, all processes"
        figures += [
            _pairs(f"end to end, {label}: tasks/s over HTTP", ours[name], plain, "/s", AT_LEAST, bound),
            _pairs(cpu, ours_cpu[name], plain_cpu, "ms", AT_MOST, None),
        ]
    return figures


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
