"""A real nginx before a real server: what it serves itself, passes on, limits and says."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send
from tests.support.nginx import Nginx
from tests.support.server import Desk, open_desk, server_sent_events, serving, step_event
from websockets.asyncio.client import connect as open_socket
from websockets.exceptions import InvalidStatus

from langgraph_multi_agent.api.pages import HEADERS, POLICY
from langgraph_multi_agent.api.problems import failure_body, problem_body
from langgraph_multi_agent.domain.errors import InputTooLarge
from langgraph_multi_agent.domain.event import EventType

pytestmark = [pytest.mark.anyio, pytest.mark.system]

NOBODY = "127.0.0.1:9"
connect = partial(open_socket, open_timeout=60, ping_timeout=None)
INDEX = b"<!doctype html><title>front end</title><script type=module src=/assets/app-1a2b.js></script>"
SCRIPT = b"export const words = '" + b"word " * 2000 + b"';\n"
STATIC = {
    "index.html": INDEX,
    "favicon.svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "assets/app-1a2b.js": SCRIPT,
    "assets/app-1a2b.css": b":root { color: black; }\n" * 100,
    "assets/early-9f.js": b"plain",
    "assets/early-9f.js.gz": gzip.compress(b"compressed before"),
    ".env": b"SECRET=1",
}
LIMIT, BODY_LIMIT = 64 * 1024, 16 * 1024
PAGES = ("/", "/tasks", "/tasks/new", "/tasks/0190a1b2-0000-7000-8000-000000000000", "/settings", "/nowhere")


@asynccontextmanager
async def door(*upstreams: str, **options: Any) -> AsyncIterator[tuple[Nginx, httpx.AsyncClient]]:
    """A running nginx before these servers, and a client of it."""
    nginx = Nginx(*upstreams, static=STATIC, **options)
    try:
        await asyncio.to_thread(nginx.start)
        async with httpx.AsyncClient(base_url=nginx.url, timeout=60) as client:
            yield nginx, client
    finally:
        await asyncio.to_thread(nginx.close)


@asynccontextmanager
async def installation(
    data_dir: Path, **options: Any
) -> AsyncIterator[tuple[Nginx, httpx.AsyncClient, Desk]]:
    """The same before a real API."""
    limits = {"max_input_bytes": LIMIT, "max_body_bytes": BODY_LIMIT}
    async with (
        open_desk(data_dir, **limits) as desk,
        serving(desk.app) as address,
        door(address, MAX_INPUT_BYTES=str(LIMIT), MAX_BODY_BYTES=str(BODY_LIMIT), **options) as (
            nginx,
            client,
        ),
    ):
        yield nginx, client, desk


async def announced(nginx: Nginx, path: str, size: int, language: str) -> httpx.Response:
    """The answer to a request that says how large its body is, and does not send it."""
    reader, writer = await asyncio.open_connection(*nginx.address)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept-Language: {language}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: {size}\r\n\r\n".encode())
    async with asyncio.timeout(60):
        status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
    writer.close()
    return httpx.Response(int(status.split(" ")[1]), headers=headers, content=body)


def status_and_code(answer: httpx.Response) -> tuple[int, str]:
    """Status and error code, of a problem or of the envelope."""
    body = answer.json()
    return answer.status_code, body.get("code") or body.get("error_code")


async def test_the_configuration_is_accepted_without_a_warning() -> None:
    for options in (
        {},
        {"has_tls": True, "TRUSTED_PROXIES": "10.0.0.0/8,::1", "SERVER_NAME": "a.example *.b.example _"},
        {"MAX_CONNECTIONS": "0"},
    ):
        nginx = Nginx(NOBODY, "[::1]:9", "localhost:9", static=STATIC, **options)  # type: ignore[arg-type]
        try:
            said = await asyncio.to_thread(nginx.check)
        finally:
            nginx.close()
        assert "test is successful" in said
        assert "[warn]" not in said


async def test_pages_scripts_and_their_configuration_are_served_with_their_headers(tmp_path: Path) -> None:
    async with installation(tmp_path, API_BASE_URL="/api/v1/mvp2", API_TIMEOUT_MS="2500") as (
        _,
        client,
        _desk,
    ):
        for path in PAGES:
            answer = await client.get(path)
            assert (answer.status_code, answer.content) == (200, INDEX), path
            assert answer.headers["cache-control"] == "no-cache"
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
        answers = [
            await client.get(path) for path in ("/", "/index.html", "/config.js", "/assets/app-1a2b.js")
        ]
        for answer in answers:
            assert {name: answer.headers[name] for name in HEADERS} == HEADERS
            assert answer.headers.get_list("content-security-policy") == [POLICY]
            assert answer.headers["server"] == "nginx"
            assert "strict-transport-security" not in answer.headers
        config, script = answers[2:]
        assert config.headers["content-type"] == "text/javascript; charset=utf-8"
        assert config.headers["cache-control"] == "no-cache"
        assert json.loads(config.text.partition("=")[2].rstrip(";\n")) == {
            "BASE_URL": "/api/v1/mvp2",
            "WS_URL": "/api/v1/mvp2/ws",
            "TIMEOUT": 2500,
            "RETRY_ATTEMPTS": 3,
        }
        assert script.headers["content-type"] == "text/javascript; charset=utf-8"
        assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
        missing = await client.get("/assets/app-0000.js")
        assert (missing.status_code, missing.headers["cache-control"]) == (404, "no-store")
        again = await client.get("/", headers={"if-none-match": answers[0].headers["etag"]})
        assert again.status_code == 304


async def test_a_page_that_is_written_to_says_that_it_can_only_be_read(tmp_path: Path) -> None:
    async with installation(tmp_path) as (_, client, _desk):
        for path in ("/", "/tasks", "/config.js", "/assets/app-1a2b.js", "/favicon.svg"):
            for method, language, word in (
                ("POST", "zh", "不支持这个方法"),
                ("DELETE", "en", "Method not allowed"),
            ):
                answer = await client.request(method, path, headers={"accept-language": language})
                assert status_and_code(answer) == (405, "METHOD_NOT_ALLOWED"), path
                assert (answer.headers["allow"], answer.json()["title"]) == ("GET, HEAD", word)
                assert answer.headers["content-type"] == "application/problem+json"
        # The API's own answer passes as it is.
        answer = await client.put("/api/v1/mvp2/tasks", headers={"accept-language": "en"})
        assert status_and_code(answer) == (405, "METHOD_NOT_ALLOWED")
        assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


async def test_text_is_compressed_where_the_client_reads_it(tmp_path: Path) -> None:
    async with installation(tmp_path) as (_, client, desk):
        zipped = await client.get("/assets/app-1a2b.js", headers={"accept-encoding": "gzip"})
        assert zipped.headers["content-encoding"] == "gzip"
        assert "Accept-Encoding" in zipped.headers["vary"]
        assert zipped.content == SCRIPT
        plain = await client.get("/assets/app-1a2b.js", headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert plain.content == SCRIPT
        before = await client.get("/assets/early-9f.js", headers={"accept-encoding": "gzip"})
        assert before.content == b"compressed before"
        for number in range(4):
            await desk.submit(f"{number} " + "word " * 300)
        tasks = await client.get("/api/v1/tasks", headers={"accept-encoding": "gzip"})
        assert tasks.headers["content-encoding"] == "gzip"
        assert len(tasks.json()["tasks"]) == 4


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/assets/../../conf/nginx.conf",
        "/assets/..%2f..%2fconf/nginx.conf",
        "/assets/%2e%2e/%2e%2e/conf/nginx.conf",
        "/_maintenance/../../nginx.conf",
        "/_maintenance/..%2f..%2fnginx.conf",
        "/_maintenance../nginx.conf",
        "/assets../conf/nginx.conf",
        "/%00",
        "/..\\..\\conf\\nginx.conf",
        "/.env",
        "/.git/config",
        "/assets/.env",
        "//.env",
        "/nginx.conf",
        "/pages/config.js",
    ],
)
async def test_no_path_leaves_the_directory_of_the_front_end(path: str) -> None:
    async with door(NOBODY) as (nginx, _):
        # Raw: a client library would tidy the path up.
        reader, writer = await asyncio.open_connection(*nginx.address)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        async with asyncio.timeout(60):
            answer = await reader.read()
        writer.close()
        assert answer.split(b" ", 2)[1] in {b"400", b"404", b"503"}
        for secret in (b"worker_processes", b"SECRET", b"root:", b"API_CONFIG"):
            assert secret not in answer


async def test_requests_pass_with_their_id_and_the_clients_address(tmp_path: Path) -> None:
    async with installation(tmp_path) as (_, client, desk):
        given = {"x-request-id": "mine-1", "x-forwarded-for": "6.6.6.6", "accept-language": "en"}
        answer = await client.post("/api/v1/tasks", json={"description": "count"}, headers=given)
        assert answer.status_code == 202
        assert answer.headers["x-request-id"] == "mine-1"
        task = answer.json()["id"]
        seen = await client.get(f"/api/v1/tasks/{task}", headers={"x-request-id": "two words"})
        assert seen.json()["id"] == task
        assert len(seen.headers["x-request-id"]) == 32
        refused = await client.get("/api/v1/tasks/none", headers={"accept-language": "en"})
        assert status_and_code(refused) == (404, "TASK_NOT_FOUND")
        assert (await client.get("/api/v1/mvp2/health")).json()["success"] is True
        assert (await client.get("/health")).json()["status"] == "healthy"
        assert (await client.get("/ready")).json()["status"] == "ready"
        assert (await client.get("/openapi.json")).json()["openapi"]
        assert (await client.get("/docs")).status_code == 200
        stored = (await desk.client.get(f"/api/v1/tasks/{task}")).json()
        assert stored["description"] == "count"


async def test_an_own_page_may_change_things_and_a_foreign_one_may_not(tmp_path: Path) -> None:
    async with installation(tmp_path) as (nginx, client, _):
        for origin, status in ((nginx.url, 202), ("http://evil.example", 403), ("http://127.0.0.1:1", 403)):
            answer = await client.post("/api/v1/tasks", json={"description": "x"}, headers={"origin": origin})
            assert answer.status_code == status, origin


async def test_events_pass_as_they_come(tmp_path: Path) -> None:
    async with installation(tmp_path) as (_, client, desk):
        task = (await desk.submit())["id"]
        address = f"/api/v1/tasks/{task}/events/stream"
        async with client.stream("GET", address, headers={"accept-encoding": "gzip"}) as response:
            assert response.status_code == 200
            assert "content-encoding" not in response.headers
            events = server_sent_events(response)
            async with asyncio.timeout(60):
                assert (await anext(events)).event == "task.submitted"
                await desk.plan(task)
                seen = [(await anext(events)).event for _ in range(2)]
                assert "plan.created" in seen
                await desk.commit(task, step_event(EventType.SUBTASK_STARTED, "read"))
                assert (await anext(events)).event == "subtask.started"


@pytest.mark.parametrize("path", ["/ws", "/api/v1/mvp2/ws"])
async def test_the_websocket_is_passed_on(tmp_path: Path, path: str) -> None:
    async with installation(tmp_path) as (nginx, _, desk):
        address = f"ws://127.0.0.1:{nginx.port}{path}"
        async with connect(address, origin=nginx.url, proxy=None) as socket, asyncio.timeout(60):  # type: ignore[arg-type]
            assert json.loads(await socket.recv())["type"] == "system_notification"
            await socket.send(json.dumps({"type": "task_subscribe"}))
            assert json.loads(await socket.recv())["type"] == "task_subscription_confirmed"
            task = (await desk.submit())["id"]
            frame = json.loads(await socket.recv())
            assert (frame["type"], frame["data"]["id"]) == ("task_created", task)
        with pytest.raises(InvalidStatus):
            async with connect(address, origin="http://evil.example", proxy=None):  # type: ignore[arg-type]
                pass


async def test_an_upload_over_the_limit_is_refused_in_the_apis_own_form(tmp_path: Path) -> None:
    async with installation(tmp_path) as (nginx, client, _desk):
        fits = await client.post(
            "/api/v1/tasks", data={"description": "x"}, files={"files": ("a.csv", b"a" * (LIMIT - 100))}
        )
        assert fits.status_code == 202, fits.text
        for path, language, size, limit in (
            ("/api/v1/tasks", "en", LIMIT + BODY_LIMIT + 1, "64 kB"),
            ("/api/v1/mvp2/tasks", "zh", LIMIT + BODY_LIMIT + 1, "64 kB"),
            ("/api/v1/mvp2/import", "zh", LIMIT + BODY_LIMIT + 1, "64 kB"),
            ("/api/v1/mvp2/chat/messages", "zh", BODY_LIMIT + 1, "16 kB"),
            ("/api/v1/mvp2/feedback", "zh", BODY_LIMIT + 1, "16 kB"),
            ("/api/v1/tasks/x/answer", "en", BODY_LIMIT + 1, "16 kB"),
        ):
            # Only announced: what is refused by its size need not come.
            answer = await announced(nginx, path, size, language)
            assert status_and_code(answer) == (413, "INPUT_TOO_LARGE")
            body = answer.json()
            fault = InputTooLarge(size=1, limit=1)
            if "mvp2" in path:
                wanted = failure_body(fault, language, now=datetime.now().astimezone(), request_id="x")
                assert body["details"].keys() == wanted["details"].keys()
                assert datetime.fromisoformat(body["timestamp"]).tzinfo is not None
                assert answer.headers["content-type"].startswith("application/json")
                assert f"上限 {limit}" in body["message"]
            else:
                wanted = problem_body(fault, language, instance=path) | {"request_id": "x"}
                assert body["instance"] == path
                assert answer.headers["content-type"] == "application/problem+json"
                assert f"limit {limit}" in body["detail"]
            assert body.keys() == wanted.keys()
            assert answer.headers["cache-control"] == "no-store"


async def test_an_upload_of_unannounced_size_is_cut_at_the_limit_and_leaves_no_task(tmp_path: Path) -> None:
    async with installation(tmp_path) as (nginx, client, _desk):
        for path, media_type in (
            ("/api/v1/tasks", "multipart/form-data; boundary=b"),
            ("/api/v1/mvp2/tasks", "multipart/form-data; boundary=b"),
            ("/api/v1/mvp2/import", "application/json"),
        ):
            reader, writer = await asyncio.open_connection(*nginx.address)
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {media_type}\r\n"
            part = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.csv"\r\n\r\n'
            start = part if media_type != "application/json" else b'{"tasks": "'
            body = start + b"a" * (LIMIT + BODY_LIMIT)
            writer.write(
                f"{head}Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n".encode() + body + b"\r\n"
            )
            async with asyncio.timeout(60):
                status, *_ = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
            assert b" 413 " in status, (path, status)
            writer.close()
        assert (await client.get("/api/v1/tasks")).json()["tasks"] == []


async def test_maintenance_closes_pages_and_requests_and_opens_again(tmp_path: Path) -> None:
    async with installation(tmp_path) as (nginx, client, desk):
        address = f"ws://127.0.0.1:{nginx.port}/ws"
        async with connect(address, proxy=None) as socket:
            await socket.recv()
            nginx.flag.touch()
            for path in PAGES:
                page = await client.get(path)
                assert (page.status_code, page.headers["retry-after"]) == (503, "7"), path
                assert page.headers["content-security-policy"] == POLICY
                assert page.headers["cache-control"] == "no-store"
                assert "维护" in page.text
            english = await client.get("/", headers={"accept-language": "en-GB,en;q=0.9,zh;q=0.1"})
            assert "maintenance" in english.text
            assert 'lang="en"' in english.text
            for name in ("maintenance.css", "maintenance.js"):
                assert (await client.get(f"/_maintenance/{name}")).status_code == 200
            for path in ("/api/v1/tasks", "/api/v1/mvp2/tasks", "/ready", "/api/v1/tasks/x/events/stream"):
                answer = await client.get(path)
                assert status_and_code(answer) == (503, "MAINTENANCE"), path
                assert answer.headers["retry-after"] == "7"
            assert status_and_code(await client.post("/api/v1/tasks", json={"description": "x"}))[0] == 503
            assert (await client.get("/health")).status_code == 200
            with pytest.raises(InvalidStatus, match="503"):
                async with connect(address, proxy=None):
                    pass
            await socket.send('{"type":"ping"}')
            async with asyncio.timeout(60):
                assert json.loads(await socket.recv())["type"] == "pong"
        nginx.flag.unlink()
        assert (await client.get("/tasks")).content == INDEX
        assert (await client.get("/api/v1/tasks")).json()["tasks"] == []
        assert (await client.get("/ready")).status_code == 200
        assert (await desk.client.get("/api/v1/tasks")).json()["tasks"] == []


async def test_without_any_server_pages_wait_and_requests_say_so(tmp_path: Path) -> None:
    async with door(NOBODY, NOBODY) as (_, client):
        page = await client.get("/tasks")
        assert (page.status_code, page.headers["retry-after"]) == (503, "7")
        assert "/_maintenance/maintenance.js" in page.text
        for path in ("/api/v1/tasks", "/api/v1/mvp2/tasks", "/health", "/ready"):
            answer = await client.get(path, headers={"accept-language": "en"})
            assert status_and_code(answer) == (503, "API_UNREACHABLE"), path
            assert answer.headers["retry-after"] == "5"
            assert answer.headers["x-request-id"] == (
                answer.json().get("request_id") or answer.json()["details"]["request_id"]
            )
        assert (await client.get("/assets/app-1a2b.js")).status_code == 200


async def test_a_hostile_address_cannot_break_an_error(tmp_path: Path) -> None:
    async with door(NOBODY) as (nginx, _):
        reader, writer = await asyncio.open_connection(*nginx.address)
        path = '/api/v1/"},"x":{"<script>\\'
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        async with asyncio.timeout(60):
            answer = await reader.read()
        writer.close()
        body = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert (body["code"], body["instance"]) == ("API_UNREACHABLE", "/api/v1/")


async def test_a_dead_server_is_passed_over_for_a_living_one(tmp_path: Path) -> None:
    async with (
        open_desk(tmp_path) as desk,
        serving(desk.app) as address,
        door(NOBODY, address) as (_, client),
    ):
        answers = [await client.post("/api/v1/tasks", json={"description": "x"}) for _ in range(6)]
        assert {answer.status_code for answer in answers} == {202}
        assert len((await client.get("/api/v1/tasks")).json()["tasks"]) == 6


async def test_with_a_certificate_plain_requests_are_sent_to_tls_on_a_name_of_ours(tmp_path: Path) -> None:
    names = "localhost 127.0.0.1 *.example.com"
    async with installation(tmp_path, has_tls=True, SERVER_NAME=names) as (nginx, client, _desk):
        moved = await client.post("/api/v1/tasks?x=1%2F2", json={})
        assert moved.status_code == 308
        assert moved.headers["location"] == f"https://127.0.0.1:{nginx.https_port}/api/v1/tasks?x=1%2F2"
        for asked, sent in (
            ("a.example.com", "a.example.com"),
            ("evil.example", "localhost"),
            ("evil.example:80", "localhost"),
            ("example.com.evil.example", "localhost"),
            ("a.example.com.evil.example", "localhost"),
        ):
            moved = await client.get("/tasks", headers={"host": asked})
            assert moved.headers["location"] == f"https://{sent}:{nginx.https_port}/tasks", asked
            # The TLS port itself, spoken to without TLS.
            moved = await client.get(f"http://127.0.0.1:{nginx.https_port}/tasks", headers={"host": asked})
            assert moved.headers["location"] == f"https://{sent}:{nginx.https_port}/tasks", asked
        moved = await client.get("/tasks")
        assert "strict-transport-security" not in moved.headers
        assert (await client.get("/health")).status_code == 200
        wrong = await client.get(f"http://127.0.0.1:{nginx.https_port}/tasks")
        assert (wrong.status_code, wrong.headers["location"]) == (
            308,
            f"https://127.0.0.1:{nginx.https_port}/tasks",
        )
        async with httpx.AsyncClient(base_url=nginx.https_url, verify=nginx.trust(), timeout=60) as safe:
            for path in ("/tasks", "/config.js", "/api/v1/tasks", "/api/v1/mvp2/health", "/ready"):
                answer = await safe.get(path)
                assert answer.status_code == 200, path
                assert answer.headers.get_list("strict-transport-security") == ["max-age=31536000"], path
            nginx.flag.touch()
            for path in ("/tasks", "/api/v1/tasks"):
                answer = await safe.get(path)
                assert answer.headers.get_list("strict-transport-security") == ["max-age=31536000"], path
            nginx.flag.unlink()
        address = f"wss://localhost:{nginx.https_port}/ws"
        origin = f"https://localhost:{nginx.https_port}"
        async with connect(address, ssl=nginx.trust(), origin=origin, proxy=None) as socket:  # type: ignore[arg-type]
            assert json.loads(await socket.recv())["type"] == "system_notification"


async def test_metrics_are_for_listed_networks_only(tmp_path: Path) -> None:
    async with installation(tmp_path / "open") as (_, client, _desk):
        assert "langgraph_tasks_active" in (await client.get("/metrics")).text
    async with installation(tmp_path / "shut", METRICS_NETWORKS="10.9.9.0/24") as (_, client, _desk):
        paths = (
            "/metrics",
            "/api/v1/system/metrics",
            "//metrics",
            "/%6detrics",
            "/x/../metrics",
            "/metrics?x=1",
        )
        for path in (*paths, "/api/v1/x/..%2f..%2f..%2fmetrics", "/api/v1/system/%6detrics"):
            answer = await client.get(f"{str(client.base_url).rstrip('/')}{path}")
            assert "langgraph_tasks_active" not in answer.text, path
        assert (await client.get("/metrics")).status_code == 403


async def test_only_a_trusted_proxy_names_the_client(tmp_path: Path) -> None:
    headers = {"x-forwarded-for": "192.0.2.7"}
    for trusted, seen in (("127.0.0.1", "192.0.2.7"), ("10.9.9.9", "127.0.0.1")):
        async with door(NOBODY, TRUSTED_PROXIES=trusted) as (nginx, client):
            await client.get("/api/v1/tasks", headers=headers)
            nginx.stop()
            line = json.loads(nginx.access_log.read_text().splitlines()[-1])
            assert line["client.address"] == seen
            assert (line["url.path"], line["http.response.status_code"]) == ("/api/v1/tasks", "503")


async def test_a_slow_client_is_let_go() -> None:
    async with door(NOBODY, CLIENT_TIMEOUT_S="1") as (nginx, _):
        beginnings = (
            b"GET /tasks HTTP/1.1\r\nHost: x\r\nX-Slow: ",
            b"POST /api/v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nab",
        )
        for beginning in beginnings:
            reader, writer = await asyncio.open_connection(*nginx.address)
            writer.write(beginning)
            async with asyncio.timeout(60):
                with suppress(ConnectionResetError):
                    assert b" 200 " not in await reader.read()
            writer.close()


class Backend:
    """An API that only says how far it has read: a large submission's bytes must reach it as they come."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.size = 0
        self.has_begun, self.is_cut = asyncio.Event(), asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        self.paths.append(scope["path"])
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.is_cut.set()
                return
            self.size += len(message["body"])
            if message["body"]:
                self.has_begun.set()
            if not message.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})


