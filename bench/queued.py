"""Tasks that are queued already, run by one worker process, beside plain LangGraph.

Ours: the tasks come in through `lgma serve --no-worker` while the worker is stopped (SIGSTOP), so
that all are queued when it goes on; timed by the database from the first claim to the moment the
last is seen completed. The other side runs as many in its own process. Runs alternate; figures are
medians of runs, the ratio is the median of pairs. CPU is of all processes of a side, PostgreSQL and
Redis with it. The log is its position before and after; transactions are PostgreSQL's count over all
runs, with what idle processes asked between them.

    python -m bench.queued [--json FILE]
"""

import signal
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench import baseline as peer
from bench import wire
from bench.figures import AT_LEAST, AT_MOST, Figure, compared, run_alone
from bench.processes import Installation, Program, cpu_s, installation
from bench.servers import Servers

TASKS = 300
RUNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One run of one side; all but `seconds` are for each task."""

    seconds: float
    tasks: int
    cpu_ms: float
    cpu_ms_with_submit: float
    wal_kb: float
    wal_kb_with_submit: float
    parts: dict[str, float]

    @property
    def tasks_per_s(self) -> float:
        return self.tasks / self.seconds


def stop_idle(made: Installation, worker: Program) -> None:
    """SIGSTOP a worker between its transactions, so that it holds nothing."""
    while True:
        worker.signal(signal.SIGSTOP)
        [(busy,)] = made.servers.query(
            made.database,
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND state <> 'idle' AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
        )
        if not busy:
            return
        worker.signal(signal.SIGCONT)
        time.sleep(0.05)


async def _ours(made: Installation, port: int, api: Program, worker: Program, tasks: int) -> Batch:
    servers, done = made.servers, made.count("completed")
    stop_idle(made, worker)
    before, cpu_before = servers.wal_bytes(), made.cpu_s(api, worker)
    await wire.submit(port, tasks, wire.zero_work())
    queued, cpu_queued = servers.wal_bytes(), made.cpu_s(api, worker)
    worker.signal(signal.SIGCONT)
    made.until(done + tasks, "completed")
    [(seconds,)] = servers.query(
        made.database,
        "SELECT extract(epoch FROM clock_timestamp() - min(started_at))::float8 FROM"
        " (SELECT started_at FROM tasks ORDER BY created_at DESC LIMIT %s) AS batch",
        tasks,
    )
    cpu_after = made.cpu_s(api, worker)
    after = servers.wal_bytes()
    return _batch(seconds, tasks, (before, queued, after), (cpu_before, cpu_queued, cpu_after))


def _plain(servers: Servers, other: peer.Baseline, tasks: int) -> Batch:
    def spent() -> dict[str, float]:
        return {"baseline": cpu_s(other.pid), "postgresql": cpu_s(servers.postgres.pid)}

    before, cpu_before = servers.wal_bytes(), spent()
    seconds = other.run(tasks)["seconds"]
    cpu_after = spent()
    after = servers.wal_bytes()
    return _batch(seconds, tasks, (before, before, after), (cpu_before, cpu_before, cpu_after))


def _batch(
    seconds: float,
    tasks: int,
    wal: tuple[int, int, int],
    cpu: tuple[dict[str, float], dict[str, float], dict[str, float]],
) -> Batch:
    first, queued, last = wal
    start, middle, end = (sum(parts.values()) for parts in cpu)
    return Batch(
        seconds=seconds,
        tasks=tasks,
        cpu_ms=1000 * (end - middle) / tasks,
        cpu_ms_with_submit=1000 * (end - start) / tasks,
        wal_kb=(last - queued) / 1000 / tasks,
        wal_kb_with_submit=(last - first) / 1000 / tasks,
        parts={name: 1000 * (cpu[2][name] - cpu[1][name]) / tasks for name in cpu[2]},
    )


def measure(servers: Servers, *, tasks: int = TASKS, runs: int = RUNS) -> Sequence[Figure]:
    """The figures; see the module."""
    import uvloop

    ours: list[Batch] = []
    plain: list[Batch] = []
    database = servers.database(is_migrated=False)
    url = servers.postgres.url(database)
    with installation(servers) as made, peer.baseline(url) as other:
        (api, port), worker = made.serve(), made.work()
        uvloop.run(wire.submit(port, peer.IN_FLIGHT, wire.zero_work()))  # warm both sides
        made.until(peer.IN_FLIGHT, "completed")
        other.run(peer.IN_FLIGHT)
        servers.checkpoint()
        uvloop.run(_ours(made, port, api, worker, 2 * peer.IN_FLIGHT))  # pages whole in the log once
        _plain(servers, other, 2 * peer.IN_FLIGHT)
        first = [servers.counters(name) for name in (made.database, database)]
        for _ in range(runs):
            ours.append(uvloop.run(_ours(made, port, api, worker, tasks)))
            plain.append(_plain(servers, other, tasks))
        last = [servers.counters(name) for name in (made.database, database)]
        indexes = [
            name
            for (name,) in servers.query(
                made.database, "SELECT indexname::text FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
            )
        ]
    details = {
        "tasks": tasks,
        "runs": runs,
        "ours": {
            "saver": "a fenced saver each run", "durability": "journal with group commit, checkpoints at exit",
            "loop": "uvloop", "payload": "4 messages of 500 B", "indexes": indexes,
        },
        "baseline": peer.DESCRIPTION,
        "ours_cpu_ms": _medians([batch.parts for batch in ours]),
        "baseline_cpu_ms": _medians([batch.parts for batch in plain]),
        "checkpoints": last[0].checkpoints - first[0].checkpoints,
        "transactions": [
            (after.transactions - before.transactions) / tasks / runs for before, after in zip(first, last, strict=True)
        ],
    }  # fmt: skip
    return list(_figures(ours, plain, details))


def _medians(parts: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(part[name] for part in parts), 2) for name in parts[0]}


def _figures(ours: Sequence[Batch], plain: Sequence[Batch], details: dict[str, Any]) -> Iterator[Figure]:
    def median(batches: Sequence[Batch], name: str) -> float:
        return float(statistics.median(getattr(batch, name) for batch in batches))

    def pairs(name: str) -> dict[str, Any]:
        found = [getattr(a, name) / getattr(b, name) for a, b in zip(ours, plain, strict=True)]
        return {"ratio": statistics.median(found), "spread": (min(found), max(found))}

    def both(name: str) -> tuple[float, float]:
        return median(ours, name), median(plain, name)

    checkpoints = details["checkpoints"]
    note = f"{checkpoints} checkpoints in the window" if checkpoints else ""
    yield compared(
        "queued: tasks/s in one worker process", *both("tasks_per_s"), unit="/s", wanted=AT_LEAST, bound=2.5,
        details=details, **pairs("tasks_per_s"),
    )  # fmt: skip
    yield compared(
        "queued: CPU a task, all processes", *both("cpu_ms"), unit="ms", wanted=AT_MOST, bound=0.7, **pairs("cpu_ms"),
        note=_shares(details["ours_cpu_ms"]),
    )  # fmt: skip
    yield compared(
        "queued: the same with submitting over HTTP", *both("cpu_ms_with_submit"), unit="ms", wanted=AT_MOST,
        bound=0.7, **pairs("cpu_ms_with_submit"),
    )  # fmt: skip
    for name, column, bound in (
        ("log a task, with submitting", "wal_kb_with_submit", 20.0),
        ("log a task, of the worker alone", "wal_kb", None),
    ):
        yield Figure(
            name=f"queued: {name}", ours=median(ours, column), baseline=median(plain, column), unit="kB",
            wanted=AT_MOST, bound=bound, note=note,
        )  # fmt: skip
    transactions, other = details["transactions"]
    yield Figure(
        name="queued: transactions a task, with submitting",
        ours=transactions,
        baseline=other,
        wanted=AT_MOST,
        bound=4.0,
    )


def _shares(parts: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.1f}" for name, value in parts.items())


if __name__ == "__main__":
    run_alone("queued", measure)
