"""Seconds until interrupted tasks run again, after kill −9 and after SIGTERM of their worker.

Two workers; all 50 tasks are in flight on the first when it goes. A task runs again when it has a
run of a later epoch. SHUTDOWN_GRACE is short: the wish for speed after SIGTERM counts from the end
of the grace that running tasks are given.

    python -m bench.recovery [--json FILE]
"""

import signal
import time
from collections.abc import Sequence

from bench import wire
from bench.figures import AT_MOST, Figure, run_alone
from bench.processes import Installation, Program, installation
from bench.queued import stop_idle
from bench.servers import Servers

TASKS = 50
WORK_S = 4.0
GRACE_S = 0.1
POLL_S = 0.02


def _run_again(made: Installation, worker: Program, other: Program, how: str) -> list[float]:
    """Seconds of each interrupted task from the blow to its next run."""
    servers, database = made.servers, made.database
    moment = "SELECT clock_timestamp()"
    if how == "kill":
        [(blow,)] = servers.query(database, moment)
        worker.kill()
    else:
        [(blow,)] = servers.query(database, moment)
        worker.terminate()
    asked = (
        "SELECT count(*) FILTER (WHERE epoch > 1), coalesce(max(extract(epoch FROM created_at - %s)), 0)::float8"
        " FROM workflow_executions"
    )
    give_up = time.monotonic() + 120
    while True:
        [(again, _)] = servers.query(database, asked, blow)
        if again >= TASKS:
            break
        if time.monotonic() > give_up:
            raise RuntimeError(f"{again} of {TASKS} run again: {other.logged()}")
        time.sleep(POLL_S)
    rows = servers.query(
        database,
        "SELECT extract(epoch FROM created_at - %s)::float8 FROM workflow_executions WHERE epoch = 2",
        blow,
    )
    return [seconds for (seconds,) in rows]


def _blow(servers: Servers, how: str) -> tuple[list[float], int]:
    """Seconds of each task, and how many tasks did not complete once."""
    import uvloop

    with installation(servers, SHUTDOWN_GRACE=str(GRACE_S), LOG_LEVEL="INFO") as made:
        (_, port), second = made.serve(), _ready(made)
        stop_idle(made, second)  # it is there, and the first takes all
        first = _ready(made)
        uvloop.run(wire.submit(port, 1, wire.zero_work()))
        made.until(1, "completed")
        uvloop.run(wire.submit(port, TASKS, wire.zero_work(sleep_s=WORK_S)))
        made.until(TASKS, "in_progress")
        second.signal(signal.SIGCONT)
        servers.query(made.database, "DELETE FROM workflow_executions WHERE status = 'completed'")
        seconds = _run_again(made, first, second, how)
        made.until(TASKS + 1, "completed")
        [(events,)] = servers.query(
            made.database, "SELECT count(*) FROM agent_messages WHERE type = 'task.completed'"
        )
    return seconds, abs(int(events) - TASKS - 1)


def _ready(made: Installation) -> Program:
    """A worker that has said it is ready: starting takes seconds and is not what is measured."""
    worker = made.work()
    give_up = time.monotonic() + 60
    while "worker ready" not in worker.logged():
        if time.monotonic() > give_up:
            raise RuntimeError(f"a worker did not start: {worker.logged()}")
        time.sleep(POLL_S)
    return worker


def measure(servers: Servers) -> Sequence[Figure]:
    """The figures; see the module."""
    figures = []
    for how, name, bound in (("kill", "kill −9", 10.0), ("terminate", signal.SIGTERM.name, 1.0 + GRACE_S)):
        seconds, wrong = _blow(servers, how)
        details = {"p50_s": wire.quantile(seconds, 0.5), "tasks": len(seconds)}
        figures += [
            Figure(
                name=f"recovery after {name} with {TASKS} in flight: slowest", ours=max(seconds), unit="s",
                wanted=AT_MOST, bound=bound, details=details,
            ),
            Figure(
                name=f"recovery after {name}: lost or twice", ours=float(wrong), unit="tasks", wanted=AT_MOST, bound=0
            ),
        ]  # fmt: skip
    return figures


if __name__ == "__main__":
    run_alone("recovery", measure)
