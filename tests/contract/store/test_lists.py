"""Counted lists and the figures over all tasks are what plain SQL says, on every backend."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import bindparam, text
from tests.support.stores import Desk, draft, tenant

from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE, WORKER_SCOPE
from langgraph_multi_agent.domain.event import EventType, NewEvent
from langgraph_multi_agent.domain.plan import Plan, Subtask, SubtaskStatus
from langgraph_multi_agent.domain.task import Action, Priority, TaskStatus
from langgraph_multi_agent.service.plans import fold_plan
from langgraph_multi_agent.store import decisions, lists, submissions, tasks
from langgraph_multi_agent.store import events as event_log
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.store.journal import FencedWrite, commit_steps
from langgraph_multi_agent.store.lists import SubtasksDone, TaskStatistics
from langgraph_multi_agent.store.schema import UtcTime
from langgraph_multi_agent.store.tasks import TaskFilter

pytestmark = pytest.mark.anyio

MONDAY = datetime(2026, 2, 23, tzinfo=UTC)
FIGURES = """
SELECT count(*),
       sum(CASE WHEN status = 'completed' THEN 1 ELSE 0 END),
       sum(CASE WHEN status = 'pending' THEN 1 ELSE 0 END),
       sum(CASE WHEN priority = 4 THEN 1 ELSE 0 END),
       sum(CASE WHEN priority = 4 AND status IN ('pending', 'in_progress', 'waiting_input', 'paused')
                THEN 1 ELSE 0 END),
       sum(CASE WHEN status = 'completed' AND completed_at >= :since THEN 1 ELSE 0 END),
       sum(CASE WHEN status IN ('pending', 'in_progress', 'waiting_input', 'paused') AND deadline < :now
                THEN 1 ELSE 0 END)
