"""Tasks that wait for their time take no places in the queue of those that wait for a worker."""

import pytest
from tests.support.stores import Desk, draft

from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.domain.errors import QueueFull
from langgraph_multi_agent.domain.task import Task
from langgraph_multi_agent.store import submissions

pytestmark = pytest.mark.anyio

DAY_S = 86_400.0


async def test_delayed_tasks_leave_the_queue_free(desk: Desk) -> None:
    for _ in range(3):
        await desk.submit(queue_size=2, delay_s=DAY_S)
    for _ in range(2):
        await desk.submit(queue_size=2)
    with pytest.raises(QueueFull) as refused:
        await desk.submit(queue_size=2)
    assert refused.value.params == {"what": "waiting", "limit": 2, "retry_after_s": 1}
    await desk.submit(queue_size=2, delay_s=DAY_S)


async def test_delayed_tasks_have_a_limit_of_their_own(desk: Desk) -> None:
    for _ in range(10):
        await desk.submit(queue_size=1, delay_s=DAY_S)
    with pytest.raises(QueueFull) as refused:
        await desk.submit(queue_size=1, delay_s=DAY_S)
    assert (refused.value.params["what"], refused.value.params["limit"]) == ("delayed", 10)
    await desk.submit(queue_size=1)


async def test_a_delayed_task_whose_time_has_come_takes_a_place(desk: Desk) -> None:
    await desk.submit(queue_size=1, delay_s=60.0)
    desk.clock.advance(61)
    with pytest.raises(QueueFull):
        await desk.submit(queue_size=1)


async def test_of_those_that_come_together_each_kind_fills_its_own_room(desk: Desk) -> None:
    drafts = [draft(), draft(delay_s=DAY_S), draft(), *(draft(delay_s=DAY_S) for _ in range(10))]
    outcomes = await desk.database.write(
        DEFAULT_SCOPE, submissions.submit_all, [(desk.new_id(), item) for item in drafts], queue_size=1
    )
    assert [isinstance(outcome, Task) for outcome in outcomes] == [True, True, False, *[True] * 9, False]
    assert [outcome.params["what"] for outcome in outcomes if isinstance(outcome, QueueFull)] == ["waiting", "delayed"]
    assert len(await desk.ids()) == 11
