"""SQL by hand that ends a task nobody runs gets its event, once."""

import asyncio

import pytest
from tests.support.stores import Desk

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.store import endings_by_hand

pytestmark = pytest.mark.anyio

FAIL = "UPDATE tasks SET status = 'failed', error_message = 'by hand' WHERE id = :id"


async def unsaid(desk: Desk, *task_ids: str) -> list[str]:
    return await desk.database.read(SYSTEM_SCOPE, endings_by_hand.unsaid, task_ids)


async def record(desk: Desk, *task_ids: str) -> list[str]:
    return await desk.database.write(SYSTEM_SCOPE, endings_by_hand.record, task_ids)


async def test_an_ending_by_hand_of_a_waiting_task_gets_its_event_once(desk: Desk) -> None:
    ended, waiting = await desk.submit(), await desk.submit()
    await desk.sql(FAIL, id=ended)
    assert await unsaid(desk, ended, waiting) == [ended]
    told = await asyncio.gather(*(record(desk, ended, waiting) for _ in range(3)))
    assert sorted(told) == [[], [], [ended]]
    assert await desk.events(ended) == ["task.submitted", "task.failed"]
    assert await desk.events(waiting) == ["task.submitted"]
    task = await desk.get(ended)
    assert task.completed_at is not None
    assert task.error["detail"] == "by hand"
    assert await unsaid(desk, ended, waiting) == []


async def test_a_task_with_a_lease_is_left_to_its_worker(desk: Desk) -> None:
    run = await desk.running()
    await desk.sql(FAIL, id=run.task.id)
    assert await unsaid(desk, run.task.id) == []
    assert await record(desk, run.task.id) == []
    assert "task.failed" not in await desk.events(run.task.id)
