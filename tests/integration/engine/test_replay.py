"""A crash costs time, never work done twice: the journal is read first."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.support.teams import ProbedTool, Scene, ScriptedTool, World, world

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.domain.errors import LeaseLost
from langgraph_multi_agent.domain.event import EventType, NewEvent
from langgraph_multi_agent.domain.ports import ModelReply, ModelRequest, Step
from langgraph_multi_agent.domain.task import Cost, TaskStatus
from langgraph_multi_agent.store import leases
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.store.journal import RunJournal, open_journal
from langgraph_multi_agent.tools.contract import Effect

S = TaskStatus


async def crashed_at(here: World, scene: Scene, gate: str) -> None:
    await scene.reached(f"gate:{gate}")
    await here.kill()
    scene.gate(gate).set()
    await here.start()


async def test_what_was_journalled_is_not_executed_again_after_crashes(tmp_path: Path) -> None:
    scene = Scene()
    plan = [
        {"id": "a", "do": [["step", "k", 1]]},
        {"id": "b", "needs": ["a"], "do": [["step", "inner", 2], ["gate", "b"]]},
        {"id": "c", "needs": ["b"], "do": [["gate", "c"], ["return", {"x": 1}]]},
        {"id": "d", "do": [["fail", 1]]},
    ]
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(plan, input_data={"clarify": []})
        await crashed_at(here, scene, "b")
        await crashed_at(here, scene, "c")
        task = await here.until(task_id)
        completed = [event.subtask_id for event in await here.events(task_id, EventType.SUBTASK_COMPLETED)]
        resumed = await here.events(task_id, EventType.TASK_RESUMED)
    assert task.status is S.COMPLETED, task.error
    assert scene.counts["understand"] == scene.counts["decompose"] == 1
    assert {name: scene.counts[name] for name in ("a", "b", "c", "d")} == {"a": 1, "b": 2, "c": 2, "d": 2}
    assert scene.counts["step:k"] == scene.counts["step:inner"] == 1
    assert sorted(completed, key=str) == ["a", "b", "c", "d"]
    assert len(resumed) == 2
    assert (task.epoch, task.generation) == (3, 1)


class CountingModel:
    """Answers each question with how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def complete(self, request: ModelRequest, *, budget: Any, on_delta: Any = None) -> ModelReply:
        self.asked += 1
        reservation = await budget.reserve(tokens=10, cost=0.0)
        cost = Cost(input_tokens=3, output_tokens=4, model_calls=1)
        await budget.settle(reservation, cost)
        return ModelReply(text=f"answer {self.asked}", model="scripted", cost=cost)


async def test_a_models_answer_is_paid_once(tmp_path: Path) -> None:
    scene, model = Scene(), CountingModel()
    async with world(tmp_path, scene, model=model) as here:
        task_id = await here.submit([{"id": "a", "do": [["model", "q"], ["model", "q"], ["gate", "a"]]}])
        await crashed_at(here, scene, "a")
        task = await here.until(task_id)
        called = await here.events(task_id, EventType.MODEL_CALLED)
        (done,) = await here.events(task_id, EventType.SUBTASK_COMPLETED)
    assert model.asked == 2
    assert len(called) == 2
    assert task.result is not None
    assert task.result["data"]["a"]["model"] == "answer 2"
    assert task.cost == Cost(input_tokens=6, output_tokens=8, model_calls=2)
    assert done.data["cost"]["model_calls"] == 2


async def test_a_step_asked_again_with_other_inputs_is_a_new_attempt_never_old_data(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene) as here:
        task_id = await here.submit([{"id": "a", "do": [["step", "k", "old"], ["gate", "a"]]}])
        await scene.reached("gate:a")
        await here.kill()
        await here.sql("UPDATE journal SET input_hash = 'another' WHERE key = '1/subtask/a/1/step/k'")
        scene.gate("a").set()
        await here.start()
        task = await here.until(task_id)
        (failed,) = await here.events(task_id, EventType.SUBTASK_FAILED)
    assert task.status is S.COMPLETED, task.error
    assert failed.data["error"]["code"] == "REPLAY_DIVERGED"
    assert task.result is not None
    assert task.result["data"]["a"]["step"] == {"value": 2}


async def test_a_subtasks_result_for_other_inputs_is_not_used(tmp_path: Path) -> None:
    scene = Scene()
    plan: Sequence[Mapping[str, Any]] = [{"id": "a"}, {"id": "b", "needs": ["a"], "do": [["gate", "b"]]}]
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(plan)
        await scene.reached("gate:b")
        await here.kill()
        await here.sql("UPDATE journal SET input_hash = 'another' WHERE key = '1/subtask/a/1'")
        scene.gate("b").set()
        await here.start()
        assert (await here.until(task_id)).status is S.COMPLETED
        assert {"1/subtask/a/1", "1/subtask/a/2"} <= set(await here.journal(task_id))
    assert scene.ran == ["a#1", "b#1", "a#2", "b#1"]


@pytest.mark.parametrize(("effect", "calls"), [("pure", 2), ("idempotent", 2)])
async def test_a_safe_tool_that_a_crash_cut_off_is_called_again_with_the_same_key(
    tmp_path: Path, effect: Effect, calls: int
) -> None:
    scene = Scene()
    tool = ScriptedTool(scene, "t", effect)
    async with world(tmp_path, scene, tools=[tool]) as here:
        task_id = await here.submit([{"id": "a", "do": [["tool", "t", {"gate": "t"}]]}])
        await crashed_at(here, scene, "t")
        assert (await here.until(task_id)).status is S.COMPLETED
    assert len(tool.keys) == calls
    assert len(set(tool.keys)) == 1
    assert tool.keys[0].startswith(f"{task_id}:")


