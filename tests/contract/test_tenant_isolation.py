"""Two tenants on one installation: whatever they do, nothing of the one reaches the other."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.contract.test_access_matrix import asked, path_of
from tests.support.server import Desk, open_desk, serving
from tests.support.stores import BACKENDS
from uuid_utils import uuid7
from websockets.asyncio.client import connect

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.access.policy import Role
from langgraph_multi_agent.domain.clock import SystemClock
from langgraph_multi_agent.service import health

pytestmark = pytest.mark.anyio

OPERATIONS = 60
PATIENCE_S = 60.0
MARKS = {"harbour": "albatross7f3a", "island": "cormorant9c1e"}


@dataclass(slots=True)
class Side:
    """One tenant, what is theirs, and all that they were ever told."""

    tenant: str
    key: str
    tasks: list[str] = field(default_factory=list)
    schedules: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    @property
    def mark(self) -> str:
        return MARKS[self.tenant]

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}


@pytest.fixture(params=sorted(BACKENDS))
async def desk(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Desk]:
    monkeypatch.setattr(health, "CHECK_DEADLINE_S", PATIENCE_S)  # a check that is late is a 503
    opener = BACKENDS[request.param](tmp_path, SystemClock(), lambda: str(uuid7()))
    limits: Any = {"rate_limit": "999999/second", "chat_messages_per_minute": 10_000}
    async with (
        opener as database,
        open_desk(tmp_path / "data", database=database, enable_auth=True, **limits) as opened,
    ):
        yield opened


async def side(desk: Desk, tenant: str) -> Side:
    scope = Scope(tenant=tenant, actor="root")
    made = await desk.services.identities.create_key(scope, name=MARKS[tenant], role=Role.ADMIN)
    return Side(tenant, made.secret)


async def tell(desk: Desk, who: Side, method: str, path: str, **request: Any) -> httpx.Response:
    answer = await desk.client.request(method, path, headers=who.headers, **request)
    who.told.append(f"{method} {path} {answer.status_code} {answer.text}")
    assert answer.status_code < 500, (method, path, answer.text)
    return answer


async def act(desk: Desk, chance: random.Random, who: Side, other: Side) -> None:
    """Something of their own, or a try at something that is not theirs."""
    text = f"{who.mark} {chance.randrange(1000)}"
    foreign = chance.random() < 0.4
    owner = other if foreign else who
    task_id = chance.choice(owner.tasks) if owner.tasks else str(uuid7())
    schedule_id = chance.choice(owner.schedules) if owner.schedules else str(uuid7())
    match chance.randrange(10):
        case 0 | 1:
            body = {"description": text, "title": text, "assignee": who.mark, "input_data": {"x": text}}
            who.tasks.append((await tell(desk, who, "POST", "/api/v1/tasks", json=body)).json()["id"])
            return
        case 2:
            answer = await tell(desk, who, "POST", "/api/v1/mvp2/tasks", json={"name": text})
            who.tasks.append(answer.json()["data"]["id"])
            return
        case 3:
            body = {"name": text + str(uuid7()), "cron": "0 8 * * *", "task": {"description": text}}
            answer = await tell(desk, who, "POST", "/api/v1/schedules", json=body)
            who.schedules.append(answer.json()["id"])
            return
        case 4:
            await tell(desk, who, "POST", "/api/v1/mvp2/chat/messages", json={"content": f"状态 {text}"})
            return
        case 5:
            body = {"type": "general", "message": text}
            await tell(desk, who, "POST", "/api/v1/mvp2/feedback", json=body)
            return
        case 6:
            action = chance.choice(["cancel", "pause", "resume", "retry", "reopen", "complete"])
            answer = await tell(desk, who, "POST", f"/api/v1/tasks/{task_id}/{action}", json={})
        case 7:
            answer = await tell(desk, who, "PUT", f"/api/v1/mvp2/tasks/{task_id}", json={"name": text})
        case 8:
            change = {"is_enabled": False}
            answer = await tell(desk, who, "PATCH", f"/api/v1/schedules/{schedule_id}", json=change)
        case _:
            words = {"q": chance.choice(list(MARKS.values()))}
            answer = await tell(desk, who, "GET", "/api/v1/mvp2/tasks", params=words)
            foreign = False
    if foreign:
        assert answer.status_code == 404, who.told[-1]


@asynccontextmanager
async def listening(address: str, who: Side) -> AsyncIterator[None]:
    """Everything that a socket tells them, until the block ends."""
    # It reads all the while: else a ping of the server waits behind what is not taken.
    patience: dict[str, Any] = {"open_timeout": PATIENCE_S, "max_queue": None}
    address = f"ws://{address}/api/v1/mvp2/ws"
    async with connect(address, additional_headers=who.headers, **patience) as socket:
        for wanted in ("task_subscribe", "agent_subscribe", "chat_subscribe"):
            await socket.send(json.dumps({"type": wanted}))
        try:
            yield
        finally:
            await socket.send(json.dumps({"type": "ping"}))
            async with asyncio.timeout(PATIENCE_S):
                async for frame in socket:
                    who.told.append(str(frame))
                    if json.loads(frame)["type"] == "pong":
                        break


@pytest.mark.parametrize("seed", range(3))
async def test_nothing_that_a_tenant_does_or_asks_shows_them_anything_of_another(desk: Desk, seed: int) -> None:
    chance = random.Random(seed)
    ours, theirs = await side(desk, "harbour"), await side(desk, "island")
    pairs = [(ours, theirs), (theirs, ours)]
    async with serving(desk.app) as address, listening(address, ours), listening(address, theirs):
        for _ in range(OPERATIONS):
            await act(desk, chance, *chance.choice(pairs))
        for who, other in pairs:
            for method, template, _ in asked(desk.app):
                if method != "GET" or template.endswith("/stream") or template == "/metrics":
                    continue
                for owner in (who, other):
                    task_id = owner.tasks[0] if owner.tasks else "x"
                    schedule_id = owner.schedules[0] if owner.schedules else "x"
                    path = path_of(template, task_id=task_id, schedule_id=schedule_id)
                    await tell(desk, who, "GET", path)
                    if "_id}" in template and owner is other:
                        assert " 404 " in who.told[-1], who.told[-1]
    for who, other in pairs:
        leaks = [line for line in who.told if other.mark in line.replace(f"q={other.mark}", "")]
        assert leaks == []
        assert any(who.mark in line for line in who.told)
        listed = await desk.client.get("/api/v1/mvp2/tasks", params={"limit": 1000}, headers=who.headers)
        assert {task["id"] for task in listed.json()["data"]["tasks"]} == set(who.tasks)
