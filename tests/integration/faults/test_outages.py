"""Each fault of dependencies and of the network once: what `make chaos` does longer."""

from collections.abc import Iterator

import pytest
from scripts.chaos import outages, partitions, upgrades
from scripts.chaos.registry import Fault, Outcome
from tests.support.fleet import Fleet

pytestmark = [pytest.mark.timeout(180), pytest.mark.servers, pytest.mark.xdist_group("faults-outages")]


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with outages.ORDINARY.fleet() as fleet:
        yield fleet


@pytest.fixture(scope="module")
def proxied() -> Iterator[Fleet]:
    with partitions.PROXIED.fleet() as fleet:
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


def test_a_migration_behind_a_long_report_refuses_and_interrupts_nothing(fleet: Fleet) -> None:
    assert survived(upgrades.migration_under_load, fleet).recovered == 0


def test_a_worker_cut_off_from_postgresql_stops_by_itself_and_writes_nothing_late(proxied: Fleet) -> None:
    fault = partitions.worker_without_postgres
    assert survived(fault, proxied).recovered == fault.size


def test_commits_whose_confirmation_is_lost_are_never_repeated(proxied: Fleet) -> None:
    fault = partitions.worker_without_answers
    assert survived(fault, proxied).history.ended.keys() == {"completed"}


def test_connections_that_are_reset_again_and_again_lose_and_repeat_nothing(proxied: Fleet) -> None:
    assert survived(partitions.cut_lines, proxied).history.ended.keys() == {"completed"}


def test_a_worker_cut_off_from_redis_keeps_its_tasks_and_polls(proxied: Fleet) -> None:
    assert survived(partitions.worker_without_redis, proxied).recovered == 0


def test_an_api_cut_off_from_postgresql_says_so_in_time_and_doubles_nothing(proxied: Fleet) -> None:
    assert survived(partitions.api_without_postgres, proxied).history.ended.keys() == {"completed"}


def test_a_slow_postgresql_costs_no_lease(proxied: Fleet) -> None:
    assert survived(partitions.slow_postgres, proxied).recovered == 0
