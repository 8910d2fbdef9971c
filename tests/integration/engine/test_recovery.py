"""What happens after a failure: retry, another agent, going on without, repair, giving up."""

from pathlib import Path
from typing import Any

import pytest
from tests.support.teams import Scene, ScriptedTool, World, world

from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.task import TaskStatus
from langgraph_multi_agent.engine import recovery

S = TaskStatus
UNREADABLE = ["fault", "InputUnreadable", {"file": "x"}]


@pytest.fixture(autouse=True)
def quick_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "BACKOFF_BASE_S", 0.01)


async def decisions(here: World, task_id: str) -> list[tuple[str | None, str, int]]:
    found = await here.events(task_id, EventType.RECOVERY_ATTEMPTED)
    return [(event.subtask_id, event.data["decision"], event.data["attempt"]) for event in found]


async def test_a_failure_that_may_pass_is_tried_again_and_recorded(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene) as here:
        task_id = await here.submit([{"id": "a", "do": [["fail", 2]]}, {"id": "b", "needs": ["a"]}])
        task = await here.until(task_id)
        assert await decisions(here, task_id) == [("a", "retry", 1), ("a", "retry", 2)]
        waits = [event.data["wait_s"] for event in await here.events(task_id, EventType.RECOVERY_ATTEMPTED)]
        retried = await here.events(task_id, EventType.SUBTASK_RETRIED)
    assert (task.status, task.status_detail) == (S.COMPLETED, None)
    assert scene.ran == ["a#1", "a#2", "a#3", "b#1"]
    assert waits == [0.01, 0.02]
    assert [event.data["attempt"] for event in retried] == [2, 3]


async def test_after_the_last_attempt_another_agent_with_the_capability_tries(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene, team=scene.team("worker_a", "worker_b", "worker_c")) as here:
        task_id = await here.submit([{"id": "a", "do": [["fail_as", "worker_c"]]}])
        task = await here.until(task_id)
        made = await decisions(here, task_id)
        (done,) = await here.events(task_id, EventType.SUBTASK_COMPLETED)
    assert task.status is S.COMPLETED
    assert made == [("a", "other_agent", 1), ("a", "other_agent", 2)]
    assert done.agent == "worker_c"


async def test_an_agent_without_the_capability_is_not_asked(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene) as here:
        task_id = await here.submit([{"id": "a", "capability": "flying", "do": [UNREADABLE]}, {"id": "b"}])
        await here.until(task_id)
        assert await decisions(here, task_id) == [("a", "go_on_without", 1)]


async def test_going_on_without_a_failed_subtask_is_a_new_revision_that_says_so(tmp_path: Path) -> None:
    scene = Scene()
    plan = [
        {"id": "bad", "title": "坏", "do": [UNREADABLE]},
        {"id": "good"},
        {"id": "sum", "needs": ["bad", "good"]},
        {"id": "more", "needs": ["bad"]},
        {"id": "last", "needs": ["more", "good"]},
    ]
    async with world(tmp_path, scene, team=scene.team("worker_a")) as here:
        task_id = await here.submit(plan)
        task = await here.until(task_id)
        (revised,) = await here.events(task_id, EventType.PLAN_REVISED)
    assert (task.status, task.status_detail) == (S.COMPLETED, "partial")
    assert task.result is not None
    undone = {key: [gap["id"] for gap in value["undone"] or ()] for key, value in task.result["data"].items()}
    assert undone == {"good": [], "sum": ["bad"], "last": ["more"]}
    assert (revised.data["revision"], revised.data["count"]) == (2, 3)
    assert "坏" in revised.data["reason"]
    assert scene.counts["good"] == 1


async def test_a_subtask_that_nothing_depends_on_is_missed_too(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene, team=scene.team("worker_a")) as here:
        task = await here.until(await here.submit([{"id": "bad", "do": [UNREADABLE]}, {"id": "good"}]))
    assert (task.status, task.status_detail) == (S.COMPLETED, "partial")


async def test_with_nothing_left_the_task_fails_with_the_first_error(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene, team=scene.team("worker_a")) as here:
        task = await here.until(
            await here.submit([{"id": "bad", "do": [UNREADABLE]}, {"id": "b", "needs": ["bad"]}])
        )
    assert task.status is S.FAILED
    assert task.error is not None
    assert (task.error["code"], task.error["subtask"]) == ("INPUT_UNREADABLE", "bad")


async def test_a_failure_does_not_give_up_a_sibling_that_waits_for_a_person(tmp_path: Path) -> None:
    scene = Scene()
    plan = [{"id": "bad", "do": [UNREADABLE]}, {"id": "asks", "do": [["ask", "which?"]]}]
    async with world(tmp_path, scene, team=scene.team("worker_a")) as here:
        task_id = await here.submit(plan)
        await here.until(task_id, S.WAITING_INPUT)
        assert list(await here.questions(task_id)) == ["which?"]
        await here.answer(task_id, "which?")
        task = await here.until(task_id)
    assert (task.status, task.status_detail) == (S.COMPLETED, "partial")
    assert task.result is not None
    assert task.result["data"]["asks"]["answer"] == "answer to which?"


