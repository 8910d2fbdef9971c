"""What a newer program says to all workers is no reason to end the work of this one."""

from pathlib import Path

from tests.support.teams import Scene, world

from langgraph_multi_agent.domain.task import TaskStatus
from langgraph_multi_agent.service.tasks import CONTROL_TOPIC


async def test_a_control_that_this_version_does_not_know_ends_no_work(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene) as here:
        task_id = await here.submit([{"id": "a", "do": [["gate", "a"]]}])
        await scene.reached("gate:a")
        here.feed.publish(CONTROL_TOPIC, {"of_a_later_version": 1})
        later = await here.submit([{"id": "b"}])
        await here.until(later)
        scene.gate("a").set()
        assert (await here.until(task_id)).status is TaskStatus.COMPLETED
