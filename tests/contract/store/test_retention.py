"""Retention: what goes, what stays, in which pieces, and what a reader is told."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.stores import Desk

from langgraph_multi_agent.access import SYSTEM_SCOPE, WORKER_SCOPE
from langgraph_multi_agent.domain.errors import DependencyUnavailable
from langgraph_multi_agent.domain.task import Action, InputFile
from langgraph_multi_agent.service.retention import RetentionService
from langgraph_multi_agent.store import decisions, references, retention, runs
from langgraph_multi_agent.store.retention import Kept, Overdue, Policy
from langgraph_multi_agent.store.runs import Ending

pytestmark = pytest.mark.anyio

DAY = 86_400


async def ended_task(desk: Desk, **fields: str) -> str:
    run = await desk.running(**fields)
    ending = Ending(action=Action.COMPLETE, result={})
    await desk.database.write(WORKER_SCOPE, runs.finish, run.task.id, run.epoch, ending)
    return run.task.id


async def count(desk: Desk, table: str) -> int:
    return int((await desk.rows(f"SELECT COUNT(*) AS n FROM {table}"))[0]["n"])


def service(desk: Desk, *, batch_rows: int = 5000, **policy: timedelta) -> RetentionService:
    return RetentionService(
        database=desk.database,
        policy=Policy(**policy),  # type: ignore[arg-type]
        clock=desk.clock,
        new_id=desk.new_id,
        zone=UTC,
        batch_rows=batch_rows,
    )


async def test_messages_of_ended_tasks_go_after_their_time_and_others_stay(desk: Desk) -> None:
    old, waiting = await ended_task(desk), await desk.submit()
    desk.clock.advance(31 * DAY)
    young = await ended_task(desk)  # claims `waiting` too, which goes on running
    run = await service(desk).run()
    assert run.is_complete
    assert run.tables[Kept.MESSAGES] > 0
    assert await desk.events(old) == []
    assert await desk.events(waiting)
    assert await desk.events(young)


async def test_a_young_message_of_an_old_task_stays(desk: Desk) -> None:
    task_id = await ended_task(desk)
    before = len(await desk.events(task_id))
    desk.clock.advance(29 * DAY)
    await desk.database.write(SYSTEM_SCOPE, decisions.update_fields, task_id, {"title": "x"}, actor="p")
    desk.clock.advance(2 * DAY)
    await service(desk).run()
    rows = await desk.rows("SELECT seq FROM agent_messages WHERE task_id = :id", id=task_id)
    assert [row["seq"] for row in rows] == [before + 1]


async def test_the_last_word_on_a_deleted_task_goes_too(desk: Desk) -> None:
    task_id = await ended_task(desk)
    await desk.database.write(SYSTEM_SCOPE, decisions.remove, task_id, actor="p")
    assert await count(desk, "agent_messages") == 1
    desk.clock.advance(31 * DAY)
    await service(desk).run()
    assert await count(desk, "agent_messages") == 0


async def test_runs_go_ninety_days_after_their_end(desk: Desk) -> None:
    await ended_task(desk)
    desk.clock.advance(60 * DAY)
    await ended_task(desk)
    running = await desk.running()
    desk.clock.advance(31 * DAY)
    run = await service(desk).run()
    assert run.tables[Kept.EXECUTIONS] == 1
    assert await count(desk, "workflow_executions") == 2
    assert await desk.rows(
        "SELECT task_id FROM workflow_executions WHERE completed_at IS NULL"
    ) == [{"task_id": running.task.id}]


async def test_keys_go_when_they_no_longer_answer(desk: Desk) -> None:
    await desk.submit(key="old")
    desk.clock.advance(DAY + 1)
    await desk.submit(key="new")
    run = await service(desk).run()
    assert run.tables[Kept.KEYS] == 1
    assert await desk.rows("SELECT key FROM idempotency_keys") == [{"key": "new"}]


async def test_a_plan_counts_and_deletes_nothing(desk: Desk) -> None:
    await desk.submit(key="k")
    task_id = await ended_task(desk)
    await desk.submit()
    messages = await count(desk, "agent_messages")
    desk.clock.advance(91 * DAY)
    plan = await service(desk).plan()
    first = datetime(2026, 3, 1, 12, tzinfo=UTC)
    found = plan.tables[Kept.MESSAGES]
    assert found.rows == len(await desk.events(task_id))
    assert found.oldest is not None
    assert abs(found.oldest - first) < timedelta(minutes=1)
    assert plan.tables[Kept.EXECUTIONS].rows == 1
    assert plan.tables[Kept.KEYS].rows == 1
    assert not found.is_at_least
    assert await count(desk, "agent_messages") == messages
    run = await service(desk).run()
    assert {kept: run.tables[kept] for kept in (Kept.MESSAGES, Kept.EXECUTIONS, Kept.KEYS)} == {
        Kept.MESSAGES: found.rows,
        Kept.EXECUTIONS: 1,
        Kept.KEYS: 1,
    }
    after = await service(desk).plan()
    assert after.tables[Kept.MESSAGES] == Overdue(rows=0, oldest=None)


async def test_batches_are_small_and_reach_everything(desk: Desk) -> None:
    for number in range(4):
        await desk.submit(key=f"k{number}")
        await ended_task(desk)
    held = await desk.running()
    others = await count(desk, "agent_messages") - len(await desk.events(held.task.id))
    desk.clock.advance(91 * DAY)
    run = await service(desk, batch_rows=3).run()
    assert run.is_complete
    assert (run.tables[Kept.KEYS], run.tables[Kept.MESSAGES] > 3, run.tables[Kept.EXECUTIONS] > 3) == (4, True, True)
    assert run.tables[Kept.MESSAGES] <= others
    after = await service(desk).plan()
    assert [table.rows for table in after.tables.values()] == [0, 0, 0, 0]
    assert await desk.events(held.task.id)


async def test_one_batch_deletes_no_more_than_its_limit(desk: Desk) -> None:
    for _ in range(3):
        await ended_task(desk)
    before = await count(desk, "agent_messages")
    desk.clock.advance(31 * DAY)
    batch = await desk.database.write(
        SYSTEM_SCOPE, retention.delete_messages, older_than=timedelta(days=30), cursor=(), limit=2
    )
    assert batch.rows == 2
    assert batch.following is not None
    assert await count(desk, "agent_messages") == before - 2


async def test_a_run_out_of_time_says_so_and_the_next_one_goes_on(desk: Desk) -> None:
    await ended_task(desk)
    desk.clock.advance(31 * DAY)
    stopped = await service(desk).run(max_s=0)
    assert (stopped.is_complete, sum(stopped.tables.values())) == (False, 0)
    assert (await service(desk).run()).tables[Kept.MESSAGES] > 0


async def test_of_many_replicas_one_does_the_daily_run(desk: Desk) -> None:
    replicas = [service(desk) for _ in range(3)]  # it is noon: the run of today is due
    done = await asyncio.gather(*(replica.tick() for replica in replicas))
    assert [run is None for run in done].count(False) == 1
    assert [await replica.tick() for replica in replicas] == [None] * 3
    desk.clock.advance(14 * 3600)  # two in the morning
    assert [await replica.tick() for replica in replicas] == [None] * 3
    desk.clock.advance(2 * 3600)
    assert len([run for replica in replicas if (run := await replica.tick()) is not None]) == 1


async def test_a_restarted_process_does_not_run_a_second_time_that_day(desk: Desk) -> None:
    assert await service(desk).tick() is not None
    assert await service(desk).tick() is None
    assert len(await desk.rows("SELECT name FROM installation WHERE name LIKE 'retention:%'")) == 1


async def test_a_run_that_broke_off_is_tried_again_the_same_day(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ended_task(desk)
    desk.clock.advance(31 * DAY)
    replica, write, broken = service(desk), desk.database.write, [True]

    async def breaks_once(scope: Any, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        if function is retention.delete_messages and broken:
            broken.clear()
            raise DependencyUnavailable(dependency="database", reason="gone")
        return await write(scope, function, *args, **kwargs)

    monkeypatch.setattr(desk.database, "write", breaks_once)
    with pytest.raises(DependencyUnavailable):
        await replica.tick()
    run = await replica.tick()
    assert run is not None
    assert run.tables[Kept.MESSAGES] > 0
    assert await replica.tick() is None


async def test_a_run_that_met_another_at_work_is_tried_again_the_same_day(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica = service(desk)
    with monkeypatch.context() as other_at_work:
        other_at_work.setattr(retention, "_is_alone", lambda _: False)
        assert await replica.tick() is None
    assert await replica.tick() is not None
    assert await replica.tick() is None


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_digests_are_read_in_pages_that_miss_none(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    wanted = set()
    for number in range(3):
        inputs, result = f"{number:064x}", f"{number + 100:064x}"
        file = InputFile(name="a.csv", digest=inputs, size_bytes=1, media_type="text/csv")
        task_id = await desk.submit(files=(file,))
        for key, digest in (("1/a", None), ("1/b", result)):
            await desk.sql(
                "INSERT INTO journal (task_id, key, tenant, epoch, input_hash, version, result_digest, created_at)"
                " SELECT id, :key, tenant, 0, '', 1, :digest, created_at FROM tasks WHERE id = :id",
                id=task_id, key=key, digest=digest,
            )
        wanted |= {inputs, result}
    monkeypatch.setattr(references, "AT_ONCE", limit)
    assert await service(desk).referenced_digests() == wanted
    assert await references.needed(desk.database) == wanted
