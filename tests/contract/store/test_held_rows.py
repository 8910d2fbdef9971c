"""A row that somebody holds in an open transaction delays its own task and nobody else's."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.servers import postgres
from tests.support.stores import LEASE, Desk, ManualClock, counting_ids, open_postgres, shared_database

from langgraph_multi_agent.access import WORKER_SCOPE
from langgraph_multi_agent.domain.event import EventType, NewEvent
from langgraph_multi_agent.store import leases
from langgraph_multi_agent.store.journal import ROW_HELD, FencedWrite, JournalFlusher, commit_steps
from langgraph_multi_agent.store.postgres import LOCK_TIMEOUT_MS

pytestmark = pytest.mark.parametrize("desk", ["postgresql"], indirect=True)


@pytest.fixture
async def desk(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Desk]:
    """Over PostgreSQL, and a row is waited for as long as by the product."""
    new_id = counting_ids()
    async with open_postgres(tmp_path, clock, new_id, lock_s=LOCK_TIMEOUT_MS / 1000) as database:
        yield Desk(database, clock, new_id)


def note(word: str) -> NewEvent:
    return NewEvent(type=EventType.TOOL_CALLED, data={"word": word})


async def test_a_beat_renews_the_leases_of_all_tasks_but_the_one_that_is_held(desk: Desk) -> None:
    held, free = await desk.running(), await desk.running()
    owned = [(held.task.id, 1), (free.task.id, 1)]
    desk.clock.advance(3)
    with postgres().connect(shared_database()) as other, other.transaction():
        other.execute("UPDATE tasks SET assignee = 'ops' WHERE id = %s", (held.task.id,))
        (beat,) = await desk.database.write(WORKER_SCOPE, leases.heartbeat, "w1", owned, lease=LEASE)
    assert (beat.task_id, beat.is_owned) == (free.task.id, True)
    rows = await desk.rows("SELECT task_id FROM leases ORDER BY expires_at")
    assert [row["task_id"] for row in rows] == [held.task.id, free.task.id]


async def test_a_batch_writes_what_is_free_and_names_what_is_held(desk: Desk) -> None:
    held, free = await desk.running(), await desk.running()
    batch = [
        FencedWrite(task_id=run.task.id, epoch=1, events=(note("x"),)) for run in (held, free)
    ]
    with postgres().connect(shared_database()) as other, other.transaction():
        other.execute("UPDATE tasks SET assignee = 'ops' WHERE id = %s", (held.task.id,))
        first, second = await desk.database.write(WORKER_SCOPE, commit_steps, batch)
    assert first is not None
    assert first.params["reason"] == ROW_HELD
    assert second is None
    assert "tool.called" not in await desk.events(held.task.id)
    assert "tool.called" in await desk.events(free.task.id)


async def test_held_writes_follow_in_order_once_the_row_is_free(desk: Desk) -> None:
    held, free = await desk.running(), await desk.running()
    flusher = JournalFlusher(desk.database)
    running = asyncio.create_task(flusher.run())
    other = postgres().connect(shared_database())
    try:
        other.execute("BEGIN")
        other.execute("UPDATE tasks SET assignee = 'ops' WHERE id = %s", (held.task.id,))
        waiting = [
            asyncio.create_task(
                flusher.write(FencedWrite(task_id=held.task.id, epoch=1, events=(note(f"w{number}"),)))
            )
            for number in range(3)
        ]
        await flusher.write(FencedWrite(task_id=free.task.id, epoch=1, events=(note("free"),)))
        assert not any(task.done() for task in waiting)
        other.execute("ROLLBACK")
        async with asyncio.timeout(40):
            await asyncio.gather(*waiting)
    finally:
        other.close()
        flusher.close()
        await running
    rows = await desk.rows(
        "SELECT data FROM agent_messages WHERE task_id = :id AND type = 'tool.called' ORDER BY seq", id=held.task.id
    )
    assert [row["data"] for row in rows] == [f'{{"word":"w{number}"}}' for number in range(3)]
