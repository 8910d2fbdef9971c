"""An import of many rows beside a running task: who runs it gets its turn at the database all the while."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from tests.support.stores import BACKENDS, LEASE, Desk, ManualClock, counting_ids

from langgraph_multi_agent.access import DEFAULT_SCOPE, WORKER_SCOPE
from langgraph_multi_agent.domain.task import Action, TaskStatus
from langgraph_multi_agent.feed.memory import MemoryFeed
from langgraph_multi_agent.service.transfer import TransferService
from langgraph_multi_agent.store import leases, runs, staging, transfer
from langgraph_multi_agent.store.database import Store

pytestmark = pytest.mark.anyio

PAGES, STEP_S = 12, 1.0
PATIENCE_S = 60.0
"""In which a broken lock fails the test; what is awaited takes milliseconds."""


@pytest.mark.parametrize("backend", sorted(BACKENDS))
async def test_a_running_task_keeps_its_lease_however_long_an_import_takes(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "PAGE", 50)
    monkeypatch.setattr(staging, "AT_ONCE", 50)
    monkeypatch.setattr(staging, "STEP", 50)
    clock, new_id, log, has_beaten = ManualClock(), counting_ids(), list[str](), threading.Event()

    def slowed(function: Any) -> Any:
        """Each page and each step takes a second of the lease, and on PostgreSQL until the next beat."""

        def run(store: Store, *values: Any, **named: Any) -> Any:
            done = function(store, *values, **named)
            if done:
                log.append("import")
                clock.advance(STEP_S)
                has_beaten.clear()
                assert store.dialect == staging.DIALECT or has_beaten.wait(PATIENCE_S)
            return done

        return run

    for name in ("insert_tasks", "show_tasks"):
        monkeypatch.setattr(transfer, name, slowed(getattr(transfer, name)))
    async with BACKENDS[backend](tmp_path, clock, new_id) as database:
        desk = Desk(database, clock, new_id)
        running = await desk.running()
        mine = (running.task.id, running.epoch)
        importing = asyncio.create_task(
            TransferService(
                database=database,
                feed=MemoryFeed(),
                teams=frozenset({"default"}),
                clock=clock,
                max_bytes=10**8,
            ).import_(DEFAULT_SCOPE, body())
        )
        while not importing.done():
            [beat] = await database.write(WORKER_SCOPE, leases.heartbeat, "w1", [mine], lease=LEASE)
            assert beat.is_owned
            log.append("beat")
            has_beaten.set()
        assert (await importing).tasks == 50 * PAGES
        assert log.count("import") == PAGES * (2 if backend == "sqlite" else 1)
        # A beat that asks while a page is written comes after it, and is noted a little later.
        assert max(len(list(run)) for name, run in groupby(log) if name == "import") <= 3
        if backend == "sqlite":  # whose leases go by this clock: more time has passed than a lease lasts
            assert LEASE.total_seconds() < PAGES * STEP_S
            assert await database.write(WORKER_SCOPE, leases.reclaim, all_leases=False) == []
        ending = runs.Ending(action=Action.COMPLETE, result={"summary": "ok"})
        status = await database.write(WORKER_SCOPE, runs.finish, *mine, ending)
        assert (status, running.epoch) == (TaskStatus.COMPLETED, 1)


async def body() -> AsyncIterator[bytes]:
    tasks = [{"id": f"019ab1c2-7d3e-7f40-8a51-{n:012x}", "name": f"t{n}"} for n in range(50 * PAGES)]
    yield json.dumps({"tasks": tasks}).encode()
