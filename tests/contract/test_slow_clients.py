"""A client that takes its time holds no connection for ever; one that is merely slow is served."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.server import Desk, open_desk, serving

from langgraph_multi_agent.api import patience
from langgraph_multi_agent.api.problems import RequestTooSlow
from langgraph_multi_agent.bootstrap import connections
from langgraph_multi_agent.service import health

pytestmark = pytest.mark.anyio

DEADLINE_S = 60.0
SHORT_S = 0.3
HEAD_S = 1.0
"""For a whole head to come, where it does come."""
HEAD = b"POST /api/v1/tasks HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
async def address(desk: Desk) -> AsyncIterator[tuple[str, int]]:
    async with serving(desk.app) as where:
        host, _, port = where.partition(":")
        yield host, int(port)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a test can wait for."""
    monkeypatch.setattr(connections, "HEAD_S", HEAD_S)
    for name in ("REST_S", "TAKE_S"):
        monkeypatch.setattr(connections, name, SHORT_S)
    monkeypatch.setattr(patience, "BODY_S", SHORT_S)


class Line:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def say(self, words: bytes) -> None:
        self.writer.write(words)
        await self.writer.drain()

    async def rest(self) -> bytes:
        """All that comes until the server closes."""
        heard = b""
        async with asyncio.timeout(DEADLINE_S):
            try:
                while chunk := await self.reader.read(65536):
                    heard += chunk
            except ConnectionResetError:
                pass
        return heard

    async def dribble(self, words: bytes) -> bytes:
        """Say it byte by byte, again and again, until the server closes; what it said."""
        listening = asyncio.create_task(self.rest())
        while not listening.done():
            for number in range(len(words)):
                try:
                    await self.say(words[number : number + 1])
                except ConnectionError:
                    return await listening
                await asyncio.sleep(0.01)
                if listening.done():
                    break
        return await listening


@asynccontextmanager
async def connected(address: tuple[str, int], **more: Any) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection(*address, **more)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("said", [b"", b"\r\n"])
async def test_a_connection_that_asks_nothing_is_closed(address: tuple[str, int], said: bytes) -> None:
    async with connected(address) as line:
        await line.say(said)
        assert await line.rest() == b""


@pytest.mark.usefixtures("hurried")
async def test_a_head_that_stops_is_told_so_and_closed(address: tuple[str, int]) -> None:
    async with connected(address) as line:
        await line.say(HEAD)
        assert (await line.rest()).startswith(b"HTTP/1.1 408 ")


@pytest.mark.usefixtures("hurried")
async def test_a_head_that_never_ends_is_told_so_and_closed(address: tuple[str, int]) -> None:
    async with connected(address) as line:
        await line.say(HEAD)
        assert (await line.dribble(b"x-more: 1\r\n")).startswith(b"HTTP/1.1 408 ")


@pytest.mark.usefixtures("hurried")
async def test_blank_lines_keep_no_connection_open(address: tuple[str, int]) -> None:
    async with connected(address) as line:
        await line.dribble(b"\r\n")


async def test_a_head_that_never_stops_growing_is_refused(address: tuple[str, int]) -> None:
    async with connected(address) as line:
        await line.say(HEAD + b"x-long: ")
        listening = asyncio.create_task(line.rest())
        while not listening.done():
            try:
                await line.say(b"a" * 4096)
            except ConnectionError:
                break
            await asyncio.sleep(0)
        assert (await listening).startswith(b"HTTP/1.1 431 ")


@pytest.mark.usefixtures("hurried")
async def test_a_body_that_stops_is_a_problem_and_nothing_is_kept(desk: Desk, address: tuple[str, int]) -> None:
    async with connected(address) as line:
        await line.say(HEAD + b'content-length: 100\r\naccept-language: en\r\n\r\n{"description": "sum')
        answer = await line.rest()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer
    assert b"REQUEST_TOO_SLOW" in answer
    assert (await desk.client.get("/api/v1/tasks")).json()["tasks"] == []


@pytest.mark.usefixtures("hurried")
async def test_a_body_that_dribbles_is_a_problem(address: tuple[str, int]) -> None:
    async with connected(address) as line:
        await line.say(HEAD + b"transfer-encoding: chunked\r\n\r\n")
        assert (await line.dribble(b"1\r\na\r\n")).startswith(b"HTTP/1.1 408 ")


@pytest.mark.usefixtures("hurried")
async def test_the_rest_of_a_refused_body_keeps_no_connection_open(address: tuple[str, int]) -> None:
    async with connected(address) as line:
        await line.say(b"POST /api/v1/nothing HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n")
        assert (await line.dribble(b"a")).startswith(b"HTTP/1.1 404 ")


