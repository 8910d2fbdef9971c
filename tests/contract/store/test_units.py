"""Units of work: all or nothing each, also when many share one commit."""

import ast
import asyncio
import importlib
import pkgutil
from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.support.stores import (
    Desk,
    ManualClock,
    broken_unit,
    counting_ids,
    faulty_unit,
    new_sqlite_file,
)

from langgraph_multi_agent import store as store_package
from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE, WORKER_SCOPE
from langgraph_multi_agent.domain.errors import DataRefused, DependencyUnavailable, TaskNotFound
from langgraph_multi_agent.domain.task import Action
from langgraph_multi_agent.store import retention, runs, tasks
from langgraph_multi_agent.store.database import UNITS, SqliteDatabase
from langgraph_multi_agent.store.runs import Ending


async def test_one_units_error_leaves_its_neighbours_in_the_same_commit_whole(desk: Desk) -> None:
    before = desk.database.statistics.commits
    answers = await asyncio.gather(
        desk.submit(title="first"),
        desk.database.write(SYSTEM_SCOPE, broken_unit, "INSERT INTO tasks (id) VALUES ('x')"),
        desk.database.write(SYSTEM_SCOPE, faulty_unit, TaskNotFound(task="x")),
        desk.submit(title="second"),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [str, DataRefused, TaskNotFound, str]
    assert {row["title"] for row in await desk.rows("SELECT title FROM tasks")} == {"first", "second"}
    if desk.database.dialect == "sqlite":
        assert desk.database.statistics.commits - before < 4


@pytest.mark.parametrize("desk", ["sqlite"], indirect=True)
async def test_a_full_disk_refuses_and_the_next_writes_go_on_when_there_is_room(desk: Desk) -> None:
    kept = await desk.submit()
    (pages,) = await desk.rows("PRAGMA page_count")
    await desk.sql(f"PRAGMA max_page_count = {pages['page_count'] + 2}")
    answers = await asyncio.gather(
        *(desk.submit(description="x" * 20_000) for _ in range(4)), return_exceptions=True
    )
    assert {type(answer) for answer in answers} == {DependencyUnavailable}
    assert await desk.ids() == [kept]
    await desk.sql("PRAGMA max_page_count = 1000000")
    later = await desk.submit(description="x" * 20_000)
    assert await desk.ids() == [later, kept]


async def test_a_database_that_cannot_be_opened_refuses_and_is_there_as_soon_as_it_can(tmp_path: Path) -> None:
    directory = tmp_path / "away"
    database = SqliteDatabase(directory / "lgma.db", clock=ManualClock(), new_id=counting_ids())
    desk = Desk(database, ManualClock(), counting_ids())
    try:
        async with asyncio.timeout(60):
            for _ in range(2):
                with pytest.raises(DependencyUnavailable):
                    await desk.submit()
                with pytest.raises(DependencyUnavailable):
                    await desk.ids()
                with pytest.raises(DependencyUnavailable):
                    await asyncio.to_thread(
                        database.write_from_thread, SYSTEM_SCOPE, faulty_unit, TaskNotFound(task="x")
                    )
            await asyncio.to_thread(directory.mkdir)
            await asyncio.to_thread(new_sqlite_file, directory)
            assert await desk.ids() == []
            assert [await desk.submit()] == await desk.ids()
    finally:
        await database.close()


async def test_a_reader_sees_one_moment_while_others_write(desk: Desk) -> None:
    await desk.submit()

    async def sum_of_two_reads() -> None:
        for _ in range(20):
            rows = await desk.rows(
                "SELECT (SELECT COUNT(*) FROM tasks) AS tasks, (SELECT COUNT(*) FROM agent_messages) AS events"
            )
            assert rows[0]["tasks"] == rows[0]["events"]

    async with asyncio.TaskGroup() as group:
        group.create_task(sum_of_two_reads())
        for _ in range(20):
            group.create_task(desk.submit())


async def test_a_reading_function_cannot_write(desk: Desk) -> None:
    await desk.submit()
    with pytest.raises(Exception, match=r"readonly|read-only"):
        await desk.rows("DELETE FROM tasks RETURNING id")
    assert len(await desk.ids()) == 1


async def test_after_close_nothing_is_accepted(desk: Desk) -> None:
    await desk.database.close()
    with pytest.raises(DependencyUnavailable):
        await desk.submit()
    await desk.database.close()


async def test_a_batch_of_old_runs_ends_at_its_limit_and_the_next_begins_there(desk: Desk) -> None:
    for _ in range(3):
        run = await desk.running()
        ending = Ending(action=Action.COMPLETE, result={})
        await desk.database.write(WORKER_SCOPE, runs.finish, run.task.id, run.epoch, ending)
    desk.clock.advance(2 * 86_400)
    rows, cursor = [], ()
    while cursor is not None:
        batch = await desk.database.write(
            SYSTEM_SCOPE, retention.delete_executions, older_than=timedelta(0), cursor=cursor, limit=2
        )
        rows.append(batch.rows)
        cursor = batch.following
    assert rows == [2, 1]
    assert await desk.rows("SELECT id FROM workflow_executions") == []


async def test_a_batch_of_old_keys_leaves_those_that_still_answer(desk: Desk) -> None:
    await desk.submit(key="old")
    desk.clock.advance(86_401)
    await desk.submit(key="young")
    batch = await desk.database.write(
        SYSTEM_SCOPE, retention.delete_keys, older_than=timedelta(0), limit=10
    )
    assert (batch.rows, batch.following) == (1, None)
    assert await desk.rows("SELECT key FROM idempotency_keys") == [{"key": "young"}]


async def test_a_day_belongs_to_who_claims_it_first_and_forgets_the_days_before(desk: Desk) -> None:
    first, second = date(2026, 3, 1), date(2026, 3, 2)
    claims = [(first, "a"), (first, "b"), (first, "a"), (second, "b"), (second, "a")]
    assert [
        await desk.database.write(SYSTEM_SCOPE, retention.claim_day, day, owner) for day, owner in claims
    ] == [True, False, True, True, False]
    assert len(await desk.rows("SELECT name FROM installation WHERE name LIKE 'retention:%'")) == 1


def test_every_unit_that_commits_is_named_by_a_test_of_the_store() -> None:
    here = Path(__file__).parent
    for module in pkgutil.iter_modules(store_package.__path__):  # what this process has not used so far counts too
        importlib.import_module(f"{store_package.__name__}.{module.name}")
    named = {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for path in (*here.glob("*.py"), here.parents[1] / "support" / "stores.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.Attribute, ast.Name))
    }
    ours = {
        unit for unit, function in UNITS.items() if function.__module__.startswith("langgraph_multi_agent.")
    }
    assert len(ours) > 10
    assert {unit for unit in ours if unit.split(".")[1] not in named} == set()


async def test_the_writer_tells_how_many_units_share_a_commit(desk: Desk) -> None:
    await asyncio.gather(*(desk.submit() for _ in range(20)))
    statistics = desk.database.statistics
    assert statistics.by_unit["submissions.submit"] == 20
    if desk.database.dialect == "sqlite":
        assert statistics.commits < statistics.units
    assert (
        len(
            await desk.database.read(
                DEFAULT_SCOPE, tasks.list_tasks, tasks.TaskFilter(), limit=50, after=None
            )
        )
        == 20
    )
