"""Two API replicas and a worker: what one replica accepts, anybody may follow at the other."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from redis import Redis
from tests.support.fleet import Fleet, Program
from tests.support.server import server_sent_events
from websockets.asyncio.client import connect

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.servers,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("two-replicas"),
]

CONTENT = "地区,销售额\n华东,10\n".encode() * 2000
CHAIN = {"edges": {"a": [], "b": ["a"], "c": ["b"]}, "sleeps": {"a": 0.3, "b": 0.3, "c": 0.3}}
ENDING = "task.completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicas:
    fleet: Fleet
    accepting: Program
    other: Program


@pytest.fixture(scope="module")
def replicas() -> Iterator[Replicas]:
    with Fleet({"MAX_CONCURRENT_WORKFLOWS": "5", "LEASE_SECONDS": "30"}) as fleet:
        fleet.complete(apis=2, workers=1)
        accepting, other = fleet.apis
        yield Replicas(fleet=fleet, accepting=accepting, other=other)


@asynccontextmanager
async def client_of(api: Program) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{api.port}", timeout=60) as client:
        yield client


async def submit(api: Program) -> dict[str, Any]:
    async with client_of(api) as client:
        answer = await client.post(
            "/api/v1/tasks",
            data={"description": "follow me", "team": "zero_work", "input_data": json.dumps(CHAIN)},
            files=[("files", ("销售.csv", CONTENT, "text/csv"))],
        )
    assert answer.status_code == 202, answer.text
    task: dict[str, Any] = answer.json()
    return task


async def streamed(api: Program, task_id: str, *, after: int = 0) -> list[tuple[int, str]]:
    """Numbers and types over server-sent events until the task's end; progress has no number."""
    headers = {"last-event-id": str(after)} if after else {}
    async with (
        client_of(api) as client,
        client.stream("GET", f"/api/v1/tasks/{task_id}/events/stream", headers=headers) as response,
    ):
        assert response.status_code == 200
        return [(int(event.id), event.event) async for event in server_sent_events(response) if event.id]


async def framed(api: Program, task_id: str, *, after: int = 0) -> list[int]:
    """Numbers over the WebSocket until the task's end."""
    async with connect(f"ws://127.0.0.1:{api.port}/ws", open_timeout=60, ping_timeout=None) as socket:
        await socket.send(json.dumps({"type": "task_subscribe", "task_id": task_id, "after_event_id": after}))
        numbers = []
        async for raw in socket:
            frame = json.loads(raw)
            if frame["type"] in ("task_created", "task_update", "task_completed"):
                numbers.append(frame["event_id"])
            if frame["type"] == "task_completed":
                break
    return numbers


async def follow(replicas: Replicas) -> None:
    """A task of one replica, live at the other in both ways, and again from its middle at the first."""
    async with asyncio.timeout(120):
        task = await submit(replicas.accepting)
        task_id = task["id"]
        events, frames = await asyncio.gather(
            streamed(replicas.other, task_id), framed(replicas.other, task_id)
        )
        whole = list(range(1, len(events) + 1))
        assert [number for number, _ in events] == whole
        assert events[-1][1] == ENDING
        assert {"task.submitted", "subtask.started", "subtask.completed"} <= {kind for _, kind in events}
        assert frames == whole
        middle = len(whole) // 2
        assert await streamed(replicas.accepting, task_id, after=middle) == events[middle:]
        assert await framed(replicas.accepting, task_id, after=middle) == whole[middle:]
        async with client_of(replicas.other) as client:
            shown = (await client.get(f"/api/v1/tasks/{task_id}")).json()
            files = (await client.get(f"/api/v1/tasks/{task_id}/artifacts")).json()["artifacts"]
            content = (await client.get(next(f["url"] for f in files if f["name"] == "销售.csv"))).content
    assert (shown["status"], shown["files"]) == ("completed", task["files"])
    assert content == CONTENT
    assert shown["files"][0]["digest"] == hashlib.sha256(CONTENT).hexdigest()
    replicas.fleet.check([task_id])


async def test_a_task_of_one_replica_is_followed_at_the_other_without_a_gap(replicas: Replicas) -> None:
    await follow(replicas)


async def test_without_redis_it_is_followed_all_the_same(replicas: Replicas) -> None:
    replicas.fleet.redis.stop()
    try:
        await follow(replicas)
    finally:
        replicas.fleet.redis.start()


def test_all_processes_share_one_channel_that_bears_the_installations_id(replicas: Replicas) -> None:
    [(own_id,)] = replicas.fleet.query("SELECT value FROM installation WHERE name = 'installation_id'")
    channel = f"lgma:{own_id[:8]}:feed".encode()
    with Redis.from_url(replicas.fleet.redis.url(1)) as client:
        replicas.fleet.until(lambda: dict(client.pubsub_numsub(channel)) == {channel: 3}, "all three listen")
        assert client.pubsub_channels("lgma:*") == [channel]
