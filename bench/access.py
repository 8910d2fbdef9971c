"""What it costs to be asked who one is: CPU of a request with an API key beside one without.

    python -m bench.access [--json FILE]

Two API replicas over one database, one with ENABLE_AUTH and one without, answer the same reads in
alternating rounds over keep-alive connections; who comes first alternates too, for what one round
leaves behind the next one pays. CPU is the server process's own, from its clock.
"""

import asyncio
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence

from bench import wire
from bench.figures import AT_MOST, Figure, compared, run_alone
from bench.processes import Installation, Program, cpu_s, installation
from bench.servers import Servers

ROUNDS = 16
REQUESTS = 2000
CONNECTIONS = 4


def _key(made: Installation) -> str:
    """Of a user, made as an operator makes it."""
    words = ["keys", "create", "bench", "--role", "user", "--json"]
    command = [sys.executable, "-m", "langgraph_multi_agent", *words]
    done = subprocess.run(
        command, env=made.environment(), cwd=made.directory, capture_output=True, check=True, timeout=60
    )
    return str(json.loads(done.stdout)["data"]["secret"])


async def _reads(port: int, path: str, key: str) -> None:
    clients = [await wire.connect(port, key=key) for _ in range(CONNECTIONS)]

    async def read(client: wire.Wire) -> None:
        for _ in range(REQUESTS // CONNECTIONS):
            await client.json("GET", path)

    await asyncio.gather(*(read(client) for client in clients))
    for client in clients:
        client.close()


def measure(servers: Servers, *, requests: int = REQUESTS) -> Sequence[Figure]:
    """The figures; see the module."""
    import uvloop

    with installation(servers, RATE_LIMIT="100000000/minute") as made:
        sides: dict[str, tuple[Program, int, str]] = {}
        made.settings["ENABLE_AUTH"] = "false"
        sides["without"] = (*made.serve(), "")
        made.settings["ENABLE_AUTH"] = "true"
        sides["with"] = (*made.serve(), _key(made))
        [task_id] = uvloop.run(wire.submit(sides["without"][1], 1, wire.zero_work()))
        path = f"/api/v1/tasks/{task_id}"
        spent: dict[str, list[float]] = {"without": [], "with": []}
        for number in range(ROUNDS + 1):
            in_turn = sides if number % 2 else reversed(sides)
            for side in in_turn:
                program, port, key = sides[side]
                before = cpu_s(program.pid)
                uvloop.run(_reads(port, path, key))
                if number:  # the first round warms up
                    spent[side].append(1e6 * (cpu_s(program.pid) - before) / requests)
    ratios = sorted(ours / plain for ours, plain in zip(spent["with"], spent["without"], strict=True))
    return [
        compared(
            "CPU of a read with a key, beside one without",
            statistics.median(spent["with"]),
            statistics.median(spent["without"]),
            unit="µs",
            ratio=statistics.median(ratios),
            spread=(ratios[0], ratios[-1]),
            wanted=AT_MOST,
            bound=1.05,
        )
    ]


if __name__ == "__main__":
    run_alone("access", measure)
