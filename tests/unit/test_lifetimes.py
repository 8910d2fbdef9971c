import pytest

from langgraph_multi_agent.worker.lifetimes import Lifetimes

LIFETIMES = Lifetimes(lease_s=6.0, heartbeat_s=2.0)


@pytest.mark.parametrize("took_s", [0.0, 0.01, 0.2])
def test_a_beat_that_takes_as_long_as_the_last_one_ends_within_the_interval(took_s: float) -> None:
    pause_s = LIFETIMES.pause_s(took_s=took_s)
    assert pause_s + took_s == pytest.approx(1.8)


def test_after_a_beat_slower_than_its_interval_there_is_a_rest() -> None:
    assert LIFETIMES.pause_s(took_s=10.0) == pytest.approx(0.2)
