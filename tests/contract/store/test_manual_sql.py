"""The SQL of the two handbooks runs as it is typed, on PostgreSQL; what cannot is in docs/equivalents."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.support.engines import sqlalchemy_url
from tests.support.servers import PostgresServer, postgres
from tests.support.stores import Desk, ManualClock, counting_ids, patient_postgres

from langgraph_multi_agent.access import DEFAULT_SCOPE, WORKER_SCOPE
from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.task import Action, TaskStatus
from langgraph_multi_agent.store import events, leases, runs

pytestmark = pytest.mark.servers
DOCUMENTS = Path(__file__).parents[3] / "docs"

ACTIVE_TASKS = (
    "SELECT id, status, created_at FROM tasks WHERE status IN ('pending', 'in_progress')"
    " ORDER BY created_at DESC LIMIT 10;"
)
FAIL_STUCK_TASKS = """
    UPDATE tasks
    SET status = 'failed',
        error_message = 'Task timeout - reset by admin'
    WHERE status = 'in_progress'
    AND created_at < NOW() - INTERVAL '1 hour';"""
OLD_MESSAGES = "DELETE FROM agent_messages WHERE created_at < NOW() - INTERVAL '30 days';"
OLD_MESSAGES_DAILY = "DELETE FROM agent_messages WHERE created_at < NOW() - INTERVAL '7 days';"
OLD_EXECUTIONS = (
    "DELETE FROM workflow_executions WHERE created_at < NOW() - INTERVAL '90 days' AND status = 'completed';"
)
TABLE_SIZES = """
    SELECT
      schemaname,
      tablename,
      pg_size_pretty(pg_total_relation_size(schemaname||'.'||tablename)) as size
    FROM pg_tables
    WHERE schemaname = 'public'
    ORDER BY pg_total_relation_size(schemaname||'.'||tablename) DESC;"""
COLUMN_STATISTICS = """
    SELECT
      schemaname,
      tablename,
      attname,
      n_distinct,
      correlation
    FROM pg_stats
    WHERE schemaname = 'public'
    ORDER BY n_distinct DESC
    LIMIT 10;"""
MAINTENANCE = (
    "SELECT 1;",
    "SELECT version();",
    "ANALYZE tasks;",
    "ANALYZE workflow_executions;",
    "ANALYZE agent_messages;",
    "ANALYZE;",
    "VACUUM ANALYZE;",
)
"""Each is one `psql -c`."""

SLOW_QUERIES = "SELECT query, mean_time, calls FROM pg_stat_statements ORDER BY mean_time DESC LIMIT 10;"
SLOWER_THAN = "SELECT query, mean_time, calls FROM pg_stat_statements WHERE mean_time > 1000 ORDER BY mean_time DESC;"
SLOW_WITH_TOTAL = (
    "SELECT query, mean_time, calls, total_time FROM pg_stat_statements ORDER BY mean_time DESC LIMIT 10;"
)
INDEX_ON_RECENT = (
    "CREATE INDEX CONCURRENTLY idx_agent_messages_timestamp"
    " ON agent_messages(created_at) WHERE created_at > NOW() - INTERVAL '7 days';"
)
INDEXES_WE_HAVE = (
    ("CREATE INDEX CONCURRENTLY idx_tasks_status_created"
    " ON tasks(status, created_at) WHERE status IN ('pending', 'in_progress');"),
    "CREATE INDEX CONCURRENTLY idx_tasks_status_created ON tasks(status, created_at);",
    "CREATE INDEX CONCURRENTLY idx_workflow_executions_task_id ON workflow_executions(task_id);",
)


class Shell:
    """`psql -d … -c`: a connection of its own in autocommit; statements are sent as they are typed."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection

    def type(self, statement: str) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(statement.encode(), prepare=False)
        return cursor.fetchall() if cursor.description else [(cursor.rowcount,)]


@pytest.fixture
async def office() -> AsyncIterator[Desk]:
    """A database in use by the server's clock, as an operator's NOW() sees it."""
    server = postgres()
    name, new_id = server.create_database(), counting_ids()
    database = patient_postgres(sqlalchemy_url(server.url(name)), connections=4, new_id=new_id)
    yield Desk(database, ManualClock(), new_id)
    await database.close()
    server.drop_database(name)