async def begin_upload(
    nginx: Nginx, path: str, *, size: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client that sends one byte of its body and then keeps still."""
    reader, writer = await asyncio.open_connection(*nginx.address)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {size}\r\n\r\n{{".encode())
    return reader, writer


@pytest.mark.parametrize("path", ["/api/v1/tasks", "/api/v1/mvp2/tasks", "/api/v1/mvp2/import"])
async def test_a_slow_upload_reaches_the_api_as_it_comes_and_holds_up_nobody(path: str) -> None:
    backend = Backend()
    async with serving(cast("FastAPI", backend)) as address, door(address) as (nginx, client):
        reader, writer = await begin_upload(nginx, path, size=2 * 1024**2)
        async with asyncio.timeout(60):
            await backend.has_begun.wait()
            assert (await client.get("/api/v1/tasks")).status_code == 202
            for _ in range(2):
                writer.write(b" " * (1024**2 - 1))
                await writer.drain()
            writer.write(b"}")
            assert (await reader.read()).startswith(b"HTTP/1.1 202 ")
        writer.close()
        assert backend.size == 2 * 1024**2


async def test_an_upload_that_falls_silent_is_let_go_and_frees_the_api() -> None:
    backend = Backend()
    async with (
        serving(cast("FastAPI", backend)) as address,
        door(address, CLIENT_TIMEOUT_S="1") as (nginx, _),
    ):
        reader, writer = await begin_upload(nginx, "/api/v1/tasks", size=1000)
        async with asyncio.timeout(60):
            await backend.is_cut.wait()
            with suppress(ConnectionResetError):
                assert b" 202 " not in await reader.read()
        writer.close()


async def test_a_slow_small_body_never_takes_a_connection_of_the_api() -> None:
    backend = Backend()
    async with (
        serving(cast("FastAPI", backend)) as address,
        door(address, CLIENT_TIMEOUT_S="1") as (nginx, _),
    ):
        reader, writer = await begin_upload(nginx, "/api/v1/mvp2/chat/messages", size=1000)
        async with asyncio.timeout(60):
            with suppress(ConnectionResetError):
                assert b" 202 " not in await reader.read()
        writer.close()
        assert backend.paths == []


async def test_one_address_has_a_limited_number_of_requests_and_sockets_under_way(tmp_path: Path) -> None:
    async with installation(tmp_path, MAX_CONNECTIONS="2") as (nginx, client, _desk):
        address = f"ws://127.0.0.1:{nginx.port}/ws"
        async with connect(address, proxy=None) as first:
            await first.recv()
            async with connect(address, proxy=None) as second:
                await second.recv()
                for path, language, word in (
                    ("/api/v1/tasks", "en", "Too many connections"),
                    ("/api/v1/mvp2/tasks", "zh", "同时打开的连接过多"),
                    ("/tasks", "zh", "同时打开的连接过多"),
                    ("/config.js", "en", "Too many connections"),
                ):
                    answer = await client.get(path, headers={"accept-language": language})
                    assert status_and_code(answer) == (429, "TOO_MANY_CONNECTIONS"), path
                    assert answer.headers["retry-after"] == "5"
                    body = answer.json()
                    assert (body.get("title") or body["details"]["title"]) == word
                with pytest.raises(InvalidStatus, match="429"):
                    async with connect(address, proxy=None):
                        pass
                await second.send('{"type":"ping"}')
                assert json.loads(await second.recv())["type"] == "pong"
            async with asyncio.timeout(60):  # until nginx has seen that the second one left
                while (await client.get("/api/v1/tasks")).status_code == 429:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)


async def test_oversized_headers_are_refused() -> None:
    async with door(NOBODY) as (_, client):
        answer = await client.get("/tasks", headers={"x-large": "a" * 20_000})
        assert answer.status_code == 400
        assert (await client.get("/" + "a" * 20_000)).status_code == 414


async def test_a_large_download_passes_whole(tmp_path: Path) -> None:
    content = bytes(range(256)) * 40_000
    async with installation(tmp_path) as (_, client, desk):
        task = (await desk.submit())["id"]
        await desk.save(task, "big.bin", content, "application/octet-stream", "output")
        answer = await client.get(f"/api/v1/tasks/{task}/artifacts/big.bin")
        assert answer.content == content
