"""Each fault of processes once: what `make chaos` does longer, and against the clock."""

from collections.abc import Iterator

import pytest
from scripts.chaos import processes
from scripts.chaos.registry import Fault, Outcome
from tests.support.fleet import Fleet

pytestmark = [pytest.mark.timeout(600), pytest.mark.servers, pytest.mark.xdist_group("faults-processes")]


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with processes.ORDINARY.fleet() as fleet:
        yield fleet


@pytest.fixture
def poisoned_fleet() -> Iterator[Fleet]:
    with processes.POISONED.fleet() as fleet:
        yield fleet


def survived(fault: Fault, fleet: Fleet) -> Outcome:
    outcome = fault.deal(fleet)
    seconds = "" if outcome.recovery_s is None else f", {outcome.recovery_s:.2f} s"
    print(f"{fault.name}: {outcome.history}{seconds}; {outcome.remark}")
    assert not fault.harm(outcome), fleet.troubles()
    return outcome


def test_all_tasks_of_a_killed_worker_run_again(fleet: Fleet) -> None:
    outcome = survived(processes.kill_worker, fleet)
    assert outcome.recovered == processes.kill_worker.size


def test_an_api_killed_during_submits_loses_and_doubles_none_that_was_accepted(fleet: Fleet) -> None:
    assert survived(processes.kill_api, fleet).history.ended == {"completed": processes.kill_api.size}


def test_an_api_told_to_end_answers_or_refuses_and_ends_in_order(fleet: Fleet) -> None:
    assert survived(processes.terminate_api, fleet).history.ended == {"completed": processes.terminate_api.size}


def test_a_worker_frozen_beyond_its_lease_writes_nothing_late_and_works_on(fleet: Fleet) -> None:
    assert survived(processes.freeze_worker, fleet).recovered == processes.freeze_worker.size


def test_a_worker_told_to_end_hands_back_and_its_tasks_run_again(fleet: Fleet) -> None:
    assert survived(processes.terminate_worker, fleet).recovered == processes.terminate_worker.size


def test_a_poison_task_ends_as_a_dead_letter_and_takes_no_innocent_along(poisoned_fleet: Fleet) -> None:
    ended = survived(processes.poison_task, poisoned_fleet).history.ended
    assert ended == {"completed": processes.poison_task.size - 1, "failed": 1}


def test_reapers_that_wake_together_give_each_task_back_once(fleet: Fleet) -> None:
    assert survived(processes.two_reapers, fleet).recovered > 0


def test_an_operators_sql_stops_the_running_tasks(fleet: Fleet) -> None:
    assert survived(processes.operator_sql, fleet).history.ended == {"failed": processes.operator_sql.size}
