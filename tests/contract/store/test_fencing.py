"""Only the owner of the current epoch writes; everybody else changes nothing and learns it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.support.stores import LEASE, Desk

from langgraph_multi_agent.access import SYSTEM_SCOPE, WORKER_SCOPE
from langgraph_multi_agent.domain.errors import Fault, LeaseLost, LimitExceeded
from langgraph_multi_agent.domain.event import EventType, NewEvent
from langgraph_multi_agent.domain.ports import Step
from langgraph_multi_agent.domain.result import ArtifactRef
from langgraph_multi_agent.domain.task import Action, Cost
from langgraph_multi_agent.store import leases, ledgers, runs
from langgraph_multi_agent.store.claims import Claimed
from langgraph_multi_agent.store.journal import CheckpointRow, FencedWrite, JournalFlusher, commit_steps
from langgraph_multi_agent.store.runs import Ending

TABLES = (
    "tasks",
    "journal",
    "agent_messages",
    "artifacts",
    "checkpoints",
    "model_calls",
    "effects",
    "leases",
    "workflow_executions",
)


async def everything(desk: Desk) -> dict[str, list[dict[str, Any]]]:
    return {table: await desk.rows(f"SELECT * FROM {table}") for table in TABLES}


async def taken_over(desk: Desk) -> tuple[Claimed, Claimed]:
    """The same task under its old and under its present epoch."""
    old = await desk.running()
    desk.clock.advance(LEASE.total_seconds() + 1)
    assert await desk.database.write(SYSTEM_SCOPE, leases.reclaim, all_leases=False) == [old.task.id]
    (new,) = await desk.claim(owner="w2")
    assert (old.epoch, new.epoch) == (1, 2)
    return old, new


def note(text: str = "", kind: EventType = EventType.TOOL_CALLED) -> NewEvent:
    return NewEvent(type=kind, data={"text": text})


def step(key: str = "1/a", **values: Any) -> Step:
    return Step(**{"key": key, "input_hash": "h", "result": {"x": 1}, "events": (note(),), **values})


def row_of(thread: str) -> CheckpointRow:
    return CheckpointRow(
        table="checkpoints",
        values={
            "thread_id": thread,
            "checkpoint_ns": "",
            "checkpoint_id": "c",
            "type": "t",
            "checkpoint": b"",
            "metadata": b"",
        },
    )


Attempt = Callable[[Desk, Claimed], Coroutine[Any, Any, Any]]


async def _commit(desk: Desk, run: Claimed) -> None:
    write = FencedWrite(
        task_id=run.task.id,
        epoch=run.epoch,
        step=step(),
        result={"x": 1},
        events=(note(),),
        checkpoint=(row_of(run.task.id),),
        artifacts=(ArtifactRef(name="a", digest="0" * 64, size_bytes=1, media_type="text/plain"),),
    )
    (fault,) = await desk.database.write(WORKER_SCOPE, commit_steps, [write])
    if fault is not None:
        raise fault


async def _end(desk: Desk, run: Claimed) -> None:
    write = FencedWrite(
        task_id=run.task.id, epoch=run.epoch, ending=Ending(action=Action.COMPLETE, result={})
    )
    (fault,) = await desk.database.write(WORKER_SCOPE, commit_steps, [write])
    if fault is not None:
        raise fault


async def _finish(desk: Desk, run: Claimed) -> None:
    await desk.database.write(WORKER_SCOPE, runs.finish, run.task.id, run.epoch, Ending(action=Action.FAIL))


async def _reserve(desk: Desk, run: Claimed) -> None:
    await desk.database.write(
        WORKER_SCOPE, ledgers.reserve, run.task.id, run.epoch, agent="a", subtask_id=None, tokens=1, cost=0.0
    )


async def _settle(desk: Desk, run: Claimed) -> None:
    await desk.database.write(
        WORKER_SCOPE, ledgers.settle, "call", run.task.id, run.epoch, Cost(input_tokens=1)
    )


async def _claim_effect(desk: Desk, run: Claimed) -> None:
    await desk.database.write(WORKER_SCOPE, ledgers.claim_effect, run.task.id, run.epoch, "k", "tool")


async def _settle_effect(desk: Desk, run: Claimed) -> None:
    await desk.database.write(
        WORKER_SCOPE, ledgers.settle_effect, run.task.id, run.epoch, "k", state="done", result=None
    )


WRITES: list[Attempt] = [_commit, _end, _finish, _reserve, _settle, _claim_effect, _settle_effect]


@pytest.mark.parametrize("attempt", WRITES, ids=lambda attempt: attempt.__name__.strip("_"))
async def test_a_run_that_was_taken_over_changes_no_row(desk: Desk, attempt: Attempt) -> None:
    old, _ = await taken_over(desk)
    before = await everything(desk)
    with pytest.raises(LeaseLost):
        await attempt(desk, old)
    assert await everything(desk) == before


@pytest.mark.parametrize("attempt", WRITES, ids=lambda attempt: attempt.__name__.strip("_"))
async def test_nobody_writes_for_a_task_that_is_gone(desk: Desk, attempt: Attempt) -> None:
    run = await desk.running()
    await desk.sql("DELETE FROM tasks")
    before = await everything(desk)
    with pytest.raises(LeaseLost):
        await attempt(desk, run)
    assert await everything(desk) == before


async def test_a_heartbeat_of_the_old_owner_renews_nothing_and_says_so(desk: Desk) -> None:
    old, new = await taken_over(desk)
    before = await everything(desk)
    (beat,) = await desk.database.write(
        WORKER_SCOPE, leases.heartbeat, "w1", [(old.task.id, old.epoch)], lease=LEASE
    )
    assert not beat.is_owned
    assert await everything(desk) == before

    (beat,) = await desk.database.write(
        WORKER_SCOPE, leases.heartbeat, "w2", [(new.task.id, new.epoch)], lease=LEASE
    )
    assert beat.is_owned


async def test_heartbeats_keep_a_task_from_being_reclaimed(desk: Desk) -> None:
    run = await desk.running()
    for _ in range(5):
        desk.clock.advance(LEASE.total_seconds() - 1)
        await desk.database.write(WORKER_SCOPE, leases.heartbeat, "w1", [(run.task.id, run.epoch)], lease=LEASE)
        assert await desk.database.write(SYSTEM_SCOPE, leases.reclaim, all_leases=False) == []
    desk.clock.advance(LEASE.total_seconds() + 1)
    assert await desk.database.write(SYSTEM_SCOPE, leases.reclaim, all_leases=False) == [run.task.id]


@asynccontextmanager
async def flushing(desk: Desk) -> AsyncIterator[JournalFlusher]:
    flusher = JournalFlusher(desk.database)
    async with asyncio.TaskGroup() as group:
        group.create_task(flusher.run())
        try:
            yield flusher
        finally:
            flusher.close()


async def test_numbers_have_no_gap_under_eight_writers_with_fenced_and_good_rows_mixed(desk: Desk) -> None:
    _, new = await taken_over(desk)
    other = await desk.running()
    outcomes: list[type[BaseException] | None] = []

    async def writer(flusher: JournalFlusher, name: int) -> None:
        for number in range(12):
            run = (new, other)[number % 2]
            epoch = run.epoch if number % 3 else run.epoch - 1
            key = f"1/{name}/{number}"
            write = FencedWrite(
                task_id=run.task.id, epoch=epoch, step=step(key), result=None, events=(note(key), note(key))
            )
            try:
                await flusher.write(write)
                outcomes.append(None)
            except LeaseLost as fault:
                outcomes.append(type(fault))

    async with flushing(desk) as flusher, asyncio.TaskGroup() as group:
        for name in range(8):
            group.create_task(writer(flusher, name))

    assert outcomes.count(LeaseLost) == 8 * 4
    assert flusher.statistics.largest > 1
    for run in (new, other):
        await desk.events(run.task.id)
        assert (await desk.get(run.task.id)).last_seq == len(await desk.events(run.task.id))
    written = await desk.rows("SELECT key, epoch FROM journal")
    assert len(written) == 8 * 8
    assert {row["epoch"] for row in written} == {new.epoch, other.epoch}
    texts = await desk.rows("SELECT data FROM agent_messages WHERE type = 'tool.called'")
    assert len(texts) == 2 * len(written)


async def test_a_readers_number_order_is_the_order_of_commits(desk: Desk) -> None:
    runs_ = [await desk.running() for _ in range(3)]
    async with flushing(desk) as flusher, asyncio.TaskGroup() as group:
        for number in range(30):
            run = runs_[number % 3]
            write = FencedWrite(task_id=run.task.id, epoch=run.epoch, events=(note(str(number)),))
            group.create_task(flusher.write(write))
    for run in runs_:
        rows = await desk.rows(
            "SELECT id, seq FROM agent_messages WHERE task_id = :id ORDER BY id", id=run.task.id
        )
        assert [row["seq"] for row in rows] == sorted(row["seq"] for row in rows)


async def test_an_oversized_event_is_refused_without_harm_to_its_batch(desk: Desk) -> None:
    good, bad = await desk.running(), await desk.running()
    writes = [
        FencedWrite(task_id=good.task.id, epoch=1, step=step("1/a"), events=(note("one"),)),
        FencedWrite(task_id=bad.task.id, epoch=1, step=step("1/a"), events=(note("x" * 9000),)),
        FencedWrite(task_id=good.task.id, epoch=1, step=step("1/b"), events=(note("two"),)),
    ]
    async with flushing(desk) as flusher:
        answers = await asyncio.gather(*(flusher.write(write) for write in writes), return_exceptions=True)

    assert [type(answer) for answer in answers] == [type(None), LimitExceeded, type(None)]
    assert {row["task_id"] for row in await desk.rows("SELECT task_id FROM journal")} == {good.task.id}
    assert (await desk.events(good.task.id))[2:] == ["tool.called"] * 2
    assert (await desk.events(bad.task.id))[2:] == []


async def test_one_rows_data_error_fails_alone_however_large_the_batch(desk: Desk) -> None:
    run = await desk.running()
    writes = [
        FencedWrite(task_id=run.task.id, epoch=1, step=step(f"1/{n}"), events=(note(str(n)),))
        for n in range(20)
    ]
    writes[13] = FencedWrite(task_id=run.task.id, epoch=1, step=step("1/3"), events=(note("double"),))
    async with flushing(desk) as flusher:
        answers = await asyncio.gather(*(flusher.write(write) for write in writes), return_exceptions=True)

    faults = [n for n, answer in enumerate(answers) if answer is not None]
    assert faults == [13]
    assert isinstance(answers[13], Fault)
    assert len(await desk.rows("SELECT key FROM journal")) == 19
    assert len(await desk.events(run.task.id)) == 2 + 19


async def test_a_step_is_written_though_its_caller_was_cancelled(desk: Desk) -> None:
    run = await desk.running()
    async with flushing(desk) as flusher:
        writing = asyncio.ensure_future(
            flusher.write(
                FencedWrite(task_id=run.task.id, epoch=1, step=step("1/kept"), events=(note("kept"),))
            )
        )
        await asyncio.sleep(0)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        # Known durable at the moment the cancellation passes on, not some time later.
        assert [row["key"] for row in await desk.rows("SELECT key FROM journal")] == ["1/kept"]


async def test_a_unit_is_done_though_its_caller_was_cancelled(desk: Desk) -> None:
    submitting = asyncio.ensure_future(desk.submit())
    await asyncio.sleep(0)
    submitting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await submitting
    assert len(await desk.ids()) == 1


async def test_a_flusher_that_is_stopped_hard_leaves_no_writer_waiting(desk: Desk) -> None:
    run = await desk.running()
    flusher = JournalFlusher(desk.database)
    flushing_task = asyncio.ensure_future(flusher.run())
    first = asyncio.ensure_future(
        flusher.write(FencedWrite(task_id=run.task.id, epoch=1, events=(note("1"),)))
    )
    await asyncio.sleep(0)
    flushing_task.cancel()
    second = asyncio.ensure_future(
        flusher.write(FencedWrite(task_id=run.task.id, epoch=1, events=(note("2"),)))
    )
    done, waiting = await asyncio.wait({first, second}, timeout=40)
    assert waiting == set()
    for ended in done:
        assert isinstance(ended.exception(), Fault) or ended.exception() is None
    with pytest.raises(asyncio.CancelledError):
        await flushing_task
    await desk.events(run.task.id)
