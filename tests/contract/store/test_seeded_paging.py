"""Each page goes on exactly after the last row of the page before, within one moment too."""

from tests.support.stores import Desk

from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.domain.task import Task
from langgraph_multi_agent.store import tasks
from langgraph_multi_agent.store.tasks import TaskFilter


async def page(desk: Desk, after: Task | None, limit: int) -> list[Task]:
    place = (after.created_at, after.id) if after else None
    return await desk.database.read(DEFAULT_SCOPE, tasks.list_tasks, TaskFilter(), limit=limit, after=place)


async def test_a_page_begins_after_the_last_row_of_the_page_before(desk: Desk) -> None:
    made = [await desk.submit() for _ in range(6)]
    await desk.sql("UPDATE tasks SET created_at = (SELECT min(created_at) FROM tasks) WHERE id <> :id", id=made[-1])
    seen: list[str] = []
    last = None
    for size in (2, 2, 2):
        found = await page(desk, last, size)
        seen += [task.id for task in found]
        last = found[-1]
    assert seen == sorted(made, reverse=True)
    assert await page(desk, last, 2) == []
