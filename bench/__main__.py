"""All benches in one run: `make bench`, or `python -m bench`.

    python -m bench [--json FILE] [--only NAME …] [--quick]

Benches of the production data plane share one PostgreSQL and one Redis; those of the embedded
server run as programs of their own and bring their JSON. One that breaks is a row of its own and
a bad exit code; a target that is missed is neither, as machines differ.
"""

import argparse
import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.figures import AT_LEAST, AT_MOST, Figure, document, table
from bench.servers import Servers, servers

PRODUCTION = ("queued", "end_to_end", "latency", "sockets", "recovery", "fairness", "idle", "lists", "access")
QUICK: dict[str, dict[str, Any]] = {
    "queued": {"tasks": 100, "runs": 2},
    "end_to_end": {"tasks": 100, "runs": 2},
    "lists": {"rows": 50_000},
    "idle": {"window_s": 5.0},
}
Read = Callable[[dict[str, Any]], Sequence[Figure]]


def _throughput(report: dict[str, Any]) -> Sequence[Figure]:
    low, high = report["ratio_spread"]
    median = report["median"]
    return [
        Figure(
            name="embedded: tasks/s", ours=median["ours"]["tasks_per_s"], baseline=median["plain"]["tasks_per_s"],
            unit="/s", ratio=report["ratio"], spread=(low, high), wanted=AT_LEAST, bound=1.5,
        ),
    ]  # fmt: skip


def _memory(report: dict[str, Any]) -> Sequence[Figure]:
    start, flat = report["start"], report["flat"]
    return [
        Figure(
            name="embedded: seconds until ready, beside imports", ours=start["ready_s"], baseline=start["imports_s"],
            unit="s", ratio=start["ratio"], wanted=AT_MOST, bound=1.5,
        ),
        Figure(
            name="embedded: idle memory", ours=start["idle_rss_mb"], unit="MB", wanted=AT_MOST, bound=180,
        ),
        Figure(
            name="embedded: growth in the second half", ours=flat["growth_kb_per_task_second_half"], unit="kB/task",
        ),
    ]  # fmt: skip


def _makespan(report: dict[str, Any]) -> Sequence[Figure]:
    name = "embedded: makespan by critical path"
    return [Figure(name=name, ours=report["median_ratio"], wanted=AT_MOST, bound=1.05)]


def _large_csv(report: dict[str, Any]) -> Sequence[Figure]:
    name, bound = "200 MB CSV through the skills: peak memory", report["limit_mb"]
    return [Figure(name=name, ours=report["peak_rss_mb"], unit="MB", wanted=AT_MOST, bound=bound)]


def _cli_start(report: dict[str, Any]) -> Sequence[Figure]:
    bound = report["limit_ms"]
    return [Figure(name="lgma --help", ours=report["help_ms"], unit="ms", wanted=AT_MOST, bound=bound)]


def _pages(report: dict[str, Any]) -> Sequence[Figure]:
    limits, spread = report["limits"], tuple(report["interactive_spread_s"])
    frame_ms = max(report["timeline_frame_ms"], report["log_frame_ms"])
    return [
        Figure(
            name="pages: scripts of the first load, gzip", ours=report["entry_kb"], unit="kB",
            wanted=AT_MOST, bound=limits["entry_kb"],
        ),
        Figure(
            name="pages: interactive, nothing cached", ours=report["interactive_s"], unit="s", spread=spread,
            wanted=AT_MOST, bound=limits["interactive_s"],
        ),
        Figure(
            name="pages: event on screen after its commit, median", ours=report["event_ms"], unit="ms",
            wanted=AT_MOST, bound=limits["event_ms"], details={"worst_ms": report["event_worst_ms"]},
        ),
        Figure(
            name="pages: longest frame, scrolling 5,000 events", ours=frame_ms, unit="ms",
            wanted=AT_MOST, bound=limits["frame_ms"],
        ),
    ]  # fmt: skip


EMBEDDED: dict[str, tuple[tuple[str, ...], Read]] = {
    "throughput": (("--runs", "3"), _throughput),
    "memory": (("--tasks", "1000"), _memory),
    "makespan": ((), _makespan),
    "large_csv": ((), _large_csv),
    "cli_start": ((), _cli_start),
    "pages": ((), _pages),
}


def _embedded(name: str) -> tuple[Sequence[Figure], dict[str, Any]]:
    """Figures and the whole report of a bench that is a program."""
    words, read = EMBEDDED[name]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "report.json"
        command = [sys.executable, "-m", f"bench.{name}", *words, "--json", str(path)]
        subprocess.run(command, check=True, stdout=sys.stderr)
        report: dict[str, Any] = json.loads(path.read_text())
    return read(report), report


def _production(name: str, running: Servers, sizes: dict[str, Any]) -> Sequence[Figure]:
    measure: Callable[..., Sequence[Figure]] = importlib.import_module(f"bench.{name}").measure
    return measure(running, **sizes)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--json", type=Path, default=Path("var/bench.json"))
    parser.add_argument(
        "--only", nargs="+", choices=(*PRODUCTION, *EMBEDDED), default=(*PRODUCTION, *EMBEDDED)
    )
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that all run, not how fast")
    options = parser.parse_args()
    figures: list[Figure] = []
    reports: dict[str, Any] = {}
    broken: dict[str, str] = {}

    def attempt(name: str, measure: Callable[[], Sequence[Figure]]) -> None:
        began = time.monotonic()
        try:
            found = measure()
        except Exception as error:  # one broken bench must not hide the figures of all others
            broken[name] = f"{type(error).__name__}: {error}"
            found = [Figure(name=f"{name}: broken", ours=None, note=broken[name].splitlines()[0][:100])]
        figures.extend(found)
        print(f"{name}: {time.monotonic() - began:.0f} s\n{table(found)}\n" if found else "", file=sys.stderr)

    with servers() as running:
        told = running.describe()
        for name in PRODUCTION:
            if name in options.only:
                sizes = QUICK.get(name, {}) if options.quick else {}
                attempt(name, lambda name=name, sizes=sizes: _production(name, running, sizes))  # type: ignore[misc]
    for name in EMBEDDED:
        if name in options.only:

            def embedded(name: str = name) -> Sequence[Figure]:
                found, reports[name] = _embedded(name)
                return found

            attempt(name, embedded)
    print(table(figures))
    report = document(figures, servers=told, reports=reports, broken=broken)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report, indent=2, ensure_ascii=False, default=str))
    print(f"\n{options.json}")
    for name, error in broken.items():
        print(f"{name}: {error}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
