"""`python -m scripts.faults [WORD …]`: put each fault into a copy of the tree, and run its tests.

First the tests are run without any fault, because a test that is red anyway proves nothing. Exit 0:
every fault turned a test red; 1: one survived, or could not be judged because its tests were red
before; 2: a fault no longer fits the tree.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from scripts.faults.bench import Bench, Colour, Trial, bench
from scripts.faults.catalogue import FAULTS
from scripts.faults.seeded import Seeded, staleness

ROOT = Path(__file__).resolve().parents[2]
HEAD = "| Fault | Promise that it breaks | In | Turned red |\n|---|---|---|---|"
WORDS = {Colour.RED: "caught", Colour.GREEN: "SURVIVED", Colour.BROKEN: "NOT JUDGED"}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.faults", description=__doc__)
    parser.add_argument("words", nargs="*", metavar="WORD", help="only faults whose name or file has one of these")
    parser.add_argument("--list", action="store_true", help="name the faults and run nothing")
    options = parser.parse_args(argv)
    chosen = [
        fault
        for fault in FAULTS
        if not options.words or any(word in fault.name or word in fault.file for word in options.words)
    ]
    if options.list:
        print(HEAD, *(_row(fault, _expected(fault)) for fault in chosen), sep="\n")
        return 0
    stale = [reason for fault in FAULTS for reason in staleness(fault, ROOT)]
    if stale:
        print("stale:", *stale, sep="\n  ")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the copy goes away then, too
    with bench(ROOT) as copy:
        before = _before(copy, chosen)
        if before.colour is Colour.BROKEN:
            print(before.output)
            return 1
        red = {node.partition("[")[0] for node in before.failed}
        unfit = replace(before, colour=Colour.BROKEN)
        trials = [(fault, unfit if red.intersection(fault.tests) else _try(copy, fault)) for fault in chosen]
    print("", HEAD, *(_row(fault, _result(trial)) for fault, trial in trials), sep="\n")
    survived = [fault.name for fault, trial in trials if trial.colour is not Colour.RED]
    print(f"\nfaults: {len(trials)}, caught: {len(trials) - len(survived)}, not caught: {survived or 'none'}")
    return 1 if survived else 0


def _before(copy: Bench, chosen: Sequence[Seeded]) -> Trial:
    """The same tests without a fault; what is red already cannot judge one."""
    nodes = sorted({node for fault in chosen for node in fault.tests})
    print(f"without a fault: {len(nodes)} tests", flush=True)
    trial = copy.run(nodes, is_baseline=True)
    print(f"without a fault: {trial.colour} in {trial.seconds:.1f} s", flush=True)
    for node, message in trial.failed.items():
        print(f"{'':21}{node}\n{'':23}{_first_line(message)}", flush=True)
    return trial


def _try(copy: Bench, fault: Seeded) -> Trial:
    with copy.seeded(fault):
        trial = copy.run(fault.tests)
    line = f"{WORDS[trial.colour]:10} {trial.seconds:6.1f} s  {fault.name}"
    for node, message in trial.failed.items():
        line += f"\n{'':21}{node}\n{'':23}{_first_line(message)}"
    print(line, flush=True)
    if trial.colour is not Colour.RED:
        print(trial.output, flush=True)
    return trial


def _first_line(message: str) -> str:
    return (message.strip().splitlines() or [""])[0][:160]


def _row(fault: Seeded, result: str) -> str:
    return f"| `{fault.name}` | {fault.breaks} | `{fault.file}` | {result} |"


def _expected(fault: Seeded) -> str:
    return ", ".join(_shown(node) for node in fault.tests)


def _result(trial: Trial) -> str:
    if trial.colour is not Colour.RED:
        return WORDS[trial.colour]
    return f"{_shown(next(iter(trial.failed)))}, {trial.seconds:.0f} s"


def _shown(node: str) -> str:
    file, _, test = node.partition("::")
    return f"`{test.partition('[')[0]}` in `{file.removeprefix('tests/')}`"


if __name__ == "__main__":
    sys.exit(main())
