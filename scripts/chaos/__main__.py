"""`python -m scripts.chaos [FAULT …]`: every fault against real processes, longer than its test does.

Prints a row as each fault ends. Exit 0: nothing was lost, nothing came twice, and what promises a
time kept it; 1: otherwise; 2: there is no such fault.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.chaos.registry import Fault, Shape, load
from tests.support.fleet import Fleet, FleetFailed
from tests.support.servers import ServerFailed

COLUMNS = ("fault", "rounds", "accepted", "lost", "repeated", "recovered", "seconds", "promised", "verdict")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault's line of the table; `seconds` is the slowest recovery of all rounds."""

    fault: str
    rounds: int
    accepted: int
    lost: int
    repeated: int
    recovered: int
    seconds: float | None
    promised: float | None
    took_s: float
    remark: str
    trouble: str

    @property
    def verdict(self) -> str:
        return "FAILED" if self.trouble else "held"

    def cells(self) -> tuple[str, ...]:
        times = ("–" if value is None else f"{value:.1f}" for value in (self.seconds, self.promised))
        counts = (self.accepted, self.lost, self.repeated, self.recovered)
        # A fault that broke off told nothing: that is not the same as nothing lost.
        told = map(str, counts) if self.rounds else "????"
        return (self.fault, str(self.rounds), *told, *times, self.verdict)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.chaos", description=__doc__)
    parser.add_argument("faults", nargs="*", metavar="FAULT", help="only faults whose name has one of these words")
    parser.add_argument("--list", action="store_true", help="name the faults and run nothing")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how often each is dealt (default 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there, too")
    options = parser.parse_args(argv)
    known = load()
    words = options.faults
    chosen = [each for each in known.values() if not words or any(word in each.name for word in words)]
    if options.list:
        print(*(f"{each.name:20} {each.summary}" for each in chosen), sep="\n")
        return 0
    if not chosen:
        print(f"no fault is called {' or '.join(words)}: {', '.join(known)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the fleet is closed then, too
    widths = [max(20, *(len(each.name) for each in chosen)), *(len(name) for name in COLUMNS[1:])]
    _print(COLUMNS, widths)
    rows = []
    for shape, faults in _by_shape(chosen):
        with ExitStack() as stack:
            fleet: Fleet | None = None
            for each in faults:
                if fleet is None:
                    fleet = stack.enter_context(shape.fleet())
                row = _deal(each, fleet, options.rounds)
                rows.append(row)
                _print(row.cells(), widths)
                if row.trouble:
                    print(row.trouble, file=sys.stderr, flush=True)
                    stack.close()  # what one fault broke is no measure of the next
                    fleet = None
    failed = [row.fault for row in rows if row.trouble]
    print(f"\nfaults: {len(rows)}, held: {len(rows) - len(failed)}, failed: {', '.join(failed) or 'none'}")
    if options.json:
        told = [{**asdict(row), "verdict": row.verdict} for row in rows]
        options.json.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    return 1 if failed else 0


def _by_shape(chosen: Sequence[Fault]) -> Iterator[tuple[Shape, list[Fault]]]:
    """Faults that can use one fleet, together."""
    left = list(chosen)
    while left:
        shape = left[0].shape
        together = [each for each in left if each.shape.fits(shape)]
        left = [each for each in left if not each.shape.fits(shape)]
        yield shape, together


def _deal(each: Fault, fleet: Fleet, rounds: int) -> Row:
    began = time.monotonic()
    accepted = lost = repeated = recovered = done = 0
    seconds: float | None = None
    trouble, remarks = "", []
    try:
        for _ in range(rounds):
            outcome = each.deal(fleet, each.chaos_size)
            done += 1
            accepted += outcome.history.accepted
            lost += outcome.lost
            repeated += outcome.repeated
            recovered += outcome.recovered
            if outcome.recovery_s is not None:
                seconds = max(seconds or 0.0, outcome.recovery_s)
            if outcome.remark:
                remarks.append(outcome.remark)
            if trouble := each.trouble(outcome):
                trouble = f"{each.name}: {trouble}\n{fleet.troubles()}"
                break
    except (FleetFailed, ServerFailed) as error:
        trouble = f"{each.name}: {error}"
    return Row(
        fault=each.name,
        rounds=done,
        accepted=accepted,
        lost=lost,
        repeated=repeated,
        recovered=recovered,
        seconds=None if seconds is None else round(seconds, 2),
        promised=each.within_s,
        took_s=round(time.monotonic() - began, 1),
        remark="; ".join(remarks),
        trouble=trouble,
    )


def _print(cells: Sequence[str], widths: Sequence[int]) -> None:
    first, *rest = (
        cell.ljust(width) if not number else cell.rjust(width)
        for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    print(first, *rest, sep="  ", flush=True)


if __name__ == "__main__":
    sys.exit(main())
