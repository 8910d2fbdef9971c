"""How much memory and time a large CSV takes, through the runner and the real skills.

Claim: a 200 MB CSV is analysed within 1 GB RSS of the child. The ratio is to a process that only reads
the file once with DuckDB and counts its rows. Usage: python bench/large_csv.py [--megabytes 200].
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SRC = Path(__file__).resolve().parents[1] / "src"
LIMIT_MB = 1024
ANALYSES = ("profile", "trend", "seasonality", "anomaly", "group_difference", "correlation", "contributors")

BASELINE = """
import sys, duckdb
engine = duckdb.connect(config={"threads": 1, "memory_limit": "384MiB"})
print(engine.execute("SELECT count(*) FROM read_csv(?)", [sys.argv[1]]).fetchone()[0])
"""


def generate(path: Path, size_bytes: int) -> int:
    """Write orders with a trend, a weekly pattern, groups, gaps and a dominant product; count them."""
    import numpy as np

    rng = np.random.default_rng(7)
    regions = np.array(["华东", "华南", "华北", "西南"])
    products = np.array([f"产品{i:02d}" for i in range(40)])
    weights = np.r_[8.0, np.ones(39)]
    written = rows = 0
    with path.open("w", encoding="utf-8") as file:
        written += file.write("订单号,下单时间,地区,产品,销售额,成本,数量,备注\n")
        while written < size_bytes:
            n = 20_000
            at = np.datetime64("2022-01-01") + ((rows + np.arange(n)) * 12).astype("timedelta64[s]")
            region = regions[rng.integers(0, 4, n)]
            product = products[rng.choice(40, n, p=weights / weights.sum())]
            cost = rng.lognormal(4, 0.5, n)
            sales = (
                cost * 1.3 + rng.normal(0, 20, n) + (rows + np.arange(n)) / 50_000 + (region == "华东") * 15
            )
            count = rng.integers(1, 9, n)
            lines = [
                f"{rows + i},{at[i]},{region[i]},{product[i]},{sales[i]:.2f},"
                f"{'' if i % 97 == 0 else f'{cost[i]:.2f}'},{count[i]},第 {rows + i} 条订单的备注\n"
                for i in range(n)
            ]
            written += file.write("".join(lines)) + 3 * 4 * n
            rows += n
    return rows


async def measured(path: Path, baseline_s: float) -> None:
    """Run each skill and print its seconds and how many findings it had."""
    from langgraph_multi_agent.skills.runner import ChildProcessSkillRunner

    runner = ChildProcessSkillRunner()
    file = {"file": str(path), "name": "large.csv"}

    def show(name: str, found: int) -> None:
        seconds = time.perf_counter() - started
        print(
            f"{name:34} {seconds:6.1f} s  {seconds / baseline_s:5.1f} x baseline  {found} findings",
            flush=True,
        )

    queries = []
    started = time.perf_counter()
    await runner.run("tables.profile", file)
    show("tables.profile", 0)
    for analysis in ANALYSES:
        started = time.perf_counter()
        answer = await runner.run(
            "tables.analyse", {**file, "analysis": analysis, "charts_dir": str(path.parent)}
        )
        show(f"tables.analyse {analysis}", len(answer["findings"]))
        queries += [{"id": item["id"], "sql": item["sql"]} for item in answer["findings"]]
    started = time.perf_counter()
    answer = await runner.run("tables.recompute", {**file, "queries": queries})
    assert not answer["errors"], answer["errors"]
    show("tables.recompute", len(queries))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    megabytes = options.megabytes
    sys.path.insert(0, str(SRC))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "large.csv"
        count = generate(path, megabytes * 1024**2)
        print(f"{path.stat().st_size / 1024**2:.0f} MB, {count:,} rows")
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", BASELINE, str(path)], check=True, capture_output=True)
        baseline = time.perf_counter() - started
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        print(f"{'baseline: read once':34} {baseline:6.1f} s")
        asyncio.run(measured(path, baseline))
        took = time.perf_counter() - started - baseline
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"peak RSS of any child {peak:.0f} MB (baseline {before / 1024:.0f} MB), limit {LIMIT_MB} MB")
        if options.json:
            figures = {"peak_rss_mb": peak, "limit_mb": LIMIT_MB, "seconds": took, "read_once_s": baseline}
            options.json.write_text(json.dumps(figures))
        sys.exit(peak > LIMIT_MB)


if __name__ == "__main__":
    main()
