"""Budgets, effects and agents' records."""

import asyncio
from typing import Any

import pytest
from tests.support.stores import LEASE, Desk, tenant

from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE, WORKER_SCOPE
from langgraph_multi_agent.domain.errors import AgentNotFound, BudgetExceeded, LeaseLost
from langgraph_multi_agent.domain.task import Budget, Cost
from langgraph_multi_agent.store import events, leases, ledgers, runs
from langgraph_multi_agent.store.claims import Claimed
from langgraph_multi_agent.store.ledgers import RunBudget, RunEffects


def budget_of(desk: Desk, run: Claimed) -> RunBudget:
    return RunBudget(
        database=desk.database, task_id=run.task.id, epoch=run.epoch, agent="writer", subtask_id="a"
    )


def effects_of(desk: Desk, run: Claimed) -> RunEffects:
    return RunEffects(database=desk.database, task_id=run.task.id, epoch=run.epoch)


async def crashed(desk: Desk) -> Claimed:
    desk.clock.advance(LEASE.total_seconds() + 1)
    await desk.database.write(SYSTEM_SCOPE, leases.reclaim, all_leases=False)
    (run,) = await desk.claim()
    return run


async def test_what_was_spent_replaces_what_was_reserved_and_adds_up_on_the_task(desk: Desk) -> None:
    run = await desk.running(budget=Budget(tokens=100))
    budget = budget_of(desk, run)
    for _ in range(2):
        call = await budget.reserve(tokens=90, cost=0.0)
        await budget.settle(call, Cost(input_tokens=3, output_tokens=2, cost=0.25, model_calls=1))
    assert (await desk.get(run.task.id)).cost == Cost(
        input_tokens=6, output_tokens=4, cost=0.5, model_calls=2
    )


@pytest.mark.parametrize(
    ("limit", "wanted"),
    [(Budget(tokens=100), {"tokens": 101, "cost": 0.0}), (Budget(cost=1.0), {"tokens": 5, "cost": 1.01})],
)
async def test_an_overdraft_is_refused_and_reserves_nothing(
    desk: Desk, limit: Budget, wanted: dict[str, Any]
) -> None:
    run = await desk.running(budget=limit)
    with pytest.raises(BudgetExceeded):
        await budget_of(desk, run).reserve(**wanted)
    assert await desk.rows("SELECT * FROM model_calls") == []


async def test_parallel_reservations_never_overdraw_together(desk: Desk) -> None:
    run = await desk.running(budget=Budget(tokens=100))
    wanted = (budget_of(desk, run).reserve(tokens=30, cost=0.0) for _ in range(8))
    answers = await asyncio.gather(*wanted, return_exceptions=True)
    assert sum(isinstance(answer, str) for answer in answers) == 3
    assert sum(isinstance(answer, BudgetExceeded) for answer in answers) == 5


async def test_the_reservation_of_a_dead_epoch_counts_as_spent(desk: Desk) -> None:
    old = await desk.running(budget=Budget(tokens=100))
    call = await budget_of(desk, old).reserve(tokens=80, cost=0.0)
    new = await crashed(desk)
    with pytest.raises(BudgetExceeded) as refused:
        await budget_of(desk, new).reserve(tokens=21, cost=0.0)
    assert refused.value.params["spent"] == 80
    with pytest.raises(LeaseLost):
        await budget_of(desk, old).settle(call, Cost(input_tokens=1))
    await budget_of(desk, new).reserve(tokens=20, cost=0.0)


async def test_an_effect_is_claimed_once_and_then_gives_its_result(desk: Desk) -> None:
    effects = effects_of(desk, await desk.running())
    assert await effects.claim("k", "mail") == ("claimed", None)
    await effects.settle("k", state="done", result={"id": 7})
    assert await effects.claim("k", "mail") == ("done", {"id": 7})


async def test_a_claim_without_an_end_is_an_orphan_for_every_later_epoch(desk: Desk) -> None:
    run = await desk.running()
    await effects_of(desk, run).claim("k", "mail")
    for _ in range(2):
        run = await crashed(desk)
        assert await effects_of(desk, run).claim("k", "mail") == ("orphan", None)
    await effects_of(desk, run).settle("k", state="done", result=1)
    assert await effects_of(desk, await crashed(desk)).claim("k", "mail") == ("done", 1)


async def test_a_call_that_broke_off_in_this_run_is_an_orphan_too(desk: Desk) -> None:
    # A subtask that timed out in the middle of a call is tried again by the same run.
    effects = effects_of(desk, await desk.running())
    await effects.claim("k", "mail")
    assert await effects.claim("k", "mail") == ("orphan", None)


async def test_an_agents_record_starts_anew_with_its_reset(desk: Desk) -> None:
    run = await desk.running()

    async def subtask(kind: str, agent: str) -> None:
        await desk.sql(
            "INSERT INTO agent_messages (tenant, task_id, seq, type, agent, subtask_id, data, created_at) VALUES"
            " ('default', :task, (SELECT MAX(seq) + 1 FROM agent_messages), :kind, :agent, 's', '{}', :at)",
            task=run.task.id,
            kind=f"subtask.{kind}",
            agent=agent,
            at=desk.clock.now().strftime("%Y-%m-%d %H:%M:%S.%f"),
        )

    async def record() -> dict[str, tuple[int, int]]:
        resets = await desk.database.read(DEFAULT_SCOPE, ledgers.agent_resets)
        found = await desk.database.read(DEFAULT_SCOPE, events.agent_record, resets=resets)
        return {agent: (row["completed"], row["failed"]) for agent, row in found.items()}

    for kind, agent in (("completed", "a"), ("failed", "a"), ("completed", "b")):
        await subtask(kind, agent)
    assert await record() == {"a": (1, 1), "b": (1, 0)}

    async def reset(agent: str) -> int:
        return await desk.database.write(DEFAULT_SCOPE, ledgers.reset_agent, agent, frozenset({"a", "b"}))

    assert [await reset("a"), await reset("a")] == [1, 2]
    assert await record() == {"b": (1, 0)}
    await subtask("completed", "a")
    assert await record() == {"a": (1, 0), "b": (1, 0)}
    with pytest.raises(AgentNotFound):
        await reset("c")
    assert await desk.database.read(tenant("other"), ledgers.agent_resets) == {}


async def test_running_subtasks_are_those_of_the_present_run_without_an_end(desk: Desk) -> None:
    run = await desk.running()

    async def event(kind: str, subtask: str | None) -> None:
        await desk.sql(
            "INSERT INTO agent_messages (tenant, task_id, seq, type, agent, subtask_id, data, created_at) SELECT"
            " tenant, id, (SELECT MAX(seq) + 1 FROM agent_messages), :kind, 'a', :subtask, '{}', created_at FROM tasks",
            kind=kind,
            subtask=subtask,
        )

    async def running() -> list[str | None]:
        return [item.subtask_id for item in await desk.database.read(DEFAULT_SCOPE, events.running_subtasks)]

    await event("subtask.started", "lost")
    await event("task.resumed", None)
    await event("subtask.started", "one")
    await event("subtask.started", "two")
    await event("subtask.failed", "one")
    assert await running() == ["two"]
    assert await desk.database.read(tenant("other"), events.running_subtasks) == []
    await desk.database.write(
        WORKER_SCOPE, runs.finish, run.task.id, run.epoch, runs.Ending(action=runs.Action.HAND_BACK)
    )
    assert await running() == []
