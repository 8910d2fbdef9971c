"""When the reaper acts, and that nothing ends upkeep; seeded faults showed that nothing noticed."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.teams import Scene, World

from langgraph_multi_agent.access import WORKER_SCOPE
from langgraph_multi_agent.domain.errors import DependencyUnavailable
from langgraph_multi_agent.domain.task import TaskStatus
from langgraph_multi_agent.store import claims
from langgraph_multi_agent.worker import upkeep

LEASE_S = 0.6
HEALTHY_S = LEASE_S + LEASE_S / 3
WAIT_S = 60.0


@asynccontextmanager
async def abandoned(
    directory: Path, monkeypatch: pytest.MonkeyPatch, trouble: Callable[[], None]
) -> AsyncIterator[tuple[World, str]]:
    """Upkeep at work where a worker left a task; before each look at the situation there may be trouble."""
    world = World(directory / "data", Scene(), lease_seconds=LEASE_S)
    monkeypatch.setattr(upkeep, "TICK_S", 0.02)
    read = world.database.read

    async def troubled(scope: Any, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        if function is claims.situation:
            trouble()
        return await read(scope, function, *args, **kwargs)

    monkeypatch.setattr(world.database, "read", troubled)
    task_id = await world.submit([{"id": "a"}])
    await world.database.write(
        WORKER_SCOPE, claims.claim, "gone", limit=1, lease=timedelta(), teams={"default": "1"}
    )
    await world.doorbell.wait(0)
    keeping = asyncio.create_task(world.upkeep.run())
    try:
        yield world, task_id
    finally:
        keeping.cancel()
        await asyncio.wait({keeping})
        await world.close()


async def test_the_reaper_waits_until_its_connection_has_been_healthy_for_long_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    began, outage = loop.time(), list[float]()

    def outage_half_way() -> None:
        if not outage and loop.time() - began > HEALTHY_S / 2:
            outage.append(loop.time())
            raise DependencyUnavailable(dependency="database", reason="taken away")

    async with abandoned(tmp_path, monkeypatch, outage_half_way) as (world, task_id):
        async with world.feed.listen(task_id) as listener:
            assert await listener.wait(WAIT_S)
        reclaimed_at = loop.time()
        assert (await world.get(task_id)).status is TaskStatus.PENDING
    assert outage
    assert reclaimed_at - outage[0] >= HEALTHY_S


async def test_what_is_given_back_is_rung_for_and_its_followers_are_woken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with abandoned(tmp_path, monkeypatch, lambda: None) as (world, task_id):
        assert not world.doorbell.is_rung
        async with world.feed.listen(task_id) as listener:
            assert await listener.wait(WAIT_S)
        assert world.doorbell.is_rung


async def test_a_round_that_breaks_is_followed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    troubles = [RuntimeError("unreadable"), ValueError("unreadable")]

    def break_twice() -> None:
        if troubles:
            raise troubles.pop()

    async with abandoned(tmp_path, monkeypatch, break_twice) as (world, task_id):
        async with world.feed.listen(task_id) as listener:
            assert await listener.wait(WAIT_S)
        assert troubles == []
        assert (await world.get(task_id)).status is TaskStatus.PENDING


async def test_trouble_of_other_jobs_does_not_keep_the_reaper_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = list[None]()

    async def no_store() -> None:
        tries.append(None)
        raise DependencyUnavailable(dependency="artifacts", reason="away")

    monkeypatch.setattr(upkeep.Upkeep, "_fire", lambda _: no_store())
    async with abandoned(tmp_path, monkeypatch, lambda: None) as (world, task_id):
        async with world.feed.listen(task_id) as listener:
            assert await listener.wait(WAIT_S)
        assert len(tries) > 1
        assert (await world.get(task_id)).status is TaskStatus.PENDING


async def test_a_process_that_was_frozen_waits_anew_before_it_takes_anything_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    began, thawed_at = loop.time(), list[float]()
    monkeypatch.setattr(upkeep, "FROZEN_S", 0.3)

    def freeze_half_way() -> None:
        if not thawed_at and loop.time() - began > HEALTHY_S / 2:
            time.sleep(0.4)  # as SIGSTOP does: the whole loop stands still
            thawed_at.append(loop.time())

    async with abandoned(tmp_path, monkeypatch, freeze_half_way) as (world, task_id):
        async with world.feed.listen(task_id) as listener:
            assert await listener.wait(WAIT_S)
        reclaimed_at = loop.time()
    assert thawed_at
    assert reclaimed_at - thawed_at[0] >= HEALTHY_S


async def test_a_tick_that_is_slow_is_not_a_frozen_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "FROZEN_S", 0.3)
    async with abandoned(tmp_path, monkeypatch, lambda: None) as (world, task_id):
        reconcile = world.doorbell.reconcile

        async def slowly(*args: Any) -> None:
            await asyncio.sleep(0.5)
            await reconcile(*args)

        monkeypatch.setattr(world.doorbell, "reconcile", slowly)
        monkeypatch.setattr(world.upkeep, "_shows_queue", True)
        async with world.feed.listen(task_id) as listener:
            assert await listener.wait(WAIT_S)
        assert (await world.get(task_id)).status is TaskStatus.PENDING


async def test_upkeep_ends_also_when_a_job_loses_the_cancellation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "TICK_S", 0.01)
    world, is_at_work = World(tmp_path / "data", Scene()), asyncio.Event()

    async def loses(*_: Any, **__: Any) -> None:
        is_at_work.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise OSError("as it ended") from None

    monkeypatch.setattr(world.upkeep, "_tick", loses)
    keeping = asyncio.create_task(world.upkeep.run())
    try:
        async with asyncio.timeout(WAIT_S):
            await is_at_work.wait()
            keeping.cancel()
            await asyncio.wait({keeping})
    finally:
        await world.close()