@pytest.fixture
async def shell(office: Desk) -> AsyncIterator[Shell]:
    [row] = await office.rows("SELECT current_database() AS name")
    with postgres().connect(row["name"]) as connection:
        yield Shell(connection)


async def finished(office: Desk, days: int) -> str:
    """A task that ended so many days ago, with its run and its three events."""
    run = await office.running()
    ending = runs.Ending(action=Action.COMPLETE, result={"summary": "ok"})
    await office.database.write(WORKER_SCOPE, runs.finish, run.task.id, run.epoch, ending)
    for table, column in (("tasks", "id"), ("agent_messages", "task_id"), ("workflow_executions", "task_id")):
        back = f"UPDATE {table} SET created_at = created_at - CAST(:days || ' days' AS interval) WHERE {column} = :id"
        await office.sql(back, days=str(days), id=run.task.id)
    return run.task.id


async def test_the_list_of_active_tasks_shows_the_newest_first(office: Desk, shell: Shell) -> None:
    await finished(office, 1)
    running = await office.running()
    waiting = await office.submit()
    rows = shell.type(ACTIVE_TASKS)
    assert [row[:2] for row in rows] == [(waiting, "pending"), (running.task.id, "in_progress")]


async def test_failing_stuck_tasks_is_obeyed_by_the_worker_and_told_to_everybody(office: Desk, shell: Shell) -> None:
    old, young = await office.running(), await office.running()
    await office.sql("UPDATE tasks SET created_at = now() - interval '2 hours' WHERE id = :id", id=old.task.id)
    assert shell.type(FAIL_STUCK_TASKS) == [(1,)]
    owned = [(old.task.id, old.epoch), (young.task.id, young.epoch)]
    beats = await office.database.write(WORKER_SCOPE, leases.heartbeat, "w1", owned, lease=timedelta(seconds=6))
    assert [beat.is_owned for beat in beats] == [False, True]
    task = await office.get(old.task.id)
    assert (task.status, task.error["detail"]) == (TaskStatus.FAILED, "Task timeout - reset by admin")
    assert task.completed_at is not None
    log = await office.database.read(DEFAULT_SCOPE, events.after, old.task.id, 0, limit=10)
    assert [event.type for event in log][-1] is EventType.TASK_FAILED
    assert [event.seq for event in log] == list(range(1, len(log) + 1))
    assert await office.rows("SELECT status FROM workflow_executions WHERE task_id = :id", id=old.task.id) == [
        {"status": "cancelled"}
    ]


async def test_failing_stuck_tasks_of_a_dead_worker_is_told_by_the_reaper(office: Desk, shell: Shell) -> None:
    run = await office.running()
    await office.sql("UPDATE tasks SET created_at = now() - interval '2 hours'")
    await office.sql("UPDATE leases SET expires_at = now() - interval '1 minute'")
    assert shell.type(FAIL_STUCK_TASKS) == [(1,)]
    assert await office.database.write(WORKER_SCOPE, leases.reclaim, all_leases=False) == []
    assert (await office.get(run.task.id)).status is TaskStatus.FAILED
    assert (await office.events(run.task.id))[-1] == "task.failed"


@pytest.mark.parametrize(("statement", "days"), [(OLD_MESSAGES, 30), (OLD_MESSAGES_DAILY, 7)])
async def test_deleting_old_messages_takes_those_and_no_others(
    office: Desk, shell: Shell, statement: str, days: int
) -> None:
    old, young = await finished(office, days + 1), await finished(office, days - 1)
    assert shell.type(statement) == [(3,)]
    assert await office.events(old) == []
    assert len(await office.events(young)) == 3


async def test_deleting_old_runs_takes_completed_ones_and_leaves_the_task(office: Desk, shell: Shell) -> None:
    old, young = await finished(office, 91), await finished(office, 89)
    assert shell.type(OLD_EXECUTIONS) == [(1,)]
    assert [row["task_id"] for row in await office.rows("SELECT task_id FROM workflow_executions")] == [young]
    assert (await office.get(old)).status is TaskStatus.COMPLETED


