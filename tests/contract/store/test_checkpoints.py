"""LangGraph's checkpoints: written behind the fence, read by LangGraph's own saver, pruned."""

import asyncio
from datetime import timedelta
from typing import TypedDict

import pytest
from langgraph.graph import END, START, StateGraph
from tests.support.stores import LEASE, Desk

from langgraph_multi_agent.access import SYSTEM_SCOPE, WORKER_SCOPE
from langgraph_multi_agent.domain.errors import LeaseLost
from langgraph_multi_agent.domain.task import Action
from langgraph_multi_agent.store import checkpoints, runs
from langgraph_multi_agent.store.checkpoints import RunSaver, open_history, prune
from langgraph_multi_agent.store.database import SqliteDatabase
from langgraph_multi_agent.store.journal import JournalFlusher
from langgraph_multi_agent.store.runs import Claimed, Ending


class State(TypedDict, total=False):
    words: list[str]


async def run_graph(desk: Desk, run: Claimed, words: list[str]) -> None:
    graph = StateGraph(State)
    graph.add_node("say", lambda state: {"words": words})
    graph.add_edge(START, "say")
    graph.add_edge("say", END)
    flusher = JournalFlusher(desk.database)
    flushing = asyncio.ensure_future(flusher.run())
    try:
        saver = RunSaver(flusher, task_id=run.task.id, epoch=run.epoch)
        config = {"configurable": {"thread_id": run.task.id}}
        await graph.compile(checkpointer=saver).ainvoke({"words": []}, config, durability="sync")  # type: ignore[call-overload]
    finally:
        flusher.close()
        await flushing


async def count(desk: Desk) -> int:
    return int((await desk.rows("SELECT COUNT(*) AS n FROM checkpoints"))[0]["n"])


async def test_langgraphs_own_saver_reads_what_a_run_wrote(desk: Desk) -> None:
    run = await desk.running()
    await run_graph(desk, run, ["好", "b"])
    assert isinstance(desk.database, SqliteDatabase)
    async with open_history(desk.database.path) as history:
        found = await history.aget_tuple({"configurable": {"thread_id": run.task.id}})
    assert found is not None
    assert found.checkpoint["channel_values"]["words"] == ["好", "b"]


async def test_a_run_that_was_taken_over_writes_no_checkpoint(desk: Desk) -> None:
    run = await desk.running()
    desk.clock.advance(LEASE.total_seconds() + 1)
    await desk.database.write(SYSTEM_SCOPE, runs.reclaim, all_leases=True)
    with pytest.raises(LeaseLost):
        await run_graph(desk, run, ["x"])
    assert await count(desk) == 0


async def test_pruning_keeps_the_newest_and_leaves_living_tasks_alone(desk: Desk) -> None:
    ended, alive = await desk.running(), await desk.running()
    for run in (ended, alive):
        await run_graph(desk, run, ["x"])
    each = await count(desk) // 2
    assert each >= 3
    newest = (
        await desk.rows(
            "SELECT MAX(checkpoint_id) AS id FROM checkpoints WHERE thread_id = :t", t=ended.task.id
        )
    )[0]["id"]
    await desk.database.write(
        WORKER_SCOPE, runs.finish, ended.task.id, ended.epoch, Ending(action=Action.COMPLETE)
    )

    hour = timedelta(hours=1)
    pruned = await desk.database.write(SYSTEM_SCOPE, prune, keep=1, older_than=hour)
    assert pruned.checkpoints == 0
    desk.clock.advance(3601)
    pruned = await desk.database.write(SYSTEM_SCOPE, checkpoints.prune, keep=1, older_than=hour)
    assert pruned.checkpoints == each - 1
    left = await desk.rows("SELECT checkpoint_id FROM checkpoints WHERE thread_id = :t", t=ended.task.id)
    assert left == [{"checkpoint_id": newest}]
    orphans = await desk.rows(
        "SELECT * FROM writes w WHERE NOT EXISTS (SELECT 1 FROM checkpoints c WHERE c.thread_id = w.thread_id"
        " AND c.checkpoint_ns = w.checkpoint_ns AND c.checkpoint_id = w.checkpoint_id)"
    )
    assert orphans == []
    assert await count(desk) == each + 1
