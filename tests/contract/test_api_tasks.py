"""Tasks over HTTP: submit, list, read, change, decide, delete."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.server import Desk, open_desk, step_event

from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.task import Action

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path / "data") as opened:
        yield opened


def problem_of(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), (
        answer.text
    )
    body: dict[str, Any] = answer.json()
    assert body["code"] == code
    assert body["status"] == status
    assert body["title"]
    assert body["type"].startswith("urn:lgma:problem:")
    return body


async def test_a_submitted_task_is_durable_when_the_answer_comes(desk: Desk) -> None:
    answer = await desk.client.post(
        "/api/v1/tasks",
        json={
            "title": "销售",
            "description": "分析销售",
            "priority": 4,
            "deadline": "2026-12-31",
            "assignee": "李雷",
            "input_data": {"region": "华东"},
            "budget": {"tokens": 1000, "cost": 0.5},
        },
    )
    assert answer.status_code == 202
    task = answer.json()
    assert answer.headers["location"] == f"/api/v1/tasks/{task['id']}"
    assert "idempotent-replayed" not in answer.headers
    read = (await desk.client.get(answer.headers["location"])).json()
    assert read == task
    assert task["status"] == "pending"
    assert task["priority"] == 4
    assert task["deadline"] == "2026-12-31T23:59:59Z"
    assert task["input_data"] == {"region": "华东"}
    assert task["budget"] == {"tokens": 1000, "cost": 0.5}
    assert task["language"] == "zh"
    assert task["last_seq"] == 1
    stored = await desk.services.tasks.get(DEFAULT_SCOPE, task["id"])
    assert stored.assignee == "李雷"


async def test_the_title_is_the_first_line_and_the_language_that_of_the_request(desk: Desk) -> None:
    task = await desk.submit("Count the rows\nand say why")
    assert task["title"] == "Count the rows"
    assert task["language"] == "en"
    assert (await desk.submit("Count the rows", language="zh"))["language"] == "zh"


@pytest.mark.parametrize(
    ("deadline", "stored"),
    [
        ("2026-12-31T10:00:00+08:00", "2026-12-31T02:00:00Z"),
        ("2026-12-31T10:00:00", "2026-12-31T10:00:00Z"),
        ("2026-12-31T10:00:00Z", "2026-12-31T10:00:00Z"),
        (None, None),
    ],
)
async def test_a_deadline_is_a_date_or_a_time(desk: Desk, deadline: str | None, stored: str | None) -> None:
    assert (await desk.submit(deadline=deadline))["deadline"] == stored


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "description", "missing"),
        ({"description": ""}, "description", "empty"),
        ({"description": "  \n"}, "description", "empty"),
        ({"description": 7}, "description", "wrong_type"),
        ({"description": None}, "description", "wrong_type"),
        ({"description": "x", "priority": 5}, "priority", "above_maximum"),
        ({"description": "x", "priority": 0}, "priority", "below_minimum"),
        ({"description": "x", "priority": "high"}, "priority", "wrong_type"),
        ({"description": "x", "priority": 1.5}, "priority", "wrong_type"),
        ({"description": "x", "priority": True}, "priority", "wrong_type"),
        ({"description": "x", "deadline": "tomorrow"}, "deadline", "not_a_date"),
        ({"description": "x", "deadline": "2026-13-01"}, "deadline", "not_a_date"),
        ({"description": "x", "deadline": 20261231}, "deadline", "not_a_date"),
        ({"description": "x", "budget": {"tokens": -1}}, "budget.tokens", "below_minimum"),
        ({"description": "x", "budget": {"cost": "much"}}, "budget.cost", "wrong_type"),
        ({"description": "x", "budget": {"money": 1}}, "budget.money", "unknown_field"),
        ({"description": "x", "input_data": []}, "input_data", "wrong_type"),
        ({"description": "x", "tilte": "typo"}, "tilte", "unknown_field"),
        ({"description": "x", "title": "t" * 501}, "title", "too_long"),
        ({"description": "x" * 20_001}, "description", "too_long"),
        ({"description": "x", "language": "fr"}, "language", "not_allowed"),
        ({"description": "a\x00b"}, "description", "control_character"),
        ({"description": "x", "input_data": {"a": {"b": "\x00"}}}, "input_data.a.b", "control_character"),
        ([1, 2], "body", "wrong_type"),
        ("text", "body", "wrong_type"),
    ],
)
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_bad_input_names_the_field_and_leaves_no_task(
    desk: Desk, body: Any, field: str, code: str, language: str
) -> None:
    answer = await desk.client.post("/api/v1/tasks", json=body, headers={"accept-language": language})
    errors = problem_of(answer, 422, "INVALID_REQUEST")["errors"]
    assert {"field": field, "code": code} in [{k: e[k] for k in ("field", "code")} for e in errors]
    assert all(error["message"] for error in errors)
    assert (await desk.client.get("/api/v1/tasks")).json()["tasks"] == []


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"nul",
        b'{"description": "\xff"}',
        b'{"description": "\\ud800"}',
        b"{'a':1}",
        b'{"priority": NaN}',
    ],
)
async def test_malformed_json_is_said_to_be_that(desk: Desk, body: bytes) -> None:
    answer = await desk.client.post(
        "/api/v1/tasks", content=body, headers={"content-type": "application/json"}
    )
    if body:
        problem_of(answer, 400, "MALFORMED_JSON")
    else:
        problem_of(answer, 422, "INVALID_REQUEST")


async def test_json_nested_too_deeply_is_refused(desk: Desk) -> None:
    for depth in (40, 5000):
        nested = '{"a":' * depth + "1" + "}" * depth
        body = f'{{"description": "x", "input_data": {nested}}}'
        answer = await desk.client.post(
            "/api/v1/tasks", content=body, headers={"content-type": "application/json"}
        )
        assert answer.status_code in (400, 422)
        assert answer.json()["code"] in ("MALFORMED_JSON", "INVALID_REQUEST")


async def test_a_body_over_the_limit_is_refused_before_it_is_read_whole(desk: Desk) -> None:
    sent = 0

    async def flood() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'{"description": "'
        for _ in range(160):
            sent += 65536
            yield b"x" * 65536
        yield b'"}'

    answer = await desk.client.post(
        "/api/v1/tasks", content=flood(), headers={"content-type": "application/json"}
    )
    problem_of(answer, 413, "INPUT_TOO_LARGE")
    assert sent <= desk.services.settings.max_body_bytes + 65536
    big = await desk.client.post("/api/v1/tasks", json={"description": "x" * 10_000_000})
    problem_of(big, 413, "INPUT_TOO_LARGE")


async def test_another_content_type_is_refused(desk: Desk) -> None:
    answer = await desk.client.post("/api/v1/tasks", content=b"a=b", headers={"content-type": "text/plain"})
    assert "multipart/form-data" in problem_of(answer, 415, "UNSUPPORTED_MEDIA_TYPE")["detail"]


async def test_what_the_team_refuses_leaves_no_task(desk: Desk) -> None:
    answer = await desk.client.post("/api/v1/tasks", json={"description": "please write a poem"})
    assert "LLM_MODEL" in problem_of(answer, 422, "MODEL_REQUIRED")["hint"]
    answer = await desk.client.post("/api/v1/tasks", json={"description": "x", "team": "nobody"})
    assert "default" in problem_of(answer, 422, "TEAM_UNKNOWN")["detail"]
    assert (await desk.client.get("/api/v1/tasks")).json()["tasks"] == []


async def test_a_full_queue_says_when_to_come_back(tmp_path: Path) -> None:
    async with open_desk(tmp_path / "data", task_queue_size=2) as desk:
        await desk.submit()
        await desk.submit()
        answer = await desk.client.post("/api/v1/tasks", json={"description": "x"})
        problem_of(answer, 429, "QUEUE_FULL")
        assert int(answer.headers["retry-after"]) >= 1


async def test_a_draining_service_takes_nothing_and_says_when_to_come_back(desk: Desk) -> None:
    task = await desk.submit()
    desk.services.tasks.is_draining = True
    answer = await desk.client.post("/api/v1/tasks", json={"description": "x"})
    problem_of(answer, 503, "DRAINING")
    assert int(answer.headers["retry-after"]) >= 1
    assert (await desk.client.get(f"/api/v1/tasks/{task['id']}")).status_code == 200


async def test_the_same_key_and_body_make_one_task(desk: Desk) -> None:
    headers = {"idempotency-key": "k-1"}
    body = {"description": "once", "input_data": {"b": 1, "a": 2}}
    first = await desk.client.post("/api/v1/tasks", json=body, headers=headers)
    again = await desk.client.post(
        "/api/v1/tasks", json={"input_data": {"a": 2, "b": 1}, "description": "once"}, headers=headers
    )
    assert (again.status_code, again.headers["idempotent-replayed"]) == (202, "true")
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["location"] == first.headers["location"]
    other = await desk.client.post("/api/v1/tasks", json={"description": "twice"}, headers=headers)
    assert first.json()["id"] in problem_of(other, 409, "IDEMPOTENCY_CONFLICT")["detail"]
    assert len((await desk.client.get("/api/v1/tasks")).json()["tasks"]) == 1


async def test_requests_at_the_same_time_with_one_key_make_one_task(desk: Desk) -> None:
    async def submit() -> Any:
        return await desk.client.post(
            "/api/v1/tasks", json={"description": "once"}, headers={"idempotency-key": "race"}
        )

    answers = await asyncio.gather(*(submit() for _ in range(12)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "two words"])
async def test_an_unfit_idempotency_key_is_refused(desk: Desk, key: str) -> None:
    answer = await desk.client.post(
        "/api/v1/tasks", json={"description": "x"}, headers={"idempotency-key": key}
    )
    assert problem_of(answer, 422, "INVALID_REQUEST")["errors"][0]["field"] == "Idempotency-Key"


async def test_pages_stay_stable_while_tasks_are_added(desk: Desk) -> None:
    made = [(await desk.submit(f"task {number}"))["id"] for number in range(7)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await desk.client.get("/api/v1/tasks", params=params)).json()
        seen += [task["id"] for task in page["tasks"]]
        await desk.submit("added meanwhile")
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == made[::-1]


async def test_filters_choose(desk: Desk) -> None:
    first = await desk.submit("alpha", priority=1, assignee="Han Meimei")
    second = await desk.submit("beta 100%", priority=4)
    await desk.claim(first["id"])
    await desk.finish(first["id"])

    async def ids(**params: Any) -> list[str]:
        answer = await desk.client.get("/api/v1/tasks", params=params)
        return [task["id"] for task in answer.json()["tasks"]]

    assert await ids(status="completed") == [first["id"]]
    assert await ids(status=["completed", "in_progress"]) == [second["id"], first["id"]]
    assert await ids(priority=4) == [second["id"]]
    assert await ids(assignee="Mei") == [first["id"]]
    assert await ids(q="100%") == [second["id"]]
    assert await ids(q="%") == [second["id"]]
    assert await ids(created_after=second["created_at"]) == [second["id"]]
    assert await ids(created_before=second["created_at"]) == [first["id"]]
    assert await ids(team="other") == []


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 501}, "limit"),
        ({"status": "done"}, "status.0"),
        ({"priority": 9}, "priority.0"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": "W10"}, "cursor"),
        ({"created_after": "never"}, "created_after"),
        ({"created_after": "0001-01-01T00:00:00+14:00"}, "created_after"),
        ({"created_before": "9999-12-31T23:59:59-14:00"}, "created_before"),
    ],
)
async def test_a_bad_filter_names_the_parameter(desk: Desk, params: dict[str, Any], field: str) -> None:
    answer = await desk.client.get("/api/v1/tasks", params=params)
    assert problem_of(answer, 422, "INVALID_REQUEST")["errors"][0]["field"] == field


async def test_changes_keep_what_is_not_named(desk: Desk) -> None:
    task = await desk.submit("first", title="keep", assignee="a", deadline="2026-12-31")
    path = f"/api/v1/tasks/{task['id']}"
    changed = (
        await desk.client.patch(path, json={"priority": 4, "deadline": None, "budget": {"tokens": 5}})
    ).json()
    assert (changed["priority"], changed["deadline"], changed["budget"]) == (
        4,
        None,
        {"tokens": 5, "cost": None},
    )
    assert (changed["title"], changed["assignee"], changed["description"]) == ("keep", "a", "first")
    assert (await desk.client.patch(path, json={"description": "second"})).json()["description"] == "second"
    problem_of(await desk.client.patch(path, json={"status": "completed"}), 422, "INVALID_REQUEST")
    problem_of(await desk.client.patch(path, json={"title": ""}), 422, "INVALID_REQUEST")
    problem_of(await desk.client.patch(path, json={"title": None}), 422, "INVALID_REQUEST")
    problem_of(await desk.client.patch(path, json={}), 422, "INVALID_REQUEST")
    problem_of(await desk.client.patch(path, json={"description": "x" * 20_001}), 422, "INVALID_REQUEST")
    await desk.claim(task["id"])
    problem_of(await desk.client.patch(path, json={"description": "third"}), 409, "ILLEGAL_TRANSITION")
    events = (await desk.client.get(f"{path}/events")).json()["events"]
    assert [event["type"] for event in events].count("task.updated") == 2


async def test_decisions_follow_the_transition_table(desk: Desk) -> None:
    task_id = (await desk.submit())["id"]

    async def act(action: str, status: int, body: Any = None) -> dict[str, Any]:
        answer = await desk.client.post(f"/api/v1/tasks/{task_id}/{action}", json=body)
        assert answer.status_code == status, answer.text
        decided: dict[str, Any] = answer.json()
        return decided

    assert (await act("resume", 409))["code"] == "ILLEGAL_TRANSITION"
    assert (await act("retry", 409))["code"] == "ILLEGAL_TRANSITION"
    assert (await act("pause", 200))["status"] == "paused"
    assert (await act("pause", 409))["code"] == "ILLEGAL_TRANSITION"
    assert (await act("resume", 200))["status"] == "pending"
    assert (await act("cancel", 200))["status"] == "cancelled"
    assert (await act("cancel", 409))["code"] == "ILLEGAL_TRANSITION"
    assert (await act("complete", 409))["code"] == "ILLEGAL_TRANSITION"
    retried = await act("retry", 200)
    assert (retried["status"], retried["generation"]) == ("pending", 2)
    completed = await act("complete", 200, {"note": "by hand"})
    assert (completed["status"], completed["progress"], completed["result"]) == ("completed", 100, None)
    assert completed["status_detail"] == "completed_by_person"
    assert (await act("reopen", 200))["generation"] == 3
    assert (await act("complete", 422, {"notes": "typo"}))["code"] == "INVALID_REQUEST"


async def test_cancel_answers_when_the_work_has_stopped(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("langgraph_multi_agent.service.tasks.STOP_WAIT_S", 60.0)
    task_id = (await desk.submit())["id"]
    await desk.claim(task_id)
    asked = asyncio.create_task(desk.client.post(f"/api/v1/tasks/{task_id}/cancel"))
    async with desk.feed.listen(task_id) as listener:
        while (await desk.services.tasks.get(DEFAULT_SCOPE, task_id)).status_detail != "cancelling":
            await listener.wait(1)
    assert not asked.done()
    await desk.finish(task_id, Action.CANCEL)
    answer = await asked
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")


async def test_cancel_says_that_the_work_has_not_stopped_yet(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("langgraph_multi_agent.service.tasks.STOP_WAIT_S", 0.05)
    task_id = (await desk.submit())["id"]
    await desk.claim(task_id)
    answer = await desk.client.post(f"/api/v1/tasks/{task_id}/cancel")
    assert (answer.status_code, answer.json()["status_detail"]) == (202, "cancelling")
    problem_of(await desk.client.delete(f"/api/v1/tasks/{task_id}"), 409, "ILLEGAL_TRANSITION")


async def test_a_failed_task_says_why_in_the_language_of_the_reader(desk: Desk) -> None:
    task_id = (await desk.submit())["id"]
    error = {"code": "WORKFLOW_TIMEOUT", "params": {"limit_s": 3600.0}}
    await desk.finish(task_id, Action.FAIL, error=error)
    path = f"/api/v1/tasks/{task_id}"
    words = {}
    for language in ("zh", "en"):
        shown = (await desk.client.get(path, headers={"accept-language": language})).json()["error"]
        assert (shown["code"], shown["params"]) == ("WORKFLOW_TIMEOUT", {"limit_s": 3600.0})
        assert "3600" in shown["detail"]
        assert shown["title"]
        assert shown["hint"]
        words[language] = shown["detail"]
    assert words["zh"] != words["en"]
    event = (await desk.client.get(f"{path}/events")).json()["events"][-1]
    assert event["data"]["error"]["detail"] == words["en"]


async def test_questions_are_answered_once(desk: Desk) -> None:
    task_id = (await desk.submit())["id"]
    path = f"/api/v1/tasks/{task_id}"
    question = {
        "id": "1/0/understand/1/0",
        "kind": "clarification",
        "text": "Which file?",
        "options": ["a.csv", "b.csv"],
        "subtask_id": None,
    }
    nothing = await desk.client.post(f"{path}/answer", json={"text": "a.csv"})
    assert problem_of(nothing, 422, "INVALID_REQUEST")["errors"][0]["code"] == "nothing_to_answer"
    await desk.ask(task_id, question)
    assert (await desk.client.get(path)).json()["status"] == "waiting_input"
    assert (await desk.client.get(f"{path}/questions")).json() == {"questions": [question]}
    wrong = await desk.client.post(f"{path}/answer", json={"text": "c.csv"})
    assert problem_of(wrong, 422, "INVALID_REQUEST")["errors"][0]["code"] == "invalid_answer"
    unknown = await desk.client.post(f"{path}/answer", json={"question_id": "9", "text": "a.csv"})
    problem_of(unknown, 404, "QUESTION_NOT_FOUND")
    answered = await desk.client.post(f"{path}/answer", json={"question_id": question["id"], "text": "a.csv"})
    assert (answered.status_code, answered.json()["status"]) == (200, "pending")
    assert (await desk.client.get(f"{path}/questions")).json() == {"questions": []}
    await desk.claim(task_id)
    twice = await desk.client.post(f"{path}/answer", json={"question_id": question["id"], "text": "b.csv"})
    problem_of(twice, 409, "ALREADY_ANSWERED")


async def test_a_deleted_task_is_gone(desk: Desk) -> None:
    task_id = (await desk.submit())["id"]
    await desk.finish(task_id)
    answer = await desk.client.delete(f"/api/v1/tasks/{task_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    for suffix in ("", "/plan", "/events", "/events/stream", "/artifacts", "/artifacts/x", "/questions"):
        problem_of(await desk.client.get(f"/api/v1/tasks/{task_id}{suffix}"), 404, "TASK_NOT_FOUND")
    for action in ("cancel", "pause", "resume", "retry", "reopen", "complete"):
        problem_of(await desk.client.post(f"/api/v1/tasks/{task_id}/{action}"), 404, "TASK_NOT_FOUND")
    problem_of(await desk.client.delete(f"/api/v1/tasks/{task_id}"), 404, "TASK_NOT_FOUND")


async def test_the_plan_shows_each_subtask_as_it_stands(desk: Desk) -> None:
    task_id = (await desk.submit())["id"]
    path = f"/api/v1/tasks/{task_id}/plan"
    assert (await desk.client.get(path)).json() == {
        "revision": 0,
        "revisions": [],
        "reason": "",
        "subtasks": [],
    }
    await desk.plan(task_id)
    await desk.commit(task_id, step_event(EventType.SUBTASK_STARTED, "read", attempt=1))
    await desk.commit(
        task_id,
        step_event(EventType.SUBTASK_COMPLETED, "read", summary="read it"),
        step_event(EventType.SUBTASK_STARTED, "write", attempt=1),
    )
    await desk.commit(
        task_id, step_event(EventType.SUBTASK_FAILED, "write", error={"code": "SKILL_FAILED", "params": {}})
    )
    plan = (await desk.client.get(path)).json()
    assert plan["revision"] == 1
    states = {item["id"]: item["status"] for item in plan["subtasks"]}
    assert states == {"read": "completed", "write": "failed"}
    assert plan["subtasks"][0]["summary"] == "read it"
    assert plan["subtasks"][1]["depends_on"] == ["read"]
    assert plan["subtasks"][1]["error"]["title"]
    problem_of(await desk.client.get(path, params={"revision": 2}), 404, "PLAN_NOT_FOUND")


async def test_events_are_paged_without_gaps(desk: Desk) -> None:
    task_id = (await desk.submit())["id"]
    await desk.plan(task_id)
    for _ in range(5):
        await desk.commit(task_id, step_event(EventType.TOOL_CALLED, "read"))
    seen: list[int] = []
    after = 0
    while page := (
        await desk.client.get(f"/api/v1/tasks/{task_id}/events", params={"after": after, "limit": 3})
    ).json():
        if not page["events"]:
            assert page["next"] == after
            break
        seen += [event["seq"] for event in page["events"]]
        after = page["next"]
    assert seen == list(range(1, 9))
    problem_of(
        await desk.client.get(f"/api/v1/tasks/{task_id}/events", params={"after": -1}), 422, "INVALID_REQUEST"
    )
    assert json.dumps(page)
