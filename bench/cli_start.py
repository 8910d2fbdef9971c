"""How long `lgma --help` takes, as a ratio to a process that only imports typer.

Absolute claim: at most 300 ms, the median on an idle 2-core machine. Both programs run in turn, so
that a busy machine slows both.

    python -m bench.cli_start [--json FILE]
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15
OURS = ("-c", "import sys; sys.argv = ['lgma', '--help']\nfrom langgraph_multi_agent.cli import main\nmain()")
BASELINE = ("-c", "import typer")


def seconds(argv: tuple[str, ...]) -> float:
    """One cold process from start to end."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *argv], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Measure in turn and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    seconds(OURS), seconds(BASELINE)
    pairs = [(seconds(OURS), seconds(BASELINE)) for _ in range(ROUNDS)]
    ours, baseline = (statistics.median(times) for times in zip(*pairs, strict=True))
    result = {
        "bench": "cli_start",
        "help_ms": round(1000 * ours, 1),
        "import_typer_ms": round(1000 * baseline, 1),
        "ratio": round(ours / baseline, 2),
        "limit_ms": 300,
        "rounds": ROUNDS,
    }
    print(json.dumps(result))
    if options.json:
        options.json.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
