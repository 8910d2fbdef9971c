"""The OpenAPI document is complete, and real answers are what it says."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from tests.support.server import Desk, open_desk, step_event

from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.task import Action

pytestmark = pytest.mark.anyio

PROBLEM = "application/problem+json"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path / "data") as opened:
        yield opened


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def check(document: dict[str, Any], schema: dict[str, Any], value: Any) -> list[str]:
    """What is wrong with a value, by a schema of the document."""
    registry = Registry().with_resource("urn:api", Resource.from_contents(document, DRAFT202012))

    def absolute(node: Any) -> Any:
        if isinstance(node, dict):
            found = {key: absolute(item) for key, item in node.items()}
            if isinstance(node.get("$ref"), str):
                found["$ref"] = "urn:api" + node["$ref"]
            return found
        return [absolute(item) for item in node] if isinstance(node, list) else node

    validator = OAS31Validator(absolute(schema), registry=registry)
    return [f"{'/'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(value)]


async def document_of(desk: Desk) -> dict[str, Any]:
    document: dict[str, Any] = (await desk.client.get("/openapi.json")).json()
    return document


async def test_the_document_is_valid_and_names_every_interface(desk: Desk) -> None:
    document = await document_of(desk)
    validate(document)
    named = {name for name, _ in operations(document)}
    task = "/api/v1/tasks/{task_id}"
    assert named == {
        "GET /health",
        "GET /ready",
        "GET /metrics",
        "GET /config.js",
        "GET /api/v1/system/health",
        "GET /api/v1/system/metrics",
        "GET /api/v1/system/agents/status",
        "POST /api/v1/system/agents/reset",
        "GET /api/v1/teams",
        *(f"GET /api/v1/mvp2/{path}" for path in ("health", "status", "tasks", "tasks/stats")),
        "POST /api/v1/mvp2/tasks",
        *(f"{method} /api/v1/mvp2/tasks/{{task_id}}" for method in ("GET", "PUT", "DELETE")),
        "POST /api/v1/tasks",
        "GET /api/v1/tasks",
        "POST /api/v1/schedules",
        "GET /api/v1/schedules",
        *(f"{method} /api/v1/schedules/{{schedule_id}}" for method in ("GET", "PATCH", "DELETE")),
        "POST /api/v1/schedules/{schedule_id}/run",
        "GET /api/v1/auth/me",
        "GET /api/v1/audit",
        "POST /api/v1/auth/login",
        "POST /api/v1/auth/logout",
        "POST /api/v1/auth/logout-everywhere",
        "POST /api/v1/auth/password",
        "GET /api/v1/keys",
        "POST /api/v1/keys",
        "DELETE /api/v1/keys/{key_id}",
        "GET /api/v1/quota",
        "GET /api/v1/users",
        "POST /api/v1/users",
        "PATCH /api/v1/users/{name}",
        "GET /api/v1/admin/retention",
        "POST /api/v1/admin/retention",
        "POST /api/v1/mvp2/chat/messages",
        "GET /api/v1/mvp2/chat/history",
        "POST /api/v1/mvp2/feedback",
        "GET /api/v1/feedback",
        "GET /api/v1/settings",
        "PUT /api/v1/settings",
        "GET /api/v1/settings/model",
        *(f"GET /api/v1/system/{name}" for name in ("workers", "queue", "errors")),
        *(f"GET {task}/{name}" for name in ("spans", "executions", "checkpoints")),
        f"GET {task}/checkpoints/{{checkpoint_id}}",
        "GET /api/v1/mvp2/analytics/dashboard",
        "GET /api/v1/mvp2/export",
        "POST /api/v1/mvp2/import",
        f"GET {task}",
        f"PATCH {task}",
        f"DELETE {task}",
        f"GET {task}/plan",
        f"GET {task}/events",
        f"GET {task}/events/stream",
        f"GET {task}/artifacts",
        f"GET {task}/artifacts/{{name}}",
        f"GET {task}/questions",
        *(
            f"POST {task}/{action}"
            for action in ("cancel", "pause", "resume", "retry", "answer", "complete", "reopen")
        ),
    }
    assert "WS /ws" in document["info"]["description"]
    assert "HTTPValidationError" not in document["components"]["schemas"]


async def test_every_operation_has_a_summary_a_tag_examples_and_its_errors(desk: Desk) -> None:
    document = await document_of(desk)
    faults = []
    identifiers = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(identifiers)) == len(identifiers)
    for name, operation in operations(document):
        if not operation.get("summary") or not operation.get("tags"):
            faults.append(f"{name}: no summary or tag")
        if not any(status[0] in "45" for status in operation["responses"]):
            faults.append(f"{name}: no errors")
        body = operation.get("requestBody", {"content": {}})
        for where, content in [("request", body["content"])] + [
            (status, response.get("content", {})) for status, response in operation["responses"].items()
        ]:
            for media_type, described in content.items():
                if "schema" not in described or not (described.get("examples") or described.get("example")):
                    faults.append(f"{name}: {where} {media_type} has no schema or example")
        for status, response in operation["responses"].items():
            has_problem = PROBLEM in response.get("content", {}) or "application/json" in response.get(
                "content", {}
            )
            if status[0] in "45" and not has_problem:
                faults.append(f"{name}: {status} is no problem")
            if (
                status in ("429", "503")
                and PROBLEM in response["content"]
                and "Retry-After" not in response["headers"]
            ):
                faults.append(f"{name}: {status} without Retry-After")
    assert faults == []


async def test_the_document_says_who_may_ask_and_what_stands_before_every_route(desk: Desk) -> None:
    document = await document_of(desk)
    assert set(document["components"]["securitySchemes"]) == {"key", "session"}
    found = {name: operation for name, operation in operations(document)}
    public = {name for name, operation in found.items() if operation["security"] == []}
    assert public == {
        *(f"GET /{name}" for name in ("health", "ready", "config.js")),
        *(f"GET /api/v1/{name}" for name in ("auth/me", "mvp2/health")),
        *(f"POST /api/v1/auth/{name}" for name in ("login", "logout")),
    }
    for name, operation in found.items():
        described, is_change = set(operation["responses"]), not name.startswith("GET")
        expected = {"414", "421", "500"} | ({"403"} if is_change else set())
        expected |= set() if name in public else {"401", "429", "503"}
        assert expected <= described, name
    assert "403" not in found["GET /api/v1/settings"]["responses"]
    assert "403" in found["GET /api/v1/tasks"]["responses"]


async def test_every_example_fits_its_schema(desk: Desk) -> None:
    document = await document_of(desk)
    faults = []
    for name, operation in operations(document):
        contents = [("request", operation.get("requestBody", {}).get("content", {}))]
        contents += [
            (status, response.get("content", {})) for status, response in operation["responses"].items()
        ]
        for where, content in contents:
            for media_type, described in content.items():
                for example in described.get("examples", {}).values():
                    if media_type.endswith("json"):
                        faults += [
                            f"{name} {where}: {fault}"
                            for fault in check(document, described["schema"], example["value"])
                        ]
    for model, schema in document["components"]["schemas"].items():
        for example in schema.get("examples", []):
            faults += [f"{model}: {fault}" for fault in check(document, schema, example)]
    assert faults == []


async def test_real_answers_fit_their_schemas(desk: Desk) -> None:
    """One life of a task through every operation; each answer is held against the document."""
    document = await document_of(desk)
    templates = {name: operation for name, operation in operations(document)}
    checked: set[str] = set()
    faults: list[str] = []

    async def call(name: str, *, path: str | None = None, **request: Any) -> httpx.Response:
        method, template = name.split(" ")
        answer = await desk.client.request(method, path or template.replace("{task_id}", task_id), **request)
        checked.add(name)
        response = templates[name]["responses"].get(str(answer.status_code))
        if response is None:
            faults.append(f"{name}: {answer.status_code} is not described: {answer.text}")
        elif answer.content:
            media_type = answer.headers["content-type"].partition(";")[0]
            if media_type.endswith("json"):
                schema = response["content"][media_type]["schema"]
                faults.extend(f"{name}: {fault}" for fault in check(document, schema, answer.json()))
        return answer

    task_id = (
        await call(
            "POST /api/v1/tasks", path="/api/v1/tasks", json={"description": "数", "deadline": "2026-12-31"}
        )
    ).json()["id"]
    task = "/api/v1/tasks/{task_id}"
    for action in ("pause", "resume", "cancel", "retry"):
        await call(f"POST {task}/{action}")
    await call(f"PATCH {task}", json={"priority": 3})
    question = {"id": "1/0/u/1/0", "kind": "approval", "text": "?", "options": [], "subtask_id": None}
    await desk.ask(task_id, question)
    await call(f"GET {task}/questions")
    await call(f"POST {task}/answer", json={"approved": True})
    await desk.plan(task_id)
    await desk.commit(
        task_id,
        step_event(EventType.SUBTASK_STARTED, "read", attempt=1),
        step_event(
            EventType.SUBTASK_FAILED, "read", error={"code": "SKILL_FAILED", "params": {"skill": "x"}}
        ),
    )
    await desk.save(task_id, "r.md", b"# r", "text/markdown", "report")
    await call("GET /api/v1/system/agents/status")
    await desk.finish(task_id, Action.FAIL, error={"code": "WORKFLOW_TIMEOUT", "params": {"limit": 5}})
    for name in ("plan", "events", "artifacts", "spans", "executions", "checkpoints"):
        await call(f"GET {task}/{name}")
    await call(f"GET {task}/artifacts/{{name}}", path=f"/api/v1/tasks/{task_id}/artifacts/r.md")
    await call(f"GET {task}/events/stream")
    await call(f"GET {task}")
    await call("GET /api/v1/tasks", params={"limit": 1})
    await call(f"POST {task}/complete", json={"note": "by hand"})
    await call(f"POST {task}/reopen")
    adapted = "/api/v1/mvp2/tasks"
    await call(f"GET {adapted}/{{task_id}}")
    await call(f"PUT {adapted}/{{task_id}}", json={"priority": "紧急", "deadline": "2026-12-31"})
    await call(f"PUT {adapted}/{{task_id}}", json={"status": "finished"})
    made = await call(f"POST {adapted}", json={"name": "数", "priority": "高"})
    await call(f"POST {adapted}", json={})
    await call(f"GET {adapted}")
    await call(f"GET {adapted}", params={"status": "finished"})
    await call(f"GET {adapted}/stats")
    await call(f"DELETE {adapted}/{{task_id}}", path=f"{adapted}/{made.json()['data']['id']}")
    await call("GET /api/v1/mvp2/status")
    await call("POST /api/v1/system/agents/reset", json={"agent": "desk"})
    for path in ("health", "ready", "metrics", "config.js"):
        await call(f"GET /{path}")
    for path in ("system/health", "system/metrics", "teams", "mvp2/health"):
        await call(f"GET /api/v1/{path}")
    await call(f"DELETE {task}")
    for name in templates:  # and the same for what is not there
        if "{task_id}" in name and "{name}" not in name:
            body = {"json": {"priority": 1}} if name.startswith(("PATCH", "PUT")) else {}
            if name.endswith("/answer"):
                body = {"json": {"question_id": "1", "text": "x"}}
            assert (await call(name, **body)).status_code == 404
    request = {"name": "n", "cron": "0 9 * * *", "task": {"description": "数"}}
    made = (await call("POST /api/v1/schedules", json=request)).json()
    await call("POST /api/v1/schedules", json=request)
    await call("GET /api/v1/schedules")
    schedule, own = "/api/v1/schedules/{schedule_id}", f"/api/v1/schedules/{made['id']}"
    await call(f"GET {schedule}", path=own)
    await call(f"PATCH {schedule}", path=own, json={"is_enabled": False})
    await call(f"POST {schedule}/run", path=f"{own}/run")
    for _ in range(2):
        await call(f"DELETE {schedule}", path=own)
    await call(f"POST {schedule}/run", path=f"{own}/run")
    await call("GET /api/v1/admin/retention")
    await call("POST /api/v1/admin/retention")
    for content in ("创建任务：统计一月订单", "如何重试失败的任务？", "我需要一份销售报告", " "):
        await call("POST /api/v1/mvp2/chat/messages", json={"content": content})
    await call("GET /api/v1/mvp2/chat/history")
    for rating in (5, 6):
        await call("POST /api/v1/mvp2/feedback", json={"type": "general", "rating": rating, "message": "好"})
    await call("GET /api/v1/feedback")
    for theme in ("dark", "pink"):
        await call("PUT /api/v1/settings", json={"theme": theme})
    await call("GET /api/v1/settings")
    await call("GET /api/v1/settings/model")
    for path in ("system/workers", "system/queue", "system/errors", "mvp2/analytics/dashboard"):
        await call(f"GET /api/v1/{path}")
    await call("GET /api/v1/system/errors", params={"hours": 0})
    exported = await call("GET /api/v1/mvp2/export")
    for sent in (exported.content, b"{", b'{"tasks": [{}]}'):
        headers = {"content-type": "application/json"}
        await call("POST /api/v1/mvp2/import", content=sent, headers=headers)
    await call("GET /api/v1/auth/me")
    await call("GET /api/v1/audit")
    await call("GET /api/v1/audit", params={"limit": 0})
    own_page = {"x-requested-with": "fetch"}
    person = {"name": "li", "password": "a long enough secret"}
    await call("POST /api/v1/users", json=person)
    await call("POST /api/v1/users", json=person)
    await call("GET /api/v1/users")
    await call("GET /api/v1/quota")
    await call("PATCH /api/v1/users/{name}", path="/api/v1/users/li", json={"role": "viewer"})
    await call("PATCH /api/v1/users/{name}", path="/api/v1/users/wu", json={"role": "viewer"})
    await call("POST /api/v1/auth/login", json=person, headers=own_page)
    await call("POST /api/v1/auth/login", json={**person, "name": "wu"}, headers=own_page)
    await call("POST /api/v1/auth/logout", headers=own_page)
    mine = {"old_password": person["password"], "password": "another secret, as long"}
    await call("POST /api/v1/auth/password", json=mine)
    await call("POST /api/v1/auth/password", json={"password": ""})
    await call("POST /api/v1/auth/logout-everywhere")
    await call("POST /api/v1/auth/logout")
    key = (await call("POST /api/v1/keys", json={"name": "nightly", "scopes": ["chat"]})).json()
    await call("POST /api/v1/keys", json={"name": "", "role": "user"})
    await call("GET /api/v1/keys")
    await call("DELETE /api/v1/keys/{key_id}", path=f"/api/v1/keys/{key['id']}")
    await call("DELETE /api/v1/keys/{key_id}", path="/api/v1/keys/none")
    assert faults == []
    assert checked == set(templates)
    assert json.dumps(document)
