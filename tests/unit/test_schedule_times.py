"""When a schedule fires: clock changes, years, catching up; and what is refused."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_multi_agent.domain.errors import InvalidRequest
from langgraph_multi_agent.domain.schedule import MAX_COUNTED_SKIPS
from langgraph_multi_agent.service.schedules import check_times, fires_due, next_fire

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2026-03-28T02:00", "2026-03-29T01:00"),  # 02:30 does not exist: right after the change
        ("2026-10-24T02:00", "2026-10-25T00:30"),  # 02:30 comes twice: the first
        ("2026-10-25T00:30", "2026-10-26T01:30"),  # … and not the second
    ],
)
def test_a_daily_time_fires_once_on_days_of_clock_change(after: str, expected: str) -> None:
    assert next_fire("30 2 * * *", BERLIN, at(after)) == at(expected)


def test_an_hourly_line_keeps_its_distance_through_a_clock_change() -> None:
    moment = at("2026-10-24T22:00")
    for _ in range(6):
        following = next_fire("0 * * * *", BERLIN, moment)
        assert following == moment + timedelta(hours=1)
        moment = following


def test_the_fire_itself_is_not_its_next() -> None:
    assert next_fire("0 9 * * *", "UTC", at("2026-03-01T09:00")) == at("2026-03-02T09:00")


def test_a_schedule_that_is_due_just_now_owes_one_fire() -> None:
    owed = fires_due("0 * * * *", "UTC", at("2026-03-01T09:00"), at("2026-03-01T09:00:00.5"))
    assert (owed.newest, owed.skipped) == (at("2026-03-01T09:00"), 0)
    assert owed.following == at("2026-03-01T10:00")


def test_a_year_of_missed_minutes_is_counted_up_to_a_bound() -> None:
    owed = fires_due("* * * * *", "UTC", at("2025-03-01T09:00"), at("2026-03-01T09:00:30"))
    assert owed.newest == at("2026-03-01T09:00")
    assert owed.skipped == MAX_COUNTED_SKIPS


@given(
    st.sampled_from(["*/7 * * * *", "30 2 * * *", "0 9 * * MON-FRI", "15 */3 1 * *", "0 0 L * *"]),
    st.sampled_from([BERLIN, "UTC", "Asia/Shanghai", "America/St_Johns", "Australia/Lord_Howe"]),
    st.integers(0, 365 * 86_400),
    st.integers(1, 200_000),
)
def test_what_is_owed_is_what_going_forward_finds(cron: str, zone: str, start_s: int, late_s: int) -> None:
    due = next_fire(cron, zone, at("2026-01-01") + timedelta(seconds=start_s))
    assert due is not None
    now = due + timedelta(seconds=late_s)
    forward = [due]
    while (following := next_fire(cron, zone, forward[-1])) is not None and following <= now:
        forward.append(following)
    owed = fires_due(cron, zone, due, now)
    assert owed.newest == forward[-1]
    assert owed.skipped == min(len(forward) - 1, MAX_COUNTED_SKIPS)
    assert owed.following == following


@pytest.mark.parametrize(
    ("cron", "zone", "errors"),
    [
        ("* * * *", "UTC", [("cron", "cron_fields")]),
        ("* * * * * *", "UTC", [("cron", "cron_fields")]),
        ("@daily", "UTC", [("cron", "cron_fields")]),
        ("61 * * * *", "UTC", [("cron", "cron_invalid")]),
        ("0 0 30 2 *", "UTC", [("cron", "cron_invalid")]),
        ("0 9 * * *", "Mars/Base", [("timezone", "timezone_unknown")]),
        ("0 9 * * *", "../../etc/passwd", [("timezone", "timezone_unknown")]),
        ("0 9 * * *", "Europe", [("timezone", "timezone_unknown")]),
        ("0 9 * * *", "", [("timezone", "timezone_unknown")]),
        ("x", "y", [("timezone", "timezone_unknown"), ("cron", "cron_fields")]),
    ],
)
def test_what_cannot_be_kept_is_refused_by_field(cron: str, zone: str, errors: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_times(cron, zone)
    assert [(item["field"], item["code"]) for item in refused.value.errors] == errors
