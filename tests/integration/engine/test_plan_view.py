"""A plan as people see it is folded from events, and from the journal where retention took them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.teams import Scene, plan_of, world

from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.domain.event import Event, EventType
from langgraph_multi_agent.domain.plan import SubtaskStatus
from langgraph_multi_agent.domain.task import Budget, Cost, Priority, Task, TaskStatus
from langgraph_multi_agent.service.plans import PlanView, fold_plan

E, P, T = EventType, SubtaskStatus, TaskStatus
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLAN = plan_of([{"id": "a"}, {"id": "b", "needs": ["a"]}])
TASK = Task(
    id="t",
    tenant="default",
    title="",
    description="",
    priority=Priority.MEDIUM,
    team="default",
    deadline=None,
    assignee=None,
    language="en",
    status=T.IN_PROGRESS,
    status_detail=None,
    progress=0,
    input_data={},
    files=(),
    budget=Budget(),
    cost=Cost(),
    result=None,
    error=None,
    generation=1,
    epoch=1,
    last_seq=0,
    created_at=NOON,
    updated_at=NOON,
    started_at=NOON,
    completed_at=None,
)
STARTED = ("a", E.SUBTASK_STARTED, {"attempt": 1})
FAILED = ("a", E.SUBTASK_FAILED, {"error": {"code": "X"}})
DONE = ("a", E.SUBTASK_COMPLETED, {"summary": "ok"})
RETRIED = ("a", E.SUBTASK_RETRIED, {"attempt": 2})
AGAIN = ("a", E.SUBTASK_STARTED, {"attempt": 2})
RESUMED = (None, E.TASK_RESUMED, {})
REOPENED = (None, E.TASK_REOPENED, {})
Told = Sequence[tuple[str | None, EventType, dict[str, Any]]]


def view(told: Told, status: TaskStatus = T.IN_PROGRESS, spent: dict[str, Cost] | None = None) -> PlanView:
    events = [
        Event(
            task_id="t",
            seq=n,
            type=kind,
            at=NOON + timedelta(seconds=n),
            agent=f"agent-{n}" if subtask else None,
            subtask_id=subtask,
            data=data,
        )
        for n, (subtask, kind, data) in enumerate(told, start=1)
    ]
    return fold_plan(PLAN, events, task=replace(TASK, status=status), revisions=(1,), spent=spent or {})


@pytest.mark.parametrize(
    ("told", "status", "states"),
    [
        ([], T.IN_PROGRESS, (P.PENDING, P.PENDING)),
        ([STARTED], T.IN_PROGRESS, (P.RUNNING, P.PENDING)),
        ([STARTED, DONE], T.IN_PROGRESS, (P.COMPLETED, P.PENDING)),
        ([STARTED, FAILED], T.IN_PROGRESS, (P.FAILED, P.PENDING)),
        ([STARTED, FAILED, RETRIED], T.IN_PROGRESS, (P.PENDING, P.PENDING)),
        ([STARTED, FAILED, RETRIED, AGAIN, DONE], T.COMPLETED, (P.COMPLETED, P.SKIPPED)),
        ([STARTED, RESUMED], T.IN_PROGRESS, (P.PENDING, P.PENDING)),
        ([STARTED, DONE, RESUMED], T.IN_PROGRESS, (P.COMPLETED, P.PENDING)),
        ([STARTED], T.WAITING_INPUT, (P.WAITING_INPUT, P.PENDING)),
        ([STARTED], T.PAUSED, (P.PENDING, P.PENDING)),
        ([STARTED], T.PENDING, (P.PENDING, P.PENDING)),
        ([STARTED], T.CANCELLED, (P.SKIPPED, P.SKIPPED)),
        ([STARTED, FAILED], T.FAILED, (P.FAILED, P.SKIPPED)),
        ([STARTED, DONE, REOPENED], T.PENDING, (P.PENDING, P.PENDING)),
        ([STARTED, DONE, REOPENED, DONE], T.IN_PROGRESS, (P.COMPLETED, P.PENDING)),
        ([("gone", E.SUBTASK_STARTED, {})], T.IN_PROGRESS, (P.PENDING, P.PENDING)),
    ],
)
def test_states_follow_from_what_happened(
    told: Told, status: TaskStatus, states: tuple[SubtaskStatus, ...]
) -> None:
    assert tuple(item.status for item in view(told, status).subtasks) == states


def test_attempts_times_errors_agents_and_costs_are_shown() -> None:
    shown = view([STARTED, FAILED], spent={"a": Cost(model_calls=2), "other": Cost(model_calls=9)}).subtasks
    assert (shown[0].attempts, shown[0].error, shown[0].agent) == (1, {"code": "X"}, "agent-2")
    assert shown[0].started_at == NOON + timedelta(seconds=1)
    assert shown[0].completed_at == NOON + timedelta(seconds=2)
    assert shown[0].cost["model_calls"] == 2
    assert shown[1].agent == "worker_a"

    mended = view([STARTED, FAILED, RETRIED, AGAIN, DONE]).subtasks[0]
    assert (mended.attempts, mended.error, mended.summary) == (2, None, "ok")


async def test_a_plan_whose_events_retention_took_says_how_its_subtasks_ended(tmp_path: Path) -> None:
    async with world(tmp_path, Scene()) as here:
        task_id = await here.submit([{"id": "a"}, {"id": "b", "needs": ["a"]}])
        await here.until(task_id)
        before = await here.service.plan(DEFAULT_SCOPE, task_id)
        await here.sql("DELETE FROM agent_messages WHERE task_id = :id", id=task_id)
        after = await here.service.plan(DEFAULT_SCOPE, task_id)
        assert before is not None
        assert after is not None
        for old, new in zip(before.subtasks, after.subtasks, strict=True):
            assert (new.status, new.attempts) == (old.status, old.attempts) == (SubtaskStatus.COMPLETED, 1)
            assert new.summary == old.summary
