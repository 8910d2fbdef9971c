"""The live stream of a task's events, over a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from tests.support.server import Desk, ServerSentEvent, open_desk, server_sent_events, serving, step_event

from langgraph_multi_agent.api.context import StreamLimits
from langgraph_multi_agent.domain.event import EventType

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path / "data", stream_limits=StreamLimits(keep_alive_s=0.01)) as opened:
        yield opened


@asynccontextmanager
async def listening(desk: Desk, task_id: str, **headers: str) -> AsyncIterator[httpx.Response]:
    async with (
        serving(desk.app) as address,
        httpx.AsyncClient(base_url=f"http://{address}", timeout=20) as client,
        client.stream("GET", f"/api/v1/tasks/{task_id}/events/stream", headers=headers) as response,
    ):
        yield response


async def take(response: httpx.Response, count: int) -> list[ServerSentEvent]:
    found: list[ServerSentEvent] = []
    async with aclosing(server_sent_events(response)) as events:
        async for event in events:
            found.append(event)
            if len(found) == count:
                break
    return found


async def test_a_stream_brings_what_was_and_what_comes_and_ends_with_the_task(desk: Desk) -> None:
    task_id = (await desk.submit())["id"]
    await desk.plan(task_id)
    async with listening(desk, task_id) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        found: list[ServerSentEvent] = []
        async for event in server_sent_events(response):
            found.append(event)
            if event.event == "plan.created":
                await desk.commit(task_id, step_event(EventType.SUBTASK_STARTED, "read", attempt=1))
            elif event.event == "subtask.started":
                await desk.finish(task_id)
    assert [event.event for event in found] == [
        "task.submitted",
        "task.started",
        "plan.created",
        "subtask.started",
        "task.completed",
    ]
    assert [event.id for event in found] == ["1", "2", "3", "4", "5"]
    assert [event.data["seq"] for event in found] == [1, 2, 3, 4, 5]
    assert found[3].data["agent"] == "desk"


async def test_a_client_that_comes_back_sees_every_event_once_and_in_order(desk: Desk) -> None:
    task_id = (await desk.submit())["id"]
    await desk.claim(task_id)
    stop = asyncio.Event()

    async def work() -> None:
        while not stop.is_set():
            await desk.commit(task_id, step_event(EventType.TOOL_CALLED, "read"))
            await asyncio.sleep(0)
        await desk.finish(task_id)

    working = asyncio.create_task(work())
    seen: list[int] = []
    url = f"/api/v1/tasks/{task_id}/events/stream"
    async with (
        serving(desk.app) as address,
        httpx.AsyncClient(base_url=f"http://{address}", timeout=20) as client,
    ):
        for visit in range(6):
            headers = {"last-event-id": str(seen[-1])} if seen else {}
            if visit == 5:
                stop.set()
            async with client.stream("GET", url, headers=headers) as response:
                seen += [int(event.id or 0) for event in await take(response, 7 if visit < 5 else 10**6)]
        over = await client.get(url, headers={"last-event-id": str(seen[-1])})
    await working
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) > 35
    assert over.status_code == 204


async def test_progress_has_no_number_and_the_header_is_stronger_than_the_query(desk: Desk) -> None:
    task_id = (await desk.submit())["id"]
    await desk.claim(task_id)
    url = f"/api/v1/tasks/{task_id}/events/stream"
    async with (
        serving(desk.app) as address,
        httpx.AsyncClient(base_url=f"http://{address}", timeout=20) as client,
        client.stream("GET", url, params={"after": 0}, headers={"last-event-id": "1"}) as response,
    ):
        events = server_sent_events(response)
        assert (await anext(events)).id == "2"
        desk.feed.publish(task_id, {"subtask_id": "read", "rows": 5})
        progress = await anext(events)
        await events.aclose()
    assert (progress.event, progress.id) == ("progress", None)
    assert progress.data == {"task_id": task_id, "subtask_id": "read", "rows": 5}


async def test_a_quiet_stream_is_kept_alive_and_stops_when_the_process_does(tmp_path: Path) -> None:
    async with open_desk(tmp_path / "data", stream_limits=StreamLimits(keep_alive_s=0.01)) as desk:
        task_id = (await desk.submit())["id"]
        stopping = False
        object.__setattr__(desk.services, "is_stopping", lambda: stopping)
        async with listening(desk, task_id) as response:
            lines = []
            async for line in response.aiter_lines():
                lines.append(line)
                if line == ": keep-alive":
                    stopping = True
        assert lines[0] == "retry: 2000"
        assert ": keep-alive" in lines


async def test_a_client_that_leaves_ends_its_stream(desk: Desk) -> None:
    task_id = (await desk.submit())["id"]
    async with (
        serving(desk.app) as address,
        httpx.AsyncClient(base_url=f"http://{address}", timeout=60) as client,
    ):
        url = f"/api/v1/tasks/{task_id}/events/stream"
        async with client.stream("GET", url) as response:
            await take(response, 1)
            assert [task for task in asyncio.all_tasks() if task.get_name() == "sse-send"]
        async with asyncio.timeout(30):
            while [task for task in asyncio.all_tasks() if task.get_name().startswith("sse-")]:  # noqa: ASYNC110 - tasks of the server
                await asyncio.sleep(0.01)
    assert desk.feed._listeners == {}


async def test_a_client_that_does_not_read_holds_back_the_reading_of_the_log(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = (await desk.submit())["id"]
    big = {"text": "x" * 7000}
    for _ in range(10):
        await desk.commit(task_id, *(step_event(EventType.TOOL_CALLED, "read", **big) for _ in range(100)))
    pulled = 0
    follow = desk.services.streams.pages_of_task

    async def counted(*args: object, **kwargs: object) -> AsyncIterator[object]:
        nonlocal pulled
        async with aclosing(follow(*args, **kwargs)) as pages:  # type: ignore[arg-type]
            async for page in pages:
                pulled += len(page)
                yield page

    monkeypatch.setattr(desk.services.streams, "pages_of_task", counted)
    async with serving(desk.app) as address:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
        path = f"/api/v1/tasks/{task_id}/events/stream"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
        await writer.drain()
        await reader.readline()
        before = -1
        while pulled != before or pulled == 0:
            before = pulled
            await asyncio.sleep(0.3)
        held = pulled
        writer.close()
    assert held < 1000


async def test_what_is_wrong_is_said_before_the_stream_starts(desk: Desk) -> None:
    unknown = await desk.client.get("/api/v1/tasks/none/events/stream")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "TASK_NOT_FOUND")
    task_id = (await desk.submit())["id"]
    url = f"/api/v1/tasks/{task_id}/events/stream"
    bad = await desk.client.get(url, headers={"last-event-id": "abc"})
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "Last-Event-ID")


async def test_events_that_retention_removed_are_a_gap_and_not_silence(desk: Desk) -> None:
    task_id = (await desk.submit())["id"]
    await desk.commit(task_id, *(step_event(EventType.TOOL_CALLED, "read") for _ in range(5)))
    await remove_events(desk, task_id, up_to=4)
    path = f"/api/v1/tasks/{task_id}/events"
    for url in (path, f"{path}/stream"):
        answer = await desk.client.get(url, params={"after": 1})
        assert (answer.status_code, answer.json()["code"]) == (410, "EVENTS_GONE")
    rest = (await desk.client.get(path, params={"after": 4})).json()["events"]
    assert [event["seq"] for event in rest] == [5, 6, 7]


async def remove_events(desk: Desk, task_id: str, *, up_to: int) -> None:
    """What retention does, in one statement."""
    from langgraph_multi_agent.access import SYSTEM_SCOPE
    from langgraph_multi_agent.store.database import UNITS, Store, unit

    @unit
    def forget(store: Store) -> None:
        store.connection.exec_driver_sql(
            "DELETE FROM agent_messages WHERE task_id = ? AND seq <= ?", (task_id, up_to)
        )

    try:
        await desk.database.write(SYSTEM_SCOPE, forget)
    finally:
        del UNITS[forget.__dict__["unit_name"]]


async def test_a_deleted_task_ends_its_stream_with_that_event(desk: Desk) -> None:
    task_id = (await desk.submit())["id"]
    async with listening(desk, task_id) as response:
        found = []
        async for event in server_sent_events(response):
            found.append(event.event)
            if event.event == "task.submitted":
                assert (await desk.client.delete(f"/api/v1/tasks/{task_id}")).status_code == 204
    assert found == ["task.submitted", "task.deleted"]
