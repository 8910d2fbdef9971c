"""While a server drains it still answers, so that clients hear why and when to come back."""

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import httpx
from bench.teams import ZeroWorkAgent, zero_work

from langgraph_multi_agent.agents.contract import Work
from langgraph_multi_agent.bootstrap import DATABASE_FILE, serving
from langgraph_multi_agent.domain.result import SubtaskResult
from langgraph_multi_agent.settings import Settings


class HeldAgent(ZeroWorkAgent):
    """Its work lasts until the test says so."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()

    async def work(self, work: Work) -> SubtaskResult:
        await self.may_end.wait()
        return await super().work(work)


async def test_a_draining_server_refuses_with_a_time_and_keeps_what_is_done(tmp_path: Path) -> None:
    settings = Settings.load({}, data_dir=tmp_path, shutdown_grace=90, lease_seconds=60)
    agent, leave = HeldAgent(), asyncio.Event()
    team = replace(zero_work(), agents={agent.name: agent})
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def server() -> None:
        async with serving(settings, port=0, teams={"zero_work": team}) as address:
            ready.set_result(address)
            await leave.wait()

    async with asyncio.timeout(100), asyncio.TaskGroup() as group:
        running = group.create_task(server())
        async with httpx.AsyncClient(base_url=await ready, timeout=60) as client:
            body = {"title": "t", "description": "d", "team": "zero_work"}
            task_id = (await client.post("/api/v1/tasks", json=body)).json()["id"]
            while (await client.get("/metrics")).text.count("langgraph_agents_active 4.0") == 0:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            leave.set()
            while (answer := await client.get("/ready")).status_code == 200:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            refused = await client.post("/api/v1/tasks", json=body)
            assert (answer.status_code, refused.status_code) == (503, 503)
            assert int(answer.headers["retry-after"]) > 0
            assert int(refused.headers["retry-after"]) > 0
            assert refused.json()["code"] == "DRAINING"
            agent.may_end.set()
        await running
    with sqlite3.connect(tmp_path / DATABASE_FILE) as connection:
        assert connection.execute("SELECT id, status FROM tasks").fetchall() == [(task_id, "pending")]
        kept = connection.execute("SELECT count(*) FROM journal WHERE key LIKE '1/subtask/%'").fetchone()
        assert kept == (4,)
