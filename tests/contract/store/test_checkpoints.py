"""LangGraph's checkpoints: written behind the fence, read back to resume, inspected, forked, pruned."""

import asyncio
import json
import operator
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import WRITES_IDX_MAP
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from tests.support.stores import LEASE, Desk, tenant

from langgraph_multi_agent.access import SYSTEM_SCOPE, WORKER_SCOPE
from langgraph_multi_agent.domain.errors import InvalidRequest, LeaseLost, TaskNotFound
from langgraph_multi_agent.domain.task import Action
from langgraph_multi_agent.store import checkpoints, leases, runs
from langgraph_multi_agent.store.checkpoints import RunSaver, open_history, prune, pruning
from langgraph_multi_agent.store.checkpoints.savers import PAGE, change_thread
from langgraph_multi_agent.store.claims import Claimed
from langgraph_multi_agent.store.journal import JournalFlusher
from langgraph_multi_agent.store.runs import Ending

HOUR = timedelta(hours=1)


class State(TypedDict, total=False):
    words: Annotated[list[str], operator.add]


class Killed(Exception):
    """Stands for the end of the process: the graph gets no further."""


def at(task_id: str, **more: Any) -> Any:
    return {"configurable": {"thread_id": task_id, **more}}


def chain(**nodes: Any) -> StateGraph[Any]:
    graph: StateGraph[Any] = StateGraph(State)
    names = [START, *nodes, END]
    for name, node in nodes.items():
        graph.add_node(name, node)
    for before, after in pairwise(names):
        graph.add_edge(before, after)
    return graph


@asynccontextmanager
async def opened(desk: Desk, run: Claimed, *, resumes: bool = True) -> AsyncIterator[RunSaver]:
    """A saver of this run, with a flusher of its own as in a new process."""
    flusher = JournalFlusher(desk.database)
    flushing = asyncio.ensure_future(flusher.run())
    database = desk.database if resumes else None
    try:
        yield RunSaver(flusher, task_id=run.task.id, epoch=run.epoch, database=database)
    finally:
        flusher.close()
        await flushing


async def run_graph(desk: Desk, run: Claimed, *words: str) -> None:
    graph = chain(say=lambda state: {"words": list(words)})
    async with opened(desk, run, resumes=False) as saver:
        await graph.compile(checkpointer=saver).ainvoke({"words": []}, at(run.task.id), durability="sync")


async def take_over(desk: Desk, run: Claimed) -> Claimed:
    """The same task, claimed again after its worker's end."""
    desk.clock.advance(LEASE.total_seconds() + 1)
    await desk.database.write(SYSTEM_SCOPE, leases.reclaim, all_leases=True)
    desk.clock.advance(60)
    return next(item for item in await desk.claim(limit=100) if item.task.id == run.task.id)


async def end(desk: Desk, run: Claimed, action: Action = Action.COMPLETE) -> None:
    await desk.database.write(WORKER_SCOPE, runs.finish, run.task.id, run.epoch, Ending(action=action))


async def ids(desk: Desk, task_id: str) -> list[str]:
    """Checkpoints of a thread, oldest first."""
    rows = await desk.rows("SELECT checkpoint_id AS id FROM checkpoints WHERE thread_id = :t", t=task_id)
    return sorted(row["id"] for row in rows)


async def put_checkpoint(
    saver: RunSaver,
    task_id: str,
    number: int,
    parent: str | None = None,
    namespace: str = "",
    **metadata: Any,
) -> str:
    """A checkpoint whose id sorts by its number."""
    checkpoint_id = f"00000000-0000-6000-8000-{number:012d}"
    checkpoint: Any = {
        "v": 4,
        "id": checkpoint_id,
        "ts": "2026-03-01T12:00:00+00:00",
        "channel_values": {"n": number},
        "channel_versions": {"n": number},
        "versions_seen": {},
        "updated_channels": None,
    }
    place = {"checkpoint_ns": namespace} | ({"checkpoint_id": parent} if parent else {})
    described: Any = {"source": "loop", "step": number, "parents": {}, **metadata}
    await saver.aput(at(task_id, **place), checkpoint, described, {})
    return checkpoint_id


async def put_line(saver: RunSaver, task_id: str, numbers: range, parent: str | None = None) -> list[str]:
    made: list[str] = []
    for number in numbers:
        parent = await put_checkpoint(saver, task_id, number, parent)
        made.append(parent)
    return made


