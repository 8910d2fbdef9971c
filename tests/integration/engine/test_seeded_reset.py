"""A reset aborts what the named agent does, nothing else, and the work is done again."""

from pathlib import Path

import pytest
from tests.support.teams import WAIT_S, Scene, world

from langgraph_multi_agent.access import DEFAULT_SCOPE, Scope
from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.task import TaskStatus
from langgraph_multi_agent.engine import recovery
from langgraph_multi_agent.service.tasks import CONTROL_TOPIC


async def test_a_reset_aborts_the_named_agent_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "BACKOFF_BASE_S", 0.01)
    scene = Scene()
    plan = [
        {"id": "a", "agent": "worker_a", "do": [["gate", "a"]]},
        {"id": "b", "agent": "worker_b", "do": [["gate", "b"]]},
    ]
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(plan)
        await scene.reached("gate:a", "gate:b")
        await here.agents.reset(DEFAULT_SCOPE, "worker_a")
        await scene.reached("cancelled:a")
        scene.gate("a").set()
        scene.gate("b").set()
        task = await here.until(task_id)
        (failed,) = await here.events(task_id, EventType.SUBTASK_FAILED)
    assert task.status is TaskStatus.COMPLETED, task.error
    assert (failed.subtask_id, failed.data["error"]["code"]) == ("a", "AGENT_RESET")
    assert scene.ran == ["a#1", "b#1", "a#2"]
    assert "cancelled:b" not in scene.seen


async def test_a_reset_leaves_the_work_of_other_tenants_alone(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene) as here:
        task_id = await here.submit([{"id": "a", "agent": "worker_a", "do": [["gate", "a"]]}])
        await scene.reached("gate:a")
        async with here.feed.listen(CONTROL_TOPIC) as control:
            await here.agents.reset(Scope(tenant="other", actor="them"), "worker_a")
            assert await control.wait(WAIT_S)
        scene.gate("a").set()
        task = await here.until(task_id)
    assert task.status is TaskStatus.COMPLETED
    assert scene.ran == ["a#1"]
    assert "cancelled:a" not in scene.seen
