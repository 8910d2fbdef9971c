"""Canonical forms, numbers as people see them, findings and results as JSON, faults, the clock."""

import json
import math
import sys
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_multi_agent.domain.canonical import (
    canonical_json,
    canonical_number,
    canonical_value,
    digest_of,
)
from langgraph_multi_agent.domain.clock import SystemClock
from langgraph_multi_agent.domain.errors import TaskNotFound
from langgraph_multi_agent.domain.finding import (
    Finding,
    Number,
    Passage,
    canonical_findings,
    format_number,
)
from langgraph_multi_agent.domain.result import ArtifactRef, SubtaskResult

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), JSON, max_size=6))
def test_the_order_of_keys_does_not_change_the_digest(value: dict[str, object]) -> None:
    turned = dict(reversed(value.items()))
    assert digest_of(turned) == digest_of(value)
    assert json.loads(canonical_json(value)) == value


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_json_cannot_carry_is_refused_and_not_changed(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"x": value})
    assert canonical_number(value) == repr(value)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e200, max_value=1e200))
def test_a_canonical_number_is_stable_and_near(value: float) -> None:
    rounded = canonical_number(value)
    assert canonical_number(float(rounded)) == rounded
    assert math.isclose(float(rounded), value, rel_tol=1e-11, abs_tol=sys.float_info.min)


def test_canonical_values_walk_through_containers_and_keep_truth_values() -> None:
    value = {"a": (0.1 + 0.2, True, None), 3: [1.0, "x"]}
    assert canonical_value(value) == {"a": [0.3, True, None], "3": [1, "x"]}
    with pytest.raises(TypeError, match="no canonical form for bytes"):
        canonical_value(b"x")


@pytest.mark.parametrize(
    ("value", "style", "shown"),
    [
        (None, "g4", "–"),
        (1461, "int", "1,461"),
        (1234.5678, "f2", "1,234.57"),
        (0.1234, "p1", "12.3%"),
        (0, "g4", "0"),
        (0.00012345, "g3", "0.000123"),
        (123456.0, "g6", "123,456"),
        (99_999.0, "g4", "99,999"),
        (4_645_123.4, "g4", "4,645,123"),
        (-28_170.4, "g4", "-28,170"),
        (1.5e12, "g2", "1.5e+12"),
    ],
)
def test_numbers_are_shown_in_their_style(value: float | None, style: str, shown: str) -> None:
    assert format_number(value, style) == shown


def test_an_unknown_style_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown number style"):
        format_number(1.0, "x2")


def finding(finding_id: str, value: float, chart: str | None = None) -> Finding:
    return Finding(
        id=finding_id,
        kind="trend",
        source="a.csv",
        subject=("temp", "date"),
        template="finding.trend",
        sql="SELECT 1 AS slope FROM data",
        numbers=(Number(name="slope", value=value),),
        names={"column": "temp"},
        chart=chart,
    )


def test_canonical_findings_forget_order_charts_and_the_last_digits() -> None:
    one = [finding("b", 1 / 3, "b.png"), finding("a", 2.0)]
    other = [finding("a", 2.0 + 1e-15), finding("b", 1 / 3 + 1e-16, "other.png")]
    assert canonical_findings(one) == canonical_findings(other)
    assert canonical_findings(one) != canonical_findings([finding("b", 0.3334), finding("a", 2.0)])


def test_a_result_survives_json() -> None:
    result = SubtaskResult(
        summary="done",
        findings=(finding("a", 1.5),),
        passages=(Passage(id="p", source="a.md", locator="Intro", start=3, end=6, quote="abc", score=1.5),),
        artifacts=(ArtifactRef(name="r.md", digest="0" * 64, size_bytes=3, media_type="text/markdown"),),
        data={"rows": 3},
    )
    assert SubtaskResult.from_json(json.loads(json.dumps(result.to_json()))) == result


def test_a_fault_carries_its_code_and_parameters_and_no_sentence() -> None:
    fault = TaskNotFound(task_id="t1", errors=[{"field": "id", "code": "unknown", "message": "no"}])
    assert (fault.code, fault.status, fault.params) == ("TASK_NOT_FOUND", 404, {"task_id": "t1"})
    assert str(fault) == "TASK_NOT_FOUND {'task_id': 't1'}"
    assert str(TaskNotFound()) == "TASK_NOT_FOUND"
    assert fault.errors[0]["field"] == "id"


def test_the_clock_is_aware_and_does_not_go_back() -> None:
    clock = SystemClock()
    first = clock.monotonic()
    assert clock.now().utcoffset() == timedelta(0)
    assert clock.monotonic() >= first
