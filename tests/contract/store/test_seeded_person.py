"""A task that a person completed has one ending, also when its worker hears of it only later."""

from tests.support.stores import LEASE, Desk

from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE, WORKER_SCOPE
from langgraph_multi_agent.store import decisions, leases


async def test_a_worker_that_comes_late_adds_no_second_ending_to_a_persons(desk: Desk) -> None:
    run = await desk.running()
    await desk.database.write(DEFAULT_SCOPE, decisions.complete_by_person, run.task.id, actor="li", note="by hand")
    for _ in range(2):
        runs = [(run.task.id, run.epoch)]
        (beat,) = await desk.database.write(WORKER_SCOPE, leases.heartbeat, "w1", runs, lease=LEASE)
        assert not beat.is_owned
    desk.clock.advance(LEASE.total_seconds() + 1)
    assert await desk.database.write(SYSTEM_SCOPE, leases.reclaim, all_leases=True) == []

    assert await desk.events(run.task.id) == ["task.submitted", "task.started", "task.completed"]
    (last,) = await desk.rows("SELECT data FROM agent_messages WHERE type = 'task.completed'")
    assert '"li"' in last["data"]
