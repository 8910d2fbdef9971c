"""What every address of the OpenAPI document says to a request that it cannot take."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.server import Desk, open_desk

from langgraph_multi_agent.api.middleware import PAGE_METHODS

pytestmark = pytest.mark.anyio

ORIGIN = "https://app.example.com"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "PROPFIND")
JSON = {"content-type": "application/json"}
BODIES: dict[str, tuple[bytes, dict[str, str]]] = {
    "nothing": (b"", {}),
    "nothing, as JSON": (b"", JSON),
    "nothing, as a form": (b"", {"content-type": "multipart/form-data; boundary=b"}),
    "cut off": (b'{"name": ', JSON),
    "not UTF-8": (b"\xff\xfe{", JSON),
    "a list": (b"[]", JSON),
    "a number": (b"7", JSON),
    "null": (b"null", JSON),
    "NaN": (b'{"name": NaN}', JSON),
    "too deep": (b"[" * 5000, JSON),
    "a NUL": (b'{"name": "\\u0000", "description": "\\u0000"}', JSON),
    "of no type": (b'{"name": "x"}', {}),
    "of a type that is none": (b"{}", {"content-type": ";;;"}),
    "a form that is none": (b"x", {"content-type": "multipart/form-data; boundary=b"}),
    "a form without a boundary": (b"x", {"content-type": "multipart/form-data"}),
    "text": (b"hello", {"content-type": "text/plain"}),
}
EMPTY = [name for name in BODIES if name.startswith("nothing")]
TAKES_NOTHING_TOO = ("POST /api/v1/tasks/{task_id}/complete", "POST /api/v1/system/agents/reset")
"""Whose body may be left out; the second then wants its agent in the address."""
GOOD = (("a NUL", "/api/v1/mvp2/import"),)
"""An import leaves alone what it does not know."""


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path / "data", cors_origins=[ORIGIN]) as opened:
        yield opened


async def addresses(desk: Desk) -> dict[str, tuple[str, dict[str, Any]]]:
    """Template → an address where there is something, and the template's operations by method."""
    task = await desk.submit("x")
    schedule = {"name": "s", "cron": "0 8 * * *", "task": {"description": "x"}}
    made = (await desk.client.post("/api/v1/schedules", json=schedule)).json()
    names = {"task_id": task["id"], "schedule_id": made["id"], "name": "report.md", "checkpoint_id": "1"}
    names["key_id"] = (await desk.client.post("/api/v1/keys", json={"name": "k"})).json()["id"]
    document = (await desk.client.get("/openapi.json")).json()
    return {
        path: (path.format(**names), {method.upper(): operation for method, operation in methods.items()})
        for path, methods in document["paths"].items()
    }


def refused(answer: httpx.Response, path: str) -> str:
    """The code of a refusal, after a look at its form."""
    body = answer.json()
    assert answer.headers["cache-control"] == "no-store", path
    if path.startswith("/api/v1/mvp2"):
        assert answer.headers["content-type"] == "application/json", path
        assert body["success"] is False
        assert body["message"]
        code = body["error_code"]
    else:
        assert answer.headers["content-type"] == "application/problem+json", path
        assert body["status"] == answer.status_code
        assert body["detail"]
        code = body["code"]
    assert code.isupper(), path
    return str(code)


def errors_of(answer: httpx.Response) -> list[dict[str, str]]:
    body = answer.json()
    found: list[dict[str, str]] = body.get("errors", body.get("details", {}).get("errors"))
    return found


def takes_head(path: str, operations: dict[str, Any]) -> bool:
    return "GET" in operations and not path.endswith("/stream")


async def test_a_method_that_an_address_does_not_take_is_refused_with_those_it_takes(desk: Desk) -> None:
    for path, (address, operations) in (await addresses(desk)).items():
        takes = {*operations, "OPTIONS"} | ({"HEAD"} if takes_head(path, operations) else set())
        for method in METHODS:
            if method in takes:
                continue
            answer = await desk.client.request(method, address)
            assert answer.status_code == 405, (method, path)
            assert answer.headers["allow"] == ", ".join(sorted(takes)), (method, path)
            if method != "HEAD":
                assert refused(answer, path) == "METHOD_NOT_ALLOWED"
        asked = await desk.client.options(address)
        assert (asked.status_code, asked.content) == (204, b""), path
        assert asked.headers["allow"] == ", ".join(sorted(takes)), path


async def test_head_is_get_without_its_body(desk: Desk) -> None:
    for path, (address, operations) in (await addresses(desk)).items():
        if takes_head(path, operations) and not operations["GET"].get("parameters"):
            got, head = await desk.client.get(address), await desk.client.head(address)
            assert (head.status_code, head.content) == (got.status_code, b""), path
            assert head.headers["content-type"] == got.headers["content-type"], path


def with_bodies(
    known: dict[str, tuple[str, dict[str, Any]]],
) -> Iterator[tuple[str, str, str]]:
    """Method, template and address of all that take a body."""
    for path, (address, operations) in known.items():
        for method, operation in operations.items():
            if "requestBody" in operation:
                yield method, path, address