async def pruned(desk: Desk, keep: int = 1, **options: Any) -> int:
    desk.clock.advance(3601)
    done = await desk.database.write(SYSTEM_SCOPE, prune, keep=keep, older_than=HOUR, **options)
    return done.checkpoints


async def test_a_reader_sees_what_a_run_wrote_and_how_it_came_to_it(desk: Desk) -> None:
    run = await desk.running()
    await run_graph(desk, run, "好", "b")
    graph = chain(say=lambda state: state).compile(checkpointer=open_history(desk.database, SYSTEM_SCOPE))
    now = await graph.aget_state(at(run.task.id))
    assert now.values == {"words": ["好", "b"]}
    assert now.next == ()
    steps = [step async for step in graph.aget_state_history(at(run.task.id))]
    assert [(step.metadata or {})["step"] for step in steps] == [1, 0, -1]
    assert steps[1].next == ("say",)


async def test_a_reader_sees_no_thread_of_another_tenant(desk: Desk) -> None:
    run = await desk.running(scope=tenant("a"))
    await run_graph(desk, run, "secret")
    theirs, ours = (open_history(desk.database, tenant(name)) for name in ("b", "a"))
    assert await theirs.aget_tuple(at(run.task.id)) is None
    assert [item async for item in theirs.alist(None)] == []
    assert [item async for item in theirs.alist(at(run.task.id))] == []
    assert len([item async for item in ours.alist(None)]) == 3


async def test_a_saver_without_a_database_starts_every_run_from_its_start(desk: Desk) -> None:
    run = await desk.running()
    await run_graph(desk, run, "x")
    async with opened(desk, run, resumes=False) as saver:
        assert await saver.aget_tuple(at(run.task.id)) is None
        assert [item async for item in saver.alist(at(run.task.id))] == []
        graph = chain(say=lambda state: {"words": ["y"]}).compile(checkpointer=saver)
        assert await graph.ainvoke({"words": []}, at(run.task.id)) == {"words": ["y"]}


@pytest.mark.parametrize("durability", ["sync", "async"])
async def test_a_graph_killed_between_two_steps_resumes_after_the_last_one(
    desk: Desk, durability: Any
) -> None:
    done: list[str] = []

    def step(name: str, *, dies: bool = False) -> Callable[[State], State]:
        def node(state: State) -> State:
            if dies:
                raise Killed
            done.append(name)
            return {"words": [name]}

        return node

    run = await desk.running()
    async with opened(desk, run) as saver:
        dying = chain(first=step("first"), second=step("second", dies=True)).compile(checkpointer=saver)
        with pytest.raises(Killed):
            await dying.ainvoke({"words": ["go"]}, at(run.task.id), durability=durability)
    again = await take_over(desk, run)
    async with opened(desk, again) as saver:
        whole = chain(first=step("first"), second=step("second")).compile(checkpointer=saver)
        result = await whole.ainvoke(None, at(run.task.id), durability=durability)
    assert result == {"words": ["go", "first", "second"]}
    assert done == ["first", "second"]


async def test_a_step_whose_sibling_failed_is_not_run_again(desk: Desk) -> None:
    done: list[str] = []
    is_up = asyncio.Event()
    stored = asyncio.Event()

    class Watched(RunSaver):
        async def aput_writes(self, *args: Any, **kwargs: Any) -> None:
            await super().aput_writes(*args, **kwargs)
            stored.set()

    async def left(state: State) -> State:
        done.append("left")
        return {"words": ["left"]}

    async def right(state: State) -> State:
        if not is_up.is_set():
            await stored.wait()
            raise Killed
        return {"words": ["right"]}

    graph: StateGraph[Any] = StateGraph(State)
    for name, node in (("left", left), ("right", right)):
        graph.add_node(name, node)
        graph.add_edge(START, name)
    run = await desk.running()
    async with opened(desk, run) as saver:
        watched = Watched(saver._flusher, task_id=run.task.id, epoch=run.epoch, database=desk.database)
        with pytest.raises(Killed):
            await graph.compile(checkpointer=watched).ainvoke(
                {"words": []}, at(run.task.id), durability="sync"
            )
    is_up.set()
    again = await take_over(desk, run)
    async with opened(desk, again) as saver:
        result = await graph.compile(checkpointer=saver).ainvoke(None, at(run.task.id), durability="sync")
    assert result == {"words": ["left", "right"]}
    assert done == ["left"]


