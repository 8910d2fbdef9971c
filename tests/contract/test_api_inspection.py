"""The dashboard, export and import, and the looks into tasks and the system, over HTTP."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.server import Desk, open_desk, step_event

from langgraph_multi_agent.access import DEFAULT_SCOPE, WORKER_SCOPE
from langgraph_multi_agent.api.v1.operations import COMMANDS, command_for
from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.task import Action
from langgraph_multi_agent.i18n import catalogue
from langgraph_multi_agent.i18n.errors import describe
from langgraph_multi_agent.store import runs
from langgraph_multi_agent.store.analytics import LIFECYCLE
from langgraph_multi_agent.store.runs import Ending

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path / "data") as opened:
        yield opened


async def get(desk: Desk, path: str, **params: Any) -> dict[str, Any]:
    answer = await desk.client.get(f"/api/v1/{path}", params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = answer.json()
    return body


async def one_life(desk: Desk) -> str:
    task = await desk.submit(title="一")
    await desk.commit(
        task["id"],
        step_event(EventType.SUBTASK_STARTED, "read", attempt=1, title="Read"),
        step_event(EventType.SUBTASK_COMPLETED, "read", duration_s=1.5, reused=False),
    )
    await desk.finish(task["id"], Action.COMPLETE)
    return str(task["id"])


async def test_the_dashboard_comes_in_the_envelope_in_both_languages(desk: Desk) -> None:
    await one_life(desk)
    await desk.submit(title="二")
    answer = await desk.client.get("/api/v1/mvp2/analytics/dashboard", headers={"accept-language": "zh"})
    body = answer.json()
    assert (answer.status_code, body["success"], body["message"]) == (200, True, "数据分析")
    data = body["data"]
    assert data["task_stats"] == {
        "total_tasks": 2,
        "completed_tasks": 1,
        "completion_rate": 50.0,
        "in_progress": 0,
        "efficiency_index": 100.0,
        "efficiency_basis": 1,
    }
    assert data["trend_data"][-1]["completed"] == 1
    assert data["category_data"] == [{"category": "测试组", "team": "default", "count": 2, "percentage": 100.0}]
    assert [item["type"] for item in data["recent_activities"]][-1] == "task_submitted"
    assert data["recent_activities"][0]["message"] == "新任务“二”"
    [agent] = data["agent_data"]
    assert (agent["title"], agent["completed"], agent["failed"], agent["median_s"]) == ("办事员", 1, 0, 1.5)
    assert sum(day["created"] for day in data["daily_data"]) == 2
    english = (await get(desk, "mvp2/analytics/dashboard"))["data"]
    assert english["recent_activities"][0]["message"] == "New task “二”"
    assert english["category_data"][0]["category"] == "Test team"


async def test_every_kind_of_activity_has_its_words() -> None:
    for kind in LIFECYCLE:
        assert f"activity.{kind.value.replace('.', '_')}" in catalogue()


async def test_an_export_is_streamed_and_imported_again(desk: Desk) -> None:
    task_id = await one_life(desk)
    answer = await desk.client.get("/api/v1/mvp2/export")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert re.fullmatch(r'attachment; filename="lgma-export-[-0-9]{10}\.json"', answer.headers["content-disposition"])
    body = answer.json()
    assert (body["success"], body["data"]["version"], body["data"]["tasks"][0]["id"]) == (True, "1.0", task_id)
    assert (await desk.client.delete(f"/api/v1/tasks/{task_id}")).status_code in (200, 204)
    for counts in ({"tasks": 1, "messages": 0, "settings": 0}, {"tasks": 0, "messages": 0, "settings": 0}):
        done = await desk.client.post("/api/v1/mvp2/import", json=body)
        assert done.json()["data"] == {"imported_counts": counts}, done.text
    events = await desk.client.get(f"/api/v1/tasks/{task_id}/events")
    assert events.json()["events"][-1]["type"] == "task.completed"
    shown = await desk.client.get(f"/api/v1/tasks/{task_id}")
    assert (shown.json()["status"], shown.json()["result"]) == ("completed", {"summary": "done"})


async def test_what_an_import_leaves_out_is_named(desk: Desk) -> None:
    document = {"user_settings": {"theme": "dark", "font": "serif"}}
    body = (await desk.client.post("/api/v1/mvp2/import", json=document)).json()
    assert body["data"] == {
        "imported_counts": {"tasks": 0, "messages": 0, "settings": 1},
        "ignored": ["user_settings.font"],
    }
    assert "user_settings.font" in body["message"]


async def test_a_refused_import_says_where_in_the_envelope(desk: Desk) -> None:
    headers = {"content-type": "application/json", "accept-language": "zh"}
    for content, status, code, words in (
        (b'{"tasks": [', 400, "IMPORT_UNREADABLE", "第 12 个字符"),
        (b'{"tasks": [{"name": "n", "status": "x"}]}', 422, "INVALID_REQUEST", "tasks[0].status"),
        (b'{"tasks": {}}', 422, "INVALID_REQUEST", "tasks"),
        (b'{"version": "2.0"}', 400, "IMPORT_VERSION_UNKNOWN", "格式版本是 2.0"),
    ):
        answer = await desk.client.post("/api/v1/mvp2/import", content=content, headers=headers)
        body = answer.json()
        assert (answer.status_code, body["success"], body["error_code"]) == (status, False, code), body
        assert words in json.dumps(body, ensure_ascii=False)
        assert body["details"]["hint"]
    other = await desk.client.post("/api/v1/mvp2/import", content=b"a,b", headers={"content-type": "text/csv"})
    assert other.status_code == 415
    foreign = await desk.client.post("/api/v1/mvp2/import", json={}, headers={"origin": "https://evil.example"})
    assert foreign.status_code == 403


async def test_a_worker_and_the_queue_are_seen_over_http(desk: Desk) -> None:
    task = await desk.submit(title="held")
    await desk.claim(task["id"])
    await desk.submit(priority=4)
    body = await get(desk, "system/workers")
    [worker] = body["workers"]
    assert (worker["name"], worker["host"], worker["running"]) == ("test-worker", None, 1)
    assert worker["tasks"][0]["title"] == "held"
    assert worker["oldest_lease_s"] >= 0
    queue = await get(desk, "system/queue")
    assert (queue["waiting"], queue["running"], queue["dead_letters"]["count"]) == (1, 1, 0)
    assert [(item["priority"], item["count"]) for item in queue["by_priority"]] == [(4, 1)]
    assert queue["oldest_wait_s"] == queue["by_priority"][0]["oldest_wait_s"]


async def test_failures_come_with_words_and_a_command_that_exists(desk: Desk) -> None:
    error: dict[str, Any] = {"code": "SKILL_FAILED", "params": {"skill": "tables.trend", "reason": "killed"}}
    task_id = (await desk.submit(title="broken"))["id"]
    await desk.commit(task_id, step_event(EventType.SUBTASK_FAILED, "read", error=error))
    claimed = await desk.claim(task_id)
    ending = Ending(action=Action.FAIL, error={"code": "MODEL_UNAVAILABLE", "params": {"model": "m"}})
    await desk.database.write(WORKER_SCOPE, runs.finish, task_id, claimed.epoch, ending)
    body = await get(desk, "system/errors")
    found = {item["code"]: item for item in body["errors"]}
    assert found["SKILL_FAILED"]["agent"] == "desk"
    assert found["SKILL_FAILED"]["error"]["detail"] == describe("SKILL_FAILED", error["params"], "en").detail
    assert found["SKILL_FAILED"]["command"] == f"lgma tasks show {task_id}"
    assert found["MODEL_UNAVAILABLE"]["command"] == "lgma doctor"
    assert found["MODEL_UNAVAILABLE"]["agent"] is None
    manual = await asyncio.to_thread((ROOT / "docs" / "cli.md").read_text)
    look = await desk.services.inspection.failures(DEFAULT_SCOPE, window=timedelta(days=7))
    for failures in look.failures:
        assert f"`{command_for(failures).removesuffix(' ' + task_id)}`" in manual


async def test_every_command_that_is_offered_stands_in_the_manual() -> None:
    manual = await asyncio.to_thread((ROOT / "docs" / "cli.md").read_text)
    for command in {*COMMANDS.values(), "lgma tasks list", "lgma tasks show", "lgma tasks retry"}:
        assert f"| `{command}` |" in manual
    for code in COMMANDS:
        assert f"error.{code}.title" in catalogue() or code == "AGENT_RESET"


async def test_runs_and_spans_of_a_task_are_seen_over_http(desk: Desk) -> None:
    task_id = await one_life(desk)
    [run] = (await get(desk, f"tasks/{task_id}/executions"))["executions"]
    assert (run["worker"], run["status"], run["epoch"], run["error"]) == ("test-worker", "completed", 1, None)
    line = await get(desk, f"tasks/{task_id}/spans")
    assert line["is_complete"] is True
    assert [(span["kind"], span["status"]) for span in line["spans"]] == [
        ("task", "completed"),
        ("run", "completed"),
        ("subtask", "completed"),
        ("attempt", "completed"),
    ]
    assert (await get(desk, f"tasks/{task_id}/checkpoints"))["checkpoints"] == []
    missing = await desk.client.get(f"/api/v1/tasks/{task_id}/checkpoints/none")
    assert (missing.status_code, missing.json()["code"]) == (404, "CHECKPOINT_NOT_FOUND")
