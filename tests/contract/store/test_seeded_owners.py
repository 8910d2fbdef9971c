"""Who may take, keep and take away a task, where several are at it; seeded faults showed that nothing noticed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.engines import sqlalchemy_url
from tests.support.servers import PostgresServer
from tests.support.stores import LEASE, TEAMS, Desk, ManualClock, counting_ids, patient_postgres

from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE, WORKER_SCOPE
from langgraph_multi_agent.artifacts.directory import DirectoryArtifacts
from langgraph_multi_agent.domain.ports import Step
from langgraph_multi_agent.domain.task import Action, TaskStatus
from langgraph_multi_agent.store import claims, decisions, leases, rows
from langgraph_multi_agent.store.claims import Suspects
from langgraph_multi_agent.store.database import Store
from langgraph_multi_agent.store.journal import JournalFlusher, open_journal
from langgraph_multi_agent.store.postgres import LOCK_TIMEOUT_MS

Outside = Callable[[str], AbstractContextManager[None]]
"""Runs SQL on a connection of its own, and ends its transaction with the block."""


@pytest.fixture
async def shared(postgres_server: PostgresServer, clock: ManualClock) -> AsyncIterator[tuple[Desk, Outside]]:
    """A database that somebody else is at, too; who waits for a lock gives up soon."""
    name, new_id = postgres_server.create_database(), counting_ids()
    url = sqlalchemy_url(postgres_server.url(name))
    lock_s = LOCK_TIMEOUT_MS / 1000
    database = patient_postgres(url, connections=4, new_id=new_id, clock=clock, lock_s=lock_s)

    @contextmanager
    def outside(statement: str) -> Iterator[None]:
        with postgres_server.connect(name) as connection, connection.transaction():
            connection.execute(statement.encode())
            yield

    yield Desk(database, clock, new_id), outside
    await database.close()
    postgres_server.drop_database(name)


async def reclaim(desk: Desk) -> list[str]:
    return await desk.database.write(SYSTEM_SCOPE, leases.reclaim, all_leases=False)


async def claim(desk: Desk, suspects: Suspects) -> list[str]:
    claimed = await desk.database.write(
        WORKER_SCOPE, claims.claim, "w1", limit=10, lease=LEASE, teams=TEAMS, suspects=suspects
    )
    return [item.task.id for item in claimed]


async def test_a_task_that_another_worker_is_taking_is_passed_over_and_the_next_one_taken(
    shared: tuple[Desk, Outside],
) -> None:
    desk, outside = shared
    urgent, other = await desk.submit(priority=4), await desk.submit(priority=1)
    with outside(f"SELECT 1 FROM tasks WHERE id = '{urgent}' FOR UPDATE"):
        assert [item.task.id for item in await desk.claim()] == [other]
    assert [item.task.id for item in await desk.claim()] == [urgent]


async def test_a_reaper_passes_over_a_task_that_somebody_is_at(shared: tuple[Desk, Outside]) -> None:
    desk, outside = shared
    held, free = (await desk.running()).task.id, (await desk.running()).task.id
    desk.clock.advance(LEASE.total_seconds() + 1)
    with outside(f"SELECT 1 FROM tasks WHERE id = '{held}' FOR UPDATE"):
        assert await reclaim(desk) == [free]
    assert await reclaim(desk) == [held]


async def test_an_owner_that_renews_between_the_reapers_look_and_its_lock_keeps_its_task(
    shared: tuple[Desk, Outside], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, outside = shared
    run = await desk.running()
    desk.clock.advance(LEASE.total_seconds() + 1)

    def renewed_before(store: Store, task_ids: Iterable[str]) -> dict[str, rows.LockedTask]:
        with outside("UPDATE leases SET expires_at = expires_at + interval '1 hour'"):
            pass
        return rows.lock_free(store, task_ids)

    monkeypatch.setattr(leases, "lock_free", renewed_before)
    assert await reclaim(desk) == []
    assert (await desk.get(run.task.id)).status is TaskStatus.IN_PROGRESS


async def test_suspects_are_left_to_the_process_that_takes_nothing_else(desk: Desk) -> None:
    suspect, innocent = await desk.submit(priority=4), await desk.submit()
    await desk.sql("UPDATE tasks SET crash_count = 2 WHERE id = :id", id=suspect)
    assert await claim(desk, Suspects.NEVER) == [innocent]
    await desk.submit()
    assert await claim(desk, Suspects.ONLY) == [suspect]


async def test_a_crash_of_a_run_that_was_not_alone_is_no_step_towards_a_dead_letter(desk: Desk) -> None:
    task_id = await desk.submit()
    # Nobody knows who ran it: SQL by hand put it into progress.
    await desk.sql("UPDATE tasks SET status = 'in_progress', crash_count = 4")
    assert await reclaim(desk) == [task_id]
    assert await desk.rows("SELECT status, crash_count FROM tasks") == [{"status": "pending", "crash_count": 2}]


async def test_heartbeats_keep_a_run_that_has_no_company_too(desk: Desk) -> None:
    task_id = await desk.submit()
    await desk.sql("UPDATE tasks SET crash_count = 2")
    (run,) = await desk.claim()
    assert run.must_run_alone
    for _ in range(3):
        desk.clock.advance(LEASE.total_seconds() * 0.6)
        (beat,) = await desk.database.write(WORKER_SCOPE, leases.heartbeat, "w1", [(task_id, run.epoch)], lease=LEASE)
        assert beat.is_owned
        assert await reclaim(desk) == []


@asynccontextmanager
async def flushing(desk: Desk) -> AsyncIterator[JournalFlusher]:
    flusher = JournalFlusher(desk.database)
    async with asyncio.TaskGroup() as group:
        group.create_task(flusher.run())
        try:
            yield flusher
        finally:
            flusher.close()


async def test_a_run_that_commits_a_step_hears_of_a_cancel_at_once(desk: Desk, tmp_path: Path) -> None:
    run = await desk.running()
    heard: list[str] = []
    wish: dict[str, Any] = {"task_id": run.task.id, "epoch": run.epoch, "generation": 1}
    async with flushing(desk) as flusher:
        journal = await open_journal(desk.database, flusher, DirectoryArtifacts(tmp_path / "blobs"), **wish)
        journal.on_control = heard.append
        await journal.commit(Step(key="1/a", input_hash="h", result={}))
        assert heard == []
        await desk.database.write(DEFAULT_SCOPE, decisions.request_control, run.task.id, Action.CANCEL, actor="p")
        await journal.commit(Step(key="1/b", input_hash="h", result={}))
        assert heard == [decisions.CONTROL_CANCEL]
