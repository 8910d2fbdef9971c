"""Schedules and retention over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.server import Desk, open_desk
from tests.support.stores import run_sql

from langgraph_multi_agent.access import SYSTEM_SCOPE, Scope
from langgraph_multi_agent.access.policy import Role
from langgraph_multi_agent.domain.errors import EventsGone

pytestmark = pytest.mark.anyio

REQUEST = {
    "name": "每日简报",
    "cron": "0 9 * * MON-FRI",
    "timezone": "Asia/Shanghai",
    "task": {"description": "统计昨天的销售"},
}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path / "data") as opened:
        yield opened


async def add(desk: Desk, **fields: Any) -> dict[str, Any]:
    answer = await desk.client.post("/api/v1/schedules", json={**REQUEST, **fields})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/api/v1/schedules/{body['id']}"
    return body


async def sql(desk: Desk, statement: str, **values: Any) -> None:
    await desk.database.write(SYSTEM_SCOPE, run_sql, statement, values)


async def make_due(desk: Desk, schedule_id: str) -> datetime:
    """As if its time had come a minute ago."""
    due = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=1)
    await sql(
        desk,
        "UPDATE schedules SET cron = :cron, timezone = 'UTC', next_fire_at = :due WHERE id = :id",
        cron=f"{due.minute} {due.hour} * * *",
        due=due.strftime("%Y-%m-%d %H:%M:%S.000000"),
        id=schedule_id,
    )
    return due


async def test_a_schedule_lives_through_its_routes(desk: Desk) -> None:
    made = await add(desk, cron="0 9 1 1 *")  # it hardly comes due while this runs
    assert made["task"]["title"] == "统计昨天的销售"
    assert made["task"]["language"] == "zh"
    assert made["is_enabled"] is True
    fire = datetime.fromisoformat(made["next_fire_at"])
    assert (fire.hour, fire.minute) == (1, 0)
    url = f"/api/v1/schedules/{made['id']}"
    assert (await desk.client.get(url)).json() == made
    assert (await desk.client.get("/api/v1/schedules")).json() == {"schedules": [made], "next": None}
    paused = (await desk.client.patch(url, json={"is_enabled": False})).json()
    assert (paused["is_enabled"], paused["next_fire_at"]) == (False, None)
    task = {"title": "新", "description": "别的", "priority": 4}
    changed = (await desk.client.patch(url, json={"is_enabled": True, "name": "n", "task": task})).json()
    assert (changed["name"], changed["task"]["title"], changed["task"]["priority"]) == ("n", "新", 4)
    assert changed["next_fire_at"] == made["next_fire_at"]
    assert (await desk.client.delete(url)).status_code == 204
    gone = await desk.client.get(url)
    assert (gone.status_code, gone.json()["code"]) == (404, "SCHEDULE_NOT_FOUND")


async def test_pages_follow_each_other(desk: Desk) -> None:
    for name in ("b", "c", "a"):
        await add(desk, name=name)
    first = (await desk.client.get("/api/v1/schedules", params={"limit": 2})).json()
    rest = (await desk.client.get("/api/v1/schedules", params={"limit": 2, "cursor": first["next"]})).json()
    assert [item["name"] for item in (*first["schedules"], *rest["schedules"])] == ["a", "b", "c"]
    assert rest["next"] is None


async def test_running_now_submits_the_task(desk: Desk) -> None:
    made = await add(desk)
    answer = await desk.client.post(f"/api/v1/schedules/{made['id']}/run")
    assert answer.status_code == 202
    task = answer.json()
    assert task["title"] == "统计昨天的销售"
    assert (await desk.client.get(answer.headers["location"])).json() == task
    assert (await desk.client.get(f"/api/v1/schedules/{made['id']}")).json()["last_task_id"] == task["id"]


async def test_a_tick_fires_what_is_due_and_wakes_followers_of_all_tasks(desk: Desk) -> None:
    made = await add(desk)
    due = await make_due(desk, made["id"])
    async with desk.feed.listen(None) as listener:
        fired = await desk.services.schedules.tick()
        assert await listener.wait(5)
    assert [item.fire_at for item in fired] == [due]
    after = (await desk.client.get(f"/api/v1/schedules/{made['id']}")).json()
    assert datetime.fromisoformat(after["last_fire_at"]) == due
    (task,) = (await desk.client.get("/api/v1/tasks")).json()["tasks"]
    assert task["id"] == after["last_task_id"]
    assert list(await desk.services.schedules.tick()) == []


async def test_ticks_at_once_fire_once(desk: Desk) -> None:
    made = await add(desk)
    await make_due(desk, made["id"])
    await asyncio.gather(*(desk.services.schedules.tick() for _ in range(4)))
    assert len((await desk.client.get("/api/v1/tasks")).json()["tasks"]) == 1


async def test_a_draining_replica_leaves_the_fire_to_another(desk: Desk) -> None:
    made = await add(desk)
    await make_due(desk, made["id"])
    desk.services.tasks.is_draining = True
    assert list(await desk.services.schedules.tick()) == []
    refused = await desk.client.post(f"/api/v1/schedules/{made['id']}/run")
    assert (refused.status_code, refused.json()["code"]) == (503, "DRAINING")


async def test_a_refused_fire_is_told_in_the_readers_language(desk: Desk) -> None:
    made = await add(desk)
    await make_due(desk, made["id"])
    task = json.dumps({**made["task"], "description": "write a poem"})
    await sql(desk, "UPDATE schedules SET draft = :draft WHERE id = :id", draft=task, id=made["id"])
    await desk.services.schedules.tick()
    url = f"/api/v1/schedules/{made['id']}"
    english = (await desk.client.get(url)).json()["last_error"]
    chinese = (await desk.client.get(url, headers={"accept-language": "zh"})).json()["last_error"]
    assert english["code"] == chinese["code"] == "MODEL_REQUIRED"
    assert english["title"] == "A language model is required"
    assert chinese["title"] == "需要语言模型"


@pytest.mark.parametrize(
    ("fields", "status", "code", "errors"),
    [
        ({"cron": "61 * * * *"}, 422, "INVALID_REQUEST", [("cron", "cron_invalid")]),
        ({"cron": "* * * *"}, 422, "INVALID_REQUEST", [("cron", "cron_fields")]),
        ({"timezone": "Mars/Base"}, 422, "INVALID_REQUEST", [("timezone", "timezone_unknown")]),
        ({"name": "  "}, 422, "INVALID_REQUEST", [("name", "empty")]),
        ({"name": "n" * 129}, 422, "INVALID_REQUEST", [("name", "too_long")]),
        ({"task": {"description": " "}}, 422, "INVALID_REQUEST", [("task.description", "empty")]),
        (
            {"task": {"description": "x", "deadline": "2026-12-31"}},
            422,
            "INVALID_REQUEST",
            [("task.deadline", "unknown_field")],
        ),
        ({"task": {"description": "x", "team": "nobody"}}, 422, "TEAM_UNKNOWN", []),
        ({"task": {"description": "write a poem"}}, 422, "MODEL_REQUIRED", []),
        ({"name": "taken"}, 409, "SCHEDULE_EXISTS", []),
    ],
)
async def test_a_schedule_that_cannot_be_kept_is_refused(
    desk: Desk, fields: dict[str, Any], status: int, code: str, errors: list[tuple[str, str]]
) -> None:
    await add(desk, name="taken")
    answer = await desk.client.post("/api/v1/schedules", json={**REQUEST, **fields})
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert problem["code"] == code
    assert [(item["field"], item["code"]) for item in problem["errors"]] == errors
    assert "{" not in problem["detail"] + problem["title"] + problem["hint"]


@pytest.mark.parametrize("patch", [{}, {"task": None}, {"cron": "x"}, {"next_fire_at": "2026-01-01"}])
async def test_a_change_that_makes_no_sense_is_refused_and_changes_nothing(desk: Desk, patch: dict[str, Any]) -> None:
    made = await add(desk)
    url = f"/api/v1/schedules/{made['id']}"
    answer = await desk.client.patch(url, json=patch)
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST")
    assert (await desk.client.get(url)).json() == made


async def test_retention_is_planned_and_then_run(desk: Desk) -> None:
    task = await desk.submit()
    await desk.client.post(f"/api/v1/tasks/{task['id']}/cancel")
    await sql(desk, "UPDATE agent_messages SET created_at = '2020-01-01 00:00:00.000000'")
    plan = (await desk.client.get("/api/v1/admin/retention")).json()
    tables = {item["table"]: item for item in plan["tables"]}
    assert tables["agent_messages"] == {
        "table": "agent_messages",
        "older_than_days": 30.0,
        "rows": 2,
        "oldest": "2020-01-01T00:00:00Z",
        "is_at_least": False,
        "is_at_most": False,
    }
    assert len((await desk.client.get(f"/api/v1/tasks/{task['id']}/events")).json()["events"]) == 2
    run = (await desk.client.post("/api/v1/admin/retention")).json()
    assert (run["is_complete"], run["is_elsewhere"]) == (True, False)
    assert {item["table"]: item["rows"] for item in run["tables"]}["agent_messages"] == 2
    await all_gone(desk, task["id"])


async def test_retention_is_not_for_other_tenants(tmp_path: Path) -> None:
    async with open_desk(tmp_path, enable_auth=True) as desk:
        for tenant, status in (("default", 200), ("island", 403)):
            scope = Scope(tenant=tenant, actor="root")
            made = await desk.services.identities.create_key(scope, name="k", role=Role.ADMIN)
            header = {"authorization": f"Bearer {made.secret}", "accept-language": "en"}
            for method in ("GET", "POST"):
                answer = await desk.client.request(method, "/api/v1/admin/retention", headers=header)
                assert (tenant, method, answer.status_code) == (tenant, method, status)
        assert answer.json()["code"] == "PERMISSION_DENIED"
        assert "tenant default" in answer.json()["detail"]


async def all_gone(desk: Desk, task_id: str) -> None:
    """Whoever asks for events that are gone hears so, and where to go on."""
    url = f"/api/v1/tasks/{task_id}/events"
    for after in (0, 1):
        answer = await desk.client.get(url, params={"after": after})
        assert (answer.status_code, answer.json()["code"]) == (410, "EVENTS_GONE")
    assert (await desk.client.get(url, params={"after": 2})).json()["events"] == []


async def test_a_gap_in_the_middle_of_a_page_is_told_too(desk: Desk) -> None:
    task = await desk.submit()
    for priority in (1, 3, 4):
        await desk.client.patch(f"/api/v1/tasks/{task['id']}", json={"priority": priority})
    await sql(desk, "DELETE FROM agent_messages WHERE seq = 2")
    with pytest.raises(EventsGone) as gone:
        await desk.services.tasks.events(SYSTEM_SCOPE, task["id"])
    assert gone.value.params["oldest"] == 3
    assert [event.seq for event in await desk.services.tasks.events(SYSTEM_SCOPE, task["id"], after=2)] == [3, 4]