async def test_a_tools_settled_effect_is_not_repeated_after_a_crash(tmp_path: Path) -> None:
    scene = Scene()
    tool = ScriptedTool(scene, "t", "unsafe")
    async with world(tmp_path, scene, tools=[tool]) as here:
        task_id = await here.submit([{"id": "a", "do": [["tool", "t", {}], ["gate", "a"]]}])
        await crashed_at(here, scene, "a")
        assert (await here.until(task_id)).status is S.COMPLETED
        called = await here.events(task_id, EventType.TOOL_CALLED)
    assert len(tool.keys) == 1
    assert {event.data["tool"] for event in called} == {"t"}


async def test_an_unsafe_tool_that_a_crash_cut_off_waits_for_a_persons_word_each_time(tmp_path: Path) -> None:
    scene = Scene()
    tool = ScriptedTool(scene, "mail", "unsafe")
    async with world(tmp_path, scene, tools=[tool]) as here:
        task_id = await here.submit([{"id": "a", "do": [["tool", "mail", {"gate": "t"}]]}])
        await scene.reached("gate:t")
        for crash in range(2):
            await here.kill()
            await here.start()
            await here.until(task_id, S.WAITING_INPUT)
            assert len(tool.keys) == 1 + crash
            (row,) = await here.rows("SELECT state FROM effects")
            assert row["state"] == "unknown"
            if crash:
                scene.gate("t").set()
            scene.seen.clear()
            ((question, _),) = (await here.questions(task_id)).items()
            await here.answer(task_id, question, approved=True)
            await scene.reached("gate:t")
        assert (await here.until(task_id)).status is S.COMPLETED
    assert len(tool.keys) == 3


async def test_a_person_who_forbids_the_repetition_is_obeyed(tmp_path: Path) -> None:
    scene = Scene()
    tool = ScriptedTool(scene, "mail", "unsafe")
    async with world(tmp_path, scene, tools=[tool], team=scene.team("worker_a")) as here:
        task_id = await here.submit([{"id": "a", "do": [["tool", "mail", {"gate": "t"}]]}])
        await crashed_at(here, scene, "t")
        await here.until(task_id, S.WAITING_INPUT)
        ((question, _),) = (await here.questions(task_id)).items()
        await here.answer(task_id, question, approved=False)
        task = await here.until(task_id)
    assert task.status is S.FAILED
    assert len(tool.keys) == 1


@pytest.mark.parametrize(("took_effect", "calls"), [(True, 1), (False, 2)])
async def test_a_tool_that_can_find_out_is_asked_instead_of_a_person(
    tmp_path: Path, took_effect: bool, calls: int
) -> None:
    scene = Scene()
    tool = ProbedTool(scene, "mail", "unsafe", took_effect=took_effect)
    async with world(tmp_path, scene, tools=[tool]) as here:
        task_id = await here.submit([{"id": "a", "do": [["tool", "mail", {"gate": "t"}]]}])
        await crashed_at(here, scene, "t")
        task = await here.until(task_id)
    assert task.status is S.COMPLETED
    assert task.result is not None
    assert ("probed" in task.result["data"]["a"]["tool"]) == took_effect
    assert (len(tool.keys), scene.counts["probe:mail"]) == (calls, 1)


@unit
def taken_over(store: Store) -> None:
    """Another process has a task, which nobody else could claim in between."""
    leases.reclaim(store, all_leases=True)
    store.connection.execute(text("UPDATE tasks SET status = 'in_progress', epoch = epoch + 1"))


async def test_a_zombie_writes_nothing_and_does_not_harm_the_new_owner(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene, lease_seconds=1200) as here:  # no beat tells it in time
        task_id = await here.submit([{"id": "a", "do": [["gate", "a"]]}])
        await scene.reached("gate:a")
        zombie = RunJournal(task_id=task_id, epoch=1, flusher=here.flusher, blobs=here.artifacts)
        await here.database.write(SYSTEM_SCOPE, taken_over)
        before = await here.rows("SELECT * FROM journal")
        events = len(await here.events(task_id))
        note = NewEvent(type=EventType.TOOL_CALLED)
        with pytest.raises(LeaseLost):
            await zombie.commit(Step(key="1/zombie", input_hash="", result=1, events=(note,)))
        scene.gate("a").set()
        await scene.reached("end:a")
        await here.until_that(task_id, lambda _: here.worker.active == 0)
        assert await here.rows("SELECT * FROM journal") == before
        assert len(await here.events(task_id)) == events
        task = await here.get(task_id)
        assert (task.status, task.epoch) == (S.IN_PROGRESS, 2)


async def test_the_journal_reads_back_what_any_epoch_of_the_generation_wrote(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene) as here:
        task_id = await here.submit([{"id": "a", "do": [["gate", "a"]]}])
        await scene.reached("gate:a")
        journal = RunJournal(task_id=task_id, epoch=1, flusher=here.flusher, blobs=here.artifacts)
        for key, value in (("1/x", {"n": (1, 2)}), ("10/x", 10), ("1/big", "x" * 40_000)):
            await journal.commit(Step(key=key, input_hash=key, result=value))
        again = await open_journal(
            here.database, here.flusher, here.artifacts, task_id=task_id, epoch=9, generation=1
        )
        entry = again.read("1/x")
        assert entry is not None
        assert entry.result == {"n": [1, 2]}
        assert entry.input_hash == "1/x"
        assert journal.read("1/x") == entry
        assert again.read("10/x") is None
        big = again.read("1/big")
        assert big is not None
        assert big.result == "x" * 40_000
        scene.gate("a").set()
        await here.until(task_id)
