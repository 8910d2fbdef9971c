"""Leases: an owner in doubt stops itself, and nothing it leaves stays behind while the server lives."""

import asyncio
import threading
from pathlib import Path
from typing import NoReturn

import pytest
from tests.support.stores import ManualClock
from tests.support.teams import WAIT_S, Scene, ScriptedTool, world

from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.domain.errors import DependencyUnavailable
from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.task import TaskStatus, is_terminal

S = TaskStatus
SHORT = {"lease_seconds": 0.6}  # beats each 0.2 s, an owner gives up after 0.45 s of the clock that the test moves
SELDOM = {"lease_seconds": 30}  # no beat comes in the time of a test


async def test_an_owner_without_a_confirmed_heartbeat_calls_nothing_with_effect(tmp_path: Path) -> None:
    scene, clock = Scene(), ManualClock()
    tool = ScriptedTool(scene, "mail", "unsafe")
    async with world(tmp_path, scene, clock=clock, tools=[tool], **SELDOM) as here:
        task_id = await here.submit([{"id": "a", "do": [["gate", "a"], ["tool", "mail", {}]]}])
        await scene.reached("gate:a")
        clock.advance(60)  # the process was stopped for a minute
        scene.gate("a").set()  # lets this run go on, and no later one
        scene.gate("a").clear()
        await here.until_that(task_id, lambda task: scene.counts["a"] == 2 or is_terminal(task.status))
        assert tool.keys == []
        # Nobody else is there to take it: this worker gave it back to itself.
        scene.gate("a").set()
        assert (await here.until(task_id)).status is S.COMPLETED
    assert len(tool.keys) == 1
    assert scene.counts["a"] == 2


async def test_a_worker_that_cannot_reach_the_database_stops_its_runs_and_goes_on_after_the_outage(
    tmp_path: Path,
) -> None:
    scene, clock = Scene(), ManualClock()
    async with world(tmp_path, scene, clock=clock, **SHORT) as here:
        task_id = await here.submit([{"id": "a"}, {"id": "b", "needs": ["a"], "do": [["gate", "b"]]}])
        await scene.reached("gate:b")
        here.database.is_down = True
        async with asyncio.timeout(WAIT_S):
            await here.database.refused.wait()
        assert "cancelled:b" not in scene.seen
        clock.advance(0.5)
        await scene.reached("cancelled:b")
        scene.gate("b").set()
        here.database.is_down = False
        task = await here.until(task_id)
    assert task.status is S.COMPLETED
    assert (scene.counts["a"], scene.counts["b"]) == (1, 2)


async def test_a_worker_whose_heartbeat_hangs_stops_its_runs_before_their_leases_are_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, clock = Scene(), ManualClock()
    is_called, network, is_over = threading.Event(), threading.Event(), threading.Event()

    def hang(*_: object, **__: object) -> NoReturn:
        is_called.set()
        network.wait()
        is_over.set()
        raise DependencyUnavailable(dependency="database", reason="deadline")

    async with world(tmp_path, scene, clock=clock, **SHORT) as here:
        monkeypatch.setattr(here.database, "write_from_thread", hang)
        try:
            await here.submit([{"id": "a", "do": [["gate", "a"]]}])
            await scene.reached("gate:a")
            assert await asyncio.to_thread(is_called.wait, WAIT_S)
            clock.advance(0.5)
            await scene.reached("cancelled:a")
            assert not is_over.is_set()  # the heartbeat's own call has not ended
        finally:
            monkeypatch.undo()
            network.set()
            scene.gate("a").set()


async def test_an_ending_that_the_database_did_not_take_is_made_up_for(tmp_path: Path) -> None:
    scene, clock = Scene(), ManualClock()
    async with world(tmp_path, scene, clock=clock, **SHORT) as here:
        task_id = await here.submit([{"id": "a", "do": [["gate", "a"]]}])
        await scene.reached("gate:a")
        here.database.is_down = True
        scene.gate("a").set()
        async with asyncio.timeout(WAIT_S):
            await here.database.refused.wait()
        clock.advance(0.5)
        await here.until_that(task_id, lambda _: here.worker.active == 0)
        here.database.is_down = False
        assert (await here.until(task_id)).status is S.COMPLETED


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("failed", EventType.TASK_FAILED),
        ("cancelled", EventType.TASK_CANCELLED),
        ("paused", EventType.TASK_PAUSED),
    ],
)
async def test_an_operators_sql_stops_the_work_within_a_heartbeat(
    tmp_path: Path, status: str, kind: EventType
) -> None:
    scene = Scene()
    async with world(tmp_path, scene, clock=ManualClock(), **SHORT) as here:
        task_id = await here.submit([{"id": "a", "do": [["gate", "a"]]}])
        await scene.reached("gate:a")
        await here.sql("UPDATE tasks SET status = :s, error_message = 'reset by admin'", s=status)
        await scene.reached("cancelled:a")
        await here.until_that(task_id, lambda _: here.worker.active == 0)
        task = await here.get(task_id)
        assert (await here.events(task_id))[-1].type is kind
    assert task.status == status
    assert task.error is not None
    assert task.error["detail"] == "reset by admin"


async def test_an_operators_sql_just_before_the_end_of_a_run_gets_its_event_too(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene, **SHORT) as here:  # in real time: the lease ends
        task_id = await here.submit([{"id": "a", "do": [["gate", "a"]]}])
        await scene.reached("gate:a")
        await here.sql("UPDATE tasks SET status = 'failed'")
        scene.gate("a").set()
        await here.until_that(task_id, lambda task: task.completed_at is not None)
        assert (await here.events(task_id))[-1].type is EventType.TASK_FAILED
        assert await here.rows("SELECT * FROM leases") == []


async def test_a_task_that_sql_made_pending_is_worked_on_once_at_a_time(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene) as here:
        task_id = await here.submit([{"id": "a", "do": [["gate", "a"]]}])
        await scene.reached("gate:a")
        await here.sql("UPDATE tasks SET status = 'pending'")
        await here.doorbell.ring(task_id)
        await scene.reached("cancelled:a")
        scene.gate("a").set()
        task = await here.until(task_id)
    assert (task.status, task.epoch >= 2) == (S.COMPLETED, True)


async def test_after_a_failed_tasks_retry_a_lease_left_by_sql_is_no_obstacle(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene) as here:
        task_id = await here.submit([{"id": "a", "do": [["gate", "a"]]}])
        await scene.reached("gate:a")
        await here.sql("UPDATE tasks SET status = 'failed'")
        scene.gate("a").set()
        await here.service.retry(DEFAULT_SCOPE, task_id)
        assert (await here.until(task_id, S.COMPLETED)).generation == 2
