"""A process that is killed in the middle of an import: all of it is there afterwards, or nothing."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.servers import postgres
from tests.support.stores import (
    BACKENDS,
    Desk,
    ManualClock,
    counting_ids,
    new_sqlite_file,
    open_sqlite,
    shared_database,
)

from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.bootstrap.application import open_application
from langgraph_multi_agent.feed.memory import MemoryFeed
from langgraph_multi_agent.service.transfer import TransferService, settle
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.store.database import Database

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

TASKS, MESSAGES = 1200, 600
IMPORT = """
import asyncio, sys
from pathlib import Path
from uuid_utils import uuid7
from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.domain.clock import SystemClock
from langgraph_multi_agent.feed.memory import MemoryFeed
from langgraph_multi_agent.service.transfer import TransferService
from langgraph_multi_agent.store import staging
from langgraph_multi_agent.store.database import FailPoints, SqliteDatabase
from langgraph_multi_agent.store.postgres import PostgresDatabase

place, document, staging.AT_ONCE, staging.STEP = sys.argv[1], Path(sys.argv[2]), 500, 500

async def body():
    yield document.read_bytes()

async def main():
    facts = {"clock": SystemClock(), "new_id": lambda: str(uuid7()), "fail_points": FailPoints()}
    if "://" in place:
        database = PostgresDatabase(place, connections=6, **facts)
    else:
        database = SqliteDatabase(Path(place), **facts)
    service = TransferService(
        database=database, feed=MemoryFeed(), teams=frozenset({"default"}), clock=SystemClock(), max_bytes=10**8
    )
    await service.import_(DEFAULT_SCOPE, body())
    await database.close()

asyncio.run(main())
"""
SQLITE_POINTS = {
    "before:staging.stage_tasks:3": False,
    "after:staging.stage_messages:2": False,
    "before:staging.complete:1": False,
    "after:staging.complete:1": True,
    "before:staging.settle:2": True,
    "after:staging.settle:5": True,
}
"""When a process dies, and whether the import then stands."""
POINTS = [
    *(("sqlite", point, stands) for point, stands in SQLITE_POINTS.items()),
    ("postgresql", "before:transfer.take_over:1", False),
    ("postgresql", "after:transfer.take_over:1", True),
]


def uuid(number: int) -> str:
    return f"019ab1c2-7d3e-7f40-8a51-{number:012x}"


DOCUMENT: dict[str, Any] = {
    "version": "1.0",
    "tasks": [{"id": uuid(n), "name": f"t{n}", "status": "completed"} for n in range(TASKS)],
    "chat_history": [{"id": uuid(9999 + n), "type": "ai", "content": f"m{n}"} for n in range(MESSAGES)],
    "user_settings": {"theme": "dark"},
}


async def body() -> AsyncIterator[bytes]:
    yield json.dumps(DOCUMENT).encode()


def service(database: Database, clock: ManualClock) -> TransferService:
    return TransferService(
        database=database, feed=MemoryFeed(), teams=frozenset({"default"}), clock=clock, max_bytes=10**8
    )


async def killed(point: str, place: str, directory: Path) -> bool:
    """Import in a process of its own that dies at this point."""
    document = directory / "export.json"
    await asyncio.to_thread(document.write_text, json.dumps(DOCUMENT))
    command = [sys.executable, "-c", IMPORT, place, str(document)]
    environment = {**os.environ, "LGMA_FAILPOINT": point}
    ended = await asyncio.to_thread(subprocess.run, command, env=environment, timeout=300, check=False)
    return ended.returncode == -signal.SIGKILL


@pytest.mark.parametrize(("backend", "point", "stands"), POINTS)
async def test_a_kill_in_the_middle_of_an_import_leaves_all_or_nothing(
    backend: str, point: str, stands: bool, tmp_path: Path
) -> None:
    clock, new_id = ManualClock(), counting_ids()
    async with BACKENDS[backend](tmp_path, clock, new_id) as database:
        desk = Desk(database, clock, new_id)
        place = str(tmp_path / "lgma.db")
        if backend == "postgresql":
            place = postgres().url(shared_database()).replace("postgresql://", "postgresql+psycopg://", 1)
        assert await killed(point, place, tmp_path)

        async def counts(where: str = "") -> list[int]:
            tables = ("tasks", "agent_messages", "chat_messages", "user_settings", "imports")
            return [(await desk.rows(f"SELECT count(*) AS n FROM {name} {where}"))[0]["n"] for name in tables]

        everything = [TASKS, 2 * TASKS, MESSAGES, 1, 0]
        if not stands:
            assert (await counts("WHERE tenant = 'default'"))[:4] == [0, 0, 0, 0]
        await settle(database)
        assert await counts() == (everything if stands else [0, 0, 0, 0, 0])
        done = await service(database, clock).import_(DEFAULT_SCOPE, body())
        assert (done.tasks, done.messages, done.settings) == ((0, 0, 0) if stands else (TASKS, MESSAGES, 1))
        assert await counts() == await counts("WHERE tenant = 'default'") == everything


@pytest.mark.parametrize("stands", [False, True])
async def test_a_start_brings_an_import_to_its_end_that_was_cut_short(stands: bool, tmp_path: Path) -> None:
    path = new_sqlite_file(tmp_path)
    point = "after:staging.settle:1" if stands else "before:staging.stage_messages:1"
    assert await killed(point, str(path), tmp_path)
    async with open_application(Settings.load({}, data_dir=tmp_path, memory_monitoring=False)):
        pass
    clock, new_id = ManualClock(), counting_ids()
    async with open_sqlite(tmp_path, clock, new_id) as database:
        desk = Desk(database, clock, new_id)
        found = await desk.rows("SELECT tenant, count(*) AS n FROM tasks GROUP BY tenant")
        assert found == ([{"tenant": "default", "n": TASKS}] if stands else [])
        assert await desk.rows("SELECT id FROM imports") == []
