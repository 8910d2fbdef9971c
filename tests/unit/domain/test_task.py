"""The transition table: what may happen to a task, and what may not."""

from itertools import product

import pytest

from langgraph_multi_agent.domain.errors import IllegalTransition
from langgraph_multi_agent.domain.task import (
    TERMINAL,
    TRANSITIONS,
    Action,
    TaskStatus,
    can,
    is_terminal,
    next_status,
)

S = TaskStatus


def test_every_action_has_its_row_in_the_table() -> None:
    assert set(TRANSITIONS) == set(Action)


@pytest.mark.parametrize(("action", "status"), list(product(Action, TaskStatus)))
def test_an_action_leads_somewhere_or_says_what_is_possible(action: Action, status: TaskStatus) -> None:
    if can(action, status):
        assert next_status(action, status) in TaskStatus
    else:
        with pytest.raises(IllegalTransition) as refused:
            next_status(action, status)
        allowed = refused.value.params["allowed"].split(", ")
        assert action.value not in allowed
        assert all(can(Action(word), status) for word in allowed)


def test_every_status_is_reached_from_pending_and_every_ended_task_can_be_reopened() -> None:
    reached, new = set(), {S.PENDING}
    while new:
        reached |= new
        new = {row[status] for row in TRANSITIONS.values() for status in new if status in row} - reached
    assert reached == set(TaskStatus)
    assert all(next_status(Action.REOPEN, status) is S.PENDING for status in TERMINAL)


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_no_worker_touches_an_ended_task(status: TaskStatus) -> None:
    workers = (Action.CLAIM, Action.HAND_BACK, Action.PARK, Action.COMPLETE, Action.FAIL)
    assert is_terminal(status)
    assert not any(can(action, status) for action in workers)


def test_the_life_of_a_task_that_asks_back_and_is_paused() -> None:
    life = [
        (Action.CLAIM, S.IN_PROGRESS),
        (Action.PARK, S.WAITING_INPUT),
        (Action.PAUSE, S.PAUSED),
        (Action.ANSWER, S.PAUSED),
        (Action.RESUME, S.PENDING),
        (Action.CLAIM, S.IN_PROGRESS),
        (Action.COMPLETE, S.COMPLETED),
    ]
    status = S.PENDING
    for action, expected in life:
        status = next_status(action, status)
        assert status is expected
    assert not can(Action.CANCEL, status)
