"""What followers read of many tasks at once is what each would have read alone."""

from tests.support.stores import Desk, tenant

from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE
from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.task import Action
from langgraph_multi_agent.store import decisions, events
from langgraph_multi_agent.store.histories import PAGE, histories


async def test_each_place_gets_the_events_after_it_and_the_state_of_its_task(desk: Desk) -> None:
    running, waiting = (await desk.running()).task.id, await desk.submit()
    await desk.database.write(DEFAULT_SCOPE, decisions.request_control, waiting, Action.CANCEL, actor="me")
    asked = [(running, 0), (running, 1), (running, 9), (waiting, 0), ("none", 0)]
    found = await desk.database.read(DEFAULT_SCOPE, histories, asked)
    assert {place: [event.seq for event in history.events] for place, history in found.items()} == {
        (running, 0): [1, 2],
        (running, 1): [2],
        (running, 9): [],
        (waiting, 0): [1, 2],
    }
    assert {place[0]: (history.last_seq, history.is_over) for place, history in found.items()} == {
        running: (2, False),
        waiting: (2, True),
    }
    alone = await desk.database.read(DEFAULT_SCOPE, events.after, running, 0, limit=PAGE)
    assert found[running, 0].events == alone


async def test_a_page_is_bounded_and_says_that_there_is_more(desk: Desk) -> None:
    task_id = await desk.submit()
    for number in range(PAGE + 5):
        await desk.database.write(
            DEFAULT_SCOPE, decisions.update_fields, task_id, {"title": str(number)}, actor="me"
        )
    found = await desk.database.read(DEFAULT_SCOPE, histories, [(task_id, 0), (task_id, 10)])
    first, later = found[task_id, 0], found[task_id, 10]
    assert (len(first.events), first.last_seq, first.reaches_from(0)) == (PAGE, PAGE + 6, False)
    assert later.reaches_from(10)


async def test_a_deleted_task_leaves_its_last_event_and_no_state(desk: Desk) -> None:
    task_id = await desk.submit()
    await desk.database.write(DEFAULT_SCOPE, decisions.remove, task_id, actor="me")
    found = await desk.database.read(DEFAULT_SCOPE, histories, [(task_id, 1), (task_id, 2)])
    assert list(found) == [(task_id, 1)]
    history = found[task_id, 1]
    assert (history.last_seq, history.is_over) == (None, False)
    assert [event.type for event in history.events] == [EventType.TASK_DELETED]


async def test_another_tenant_reads_nothing(desk: Desk) -> None:
    task_id = await desk.submit(tenant("mine"))
    assert await desk.database.read(tenant("theirs"), histories, [(task_id, 0)]) == {}
    everybody = await desk.database.read(SYSTEM_SCOPE, histories, [(task_id, 0)])
    assert everybody[task_id, 0].last_seq == 1


async def test_a_place_beyond_any_number_has_nothing_after_it(desk: Desk) -> None:
    task_id = await desk.submit()
    place = (task_id, 2**53)
    found = await desk.database.read(DEFAULT_SCOPE, histories, [place])
    assert (found[place].last_seq, found[place].events) == (1, [])