async def test_an_answer_that_leads_to_another_failure_does_not_contradict_the_decided_plan(
    tmp_path: Path,
) -> None:
    # First run: `bad` fails, the plan shrinks, `asks` waits. Second run: `asks` fails before that point.
    scene = Scene()
    plan = [
        {"id": "bad", "do": [UNREADABLE]},
        {"id": "asks", "do": [["ask", "which?"], UNREADABLE]},
        {"id": "good"},
    ]
    async with world(tmp_path, scene, team=scene.team("worker_a")) as here:
        task_id = await here.submit(plan)
        await here.until(task_id, S.WAITING_INPUT)
        await here.answer(task_id, "which?")
        task = await here.until(task_id)
        revisions = [event.data["revision"] for event in await here.events(task_id, EventType.PLAN_REVISED)]
    assert (task.status, task.status_detail) == (S.COMPLETED, "partial"), task.error
    assert revisions == [2, 3]


async def test_a_failed_criterion_leads_to_a_repair_plan_that_keeps_what_stands(tmp_path: Path) -> None:
    scene = Scene()
    plan = [{"id": "a"}, {"id": "b", "needs": ["a"], "criteria": ["from:2"]}]
    repaired = [plan[0], {**plan[1], "do": [["return", {"better": True}]]}]
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(plan, input_data={"repairs": [repaired]})
        task = await here.until(task_id)
        verdicts = await here.events(task_id, EventType.REVIEW_VERDICT)
    assert task.status is S.COMPLETED
    assert task.result is not None
    assert task.result["data"]["b"]["better"] is True
    assert scene.ran == ["a#1", "b#1", "b#2"]
    assert [len(event.data["failed"]) for event in verdicts] == [1, 0]


@pytest.mark.parametrize("rounds", [0, 2])
async def test_repair_rounds_are_bounded_and_the_task_then_fails_with_its_result(
    tmp_path: Path, rounds: int
) -> None:
    scene = Scene()
    repairs = [[{"id": "a", "criteria": ["bad"], "do": [["return", {"round": n}]]}] for n in range(5)]
    async with world(tmp_path, scene, max_repair_rounds=rounds) as here:
        task = await here.until(
            await here.submit([{"id": "a", "criteria": ["bad"]}], input_data={"repairs": repairs})
        )
    assert task.status is S.FAILED
    assert task.error is not None
    assert (task.error["code"], task.error["params"]["rounds"]) == ("QUALITY_CHECK_FAILED", rounds)
    assert task.result is not None
    assert scene.counts["repair"] == rounds


async def test_what_cannot_be_checked_is_no_failure(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene) as here:
        task = await here.until(await here.submit([{"id": "a", "criteria": ["unknown", "ok"]}]))
    assert task.status is S.COMPLETED


async def test_a_repair_that_needs_a_person_parks_and_goes_on(tmp_path: Path) -> None:
    scene = Scene()
    values: dict[str, Any] = {
        "repairs": [[{"id": "a", "criteria": ["from:2"]}]],
        "repair_do": [["ask", "how?"]],
    }
    async with world(tmp_path, scene) as here:
        task_id = await here.submit([{"id": "a", "criteria": ["from:2"]}], input_data=values)
        await here.until(task_id, S.WAITING_INPUT)
        await here.answer(task_id, "how?")
        task = await here.until(task_id)
    assert task.status is S.COMPLETED
    assert scene.counts["a"] == 1


async def test_a_decided_repair_is_not_decided_again_after_a_crash(tmp_path: Path) -> None:
    scene = Scene()
    plan = [{"id": "a", "criteria": ["from:2"]}]
    repaired = [*plan, {"id": "c", "do": [["gate", "c"]]}]
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(plan, input_data={"repairs": [repaired]})
        await scene.reached("gate:c")
        await here.kill()
        scene.gate("c").set()
        await here.start()
        assert (await here.until(task_id)).status is S.COMPLETED
    assert (scene.counts["repair"], scene.counts["decompose"], scene.counts["a"]) == (1, 1, 1)


async def test_an_unsafe_repetition_is_left_to_a_person_also_when_the_subtask_is_tried_again(
    tmp_path: Path,
) -> None:
    scene = Scene()
    tool = ScriptedTool(scene, "mail", "unsafe")
    plan = [{"id": "a", "do": [["tool", "mail", {"to": "li"}], ["fail", 1]]}]
    async with world(tmp_path, scene, tools=[tool]) as here:
        task = await here.until(await here.submit(plan))
    assert task.status is S.COMPLETED
    assert scene.ran == ["a#1", "a#2"]
    assert len(tool.keys) == 1
    assert task.result is not None
    assert task.result["data"]["a"]["tool"] == {"calls": 1}
