"""Health, metrics, agents, pages, origins, and what every answer has in common."""

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from tests.support.server import Desk, open_desk, serving, step_event
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.access.policy import Role
from langgraph_multi_agent.api import pages
from langgraph_multi_agent.api.middleware import MAX_TARGET_BYTES
from langgraph_multi_agent.artifacts.directory import DirectoryArtifacts
from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.task import Action
from langgraph_multi_agent.service.health import DependencyHealth
from langgraph_multi_agent.service.rests import Rests
from langgraph_multi_agent.store import tasks as task_store
from langgraph_multi_agent.telemetry.logs import configure_logs

pytestmark = pytest.mark.anyio

ORIGIN = "https://app.example.com"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path / "data", cors_origins=[ORIGIN]) as opened:
        yield opened


@pytest.fixture
def records() -> Iterator[list[dict[str, Any]]]:
    """What is logged, read back as JSON."""
    root = logging.getLogger()
    kept, level, stream = root.handlers[:], root.level, io.StringIO()
    configure_logs(level="INFO", stream=stream)
    found: list[dict[str, Any]] = []

    class Lines(list[dict[str, Any]]):
        def __iter__(self) -> Iterator[dict[str, Any]]:
            return iter(json.loads(line) for line in stream.getvalue().splitlines())

    found = Lines()
    yield found
    root.handlers[:] = kept
    root.setLevel(level)
    structlog.reset_defaults()


async def test_liveness_asks_nothing_and_readiness_asks_everything(desk: Desk) -> None:
    live = await desk.client.get("/health")
    assert (live.status_code, live.json()["status"], live.json()["service"]) == (
        200,
        "healthy",
        "langgraph-multi-agent",
    )
    assert (await desk.client.get("/ready")).json()["status"] == "ready"
    system = (await desk.client.get("/api/v1/system/health")).json()
    assert system["status"] == "healthy"
    assert {item["name"]: item["status"] for item in system["dependencies"]} == {
        "database": "ok",
        "artifacts": "ok",
        "model": "ok",
    }
    adapter = (await desk.client.get("/api/v1/mvp2/health")).json()
    assert (adapter["success"], adapter["status"], adapter["service"]) == (True, "healthy", "mvp2-adapter")
    for path in ("/health", "/ready"):
        head = await desk.client.head(path)
        assert (head.status_code, head.content) == (200, b"")


