"""Plans: what makes one valid, its order, its progress."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_multi_agent.domain.errors import PlanInvalid
from langgraph_multi_agent.domain.plan import Plan, Subtask


def subtask(subtask_id: str, *depends_on: str, weight: float = 1.0) -> Subtask:
    return Subtask(
        id=subtask_id,
        title=subtask_id,
        capability="analyse",
        agent="analyst",
        depends_on=depends_on,
        weight=weight,
        parameters={"column": "温度"},
        inputs=("a.csv",),
        success_criteria=("numbers_recompute",),
    )


def plan(*subtasks: Subtask) -> Plan:
    return Plan(revision=1, subtasks=subtasks, reason="because")


@st.composite
def dags(draw: st.DrawFn) -> Plan:
    """Plans of up to 20 subtasks, listed in an order that need not fit the dependencies."""
    size = draw(st.integers(1, 20))
    needs: Mapping[int, Sequence[int]] = {
        i: draw(st.lists(st.integers(0, i - 1), unique=True, max_size=3)) if i else () for i in range(size)
    }
    weights = draw(st.lists(st.floats(0.1, 9), min_size=size, max_size=size))
    order = draw(st.permutations(range(size)))
    return plan(*(subtask(f"s{i}", *(f"s{n}" for n in needs[i]), weight=weights[i]) for i in order))


@given(dags())
def test_a_dag_is_valid_and_ordered_so_that_each_comes_after_what_it_needs(value: Plan) -> None:
    value.validate(max_subtasks=20, max_depth=20)
    seen: set[str] = set()
    for item in value.ordered():
        assert seen.issuperset(item.depends_on)
        seen.add(item.id)
    assert seen == {item.id for item in value.subtasks}


@given(dags())
def test_a_plan_survives_json(value: Plan) -> None:
    assert Plan.from_json(value.to_json()) == value


@given(dags(), st.data())
def test_dependents_are_exactly_those_that_need_it_directly_or_not(value: Plan, data: st.DataObject) -> None:
    start = data.draw(st.sampled_from([item.id for item in value.subtasks]))

    def needs(subtask_id: str) -> set[str]:
        direct = value.subtask(subtask_id).depends_on
        return {*direct, *(deeper for item in direct for deeper in needs(item))}

    assert value.dependents_of([start]) == {i.id for i in value.subtasks if start in needs(i.id)}


@given(dags())
def test_progress_never_falls_and_only_a_completed_task_shows_100(value: Plan) -> None:
    done: list[str] = []
    shown = [value.progress(done)]
    for item in value.ordered():
        done.append(item.id)
        shown.append(value.progress(done))
    assert shown == sorted(shown)
    assert shown[0] == 0
    assert shown[-1] == 99


@pytest.mark.parametrize(
    ("value", "reason", "where"),
    [
        (plan(), "empty", ""),
        (plan(subtask("a"), subtask("a")), "id used twice", "a"),
        (plan(subtask("a", "b")), "unknown dependency b", "a"),
        (plan(subtask("a", weight=0)), "weight must be positive", "a"),
        (plan(subtask("a", weight=float("nan"))), "weight must be positive", "a"),
        (plan(subtask("a"), subtask("b", "a"), subtask("c", "b"), subtask("d", "c")), "deeper than 3", "d"),
        (plan(*(subtask(f"s{i}") for i in range(6))), "more than 5 subtasks", ""),
    ],
)
def test_what_is_wrong_with_a_plan_is_named(value: Plan, reason: str, where: str) -> None:
    with pytest.raises(PlanInvalid) as refused:
        value.validate(max_subtasks=5, max_depth=3)
    assert refused.value.params == {"reason": reason, "subtask": where}


def test_a_cycle_is_refused() -> None:
    with pytest.raises(PlanInvalid) as refused:
        plan(subtask("a", "c"), subtask("b", "a"), subtask("c", "b")).validate(max_subtasks=5, max_depth=5)
    assert refused.value.params["reason"] == "cycle"
