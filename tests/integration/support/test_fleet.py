"""A fleet leaves nothing behind, whatever was done to it."""

import pytest
from tests.support.fleet import Fleet, FleetFailed, is_alive

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]


def test_frozen_and_orphaned_processes_end_with_the_fleet() -> None:
    with Fleet() as fleet:
        first, second = fleet.work(is_awaited=False), fleet.work(is_awaited=False)
        fleet.await_ready(first, second)
        first.freeze()
        processes = [*first.tree(), *second.tree()]
        assert len(processes) == 4
        second.process.kill()  # its child learns of it, and drains
        directory = fleet.directory
    assert not [process for process in processes if is_alive(process)]
    assert not directory.exists()


def test_a_process_that_refuses_to_start_is_told_with_its_log() -> None:
    with Fleet({"TASK_QUEUE_SIZE": "none"}) as fleet, pytest.raises(FleetFailed, match="TASK_QUEUE_SIZE"):
        fleet.work()
