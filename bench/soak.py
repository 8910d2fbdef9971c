"""Memory of the API and the worker over ten thousand tasks.

    python -m bench.soak [--tasks 10000] [--json FILE]

Tasks go through HTTP, queue and worker; memory is read after every 500. The slope of the second
half is what leaks; flat means that ten thousand more would add less than 10 MB.
"""

import argparse
import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from bench import wire
from bench.figures import AT_MOST, Figure, document, table
from bench.processes import installation, rss_mb
from bench.servers import Servers, servers

TASKS = 10_000
STEP = 500
FLAT_KB_A_TASK = 1.0


def measure(running: Servers, *, tasks: int = TASKS) -> Sequence[Figure]:
    """The figures; see the module."""
    import uvloop

    rows: dict[str, list[tuple[int, float]]] = {"serve": [], "worker": []}
    step = max(1, min(STEP, tasks // 4))
    with installation(running) as made:
        (api, port), worker = made.serve(), made.work()
        for done in range(step, tasks + 1, step):
            uvloop.run(wire.submit(port, step, wire.zero_work()))
            made.until(done, "completed", poll_s=0.1)
            for program in (api, worker):
                rows[program.name].append((done, rss_mb(program)))
            print(f"{done:6} tasks  {', '.join(f'{name} {row[-1][1]:.1f} MB' for name, row in rows.items())}")
    return [_growth(name, row) for name, row in rows.items()]


def _growth(name: str, row: list[tuple[int, float]]) -> Figure:
    half = row[len(row) // 2 :]
    slope = statistics.linear_regression([count for count, _ in half], [size for _, size in half]).slope
    return Figure(
        name=f"soak: growth of {name} in the second half", ours=1000 * slope, unit="kB/task", wanted=AT_MOST,
        bound=FLAT_KB_A_TASK, note=f"{row[0][1]:.0f} → {row[-1][1]:.0f} MB", details={"rss_mb": row},
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=TASKS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with servers() as running:
        told = running.describe()
        figures = measure(running, tasks=options.tasks)
    print(table(figures))
    if options.json:
        options.json.write_text(json.dumps(document(figures, servers=told), indent=2))


if __name__ == "__main__":
    main()
