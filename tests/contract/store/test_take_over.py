"""An import is one transaction: two at once are one, and a break leaves nothing."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.stores import Desk, tenant

from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.domain.errors import DataRefused, ImportUnderWay
from langgraph_multi_agent.domain.task import IMPORTED
from langgraph_multi_agent.store import transfer


def task_row(number: int, **fields: Any) -> dict[str, Any]:
    moment = "2026-01-05T08:00:00Z"
    row = {
        "id": f"019ab1c2-7d3e-7f40-8a51-{number:012x}",
        "is_valid": True,
        "title": f"task {number}",
        "description": "d",
        "priority": 2,
        "team": "default",
        "deadline": None,
        "assignee": None,
        "language": "zh",
        "status": "paused",
        "status_detail": IMPORTED,
        "progress": 0,
        "input_data": {},
        "files": [],
        "budget": {},
        "cost": {},
        "result": None,
        "error": None,
        "created_at": moment,
        "updated_at": moment,
        "started_at": None,
        "completed_at": None,
        "generation": 1,
    }
    return row | fields


async def test_two_imports_of_one_document_at_once_are_one(desk: Desk) -> None:
    def rows(kind: str) -> Iterator[dict[str, Any]]:
        return (task_row(number) for number in range(700 if kind == "task" else 0))

    async def take_over() -> transfer.Imported:
        while True:
            try:
                return await desk.database.write(DEFAULT_SCOPE, transfer.take_over, rows)
            except ImportUnderWay:
                await asyncio.sleep(0.01)

    done = await asyncio.gather(*(take_over() for _ in range(3)))
    assert sorted(item.tasks for item in done) == [0, 0, 700]
    assert len(done[0].sample + done[1].sample + done[2].sample) == transfer.MAX_SAMPLE
    assert len(await desk.rows("SELECT id FROM tasks")) == 700
    assert len(await desk.rows("SELECT id FROM agent_messages")) == 1400


async def test_a_row_that_the_schema_refuses_takes_all_others_along(desk: Desk) -> None:
    def rows(kind: str) -> Iterator[dict[str, Any]]:
        if kind == "task":
            yield from (task_row(number) for number in range(600))
            yield task_row(600, priority=9)

    with pytest.raises(DataRefused):
        await desk.database.write(DEFAULT_SCOPE, transfer.take_over, rows)
    assert await desk.rows("SELECT id FROM tasks") == []
    assert await desk.rows("SELECT id FROM agent_messages") == []


async def test_a_task_that_a_document_names_twice_comes_once(desk: Desk) -> None:
    def rows(kind: str) -> Iterator[dict[str, Any]]:
        return (task_row(number % 600) for number in range(1200 if kind == "task" else 0))

    assert (await desk.database.write(DEFAULT_SCOPE, transfer.take_over, rows)).tasks == 600


async def test_another_tenants_task_keeps_its_id_and_the_copy_gets_a_steady_one(desk: Desk) -> None:
    def rows(kind: str) -> Iterator[dict[str, Any]]:
        if kind == "task":
            yield task_row(1)

    await desk.database.write(tenant("theirs"), transfer.take_over, rows)
    await desk.database.write(DEFAULT_SCOPE, transfer.take_over, rows)
    found = await desk.rows("SELECT tenant, id FROM tasks ORDER BY tenant DESC")
    assert [row["tenant"] for row in found] == ["theirs", "default"]
    assert found[0]["id"] == task_row(1)["id"]
    await desk.sql("DELETE FROM tasks")  # what they deleted keeps its last event, and its name
    await desk.database.write(DEFAULT_SCOPE, transfer.take_over, rows)
    assert await desk.rows("SELECT tenant, id FROM tasks") == found[1:]
    kept = await desk.rows("SELECT count(*) AS n FROM agent_messages WHERE tenant = 'theirs'")
    assert kept[0]["n"] > 0
    await desk.sql("DELETE FROM tasks")
    await desk.database.write(tenant("theirs"), transfer.take_over, rows)
    await desk.database.write(DEFAULT_SCOPE, transfer.take_over, rows)
    assert await desk.rows("SELECT tenant, id FROM tasks ORDER BY tenant DESC") == found
