"""What people do to a running task: answer, pause, cancel, retry, reopen, complete, reset an agent."""

import asyncio
import os
from pathlib import Path

import pytest
from tests.support.teams import WAIT_S, Scene, world

from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.domain.errors import (
    AlreadyAnswered,
    IllegalTransition,
    InvalidRequest,
    TaskNotFound,
)
from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.plan import SubtaskStatus
from langgraph_multi_agent.domain.task import TaskStatus
from langgraph_multi_agent.engine import recovery
from langgraph_multi_agent.service import execution
from langgraph_multi_agent.skills import registry
from langgraph_multi_agent.skills.runner import ChildProcessSkillRunner

S = TaskStatus


async def test_a_subtask_that_waits_does_not_stop_its_siblings_and_both_questions_are_open_at_once(
    tmp_path: Path,
) -> None:
    scene = Scene()
    plan = [
        {"id": "a", "do": [["ask", "one?"]]},
        {"id": "b", "do": [["ask", "two?"]]},
        {"id": "c", "do": [["gate", "c"]]},
        {"id": "d", "needs": ["c"]},
        {"id": "e", "needs": ["a", "b"], "do": [["result_of", "b"]]},
    ]
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(plan)
        await scene.reached("gate:c", "start:a", "start:b")
        scene.gate("c").set()
        task = await here.until(task_id, S.WAITING_INPUT)
        assert "end:d" in scene.seen
        assert set(await here.questions(task_id)) == {"one?", "two?"}
        (waiting,) = await here.events(task_id, EventType.TASK_WAITING_INPUT)
        assert {item["text"] for item in waiting.data["questions"]} == {"one?", "two?"}
        assert await here.rows("SELECT * FROM leases") == []

        await here.answer(task_id, "two?")
        await here.until_that(task_id, lambda task: task.status is S.WAITING_INPUT and task.epoch == 2)
        assert "end:b" in scene.seen
        assert "end:a" not in scene.seen
        assert set(await here.questions(task_id)) == {"one?"}
        await here.answer(task_id, "one?")
        task = await here.until(task_id)
    assert task.status is S.COMPLETED
    assert task.result is not None
    assert task.result["data"]["e"]["from"]["answer"] == "answer to two?"
    assert (scene.counts["c"], scene.counts["d"], scene.counts["b"]) == (1, 1, 2)


