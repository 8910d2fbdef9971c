"""A heartbeat that overtakes the news of an ending takes it for what it is."""

import pytest
from tests.support.stores import LEASE, Desk

from langgraph_multi_agent.access import WORKER_SCOPE
from langgraph_multi_agent.domain.task import Action
from langgraph_multi_agent.store import leases, runs
from langgraph_multi_agent.store.runs import Ending


@pytest.mark.parametrize("action", [Action.COMPLETE, Action.FAIL, Action.CANCEL, Action.PAUSE, Action.HAND_BACK])
async def test_an_own_ending_is_not_mistaken_for_sql_by_hand(desk: Desk, action: Action) -> None:
    run = await desk.running()
    await desk.database.write(WORKER_SCOPE, runs.finish, run.task.id, run.epoch, Ending(action=action))
    before = await desk.get(run.task.id)
    (beat,) = await desk.database.write(
        WORKER_SCOPE, leases.heartbeat, "w1", [(run.task.id, run.epoch)], lease=LEASE
    )
    assert not beat.is_owned
    assert await desk.get(run.task.id) == before
