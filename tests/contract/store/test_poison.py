"""A task that crashes its process is found out, and takes no innocent task down with it."""

from typing import Any

from tests.support.stores import LEASE, TEAMS, Desk

from langgraph_multi_agent.access import SYSTEM_SCOPE, WORKER_SCOPE
from langgraph_multi_agent.domain.task import TaskStatus
from langgraph_multi_agent.store import claims, leases
from langgraph_multi_agent.store.claims import Claimed


async def crash(desk: Desk) -> list[str]:
    desk.clock.advance(LEASE.total_seconds() + 1)
    return await desk.database.write(SYSTEM_SCOPE, leases.reclaim, all_leases=False)


async def claim(desk: Desk, **values: Any) -> list[Claimed]:
    wish = {"limit": 10, "lease": LEASE, "teams": TEAMS, **values}
    return await desk.database.write(WORKER_SCOPE, claims.claim, "w1", **wish)


async def test_a_suspect_is_taken_alone_and_only_by_an_idle_worker(desk: Desk) -> None:
    suspect = await desk.submit(priority=4)
    innocents = [await desk.submit(priority=1) for _ in range(3)]
    for _ in range(2):
        assert len(await claim(desk)) == 4
        await crash(desk)
    assert await claim(desk, is_busy=True) == []
    (alone,) = await claim(desk)
    assert alone.task.id == suspect
    assert alone.must_run_alone
    assert suspect not in innocents


async def test_a_crash_in_company_never_makes_anybody_poison(desk: Desk) -> None:
    for _ in range(3):
        await desk.submit()
    for _ in range(2):
        await claim(desk)
        await crash(desk)
    rows = await desk.rows("SELECT DISTINCT crash_count FROM tasks")
    assert rows == [{"crash_count": 2}]
    # By hand, as if two workers had each run one alone: still in company when counted together.
    for _ in range(6):
        for _ in range(3):
            await claim(desk)
        assert len(await crash(desk)) == 3
    assert await desk.rows("SELECT DISTINCT status FROM tasks") == [{"status": TaskStatus.PENDING.value}]


async def test_the_innocent_run_on_while_the_one_that_crashes_ends_as_a_dead_letter(desk: Desk) -> None:
    guilty = await desk.submit(priority=4)
    innocent = await desk.submit(priority=1)
    for _ in range(2):
        await claim(desk)
        await crash(desk)
    for _ in range(3):
        (run,) = await claim(desk)
        assert run.task.id == guilty
        await crash(desk)
    assert (await desk.get(guilty)).status is TaskStatus.FAILED
    (run,) = await claim(desk)
    assert run.task.id == innocent
    assert (await desk.get(innocent)).error is None
