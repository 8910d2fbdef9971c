"""The CLI's client against the real API: every call, live events over lines that are cut."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.support.server import Desk, open_desk, serving, step_event

from langgraph_multi_agent.cli import client as client_module
from langgraph_multi_agent.cli.client import Client
from langgraph_multi_agent.cli.exits import Exit, Refusal, Trouble
from langgraph_multi_agent.cli.picture import StreamEvent
from langgraph_multi_agent.cli.results import export
from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.task import Action

pytestmark = pytest.mark.anyio
QUESTION = {
    "id": "1/0/desk/1/1",
    "kind": "clarification",
    "text": "Which column?",
    "options": ["a", "b"],
    "subtask_id": None,
}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
async def client(desk: Desk) -> AsyncIterator[Client]:
    async with serving(desk.app) as place, Client(f"http://{place}", language="en") as opened:
        yield opened


@dataclass(slots=True)
class Line:
    """A wire between client and server that a test can cut."""

    url: str = ""
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def cut(self) -> None:
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()


@asynccontextmanager
async def line_to(place: str) -> AsyncIterator[Line]:
    host, _, port = place.partition(":")
    line, pumps = Line(), set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(4096):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, onward = await asyncio.open_connection(host, int(port))
        line.writers += [writer, onward]
        for one in (pump(reader, onward), pump(there, writer)):
            task = asyncio.create_task(one)
            pumps.add(task)
            task.add_done_callback(pumps.discard)

    server = await asyncio.start_server(connect, "127.0.0.1", 0)
    line.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield line
    finally:
        server.close()
        line.cut()
        await asyncio.gather(*pumps, return_exceptions=True)


def content(path: str) -> bytes:
    return Path(path).read_bytes()


async def test_a_task_with_files_is_submitted_listed_and_its_files_come_back(
    desk: Desk, client: Client, tmp_path: Path
) -> None:
    source = tmp_path / "数据 a.csv"
    source.write_bytes(b"x\n1\n")
    fields = {"title": "Count", "description": "数一数", "priority": 3, "budget": {"tokens": 5, "cost": None}}
    task = await client.submit(fields, [source])
    assert (task["title"], task["priority"], task["budget"]["tokens"]) == ("Count", 3, 5)
    assert (await client.task(task["id"]))["files"][0]["name"] == "数据 a.csv"
    assert [t["id"] for t in (await client.tasks(status=["pending"], limit=10))["tasks"]] == [task["id"]]
    assert (await client.tasks(status=["failed"]))["tasks"] == []

    await desk.save(task["id"], "report.html", b"<html>", "text/html", "report")
    saved = await export(client, task["id"], tmp_path / "out")
    assert [(item["name"], content(item["path"])) for item in saved] == [("report.html", b"<html>")]
    everything = await export(client, task["id"], tmp_path / "all", inputs=True)
    assert {Path(item["path"]).name for item in everything} == {"数据 a.csv", "report.html"}
    assert names_in(tmp_path / "out") == ["report.html"], "no partial file stays"


async def test_there_is_no_plan_before_there_is_one(desk: Desk, client: Client) -> None:
    task = await desk.submit()
    assert await client.plan(task["id"]) is None
    await desk.plan(task["id"])
    plan = await client.plan(task["id"])
    assert plan is not None
    assert plan["revision"] == 1


async def test_controls_and_answers(desk: Desk, client: Client) -> None:
    task = await desk.submit()
    assert (await client.act(task["id"], "pause"))["status"] == "paused"
    assert (await client.act(task["id"], "resume"))["status"] == "pending"
    await desk.ask(task["id"], QUESTION)
    (question,) = await client.questions(task["id"])
    assert question["text"] == "Which column?"
    await client.answer(task["id"], question["id"], {"text": "a"})
    assert await client.questions(task["id"]) == []
    assert (await client.act(task["id"], "cancel"))["status"] == "cancelled"
    assert (await client.act(task["id"], "retry"))["status"] == "pending"
    await client.delete(task["id"])
    with pytest.raises(Refusal) as refused:
        await client.task(task["id"])
    assert (refused.value.code, refused.value.exit_code) == ("TASK_NOT_FOUND", Exit.FAILED)


async def test_agents(client: Client) -> None:
    assert "desk" in {agent["name"] for agent in await client.agents()}
    assert (await client.reset_agent("desk"))["name"] == "desk"


async def test_the_server_s_words_are_kept(client: Client) -> None:
    with pytest.raises(Refusal) as refused:
        await client.submit({"description": "write a poem"})
    assert refused.value.code == "MODEL_REQUIRED"
    assert "LLM_MODEL" in refused.value.detail + refused.value.hint


async def follow_into(client: Client, task_id: str, seen: list[StreamEvent], news: asyncio.Event) -> None:
    async for event in client.follow(task_id):
        seen.append(event)
        news.set()


async def test_a_follower_sees_every_event_once_and_in_order_though_its_line_is_cut(desk: Desk) -> None:
    task_id = (await desk.submit("a\u2028line\u0085break"))["id"]
    seen: list[StreamEvent] = []
    news = asyncio.Event()

    async def seen_until(seq: int) -> None:
        while not seen or (seen[-1].seq or 0) < seq:
            news.clear()
            await news.wait()

    async with serving(desk.app) as place, line_to(place) as line, Client(line.url, language="en") as client:
        following = asyncio.create_task(follow_into(client, task_id, seen, news))
        await seen_until(1)
        await desk.claim(task_id)
        for number in range(6):
            line.cut()
            note = f"第 {number} 步\u2028next\u0085line"
            await desk.commit(task_id, step_event(EventType.SUBTASK_STARTED, "s", attempt=number, title=note))
            await seen_until(3 + number)
        line.cut()
        await desk.finish(task_id)
        async with asyncio.timeout(60):
            await following
    assert [event.seq for event in seen] == list(range(1, 10))
    assert seen[-1].type == "task.completed"
    assert seen[2].data["title"] == "第 0 步\u2028next\u0085line"
    assert [event.seq for event in seen] == sorted({event.seq or 0 for event in seen})


async def test_a_stream_of_an_ended_task_ends(desk: Desk, client: Client) -> None:
    task = await desk.submit()
    await desk.finish(task["id"])
    assert [event.type async for event in client.follow(task["id"])][-1] == "task.completed"
    assert [event async for event in client.follow(task["id"], after=3)] == []


async def test_all_recorded_events_are_read_page_by_page(desk: Desk, client: Client) -> None:
    task = await desk.submit()
    await desk.commit(task["id"], *(step_event(EventType.SUBTASK_STARTED, "s", attempt=n) for n in range(230)))
    assert [event.seq for event in await client.events(task["id"])] == list(range(1, 233))


async def test_a_server_that_does_not_come_back_is_reported(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await desk.submit()
    async with serving(desk.app) as place, line_to(place) as line:
        url = line.url
        async with Client(url, language="en") as client:
            events = client.follow(task["id"])
            assert (await anext(events)).seq == 1
    monkeypatch.setattr(client_module, "GIVE_UP_S", 0.3)
    async with Client(url, language="en") as client:
        with pytest.raises(Trouble) as lost:
            [event async for event in client.follow(task["id"], after=1)]
        assert (lost.value.code, lost.value.exit_code) == ("SERVER_LOST", Exit.UNREACHABLE)
        with pytest.raises(Trouble) as gone:
            await client.task(task["id"])
        assert (gone.value.code, gone.value.exit_code) == ("SERVER_UNREACHABLE", Exit.UNREACHABLE)


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[str]:
    """A server that sends these bytes, one lot a connection, the last one again and again."""
    lots = list(answers)

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(lots.pop(0) if len(lots) > 1 else lots[0])
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(connect, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def http(status: str, body: bytes, *, kind: str = "application/json", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {size}\r\nconnection: close\r\n\r\n"
    return head.encode() + body


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (http("200 OK", b"<html>hello</html>", kind="text/html"), "NOT_OUR_SERVER"),
        (http("200 OK", b"[1, 2]"), "NOT_OUR_SERVER"),
        (http("502 Bad Gateway", b"<html>", kind="text/html"), "HTTP_502"),
        (http("503 Service Unavailable", b""), "HTTP_503"),
        (b"", "SERVER_LOST"),
        (b"nonsense\r\n\r\n", "SERVER_LOST"),
    ],
    ids=["html", "list", "gateway", "empty", "closed", "no http"],
)
async def test_whatever_answers_becomes_a_trouble_with_exit_5(answer: bytes, code: str) -> None:
    async with answering(answer) as url, Client(url, language="en") as client:
        with pytest.raises(Trouble) as trouble:
            await client.task("x")
    assert (trouble.value.code, trouble.value.exit_code) == (code, Exit.UNREACHABLE)


async def test_a_submission_whose_answer_was_lost_is_sent_again_under_the_same_key() -> None:
    keys = []
    task = json.dumps({"id": "t1"}).encode()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        keys.extend(line.partition(": ")[2] for line in head.splitlines() if line.startswith("idempotency-key"))
        if len(keys) > 1:
            writer.write(http("202 Accepted", task))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(connect, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with Client(url, language="en") as client:
            assert (await client.submit({"description": "x"}))["id"] == "t1"
    assert len(keys) == 2
    assert keys[0] == keys[1]


async def test_a_download_that_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    async with (
        answering(http("200 OK", b"half", kind="text/html", length=100)) as url,
        Client(url, language="en") as client,
    ):
        with pytest.raises(Trouble):
            await client.download("t", "report.html", target)
    assert names_in(tmp_path) == []


async def test_names_from_the_server_never_leave_the_folder(tmp_path: Path) -> None:
    evil = {"artifacts": [{"name": "../evil.html", "kind": "report", "size_bytes": 1}]}
    async with (
        answering(http("200 OK", json.dumps(evil).encode())) as url,
        Client(url, language="en") as client,
    ):
        with pytest.raises(Trouble) as trouble:
            await export(client, "t", tmp_path / "out")
    assert trouble.value.code == "UNSAFE_NAME"
    assert "evil.html" not in names_in(tmp_path)


async def test_proxies_of_the_environment_are_not_asked(
    client: Client, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with Client(client.base_url, language="en") as fresh:
        assert await fresh.agents()


async def test_a_failed_task_s_stream_ends_with_its_reason(desk: Desk, client: Client) -> None:
    task = await desk.submit()
    await desk.claim(task["id"])
    await desk.finish(task["id"], Action.FAIL, error={"code": "SKILL_FAILED", "params": {}})
    last = [event async for event in client.follow(task["id"])][-1]
    assert last.type == "task.failed"
    assert last.data["error"]["code"] == "SKILL_FAILED"
