"""A later release migrates the database while this one works on it."""

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.chaos.registry import STEADY, Outcome, fault, outcome
from scripts.chaos.traffic import Traffic, refused
from tests.support.fleet import ROOT, Fleet

from langgraph_multi_agent.store import migration

NEWER = "9001"
REVISION = f'''
import sqlalchemy as sa
from alembic import op

revision, down_revision, compatible_from = "{NEWER}", "{migration.HEAD}", "{migration.HEAD}"
is_transactional = True


def upgrade():
    op.add_column("tasks", sa.Column("region", sa.Text(), server_default=sa.text("'here'"), nullable=False))
'''
UPGRADE = """
import sys
from pathlib import Path
from langgraph_multi_agent.store import migration
from langgraph_multi_agent.store.postgres import postgres_engine
engine = postgres_engine(sys.argv[1].replace("postgresql:", "postgresql+psycopg:", 1), deadline_s=60.0)
print(migration.upgrade(engine, scripts=Path(sys.argv[2]), program=sys.argv[3]))
"""
GAVE_WAY = "waits for a lock"
REPORT_S = 7.0
"""How long somebody's report keeps the table after that: the migration has to come again and again."""
ENDED_S = 120.0


@fault("migration", shape=STEADY, size=60, chaos_size=300)
def migration_under_load(fleet: Fleet, size: int) -> Outcome:
    """Two starters of a later release migrate at once behind a long report, while tasks run."""
    [api] = fleet.apis
    scripts = fleet.directory / "later"
    shutil.copytree(migration.SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / f"rev_{NEWER}.py").write_text(REVISION)
    ids = fleet.submit(20, subtasks=2, sleep_s=REPORT_S / 2)
    try:
        with Traffic(fleet, [api], subtasks=2, sleep_s=0.05) as traffic:
            with _report(fleet):
                logs = [scripts / f"starter-{number}.log" for number in range(2)]
                starters = [_starter(fleet, scripts, log) for log in logs]
                fleet.until(lambda: GAVE_WAY in _said(logs), "the migration gave way to the report", timeout_s=ENDED_S)
                time.sleep(REPORT_S)
            for starter in starters:
                starter.wait(timeout=ENDED_S)
            told = [log.read_text().splitlines() for log in logs]
            fleet.until(lambda: len(traffic.answers) >= size, "answers to all submits", timeout_s=ENDED_S)
        ids += traffic.ids
        if sorted(lines[-1:] for lines in told) != [["False"], ["True"]]:
            fleet.fail(f"the two starters said {told}")
        fleet.until_all_ended(ids)
        [(region, count)] = fleet.query("SELECT min(region), count(*) FROM tasks WHERE id = ANY(%s)", ids)
        if (region, count) != ("here", len(ids)):
            fleet.fail(f"the new column holds {region} in {count} tasks")
    finally:
        _undo(fleet, scripts)
    bad, late = refused(traffic.answers), []
    if bad:
        # Whoever is stopped on a busy machine with the lock in hand keeps it for longer than a submit waits.
        late = [f"{len(bad)} submits were refused: {bad[:3]}"]
        if any(not answer.retry_after for answer in bad) or len(bad) > len(traffic.answers) // 4:
            fleet.fail(late[0])
    waits = sum(GAVE_WAY in line for lines in told for line in lines)
    slowest_s = max(answer.took_s for answer in traffic.answers)
    found = outcome(fleet, ids, remark=f"gave way {waits} times, slowest submit {slowest_s:.1f} s", late=late)
    if found.recovered:
        fleet.fail(f"{found.recovered} tasks were interrupted by a migration that gave way {waits} times")
    return found


def _starter(fleet: Fleet, scripts: Path, log: Path) -> "subprocess.Popen[bytes]":
    url = fleet.postgres.url(fleet.database)
    with log.open("wb") as file:
        return subprocess.Popen([sys.executable, "-uc", UPGRADE, url, str(scripts), NEWER], cwd=ROOT, stdout=file)


def _said(logs: list[Path]) -> str:
    return "".join(log.read_text() for log in logs)


@contextmanager
def _report(fleet: Fleet) -> Iterator[None]:
    """A long transaction that has read `tasks`; it ends also if the block hangs."""
    connection = fleet.postgres.connect(fleet.database)
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM tasks")
    timer = threading.Timer(2 * ENDED_S, connection.close)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        connection.close()


def _undo(fleet: Fleet, scripts: Path) -> None:
    """The schema of this release again, for the next fault."""
    shutil.rmtree(scripts)
    fleet.query("ALTER TABLE tasks DROP COLUMN IF EXISTS region")
    fleet.query("UPDATE alembic_version SET version_num = %s", migration.HEAD)
