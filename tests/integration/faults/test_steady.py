"""Each fault that must interrupt nobody once: what `make chaos` does longer, and against the clock."""

from collections.abc import Iterator

import pytest
from scripts.chaos import outages, partitions, processes, upgrades
from scripts.chaos.registry import STEADY, Fault, Outcome
from tests.support.fleet import Fleet

pytestmark = [pytest.mark.timeout(600), pytest.mark.servers, pytest.mark.xdist_group("faults-steady")]


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with STEADY.fleet() as fleet:
        yield fleet


def survived(fault: Fault, fleet: Fleet) -> Outcome:
    outcome = fault.deal(fleet)
    print(f"{fault.name}: {outcome.history}; {outcome.remark}")
    assert not fault.harm(outcome), fleet.troubles()
    return outcome


def test_a_flushed_queue_interrupts_and_loses_nothing(fleet: Fleet) -> None:
    assert survived(outages.redis_flush, fleet).recovered == 0


def test_doorbells_that_are_doubled_reordered_or_junk_change_nothing(fleet: Fleet) -> None:
    assert survived(outages.doorbell_junk, fleet).recovered == 0


def test_without_room_for_artifacts_nothing_is_half_written_and_no_task_vanishes(fleet: Fleet) -> None:
    assert survived(outages.disk_full, fleet).history.accepted == 2 * outages.disk_full.size


def test_a_migration_behind_a_long_report_refuses_and_interrupts_nothing(fleet: Fleet) -> None:
    assert survived(upgrades.migration_under_load, fleet).recovered == 0


def test_a_worker_cut_off_from_redis_keeps_its_tasks_and_polls(fleet: Fleet) -> None:
    assert survived(partitions.worker_without_redis, fleet).recovered == 0


def test_a_slow_postgresql_costs_no_lease(fleet: Fleet) -> None:
    assert survived(partitions.slow_postgres, fleet).recovered == 0


def test_a_clock_that_leaps_an_hour_interrupts_nothing(fleet: Fleet) -> None:
    assert survived(processes.clock_jump, fleet).recovered == 0
