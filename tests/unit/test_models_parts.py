"""The gateway's parts: waiting, the breaker, and reading what providers raise."""

from datetime import UTC, datetime, timedelta

import pytest

from langgraph_multi_agent.domain.errors import ModelUnavailable
from langgraph_multi_agent.domain.ports import ModelMessage
from langgraph_multi_agent.i18n import text
from langgraph_multi_agent.models.backoff import BASE_S, CAP_S, retry_after_s, wait_s
from langgraph_multi_agent.models.breaker import Breaker, Pass
from langgraph_multi_agent.models.gateway import estimated_tokens
from langgraph_multi_agent.models.providers import fault_of
from langgraph_multi_agent.models.wire import FINAL, RETRIED, FaultKind

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Hand:
    """A clock that is moved by hand."""

    at = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.at)

    def monotonic(self) -> float:
        return self.at


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("12", 12.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_both_forms_of_retry_after_are_read(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, NOW) == seconds


def test_waits_grow_to_a_cap_and_never_undercut_the_server() -> None:
    longest = [wait_s(attempt, None, lambda low, high: high) for attempt in range(10)]
    assert longest[0] == BASE_S
    assert longest[-1] == CAP_S
    assert longest == sorted(longest)
    assert wait_s(0, 60.0, lambda low, high: low) == 60.0


def test_waits_stay_finite_after_very_many_attempts() -> None:
    assert wait_s(5000, None, lambda low, high: high) == CAP_S


def test_the_breaker_opens_rests_probes_and_closes() -> None:
    hand = Hand()
    breaker = Breaker(hand, failures_to_open=2, rest_s=10)
    for _ in range(2):
        assert breaker.admit() is Pass.CALL
        breaker.failed(Pass.CALL)
    assert breaker.admit() is Pass.REFUSED
    hand.at = 10
    assert breaker.admit() is Pass.PROBE
    assert breaker.admit() is Pass.REFUSED
    breaker.failed(Pass.PROBE)
    hand.at = 19
    assert breaker.admit() is Pass.REFUSED
    hand.at = 20
    assert breaker.admit() is Pass.PROBE
    breaker.succeeded()
    assert breaker.admit() is Pass.CALL


def test_calls_that_were_out_before_it_opened_neither_prolong_the_rest_nor_end_the_probe() -> None:
    hand = Hand()
    breaker = Breaker(hand, failures_to_open=1, rest_s=10)
    breaker.failed(Pass.CALL)
    hand.at = 9
    breaker.failed(Pass.CALL)
    hand.at = 10
    assert breaker.admit() is Pass.PROBE
    breaker.undecided(Pass.CALL)
    assert breaker.admit() is Pass.REFUSED


def test_a_success_forgets_earlier_failures() -> None:
    breaker = Breaker(Hand(), failures_to_open=2)
    breaker.failed(Pass.CALL)
    breaker.succeeded()
    breaker.failed(Pass.CALL)
    assert breaker.admit() is Pass.CALL


def test_a_fault_handled_by_the_caller_does_not_colour_a_new_one() -> None:
    class Refused(Exception):
        status_code = 401

    try:
        try:
            raise Refused
        except Refused:
            raise ModelUnavailable(reason="unauthorized") from None
    except ModelUnavailable as earlier:
        error = ValueError("Expecting value")
        error.__context__ = earlier
    assert fault_of(error).kind is FaultKind.NOT_JSON


def test_every_kind_of_fault_has_one_treatment() -> None:
    assert not RETRIED & FINAL
    apart = {FaultKind.TIMEOUT, FaultKind.UNSUPPORTED, FaultKind.CIRCUIT_OPEN}
    assert RETRIED | FINAL | apart == set(FaultKind)


def test_the_estimate_counts_characters_of_both_languages_with_care() -> None:
    chinese = estimated_tokens((ModelMessage(role="user", content="数" * 300),))
    english = estimated_tokens((ModelMessage(role="user", content="word " * 300),))
    assert chinese >= 300
    assert english >= 300


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_reason_has_words_for_people(language: str) -> None:
    params = {"model": "m-1", "setting": "LLM_MODEL", "attempts": 3}
    for kind in FaultKind:
        assert text(f"model.reason.{kind.value}", language, **params)
    for reason in ("empty", "truncated", "refused", "not_json", "schema"):
        assert "m-1" in text(f"model.answer.{reason}", language, **params)
