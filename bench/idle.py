"""CPU and memory of each process that has nothing to do.

python -m bench.idle [--json FILE]
"""

import time
from collections.abc import Sequence

from bench import wire
from bench.figures import AT_MOST, Figure, run_alone
from bench.processes import installation
from bench.servers import Servers

WINDOW_S = 30.0
CALM_S = 5.0


def measure(servers: Servers, *, window_s: float = WINDOW_S) -> Sequence[Figure]:
    """The figures; see the module."""
    import uvloop

    with installation(servers) as made:
        (api, port), worker = made.serve(), made.work()
        uvloop.run(wire.submit(port, 20, wire.zero_work()))
        made.until(20, "completed")
        time.sleep(CALM_S)
        processes = {
            f"{program.name} {number}": process
            for program in (api, worker)
            for number, process in enumerate(program.tree())
        }
        before, began = {name: process.cpu_times() for name, process in processes.items()}, time.monotonic()
        servers_before = made.cpu_s()
        time.sleep(window_s)
        elapsed, servers_after = time.monotonic() - began, made.cpu_s()
        figures = []
        for name, process in processes.items():
            times = process.cpu_times()
            spent = times.user + times.system - before[name].user - before[name].system
            details = {"rss_mb": process.memory_info().rss / 1e6}
            figures.append(
                Figure(
                    name=f"idle CPU: {name}", ours=100 * spent / elapsed, unit="%", wanted=AT_MOST, bound=1.0,
                    note=f"{details['rss_mb']:.0f} MB", details=details,
                )
            )  # fmt: skip
        figures += [
            Figure(
                name=f"idle CPU: {name}",
                ours=100 * (servers_after[name] - servers_before[name]) / elapsed,
                unit="%",
            )
            for name in servers_after
        ]
    return figures


if __name__ == "__main__":
    run_alone("idle", measure)