async def test_both_answers_may_come_before_any_worker_looks(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(
            [{"id": "a", "do": [["ask", "one?"]]}, {"id": "b", "do": [["ask", "two?"]]}]
        )
        await here.until(task_id, S.WAITING_INPUT)
        await here.stop()
        await here.answer(task_id, "one?")
        await here.answer(task_id, "two?")
        await here.start()
        assert (await here.until(task_id)).epoch == 2


async def test_an_answer_may_come_before_the_task_parks(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(
            [{"id": "a", "do": [["ask", "one?"]]}, {"id": "b", "do": [["gate", "b"]]}]
        )
        await scene.reached("gate:b", "start:a")
        async with here.feed.listen(task_id) as listener, asyncio.timeout(WAIT_S):
            while not await here.questions(task_id):
                await listener.wait(0.1)
        await here.answer(task_id, "one?")
        scene.gate("b").set()
        task = await here.until(task_id)
        assert await here.events(task_id, EventType.TASK_WAITING_INPUT) == []
    assert task.status is S.COMPLETED
    assert scene.counts["b"] == 1


async def test_two_questions_of_one_agent_are_asked_and_answered_together(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene) as here:
        task_id = await here.submit([{"id": "a", "do": [["ask_in_parallel", "one?", "two?"]]}])
        await here.until(task_id, S.WAITING_INPUT)
        assert set(await here.questions(task_id)) == {"one?", "two?"}
        await here.answer(task_id, "two?")
        await here.until_that(task_id, lambda task: task.status is S.WAITING_INPUT and task.epoch == 2)
        await here.answer(task_id, "one?")
        task = await here.until(task_id)
    assert task.result is not None
    assert task.result["data"]["a"]["answers"] == ["answer to one?", "answer to two?"]


async def test_questions_before_the_plan_are_asked_until_the_request_is_clear(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(input_data={"clarify": ["which column?", "which year?"]})
        await here.until(task_id, S.WAITING_INPUT)
        assert set(await here.questions(task_id)) == {"which column?", "which year?"}
        await here.answer(task_id, "which year?")
        await here.answer(task_id, "which column?")
        assert (await here.until(task_id)).status is S.COMPLETED
    assert scene.counts["understand"] == 2


async def test_a_lead_that_asks_in_the_middle_of_its_work_goes_on_with_the_answer(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(input_data={"lead_do": [["ask", "sure?"]]})
        await here.until(task_id, S.WAITING_INPUT)
        await here.answer(task_id, "sure?")
        assert (await here.until(task_id)).status is S.COMPLETED
    assert scene.ran == ["only#1"]


@pytest.mark.parametrize("approved", [True, False])
async def test_an_approval_is_given_as_it_was_said(tmp_path: Path, approved: bool) -> None:
    scene = Scene()
    async with world(tmp_path, scene) as here:
        task_id = await here.submit([{"id": "a", "do": [["approve", "really?"]]}])
        await here.until(task_id, S.WAITING_INPUT)
        with pytest.raises(InvalidRequest):
            await here.answer(task_id, "really?", text="yes")
        question = (await here.questions(task_id))["really?"]
        await here.answer(task_id, "really?", approved=approved)
        with pytest.raises((AlreadyAnswered, IllegalTransition)):
            await here.service.answer(DEFAULT_SCOPE, task_id, question, {"approved": True})
        task = await here.until(task_id)
    assert task.result is not None
    assert task.result["data"]["a"]["approved"] is approved


async def test_pause_lets_what_runs_end_starts_nothing_new_and_resume_repeats_nothing(tmp_path: Path) -> None:
    scene = Scene()
    plan = [{"id": "a", "do": [["gate", "a"]]}, {"id": "b", "needs": ["a"]}]
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(plan)
        await scene.reached("gate:a")
        pausing = asyncio.create_task(here.service.pause(DEFAULT_SCOPE, task_id))
        await here.until_that(task_id, lambda task: task.status_detail == "pausing")
        scene.gate("a").set()
        answer = await pausing
        assert (answer.task.status, answer.is_settled) == (S.PAUSED, True)
        assert scene.ran == ["a#1"]
        assert await here.rows("SELECT * FROM leases") == []
        await here.service.resume(DEFAULT_SCOPE, task_id)
        assert (await here.until(task_id)).status is S.COMPLETED
    assert scene.ran == ["a#1", "b#1"]


@pytest.mark.parametrize("grace", [0.001, 0.1])
async def test_after_the_grace_a_paused_subtask_is_aborted_and_runs_again_later(
    tmp_path: Path, grace: float
) -> None:
    scene = Scene()
    async with world(tmp_path, scene, pause_grace=grace) as here:
        task_id = await here.submit([{"id": "a", "do": [["gate", "a"]]}, {"id": "b"}])
        await scene.reached("gate:a", "end:b")
        answer = await here.service.pause(DEFAULT_SCOPE, task_id)
        assert (answer.task.status, answer.is_settled) == (S.PAUSED, True)
        assert "cancelled:a" in scene.seen
        assert await here.events(task_id, EventType.SUBTASK_FAILED) == []
        scene.gate("a").set()
        await here.service.resume(DEFAULT_SCOPE, task_id)
        assert (await here.until(task_id)).status is S.COMPLETED
    assert (scene.counts["a"], scene.counts["b"]) == (2, 1)


async def test_a_paused_task_keeps_its_open_question(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene) as here:
        task_id = await here.submit([{"id": "a", "do": [["ask", "one?"]]}])
        await here.until(task_id, S.WAITING_INPUT)
        assert (await here.service.pause(DEFAULT_SCOPE, task_id)).task.status is S.PAUSED
        await here.answer(task_id, "one?")
        assert (await here.get(task_id)).status is S.PAUSED
        await here.service.resume(DEFAULT_SCOPE, task_id)
        assert (await here.until(task_id)).status is S.COMPLETED


async def test_cancel_answers_when_the_work_has_really_stopped(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene, lease_seconds=1200) as here:  # what is not heard at once is not heard at all
        task_id = await here.submit([{"id": "a", "do": [["gate", "a"]]}, {"id": "b", "do": [["gate", "b"]]}])
        await scene.reached("gate:a", "gate:b")
        answer = await here.service.cancel(DEFAULT_SCOPE, task_id)
        assert {"cancelled:a", "cancelled:b"} <= set(scene.seen)
        assert (answer.task.status, answer.is_settled) == (S.CANCELLED, True)
        await here.until_that(task_id, lambda _: here.worker.active == 0)
        with pytest.raises(IllegalTransition):
            await here.service.cancel(DEFAULT_SCOPE, task_id)


async def test_cancel_kills_the_child_process_before_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "extra"
    (package / "slow").mkdir(parents=True)
    (package / "slow" / "__init__.py").write_text("")
    (package / "slow" / "nap.py").write_text(
        "import time\ndef run(params):\n    time.sleep(60)\n    return {}\n"
    )
    runner = ChildProcessSkillRunner(concurrency=1)
    # The child finds the skill because its package's path is asked for, as for an own skill.
    monkeypatch.setenv("PYTHONPATH", _with_skills(package))
    assert registry.__package__
    scene = Scene()
    async with world(tmp_path / "data", scene, skills=runner) as here:
        task_id = await here.submit([{"id": "a", "do": [["skill", "slow.nap", {}]]}])
        await scene.reached("start:a")
        async with asyncio.timeout(WAIT_S):
            while not runner.alive:  # noqa: ASYNC110 - the runner tells nobody of its children
                await asyncio.sleep(0.01)
        (pid,) = runner.alive
        answer = await here.service.cancel(DEFAULT_SCOPE, task_id)
        assert answer.is_settled
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def _with_skills(package: Path) -> str:
    # Only imported by the child: puts the extra directory on the path of the skills package.
    (package / "sitecustomize.py").write_text(
        f"import langgraph_multi_agent.skills as skills\nskills.__path__.append({str(package)!r})\n"
    )
    return str(package)


async def test_an_agent_that_swallows_a_cancellation_does_not_make_the_task_fail(tmp_path: Path) -> None:
    scene = Scene()
    plan = [{"id": "a", "do": [["stubborn"]]}, {"id": "b", "needs": ["a"]}]
    async with world(tmp_path, scene, lease_seconds=0.6) as here:
        task_id = await here.submit(plan)
        await scene.reached("gate:a")
        answer = await here.service.cancel(DEFAULT_SCOPE, task_id)
        assert (answer.task.status, answer.is_settled) == (S.CANCELLED, True)
    assert "start:b" not in scene.seen


async def test_a_stubborn_agent_at_shutdown_leaves_a_task_that_goes_on_later(tmp_path: Path) -> None:
    scene = Scene()
    plan = [{"id": "a", "do": [["stubborn"]]}, {"id": "b", "needs": ["a"]}]
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(plan)
        await scene.reached("gate:a")
        await here.stop()
        task = await here.get(task_id)
        assert (task.status, task.error) == (S.PENDING, None)


async def test_an_agent_that_loses_the_cancellation_and_waits_on_does_not_hold_up_a_shutdown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `asyncio.wait_for` loses one that arrives as what it waits for ends."""
    monkeypatch.setattr(execution, "CANCEL_AGAIN_S", 0.05)
    scene = Scene()
    plan = [{"id": "a", "do": [["stubborn"], ["gate", "never"]]}]
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(plan)
        await scene.reached("gate:a")
        try:
            await here.stop()
        finally:
            scene.gate("never").set()
        assert {"gate:never", "cancelled:a"} <= set(scene.seen)
        task = await here.get(task_id)
        assert (task.status, task.error) == (S.PENDING, None)


async def test_retry_keeps_what_was_finished_and_reopen_does_all_again(tmp_path: Path) -> None:
    scene = Scene()
    plan = [
        {"id": "a"},
        {"id": "b", "needs": ["a"], "do": [["ask", "go on?"], ["gate", "b"]], "criteria": ["ok"]},
    ]
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(plan)
        await here.until(task_id, S.WAITING_INPUT)
        await here.service.cancel(DEFAULT_SCOPE, task_id)

        for generation in (2, 3):  # the second retry still knows what the first generation finished
            await here.service.retry(DEFAULT_SCOPE, task_id)
            await here.until_that(
                task_id,
                lambda task, g=generation: (task.status, task.generation) == (S.WAITING_INPUT, g),  # type: ignore[misc]
            )
            assert scene.counts["a"] == 1
            if generation == 2:
                await here.service.cancel(DEFAULT_SCOPE, task_id)
        scene.gate("b").set()
        await here.answer(task_id, "go on?")
        task = await here.until(task_id, generation=3)
        assert (task.status, task.generation) == (S.COMPLETED, 3)
        reused = [
            event for event in await here.events(task_id, EventType.SUBTASK_COMPLETED) if event.data["reused"]
        ]
        assert {event.subtask_id for event in reused} == {"a"}

        await here.service.reopen(DEFAULT_SCOPE, task_id)
        await here.until_that(task_id, lambda task: (task.status, task.generation) == (S.WAITING_INPUT, 4))
        assert scene.counts["a"] == 2


async def test_a_retry_works_again_on_what_the_last_review_rejected(tmp_path: Path) -> None:
    scene = Scene()
    plan = [{"id": "a", "criteria": ["ok"]}, {"id": "b", "criteria": ["bad"]}]
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(plan)
        assert (await here.until(task_id)).status is S.FAILED
        await here.service.retry(DEFAULT_SCOPE, task_id)
        await here.until(task_id, generation=2)
    assert (scene.counts["a"], scene.counts["b"]) == (1, 2)


async def test_a_retry_after_a_reopen_does_not_reach_behind_it(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene, max_subtask_attempts=1, team=scene.team("worker_a")) as here:
        task_id = await here.submit([{"id": "a"}, {"id": "b", "do": [["ask", "?"]]}])
        for generation, action in ((1, "reopen"), (2, "retry"), (3, "")):
            await here.until_that(
                task_id,
                lambda task, g=generation: (task.status, task.generation) == (S.WAITING_INPUT, g),  # type: ignore[misc]
            )
            if action:
                await here.service.cancel(DEFAULT_SCOPE, task_id)
                await getattr(here.service, action)(DEFAULT_SCOPE, task_id)
        assert scene.counts["a"] == 2


async def test_completed_by_a_person_stops_the_work(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene) as here:
        task_id = await here.submit([{"id": "a", "do": [["gate", "a"]]}])
        await scene.reached("gate:a")
        task = await here.service.complete(DEFAULT_SCOPE, task_id, note="done")
        assert (task.status, task.result) == (S.COMPLETED, None)
        await scene.reached("cancelled:a")
        assert (await here.events(task_id))[-1].type is EventType.TASK_COMPLETED


async def test_deleting_a_running_task_stops_it_first(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene) as here:
        task_id = await here.submit([{"id": "a", "do": [["gate", "a"]]}])
        await scene.reached("gate:a")
        await here.service.delete(DEFAULT_SCOPE, task_id)
        assert "cancelled:a" in scene.seen
        with pytest.raises(TaskNotFound):
            await here.get(task_id)


async def test_resetting_an_agent_aborts_its_work_and_recovery_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "BACKOFF_BASE_S", 0.01)
    scene = Scene()
    plan = [{"id": "a", "do": [["gate", "a"]]}, {"id": "b", "agent": "worker_b", "do": [["gate", "b"]]}]
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(plan)
        await scene.reached("gate:a", "gate:b")
        await here.until_logged(task_id, EventType.SUBTASK_STARTED, count=2)
        busy = {status.name: status for status in await here.agents.status(DEFAULT_SCOPE)}
        assert (busy["worker_a"].state, busy["worker_a"].current[0].subtask_id) == ("busy", "a")
        status = await here.agents.reset(DEFAULT_SCOPE, "worker_a")
        assert (status.failed, status.success_rate) == (0, None)
        await scene.reached("cancelled:a")
        scene.gate("a").set()
        scene.gate("b").set()
        task = await here.until(task_id)
        failed = await here.events(task_id, EventType.SUBTASK_FAILED)
    assert task.status is S.COMPLETED
    assert [event.data["error"]["code"] for event in failed] == ["AGENT_RESET"]
    assert (scene.counts["a"], scene.counts["b"]) == (2, 1)
    assert "cancelled:b" not in scene.seen


async def test_resets_at_any_moment_never_hang_a_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Also in the middle of a commit, or before the agent has begun.
    monkeypatch.setattr(recovery, "BACKOFF_BASE_S", 0.001)
    scene = Scene()
    async with world(tmp_path, scene, max_subtask_attempts=50) as here:
        tasks = [await here.submit([{"id": f"{t}-{i}"} for i in range(6)]) for t in range(4)]

        async def resets() -> None:
            for _ in range(25):
                await here.agents.reset(DEFAULT_SCOPE, "worker_a")

        resetting = asyncio.create_task(resets())
        for task_id in tasks:
            assert (await here.until(task_id)).status is S.COMPLETED
        await resetting


async def test_the_plan_is_shown_with_each_subtasks_state_and_cleared_by_a_reopening(tmp_path: Path) -> None:
    scene = Scene()
    plan = [{"id": "a"}, {"id": "b", "needs": ["a"], "do": [["ask", "?"]]}, {"id": "c", "needs": ["b"]}]
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(plan)
        await here.until(task_id, S.WAITING_INPUT)
        view = await here.service.plan(DEFAULT_SCOPE, task_id)
        assert view is not None
        status = SubtaskStatus
        assert [item.status for item in view.subtasks] == [status.COMPLETED, status.WAITING_INPUT, status.PENDING]
        assert view.subtasks[0].summary == "a done"
        await here.answer(task_id, "?")
        await here.until(task_id)
        done = await here.service.plan(DEFAULT_SCOPE, task_id)
        assert done is not None
        assert {item.status for item in done.subtasks} == {status.COMPLETED}
        assert await here.service.plan(DEFAULT_SCOPE, task_id, revision=9) is None
