"""Counts of tasks: all of them, and those at work alone."""

from tests.support.stores import Desk, tenant

from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE
from langgraph_multi_agent.domain.task import Action
from langgraph_multi_agent.store import decisions, tasks


async def test_tasks_at_work_are_counted_without_those_that_ended(desk: Desk) -> None:
    await desk.running()
    cancelled = await desk.submit()
    await desk.database.write(DEFAULT_SCOPE, decisions.request_control, cancelled, Action.CANCEL, actor="me")
    await desk.submit()
    await desk.submit(tenant("other"))
    everything = await desk.database.read(DEFAULT_SCOPE, tasks.count_by_status)
    assert everything == {"in_progress": 1, "cancelled": 1, "pending": 1}
    assert await desk.database.read(DEFAULT_SCOPE, tasks.count_at_work) == {"in_progress": 1, "pending": 1}
    assert await desk.database.read(SYSTEM_SCOPE, tasks.count_at_work) == {"in_progress": 1, "pending": 2}
