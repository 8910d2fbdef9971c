"""What a tenant with ten tasks waits while another has five hundred queued.

All 510 tasks are queued before the worker goes on; the ten came last. Without fairness their
median would begin after almost all of the five hundred; the ratio is their median wait by that of
the tenant with many. Tasks change their tenant by SQL, as no HTTP client has one yet.

    python -m bench.fairness [--json FILE]
"""

import signal
from collections.abc import Sequence

from bench import wire
from bench.figures import AT_MOST, Figure, compared, run_alone
from bench.processes import installation
from bench.queued import stop_idle
from bench.servers import Servers

MANY, FEW = 500, 10
WORK_S = 0.1
TABLES = ("tasks", "agent_messages")


def measure(servers: Servers) -> Sequence[Figure]:
    """The figures; see the module."""
    import uvloop

    with installation(servers) as made:
        (_, port), worker = made.serve(), made.work()
        uvloop.run(wire.submit(port, 20, wire.zero_work()))
        made.until(20, "completed")
        stop_idle(made, worker)
        for tenant, count in (("many", MANY), ("few", FEW)):
            ids = uvloop.run(wire.submit(port, count, wire.zero_work(sleep_s=WORK_S)))
            for table in TABLES:
                column = "id" if table == "tasks" else "task_id"
                servers.query(
                    made.database, f"UPDATE {table} SET tenant = %s WHERE {column} = ANY(%s)", tenant, ids
                )
        [(start,)] = servers.query(made.database, "SELECT clock_timestamp()")
        worker.signal(signal.SIGCONT)
        made.until(20 + MANY + FEW, "completed")
        waits = {
            tenant: [
                seconds
                for (seconds,) in servers.query(
                    made.database,
                    "SELECT extract(epoch FROM started_at - %s)::float8 FROM tasks WHERE tenant = %s",
                    start,
                    tenant,
                )
            ]
            for tenant in ("many", "few")
        }
    few, many = wire.quantile(waits["few"], 0.5), wire.quantile(waits["many"], 0.5)
    return [
        compared(
            f"fairness: median wait of {FEW} tasks beside {MANY} of another", few, many, unit="s",
            wanted=AT_MOST, bound=0.5, details={f"last_of_{name}_s": max(waits[name]) for name in waits},
        )
    ]  # fmt: skip


if __name__ == "__main__":
    run_alone("fairness", measure)
