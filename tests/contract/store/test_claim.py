"""Which task a worker gets, and that nobody else gets it too."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.stores import TEAMS, Desk, tenant

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.domain.errors import DataRefused
from langgraph_multi_agent.domain.task import Priority, TaskStatus
from langgraph_multi_agent.store import claims
from langgraph_multi_agent.store.claims import AGEING


async def claimed_ids(desk: Desk, limit: int = 10) -> list[str]:
    return [item.task.id for item in await desk.claim(limit)]


async def test_a_claim_gives_epoch_lease_run_and_event_together(desk: Desk) -> None:
    task_id = await desk.submit()
    (claimed,) = await desk.claim()
    task = await desk.get(task_id)

    assert (task.status, task.epoch, claimed.epoch, claimed.is_first) == (TaskStatus.IN_PROGRESS, 1, 1, True)
    assert task.started_at is not None
    assert await desk.events(task_id) == ["task.submitted", "task.started"]
    (lease,) = await desk.rows("SELECT task_id, epoch, owner FROM leases")
    assert lease == {"task_id": task_id, "epoch": 1, "owner": "w1"}
    (run,) = await desk.rows("SELECT id, task_id, epoch, status FROM workflow_executions")
    assert run == {"id": claimed.run_id, "task_id": task_id, "epoch": 1, "status": "in_progress"}
    assert await desk.claim() == []


async def test_higher_priority_goes_first_and_equal_ones_in_order_of_arrival(desk: Desk) -> None:
    low = await desk.submit(priority=Priority.LOW)
    first = await desk.submit(priority=Priority.HIGH)
    second = await desk.submit(priority=Priority.HIGH)
    urgent = await desk.submit(priority=Priority.URGENT)
    assert await claimed_ids(desk) == [urgent, first, second, low]


async def test_waiting_raises_a_task_above_newer_ones_of_higher_priority(desk: Desk) -> None:
    low = await desk.submit(priority=Priority.LOW)
    desk.clock.advance(4 * AGEING.total_seconds())
    urgent = await desk.submit(priority=Priority.URGENT)
    assert await claimed_ids(desk) == [low, urgent]


async def test_the_tenant_with_fewest_in_flight_goes_first(desk: Desk) -> None:
    busy = [await desk.submit(tenant("busy")) for _ in range(4)]
    assert await claimed_ids(desk, 1) == busy[:1]
    quiet = [await desk.submit(tenant("quiet")) for _ in range(2)]
    assert await claimed_ids(desk, 3) == [quiet[0], busy[1], quiet[1]]


async def test_among_equals_the_earlier_deadline_goes_first(desk: Desk) -> None:
    whenever = await desk.submit()
    soon = await desk.submit(deadline=datetime(2026, 4, 1, tzinfo=UTC))
    sooner = await desk.submit(deadline=datetime(2026, 3, 2, tzinfo=UTC))
    assert await claimed_ids(desk) == [sooner, soon, whenever]


async def test_a_task_is_not_claimed_before_its_time(desk: Desk) -> None:
    task_id = await desk.submit()
    at = desk.clock.now() + timedelta(minutes=1)
    await desk.sql("UPDATE tasks SET run_at = :at", at=at.strftime("%Y-%m-%d %H:%M:%S.%f"))
    assert await claimed_ids(desk) == []
    left = await desk.database.read(SYSTEM_SCOPE, claims.seconds_to_next, TEAMS)
    assert left == pytest.approx(60, abs=0.01)
    desk.clock.advance(61)
    assert await claimed_ids(desk) == [task_id]


@pytest.mark.parametrize(
    ("column", "value"), [("team", "somebody else's"), ("protocol_version", 99), ("status", "paused")]
)
async def test_what_a_worker_cannot_run_it_neither_claims_nor_waits_for(
    desk: Desk, column: str, value: object
) -> None:
    await desk.submit()
    await desk.sql(f"UPDATE tasks SET {column} = :value", value=value)
    assert await claimed_ids(desk) == []
    assert await desk.database.read(SYSTEM_SCOPE, claims.seconds_to_next, TEAMS) is None


async def test_many_workers_at_once_share_the_tasks_without_overlap(desk: Desk) -> None:
    made = [await desk.submit() for _ in range(30)]
    batches = await asyncio.gather(*(desk.claim(4, owner=f"w{n}") for n in range(8)))
    got = [item.task.id for batch in batches for item in batch]
    assert sorted(got) == made
    assert max(len(batch) for batch in batches) == 4


async def test_a_lease_that_was_left_behind_does_not_keep_others_from_their_tasks(desk: Desk) -> None:
    left = await desk.running()
    await desk.sql("UPDATE tasks SET status = 'pending' WHERE id = :id", id=left.task.id)
    other = await desk.submit()

    assert await claimed_ids(desk) == [left.task.id, other]
    rows = await desk.rows(
        "SELECT epoch, status FROM workflow_executions WHERE task_id = :id ORDER BY epoch", id=left.task.id
    )
    assert [(row["epoch"], row["status"]) for row in rows] == [(1, "cancelled"), (2, "in_progress")]


@pytest.mark.parametrize("assignment", ["status = 'stopped'", "priority = 9", "progress = 101"])
async def test_the_database_refuses_values_that_no_reader_could_understand(
    desk: Desk, assignment: str
) -> None:
    task_id = await desk.submit()
    with pytest.raises(DataRefused, match=r"(?i)check"):
        await desk.sql(f"UPDATE tasks SET {assignment}")
    assert await claimed_ids(desk) == [task_id]


async def test_a_tenants_many_do_not_hide_anothers_few(desk: Desk) -> None:
    for _ in range(claims.CANDIDATES + 20):
        await desk.submit(tenant("many"))
    few = [await desk.submit(tenant("few")) for _ in range(3)]
    first = await claimed_ids(desk, limit=6)
    assert set(few) <= set(first)


async def test_an_urgent_task_overtakes_a_long_queue_of_its_own_tenant(desk: Desk) -> None:
    for _ in range(claims.CANDIDATES + 20):
        await desk.submit(priority=1)
    urgent = await desk.submit(priority=4)
    assert await claimed_ids(desk, limit=1) == [urgent]
