"""Tasks that start later: accepted now, durable now, claimed no earlier than asked."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.support.server import LEASE, Desk, open_desk

from langgraph_multi_agent.access import WORKER_SCOPE
from langgraph_multi_agent.store import claims

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path / "data") as opened:
        yield opened


async def claimed(desk: Desk) -> list[str]:
    found = await desk.database.write(
        WORKER_SCOPE, claims.claim, "w", limit=10, lease=LEASE, teams={"default": "1"}
    )
    return [item.task.id for item in found]


def in_seconds(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def test_a_task_with_a_start_says_so_and_is_not_claimed_before(desk: Desk) -> None:
    at = in_seconds(3600).replace(microsecond=0)
    task = await desk.submit(start_at=at.astimezone().isoformat())
    assert task["status"] == "pending"
    assert datetime.fromisoformat(task["start_at"]) == at
    assert await claimed(desk) == []
    assert (await desk.client.get(f"/api/v1/tasks/{task['id']}")).json() == task
    (listed,) = (await desk.client.get("/api/v1/tasks")).json()["tasks"]
    assert listed["start_at"] == task["start_at"]


async def test_a_delay_counts_from_the_acceptance_and_ends(desk: Desk) -> None:
    task = await desk.submit(delay_s=0.05)
    held = datetime.fromisoformat(task["start_at"]) - datetime.fromisoformat(task["created_at"])
    assert held == timedelta(seconds=0.05)
    while not (found := await claimed(desk)):  # noqa: ASYNC110 - only time makes it runnable
        await asyncio.sleep(0.005)
    assert found == [task["id"]]
    assert (await desk.client.get(f"/api/v1/tasks/{task['id']}")).json()["start_at"] is None


async def test_a_start_that_has_passed_means_at_once(desk: Desk) -> None:
    task = await desk.submit(start_at=in_seconds(-3600).isoformat())
    assert task["start_at"] is None
    assert await claimed(desk) == [task["id"]]


async def test_a_delayed_task_can_be_cancelled(desk: Desk) -> None:
    task = await desk.submit(delay_s=3600)
    answer = (await desk.client.post(f"/api/v1/tasks/{task['id']}/cancel")).json()
    assert (answer["status"], answer["start_at"]) == ("cancelled", None)


async def test_the_same_delay_under_one_key_is_one_task(desk: Desk) -> None:
    answers = [
        await desk.client.post(
            "/api/v1/tasks", json={"description": "数", "delay_s": delay}, headers={"Idempotency-Key": "k"}
        )
        for delay in (3600, 3600, 60)
    ]
    assert [answer.status_code for answer in answers] == [202, 202, 409]
    assert answers[0].json() == answers[1].json()


async def test_a_form_takes_a_delay(desk: Desk) -> None:
    files = [("files", ("a.csv", b"x\n1\n", "text/csv"))]
    answer = await desk.client.post(
        "/api/v1/tasks", data={"description": "数", "delay_s": "3600.5"}, files=files
    )
    assert answer.status_code == 202, answer.text
    assert answer.json()["start_at"] is not None


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"start_at": "2026-12-31T08:00:00"}, "start_at", "no_offset"),
        ({"start_at": "soon"}, "start_at", "not_a_date"),
        ({"start_at": "0001-01-01T00:00:00+14:00"}, "start_at", "not_a_date"),
        ({"start_at": 5}, "start_at", "not_a_date"),
        ({"delay_s": -1}, "delay_s", "below_minimum"),
        ({"delay_s": 1e10}, "delay_s", "above_maximum"),
        ({"delay_s": "9"}, "delay_s", "wrong_type"),
        ({"delay_s": 9, "start_at": "2026-12-31T08:00:00Z"}, "delay_s", "start_given_twice"),
    ],
)
async def test_a_start_that_cannot_be_kept_is_refused_by_field(
    desk: Desk, fields: dict[str, object], field: str, code: str
) -> None:
    answer = await desk.client.post("/api/v1/tasks", json={"description": "数", **fields})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["field"], error["code"]) == (field, code)
    assert error["message"]