async def test_an_interrupt_is_answered_by_a_later_run(desk: Desk) -> None:
    def ask(state: State) -> State:
        return {"words": [interrupt("name?"), interrupt("town?")]}

    run = await desk.running()
    async with opened(desk, run) as saver:
        asked = await chain(ask=ask).compile(checkpointer=saver).ainvoke({"words": []}, at(run.task.id))
    assert [item.value for item in asked["__interrupt__"]] == ["name?"]
    for answer, wanted in (("Ada", ["town?"]), ("罗马", [])):
        run = await take_over(desk, run)
        async with opened(desk, run) as saver:
            graph = chain(ask=ask).compile(checkpointer=saver)
            assert [item.value for item in (await graph.aget_state(at(run.task.id))).interrupts]
            asked = await graph.ainvoke(Command(resume=answer), at(run.task.id))
        assert [item.value for item in asked.get("__interrupt__", [])] == wanted
    assert asked["words"] == ["Ada", "罗马"]


async def test_special_writes_replace_and_ordinary_ones_stay(desk: Desk) -> None:
    run = await desk.running()
    async with opened(desk, run) as saver:
        place = at(run.task.id, checkpoint_ns="", checkpoint_id=await put_checkpoint(saver, run.task.id, 1))
        for word in ("old", "new"):
            for channel in ("plain", *WRITES_IDX_MAP):
                await saver.aput_writes(place, [(channel, word)], "t1")
        found = await saver.aget_tuple(place)
    assert found is not None
    assert {channel: value for _, channel, value in found.pending_writes or []} == {
        "plain": "old",
        **dict.fromkeys(WRITES_IDX_MAP, "new"),
    }


async def test_pending_writes_come_in_the_order_of_their_task_paths(desk: Desk) -> None:
    run = await desk.running()
    async with opened(desk, run) as saver:
        place = at(run.task.id, checkpoint_ns="", checkpoint_id=await put_checkpoint(saver, run.task.id, 1))
        for path, task in (("~b", "1"), ("~a", "3"), ("", "4"), ("~B", "2")):
            await saver.aput_writes(place, [("c", path), ("c", path + "2")], task, path)
        found = await saver.aget_tuple(place)
    assert found is not None
    assert [value for *_, value in found.pending_writes or []] == [
        "", "2", "~B", "~B2", "~a", "~a2", "~b", "~b2",
    ]  # fmt: skip


async def test_a_list_of_many_pages_is_complete_filtered_and_newest_first(desk: Desk) -> None:
    run = await desk.running()
    total = 2 * PAGE + 3
    async with opened(desk, run) as saver:
        for number in range(total):
            await put_checkpoint(saver, run.task.id, number, score=number % 2, deep={"a": [number]})

        async def steps(**options: Any) -> list[int]:
            return [item.metadata["step"] async for item in saver.alist(at(run.task.id), **options)]

        assert await steps() == list(reversed(range(total)))
        assert await steps(limit=PAGE + 1) == list(range(total - 1, total - PAGE - 2, -1))
        assert await steps(limit=0) == []
        assert await steps(filter={"score": 0}, limit=3) == [total - 1, total - 3, total - 5]
        assert await steps(filter={"deep": {"a": [2]}}) == [2]
        assert await steps(filter={"score": 1, "source": "input"}) == []
        third = at(run.task.id, checkpoint_id=(await ids(desk, run.task.id))[2])
        assert await steps(before=third) == [1, 0]
        assert [item.metadata["step"] async for item in saver.alist(third)] == [2]


async def test_metadata_keeps_every_character_but_nul(desk: Desk) -> None:
    run = await desk.running()
    async with opened(desk, run) as saver:
        await put_checkpoint(saver, run.task.id, 1, note="好\x00🙂", writes={"dropped": 1})
        found = await saver.aget_tuple(at(run.task.id))
    assert found is not None
    assert found.metadata == {"source": "loop", "step": 1, "parents": {}, "note": "好🙂"}


