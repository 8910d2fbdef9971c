"""What the MVP2 contract says of its WebSocket beyond tasks: chat, status, and tasks made through the adapter.

`test_ws_frames` holds the frames of tasks and agents, and the heartbeat; the helpers are its own.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.contract.test_ws_frames import Socket, opened
from tests.support.server import Desk, open_desk, serving
from tests.support.stores import BACKENDS
from uuid_utils import uuid7

from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.domain.clock import SystemClock
from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.service.channels import chat_topic

pytestmark = pytest.mark.anyio

PATH = "/api/v1/mvp2/ws"
TASKS = "/api/v1/mvp2/tasks"


@pytest.fixture(params=sorted(BACKENDS))
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    opener = BACKENDS[request.param](tmp_path, SystemClock(), lambda: str(uuid7()))
    async with (
        opener as database,
        open_desk(tmp_path / "data", database=database) as opened_desk,
    ):
        yield opened_desk


@pytest.fixture
async def socket(desk: Desk) -> AsyncIterator[Socket]:
    async with serving(desk.app) as address, opened(address, PATH) as connected:
        yield connected


def say(desk: Desk, content: str, *, tenant: str = "default", actor: str = DEFAULT_SCOPE.actor) -> None:
    message = {
        "type": "ai",
        "content": content,
        "sender": "MetaAgent",
        "timestamp": "2026-11-22T08:30:00+00:00",
    }
    desk.feed.publish(chat_topic(tenant), {"actor": actor, "message": message})


async def test_what_is_said_reaches_those_who_subscribed_to_the_conversation(
    desk: Desk, socket: Socket
) -> None:
    say(desk, "before")
    assert (await socket.ask(type="chat_subscribe"))["type"] == "chat_subscription_confirmed"
    for content in ("一", "二"):
        say(desk, content)
    frames = [await socket.next() for _ in range(2)]
    assert [frame["type"] for frame in frames] == ["chat_message", "chat_message"]
    assert [frame["data"]["content"] for frame in frames] == ["一", "二"]
    assert {"type", "content", "sender", "timestamp"} <= frames[0]["data"].keys()
    assert "MetaAgent" in frames[0]["message"]
    assert frames[0]["timestamp"].endswith("Z")


async def test_other_peoples_conversations_are_not_heard(desk: Desk, socket: Socket) -> None:
    await socket.ask(type="chat_subscribe")
    say(desk, "secret", tenant="other")
    say(desk, "secret", actor="somebody else")
    say(desk, "mine")
    assert (await socket.next())["data"]["content"] == "mine"


async def test_a_socket_without_a_subscription_hears_no_chat(desk: Desk, socket: Socket) -> None:
    await socket.ask(type="task_subscribe")
    say(desk, "hello")
    assert (await socket.ask(type="ping"))["type"] == "pong"


async def test_a_second_subscription_to_chat_tells_nothing_twice(desk: Desk, socket: Socket) -> None:
    for _ in range(2):
        assert (await socket.ask(type="chat_subscribe"))["type"] == "chat_subscription_confirmed"
    say(desk, "once")
    assert (await socket.next())["data"]["content"] == "once"
    assert (await socket.ask(type="ping"))["type"] == "pong"


async def test_chat_is_no_progress_of_a_task(desk: Desk) -> None:
    follow = desk.services.streams.follow_all(DEFAULT_SCOPE, cursor=None, idle_s=0.05)
    await anext(follow)
    say(desk, "hello")
    desk.feed.publish((await desk.submit())["id"], {"delta": "x"})
    seen = [await anext(follow) for _ in range(4)]
    assert not [item for item in seen if str(getattr(item, "task_id", "")).startswith("*")]
    await follow.aclose()


async def test_a_task_made_through_the_adapter_is_told_with_the_contracts_object(
    desk: Desk, socket: Socket
) -> None:
    await socket.ask(type="task_subscribe")
    made = (await desk.client.post(TASKS, json={"name": "月报", "priority": "紧急"})).json()["data"]
    frame = await socket.next()
    assert (frame["type"], frame["event_id"], frame["data"]["event"]["type"]) == (
        "task_created",
        1,
        EventType.TASK_SUBMITTED.value,
    )
    assert {name: frame["data"][name] for name in made if name != "result"} == {
        name: value for name, value in made.items() if name != "result"
    }
    await desk.client.put(f"{TASKS}/{made['id']}", json={"priority": "低"})
    update = await socket.next()
    assert (update["type"], update["data"]["priority"], update["event_id"]) == ("task_update", "低", 2)
    await desk.client.put(f"{TASKS}/{made['id']}", json={"status": "已完成"})
    completed = await socket.next()
    assert (completed["type"], completed["data"]["status"]) == ("task_completed", "completed")
    await desk.client.delete(f"{TASKS}/{made['id']}")
    deleted = await socket.next()
    assert (deleted["type"], deleted["data"]["deleted_task_id"]) == ("task_deleted", made["id"])


async def test_the_status_frame_is_the_status_route(desk: Desk, socket: Socket) -> None:
    frame: dict[str, Any] = await socket.ask(type="get_status")
    route = (await desk.client.get("/api/v1/mvp2/status")).json()["data"]
    assert frame["type"] == "status_response"
    assert frame["data"].keys() == route.keys()
    assert frame["data"]["services"] == route["services"]


async def test_a_ping_is_echoed_whatever_it_carries(socket: Socket) -> None:
    for ping in (
        {"type": "ping"},
        {"type": "ping", "timestamp": 1700000000},
        {"type": "ping", "x": {"y": []}},
    ):
        pong = await socket.ask(**ping)
        assert (pong["type"], pong["original_message"]) == ("pong", ping)


async def test_an_error_keeps_the_connection_and_says_so_in_the_contracts_form(socket: Socket) -> None:
    for raw in ("{", "[]", '"text"', '{"type": "nonsense"}', '{"no": "type"}'):
        await socket.connection.send(raw)
        frame = await socket.next()
        assert (frame["type"], frame["error"]) == ("error", True)
        assert frame["message"]
    missing = await socket.ask(type="task_subscribe", task_id="nothing")
    assert (missing["type"], missing["error_code"]) == ("error", "TASK_NOT_FOUND")
    assert (await socket.ask(type="ping"))["type"] == "pong"
