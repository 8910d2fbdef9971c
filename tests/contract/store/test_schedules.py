"""Schedules in the store: a fire is one task, whoever ticks, whenever somebody dies."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.stores import Desk, draft, tenant

from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE, Scope
from langgraph_multi_agent.domain.errors import ModelRequired
from langgraph_multi_agent.domain.schedule import Schedule, ScheduleDraft, ScheduleExists, ScheduleNotFound
from langgraph_multi_agent.domain.task import Budget, Priority, TaskDraft
from langgraph_multi_agent.service.schedules import fires_due, next_fire
from langgraph_multi_agent.store import schedules
from langgraph_multi_agent.store.schedules import FIRES_AT_ONCE, Fired

pytestmark = pytest.mark.anyio


def admitted(_draft: TaskDraft) -> None:
    """The team takes everything."""


async def add(desk: Desk, name: str = "hourly", *, scope: Scope = DEFAULT_SCOPE, **fields: Any) -> Schedule:
    values: dict[str, Any] = {"cron": "0 * * * *", "timezone": "UTC", "draft": draft(title=name), **fields}
    request = ScheduleDraft(name=name, **values)
    return await desk.database.write(scope, schedules.create, desk.new_id(), request, next_fire)


async def fire(desk: Desk, *, admit: Any = admitted, queue_size: int = 1000) -> Sequence[Fired]:
    return await desk.database.write(
        SYSTEM_SCOPE, schedules.fire_due, queue_size=queue_size, fires_due=fires_due, admit=admit
    )


async def get(desk: Desk, schedule_id: str) -> Schedule:
    return await desk.database.read(SYSTEM_SCOPE, schedules.get, schedule_id)


async def until(desk: Desk, moment: datetime) -> None:
    """Let the database's time become `moment` or a little later."""
    now = await desk.database.read(SYSTEM_SCOPE, lambda store: store.now)
    desk.clock.advance((moment - now).total_seconds() + 1)


async def make_due(desk: Desk, schedule_id: str, *, ago: timedelta = timedelta(seconds=1)) -> datetime:
    """Move the time to the schedule's next fire; returns that fire."""
    due = (await get(desk, schedule_id)).next_fire_at
    assert due is not None
    await until(desk, due + ago)
    return due


async def test_a_schedule_is_read_as_it_was_written(desk: Desk) -> None:
    wanted = draft(
        title="周报",
        description="汇总",
        priority=Priority.HIGH,
        assignee="李雷",
        language="en",
        input_data={"a": [1]},
        budget=Budget(tokens=5, cost=0.5),
    )
    made = await add(desk, "周报", cron="0 9 * * MON", timezone="Asia/Shanghai", draft=wanted)
    assert made == await get(desk, made.id)
    assert made.draft == wanted
    assert made.next_fire_at is not None
    assert made.next_fire_at.astimezone(UTC).strftime("%a %H:%M") == "Mon 01:00"
    assert (made.last_fire_at, made.last_task_id, made.last_error) == (None, None, None)


async def test_nothing_fires_before_its_time(desk: Desk) -> None:
    await add(desk)
    assert not await desk.database.read(SYSTEM_SCOPE, schedules.has_due)
    assert list(await fire(desk)) == []


async def test_a_due_fire_becomes_one_task_and_the_plan_moves_on(desk: Desk) -> None:
    made = await add(desk)
    due = await make_due(desk, made.id)
    assert await desk.database.read(SYSTEM_SCOPE, schedules.has_due)
    (fired,) = await fire(desk)
    after = await get(desk, made.id)
    assert fired.task is not None
    assert fired.fire_at == after.last_fire_at == due
    assert after.next_fire_at == due + timedelta(hours=1)
    assert after.last_task_id == fired.task.id
    assert after.last_error is None
    assert (await desk.get(fired.task.id)).title == "hourly"
    assert await desk.events(fired.task.id) == ["task.submitted"]
    assert list(await fire(desk)) == []