FROM tasks WHERE tenant = 'default'
"""


@unit
def _set(store: Store, task_id: str, status: str, completed_at: datetime | None) -> None:
    values = {"id": task_id, "status": status, "at": completed_at}
    statement = text("UPDATE tasks SET status = :status, completed_at = :at WHERE id = :id")
    store.connection.execute(statement.bindparams(*_typed("at")), values)


def _typed(*names: str) -> list[Any]:
    return [bindparam(name, type_=UtcTime()) for name in names]


def _by_hand(store: Store, since: datetime) -> Sequence[Any]:
    statement = text(FIGURES).bindparams(*_typed("since", "now"))
    row = store.connection.execute(statement, {"since": since, "now": store.now}).one()
    return [value or 0 for value in row]


async def _fill(desk: Desk, count: int) -> list[str]:
    seed, ids = random.Random(7), []
    for number in range(count):
        deadline = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=seed.randrange(-99, 99))
        task_id = await desk.submit(
            title=f"任务 {number}",
            description="描述" if number % 3 else "Report",
            priority=Priority(seed.randrange(1, 5)),
            assignee=seed.choice(["李雷", "Ann", None]),
            deadline=seed.choice([None, deadline]),
        )
        status = seed.choice([status.value for status in TaskStatus])
        ended = MONDAY + timedelta(hours=seed.randrange(-80, 80)) if status == "completed" else None
        await desk.database.write(DEFAULT_SCOPE, _set, task_id, status, ended)
        ids.append(task_id)
    return ids


async def test_the_figures_are_those_of_sql_by_hand(desk: Desk) -> None:
    nothing = await desk.database.read(DEFAULT_SCOPE, lists.statistics, since=MONDAY)
    assert nothing == TaskStatistics(
        total=0, completed=0, pending=0, urgent=0, urgent_unfinished=0, completed_since=0, overdue=0
    )
    await _fill(desk, 60)
    await desk.database.write(
        tenant("other"),
        submissions.submit,
        desk.new_id(),
        draft(),
        queue_size=999,
        idempotency_key=None,
        body_hash="",
    )
    found = await desk.database.read(DEFAULT_SCOPE, lists.statistics, since=MONDAY)
    by_hand = await desk.database.read(DEFAULT_SCOPE, _by_hand, MONDAY)
    assert [
        found.total,
        found.completed,
        found.pending,
        found.urgent,
        found.urgent_unfinished,
        found.completed_since,
        found.overdue,
    ] == by_hand
    assert found.total == 60
    assert min(by_hand) > 0


async def test_numbered_pages_together_are_the_whole_list(desk: Desk) -> None:
    ids = await _fill(desk, 25)
    seen: list[str] = []
    while True:
        page, total, is_capped = await desk.database.read(
            DEFAULT_SCOPE, lists.numbered_page, TaskFilter(), limit=7, offset=len(seen)
        )
        assert (total, is_capped) == (25, False)
        if not page:
            break
        seen += [task.id for task in page]
    assert seen == ids[::-1]


@pytest.mark.parametrize(
    "wanted",
    [
        TaskFilter(status=(TaskStatus.COMPLETED, TaskStatus.FAILED)),
        TaskFilter(priority=(4,), status=(TaskStatus.PENDING, TaskStatus.PAUSED)),
        TaskFilter(assignee="李"),
        TaskFilter(assignee="ANN", query="report"),
        TaskFilter(query="务 1"),
        TaskFilter(query="nowhere"),
    ],
)
async def test_a_filtered_page_and_its_total_are_those_of_the_list(desk: Desk, wanted: TaskFilter) -> None:
    await _fill(desk, 30)
    everything = await desk.database.read(DEFAULT_SCOPE, tasks.list_tasks, wanted, limit=100, after=None)
    page, total, _ = await desk.database.read(DEFAULT_SCOPE, lists.numbered_page, wanted, limit=100, offset=0)
    assert [task.id for task in page] == [task.id for task in everything]
    assert total == len(everything)
    second, _, _ = await desk.database.read(DEFAULT_SCOPE, lists.numbered_page, wanted, limit=2, offset=1)
    assert [task.id for task in second] == [task.id for task in everything[1:3]]


async def test_a_total_beyond_the_count_is_capped_and_its_pages_go_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "COUNTED_TASKS", 5)
    ids = await _fill(desk, 8)
    page, total, is_capped = await desk.database.read(
        DEFAULT_SCOPE, lists.numbered_page, TaskFilter(), limit=3, offset=6
    )
    assert ([task.id for task in page], total, is_capped) == (ids[1::-1], 5, True)
    monkeypatch.setattr(lists, "COUNTED_TASKS", 8)
    _, total, is_capped = await desk.database.read(
        DEFAULT_SCOPE, lists.numbered_page, TaskFilter(), limit=3, offset=0
    )
    assert (total, is_capped) == (8, False)


async def test_another_tenants_tasks_are_neither_listed_nor_counted(desk: Desk) -> None:
    await _fill(desk, 3)
    page, total, _ = await desk.database.read(
        tenant("other"), lists.numbered_page, TaskFilter(), limit=9, offset=0
    )
    assert (page, total) == ([], 0)
    figures = await desk.database.read(tenant("other"), lists.statistics, since=MONDAY)
    assert figures.total == 0


def _named(seed: random.Random) -> str | None:
    """Names that meet in parts, in case, and in what a pattern would read as its own."""
    parts = ["李", "雷", "Ann", "ann", " ", "%", "_", "/", "é", "É", "旧"]
    return "".join(seed.choices(parts, k=seed.randrange(1, 4))) if seed.random() < 0.7 else None


@pytest.mark.parametrize("limits", [{}, {"MAX_MERGED": 2}, {"MAX_ASSIGNEES": 3}, {"COUNTED_TASKS": 4}])
async def test_looking_among_the_names_gives_what_asking_each_task_gives(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, limits: dict[str, int]
) -> None:
    for name, value in limits.items():
        monkeypatch.setattr(lists, name, value)
    seed = random.Random(11)
    for number in range(60):
        other = tenant("other") if number % 10 == 0 else DEFAULT_SCOPE
        await desk.submit(
            other, assignee=_named(seed), priority=Priority(seed.randrange(1, 5)), team=seed.choice(["a", "b"])
        )
    for part in ("李", "an", "ANN", "%", "_", "/", "É", "旧", "nobody", "n %", "雷李"):
        for more in ({}, {"priority": (1, 2)}, {"team": "a"}):
            wanted = TaskFilter(assignee=part, **more)
            plain = await desk.database.read(DEFAULT_SCOPE, tasks.list_tasks, wanted, limit=100, after=None)
            for limit, offset in ((100, 0), (2, 1), (3, 50)):
                page, total, is_capped = await desk.database.read(
                    DEFAULT_SCOPE, lists.numbered_page, wanted, limit=limit, offset=offset
                )
                assert [task.id for task in page] == [task.id for task in plain[offset : offset + limit]]
                assert total == min(len(plain), lists.COUNTED_TASKS)
                assert is_capped == (len(plain) > lists.COUNTED_TASKS)


async def test_a_word_is_found_whatever_its_case_and_is_no_pattern(desk: Desk) -> None:
    await desk.submit(title="Ann 写 100%_报告", description="d")
    await desk.submit(title="100 报告", description="ANN 写")
    found = {
        word: len(await desk.ids(query=word))
        for word in ("ann", "ANN 写", "报告", "100%", "0%_报", "100 报", "%", "_", "报%告", "/")
    }
    assert found == {
        "ann": 2, "ANN 写": 2, "报告": 2, "100%": 1, "0%_报": 1, "100 报": 1, "%": 1, "_": 1, "报%告": 0, "/": 0,
    }  # fmt: skip


async def test_without_a_tenant_all_names_are_looked_at(desk: Desk) -> None:
    mine = await desk.submit(assignee="李雷")
    theirs = await desk.submit(tenant("other"), assignee="李四")
    page, total, _ = await desk.database.read(
        SYSTEM_SCOPE, lists.numbered_page, TaskFilter(assignee="李"), limit=9, offset=0
    )
    assert ([task.id for task in page], total) == ([theirs, mine], 2)


def _plan(seed: random.Random, revision: int) -> Plan:
    names = seed.sample("abcdef", seed.randrange(1, 6))
    subtasks = tuple(Subtask(id=name, title=name, capability="work", agent="x") for name in names)
    return Plan(revision=revision, subtasks=subtasks)


async def test_how_far_tasks_are_is_what_folding_their_events_over_their_plans_tells(desk: Desk) -> None:
    seed = random.Random(5)
    plans: dict[str, Plan | None] = {}
    for _ in range(12):
        claimed = await desk.running()
        task_id, newest = claimed.task.id, None
        happened = []
        for _ in range(seed.randrange(25)):
            if newest is None or seed.random() < 0.15:
                newest = _plan(seed, 1 if newest is None else newest.revision + 1)
                nodes = [{"id": item.id} for item in newest.subtasks]
                kind = EventType.PLAN_CREATED if newest.revision == 1 else EventType.PLAN_REVISED
                data = {"revision": newest.revision, "count": len(nodes), "subtasks": nodes}
                happened.append(NewEvent(type=kind, data=data))
            else:
                kind = seed.choice([EventType.SUBTASK_STARTED, *[EventType.SUBTASK_COMPLETED] * 3,
                                    EventType.SUBTASK_FAILED, EventType.SUBTASK_RETRIED])  # fmt: skip
                happened.append(NewEvent(type=kind, subtask_id=seed.choice("abcdef"), data={"attempt": 1}))
        write = FencedWrite(task_id=task_id, epoch=claimed.epoch, events=tuple(happened))
        assert await desk.database.write(WORKER_SCOPE, commit_steps, [write]) == [None]
        plans[task_id] = newest
    found = await desk.database.read(DEFAULT_SCOPE, lists.subtasks_done, list(plans))
    for task_id, plan in plans.items():
        if plan is None:
            assert task_id not in found
            continue
        log = await desk.database.read(DEFAULT_SCOPE, event_log.after, task_id, 0, limit=500)
        task = await desk.get(task_id)
        view = fold_plan(plan, log, task=task, revisions=(plan.revision,), spent={})
        done = sum(item.status is SubtaskStatus.COMPLETED for item in view.subtasks)
        assert found[task_id] == SubtasksDone(done=done, total=len(plan.subtasks))
    assert len({item.done for item in found.values()}) > 2
    assert await desk.database.read(tenant("other"), lists.subtasks_done, list(plans)) == {}


async def test_a_plan_too_long_for_its_event_is_counted_and_a_new_generation_has_none_yet(desk: Desk) -> None:
    claimed = await desk.running()
    task_id = claimed.task.id
    events = (
        NewEvent(type=EventType.PLAN_CREATED, data={"revision": 1, "count": 400}),
        NewEvent(type=EventType.SUBTASK_COMPLETED, subtask_id="a", data={}),
    )
    write = FencedWrite(task_id=task_id, epoch=claimed.epoch, events=events)
    assert await desk.database.write(WORKER_SCOPE, commit_steps, [write]) == [None]
    found = await desk.database.read(DEFAULT_SCOPE, lists.subtasks_done, [task_id])
    assert found == {task_id: SubtasksDone(done=1, total=400)}
    await desk.database.write(DEFAULT_SCOPE, decisions.complete_by_person, task_id, actor="me", note=None)
    await desk.database.write(DEFAULT_SCOPE, decisions.make_pending, task_id, Action.REOPEN, actor="me")
    assert await desk.database.read(DEFAULT_SCOPE, lists.subtasks_done, [task_id]) == {}