async def test_a_run_that_was_taken_over_writes_replaces_and_deletes_nothing(desk: Desk) -> None:
    run = await desk.running()
    await run_graph(desk, run, "x")
    before = await ids(desk, run.task.id)
    await take_over(desk, run)
    with pytest.raises(LeaseLost):
        await run_graph(desk, run, "y")
    async with opened(desk, run) as zombie:
        place = at(run.task.id, checkpoint_ns="", checkpoint_id=before[0])
        for act in (
            zombie.aput_writes(place, [("__interrupt__", "z")], "t"),
            zombie.aput_writes(place, [("plain", "z")], "t"),
            zombie.adelete_thread(run.task.id),
            zombie.adelete_for_runs(["any"]),
            zombie.acopy_thread("other", run.task.id),
            zombie.aprune([run.task.id]),
        ):
            with pytest.raises(LeaseLost):
                await act
    with pytest.raises(LeaseLost):
        await desk.database.write(WORKER_SCOPE, change_thread, run.task.id, run.epoch, lambda store: None)
    assert await ids(desk, run.task.id) == before
    assert "z" not in json.dumps(await desk.rows("SELECT channel, task_id FROM writes WHERE task_id = 't'"))


async def test_a_runs_saver_serves_its_own_thread_only(desk: Desk) -> None:
    run, other = await desk.running(), await desk.running()
    await run_graph(desk, other, "x")
    async with opened(desk, run) as saver:
        assert await saver.aget_tuple(at(other.task.id)) is None
        assert [item async for item in saver.alist(None)] == []
        for act in (
            put_checkpoint(saver, other.task.id, 1),
            saver.aput_writes(at(other.task.id, checkpoint_id="c"), [("a", 1)], "t"),
            saver.adelete_thread(other.task.id),
            saver.acopy_thread(run.task.id, other.task.id),
            saver.aprune([other.task.id]),
        ):
            with pytest.raises(TaskNotFound):
                await act
        with pytest.raises(InvalidRequest):
            await saver.aprune([run.task.id], strategy="keep_odd_ones")
    assert len(await ids(desk, other.task.id)) == 3


async def test_a_fork_takes_over_another_tasks_thread_and_goes_its_own_way(desk: Desk) -> None:
    source, fork = await desk.running(), await desk.running()
    await run_graph(desk, source, "x")
    async with opened(desk, fork) as saver:
        await saver.acopy_thread(source.task.id, fork.task.id)
        await saver.acopy_thread(source.task.id, fork.task.id)
        graph = chain(say=lambda state: {"words": ["y"]}).compile(checkpointer=saver)
        assert await graph.ainvoke({"words": ["and"]}, at(fork.task.id)) == {"words": ["x", "and", "y"]}
    history = open_history(desk.database, SYSTEM_SCOPE)
    found = await history.aget_tuple(at(source.task.id))
    assert found is not None
    assert found.checkpoint["channel_values"]["words"] == ["x"]


async def test_a_fork_of_another_tenants_thread_is_empty(desk: Desk) -> None:
    source, fork = await desk.running(scope=tenant("a")), await desk.running(scope=tenant("b"))
    await run_graph(desk, source, "secret")
    async with opened(desk, fork) as saver:
        await saver.acopy_thread(source.task.id, fork.task.id)
        assert await saver.aget_tuple(at(fork.task.id)) is None


def extend(words: list[str], writes: Any) -> list[str]:
    return [*words, *(word for write in writes for word in write)]


class DeltaState(TypedDict, total=False):
    words: Annotated[list[str], DeltaChannel(extend, snapshot_frequency=4)]


async def test_a_channel_of_deltas_is_rebuilt_across_runs_and_never_pruned(desk: Desk) -> None:
    graph: StateGraph[Any] = StateGraph(DeltaState)
    graph.add_node("say", lambda state: {"words": [str(len(state["words"]))]})
    graph.add_edge(START, "say")
    graph.add_edge("say", END)
    run = await desk.running()
    for word in ("a", "b", "c"):
        async with opened(desk, run) as saver:
            built = graph.compile(checkpointer=saver)
            result = await built.ainvoke({"words": [word]}, at(run.task.id), durability="sync")
            await saver.aprune([run.task.id])
        run = await take_over(desk, run)
    assert result == {"words": ["a", "1", "b", "3", "c", "5"]}
    before = await ids(desk, run.task.id)
    await end(desk, run)
    assert await pruned(desk) == 0
    assert await ids(desk, run.task.id) == before


