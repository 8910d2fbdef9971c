"""What a watcher sees: folding events to a picture."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_multi_agent.cli.picture import SYMBOLS, Picture, StreamEvent, shape
from langgraph_multi_agent.domain.plan import SubtaskStatus
from langgraph_multi_agent.domain.task import TaskStatus

AT = datetime(2026, 11, 22, 3, 0, 0, tzinfo=UTC)
PLAN = {
    "revision": 1,
    "count": 3,
    "subtasks": [
        {"id": "a", "title": "Trend", "agent": "data_analyst", "depends_on": []},
        {"id": "b", "title": "Report", "agent": "writer", "depends_on": ["a"]},
        {"id": "c", "title": "Review", "agent": "reviewer", "depends_on": ["b"]},
    ],
}


def event(
    seq: int | None, kind: str, *, subtask: str | None = None, data: Mapping[str, Any] | None = None, second: int = 0
) -> StreamEvent:
    return StreamEvent(
        seq=seq,
        type=kind,
        at=AT.replace(second=second).isoformat(),
        agent="data_analyst" if subtask else None,
        subtask_id=subtask,
        data=data or {},
    )


LIFE = [
    event(1, "task.submitted"),
    event(2, "task.started", second=1),
    event(3, "plan.created", data=PLAN, second=2),
    event(4, "subtask.started", subtask="a", second=3, data={"attempt": 1}),
    event(5, "subtask.failed", subtask="a", second=4, data={"error": {"code": "SKILL_FAILED"}, "duration_s": 1.0}),
    event(6, "subtask.retried", subtask="a", second=4, data={"attempt": 2}),
    event(7, "subtask.started", subtask="a", second=5, data={"attempt": 2}),
    event(8, "subtask.completed", subtask="a", second=8, data={"duration_s": 3.0}),
    event(9, "task.waiting_input", second=9, data={"questions": [{"id": "q", "text": "Which?"}]}),
    event(10, "task.started", second=20),
    event(11, "subtask.started", subtask="b", second=21),
    event(12, "subtask.completed", subtask="b", second=22, data={"duration_s": 1.0}),
    event(13, "review.verdict", second=30, data={"criteria": 4, "passed": 4, "failed": [], "unchecked": 0}),
    event(14, "task.completed", second=31),
]


def picture_after(count: int) -> Picture:
    picture = Picture(task_id="t", title="Weather")
    for item in LIFE[:count]:
        picture.apply(item)
    return picture


def states(picture: Picture) -> dict[str, str]:
    return {node.id: node.status for node in picture.nodes.values()}


def test_a_plan_has_levels_by_the_longest_way() -> None:
    assert {n.id: n.level for n in picture_after(3).nodes.values()} == {"a": 0, "b": 1, "c": 2}


def test_a_failed_subtask_says_why_and_its_retry_starts_it_anew() -> None:
    failed = picture_after(5).nodes["a"]
    assert (failed.status, failed.error, failed.elapsed_s(AT)) == ("failed", "SKILL_FAILED", 1.0)

    running = picture_after(7).nodes["a"]
    assert (running.status, running.attempt, running.error) == ("running", 2, "")
    assert running.elapsed_s(AT.replace(second=7)) == 2.0


def test_a_waiting_task_has_its_questions_until_it_goes_on() -> None:
    waiting = picture_after(9)
    assert waiting.status == "waiting_input"
    assert [q["id"] for q in waiting.questions] == ["q"]
    assert picture_after(10).questions == ()


def test_an_ended_task_leaves_nothing_running_and_its_time_stands_still() -> None:
    done = picture_after(14)
    assert done.is_over
    assert states(done) == {"a": "completed", "b": "completed", "c": "cancelled"}
    assert done.elapsed_s(AT.replace(minute=5)) == 30.0
    assert done.review["passed"] == 4


@given(st.lists(st.integers(min_value=0, max_value=len(LIFE) - 1)))
def test_events_that_come_twice_or_late_change_nothing(again: list[int]) -> None:
    picture = picture_after(len(LIFE))
    before = (picture.status, states(picture), picture.seq, picture.elapsed_s(AT))
    for index in again:
        assert picture.apply(LIFE[index]) is False
    assert (picture.status, states(picture), picture.seq, picture.elapsed_s(AT)) == before


def test_a_repair_plan_keeps_what_is_known_of_its_subtasks() -> None:
    picture = picture_after(8)
    plan = {"revision": 2, "subtasks": [PLAN["subtasks"][0], {"id": "d", "title": "Again", "agent": "x"}]}
    picture.apply(event(15, "plan.revised", data=plan))
    assert states(picture) == {"a": "completed", "d": "pending"}
    assert picture.revision == 2


def test_a_plan_too_large_for_its_event_is_asked_for() -> None:
    picture = Picture(task_id="t", title="")
    picture.apply(event(1, "plan.created", data={"revision": 1, "count": 64}))
    assert picture.needs_plan
    picture.set_plan(1, PLAN["subtasks"])
    assert not picture.needs_plan


def test_events_of_unknown_subtasks_and_kinds_do_no_harm() -> None:
    picture = picture_after(3)
    picture.apply(event(4, "subtask.started", subtask="nobody"))
    picture.apply(event(5, "something.new", data={"x": 1}))
    picture.apply(event(None, "progress", subtask="a", data={"step": "reading"}))
    assert picture.nodes["a"].doing == "reading"
    assert picture.seq == 5


@pytest.mark.parametrize("status", sorted({*TaskStatus, *SubtaskStatus}))
def test_every_status_has_one_of_seven_shapes(status: str) -> None:
    assert shape(status) in SYMBOLS
    assert len(set(SYMBOLS.values())) == 7
