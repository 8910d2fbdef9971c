"""Conversations, feedback and settings in the store, on every backend."""

import asyncio

import pytest
from tests.support.stores import Desk, draft, tenant

from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.domain.errors import DataRefused, QueueFull
from langgraph_multi_agent.domain.task import Task
from langgraph_multi_agent.store import chats, feedback, user_settings
from langgraph_multi_agent.store.chats import AnswerWords, Exchange, NewTask

pytestmark = pytest.mark.anyio


def answered(task: Task | None, is_new: bool) -> AnswerWords:
    content = "no task" if task is None else f"{'made' if is_new else 'known'} {task.id}"
    return AnswerWords(content=content, data={"intent": "other", "citations": []}, sender="MetaAgent")


async def exchange(
    desk: Desk, message_id: str, *, request_id: str | None = None, queue_size: int = 10
) -> Exchange:
    new_task = None
    if request_id is not None:
        new_task = NewTask(request_id=request_id, draft=draft(title="t"), queue_size=queue_size)
    return await desk.database.write(
        DEFAULT_SCOPE, chats.exchange, message_id, content="你好\u2603", words=answered, new_task=new_task
    )


async def test_a_message_its_answer_and_its_task_are_one(desk: Desk) -> None:
    made = await exchange(desk, "m1", request_id="m1")
    assert made.task is not None
    assert (made.is_new_task, made.is_replay) == (True, False)
    assert (made.message.content, made.message.sender) == ("你好\u2603", DEFAULT_SCOPE.actor)
    assert (made.answer.task_id, made.answer.content) == (made.task.id, f"made {made.task.id}")
    found, total = await desk.database.read(DEFAULT_SCOPE, chats.history, limit=10, offset=0)
    assert ([message.id for message in found], total) == ([made.message.id, made.answer.id], 2)
    assert found[0].created_at < found[1].created_at
    assert (await desk.get(made.task.id)).status == "pending"


async def test_the_same_message_again_changes_nothing(desk: Desk) -> None:
    first, second = await exchange(desk, "m1", request_id="m1"), await exchange(desk, "m1", request_id="m1")
    assert (second.is_replay, second.answer) == (True, first.answer)
    assert await desk.database.read(DEFAULT_SCOPE, chats.find, "m1") == second
    assert len(await desk.ids()) == 1


async def test_two_messages_that_confirm_one_request_make_one_task(desk: Desk) -> None:
    both = await asyncio.gather(exchange(desk, "m2", request_id="m1"), exchange(desk, "m3", request_id="m1"))
    assert sorted(item.is_new_task for item in both) == [False, True]
    assert len({item.answer.task_id for item in both}) == 1
    assert len(await desk.ids()) == 1


async def test_a_full_queue_leaves_neither_message_nor_task(desk: Desk) -> None:
    with pytest.raises(QueueFull):
        await exchange(desk, "m1", request_id="m1", queue_size=0)
    assert await desk.database.read(DEFAULT_SCOPE, chats.history, limit=10, offset=0) == ([], 0)
    assert await desk.ids() == []
    assert await desk.database.read(DEFAULT_SCOPE, chats.find, "m1") is None


async def test_a_conversation_is_seen_by_its_person_only(desk: Desk) -> None:
    await exchange(desk, "m1")
    for scope in (tenant("other"), tenant("default")):
        assert await desk.database.read(scope, chats.history, limit=10, offset=0) == ([], 0)
        assert await desk.database.read(scope, chats.find, "m1") is None


async def test_feedback_keeps_its_bounds_and_its_context(desk: Desk) -> None:
    kept = await desk.database.write(
        DEFAULT_SCOPE, feedback.add, "f1", kind="general", rating=5, message="好", context={"page": ["/", 1]}
    )
    found, total = await desk.database.read(DEFAULT_SCOPE, feedback.list_feedback, limit=5, offset=0)
    assert (found, total, kept.context) == ([kept], 1, {"page": ["/", 1]})
    with pytest.raises(DataRefused):
        await desk.database.write(
            DEFAULT_SCOPE, feedback.add, "f2", kind="general", rating=6, message="x", context={}
        )
    assert await desk.database.read(tenant("other"), feedback.list_feedback, limit=5, offset=0) == ([], 0)


async def test_settings_are_set_replaced_and_taken_back(desk: Desk) -> None:
    async def change(**values: str | None) -> dict[str, str]:
        return await desk.database.write(DEFAULT_SCOPE, user_settings.change, values)

    assert await change(theme="dark", language="en") == {"language": "en", "theme": "dark"}
    assert await change(theme="light", language=None) == {"theme": "light"}
    assert await desk.database.read(DEFAULT_SCOPE, user_settings.read) == {"theme": "light"}
    assert await desk.database.read(tenant("other"), user_settings.read) == {}
