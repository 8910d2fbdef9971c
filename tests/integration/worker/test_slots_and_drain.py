"""A worker takes what it has room for, and hands back what it cannot end."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.teams import Scene, world

from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.domain.errors import Draining, QueueFull
from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.task import Action, TaskStatus
from langgraph_multi_agent.service.execution import ActiveRun, StopReason

S = TaskStatus


async def test_no_more_tasks_run_at_once_than_there_are_slots(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene, max_concurrent_workflows=2) as here:
        tasks = [await here.submit([{"id": f"n{i}", "do": [["gate", f"n{i}"]]}]) for i in range(5)]
        for i in range(5):
            await scene.reached(f"gate:n{i}")
            assert here.worker.active <= 2
            assert (await here.rows("SELECT COUNT(*) AS n FROM tasks WHERE status = 'in_progress'"))[0][
                "n"
            ] <= 2
            scene.gate(f"n{i}").set()
        for task_id in tasks:
            await here.until(task_id)


async def test_a_parked_or_paused_task_holds_no_slot(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene, max_concurrent_workflows=1) as here:
        waits = await here.submit([{"id": "a", "do": [["ask", "?"]]}])
        await here.until(waits, S.WAITING_INPUT)
        paused = await here.submit([{"id": "b", "do": [["gate", "b"]]}])
        await scene.reached("gate:b")
        pausing = asyncio.create_task(here.service.pause(DEFAULT_SCOPE, paused))
        await here.until_that(paused, lambda task: task.status_detail == "pausing")
        scene.gate("b").set()
        await pausing
        assert (await here.until(await here.submit([{"id": "c"}]))).status is S.COMPLETED


async def test_a_task_for_later_starts_when_its_time_has_come(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene) as here:
        await here.stop()
        task_id = await here.submit([{"id": "a"}])
        at = here.clock.now() + timedelta(seconds=0.2)
        await here.sql("UPDATE tasks SET run_at = :at", at=at.strftime("%Y-%m-%d %H:%M:%S.%f"))
        await here.start()
        await here.until(task_id)
        assert here.clock.now() >= at


async def test_shutdown_hands_back_what_does_not_end_in_its_grace_and_the_next_worker_goes_on(
    tmp_path: Path,
) -> None:
    scene = Scene()
    plan = [{"id": "a"}, {"id": "b", "needs": ["a"], "do": [["gate", "b"]]}]
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(plan)
        await scene.reached("gate:b")
        await here.stop()
        task = await here.get(task_id)
        assert (task.status, task.completed_at) == (S.PENDING, None)
        (row,) = await here.rows("SELECT crash_count FROM tasks")
        assert row["crash_count"] == 0
        assert await here.rows("SELECT * FROM leases") == []
        scene.gate("b").set()
        await here.start()
        assert (await here.until(task_id)).status is S.COMPLETED
    assert (scene.counts["a"], scene.counts["b"]) == (1, 2)


async def test_shutdown_lets_short_work_end(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene, shutdown_grace=50) as here:
        task_id = await here.submit([{"id": "a", "do": [["gate", "a"]]}, {"id": "b", "needs": ["a"]}])
        await scene.reached("gate:a")
        stopping = asyncio.create_task(here.stop())
        await asyncio.sleep(0)
        scene.gate("a").set()
        await stopping
        assert {"end:a", "end:b"} <= set(scene.seen)
        await here.start()
        assert (await here.until(task_id)).status is S.COMPLETED
    assert scene.ran == ["a#1", "b#1"]


async def test_whenever_shutdown_comes_no_task_is_left_half_claimed(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene, shutdown_grace=0.01) as here:
        await here.stop()
        for turns in range(12):
            await here.submit([{"id": "a", "do": [["gate", "never"]]}])
            await here.start()
            for _ in range(turns):
                await asyncio.sleep(0)
            await here.stop()
            assert await here.rows("SELECT id FROM tasks WHERE status = 'in_progress'") == []
            assert await here.rows("SELECT * FROM leases") == []
        assert [row["crash_count"] for row in await here.rows("SELECT DISTINCT crash_count FROM tasks")] == [
            0
        ]


async def test_while_draining_nothing_new_is_accepted(tmp_path: Path) -> None:
    async with world(tmp_path, Scene()) as here:
        here.service.is_draining = True
        with pytest.raises(Draining):
            await here.submit([{"id": "a"}])


async def test_a_full_queue_refuses_at_the_service_too(tmp_path: Path) -> None:
    async with world(tmp_path, Scene(), task_queue_size=1) as here:
        await here.stop()
        await here.submit([{"id": "a"}])
        with pytest.raises(QueueFull):
            await here.submit([{"id": "a"}])


async def test_being_fenced_overrides_every_other_reason_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene()
    ended: list[TaskStatus | None] = []
    async with world(tmp_path, scene) as here:
        run = here.execution.run

        async def told(active: ActiveRun) -> TaskStatus | None:
            ended.append(await run(active))
            return ended[-1]

        monkeypatch.setattr(here.execution, "run", told)
        task_id = await here.submit([{"id": "a", "do": [["gate", "a"]]}])
        await scene.reached("gate:a")
        (active,) = here.worker._active.values()
        active.request_stop(StopReason(action=Action.HAND_BACK))
        active.request_stop(StopReason(action=Action.CANCEL, is_fenced=True))
        await here.until_that(task_id, lambda _: bool(ended))
        assert ended[0] is None  # the run wrote nothing; its worker may hand the task back at once
        kinds = [event.type for event in await here.events(task_id)]
        assert EventType.TASK_CANCELLED not in kinds