async def test_a_body_that_is_no_good_is_refused_and_breaks_nothing(desk: Desk) -> None:
    looked_at = 0
    for method, path, address in with_bodies(await addresses(desk)):
        for body, (content, headers) in BODIES.items():
            if (body, path) in GOOD or (body in EMPTY and f"{method} {path}" in TAKES_NOTHING_TOO):
                continue
            answer = await desk.client.request(method, address, content=content, headers=headers)
            assert 400 <= answer.status_code < 500, (body, method, path, answer.text)
            refused(answer, path)
            looked_at += 1
    assert looked_at > 100


async def test_a_request_without_its_body_is_told_that_the_body_is_missing(desk: Desk) -> None:
    for method, path, address in with_bodies(await addresses(desk)):
        if f"{method} {path}" in TAKES_NOTHING_TOO or path.endswith("/import"):  # that one reads a file
            continue
        for body in EMPTY:
            content, headers = BODIES[body]
            for language, word in (("en", "the request is empty"), ("zh", "请求没有内容")):
                asked = {**headers, "accept-language": language}
                answer = await desk.client.request(method, address, content=content, headers=asked)
                assert (answer.status_code, refused(answer, path)) == (422, "INVALID_REQUEST"), (method, path)
                (error,) = errors_of(answer)
                assert (error["field"], error["code"]) == ("body", "no_body"), (method, path)
                assert word in error["message"]


async def test_a_body_of_the_wrong_kind_is_named_as_a_whole(desk: Desk) -> None:
    for path in ("/api/v1/tasks", "/api/v1/mvp2/tasks"):
        answer = await desk.client.post(path, json=[])
        assert [(error["field"], error["code"]) for error in errors_of(answer)] == [("body", "wrong_type")]


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/",
        "/api/v1",
        "/api/v2/tasks",
        "/api/v1/nothing",
        "/api/v1/tasks/",
        "/api/v1/tasks/x/y/z",
        "/api/v1/mvp2",
        "/api/v1/mvp2/",
        "/api/v1/mvp2/nothing",
    ],
)
async def test_an_address_that_nobody_knows_is_not_found_in_either_form_and_language(
    desk: Desk, path: str
) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"):
        words = set()
        for language in ("zh", "en"):
            headers = {"accept-language": language, "accept": "text/html"}
            answer = await desk.client.request(method, path, headers=headers)
            assert (answer.status_code, refused(answer, path)) == (404, "ROUTE_NOT_FOUND"), method
            assert "allow" not in answer.headers
            body = answer.json()
            words.add(body.get("detail") or body.get("message"))
        assert len(words) == 2


async def test_pages_take_reading_only(desk: Desk) -> None:
    for path in ("/", "/tasks", "/nothing.js"):
        asked = await desk.client.options(path)
        assert (asked.status_code, asked.headers["allow"]) == (204, ", ".join(PAGE_METHODS))


async def test_every_refusal_speaks_the_language_of_its_reader(desk: Desk) -> None:
    cases: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("PUT", "tasks", {}),
        ("GET", "nothing", {}),
        ("GET", "tasks/none", {}),
        ("GET", "tasks?limit=x", {}),
        ("POST", "tasks", {"json": {}}),
        ("POST", "tasks", {"content": b"{", "headers": JSON}),
        ("POST", "tasks", {"content": b"x", "headers": {"content-type": "text/plain"}}),
        ("POST", "tasks", {"json": {}, "headers": {"origin": "https://evil.example"}}),
    )
    for root in ("/api/v1", "/api/v1/mvp2"):
        for method, path, more in cases:
            told = {}
            for language in ("zh", "en"):
                headers = {**more.get("headers", {}), "accept-language": language}
                answer = await desk.client.request(method, f"{root}/{path}", **{**more, "headers": headers})
                refused(answer, root)
                body = answer.json()
                title, hint = (body.get("details") or body)["title"], (body.get("details") or body)["hint"]
                told[language] = (title, body.get("detail") or body["message"])
                has_chinese = any(
                    "\u4e00" <= char <= "\u9fff" for char in f"{title}{told[language][1]}{hint}"
                )
                assert has_chinese == (language == "zh"), (method, root, path, told)
            assert told["zh"][0] != told["en"][0]


async def test_a_preflight_that_does_not_pass_is_refused_like_everything_else(desk: Desk) -> None:
    for path in ("/api/v1/tasks", "/api/v1/mvp2/tasks"):
        ask = {"access-control-request-method": "POST", "origin": "https://evil.example"}
        foreign = await desk.client.options(path, headers=ask)
        assert (foreign.status_code, refused(foreign, path)) == (403, "ORIGIN_NOT_ALLOWED")
        assert "access-control-allow-origin" not in foreign.headers
        for more, field in (
            ({"access-control-request-method": "PROPFIND"}, "Access-Control-Request-Method"),
            ({"access-control-request-headers": "X-Other"}, "Access-Control-Request-Headers"),
        ):
            answer = await desk.client.options(path, headers={**ask, "origin": ORIGIN, **more})
            assert refused(answer, path) == "INVALID_REQUEST"
            assert [error["field"] for error in errors_of(answer)] == [field]
            assert answer.headers["access-control-allow-origin"] == ORIGIN
