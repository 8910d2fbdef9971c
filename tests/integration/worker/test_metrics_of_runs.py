"""What a scrape shows of work that really happened."""

from pathlib import Path

from tests.support.teams import Scene, world


async def test_waits_commits_and_busy_agents_are_counted_while_and_after_a_run(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene) as here:
        shown, flusher = here.metrics.registry.get_sample_value, here.flusher
        first = await here.submit([{"id": "a", "do": [["gate", "a"]]}, {"id": "b", "do": [["gate", "b"]]}])
        await scene.reached("gate:a")
        await scene.reached("gate:b")
        assert shown("langgraph_agents_active") == 2
        assert shown("langgraph_queue_wait_seconds_count") == 1
        scene.gate("a").set()
        scene.gate("b").set()
        await here.until(first)
        assert shown("langgraph_agents_active") == 0
        waited = shown("langgraph_queue_wait_seconds_sum")
        assert waited is not None
        assert 0 <= waited < 30
    # The world is down: no commit is still on its way between its statistics and its metric.
    commits, writes = (shown(f"langgraph_journal_{name}") for name in ("commit_seconds_count", "batch_steps_sum"))
    assert commits == flusher.statistics.batches > 0
    assert writes == flusher.statistics.steps


async def test_an_agent_that_fails_is_busy_no_more(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene) as here:
        await here.until(await here.submit([{"id": "a", "do": [["fail", 9]]}]))
        assert here.metrics.registry.get_sample_value("langgraph_agents_active") == 0
