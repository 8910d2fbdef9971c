"""The frames of the MVP2 contract, over a real WebSocket."""

import asyncio
import contextlib
import json
import secrets
import socket as network
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.server import Desk, open_desk, serving, step_event
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from langgraph_multi_agent.api import subscriptions, wire, ws
from langgraph_multi_agent.api.context import StreamLimits
from langgraph_multi_agent.api.mvp2.shapes import frame_data
from langgraph_multi_agent.api.wire import Wire
from langgraph_multi_agent.domain.event import Event, EventType, position_of
from langgraph_multi_agent.domain.task import Action, Task
from langgraph_multi_agent.service import health

pytestmark = pytest.mark.anyio

ORIGIN = "https://app.example.com"
PATIENCE_S = 60.0
SLOW_S = 1.0
"""Of a client that takes nothing: one that takes what it is sent has so long for each frame."""
Frame = dict[str, Any]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path / "data", cors_origins=[ORIGIN]) as opened:
        yield opened


class Socket:
    """A client that speaks frames. Heartbeats are left out unless asked for."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, **frame: Any) -> None:
        await self.connection.send(json.dumps(frame))

    async def next(self) -> Frame:
        async with asyncio.timeout(60):
            frame: Frame = json.loads(await self.connection.recv())
        return frame

    async def ask(self, **frame: Any) -> Frame:
        await self.send(**frame)
        return await self.next()

    async def until(self, is_last: Callable[[Frame], bool]) -> list[Frame]:
        found = [await self.next()]
        while not is_last(found[-1]):
            found.append(await self.next())
        return found


@asynccontextmanager
async def opened(address: str, path: str = "/ws", **more: Any) -> AsyncIterator[Socket]:
    async with connect(f"ws://{address}{path}", open_timeout=PATIENCE_S, **more) as connection:
        socket = Socket(connection)
        greeting = await socket.next()
        assert greeting["type"] == "system_notification"
        yield socket


def narrow(address: str) -> network.socket:
    """A connection that takes little before its reader does, so that little need be sent to fill it."""
    host, _, port = address.rpartition(":")
    sock = network.socket()
    sock.setsockopt(network.SOL_SOCKET, network.SO_RCVBUF, 4096)
    sock.connect((host, int(port)))
    return sock


@asynccontextmanager
async def talking(desk: Desk, path: str = "/ws", **more: Any) -> AsyncIterator[Socket]:
    async with serving(desk.app) as address, opened(address, path, **more) as socket:
        yield socket


@pytest.mark.parametrize("path", ["/ws", "/api/v1/mvp2/ws"])
async def test_each_question_has_its_answer_on_both_paths(
    desk: Desk, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "CHECK_DEADLINE_S", PATIENCE_S)  # what is asked is healthy, however slow
    task = await desk.submit("数一数", title="任务一", priority=4)
    async with talking(desk, path) as socket:
        ping = {"type": "ping", "timestamp": "2026-11-22T00:00:00Z", "extra": [1]}
        pong = await socket.ask(**ping)
        assert (pong["type"], pong["original_message"]) == ("pong", ping)
        confirmed = await socket.ask(type="task_subscribe", task_id=task["id"])
        assert (confirmed["type"], confirmed["task_id"]) == ("task_subscription_confirmed", task["id"])
        assert confirmed["event_id"] == 1
        shown = confirmed["data"]
        assert (shown["id"], shown["name"], shown["priority"], shown["status"], shown["progress"]) == (
            task["id"],
            "任务一",
            "紧急",
            "pending",
            0,
        )
        assert {"description", "deadline", "assignee", "created_at", "updated_at"} <= shown.keys()
        every = await socket.ask(type="task_subscribe")
        assert (every["type"], isinstance(every["cursor"], str)) == ("task_subscription_confirmed", True)
        assert (await socket.ask(type="chat_subscribe"))["type"] == "chat_subscription_confirmed"
        agents = await socket.ask(type="agent_subscribe")
        assert agents["type"] == "agent_subscription_confirmed"
        assert {agent["name"] for agent in agents["data"]["agents"]} == {"lead", "desk"}
        status = await socket.ask(type="get_status")
        assert (status["type"], status["data"]["system_health"]) == ("status_response", "healthy")
        assert status["data"]["services"]["task_service"] == "healthy"
        assert status["data"]["performance"].keys() == {"response_time", "uptime", "memory_usage"}
        for frame in (pong, confirmed, every, agents, status):
            assert {"type", "data", "message", "timestamp"} <= frame.keys()
            assert frame["timestamp"].endswith("Z")


async def test_a_task_is_told_from_its_creation_to_its_deletion(desk: Desk) -> None:
    async with talking(desk) as socket:
        assert (await socket.ask(type="task_subscribe"))["type"] == "task_subscription_confirmed"
        task_id = (await desk.submit("x"))["id"]
        await desk.commit(task_id, step_event(EventType.SUBTASK_STARTED, "read", attempt=1))
        await desk.finish(task_id)
        await desk.client.delete(f"/api/v1/tasks/{task_id}")
        frames = await socket.until(lambda frame: frame["type"] == "task_deleted")
    kinds = [frame["type"] for frame in frames]
    numbers = [frame["event_id"] for frame in frames]
    assert numbers[-1] == max(numbers)
    assert sorted(set(numbers)) == sorted(numbers)
    assert kinds[-1] == "task_deleted"
    assert set(kinds[:-1]) <= {"task_created", "task_update", "task_completed"}
    assert frames[-1]["data"]["deleted_task_id"] == task_id
    cursors = [position_of(frame["cursor"]) for frame in frames]
    assert cursors == sorted(cursors)
    for frame in frames:
        assert {"type", "data", "message", "timestamp"} <= frame.keys()
        assert frame["data"]["id"] == task_id


async def test_the_frames_of_one_task_come_in_order_with_the_task_as_it_is(desk: Desk) -> None:
    task_id = (await desk.submit("x", title="报告"))["id"]
    async with talking(desk) as socket:
        await socket.ask(type="task_subscribe", task_id=task_id)
        await desk.submit("another")
        await desk.plan(task_id)
        await desk.finish(task_id)
        frames = await socket.until(lambda frame: frame["type"] == "task_completed")
    assert [frame["event_id"] for frame in frames] == [2, 3, 4]
    assert [frame["type"] for frame in frames] == ["task_update", "task_update", "task_completed"]
    assert [frame["data"]["event"]["type"] for frame in frames] == [
        "task.started",
        "plan.created",
        "task.completed",
    ]
    assert (frames[-1]["data"]["status"], frames[-1]["data"]["progress"]) == ("completed", 100)
    assert "报告" in frames[-1]["message"]


async def test_statuses_are_those_of_the_contract(desk: Desk) -> None:
    waiting, paused, cancelled, failed = [(await desk.submit(f"t{n}"))["id"] for n in range(4)]
    await desk.client.post(f"/api/v1/tasks/{paused}/pause")
    await desk.client.post(f"/api/v1/tasks/{cancelled}/cancel")
    await desk.ask(
        waiting,
        {"id": "1/0/u/1/0", "kind": "approval", "text": "May I?", "options": [], "subtask_id": None},
    )
    await desk.finish(failed, Action.FAIL, error={"code": "SKILL_FAILED", "params": {"skill": "x"}})
    async with talking(desk) as socket:
        shown = {}
        for task_id in (waiting, paused, cancelled, failed):
            data = (await socket.ask(type="task_subscribe", task_id=task_id))["data"]
            shown[task_id] = (data["status"], data["status_detail"])
            if task_id == failed:
                assert data["error"]["title"]
    assert shown == {
        waiting: ("in_progress", "waiting_input"),
        paused: ("in_progress", "paused"),
        cancelled: ("failed", "cancelled"),
        failed: ("failed", None),
    }


async def test_a_client_that_comes_back_sees_every_event_once_and_in_order(desk: Desk) -> None:
    task_id = (await desk.submit("x"))["id"]
    await desk.claim(task_id)
    stop = asyncio.Event()

    async def work() -> None:
        while not stop.is_set():
            await desk.commit(task_id, step_event(EventType.TOOL_CALLED, "read"))
            await asyncio.sleep(0)
        await desk.finish(task_id)

    working = asyncio.create_task(work())
    seen: list[int] = []
    async with serving(desk.app) as address:
        for visit in range(5):
            if visit == 4:
                stop.set()
            async with opened(address) as socket:
                after = seen[-1] if seen else 0
                await socket.ask(type="task_subscribe", task_id=task_id, after_event_id=after)
                while True:
                    frame = await socket.next()
                    seen.append(frame["event_id"])
                    if frame["type"] == "task_completed" or (visit < 4 and len(seen) % 9 == 0):
                        break
    await working
    assert seen == list(range(1, len(seen) + 1))


async def test_all_tasks_are_resumed_from_the_cursor_of_the_last_frame(desk: Desk) -> None:
    async with serving(desk.app) as address:
        async with opened(address) as socket:
            await socket.ask(type="task_subscribe")
            first = (await desk.submit("one"))["id"]
            frame = await socket.next()
            assert (frame["type"], frame["data"]["id"]) == ("task_created", first)
        second, third = (await desk.submit("two"))["id"], (await desk.submit("three"))["id"]
        async with opened(address) as socket:
            confirmed = await socket.ask(type="task_subscribe", cursor=frame["cursor"])
            assert confirmed["cursor"] == frame["cursor"]
            missed = [(await socket.next())["data"]["id"] for _ in range(2)]
    assert missed == [second, third]


async def test_a_task_that_is_subscribed_twice_is_told_once(desk: Desk) -> None:
    task_id = (await desk.submit("x"))["id"]
    async with talking(desk) as socket:
        await socket.ask(type="task_subscribe")
        await socket.ask(type="task_subscribe", task_id=task_id)
        await desk.claim(task_id)
        await desk.finish(task_id)
        other = (await desk.submit("y"))["id"]
        frames = [await socket.next() for _ in range(3)]
        assert (await socket.ask(type="ping"))["type"] == "pong"
    assert sorted((frame["data"]["id"], frame["event_id"]) for frame in frames) == sorted(
        [(task_id, 2), (task_id, 3), (other, 1)]
    )


async def test_agents_are_told_when_their_state_changes(desk: Desk) -> None:
    task_id = (await desk.submit("x"))["id"]
    async with talking(desk) as socket:
        await socket.ask(type="agent_subscribe")
        await desk.commit(task_id, step_event(EventType.SUBTASK_STARTED, "read", attempt=1))
        frame = await socket.next()
        assert (frame["type"], frame["data"]["name"], frame["data"]["state"]) == (
            "agent_status",
            "desk",
            "busy",
        )
        await desk.commit(task_id, step_event(EventType.SUBTASK_COMPLETED, "read"))
        (*_, frame) = await socket.until(lambda frame: frame["data"]["state"] == "idle")
        assert frame["data"]["completed"] == 1


@pytest.mark.parametrize(
    "raw",
    [
        "{",
        "",
        "[]",
        "7",
        '"text"',
        b"\xff\xfe",
        '{"type": "dance"}',
        '{"type": 5}',
        "{}",
        '{"type": "task_subscribe", "task_id": 5}',
        '{"type": "task_subscribe", "task_id": "x", "after_event_id": -1}',
        '{"type": "task_subscribe", "cursor": "nonsense"}',
        '{"type": "task_subscribe", "cursor": 7}',
        '{"type": "task_subscribe", "cursor": "1.99999999999999999999"}',
        '{"type": "task_subscribe", "task_id": "none"}',
        '{"type": "ping", "x": "' + "y" * 70_000 + '"}',
        "[" * 5000,
    ],
)
async def test_a_bad_frame_is_an_error_and_the_connection_stays(desk: Desk, raw: str | bytes) -> None:
    async with talking(desk) as socket:
        await socket.connection.send(raw)
        error = await socket.next()
        assert (error["type"], error["error"]) == ("error", True)
        assert error["message"]
        assert (await socket.ask(type="ping"))["type"] == "pong"


async def test_the_words_follow_the_language_of_the_handshake(desk: Desk) -> None:
    async with serving(desk.app) as address:
        words = {}
        for language in ("zh", "en"):
            async with opened(address, additional_headers={"accept-language": language}) as socket:
                words[language] = (await socket.ask(type="dance"))["message"]
    assert words == {"zh": "未知的消息类型：dance", "en": "Unknown message type: dance"}


@pytest.mark.parametrize("path", ["/ws", "/api/v1/mvp2/ws"])
async def test_a_page_chooses_the_language_in_the_address(desk: Desk, path: str) -> None:
    words = {}
    async with serving(desk.app) as address:
        for chosen, browser in (
            ("zh", "en"),
            ("en", "zh"),
            ("fr", "en"),
            ("", "en"),
            ("en&language=en", "zh"),
        ):
            headers = {"accept-language": browser}
            async with opened(address, f"{path}?language={chosen}", additional_headers=headers) as socket:
                words[chosen] = (await socket.ask(type="dance"))["message"]
    unknown = {"zh": "未知的消息类型：dance", "en": "Unknown message type: dance"}
    assert words == {
        "zh": unknown["zh"],
        "en": unknown["en"],
        "fr": unknown["en"],
        "": unknown["en"],
        "en&language=en": unknown["en"],
    }


async def test_a_field_that_does_not_fit_names_the_task_it_was_about(desk: Desk) -> None:
    async with talking(desk) as socket:
        error = await socket.ask(type="task_subscribe", task_id="mine", after_event_id=-1)
        assert (error["type"], error["task_id"]) == ("error", "mine")
        assert "task_id" not in await socket.ask(type="task_subscribe", task_id=5)


class Gate:
    """A measurement of the status that takes as long as the test says."""

    def __init__(self) -> None:
        self.asked, self.entered, self.may_go = 0, asyncio.Event(), asyncio.Event()

    async def __call__(self, *_: object) -> dict[str, Any]:
        self.asked += 1
        self.entered.set()
        await self.may_go.wait()
        return {"number": self.asked}


async def test_questions_for_the_status_that_come_too_fast_have_one_later_answer_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    monkeypatch.setattr(ws, "system_status", gate)
    limits = StreamLimits(status_pause_s=0.01)
    async with open_desk(tmp_path / "data", stream_limits=limits) as desk, talking(desk) as socket:
        await socket.send(type="get_status")
        async with asyncio.timeout(60):
            await gate.entered.wait()
        for _ in range(50):
            await socket.send(type="get_status")
        # All of them are read, and other questions answered, while the first one is being measured.
        assert (await socket.ask(type="ping"))["type"] == "pong"
        gate.may_go.set()
        answers = [await socket.next() for _ in range(2)]
        assert [(one["type"], one["data"]["number"]) for one in answers] == [
            ("status_response", 1),
            ("status_response", 2),
        ]
        assert (await socket.ask(type="ping"))["type"] == "pong"
        assert gate.asked == 2
        assert (await socket.ask(type="get_status"))["data"]["number"] == 3


async def test_within_the_pause_after_an_answer_there_is_no_second_one(tmp_path: Path) -> None:
    assert 0.2 <= StreamLimits().status_pause_s <= 0.5
    limits = StreamLimits(status_pause_s=3600)
    async with open_desk(tmp_path / "data", stream_limits=limits) as desk, talking(desk) as socket:
        assert (await socket.ask(type="get_status"))["type"] == "status_response"
        for _ in range(50):
            await socket.send(type="get_status")
        assert (await socket.ask(type="ping"))["type"] == "pong"


async def test_a_flood_of_questions_leaves_one_follower_of_each_kind(desk: Desk) -> None:
    task_id = (await desk.submit("x"))["id"]
    async with talking(desk) as socket:
        for _ in range(30):
            await socket.send(type="task_subscribe", task_id=task_id, after_event_id=0)
            await socket.send(type="task_subscribe")
            await socket.send(type="get_status")
        await socket.send(type="ping")
        await socket.until(lambda frame: frame["type"] == "pong")
        names = [task.get_name() for task in asyncio.all_tasks()]
        names = [name for name in names if name.startswith(("ws-follow", "ws-status"))]
        assert sorted(names) == sorted({*names})
        assert (
            {f"ws-follow-{task_id}", "ws-follow-*tasks"}
            <= {*names}
            <= {
                f"ws-follow-{task_id}",
                "ws-follow-*tasks",
                "ws-status",
            }
        )


async def test_a_quiet_connection_has_a_heartbeat(tmp_path: Path) -> None:
    assert StreamLimits().heartbeat_s == 30
    limits = StreamLimits(heartbeat_s=0.02)
    async with open_desk(tmp_path / "data", stream_limits=limits) as desk, talking(desk) as socket:
        frames = [await socket.next() for _ in range(2)]
    assert [frame["type"] for frame in frames] == ["heartbeat", "heartbeat"]


async def test_only_pages_of_known_origins_may_connect(desk: Desk) -> None:
    async with serving(desk.app) as address:
        for origin in (ORIGIN, f"http://{address}"):
            async with opened(address, origin=origin) as socket:
                assert (await socket.ask(type="ping"))["type"] == "pong"
        for origin in ("https://evil.example", "null", f"http://{address.split(':')[0]}:1"):
            with pytest.raises(InvalidStatus) as refused:
                async with opened(address, origin=origin):
                    pass
            assert refused.value.response.status_code == 403


async def test_a_client_that_takes_nothing_is_closed_and_can_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up, close = asyncio.Event(), Wire.close

    async def closing(self: Wire, code: int) -> None:
        given_up.set()
        await close(self, code)

    monkeypatch.setattr(Wire, "close", closing)
    monkeypatch.setattr(wire, "CLOSE_DEADLINE_S", PATIENCE_S)
    limits = StreamLimits(send_deadline_s=SLOW_S)
    async with open_desk(tmp_path / "data", stream_limits=limits) as desk:
        task_id = (await desk.submit("x"))["id"]
        big = {"text": secrets.token_hex(3500)}
        async with serving(desk.app) as address:
            async with opened(address, max_queue=1, compression=None, sock=narrow(address)) as socket:
                await socket.ask(type="task_subscribe", task_id=task_id, after_event_id=0)
                committed = 1
                while not given_up.is_set():
                    events = [step_event(EventType.TOOL_CALLED, "read", **big) for _ in range(50)]
                    await desk.commit(task_id, *events)
                    committed += len(events)
                    await asyncio.sleep(SLOW_S / 20)
                seen: list[int] = []
                closed = await read_until_closed(socket, seen)
            assert seen == list(range(1, len(seen) + 1))
            assert len(seen) < committed
            assert closed == 1013
            async with opened(address, max_queue=None) as socket:  # a full queue would hold up its own close
                await socket.ask(type="task_subscribe", task_id=task_id, after_event_id=seen[-1])
                assert (await socket.next())["event_id"] == seen[-1] + 1


async def test_a_client_that_asks_and_never_listens_is_not_read_any_further_and_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up, close = asyncio.Event(), Wire.close

    async def closing(self: Wire, code: int) -> None:
        given_up.set()
        await close(self, code)

    monkeypatch.setattr(Wire, "close", closing)
    monkeypatch.setattr(wire, "CLOSE_DEADLINE_S", PATIENCE_S)
    limits = StreamLimits(send_deadline_s=SLOW_S)
    question = json.dumps({"type": "ping", "x": secrets.token_hex(30_000)})

    async def ask_on(socket: Socket) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.connection.send(question)

    async with (
        open_desk(tmp_path / "data", stream_limits=limits) as desk,
        talking(desk, max_queue=1, compression=None) as socket,
    ):
        asking = asyncio.create_task(ask_on(socket))
        try:
            await asyncio.wait_for(given_up.wait(), 60)
        finally:
            asking.cancel()
            await asyncio.wait({asking})
        with contextlib.suppress(ConnectionClosed):
            while True:
                assert (await socket.next())["type"] in {"pong", "heartbeat"}
        assert socket.connection.close_code == 1013


async def read_until_closed(socket: Socket, seen: list[int]) -> int | None:
    """Take what was sent; the code that the connection was closed with."""
    try:
        while True:
            seen.append((await socket.next())["event_id"])
    except ConnectionClosed:
        return socket.connection.close_code


async def wait_until_closed(desk: Desk) -> None:
    async with asyncio.timeout(60):
        while "langgraph_websocket_connections 0.0" not in desk.services.metrics.render()[0].decode():  # noqa: ASYNC110 - a gauge has no event
            await asyncio.sleep(0.02)


async def test_connections_are_counted_and_leave_nothing_behind(desk: Desk) -> None:
    task_id = (await desk.submit("x"))["id"]
    async with serving(desk.app) as address:
        async with opened(address) as socket:
            await socket.ask(type="task_subscribe", task_id=task_id)
            await socket.ask(type="task_subscribe")
            await socket.ask(type="agent_subscribe")
            assert "langgraph_websocket_connections 1.0" in desk.services.metrics.render()[0].decode()
        await wait_until_closed(desk)
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith(("ws-", "stream-"))]
    assert desk.feed._listeners == {}


async def test_an_event_is_encoded_once_for_all_who_watch_in_one_language(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[tuple[int, str]] = []

    def counted(event: Event, task: Task | None, language: str) -> dict[str, Any]:
        encoded.append((event.seq, language))
        return frame_data(event, task, language)

    monkeypatch.setattr(subscriptions, "frame_data", counted)
    task_id = (await desk.submit("x"))["id"]
    async with serving(desk.app) as address, contextlib.AsyncExitStack() as stack:
        sockets = [
            await stack.enter_async_context(opened(address, additional_headers={"accept-language": language}))
            for language in ("zh", "zh", "zh", "en", "en")
        ]
        for socket in sockets:
            await socket.ask(type="task_subscribe", task_id=task_id)
        await desk.finish(task_id)
        shown = [[await socket.next() for _ in range(2)] for socket in sockets]
    assert sorted(encoded) == [(2, "en"), (2, "zh"), (3, "en"), (3, "zh")]
    assert shown[0] == shown[1] == shown[2]
    assert shown[3] == shown[4]
    assert shown[0][1]["message"] != shown[3][1]["message"]


async def test_one_connection_follows_a_limited_number_of_tasks(tmp_path: Path) -> None:
    async with open_desk(tmp_path / "data", stream_limits=StreamLimits(subscriptions=2)) as desk:
        ids = [(await desk.submit(f"t{n}"))["id"] for n in range(3)]
        async with talking(desk) as socket:
            answers = [await socket.ask(type="task_subscribe", task_id=task_id) for task_id in ids]
            again = await socket.ask(type="task_subscribe", task_id=ids[0])
    kinds = [answer["type"] for answer in answers]
    assert kinds == ["task_subscription_confirmed", "task_subscription_confirmed", "error"]
    assert [answer["task_id"] for answer in answers] == ids
    assert again["type"] == "task_subscription_confirmed"
