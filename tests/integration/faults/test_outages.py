"""Each fault of dependencies and of the network once: what `make chaos` does longer, and against the clock."""

from collections.abc import Iterator

import pytest
from scripts.chaos import outages, partitions
from scripts.chaos.registry import Fault, Outcome
from tests.support.fleet import Fleet

pytestmark = [pytest.mark.timeout(600), pytest.mark.servers, pytest.mark.xdist_group("faults-outages")]


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
    assert not fault.harm(outcome), fleet.troubles()
    return outcome


def test_a_restart_of_redis_refuses_no_submit_and_loses_nothing(fleet: Fleet) -> None:
    assert survived(outages.redis_restart, fleet).history.ended.keys() == {"completed"}


def test_without_redis_submits_are_taken_and_tasks_end(fleet: Fleet) -> None:
    assert survived(outages.redis_down, fleet).history.ended.keys() == {"completed"}


def test_a_crash_of_postgresql_under_load_loses_and_repeats_nothing(fleet: Fleet) -> None:
    assert survived(outages.postgres_restart, fleet).history.ended.keys() == {"completed"}


def test_without_postgresql_submits_are_refused_and_all_that_was_accepted_ends_after_its_return(fleet: Fleet) -> None:
    outcome = survived(outages.postgres_down, fleet)
    assert outcome.recovered >= outages.postgres_down.size // 2


def test_without_postgresql_and_redis_nothing_is_lost(fleet: Fleet) -> None:
    assert survived(outages.both_down, fleet).history.ended.keys() == {"completed"}


def test_when_others_take_all_connections_submits_are_refused_and_accepted_again_afterwards(fleet: Fleet) -> None:
    assert survived(outages.connection_storm, fleet).history.ended == {"completed": outages.connection_storm.size}


def test_a_worker_cut_off_from_postgresql_stops_by_itself_and_writes_nothing_late(proxied: Fleet) -> None:
    fault = partitions.worker_without_postgres
    assert survived(fault, proxied).recovered == fault.size


def test_commits_whose_confirmation_is_lost_are_never_repeated(proxied: Fleet) -> None:
    fault = partitions.worker_without_answers
    assert survived(fault, proxied).history.ended.keys() == {"completed"}


def test_connections_that_are_reset_again_and_again_lose_and_repeat_nothing(proxied: Fleet) -> None:
    assert survived(partitions.cut_lines, proxied).history.ended.keys() == {"completed"}


def test_an_api_cut_off_from_postgresql_says_so_and_doubles_nothing(proxied: Fleet) -> None:
    assert survived(partitions.api_without_postgres, proxied).history.ended.keys() == {"completed"}
