"""Each fault of dependencies and of the network once: what `make chaos` does longer."""

from collections.abc import Iterator

import pytest
from scripts.chaos import outages
from scripts.chaos.registry import Fault, Outcome
from tests.support.fleet import Fleet

pytestmark = [pytest.mark.timeout(180), pytest.mark.servers, pytest.mark.xdist_group("faults-outages")]


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with outages.ORDINARY.fleet() as fleet:
        yield fleet


def survived(fault: Fault, fleet: Fleet) -> Outcome:
    outcome = fault.deal(fleet)
    seconds = "" if outcome.recovery_s is None else f", {outcome.recovery_s:.2f} s"
    print(f"{fault.name}: {outcome.history}{seconds}; {outcome.remark}")
    assert not fault.trouble(outcome), fleet.troubles()
    return outcome


def test_a_flushed_queue_interrupts_and_loses_nothing(fleet: Fleet) -> None:
    assert survived(outages.redis_flush, fleet).recovered == 0


def test_a_restart_of_redis_refuses_no_submit_and_loses_nothing(fleet: Fleet) -> None:
    assert survived(outages.redis_restart, fleet).history.ended.keys() == {"completed"}


def test_without_redis_submits_stay_fast_and_tasks_end(fleet: Fleet) -> None:
    assert survived(outages.redis_down, fleet).history.ended.keys() == {"completed"}


def test_doorbells_that_are_doubled_reordered_or_junk_change_nothing(fleet: Fleet) -> None:
    assert survived(outages.doorbell_junk, fleet).recovered == 0


def test_a_crash_of_postgresql_under_load_loses_and_repeats_nothing(fleet: Fleet) -> None:
    assert survived(outages.postgres_restart, fleet).history.ended.keys() == {"completed"}


def test_without_postgresql_submits_are_refused_and_all_that_was_accepted_ends_after_its_return(fleet: Fleet) -> None:
    outcome = survived(outages.postgres_down, fleet)
    assert outcome.recovered >= outages.postgres_down.size // 2


def test_without_postgresql_and_redis_nothing_is_lost(fleet: Fleet) -> None:
    assert survived(outages.both_down, fleet).history.ended.keys() == {"completed"}


def test_when_others_take_all_connections_submits_are_refused_and_accepted_again_afterwards(fleet: Fleet) -> None:
    assert survived(outages.connection_storm, fleet).history.ended == {"completed": outages.connection_storm.size}


def test_without_room_for_artifacts_nothing_is_half_written_and_no_task_vanishes(fleet: Fleet) -> None:
    assert survived(outages.disk_full, fleet).history.accepted == 2 * outages.disk_full.size
