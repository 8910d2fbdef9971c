"""The MVP2 adapter's rows about tasks and the system, as deployed front ends call them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from tests.support.server import Desk, open_desk, step_event
from tests.support.stores import BACKENDS
from uuid_utils import uuid7

from langgraph_multi_agent.access import DEFAULT_SCOPE, Scope
from langgraph_multi_agent.domain.clock import SystemClock
from langgraph_multi_agent.domain.event import EventType, NewEvent
from langgraph_multi_agent.domain.plan import Plan, Subtask
from langgraph_multi_agent.domain.ports import Step
from langgraph_multi_agent.domain.task import Action, Task
from langgraph_multi_agent.service import rests
from langgraph_multi_agent.service import tasks as task_service
from langgraph_multi_agent.store import tasks as task_store

pytestmark = pytest.mark.anyio

ORIGIN = "https://app.example.com"
ROOT = "/api/v1/mvp2"
TASKS = f"{ROOT}/tasks"
TASK_KEYS = {
    "id",
    "name",
    "description",
    "priority",
    "deadline",
    "assignee",
    "progress",
    "status",
    "created_at",
    "updated_at",
}


@pytest.fixture(params=sorted(BACKENDS))
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    opener = BACKENDS[request.param](tmp_path, SystemClock(), lambda: str(uuid7()))
    async with (
        opener as database,
        open_desk(tmp_path / "data", database=database, cors_origins=[ORIGIN]) as opened,
    ):
        yield opened


async def call(desk: Desk, method: str, path: str, **request: Any) -> Any:
    """`data` of an answer, after its envelope was looked at."""
    answer = await desk.client.request(method, path, **request)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body.keys() == {"success", "message", "data", "timestamp"}
    assert body["success"] is True
    assert isinstance(body["message"], str)
    assert body["message"]
    assert datetime.fromisoformat(body["timestamp"]).tzinfo is not None
    return body["data"]


async def refused(desk: Desk, status: int, code: str, method: str, path: str, **request: Any) -> Any:
    """The envelope of a refusal, after it was looked at."""
    answer = await desk.client.request(method, path, **request)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    body = answer.json()
    assert body.keys() == {"success", "error_code", "message", "details", "timestamp"}
    assert (body["success"], body["error_code"]) == (False, code)
    assert body["message"]
    assert datetime.fromisoformat(body["timestamp"]).tzinfo is not None
    return body


async def make(desk: Desk, name: str = "任务", **fields: Any) -> Any:
    return await call(desk, "POST", TASKS, json={"name": name, "description": f"做{name}", **fields})


# Create


async def test_a_created_task_is_the_services_task_and_waits_for_the_agents(desk: Desk) -> None:
    task = await make(desk, "月报", priority="紧急", deadline="2026-12-31", assignee="李雷", color="red")
    assert task.keys() >= TASK_KEYS
    assert {name: task[name] for name in ("name", "description", "priority", "deadline", "assignee")} == {
        "name": "月报",
        "description": "做月报",
        "priority": "紧急",
        "deadline": "2026-12-31",
        "assignee": "李雷",
    }
    assert (task["status"], task["progress"], task["deadline_at"]) == ("pending", 0, "2026-12-31T23:59:59Z")
    core = (await desk.client.get(f"/api/v1/tasks/{task['id']}")).json()
    assert (core["title"], core["priority"], core["status"], core["language"]) == ("月报", 4, "pending", "zh")
    claimed = await desk.claim(task["id"])
    assert claimed.task.id == task["id"]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("低", "低"),
        ("中", "中"),
        ("高", "高"),
        ("紧急", "紧急"),
        (1, "低"),
        (4, "紧急"),
        ("3", "高"),
        ("urgent", "紧急"),
        ("", "中"),
        (None, "中"),
    ],
)
async def test_a_priority_is_a_chinese_word_or_a_core_number(desk: Desk, given: Any, shown: str) -> None:
    assert (await make(desk, priority=given))["priority"] == shown


@pytest.mark.parametrize("given", ["最高", 0, 5, 2.5, True, [], "５"])
async def test_another_priority_is_refused_with_those_that_are_known(desk: Desk, given: Any) -> None:
    body = await refused(desk, 422, "INVALID_REQUEST", "POST", TASKS, json={"name": "x", "priority": given})
    assert [item["field"] for item in body["details"]["errors"]] == ["priority"]
    assert "紧急" in body["message"]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2026-12-31", "2026-12-31"),
        ("2026-12-31T08:00:00+08:00", "2026-12-31T00:00:00Z"),
        ("2026-12-31T08:00:00.000Z", "2026-12-31T08:00:00Z"),
        ("", None),
        (None, None),
    ],
)
async def test_a_deadline_is_a_day_or_a_moment(desk: Desk, given: Any, shown: str | None) -> None:
    assert (await make(desk, deadline=given))["deadline"] == shown


async def test_a_task_without_a_description_is_about_its_name(desk: Desk) -> None:
    for fields in ({}, {"description": ""}, {"description": None}):
        task = await call(desk, "POST", TASKS, json={"name": "数一数", **fields})
        assert task["description"] == "数一数"


async def test_a_name_that_is_missing_blank_or_too_long_is_refused(desk: Desk) -> None:
    for fields in ({}, {"name": " "}, {"name": "x" * 501}, {"name": 1}):
        body = await refused(desk, 422, "INVALID_REQUEST", "POST", TASKS, json={"description": "x", **fields})
        assert [item["field"] for item in body["details"]["errors"]] == ["name"]


@pytest.mark.parametrize("body", [[], "text", 5, {"name": "a\x00b"}, {"name": "x", "budget": 5}])
async def test_a_body_that_is_no_task_is_refused(desk: Desk, body: Any) -> None:
    await refused(desk, 422, "INVALID_REQUEST", "POST", TASKS, json=body)


async def test_what_the_team_cannot_do_is_refused_without_a_row(desk: Desk) -> None:
    await refused(
        desk, 422, "MODEL_REQUIRED", "POST", TASKS, json={"name": "n", "description": "write a poem"}
    )
    await refused(desk, 422, "TEAM_UNKNOWN", "POST", TASKS, json={"name": "n", "team": "none"})
    assert (await call(desk, "GET", TASKS))["total"] == 0


async def test_files_come_with_a_form(desk: Desk) -> None:
    answer = await desk.client.post(
        TASKS,
        data={"name": "看表", "priority": "高", "deadline": "", "unknown": "x", "budget": '{"tokens": 5}'},
        files=[("files", ("a.csv", b"x\n1\n", "text/csv")), ("files", ("b.csv", b"y\n2\n", "text/csv"))],
    )
    assert answer.status_code == 200, answer.text
    task = answer.json()["data"]
    assert ([item["name"] for item in task["files"]], task["priority"]) == (["a.csv", "b.csv"], "高")
    assert task["budget"] == {"tokens": 5, "cost": None}
    detail = await call(desk, "GET", f"{TASKS}/{task['id']}")
    assert [item["name"] for item in detail["artifacts"]] == ["a.csv", "b.csv"]
    content = await desk.client.get(detail["artifacts"][0]["url"])
    assert content.content == b"x\n1\n"


async def test_the_same_key_makes_one_task(desk: Desk) -> None:
    key = {"Idempotency-Key": "k1"}
    first, again = [(await desk.client.post(TASKS, json={"name": "once"}, headers=key)) for _ in range(2)]
    assert first.json()["data"]["id"] == again.json()["data"]["id"]
    assert again.headers["idempotent-replayed"] == "true"
    await refused(
        desk,
        409,
        "IDEMPOTENCY_CONFLICT",
        "POST",
        TASKS,
        json={"name": "other"},
        headers=key,
    )


# List


async def test_the_list_is_newest_first_and_counts_all_that_match(desk: Desk) -> None:
    ids = [(await make(desk, f"t{number}"))["id"] for number in range(5)]
    page = await call(desk, "GET", TASKS)
    assert [task["id"] for task in page["tasks"]] == ids[::-1]
    assert (page["total"], page["limit"], page["offset"], page["total_is_capped"]) == (5, 50, 0, False)
    page = await call(desk, "GET", TASKS, params={"limit": 2, "offset": 1})
    assert [task["id"] for task in page["tasks"]] == [ids[3], ids[2]]
    assert (page["total"], page["limit"], page["offset"]) == (5, 2, 1)
    beyond = await call(desk, "GET", TASKS, params={"offset": 99})
    assert (beyond["tasks"], beyond["total"]) == ([], 5)
    assert (await call(desk, "GET", TASKS, params={"limit": 100000}))["limit"] == 1000


async def test_the_list_is_restricted_by_status_priority_assignee_and_words(desk: Desk) -> None:
    waiting = (await make(desk, "甲", priority="低", assignee="Li Lei"))["id"]
    cancelled = (await make(desk, "乙 100%", priority="高"))["id"]
    paused = (await make(desk, "丙", priority="紧急", assignee="韩梅梅"))["id"]
    done = (await make(desk, "丁", priority="高", assignee="韩雪"))["id"]
    await desk.client.post(f"/api/v1/tasks/{cancelled}/cancel")
    await desk.client.post(f"/api/v1/tasks/{paused}/pause")
    await desk.client.post(f"/api/v1/tasks/{done}/complete")

    async def found(**params: Any) -> set[str]:
        page = await call(desk, "GET", TASKS, params=params)
        assert page["total"] == len(page["tasks"])
        return {task["id"] for task in page["tasks"]}

    for word in ("pending", "待处理", "PENDING"):
        assert await found(status=word) == {waiting}
    for word in ("in_progress", "进行中", "paused"):
        assert await found(status=word) == {paused}
    for word in ("completed", "已完成"):
        assert await found(status=word) == {done}
    for word in ("failed", "失败", "cancelled"):
        assert await found(status=word) == {cancelled}
    assert await found(status="waiting_input") == set()
    assert await found(status="已完成,失败") == {done, cancelled}
    assert await found(status=["pending", "completed"]) == {waiting, done}
    assert await found(priority="高") == await found(priority=3) == {cancelled, done}
    assert await found(priority="高", status="completed") == {done}
    assert await found(assignee="韩") == {paused, done}
    assert await found(assignee="li l") == {waiting}
    assert await found(q="100%") == {cancelled}
    assert await found(q="做丙") == {paused}
    assert await found(status="", priority="", assignee="", q="") == {waiting, cancelled, paused, done}


async def test_the_list_tells_how_far_the_plans_of_tasks_at_work_are(desk: Desk) -> None:
    task_id = (await make(desk))["id"]

    async def shown() -> tuple[int | None, int | None]:
        [task] = (await call(desk, "GET", TASKS))["tasks"]
        return task["subtasks_done"], task["subtasks_total"]

    assert await shown() == (None, None)
    data = {"revision": 1, "count": 2, "subtasks": [{"id": "read"}, {"id": "write"}]}
    await desk.commit(
        task_id,
        NewEvent(type=EventType.PLAN_CREATED, data=data),
        step_event(EventType.SUBTASK_COMPLETED, "read", summary="ok"),
    )
    assert await shown() == (1, 2)
    await desk.finish(task_id)
    assert await shown() == (None, None)


async def test_the_list_is_restricted_by_team_by_age_and_by_whether_it_runs(desk: Desk) -> None:
    running = (await make(desk, "甲"))["id"]
    await desk.claim(running)
    later = await make(desk, "乙")
    paused = (await make(desk, "丙"))["id"]
    await desk.client.post(f"/api/v1/tasks/{paused}/pause")

    async def found(**params: Any) -> set[str]:
        page = await call(desk, "GET", TASKS, params=params)
        assert page["total"] == len(page["tasks"])
        return {task["id"] for task in page["tasks"]}

    everything = {running, later["id"], paused}
    assert await found(running="true") == {running}
    assert await found(running="false") == {later["id"], paused}
    assert await found(running="true", status="进行中") == {running}
    assert await found(running="false", status="in_progress") == {paused}
    assert await found(running="true", status="completed") == set()
    assert await found(created_after=later["created_at"]) == {later["id"], paused}
    moment = datetime.fromisoformat(later["created_at"])
    there = moment.astimezone(timezone(timedelta(hours=8))).isoformat()
    assert await found(created_after=there) == await found(created_after=there.replace("+", " "))
    assert await found(created_after=there) == {later["id"], paused}
    assert await found(created_after=moment.date().isoformat()) == everything
    assert await found(created_after="9000-01-01 00:00") == set()
    assert await found(team=later["team"]) == everything
    assert await found(team="nobody") == set()
    assert await found(team="", created_after="", running="", colour="blue") == everything


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"status": "done"}, "status"),
        ({"created_after": "yesterday"}, "created_after"),
        ({"running": "perhaps"}, "running"),
        ({"priority": "9"}, "priority"),
        ({"limit": 0}, "limit"),
        ({"offset": -1}, "offset"),
        ({"limit": "x"}, "limit"),
    ],
)
async def test_a_filter_that_means_nothing_is_refused(desk: Desk, params: Any, field: str) -> None:
    body = await refused(desk, 422, "INVALID_REQUEST", "GET", TASKS, params=params)
    assert [item["field"] for item in body["details"]["errors"]] == [field]


# Figures


async def test_the_figures_are_those_of_the_tasks(desk: Desk) -> None:
    empty = await call(desk, "GET", f"{TASKS}/stats")
    assert set(empty.values()) == {0}
    assert empty.keys() >= {
        "total_tasks",
        "completed_tasks",
        "pending_tasks",
        "urgent_tasks",
        "completion_rate",
        "this_week_completed",
        "overdue_tasks",
    }
    done = (await make(desk, "a", priority="紧急", deadline="2020-01-01"))["id"]
    await make(desk, "b", deadline="2020-01-01")
    await make(desk, "c", priority="紧急")
    await desk.client.post(f"/api/v1/tasks/{done}/complete")
    figures = await call(desk, "GET", f"{TASKS}/stats")
    assert figures == {
        "total_tasks": 3,
        "completed_tasks": 1,
        "pending_tasks": 2,
        "urgent_tasks": 2,
        "urgent_unfinished_tasks": 1,
        "completion_rate": 33.3,
        "this_week_completed": 1,
        "overdue_tasks": 1,
    }


# Read


async def test_a_task_is_read_with_its_subtasks_result_and_files(desk: Desk) -> None:
    task_id = (await make(desk))["id"]
    before = await call(desk, "GET", f"{TASKS}/{task_id}")
    assert (before["subtasks"], before["result"], before["artifacts"]) == ([], None, [])
    plan = Plan(
        revision=1,
        subtasks=(
            Subtask(id="read", title="读", capability="desk_work", agent="desk", weight=3.0),
            Subtask(id="write", title="写", capability="desk_work", agent="desk", depends_on=("read",)),
        ),
    )
    await desk.plan(task_id, plan)
    await desk.commit(
        task_id,
        step_event(EventType.SUBTASK_STARTED, "read", attempt=1),
        step_event(EventType.SUBTASK_COMPLETED, "read", summary="ok"),
        step_event(EventType.SUBTASK_STARTED, "write", attempt=1),
    )
    done = Step(key="1/0/read/1", input_hash="x", result={}, progress=plan.progress(["read"]))
    await desk.commit(task_id, step=done)
    await desk.save(task_id, "report.md", b"# r", "text/markdown", "report")
    running = await call(desk, "GET", f"{TASKS}/{task_id}")
    keys = ("id", "title", "agent", "status", "depends_on", "weight", "progress")
    assert [tuple(item[key] for key in keys) for item in running["subtasks"]] == [
        ("read", "读", "desk", "completed", [], 3.0, 100),
        ("write", "写", "desk", "running", ["read"], 1.0, 0),
    ]
    assert (running["status"], running["progress"]) == ("in_progress", 75)
    await desk.finish(task_id)
    ended = await call(desk, "GET", f"{TASKS}/{task_id}")
    assert (ended["status"], ended["progress"], ended["result"]) == ("completed", 100, {"summary": "done"})
    assert [item["name"] for item in ended["artifacts"]] == ["report.md"]


async def test_a_task_that_is_not_there_is_said_on_every_route(desk: Desk) -> None:
    for method in ("GET", "PUT", "DELETE"):
        request = {"json": {"name": "x"}} if method == "PUT" else {}
        await refused(desk, 404, "TASK_NOT_FOUND", method, f"{TASKS}/nothing", **request)


# Change


async def test_every_writable_field_is_changed(desk: Desk) -> None:
    task_id = (await make(desk))["id"]
    change = {"name": "新名", "description": "新的说明", "priority": "低", "deadline": "2027-01-02"}
    task = await call(desk, "PUT", f"{TASKS}/{task_id}", json=change | {"assignee": "韩梅梅"})
    assert {name: task[name] for name in change} == change
    assert task["assignee"] == "韩梅梅"
    task = await call(desk, "PUT", f"{TASKS}/{task_id}", json={"deadline": None, "assignee": ""})
    assert (task["deadline"], task["assignee"], task["name"]) == (None, None, "新名")
    task = await call(desk, "PUT", f"{TASKS}/{task_id}", json={"budget": {"tokens": 9}})
    assert task["budget"] == {"tokens": 9, "cost": None}
    assert (await call(desk, "GET", f"{TASKS}/{task_id}"))["priority"] == "低"


async def test_a_whole_task_object_may_be_sent_back_and_its_progress_is_not_believed(desk: Desk) -> None:
    task_id = (await make(desk, deadline="2026-12-31"))["id"]
    await desk.plan(task_id)
    task = await call(desk, "GET", f"{TASKS}/{task_id}")
    changed = await call(desk, "PUT", f"{TASKS}/{task_id}", json=task | {"priority": "紧急", "progress": 88})
    assert (changed["priority"], changed["progress"], changed["status"]) == ("紧急", 0, "in_progress")
    events = (await desk.client.get(f"/api/v1/tasks/{task_id}/events")).json()["events"]
    assert [event["data"]["fields"] for event in events if event["type"] == "task.updated"] == [["priority"]]
    same = await call(desk, "PUT", f"{TASKS}/{task_id}", json=changed)
    assert same["updated_at"] == changed["updated_at"]


@pytest.mark.parametrize("status", ["failed", "paused", "completed"])
async def test_fields_and_an_action_are_one_commit(desk: Desk, status: str) -> None:
    task_id = (await make(desk))["id"]
    before = dict(desk.database.statistics.by_unit)
    task = await call(desk, "PUT", f"{TASKS}/{task_id}", json={"name": "新名", "status": status})
    assert task["name"] == "新名"
    written = {
        name: count - before.get(name, 0)
        for name, count in desk.database.statistics.by_unit.items()
        if name.startswith("decisions.") and count != before.get(name, 0)
    }
    assert list(written.values()) == [1]
    events = (await desk.client.get(f"/api/v1/tasks/{task_id}/events")).json()["events"]
    assert [event["type"] for event in events][:2] == ["task.submitted", "task.updated"]
    assert [event["seq"] for event in events] == [1, 2, 3]
    reopened = await call(desk, "PUT", f"{TASKS}/{task_id}", json={"name": "又", "status": "pending"})
    assert (reopened["name"], reopened["status"]) == ("又", "pending")


async def test_an_action_that_came_too_late_leaves_the_fields_as_they_were(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = (await make(desk))["id"]
    write = desk.database.write

    async def after_somebody_else(scope: Scope, function: Any, /, *args: Any, **named: Any) -> Any:
        monkeypatch.setattr(desk.database, "write", write)
        await desk.services.tasks.complete(scope, task_id)
        return await write(scope, function, *args, **named)

    monkeypatch.setattr(desk.database, "write", after_somebody_else)
    change = {"name": "新名", "status": "failed"}
    await refused(desk, 409, "ILLEGAL_TRANSITION", "PUT", f"{TASKS}/{task_id}", json=change)
    assert (await call(desk, "GET", f"{TASKS}/{task_id}"))["name"] != "新名"


@pytest.mark.parametrize("word", ["completed", "已完成"])
async def test_a_person_completes_a_task(desk: Desk, word: str) -> None:
    task_id = (await make(desk))["id"]
    task = await call(desk, "PUT", f"{TASKS}/{task_id}", json={"status": word})
    assert (task["status"], task["status_detail"], task["progress"], task["result"]) == (
        "completed",
        "completed_by_person",
        100,
        None,
    )


@pytest.mark.parametrize("word", ["failed", "失败", "cancelled"])
async def test_a_person_cancels_a_task(desk: Desk, word: str) -> None:
    task_id = (await make(desk))["id"]
    task = await call(desk, "PUT", f"{TASKS}/{task_id}", json={"status": word})
    assert (task["status"], task["status_detail"]) == ("failed", "cancelled")


@pytest.mark.parametrize("word", ["pending", "待处理", "in_progress"])
async def test_a_person_reopens_a_task_that_has_ended(desk: Desk, word: str) -> None:
    task_id = (await make(desk))["id"]
    await desk.claim(task_id)
    await desk.finish(task_id)
    task = await call(desk, "PUT", f"{TASKS}/{task_id}", json={"status": word})
    assert (task["status"], task["progress"], task["generation"]) == ("pending", 0, 2)


async def test_an_object_from_before_the_task_ended_runs_nothing_again(desk: Desk) -> None:
    task_id = (await make(desk))["id"]
    waiting = await call(desk, "GET", f"{TASKS}/{task_id}")
    await desk.claim(task_id)
    running = await call(desk, "PUT", f"{TASKS}/{task_id}", json=waiting | {"name": "改名"})
    assert (running["status"], running["name"]) == ("in_progress", "改名")
    await desk.finish(task_id)
    for old in (waiting, running):
        task = await call(desk, "PUT", f"{TASKS}/{task_id}", json=old | {"name": "又改名"})
        assert (task["status"], task["generation"], task["name"]) == ("completed", 1, "又改名")
    again = await call(desk, "PUT", f"{TASKS}/{task_id}", json=task | {"status": "pending"})
    assert (again["status"], again["generation"]) == ("pending", 2)


async def test_a_paused_task_is_resumed_by_making_it_pending(desk: Desk) -> None:
    task_id = (await make(desk))["id"]
    task = await call(desk, "PUT", f"{TASKS}/{task_id}", json={"status": "paused"})
    assert (task["status"], task["status_detail"]) == ("in_progress", "paused")
    same = await call(desk, "PUT", f"{TASKS}/{task_id}", json={"status": "进行中"})
    assert same["status_detail"] == "paused"
    task = await call(desk, "PUT", f"{TASKS}/{task_id}", json={"status": "待处理"})
    assert (task["status"], task["status_detail"]) == ("pending", None)


@pytest.mark.parametrize(
    ("ending", "wanted"),
    [(None, "in_progress"), ("complete", "failed"), ("cancel", "completed"), ("run", "pending")],
)
async def test_an_action_that_the_status_forbids_changes_nothing(
    desk: Desk, ending: str | None, wanted: str
) -> None:
    task_id = (await make(desk))["id"]
    if ending == "run":
        await desk.claim(task_id)
    elif ending is not None:
        await desk.client.post(f"/api/v1/tasks/{task_id}/{ending}")
    before = await call(desk, "GET", f"{TASKS}/{task_id}")
    await refused(
        desk,
        409,
        "ILLEGAL_TRANSITION",
        "PUT",
        f"{TASKS}/{task_id}",
        json={"name": "changed", "status": wanted},
    )
    assert await call(desk, "GET", f"{TASKS}/{task_id}") == before


@pytest.mark.parametrize(
    "body", [{"status": "finished"}, {"priority": "x"}, {"deadline": "soon"}, {"name": ""}, {"name": 5}]
)
async def test_a_change_that_does_not_fit_is_refused(desk: Desk, body: Any) -> None:
    task_id = (await make(desk))["id"]
    refusal = await refused(desk, 422, "INVALID_REQUEST", "PUT", f"{TASKS}/{task_id}", json=body)
    assert [item["field"] for item in refusal["details"]["errors"]] == list(body)


# Delete


async def test_a_deleted_task_is_gone(desk: Desk) -> None:
    task_id = (await make(desk))["id"]
    assert await call(desk, "DELETE", f"{TASKS}/{task_id}") == {"deleted_task_id": task_id}
    await refused(desk, 404, "TASK_NOT_FOUND", "GET", f"{TASKS}/{task_id}")
    assert (await call(desk, "GET", TASKS))["total"] == 0


async def test_a_running_task_is_cancelled_before_it_is_deleted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_service, "STOP_WAIT_S", 60.0)
    task_id = (await make(desk))["id"]
    await desk.claim(task_id)
    async with desk.feed.listen("control") as asked:
        deleting = asyncio.create_task(call(desk, "DELETE", f"{TASKS}/{task_id}"))
        assert await asked.wait(60)
        assert (await desk.services.tasks.get(DEFAULT_SCOPE, task_id)).status_detail == "cancelling"
        await desk.finish(task_id, Action.CANCEL)
        assert await deleting == {"deleted_task_id": task_id}
    await refused(desk, 404, "TASK_NOT_FOUND", "GET", f"{TASKS}/{task_id}")


async def test_a_task_that_a_worker_takes_while_it_is_deleted_is_cancelled_too(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_service, "STOP_WAIT_S", 60.0)
    task_id = (await make(desk))["id"]
    read = desk.services.tasks.get

    async def read_and_lose(scope: Scope, wanted: str) -> Task:
        found = await read(scope, wanted)
        monkeypatch.setattr(desk.services.tasks, "get", read)
        await desk.claim(wanted)
        return found

    monkeypatch.setattr(desk.services.tasks, "get", read_and_lose)
    async with desk.feed.listen("control") as asked:
        deleting = asyncio.create_task(call(desk, "DELETE", f"{TASKS}/{task_id}"))
        assert await asked.wait(60)
        await desk.finish(task_id, Action.CANCEL)
        assert await deleting == {"deleted_task_id": task_id}


async def test_a_task_that_ends_while_it_is_deleted_is_deleted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = (await make(desk))["id"]
    await desk.claim(task_id)
    read = desk.services.tasks.get

    async def read_and_end(scope: Scope, wanted: str) -> Task:
        found = await read(scope, wanted)
        monkeypatch.setattr(desk.services.tasks, "get", read)
        await desk.finish(wanted)
        return found

    monkeypatch.setattr(desk.services.tasks, "get", read_and_end)
    assert await call(desk, "DELETE", f"{TASKS}/{task_id}") == {"deleted_task_id": task_id}


# The system


async def test_the_status_is_measured(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rests, "MIN_REST_S", 0)
    monkeypatch.setattr(rests, "TIMES_ITS_PRICE", 0)
    status = await call(desk, "GET", f"{ROOT}/status")
    services = ("task_service", "chat_service", "analytics_service", "sync_service")
    assert (status["system_health"], status["adapter_status"]) == ("healthy", "running")
    assert status["services"] == dict.fromkeys(services, "healthy")
    assert status["performance"].keys() == {"response_time", "uptime", "memory_usage"}
    assert all(value > 0 for value in status["performance"].values())

    def broken(_store: Any) -> Any:
        raise OSError("gone")

    monkeypatch.setattr(task_store, "answers", broken)
    status = await call(desk, "GET", f"{ROOT}/status")
    assert status["system_health"] == "unhealthy"
    assert status["services"] == dict.fromkeys(services, "unhealthy")
    sick = await desk.client.get(f"{ROOT}/health")
    body = sick.json()
    assert (sick.status_code, body["success"], body["status"]) == (503, False, "unhealthy")
    assert (body["error_code"], body["details"]) == ("DEPENDENCY_UNAVAILABLE", {"database": "unhealthy"})
    assert int(sick.headers["retry-after"]) >= 1


async def test_health_has_its_keys_beside_the_envelopes(desk: Desk) -> None:
    answer = await desk.client.get(f"{ROOT}/health")
    body = answer.json()
    assert (answer.status_code, body["success"], body["status"]) == (200, True, "healthy")
    assert body.keys() == {"success", "message", "data", "timestamp", "status", "service", "version"}


# The envelope


async def test_every_kind_of_refusal_comes_in_the_envelope(desk: Desk) -> None:
    json = {"content-type": "application/json"}
    await refused(desk, 404, "ROUTE_NOT_FOUND", "GET", f"{ROOT}/nothing")
    await refused(desk, 404, "ROUTE_NOT_FOUND", "GET", ROOT)
    await refused(desk, 405, "METHOD_NOT_ALLOWED", "PATCH", TASKS)
    await refused(desk, 400, "MALFORMED_JSON", "POST", TASKS, content=b"{", headers=json)
    await refused(desk, 415, "UNSUPPORTED_MEDIA_TYPE", "POST", TASKS, content=b"x")
    limit = desk.services.settings.max_body_bytes
    await refused(desk, 413, "INPUT_TOO_LARGE", "POST", TASKS, content=b" " * (limit + 1), headers=json)
    foreign = {"origin": "https://evil.example.com"}
    await refused(desk, 403, "ORIGIN_NOT_ALLOWED", "POST", TASKS, json={"name": "x"}, headers=foreign)
    desk.services.tasks.is_draining = True
    draining = await desk.client.post(TASKS, json={"name": "x"})
    assert (draining.status_code, draining.json()["error_code"]) == (503, "DRAINING")
    assert int(draining.headers["retry-after"]) >= 1


async def test_a_full_queue_is_said_with_when_to_come_again(tmp_path: Path) -> None:
    async with open_desk(tmp_path / "data", task_queue_size=1) as desk:
        await make(desk)
        answer = await desk.client.post(TASKS, json={"name": "x"})
        assert (answer.status_code, answer.json()["error_code"]) == (429, "QUEUE_FULL")
        assert int(answer.headers["retry-after"]) >= 1


async def test_a_bug_is_said_without_its_words(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("secret")

    monkeypatch.setattr(desk.services.tasks, "numbered_page", broken)
    body = await refused(desk, 500, "INTERNAL_ERROR", "GET", TASKS)
    assert "secret" not in str(body)


async def test_messages_are_chinese_unless_english_is_asked_for(desk: Desk) -> None:
    del desk.client.headers["accept-language"]
    for language, word in ((None, "任务"), ("fr", "任务"), ("zh-CN", "任务"), ("en-GB,zh;q=0.5", "task")):
        headers = {"accept-language": language} if language else {}
        for path in (TASKS, f"{TASKS}/nothing"):
            body = (await desk.client.get(path, headers=headers)).json()
            assert word in body["message"]


async def test_the_rest_of_the_api_keeps_its_problems(desk: Desk) -> None:
    for path in ("/api/v1/tasks/nothing", "/api/v1/mvp2x", "/nowhere"):
        assert (await desk.client.get(path)).headers["content-type"] == "application/problem+json"


async def test_a_preflight_from_an_allowed_origin_passes(desk: Desk) -> None:
    headers = {
        "origin": ORIGIN,
        "access-control-request-headers": "X-Requested-With, Content-Type, Authorization",
    }
    for method, path in (("POST", TASKS), ("PUT", f"{TASKS}/x"), ("DELETE", f"{TASKS}/x")):
        asked = headers | {"access-control-request-method": method}
        answer = await desk.client.options(path, headers=asked)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        allowed = answer.headers["access-control-allow-headers"].lower()
        assert all(name in allowed for name in ("x-requested-with", "content-type", "authorization"))
        assert method in answer.headers["access-control-allow-methods"]
        foreign = await desk.client.options(path, headers=asked | {"origin": "https://evil.example.com"})
        assert "access-control-allow-origin" not in foreign.headers
    made = await desk.client.post(TASKS, json={"name": "x"}, headers={"origin": ORIGIN})
    assert (made.status_code, made.headers["access-control-allow-origin"]) == (200, ORIGIN)
