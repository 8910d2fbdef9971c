"""A plan is run as data flow: order, independence of siblings, progress, limits."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support.teams import Scene, world

from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.task import TaskStatus

S = TaskStatus


async def test_a_task_goes_in_and_its_result_comes_out(tmp_path: Path) -> None:
    scene = Scene()
    plan = [
        {"id": "a", "do": [["return", {"x": 1}]]},
        {
            "id": "b",
            "needs": ["a"],
            "agent": "worker_b",
            "do": [["result_of", "a"]],
            "criteria": ["ok", "unknown"],
        },
    ]
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(plan)
        task = await here.until(task_id)
        kinds = [event.type.value for event in await here.events(task_id)]

    assert (task.status, task.progress, task.status_detail) == (S.COMPLETED, 100, None)
    assert task.result is not None
    assert task.result["data"]["b"]["from"]["x"] == 1
    assert scene.ran == ["a#1", "b#1"]
    assert kinds == [
        "task.submitted",
        "task.started",
        "plan.created",
        "subtask.started",
        "subtask.completed",
        "subtask.started",
        "subtask.completed",
        "review.verdict",
        "task.completed",
    ]


async def test_a_subtask_starts_as_soon_as_its_own_dependencies_are_done(tmp_path: Path) -> None:
    scene = Scene()
    plan = [
        {"id": "slow", "do": [["gate", "slow"]]},
        {"id": "quick"},
        {"id": "after_quick", "needs": ["quick"]},
        {"id": "after_that", "needs": ["after_quick"]},
        {"id": "after_slow", "needs": ["slow", "quick"]},
    ]
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(plan)
        await scene.reached("end:after_that", "gate:slow")
        assert "start:after_slow" not in scene.seen
        assert (await here.get(task_id)).status is S.IN_PROGRESS
        scene.gate("slow").set()
        assert (await here.until(task_id)).status is S.COMPLETED
    assert scene.seen.index("end:slow") < scene.seen.index("start:after_slow")


@pytest.mark.parametrize("seed", range(3))
async def test_in_any_dag_every_start_follows_the_last_of_its_dependencies_at_once(
    tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    needs = {f"n{i}": [f"n{j}" for j in range(i) if rng.random() < 0.15] for i in range(20)}
    plan = [{"id": node, "needs": parents, "do": [["gate", node]]} for node, parents in needs.items()]
    scene = Scene()
    done: set[str] = set()
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(plan)
        while len(done) < len(needs):
            ready = {node for node, parents in needs.items() if done.issuperset(parents)}
            await scene.reached(*(f"gate:{node}" for node in ready))
            started = {mark.removeprefix("gate:") for mark in scene.seen if mark.startswith("gate:")}
            assert started == ready
            first = rng.choice(sorted(ready - done))
            scene.gate(first).set()
            await scene.reached(f"end:{first}")
            done.add(first)
        assert (await here.until(task_id)).status is S.COMPLETED
    assert {scene.counts[node] for node in needs} == {1}


async def test_ready_subtasks_start_in_plan_order(tmp_path: Path) -> None:
    scene = Scene()
    names = [f"n{i}" for i in random.Random(1).sample(range(30), 30)]
    async with world(tmp_path, scene) as here:
        await here.until(await here.submit([{"id": name} for name in names]))
    assert scene.ran == [f"{name}#1" for name in names]


@pytest.mark.parametrize(
    "trouble",
    [
        [["fault", "InputUnreadable", {"file": "x"}]],
        [["note", 9000]],
        [["unserialisable"]],
        [["exit"]],
        [["tool", "no_such_tool", {}]],
        [["model", "there is none"]],
        [["save", "../x", "y"]],
    ],
    ids=lambda trouble: str(trouble[0][0]),
)
async def test_whatever_goes_wrong_in_one_subtask_its_siblings_run_on(
    tmp_path: Path, trouble: Sequence[Sequence[Any]]
) -> None:
    scene = Scene()
    plan = [
        {"id": "bad", "do": trouble},
        {"id": "sibling", "do": [["gate", "sibling"]]},
        {"id": "both", "needs": ["bad", "sibling"]},
        {"id": "only_bad", "needs": ["bad"]},
    ]
    async with world(tmp_path, scene, max_subtask_attempts=1, team=scene.team("worker_a")) as here:
        task_id = await here.submit(plan)
        async with here.feed.listen(task_id) as listener:
            while not await here.events(task_id, EventType.SUBTASK_FAILED):
                await listener.wait(1)
        scene.gate("sibling").set()
        task = await here.until(task_id)

    assert (task.status, task.status_detail) == (S.COMPLETED, "partial"), task.error
    assert task.result is not None
    assert set(task.result["data"]) == {"sibling", "both"}
    assert task.result["data"]["both"]["undone"][0]["id"] == "bad"
    assert "cancelled:sibling" not in scene.seen


async def test_a_number_that_json_cannot_carry_is_the_same_the_first_time_and_on_replay(
    tmp_path: Path,
) -> None:
    scene = Scene()
    plan = [
        {"id": "a", "do": [["nan"]]},
        {"id": "b", "needs": ["a"], "do": [["result_of", "a"], ["gate", "b"]]},
    ]
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(plan)
        await scene.reached("gate:b")
        await here.kill()
        scene.gate("b").set()
        await here.start()
        task = await here.until(task_id)
    assert task.status is S.COMPLETED, task.error
    assert task.result is not None
    assert task.result["data"]["b"]["from"]["x"] is None
    assert scene.ran == ["a#1", "b#1", "b#1"]


async def test_progress_never_falls_and_is_weighted(tmp_path: Path) -> None:
    scene = Scene()
    plan = [
        {"id": "a", "weight": 3},
        {"id": "b", "needs": ["a"], "do": [["gate", "b"]], "criteria": ["from:2"]},
    ]
    repaired = [{**plan[0]}, {**plan[1]}, {"id": "c", "weight": 6, "needs": ["b"], "do": [["gate", "c"]]}]
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(plan, input_data={"repairs": [repaired]})
        await scene.reached("gate:b")
        assert (await here.get(task_id)).progress == 75
        scene.gate("b").set()
        await scene.reached("gate:c")
        assert (await here.get(task_id)).progress == 99
        scene.gate("c").set()
        assert (await here.until(task_id)).progress == 100


async def test_subtasks_that_end_together_count_each_other(tmp_path: Path) -> None:
    scene, together = Scene(), ("a", "b", "c")
    plan = [{"id": name, "do": [["gate", name]]} for name in (*together, "last")]
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(plan)
        for name in (*together, "last"):
            await scene.reached(f"gate:{name}")
        for name in together:
            scene.gate(name).set()
        async with asyncio.timeout(60):
            while len(await here.events(task_id, EventType.SUBTASK_COMPLETED)) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert (await here.get(task_id)).progress == 75
        scene.gate("last").set()
        assert (await here.until(task_id)).progress == 100


async def test_big_results_and_artifacts_are_kept_and_read_back(tmp_path: Path) -> None:
    scene = Scene()
    plan = [
        {"id": "a", "do": [["big", 50_000], ["save", "a.txt", "好"]]},
        {"id": "b", "needs": ["a"], "do": [["result_of", "a"], ["gate", "b"]]},
    ]
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(plan)
        await scene.reached("gate:b")
        (row,) = await here.rows("SELECT result, result_digest FROM journal WHERE key = '1/subtask/a/1'")
        assert row["result"] is None
        assert len(await here.artifacts.read(row["result_digest"])) > 50_000
        ref, path = await here.service.artifact(DEFAULT_SCOPE, task_id, "a.txt")
        assert (ref.kind, path.read_text()) == ("result", "好")
        await here.kill()
        scene.gate("b").set()
        await here.start()
        task = await here.until(task_id)
        (made,) = await here.events(task_id, EventType.ARTIFACT_CREATED)
    assert task.status is S.COMPLETED, task.error
    assert made.data["name"] == "a.txt"
    assert scene.counts["a"] == 1


@pytest.mark.parametrize(
    ("plan", "settings"),
    [
        ([{"id": f"n{i}"} for i in range(4)], {"max_subtasks": 3}),
        ([{"id": "a"}, {"id": "b", "needs": ["a"]}, {"id": "c", "needs": ["b"]}], {"max_plan_depth": 2}),
        ([{"id": "a", "needs": ["b"]}, {"id": "b", "needs": ["a"]}], {}),
        ([{"id": "a", "agent": "nobody"}], {}),
    ],
)
async def test_a_plan_out_of_bounds_ends_the_task_and_runs_nothing(
    tmp_path: Path, plan: list[Mapping[str, Any]], settings: dict[str, Any]
) -> None:
    scene = Scene()
    async with world(tmp_path, scene, **settings) as here:
        task = await here.until(await here.submit(plan))
    assert task.status is S.FAILED
    assert task.error is not None
    assert task.error["code"] == "PLAN_INVALID"
    assert scene.ran == []


async def test_a_plan_too_long_for_an_event_still_runs(tmp_path: Path) -> None:
    scene = Scene()
    plan = [{"id": f"n{i:02}", "title": "很长的标题" * 20, "criteria": ["bad" * 30]} for i in range(40)]
    async with world(tmp_path, scene, team=scene.team("worker_a")) as here:
        task_id = await here.submit(plan)
        task = await here.until(task_id)
        (created,) = await here.events(task_id, EventType.PLAN_CREATED)
    assert task.status is S.COMPLETED
    assert (created.data["count"], "subtasks" in created.data) == (40, False)


async def test_the_workflows_time_is_bounded_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, loop = Scene(), asyncio.get_running_loop()
    async with world(tmp_path, scene, workflow_timeout=1000) as here:
        task_id = await here.submit([{"id": "a", "do": [["gate", "never"]]}])
        await scene.reached("gate:never")
        now = loop.time
        monkeypatch.setattr(loop, "time", lambda: now() + 1000)
        task = await here.until(task_id)
    assert (task.status, task.error) == (S.FAILED, {"code": "WORKFLOW_TIMEOUT", "params": {"limit_s": 1000.0}})
    assert "cancelled:a" in scene.seen


async def test_time_in_earlier_runs_counts_towards_the_limit(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene, workflow_timeout=30) as here:
        task_id = await here.submit([{"id": "a", "do": [["ask", "which?"], ["gate", "never"]]}])
        await here.until(task_id, S.WAITING_INPUT)
        await here.sql("UPDATE tasks SET active_s = 29.9")
        await here.answer(task_id, "which?")
        task = await here.until(task_id)
    assert task.error is not None
    assert task.error["code"] == "WORKFLOW_TIMEOUT"


async def test_a_subtask_that_overruns_fails_alone(tmp_path: Path) -> None:
    scene = Scene()
    plan = [{"id": "a", "do": [["gate", "never"]]}, {"id": "b"}]
    async with world(
        tmp_path, scene, subtask_timeout=0.15, max_subtask_attempts=1, team=scene.team("worker_a")
    ) as here:
        task_id = await here.submit(plan)
        task = await here.until(task_id)
        (failed,) = await here.events(task_id, EventType.SUBTASK_FAILED)
    assert (task.status, task.status_detail) == (S.COMPLETED, "partial")
    assert failed.data["error"]["code"] == "SUBTASK_TIMEOUT"


async def test_a_failing_lead_ends_the_task_with_its_code(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene) as here:
        fault = ["fault", "InputUnreadable", {"file": "x"}]
        task = await here.until(await here.submit(input_data={"lead_do": [fault]}))
    assert task.error is not None
    assert (task.status, task.error["code"]) == (S.FAILED, "INPUT_UNREADABLE")


async def test_many_tasks_at_once_share_commits_and_all_end(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene, max_concurrent_workflows=20) as here:
        made = [
            await here.submit([{"id": "a"}, {"id": "b"}, {"id": "c", "needs": ["a", "b"]}]) for _ in range(40)
        ]
        ended = await asyncio.gather(*(here.until(task_id) for task_id in made))
        assert {task.status for task in ended} == {S.COMPLETED}
        assert here.worker.active == 0
        statistics = here.flusher.statistics
    assert statistics.largest > 1
    assert statistics.batches < statistics.steps
