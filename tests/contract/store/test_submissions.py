"""Submissions that share a transaction are accepted or refused each for its own sake."""

import asyncio

import pytest
from tests.support.stores import Desk, draft, tenant

from langgraph_multi_agent.access import DEFAULT_SCOPE, Scope
from langgraph_multi_agent.domain.errors import DataRefused, DependencyUnavailable, QueueFull
from langgraph_multi_agent.domain.task import Task
from langgraph_multi_agent.store.submissions import Submissions


async def together(
    desk: Desk, *titles: str, scope: Scope = DEFAULT_SCOPE, queue_size: int = 100, **fields: object
) -> list[Task | BaseException]:
    submissions = Submissions(desk.database, queue_size=queue_size)
    return await asyncio.gather(
        *(submissions.submit(scope, desk.new_id(), draft(title=title, **fields)) for title in titles),
        return_exceptions=True,
    )


async def test_those_that_come_together_share_a_commit_and_each_is_a_task_of_its_own(desk: Desk) -> None:
    before = desk.database.statistics.units
    outcomes = await together(desk, "a", "b", "c", input_data={"n": 1})
    assert desk.database.statistics.units == before + 1
    accepted = [outcome for outcome in outcomes if isinstance(outcome, Task)]
    assert [task.title for task in accepted] == ["a", "b", "c"]
    for task in accepted:
        assert await desk.get(task.id) == task
        assert await desk.events(task.id) == ["task.submitted"]


async def test_a_queue_with_room_for_some_takes_the_first_of_them(desk: Desk) -> None:
    await desk.submit()
    outcomes = await together(desk, "a", "b", "c", queue_size=3)
    assert [type(outcome) for outcome in outcomes] == [Task, Task, QueueFull]
    assert len(await desk.ids()) == 3
    assert [type(outcome) for outcome in await together(desk, "d", queue_size=3)] == [QueueFull]


async def test_one_that_cannot_be_stored_is_refused_alone(desk: Desk) -> None:
    submissions = Submissions(desk.database, queue_size=100)
    ids = [desk.new_id() for _ in range(3)]
    drafts = [draft(), draft(team="t" * 65), draft()]
    outcomes = await asyncio.gather(
        *(submissions.submit(DEFAULT_SCOPE, *pair) for pair in zip(ids, drafts, strict=True)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [Task, DataRefused, Task]
    assert sorted(await desk.ids()) == [ids[0], ids[2]]


async def test_each_tenant_gets_its_own(desk: Desk) -> None:
    mine, theirs = await asyncio.gather(
        together(desk, "mine", scope=tenant("mine")), together(desk, "theirs", scope=tenant("theirs"))
    )
    assert [task.tenant for task in (*mine, *theirs) if isinstance(task, Task)] == ["mine", "theirs"]
    assert await desk.ids(tenant("mine")) == [task.id for task in mine if isinstance(task, Task)]


async def test_a_closed_database_refuses_all(desk: Desk) -> None:
    await desk.database.close()
    outcomes = await together(desk, "a", "b")
    assert [type(outcome) for outcome in outcomes] == [DependencyUnavailable] * 2
    with pytest.raises(DependencyUnavailable):
        await Submissions(desk.database, queue_size=1).submit(DEFAULT_SCOPE, desk.new_id(), draft())
