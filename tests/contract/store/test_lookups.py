"""Questions that are asked at the same time share a statement, and nobody gets an old answer."""

import asyncio
import threading
from collections.abc import Sequence

import pytest
from tests.support.stores import Desk, tenant

from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.domain.errors import DependencyUnavailable
from langgraph_multi_agent.domain.task import Task
from langgraph_multi_agent.store import decisions, tasks
from langgraph_multi_agent.store.database import Store
from langgraph_multi_agent.store.gathering import MAX_TOGETHER
from langgraph_multi_agent.store.lookups import Lookups


class Watched:
    """`tasks.found` that tells what each statement was asked, and can be held back."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.has_started, self.may_go_on = asyncio.Event(), threading.Event()
        self.may_go_on.set()
        self._loop = asyncio.get_running_loop()

    def __call__(self, store: Store, ids: Sequence[str]) -> dict[str, Task]:
        self.asked.append(list(ids))
        answer = tasks.found(store, ids)
        self._loop.call_soon_threadsafe(self.has_started.set)
        assert self.may_go_on.wait(40)
        return answer


async def test_many_questions_at_once_are_one_statement_and_each_gets_its_answer(desk: Desk) -> None:
    ids = [await desk.submit(title=str(number)) for number in range(20)]
    watched = Watched()
    lookups = Lookups(desk.database, watched)
    async with asyncio.timeout(40):
        answers = await asyncio.gather(*(lookups.get(DEFAULT_SCOPE, key) for key in [*ids, ids[0], "none"]))
    assert [task and task.title for task in answers] == [*map(str, range(20)), "0", None]
    assert [sorted(asked) for asked in watched.asked] == [sorted([*ids, "none"])]


async def test_a_question_asked_while_a_statement_runs_is_answered_by_a_later_one(desk: Desk) -> None:
    task_id = await desk.submit(title="before")
    watched = Watched()
    lookups = Lookups(desk.database, watched)
    watched.may_go_on.clear()
    async with asyncio.TaskGroup() as group:
        early = group.create_task(lookups.get(DEFAULT_SCOPE, task_id))
        await watched.has_started.wait()
        await desk.database.write(DEFAULT_SCOPE, decisions.update_fields, task_id, {"title": "after"}, actor="me")
        late = group.create_task(lookups.get(DEFAULT_SCOPE, task_id))
        await asyncio.sleep(0)
        watched.may_go_on.set()
    assert [task and task.title for task in (early.result(), late.result())] == ["before", "after"]


async def test_scopes_share_no_statement(desk: Desk) -> None:
    mine, theirs = tenant("mine"), tenant("theirs")
    task_id = await desk.submit(mine)
    lookups = Lookups(desk.database, tasks.found)
    found, hidden = await asyncio.gather(lookups.get(mine, task_id), lookups.get(theirs, task_id))
    assert found is not None
    assert hidden is None


async def test_more_questions_than_a_statement_takes_are_all_answered(desk: Desk) -> None:
    task_id = await desk.submit()
    watched = Watched()
    lookups = Lookups(desk.database, watched)
    keys = [task_id, *(f"none-{number}" for number in range(2 * MAX_TOGETHER))]
    answers = await asyncio.gather(*(lookups.get(DEFAULT_SCOPE, key) for key in keys))
    assert [task and task.id for task in answers] == [task_id, *[None] * (2 * MAX_TOGETHER)]
    assert max(map(len, watched.asked)) == MAX_TOGETHER


async def test_who_gives_up_takes_the_answer_from_nobody(desk: Desk) -> None:
    task_id = await desk.submit()
    watched = Watched()
    lookups = Lookups(desk.database, watched)
    watched.may_go_on.clear()
    leaving, staying = [asyncio.create_task(lookups.get(DEFAULT_SCOPE, task_id)) for _ in range(2)]
    await watched.has_started.wait()
    leaving.cancel()
    await asyncio.wait([leaving])
    watched.may_go_on.set()
    found = await staying
    assert leaving.cancelled()
    assert found is not None


async def test_an_error_reaches_all_who_asked_and_the_next_question_is_answered(desk: Desk) -> None:
    task_id = await desk.submit()
    errors = [DependencyUnavailable(dependency="database", reason="away")]

    def away_once(store: Store, ids: Sequence[str]) -> dict[str, Task]:
        if errors:
            raise errors.pop()
        return tasks.found(store, ids)

    lookups = Lookups(desk.database, away_once)
    outcomes = await asyncio.gather(
        *(lookups.get(DEFAULT_SCOPE, task_id) for _ in range(3)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [DependencyUnavailable] * 3
    assert await lookups.get(DEFAULT_SCOPE, task_id) is not None


async def test_a_closed_database_answers_nobody_and_holds_nobody_up(desk: Desk) -> None:
    lookups = Lookups(desk.database, tasks.found)
    await desk.database.close()
    with pytest.raises((DependencyUnavailable, RuntimeError)):
        await lookups.get(DEFAULT_SCOPE, "any")
