"""The command line `lgma`: the only place that knows typer and rich.

Hides nothing of the system: everything goes through the HTTP API of a server, one that runs or one
that is started inside this process. Called by people and scripts through `main`. Invariant: nothing
heavier than typer is imported until a command has been chosen.
"""

import sys


def main() -> None:
    """Entry point of the console script."""
    from langgraph_multi_agent.cli.program import run

    sys.exit(run(sys.argv[1:]))