async def test_a_schedule_of_before_whose_maker_is_not_known_fires_on(desk: Desk) -> None:
    made = await add(desk, "x" * 128)
    await desk.sql("UPDATE schedules SET created_by = NULL")
    await make_due(desk, made.id)
    (fired,) = await fire(desk)
    assert (fired.error, fired.task is not None) == (None, True)


async def test_replicas_that_tick_together_fire_once(desk: Desk) -> None:
    made = [await add(desk, f"s{number}") for number in range(5)]
    await make_due(desk, made[0].id)
    rounds = await asyncio.gather(*(fire(desk) for _ in range(4)))
    tasks = [item.task.id for round_ in rounds for item in round_ if item.task is not None]
    assert len(set(tasks)) == len(tasks) == 5
    assert len(await desk.ids()) == 5


async def test_after_a_time_without_service_only_the_newest_fire_is_made_up_for(desk: Desk) -> None:
    made = await add(desk)
    due = await make_due(desk, made.id, ago=timedelta(hours=7, minutes=30))
    (fired,) = await fire(desk)
    after = await get(desk, made.id)
    assert fired.fire_at == due + timedelta(hours=7)
    assert fired.skipped == 7
    assert after.last_error == {
        "code": "FIRES_SKIPPED",
        "params": {"count": 7, "fire_at": fired.fire_at.isoformat()},
    }
    assert after.next_fire_at == due + timedelta(hours=8)
    assert len(await desk.ids()) == 1
    await make_due(desk, made.id)
    await fire(desk)
    assert (await get(desk, made.id)).last_error is None


async def test_a_fire_that_was_made_already_makes_no_second_task(desk: Desk) -> None:
    made = await add(desk)
    due = await make_due(desk, made.id)
    (first,) = await fire(desk)
    await desk.sql("UPDATE schedules SET next_fire_at = last_fire_at WHERE id = :id", id=made.id)
    (again,) = await fire(desk)
    assert first.task is not None
    assert again.task is None
    assert again.error is None
    assert await desk.ids() == [first.task.id]
    assert (await get(desk, made.id)).next_fire_at == due + timedelta(hours=1)


async def test_a_full_queue_keeps_the_fire_due_until_there_is_room(desk: Desk) -> None:
    made = await add(desk)
    waiting = await desk.submit()
    due = await make_due(desk, made.id)
    (refused,) = await fire(desk, queue_size=1)
    assert refused.task is None
    assert refused.is_news
    kept = await get(desk, made.id)
    assert kept.next_fire_at == due
    assert kept.last_error is not None
    assert kept.last_error["code"] == "QUEUE_FULL"
    (again,) = await fire(desk, queue_size=1)
    assert not again.is_news
    await desk.claim()
    (fired,) = await fire(desk, queue_size=1)
    assert fired.fire_at == due
    after = await get(desk, made.id)
    assert after.last_error is None
    assert sorted(await desk.ids()) == sorted([waiting, str(after.last_task_id)])


async def test_a_refusal_of_the_team_stands_on_the_schedule_and_the_next_fire_is_tried(desk: Desk) -> None:
    made = await add(desk)
    other = await add(desk, "other")
    due = await make_due(desk, made.id)

    def refuse(wanted: TaskDraft) -> None:
        if wanted.title == "hourly":
            raise ModelRequired(settings="LLM_MODEL", reason="poem")

    fired = {item.schedule_id: item for item in await fire(desk, admit=refuse)}
    assert fired[other.id].task is not None
    after = await get(desk, made.id)
    assert after.last_error is not None
    assert after.last_error["code"] == "MODEL_REQUIRED"
    assert after.last_error["params"]["fire_at"] == due.isoformat()
    assert after.next_fire_at == due + timedelta(hours=1)
    await make_due(desk, made.id)
    await fire(desk)
    assert (await get(desk, made.id)).last_error is None