async def test_pruning_keeps_the_newest_and_leaves_living_tasks_alone(desk: Desk) -> None:
    ended, alive = await desk.running(), await desk.running()
    for run in (ended, alive):
        await run_graph(desk, run, "x")
    before = await ids(desk, ended.task.id)
    assert len(before) == 3
    await end(desk, ended)
    done = await desk.database.write(SYSTEM_SCOPE, checkpoints.prune, keep=1, older_than=HOUR)
    assert (done.checkpoints, done.writes) == (0, 0)
    assert await pruned(desk, keep=3) == 0
    assert await pruned(desk, keep=2) == 1
    assert await pruned(desk, keep=0) == 1
    assert await ids(desk, ended.task.id) == before[-1:]
    assert len(await ids(desk, alive.task.id)) == 3
    orphans = await desk.rows(
        "SELECT * FROM writes w WHERE NOT EXISTS (SELECT 1 FROM checkpoints c WHERE c.thread_id = w.thread_id"
        " AND c.checkpoint_ns = w.checkpoint_ns AND c.checkpoint_id = w.checkpoint_id)"
    )
    assert orphans == []


async def test_pruning_keeps_the_newest_of_each_namespace(desk: Desk) -> None:
    run = await desk.running()
    async with opened(desk, run) as saver:
        await put_line(saver, run.task.id, range(3))
        inner = [await put_checkpoint(saver, run.task.id, number, namespace="child:1") for number in (10, 11)]
        await saver.aprune([run.task.id])
        left = [item.checkpoint["id"] async for item in saver.alist(at(run.task.id))]
    assert sorted(left) == sorted([(await ids(desk, run.task.id))[0], inner[-1]])
    assert len(left) == 2


async def test_pruning_keeps_branch_points_with_the_first_step_of_each_branch(desk: Desk) -> None:
    run = await desk.running()
    async with opened(desk, run) as saver:
        trunk = await put_line(saver, run.task.id, range(4))
        left = await put_line(saver, run.task.id, range(10, 14), parent=trunk[2])
    await end(desk, run)
    wanted = [trunk[2], trunk[3], left[0], left[-1]]
    assert await pruned(desk, limit=1) == 1
    assert await pruned(desk, limit=100) == 3
    assert await pruned(desk) == 0
    assert await ids(desk, run.task.id) == wanted


async def test_pruning_keeps_the_interrupts_of_a_task_that_waits_until_it_has_ended(desk: Desk) -> None:
    run = await desk.running()
    async with opened(desk, run) as saver:
        line = await put_line(saver, run.task.id, range(4))
        place = at(run.task.id, checkpoint_ns="", checkpoint_id=line[1])
        await saver.aput_writes(place, [("__interrupt__", "?")], "t")
    await end(desk, run, Action.PARK)
    assert await pruned(desk) == 2
    assert await ids(desk, run.task.id) == [line[1], line[3]]
    await desk.sql(
        "UPDATE tasks SET status = 'failed', completed_at = updated_at WHERE id = :id", id=run.task.id
    )
    done = await desk.database.write(SYSTEM_SCOPE, prune, keep=1, older_than=HOUR)
    assert (done.checkpoints, done.writes) == (1, 1)
    assert await ids(desk, run.task.id) == line[3:]


async def test_pruning_goes_on_where_the_last_batch_ended(desk: Desk) -> None:
    run = await desk.running()
    async with opened(desk, run) as saver:
        line = await put_line(saver, run.task.id, range(8))
    await end(desk, run)
    counts = [await pruned(desk, limit=3) for _ in range(4)]
    assert counts == [3, 3, 1, 0]
    assert await ids(desk, run.task.id) == line[-1:]


async def test_pruning_reaches_every_thread_however_few_it_looks_at_together(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "THREADS_AT_ONCE", 1)
    ended = [await desk.running() for _ in range(3)]
    for run in ended:
        async with opened(desk, run) as saver:
            await put_line(saver, run.task.id, range(3))
            for number in range(10, 13):
                await put_checkpoint(saver, run.task.id, number, namespace="child:1")
        await end(desk, run)
    assert await pruned(desk, keep=2) == 6
    assert [len(await ids(desk, run.task.id)) for run in ended] == [4, 4, 4]
