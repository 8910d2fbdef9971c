"""Subtask ids end up in journal keys, so they are bounded."""

import pytest

from langgraph_multi_agent.domain.errors import PlanInvalid
from langgraph_multi_agent.domain.plan import MAX_ID_CHARS, Plan, Subtask


def plan_of(subtask_id: str) -> Plan:
    return Plan(revision=1, subtasks=(Subtask(id=subtask_id, title="t", capability="c", agent="a"),))


@pytest.mark.parametrize("subtask_id", ["", "a/b", "x" * (MAX_ID_CHARS + 1)])
def test_an_id_that_cannot_be_a_journal_key_is_refused(subtask_id: str) -> None:
    with pytest.raises(PlanInvalid):
        plan_of(subtask_id).validate(max_subtasks=4, max_depth=4)


def test_an_id_of_the_longest_kind_is_accepted() -> None:
    plan_of("x" * MAX_ID_CHARS).validate(max_subtasks=4, max_depth=4)