async def test_a_time_zone_that_this_machine_does_not_know_keeps_the_fire_due(desk: Desk) -> None:
    made = await add(desk)
    due = await make_due(desk, made.id)
    await desk.sql("UPDATE schedules SET timezone = 'Mars/Base' WHERE id = :id", id=made.id)
    (item,) = await fire(desk)
    after = await get(desk, made.id)
    assert item.task is None
    assert after.next_fire_at == due
    assert after.last_error is not None
    assert after.last_error["params"]["reason"] == "timezone_unknown"


async def test_a_task_of_a_schedule_belongs_to_its_tenant(desk: Desk) -> None:
    north, south = tenant("north"), tenant("south")
    made = await add(desk, scope=north)
    await add(desk, scope=south, is_enabled=False)
    await make_due(desk, made.id)
    (fired,) = await fire(desk)
    assert fired.task is not None
    assert await desk.ids(north) == [fired.task.id]
    assert await desk.ids(south) == []
    with pytest.raises(ScheduleNotFound):
        await desk.database.read(south, schedules.get, made.id)


async def test_names_are_unique_in_a_tenant_only(desk: Desk) -> None:
    await add(desk, "a", scope=tenant("north"))
    await add(desk, "a", scope=tenant("south"))
    other = await add(desk, "b", scope=tenant("north"))
    with pytest.raises(ScheduleExists):
        await add(desk, "a", scope=tenant("north"))
    with pytest.raises(ScheduleExists):
        await desk.database.write(tenant("north"), schedules.change, other.id, {"name": "a"}, next_fire)


async def test_a_pause_holds_the_plan_and_going_on_counts_from_then(desk: Desk) -> None:
    made = await add(desk)
    paused = await desk.database.write(
        DEFAULT_SCOPE, schedules.change, made.id, {"is_enabled": False}, next_fire
    )
    assert paused.next_fire_at is None
    assert made.next_fire_at is not None
    await until(desk, made.next_fire_at + timedelta(hours=5))
    assert list(await fire(desk)) == []
    resumed = await desk.database.write(
        DEFAULT_SCOPE, schedules.change, made.id, {"is_enabled": True}, next_fire
    )
    assert resumed.next_fire_at == made.next_fire_at + timedelta(hours=6)


async def test_running_now_leaves_the_plan_alone(desk: Desk) -> None:
    made = await add(desk)
    task = await desk.database.write(
        DEFAULT_SCOPE, schedules.run_now, made.id, desk.new_id(), queue_size=1000
    )
    after = await get(desk, made.id)
    assert after.last_task_id == task.id
    assert (after.next_fire_at, after.last_fire_at) == (made.next_fire_at, None)


async def test_a_removed_schedule_fires_no_more_and_its_tasks_stay(desk: Desk) -> None:
    made = await add(desk)
    await make_due(desk, made.id)
    (fired,) = await fire(desk)
    await desk.database.write(DEFAULT_SCOPE, schedules.remove, made.id)
    with pytest.raises(ScheduleNotFound):
        await desk.database.write(DEFAULT_SCOPE, schedules.remove, made.id)
    desk.clock.advance(7200)
    assert list(await fire(desk)) == []
    assert fired.task is not None
    assert await desk.ids() == [fired.task.id]


async def test_many_due_schedules_take_several_transactions(desk: Desk) -> None:
    made = [await add(desk, f"s{number:03}") for number in range(FIRES_AT_ONCE + 3)]
    await make_due(desk, made[0].id)
    assert [len(await fire(desk)) for _ in range(3)] == [FIRES_AT_ONCE, 3, 0]


async def test_pages_go_by_name(desk: Desk) -> None:
    for name in ("c", "a", "b"):
        await add(desk, name)
    first = await desk.database.read(DEFAULT_SCOPE, schedules.list_schedules, limit=2)
    rest = await desk.database.read(DEFAULT_SCOPE, schedules.list_schedules, limit=2, after="b")
    assert [item.name for item in (*first, *rest)] == ["a", "b", "c"]