async def test_whoever_asks_for_readiness_without_end_causes_one_write(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = 0
    kept = DirectoryArtifacts.put

    async def counted(store: DirectoryArtifacts, content: bytes) -> Any:
        nonlocal writes
        writes += 1
        return await kept(store, content)

    monkeypatch.setattr(DirectoryArtifacts, "put", counted)
    # A clock that stands: the answer rests however slow this machine is.
    monkeypatch.setattr(desk.services.health, "_writes", Rests[DependencyHealth](monotonic=lambda: 0.0))
    answers = [await desk.client.get("/ready") for _ in range(20)]
    answers += await asyncio.gather(*(desk.client.get("/ready") for _ in range(20)))
    assert {answer.json()["status"] for answer in answers} == {"ready"}
    assert writes == 1
    desk.services.tasks.is_draining = True
    assert (await desk.client.get("/ready")).status_code == 503  # that is never told from memory


async def test_a_draining_process_is_alive_and_not_ready(desk: Desk) -> None:
    desk.services.tasks.is_draining = True
    answer = await desk.client.get("/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "DRAINING")
    assert int(answer.headers["retry-after"]) >= 1
    assert (await desk.client.get("/health")).status_code == 200
    assert (await desk.client.get("/api/v1/system/health")).json()["draining"] is True


async def test_a_database_that_is_gone_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_store: Any) -> Any:
        raise OSError("disk I/O error at /secret/path")

    monkeypatch.setattr(task_store, "answers", broken)
    answer = await desk.client.get("/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "DEPENDENCY_UNAVAILABLE")
    assert "database" in answer.json()["detail"]
    system = await desk.client.get("/api/v1/system/health")
    assert (system.status_code, system.json()["status"]) == (503, "unhealthy")
    adapter = await desk.client.get("/api/v1/mvp2/health")
    assert (adapter.status_code, adapter.json()["success"]) == (503, False)
    assert "/secret/path" not in answer.text + system.text + adapter.text
    assert "http_requests_total" in (await desk.client.get("/metrics")).text


async def test_metrics_count_routes_and_not_ids(desk: Desk) -> None:
    first, second = await desk.submit(), await desk.submit()
    await desk.client.get(f"/api/v1/tasks/{first['id']}")
    await desk.client.get(f"/api/v1/tasks/{first['id']}/artifacts/none.txt")
    await desk.client.get("/nowhere/at/all")
    await desk.client.request("BREW", "/health")
    await desk.client.get("/api/v1/tasks/x/cancel")
    await desk.claim(second["id"])
    for path in ("/metrics", "/api/v1/system/metrics"):
        answer = await desk.client.get(path)
        assert answer.headers["content-type"].startswith("text/plain")
        shown = answer.text
        assert 'http_requests_total{method="POST",route="/api/v1/tasks",status="202"} 2.0' in shown
        assert 'http_requests_total{method="GET",route="/api/v1/tasks/{task_id}",status="200"} 1.0' in shown
        artifacts = "/api/v1/tasks/{task_id}/artifacts/{name}"
        assert f'http_requests_total{{method="GET",route="{artifacts}",status="404"}} 1.0' in shown
        assert 'http_requests_total{method="GET",route="unmatched",status="404"} 1.0' in shown
        assert 'http_request_duration_seconds_count{method="POST",route="/api/v1/tasks"} 2.0' in shown
        assert 'langgraph_tasks_total{status="pending"} 2.0' in shown
        assert "langgraph_tasks_active 2.0" in shown
        assert "langgraph_task_queue_length 0.0" in shown
        assert first["id"] not in shown


async def test_agents_show_their_work_and_a_reset_starts_anew(desk: Desk) -> None:
    task_id = (await desk.submit())["id"]
    await desk.commit(task_id, step_event(EventType.SUBTASK_STARTED, "read", attempt=1))
    agents = {
        agent["name"]: agent
        for agent in (await desk.client.get("/api/v1/system/agents/status")).json()["agents"]
    }
    assert agents["desk"]["state"] == "busy"
    assert agents["desk"]["title"] == "Desk"
    assert [(work["task_id"], work["subtask_id"]) for work in agents["desk"]["current"]] == [
        (task_id, "read")
    ]
    assert agents["lead"]["state"] == "idle"
    await desk.commit(task_id, step_event(EventType.SUBTASK_COMPLETED, "read"))
    path = "/api/v1/system/agents/reset"
    async with desk.feed.listen("control") as control:
        first = (await desk.client.post(path, json={"agent": "desk"})).json()
        assert {"reset_agent": "desk"}.items() <= control.take_ephemeral()[0].items()
    again = (await desk.client.post(path, params={"agent": "desk"})).json()
    for answer in (first, again):
        assert (answer["completed"], answer["failed"], answer["success_rate"]) == (0, 0, None)
        assert answer["last_reset"] is not None
    unknown = await desk.client.post(path, json={"agent": "nobody"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "AGENT_NOT_FOUND")
    nothing = await desk.client.post(path)
    assert (nothing.status_code, nothing.json()["errors"][0]["field"]) == (422, "agent")


async def test_teams_are_listed_with_their_agents(desk: Desk) -> None:
    (team,) = (await desk.client.get("/api/v1/teams", headers={"accept-language": "zh"})).json()["teams"]
    assert (team["name"], team["title"]) == ("default", "测试组")
    assert [agent["name"] for agent in team["agents"]] == ["desk"]


async def test_every_answer_has_a_request_id_and_a_record(desk: Desk, records: list[dict[str, Any]]) -> None:
    given = await desk.client.get("/api/v1/tasks/none", headers={"x-request-id": "abc-123"})
    assert given.headers["x-request-id"] == "abc-123"
    assert given.json()["request_id"] == "abc-123"
    odd = await desk.client.get("/api/v1/teams", headers={"x-request-id": "<script>" * 20})
    assert odd.headers["x-request-id"] != "<script>" * 20
    await desk.client.get("/health")
    (first, second) = [record for record in records if record.get("event.action") == "http.request"]
    assert first["http.request.id"] == "abc-123"
    assert first["http.route"] == "/api/v1/tasks/{task_id}"
    assert first["http.response.status_code"] == 404
    assert first["url.path"] == "/api/v1/tasks/none"
    assert second["http.response.status_code"] == 200


async def test_a_bug_is_a_problem_without_its_words(
    desk: Desk, records: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(desk.services.tasks, "get", bug)
    answer = await desk.client.get("/api/v1/tasks/x", headers={"x-request-id": "bug-1"})
    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL_ERROR")
    assert "secret" not in answer.text
    assert "ZeroDivisionError" not in answer.text
    assert answer.headers["x-request-id"] == "bug-1"
    (error,) = [record for record in records if record.get("event.action") == "http.error"]
    assert error["http.request.id"] == "bug-1"
    assert "secret detail" in error["error.stack_trace"]
    assert 'langgraph_errors_total{type="INTERNAL_ERROR"} 1.0' in (await desk.client.get("/metrics")).text


async def test_an_address_that_is_too_long_is_refused_and_not_repeated(
    desk: Desk, records: list[dict[str, Any]]
) -> None:
    hostile = "/api/v1/://u:pw" + "/canary" * 1500
    for target in (hostile, "/api/v1/tasks?q=canary" + "x" * MAX_TARGET_BYTES, "/" + "%E4%BD%A0" * 1000):
        for language, title in (("en", "The address is too long"), ("zh", "地址太长")):
            answer = await desk.client.get(target, headers={"accept-language": language})
            body = answer.json()
            assert (answer.status_code, body["code"], body["title"]) == (414, "URI_TOO_LONG", title)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["x-request-id"] == body["request_id"]
            assert "instance" not in body
            assert "canary" not in answer.text
    adapter = await desk.client.post("/api/v1/mvp2/tasks?x=" + "x" * MAX_TARGET_BYTES)
    assert (adapter.status_code, adapter.json()["error_code"]) == (414, "URI_TOO_LONG")
    head = await desk.client.head(hostile)
    assert (head.status_code, head.content) == (414, b"")
    logged = [record["url.path"] for record in records if record.get("event.action") == "http.request"]
    assert len(logged) == 8
    assert max(map(len, logged)) <= 201
    rest = MAX_TARGET_BYTES - len("/api/v1/teams") - len("x=")
    assert (await desk.client.get("/api/v1/teams?x=" + "y" * rest)).status_code == 200
    assert (await desk.client.get("/api/v1/teams?x=" + "y" * (rest + 1))).status_code == 414


async def test_a_web_socket_under_an_address_that_is_too_long_is_refused(desk: Desk) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    scope = {
        "type": "websocket",
        "path": "/ws",
        "raw_path": b"/ws",
        "query_string": b"x" * MAX_TARGET_BYTES,
        "headers": [(b"host", b"localhost")],
        "extensions": {"websocket.http.response": {}},
    }
    await desk.app(scope, receive, send)
    assert [message["type"] for message in sent] == ["websocket.http.response.start", "websocket.http.response.body"]
    assert sent[0]["status"] == 414


@pytest.mark.parametrize("path", ["/nowhere", "/api/v1/nowhere", "/api/v2/tasks", "/docs/", "/api/v1/tasks/"])
async def test_an_unknown_path_is_a_problem(desk: Desk, path: str) -> None:
    answer = await desk.client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "ROUTE_NOT_FOUND")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/api/v1/tasks"), ("GET", "/api/v1/tasks/x/cancel"), ("DELETE", "/health")]
)
async def test_a_wrong_method_is_a_problem_that_names_the_right_ones(
    desk: Desk, method: str, path: str
) -> None:
    answer = await desk.client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"]


async def test_the_words_follow_the_caller_and_zh_is_the_default(desk: Desk) -> None:
    async def title(header: str | None) -> str:
        headers = {"accept-language": header} if header is not None else {}
        request = desk.client.build_request("GET", "/api/v1/tasks/none", headers=headers)
        if header is None:
            del request.headers["accept-language"]
        found: str = (await desk.client.send(request)).json()["title"]
        return found

    assert await title("en-GB,en;q=0.9") == "No such task"
    assert await title("zh-CN") == "任务不存在"
    assert await title("de") == "任务不存在"
    assert await title(None) == "任务不存在"


async def test_a_preflight_of_an_allowed_origin_passes_and_no_other(desk: Desk) -> None:
    ask = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "X-Requested-With, Content-Type, Authorization, "
        "Idempotency-Key, Last-Event-ID",
    }
    passed = await desk.client.options("/api/v1/tasks", headers={"origin": ORIGIN, **ask})
    assert passed.status_code == 200
    assert passed.headers["access-control-allow-origin"] == ORIGIN
    allowed = passed.headers["access-control-allow-headers"].lower()
    assert all(name.strip().lower() in allowed for name in ask["access-control-request-headers"].split(","))
    refused = await desk.client.options("/api/v1/tasks", headers={"origin": "https://evil.example", **ask})
    assert "access-control-allow-origin" not in refused.headers
    plain = await desk.client.get("/api/v1/teams", headers={"origin": ORIGIN})
    assert plain.headers["access-control-allow-origin"] == ORIGIN
    assert plain.headers["access-control-allow-credentials"] == "true"
    without = await desk.client.get("/api/v1/teams")
    for answer in (passed, plain, without):
        assert answer.headers["vary"].split(", ").count("Origin") == 1


async def test_a_foreign_page_cannot_change_anything(desk: Desk) -> None:
    task = await desk.submit()
    for headers, status in (
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:9"}, 200),
        ({"origin": "http://localhost"}, 409),
    ):
        answer = await desk.client.post(f"/api/v1/tasks/{task['id']}/pause", headers=headers)
        assert answer.status_code == status, headers
    form = await desk.client.post(
        "/api/v1/tasks", files={"description": (None, "x")}, headers={"origin": "https://evil.example"}
    )
    assert (form.status_code, form.json()["code"]) == (403, "ORIGIN_NOT_ALLOWED")


async def test_the_front_end_gets_relative_addresses(desk: Desk) -> None:
    answer = await desk.client.get("/config.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    body = answer.text.removeprefix("window.API_CONFIG = ").rstrip(";\n")
    config = json.loads(body)
    assert set(config) == {"BASE_URL", "WS_URL", "TIMEOUT", "RETRY_ATTEMPTS"}
    assert config["BASE_URL"].startswith("/")
    assert config["WS_URL"].startswith("/")


async def test_the_packaged_pages_are_served_with_a_strict_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = tmp_path / "web"
    (web / "assets").mkdir(parents=True)
    (web / "index.html").write_text("<!doctype html><title>页面</title>")
    (web / "app.js").write_text("export {}")
    (web / "assets" / "a.0f1e.css").write_text("a{}")
    (tmp_path / "secret.txt").write_text("secret")
    monkeypatch.setattr(pages.Pages.__init__, "__defaults__", (web,))
    async with open_desk(tmp_path / "data") as desk:
        page = await desk.client.get("/")
        assert page.status_code == 200
        assert "页面" in page.text
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["content-security-policy"].startswith("default-src 'self'")
        assert "unsafe-inline" not in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-cache"
        script = await desk.client.get("/app.js")
        assert script.headers["content-type"].startswith("text/javascript")
        fresh = await desk.client.get("/app.js", headers={"if-none-match": script.headers["etag"]})
        assert fresh.status_code == 304
        assert "immutable" in (await desk.client.get("/assets/a.0f1e.css")).headers["cache-control"]
        for path in ("/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/missing.js", "/a%00.js"):
            assert (await desk.client.get(path)).json()["code"] == "ROUTE_NOT_FOUND"
        assert (await desk.client.post("/")).status_code == 405
        assert (await desk.client.get("/health")).status_code == 200


async def test_without_pages_the_root_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages.Pages.__init__, "__defaults__", (tmp_path / "none",))
    async with open_desk(tmp_path / "data") as desk:
        answer = await desk.client.get("/")
        assert (answer.status_code, answer.json()["code"]) == (404, "ROUTE_NOT_FOUND")


async def test_the_reference_needs_no_other_host(desk: Desk) -> None:
    answer = await desk.client.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert "POST /api/v1/tasks" in answer.text
    assert "http://" not in answer.text
    assert "https://" not in answer.text
    assert "<script" not in answer.text


async def test_a_task_that_ended_is_counted_no_more_as_active(desk: Desk) -> None:
    task_id = (await desk.submit())["id"]
    await desk.claim(task_id)
    assert "langgraph_tasks_active 1.0" in (await desk.client.get("/metrics")).text
    await desk.finish(task_id, Action.CANCEL)
    assert "langgraph_tasks_active 0.0" in (await desk.client.get("/metrics")).text


async def test_a_name_that_anybody_can_point_here_is_refused_while_nobody_is_asked_who_they_are(
    tmp_path: Path,
) -> None:
    names = {
        "localhost": 200,
        "LOCALHOST:8000": 200,
        "app.localhost": 200,
        "127.0.0.1:8000": 200,
        "[::1]:8000": 200,
        "192.0.2.7": 200,
        "evil.example": 421,
        "localhost.evil.example": 421,
        "127.0.0.1.evil.example": 421,
        "[::1": 421,
    }
    async with open_desk(tmp_path / "open") as desk:
        for host, status in names.items():
            answer = await desk.client.get("/api/v1/tasks", headers={"host": host})
            assert (host, answer.status_code) == (host, status)
        assert answer.json()["code"] == "HOST_NOT_ALLOWED"
        for language in ("zh", "en"):
            answer = await desk.client.get("/", headers={"host": "evil.example", "accept-language": language})
            hint = answer.json()["hint"]
            assert 0 < hint.index("TRUSTED_HOSTS") < hint.index("ENABLE_AUTH")
        for probe in ("/health", "/ready"):
            assert (await desk.client.get(probe, headers={"host": "evil.example"})).status_code == 200
        async with serving(desk.app) as address:
            _, _, port = address.rpartition(":")
            with pytest.raises(InvalidStatus) as refused:
                await connect("ws://evil.example/ws", host="127.0.0.1", port=int(port), open_timeout=60)
            assert refused.value.response.status_code == 421
    async with open_desk(tmp_path / "named", trusted_hosts=["lgma.example", "*.corp.example"]) as desk:
        for host, status in {"lgma.example": 200, "a.corp.example:1": 200, "localhost": 421}.items():
            answer = await desk.client.get("/api/v1/tasks", headers={"host": host})
            assert (host, answer.status_code) == (host, status)
    async with open_desk(tmp_path / "asking", enable_auth=True) as desk:
        answer = await desk.client.get("/health", headers={"host": "evil.example"})
        assert answer.status_code == 200


async def test_health_counts_the_tasks_of_the_callers_tenant_only(tmp_path: Path) -> None:
    async with open_desk(tmp_path, enable_auth=True) as desk:
        headers = {}
        for tenant in ("default", "island"):
            scope = Scope(tenant=tenant, actor="root")
            made = await desk.services.identities.create_key(scope, name="k", role=Role.USER)
            headers[tenant] = {"authorization": f"Bearer {made.secret}"}
        body = {"description": "harbour"}
        assert (await desk.client.post("/api/v1/tasks", json=body, headers=headers["default"])).status_code == 202
        counts = {
            tenant: sum((await desk.client.get("/api/v1/system/health", headers=header)).json()["tasks"].values())
            for tenant, header in headers.items()
        }
        assert counts == {"default": 1, "island": 0}


async def test_whoever_asks_for_the_adapters_health_without_end_costs_a_few_checks(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[bytes] = []
    put = desk.artifacts.put

    async def counted(content: bytes) -> Any:
        written.append(content)
        return await put(content)

    monkeypatch.setattr(desk.artifacts, "put", counted)
    monkeypatch.setattr(desk.services.health._checks, "_monotonic", lambda: 0.0)
    for _ in range(20):
        assert (await desk.client.get("/api/v1/mvp2/health")).status_code == 200
    assert written == [b"probe"]
