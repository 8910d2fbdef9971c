"""The store accepts tasks: exactly once for a key, within the queue's size, and finds them again."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.stores import Desk, draft, tenant

from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE
from langgraph_multi_agent.domain.errors import IdempotencyConflict, QueueFull, TaskNotFound
from langgraph_multi_agent.domain.task import Budget, InputFile, Priority, TaskStatus
from langgraph_multi_agent.store import references, submissions, tasks
from langgraph_multi_agent.store.submissions import IDEMPOTENCY_WINDOW
from langgraph_multi_agent.store.tasks import TaskFilter

FILE = InputFile(name="表.csv", digest="ab" * 32, size_bytes=12, media_type="text/csv")


async def submit(desk: Desk, key: str | None, body: str, **fields: Any) -> tuple[str, bool]:
    task, is_replay = await desk.database.write(
        DEFAULT_SCOPE,
        submissions.submit,
        desk.new_id(),
        draft(**fields),
        queue_size=1000,
        idempotency_key=key,
        body_hash=body,
    )
    return task.id, is_replay


async def test_what_was_submitted_is_read_back_whole(desk: Desk) -> None:
    fields: dict[str, Any] = {
        "title": "温度",
        "description": "what does temperature do?",
        "priority": Priority.HIGH,
        "deadline": datetime(2026, 5, 1, 8, 30, tzinfo=UTC),
        "assignee": "li",
        "language": "en",
        "input_data": {"列": ["a", 1, None, 2.5], "deep": {"b": True}},
        "files": (FILE,),
        "budget": Budget(tokens=100, cost=0.5),
    }
    made, _ = await desk.database.write(
        DEFAULT_SCOPE,
        submissions.submit,
        desk.new_id(),
        draft(**fields),
        queue_size=10,
        idempotency_key=None,
        body_hash="",
    )
    task = await desk.get(made.id)

    assert task == made
    assert {name: getattr(task, name) for name in fields} == fields
    assert (task.status, task.progress, task.generation, task.epoch, task.last_seq) == (
        TaskStatus.PENDING,
        0,
        1,
        0,
        1,
    )
    assert task.tenant == "default"
    assert await desk.events(task.id) == ["task.submitted"]
    stored = await desk.database.read(DEFAULT_SCOPE, tasks.artifacts_of, task.id)
    assert [(ref.name, ref.kind, ref.digest) for ref, _ in stored] == [(FILE.name, "input", FILE.digest)]


async def test_the_same_key_and_body_give_the_first_task_again(desk: Desk) -> None:
    first, replay = await submit(desk, "k", "body")
    again, replayed = await submit(desk, "k", "body")

    assert (again, replay, replayed) == (first, False, True)
    assert await desk.ids() == [first]
    assert (await desk.database.read(DEFAULT_SCOPE, submissions.replayed, "k", "body")) == await desk.get(first)


async def test_the_same_key_with_another_body_is_a_conflict_that_names_the_first_task(desk: Desk) -> None:
    first, _ = await submit(desk, "k", "body")
    with pytest.raises(IdempotencyConflict) as refused:
        await submit(desk, "k", "other body")
    with pytest.raises(IdempotencyConflict):
        await desk.database.read(DEFAULT_SCOPE, submissions.replayed, "k", "other body")

    assert refused.value.params["task"] == first
    assert await desk.ids() == [first]


async def test_a_key_is_forgotten_after_its_window(desk: Desk) -> None:
    first, _ = await submit(desk, "k", "body")
    desk.clock.advance(IDEMPOTENCY_WINDOW.total_seconds() - 1)
    assert await submit(desk, "k", "body") == (first, True)

    desk.clock.advance(2)
    assert await desk.database.read(DEFAULT_SCOPE, submissions.replayed, "k", "body") is None
    second, is_replay = await submit(desk, "k", "another body")
    assert (second != first, is_replay) == (True, False)
    assert await submit(desk, "k", "another body") == (second, True)


async def test_a_key_belongs_to_its_tenant(desk: Desk) -> None:
    mine = await desk.submit(tenant("a"), key="k", body="1")
    theirs = await desk.submit(tenant("b"), key="k", body="2")
    assert mine != theirs


async def test_twenty_submissions_with_one_key_at_once_make_one_task(desk: Desk) -> None:
    answers = await asyncio.gather(*(submit(desk, "k", "body") for _ in range(20)))

    assert len({task_id for task_id, _ in answers}) == 1
    assert sorted(replay for _, replay in answers) == [False] + [True] * 19
    assert len(await desk.ids()) == 1


async def test_a_full_queue_refuses_and_leaves_no_trace(desk: Desk) -> None:
    for _ in range(2):
        await desk.submit(queue_size=2)
    with pytest.raises(QueueFull) as refused:
        await desk.submit(queue_size=2, key="k", body="b")

    assert refused.value.params["limit"] == 2
    assert len(await desk.ids()) == 2
    assert await desk.rows("SELECT * FROM idempotency_keys") == []
    await desk.claim()
    await desk.submit(queue_size=2, key="k", body="b")


async def test_the_queues_size_holds_when_many_come_at_once(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.submit(queue_size=5) for _ in range(12)), return_exceptions=True)
    refused = sum(isinstance(answer, QueueFull) for answer in answers)
    assert len(await desk.ids()) == 12 - refused
    # Submissions that commit at the same moment do not see each other: two writers here.
    assert 5 <= 12 - refused <= (5 if desk.database.dialect == "sqlite" else 6)


async def test_pages_follow_each_other_without_gap_or_double_also_at_equal_times(desk: Desk) -> None:
    made = [await desk.submit() for _ in range(7)]
    await desk.sql("UPDATE tasks SET created_at = (SELECT MIN(created_at) FROM tasks)")
    seen: list[str] = []
    after: tuple[datetime, str] | None = None
    while page := await desk.database.read(
        DEFAULT_SCOPE, tasks.list_tasks, TaskFilter(), limit=3, after=after
    ):
        seen += [task.id for task in page]
        after = (page[-1].created_at, page[-1].id)
        if len(seen) == 3:
            late = await desk.submit()  # newer than the first page: must not shift the others

    assert seen == sorted(made, reverse=True)
    assert late not in seen


async def test_filters_choose_what_they_say(desk: Desk) -> None:
    old = await desk.submit(title="100% Wetter", assignee="an_na", priority=Priority.LOW)
    desk.clock.advance(60)
    new = await desk.submit(
        title="sales", description="weather REPORT", team="other", priority=Priority.URGENT
    )
    await desk.claim(teams={"other": "1"})
    created = (await desk.get(new)).created_at

    assert await desk.ids() == [new, old]
    assert await desk.ids(status=(TaskStatus.PENDING,)) == [old]
    assert await desk.ids(status=(TaskStatus.PENDING, TaskStatus.IN_PROGRESS)) == [new, old]
    assert await desk.ids(priority=(4,)) == [new]
    assert await desk.ids(team="other") == [new]
    assert await desk.ids(assignee="an_n") == [old]
    assert await desk.ids(assignee="an.n") == []
    assert await desk.ids(query="weather report") == [new]
    assert await desk.ids(query="100% w") == [old]
    assert await desk.ids(query="1%W") == []
    assert await desk.ids(created_after=created) == [new]
    assert await desk.ids(created_before=created) == [old]
    assert await desk.ids(created_after=created + timedelta(seconds=1)) == []


async def test_counts_are_by_status_and_tenant(desk: Desk) -> None:
    await desk.submit()
    await desk.submit(tenant("b"))
    await desk.claim(limit=1)
    assert await desk.database.read(DEFAULT_SCOPE, tasks.count_by_status) == {"in_progress": 1}
    assert await desk.database.read(SYSTEM_SCOPE, tasks.count_by_status) == {"in_progress": 1, "pending": 1}


async def test_an_unknown_task_is_not_found(desk: Desk) -> None:
    with pytest.raises(TaskNotFound):
        await desk.get("nobody")


async def test_references_of_files_and_large_results_keep_their_digests(desk: Desk) -> None:
    task_id = await desk.submit(files=(FILE,))
    await desk.sql(
        "INSERT INTO journal (task_id, key, tenant, epoch, input_hash, version, result_digest, created_at)"
        " SELECT id, '1/x', tenant, 0, '', 1, :digest, created_at FROM tasks WHERE id = :id",
        id=task_id,
        digest="cd" * 32,
    )
    assert await references.needed(desk.database) == {FILE.digest, "cd" * 32}
