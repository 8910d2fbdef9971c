"""The review forgives the order in which a sum was made, and nothing that a person could read."""

import pytest

from langgraph_multi_agent.domain.finding import Finding, Number
from langgraph_multi_agent.skills.report import number_discrepancies


def codes(stated: float, found: float) -> list[str]:
    finding = Finding(
        id="a.csv/trend/y", kind="trend", source="a.csv", subject=("y",), template="t", sql="SELECT 1 FROM data",
        numbers=(Number(name="slope", value=stated, style="g4"),),
    )  # fmt: skip
    return [item.code for item in number_discrepancies(finding, {"slope": found})]


@pytest.mark.parametrize("found", [1234.5678, -0.001, 8.25e11])
@pytest.mark.parametrize("off", [0.009, 1e-4, 1e-6, 1e-8])
def test_a_share_of_a_hundred_millionth_is_a_wrong_number(found: float, off: float) -> None:
    assert codes(found * (1 + off), found) == ["number_differs"]
    assert codes(found * (1 - off), found) == ["number_differs"]


@pytest.mark.parametrize("found", [1234.5678, -0.001, 8.25e11])
def test_the_last_digits_of_a_double_are_not(found: float) -> None:
    assert codes(found * (1 + 1e-13), found) == codes(found, found) == []
