"""A scope sees and changes its tenant's rows only, in every function that takes one."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.stores import Desk, tenant

from langgraph_multi_agent.domain.errors import TaskNotFound
from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.task import Action
from langgraph_multi_agent.store import decisions, events, tasks
from langgraph_multi_agent.store.tasks import TaskFilter

MINE, THEIRS = tenant("mine"), tenant("theirs")
Write = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]
BY = {"actor": "them"}
WRITES: dict[str, Write] = {
    "update": (decisions.update_fields, ({"title": "taken"},), BY),
    "cancel": (decisions.request_control, (Action.CANCEL,), BY),
    "pause": (decisions.request_control, (Action.PAUSE,), BY),
    "resume": (decisions.make_pending, (Action.RESUME,), BY),
    "retry": (decisions.make_pending, (Action.RETRY,), BY),
    "complete": (decisions.complete_by_person, (), {**BY, "note": None}),
    "remove": (decisions.remove, (), BY),
    "answer": (decisions.answer, ("q", {"text": "x"}), {**BY, "input_hash": ""}),
}


@pytest.mark.parametrize("name", sorted(WRITES))
async def test_another_tenants_task_is_not_found_and_not_changed(desk: Desk, name: str) -> None:
    task_id = await desk.submit(MINE)
    before = await desk.get(task_id)
    function, arguments, named = WRITES[name]
    with pytest.raises(TaskNotFound):
        await desk.database.write(THEIRS, function, task_id, *arguments, **named)
    assert await desk.get(task_id) == before
    assert await desk.events(task_id) == ["task.submitted"]


async def test_reading_stays_inside_the_tenant(desk: Desk) -> None:
    task_id = await desk.submit(MINE)
    read = desk.database.read
    with pytest.raises(TaskNotFound):
        await read(THEIRS, tasks.get, task_id)
    with pytest.raises(TaskNotFound):
        await read(THEIRS, tasks.artifacts_of, task_id)
    assert await read(THEIRS, tasks.list_tasks, TaskFilter(), limit=10, after=None) == []
    assert await read(THEIRS, tasks.count_by_status) == {}
    assert await read(THEIRS, events.after, task_id, 0, limit=10) == []
    assert await read(THEIRS, events.after_cursor, "0.0", limit=10) == []
    position = await read(THEIRS, events.last_cursor)
    assert await read(THEIRS, events.after_cursor, position, limit=10) == []
    assert await read(THEIRS, events.of_types, task_id, [EventType.TASK_SUBMITTED]) == []
    assert await read(THEIRS, events.agent_record, resets={}) == {}
    assert await read(MINE, events.after_cursor, "0.0", limit=10) != []
