"""Pages of the task list among a million tasks.

The rows are made by SQL; the pages come over HTTP from `lgma serve --no-worker`: the first page,
pages behind cursors of any depth, and pages of filters that an index has to find. The MVP2 list, which
also counts, comes the same way.

    python -m bench.lists [--json FILE]
"""

import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from bench import wire
from bench.figures import AT_MOST, Figure, run_alone
from bench.processes import Installation, installation
from bench.servers import Servers

ROWS = 1_000_000
SAMPLES = 300
START = datetime(2026, 6, 1, tzinfo=UTC)
FILL = """
INSERT INTO tasks (id, tenant, title, description, priority, team, assignee, language, status, progress, input_data,
                   files, budget, cost, created_at, updated_at, run_at, completed_at, last_seq, protocol_version)
SELECT substr(ms, 1, 8) || '-' || substr(ms, 9, 4) || '-7000-8000-' || lpad(to_hex(n), 12, '0'),
       'default', 'task ' || n, 'description of task ' || n || repeat(' words', 20), 1 + n %% 4,
       'zero_work', (ARRAY['李雷', '韩梅梅', 'Ann Lee', NULL, NULL, NULL])[1 + n %% 6], 'en',
       (ARRAY['completed', 'completed', 'completed', 'failed', 'cancelled'])[1 + n %% 5], 100,
       '{}', '[]', '{"tokens": null, "cost": null}',
       '{"input_tokens": 0, "output_tokens": 0, "cost": 0, "model_calls": 0}',
       moment, moment, moment, moment, 3, 1
FROM (SELECT n, moment, lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') AS ms
      FROM (SELECT n, timestamptz '2026-06-01 00:00:00+00' + n * interval '10 seconds' AS moment
            FROM generate_series(1, %s) AS n) AS moments) AS numbered
"""


def fill(made: Installation, rows: int) -> None:
    """Insert that many ended tasks, ten seconds apart."""
    made.servers.query(made.database, FILL, rows)
    made.servers.query(made.database, "VACUUM ANALYZE tasks")


async def _pages(port: int, rows: int) -> dict[str, list[float]]:
    """Milliseconds of pages, by kind."""
    client, seed = await wire.connect(port), random.Random(1)
    found: dict[str, list[float]] = {"first": [], "any": [], "filtered": []}

    async def page(kind: str, query: str) -> dict[str, Any]:
        began = time.perf_counter()
        answer: dict[str, Any] = await client.json("GET", f"/api/v1/tasks?{query}")
        found[kind].append(1000 * (time.perf_counter() - began))
        return answer

    for _ in range(5):
        await page("first", "limit=50")
    found["first"].clear()
    for _ in range(SAMPLES // 3):
        await page("first", "limit=50")
    while len(found["any"]) < SAMPLES:
        cursor = await _cursor_behind(client, START + timedelta(seconds=10 * seed.randrange(1000, rows)))
        for _ in range(3):
            answer = await page("any", f"limit=50&cursor={cursor}")
            cursor = answer["next"] or cursor
    for status in ("failed", "completed&status=cancelled"):
        for priority in range(1, 5):
            for _ in range(5):
                await page("filtered", f"limit=50&status={status}&priority={priority}")
    client.close()
    return found


async def _cursor_behind(client: wire.Wire, moment: datetime) -> str:
    """The cursor behind the newest task before a moment."""
    answer = await client.json("GET", f"/api/v1/tasks?limit=1&created_before={quote(moment.isoformat())}")
    return str(answer["next"])


MVP2_FILTERS = (
    "status=completed&priority=高", "status=失败", "status=in_progress", "status=waiting_input&priority=紧急",
    "priority=低&offset=100", "priority=中&status=completed&offset=9900", "assignee=李", "assignee=nobody", "",
)  # fmt: skip
MVP2_WORDS = {"common": ("q=task", "q=words"), "rare": ("q=task 777777", "q=无此词")}


async def _mvp2(port: int) -> dict[str, list[float]]:
    """Milliseconds of MVP2 lists with their totals, by kind."""
    client = await wire.connect(port)
    found: dict[str, list[float]] = {}

    async def page(kind: str, query: str) -> None:
        began = time.perf_counter()
        await client.json("GET", f"/api/v1/mvp2/tasks?{quote(query, safe='=&')}")
        found.setdefault(kind, []).append(1000 * (time.perf_counter() - began))

    for query in MVP2_FILTERS:
        await client.json("GET", f"/api/v1/mvp2/tasks?{quote(query, safe='=&')}")
    for _ in range(12):
        for query in MVP2_FILTERS:
            await page("filters", query)
    for kind, queries in MVP2_WORDS.items():
        for query in queries * 3:
            await page(kind, query)
    client.close()
    return found


def measure(servers: Servers, *, rows: int = ROWS) -> Sequence[Figure]:
    """The figures; see the module."""
    import uvloop

    with installation(servers) as made:
        began = time.monotonic()
        fill(made, rows)
        filled = time.monotonic() - began
        _, port = made.serve()
        pages = uvloop.run(_pages(port, rows))
        mvp2 = uvloop.run(_mvp2(port))
    details = {"rows": rows, "filled_s": round(filled, 1)}
    figures = [
        Figure(
            name=f"list of {rows:,} tasks: {name} page, p99", ours=wire.quantile(pages[kind], 0.99), unit="ms",
            wanted=AT_MOST, bound=20, details={**details, "p50": wire.quantile(pages[kind], 0.5)},
        )
        for kind, name in (("first", "first"), ("any", "any"), ("filtered", "filtered"))
    ]  # fmt: skip
    names = (
        ("filters", f"MVP2 list of {rows:,} tasks: filters and total, p99", 0.99),
        ("common", f"MVP2 list of {rows:,} tasks: a common word, worst", 1.0),
        ("rare", f"MVP2 list of {rows:,} tasks: a rare word, worst", 1.0),
    )
    return [
        *figures,
        *(
            Figure(
                name=name, ours=wire.quantile(mvp2[kind], share), unit="ms", wanted=AT_MOST, bound=200,
                details={**details, "p50": wire.quantile(mvp2[kind], 0.5)},
            )
            for kind, name, share in names
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    run_alone("lists", measure)