@pytest.mark.usefixtures("hurried")
async def test_a_second_question_that_stops_half_way_spoils_no_answer_under_way(
    desk: Desk, address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "CHECK_DEADLINE_S", DEADLINE_S)
    is_over = asyncio.Event()
    check = desk.services.health.check

    async def long(**options: Any) -> Any:
        await is_over.wait()
        return await check(**options)

    monkeypatch.setattr(desk.services.health, "check", long)
    async with connected(address) as line:
        await line.say(b"GET /ready HTTP/1.1\r\nhost: localhost\r\n\r\nGET /ready HTT")
        await asyncio.sleep(2 * HEAD_S)  # a limit that counted already would have closed it
        is_over.set()
        first, _, second = (await line.rest()).partition(b"HTTP/1.1 408 ")
    assert first.startswith(b"HTTP/1.1 200 ")
    assert first.endswith(b"}")
    assert second


@pytest.mark.parametrize("path", [b"/api/v1/nothing", b"/api/v1/tasks"])
async def test_trailers_without_end_are_neither_kept_nor_heard_for_long(
    address: tuple[str, int], path: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[int] = []
    lost = connections.BoundedHttp.connection_lost

    def connection_lost(self: connections.BoundedHttp, exc: Exception | None) -> None:
        kept.append(len(self.headers or ()))
        lost(self, exc)

    monkeypatch.setattr(connections.BoundedHttp, "connection_lost", connection_lost)
    sent = 0
    async with connected(address) as line:
        await line.say(
            b"POST %s HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n0\r\n" % path
        )
        listening = asyncio.create_task(line.rest())
        while not listening.done() and sent < 100 * 1024**2:
            try:
                await line.say(b"a:b\r\n" * 1000)
            except ConnectionError:
                break
            sent += 5000
            await asyncio.sleep(0)
        await listening
    assert sent < 100 * 1024**2
    assert kept
    assert max(kept) < 10


async def test_haste_saves_up_no_silence() -> None:
    pieces = [{"type": "http.request", "body": bytes(10_000_000), "more_body": True}]

    async def receive() -> Any:
        if not pieces:
            await asyncio.Event().wait()
        return pieces.pop()

    hear = patience.patient(receive, body_s=SHORT_S)
    await hear()
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(RequestTooSlow):
            await hear()


async def test_whoever_takes_a_little_is_let_take_the_rest(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    left, looks = itertools.count(10**9, -1), 0
    look = connections.BoundedHttp._look

    def looked(self: connections.BoundedHttp) -> None:
        nonlocal looks
        looks += 1
        look(self)

    monkeypatch.setattr(connections, "TAKE_S", 0.05)
    monkeypatch.setattr(connections.BoundedHttp, "_look", looked)
    monkeypatch.setattr(connections.BoundedHttp, "_untaken", lambda _: next(left))
    async with connected(address, limit=1024) as line:
        line.writer.transport.pause_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(DEADLINE_S):
            while looks < 5:
                await line.say(b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n")
                await asyncio.sleep(0.01)


async def test_an_answer_that_nobody_takes_is_broken_off(
    desk: Desk, address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = asyncio.Event()
    look = connections.BoundedHttp._look

    def looked(self: connections.BoundedHttp) -> None:
        look(self)
        if self.transport.is_closing():
            lost.set()

    monkeypatch.setattr(connections, "TAKE_S", SHORT_S)
    monkeypatch.setattr(connections.BoundedHttp, "_look", looked)
    page = b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n"
    async with connected(address, limit=1024) as line:
        line.writer.transport.pause_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(DEADLINE_S):
            while not lost.is_set():
                try:
                    await line.say(page)
                except ConnectionError:
                    break
                await asyncio.sleep(0.01)
            await lost.wait()


async def test_a_slow_body_above_the_least_rate_is_taken(
    desk: Desk, address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    class Hand:
        @staticmethod
        def monotonic() -> float:
            now[0] += 5.0  # each chunk comes five seconds after the last, as far as the count goes
            return now[0]

    monkeypatch.setattr(patience, "time", Hand)
    body = b'{"description": "' + b"sum up the year " * 1000 + b'"}'
    async with connected(address) as line:
        await line.say(HEAD + b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), 4000):
            await line.say(body[start : start + 4000])
            await asyncio.sleep(0.02)
        assert (await line.rest()).startswith(b"HTTP/1.1 202 ")


@pytest.mark.usefixtures("hurried")
async def test_a_socket_and_a_stream_may_be_silent_for_as_long_as_they_like(
    desk: Desk, address: tuple[str, int]
) -> None:
    task = await desk.submit()
    async with connected(address) as stream, connected(address) as socket:
        await stream.say(f"GET /api/v1/tasks/{task['id']}/events/stream HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        await socket.say(
            b"GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
            b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert b" 101 " in await socket.reader.readline()
        assert b" 200 " in await stream.reader.readline()
        await asyncio.sleep(2 * HEAD_S)
        assert not stream.reader.at_eof()
        assert not socket.reader.at_eof()
