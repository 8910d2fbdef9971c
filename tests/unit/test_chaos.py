import pytest
from scripts.chaos.__main__ import main
from scripts.chaos.registry import Fault, Outcome, Shape, load
from tests.support.fleet import Fleet
from tests.support.invariants import History


def never(fleet: Fleet, size: int) -> Outcome:
    raise AssertionError


FAULT = Fault(name="x", summary="", run=never, shape=Shape(), size=1, chaos_size=1, within_s=10.0)


def test_a_clean_history_in_the_promised_time_is_no_trouble() -> None:
    assert FAULT.trouble(Outcome(history=History(accepted=5), recovered=5, recovery_s=9.9)) == ""


def test_a_recovery_later_than_promised_is_trouble() -> None:
    late = FAULT.trouble(Outcome(history=History(accepted=5), recovered=5, recovery_s=10.5))
    assert late == "recovered after 10.50 s, promised 10.0 s"


def test_a_promise_of_a_time_that_was_not_kept_is_trouble_and_no_harm() -> None:
    late = Outcome(history=History(accepted=5), recovered=5, recovery_s=10.5, late=["answered after 20 s"])
    assert FAULT.harm(late) == ""
    assert "promised" in FAULT.trouble(late)
    assert FAULT.trouble(Outcome(history=History(accepted=5), recovered=0, late=["x", "y"])) == "x; y"


def test_what_is_lost_and_what_comes_twice_is_counted_apart_and_both_are_trouble() -> None:
    history = History(accepted=5, lost=["a is gone"], doubled=["b"], repeated=["c"], gaps=["d"])
    outcome = Outcome(history=history, recovered=0)
    assert (outcome.lost, outcome.repeated) == (1, 3)
    assert "a is gone" in FAULT.trouble(outcome)
    assert FAULT.harm(outcome) == FAULT.trouble(outcome)


def test_every_fault_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in told] == list(load())
    assert all(len(line.split(maxsplit=1)[1]) > 20 for line in told)


def test_an_unknown_fault_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["earthquake"]) == 2
    assert "earthquake" in capsys.readouterr().err
