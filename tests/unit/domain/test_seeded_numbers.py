"""A number that is shown is the nearest one of its style, not one that was cut off."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_multi_agent.domain.finding import format_number

VALUES = st.floats(min_value=-1e9, max_value=1e9, allow_nan=False)


@pytest.mark.parametrize(
    ("value", "style", "shown"),
    [(1461.6, "int", "1,462"), (-0.7, "int", "-1"), (0.99961, "p1", "100.0%"), (2.006, "f2", "2.01")],
)
def test_numbers_are_rounded_to_the_nearest(value: float, style: str, shown: str) -> None:
    assert format_number(value, style) == shown


@given(VALUES)
def test_a_shown_whole_number_is_within_half_of_it(value: float) -> None:
    shown = Fraction(format_number(value, "int").replace(",", ""))
    assert abs(shown - Fraction(value)) <= Fraction(1, 2)


@given(VALUES, st.integers(min_value=0, max_value=6))
def test_a_shown_decimal_is_within_half_of_its_last_place(value: float, digits: int) -> None:
    shown = Fraction(format_number(value, f"f{digits}").replace(",", ""))
    assert abs(shown - Fraction(value)) <= Fraction(1, 2 * 10**digits)


@given(st.floats(min_value=-10, max_value=10, allow_nan=False), st.integers(min_value=0, max_value=4))
def test_a_shown_percentage_is_within_half_of_its_last_place(share: float, digits: int) -> None:
    shown = Fraction(format_number(share, f"p{digits}").removesuffix("%"))
    assert abs(shown - 100 * Fraction(share)) <= Fraction(1, 2 * 10**digits) + Fraction(1, 10**9)
