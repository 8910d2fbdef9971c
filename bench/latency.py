"""How long one waits: idle, beside 20 running tasks, and for one task's row over 16 connections.

    python -m bench.latency [--json FILE]

create→result: POST, then the task's event stream to its last event. First event: POST to the first
event of that stream that the worker made. The read of a task stands beside `bench.bare`, the same
answer by a route that does nothing else, in alternating rounds.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.support.servers import free_port

from bench import wire
from bench.figures import AT_LEAST, AT_MOST, Figure, compared, run_alone
from bench.processes import ROOT, Installation, installation
from bench.servers import Servers

SAMPLES = 60
SUBMITS = 300
READERS = 16
READ_S = 2.0
ROUNDS = 3
PAUSE_S = 0.05


async def _one(client: wire.Wire, body: dict[str, object]) -> tuple[float, float, float]:
    """Seconds to the answer of POST, the first event of the stream, and the result."""
    began = time.perf_counter()
    task = await client.json("POST", "/api/v1/tasks", body)
    answered, moments = time.perf_counter(), list[float]()
    async for _, moment in client.events(task["id"]):
        moments.append(moment)
    return answered - began, moments[0] - began, moments[-1] - began


async def _idle(port: int) -> list[tuple[float, float, float]]:
    client = await wire.connect(port)
    rows = []
    for number in range(SAMPLES + 5):
        row = await _one(client, wire.zero_work())
        if number >= 5:
            rows.append(row)
        await asyncio.sleep(PAUSE_S)
    client.close()
    return rows


async def _parallel(port: int) -> float:
    """Seconds until 50 tasks of 1 s of parallel work are done."""
    clients = [await wire.connect(port) for _ in range(50)]
    began = time.perf_counter()
    await asyncio.gather(*(_one(client, wire.zero_work(sleep_s=1)) for client in clients))
    elapsed = time.perf_counter() - began
    for client in clients:
        client.close()
    return elapsed


async def _submits(made: Installation, port: int) -> list[float]:
    """Seconds of each POST while 20 tasks run."""
    await wire.submit(port, 20, wire.zero_work(sleep_s=6))
    await asyncio.to_thread(made.until, 20, "in_progress")
    client, seconds = await wire.connect(port), list[float]()
    give_up = time.monotonic() + 5
    while len(seconds) < SUBMITS and time.monotonic() < give_up:
        began = time.perf_counter()
        await client.json("POST", "/api/v1/tasks", wire.zero_work())
        seconds.append(time.perf_counter() - began)
        await asyncio.sleep(0.005)
    client.close()
    return seconds


async def _reads(port: int, ids: Sequence[str], seconds: float) -> float:
    """Answers a second over 16 connections, each of which reads a task of its own."""
    clients, count = [await wire.connect(port) for _ in range(READERS)], 0
    give_up = time.perf_counter() + seconds

    async def one(client: wire.Wire, task_id: str) -> None:
        nonlocal count
        while time.perf_counter() < give_up:
            status, _ = await client.request("GET", f"/api/v1/tasks/{task_id}")
            if status != 200:
                raise RuntimeError(f"the read answered {status}")
            count += 1

    began = time.perf_counter()
    await asyncio.gather(*(one(client, task_id) for client, task_id in zip(clients, ids, strict=True)))
    elapsed = time.perf_counter() - began
    for client in clients:
        client.close()
    return count / elapsed


async def _same_answer(ours: int, bare: int, task_id: str) -> None:
    answers = []
    for port in (ours, bare):
        client = await wire.connect(port)
        answers.append(await client.json("GET", f"/api/v1/tasks/{task_id}"))
        client.close()
    if answers[0].keys() != answers[1].keys():
        raise RuntimeError(f"not the same answer: {answers[0].keys() ^ answers[1].keys()}")


@contextmanager
def _bare(made: Installation) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "bench.bare", "--url", made.servers.postgres.url(made.database)]
    with subprocess.Popen([*command, "--port", str(port)], cwd=ROOT) as child:
        try:
            for _ in range(500):
                try:
                    asyncio.run(_touch(port))
                except OSError:
                    time.sleep(0.02)
                else:
                    break
            yield port
        finally:
            child.terminate()
            child.wait(timeout=20)


async def _touch(port: int) -> None:
    (await wire.connect(port)).close()


def measure(servers: Servers) -> Sequence[Figure]:
    """The figures; see the module."""
    import uvloop

    with installation(servers) as made:
        (_, port), _ = made.serve(), made.work()
        uvloop.run(wire.submit(port, 20, wire.zero_work()))
        made.until(20, "completed")
        idle = uvloop.run(_idle(port))
        parallel = statistics.median(uvloop.run(_parallel(port)) for _ in range(3))
        submits = uvloop.run(_submits(made, port))
        ids = uvloop.run(wire.submit(port, READERS, wire.zero_work()))
        made.until(made.count("completed") + made.count("pending", "in_progress"), "completed")
        ours: list[float] = []
        bare: list[float] = []
        with _bare(made) as bare_port:
            uvloop.run(_same_answer(port, bare_port, ids[0]))
            for _ in range(ROUNDS):
                ours.append(uvloop.run(_reads(port, ids, READ_S)))
                bare.append(uvloop.run(_reads(bare_port, ids, READ_S)))
    answered, first, result = ([1000 * row[column] for row in idle] for column in range(3))
    pairs = [a / b for a, b in zip(ours, bare, strict=True)]
    return [
        _quantile("idle: create → result, p50", result, 0.5, 40),
        _quantile("idle: create → first event, p50", first, 0.5, 15),
        _quantile("idle: POST, p50", answered, 0.5, None),
        Figure(name="50 tasks of 1 s of parallel work", ours=parallel, unit="s", wanted=AT_MOST, bound=2.0),
        _quantile("POST beside 20 running tasks, p99", [1000 * value for value in submits], 0.99, 50),
        compared(
            "GET /tasks/{id} at 16 connections, beside bare FastAPI", statistics.median(ours), statistics.median(bare),
            unit="/s", wanted=AT_LEAST, bound=0.5, ratio=statistics.median(pairs), spread=(min(pairs), max(pairs)),
        ),
    ]  # fmt: skip


def _quantile(name: str, values: list[float], part: float, bound: float | None) -> Figure:
    details = {"samples": len(values), "p50": wire.quantile(values, 0.5), "p99": wire.quantile(values, 0.99)}
    return Figure(
        name=name, ours=wire.quantile(values, part), unit="ms", wanted=AT_MOST, bound=bound, details=details
    )


if __name__ == "__main__":
    run_alone("latency", measure)