async def test_sizes_name_our_tables_largest_first(office: Desk, shell: Shell) -> None:
    await finished(office, 0)
    found = [row[1] for row in shell.type(TABLE_SIZES)]
    assert {"tasks", "workflow_executions", "agent_messages", "journal", "checkpoints"} <= set(found)


async def test_column_statistics_are_there_after_analyze(office: Desk, shell: Shell) -> None:
    for _ in range(5):
        await finished(office, 0)
    shell.type("ANALYZE;")
    assert len(shell.type(COLUMN_STATISTICS)) == 10


@pytest.mark.parametrize("statement", MAINTENANCE)
async def test_maintenance_runs(office: Desk, shell: Shell, statement: str) -> None:
    run = await office.running()
    assert len(shell.type(statement)) == 1
    assert (await office.get(run.task.id)).status is TaskStatus.IN_PROGRESS


async def test_reindexing_the_database_runs_and_leaves_valid_indexes(office: Desk, shell: Shell) -> None:
    [(name,)] = shell.type("SELECT current_database()")
    shell.type(f"REINDEX DATABASE {name};")
    assert shell.type("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == [(0,)]


# What a later PostgreSQL or our migrations have made impossible, and what docs/equivalents gives instead.


@pytest.fixture(scope="module")
def measuring() -> Iterator[PostgresServer]:
    """A server that counts statements, as docs/equivalents says to set it up."""
    with PostgresServer(settings={"shared_preload_libraries": "pg_stat_statements"}) as server:
        with server.connect() as connection:
            connection.execute("CREATE EXTENSION pg_stat_statements")
        yield server


@pytest.mark.parametrize("statement", [SLOW_QUERIES, SLOWER_THAN, SLOW_WITH_TOTAL])
def test_slow_queries_run_with_the_columns_that_exist_since_postgresql_13(
    measuring: PostgresServer, statement: str
) -> None:
    with measuring.connect() as connection:
        shell = Shell(connection)
        with pytest.raises(psycopg.errors.UndefinedColumn):
            shell.type(statement)
        today = statement.replace("mean_time", "mean_exec_time").replace("total_time", "total_exec_time")
        assert "mean_exec_time > 1000" in today or shell.type(today)
        shell.type(today)
    for column in ("mean_exec_time", "total_exec_time"):
        assert column in (DOCUMENTS / "equivalents.md").read_text()


@pytest.mark.parametrize("statement", INDEXES_WE_HAVE)
async def test_indexes_of_the_handbooks_are_there_before_an_operator_makes_them(shell: Shell, statement: str) -> None:
    with pytest.raises(psycopg.errors.DuplicateTable):
        shell.type(statement)
    name = statement.split()[3]
    assert shell.type(f"SELECT indisvalid FROM pg_index WHERE indexrelid = '{name}'::regclass") == [(True,)]
    assert name in (DOCUMENTS / "equivalents.md").read_text()


async def test_an_index_on_what_now_means_is_refused_by_postgresql_and_ours_serves_the_same_query(shell: Shell) -> None:
    shell.type("DROP INDEX idx_agent_messages_timestamp")
    with pytest.raises(psycopg.errors.InvalidObjectDefinition, match="IMMUTABLE"):
        shell.type(INDEX_ON_RECENT)
    assert "idx_agent_messages_timestamp" in (DOCUMENTS / "equivalents.md").read_text()


async def test_recent_messages_are_found_by_the_index_of_that_name(office: Desk, shell: Shell) -> None:
    shell.type("SET enable_seqscan = off")
    plan = shell.type("EXPLAIN SELECT * FROM agent_messages WHERE created_at > NOW() - INTERVAL '7 days'")
    assert "idx_agent_messages_timestamp" in "".join(row[0] for row in plan)


async def test_two_concurrent_index_builds_in_one_command_are_refused_by_postgresql(shell: Shell) -> None:
    with pytest.raises(psycopg.errors.ActiveSqlTransaction):
        shell.type(" ".join(INDEXES_WE_HAVE[1:]))
