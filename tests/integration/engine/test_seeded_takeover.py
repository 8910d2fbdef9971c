"""A run that was taken away stops when it hears of it; a seeded fault showed that nothing noticed."""

import asyncio
from pathlib import Path

from tests.support.teams import Scene, world

from langgraph_multi_agent.access import DEFAULT_SCOPE


async def test_work_that_was_taken_away_stops_at_the_next_beat_and_not_when_its_lease_is_in_doubt(
    tmp_path: Path,
) -> None:
    scene = Scene()
    async with world(tmp_path, scene, lease_seconds=1200) as here:
        task_id = await here.submit([{"id": "a", "do": [["gate", "a"]]}])
        await scene.reached("gate:a")
        await here.service.complete(DEFAULT_SCOPE, task_id, note="done")  # asks for a beat at once
        async with asyncio.timeout(here.settings.owner_grace_seconds / 10):
            await scene.reached("cancelled:a")
        assert here.scene.counts["a"] == 1
