"""Schedules of a process that goes down; a seeded fault showed that nothing noticed."""

from pathlib import Path

from tests.support.stores import ManualClock, counting_ids, draft
from tests.support.teams import Scene, World

from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE
from langgraph_multi_agent.domain.schedule import ScheduleDraft
from langgraph_multi_agent.service.schedules import ScheduleService
from langgraph_multi_agent.store import schedules


async def test_a_process_that_goes_down_leaves_what_is_due_to_others(tmp_path: Path) -> None:
    clock = ManualClock()
    world = World(tmp_path / "data", Scene(), clock=clock)
    service = ScheduleService(database=world.database, tasks=world.service, queue_size=10, new_id=counting_ids())
    request = ScheduleDraft(name="each minute", cron="* * * * *", timezone="UTC", draft=draft(input_data={"plan": []}))
    try:
        await service.create(DEFAULT_SCOPE, request)
        clock.advance(90)
        world.service.is_draining = True
        assert list(await service.tick()) == []
        assert await world.database.read(SYSTEM_SCOPE, schedules.has_due)
        world.service.is_draining = False
        [fired] = await service.tick()
        assert fired.task is not None
    finally:
        await world.close()
