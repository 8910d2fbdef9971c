"""Looks into the system and its tasks say what the rows say, on both backends."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from tests.support.stores import BACKENDS, TEAMS, Desk, ManualClock, counting_ids, tenant
from tests.support.teams import Scene, world

from langgraph_multi_agent.access import DEFAULT_SCOPE, WORKER_SCOPE
from langgraph_multi_agent.domain.errors import TaskNotFound
from langgraph_multi_agent.domain.event import EventType, NewEvent
from langgraph_multi_agent.domain.task import Action
from langgraph_multi_agent.service.inspection import CheckpointNotFound, InspectionService
from langgraph_multi_agent.service.spans import SpanKind, SpanStatus, TimeLine
from langgraph_multi_agent.store import decisions, leases, runs
from langgraph_multi_agent.store.claims import Claimed
from langgraph_multi_agent.store.journal import CheckpointRow, FencedWrite, commit_steps
from langgraph_multi_agent.store.runs import Ending

pytestmark = pytest.mark.anyio

LEASE_S = 6.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=sorted(BACKENDS))
async def desk(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Desk]:
    new_id = counting_ids()
    async with BACKENDS[request.param](tmp_path, clock, new_id) as database:
        yield Desk(database, clock, new_id)


def service(desk: Desk) -> InspectionService:
    return InspectionService(database=desk.database, lease_s=LEASE_S)


async def write(desk: Desk, claimed: Claimed, *events: NewEvent, rows: tuple[CheckpointRow, ...] = ()) -> None:
    fenced = FencedWrite(task_id=claimed.task.id, epoch=claimed.epoch, events=events, checkpoint=rows)
    assert await desk.database.write(WORKER_SCOPE, commit_steps, [fenced]) == [None]


async def end(desk: Desk, claimed: Claimed, action: Action, **ending: Any) -> None:
    await desk.database.write(
        WORKER_SCOPE, runs.finish, claimed.task.id, claimed.epoch, Ending(action=action, **ending)
    )


def event(kind: EventType, subtask: str | None = None, /, *, agent: str | None = "reader", **data: Any) -> NewEvent:
    return NewEvent(type=kind, agent=agent, subtask_id=subtask, data=data)


def failed(code: str, *, agent: str = "reader", subtask: str = "a") -> NewEvent:
    return event(EventType.SUBTASK_FAILED, subtask, agent=agent, error={"code": code, "params": {"n": 1}})


async def test_workers_are_known_by_their_leases_and_by_their_last_runs(desk: Desk, clock: ManualClock) -> None:
    await desk.submit(title="one")
    [first] = await desk.claim(owner="web-1-4711-9f01ab")
    clock.advance(30)
    await desk.submit(title="two")
    await desk.claim(owner="web-1-4711-9f01ab")
    await desk.submit()
    [other] = await desk.claim(owner="strange")
    await end(desk, other, Action.COMPLETE)
    found = await service(desk).workers(DEFAULT_SCOPE)
    busy, idle = found.workers
    assert (busy.name, busy.host, busy.pid, busy.is_alone) == ("web-1-4711-9f01ab", "web-1", 4711, False)
    assert [held.title for held in busy.held] == ["one", "two"]
    assert busy.held[0].task_id == first.task.id
    [[leased]] = [list(row.values()) for row in await desk.rows("SELECT max(expires_at) AS e FROM leases")]
    assert busy.last_beat is not None
    assert str(busy.last_beat + timedelta(seconds=LEASE_S))[:26] == str(leased)[:26]
    assert (idle.name, idle.host, idle.held, idle.last_beat, idle.runs_ended) == ("strange", None, (), None, 1)
    clock.advance(16 * 60)
    assert [worker.name for worker in (await service(desk).workers(DEFAULT_SCOPE)).workers] == [busy.name]
    assert (await service(desk).workers(tenant("nobody"))).workers == ()


async def test_a_worker_of_suspects_is_shown_as_alone(desk: Desk) -> None:
    await desk.submit()
    await desk.sql("UPDATE tasks SET crash_count = 2")
    await desk.claim(owner="web-1-7-000001")
    [worker] = (await service(desk).workers(DEFAULT_SCOPE)).workers
    assert (worker.name, worker.is_alone) == ("web-1-7-000001", True)


async def test_the_queue_tells_what_waits_for_a_worker_for_its_time_and_for_an_operator(
    desk: Desk, clock: ManualClock
) -> None:
    await desk.running(title="running")
    await desk.submit(priority=4)
    clock.advance(10)
    await desk.submit(priority=2)
    suspect = await desk.submit(priority=2)
    await desk.submit(delay_s=600.0)
    dead = await desk.submit(title="dead")
    await desk.sql("UPDATE tasks SET crash_count = 2 WHERE id = :id", id=suspect)
    await desk.sql("UPDATE tasks SET status = 'failed', error_message = 'POISON_TASK' WHERE id = :id", id=dead)
    clock.advance(5)
    at, look = await service(desk).queue(DEFAULT_SCOPE)
    assert [(item.priority, item.count) for item in look.waiting] == [(4, 1), (2, 2)]
    assert [round((at - item.oldest).total_seconds()) for item in look.waiting] == [15, 5]
    assert (look.running, look.delayed, look.suspects, look.dead_letters) == (1, 1, 1, 1)
    assert look.next_at is not None
    assert round((look.next_at - at).total_seconds()) == 595
    assert [item.title for item in look.dead] == ["dead"]
    _, empty = await service(desk).queue(tenant("nobody"))
    assert (empty.waiting, empty.delayed, empty.next_at, empty.dead_letters) == ((), 0, None, 0)


async def test_failures_are_grouped_by_code_and_agent_with_the_newest_as_the_example(
    desk: Desk, clock: ManualClock
) -> None:
    old = await desk.running()
    await write(desk, old, failed("SKILL_FAILED"))
    clock.advance(3600)
    one, two = await desk.running(title="one"), await desk.running(title="two")
    await write(desk, one, failed("SKILL_FAILED"), failed("SKILL_FAILED", agent="writer"))
    await write(desk, two, failed("SKILL_FAILED"), failed("SUBTASK_TIMEOUT"))
    await end(desk, two, Action.FAIL, error={"code": "SUBTASK_TIMEOUT", "params": {}})
    found = await service(desk).failures(DEFAULT_SCOPE, window=timedelta(minutes=30))
    assert {(item.code, item.agent): (item.count, item.title) for item in found.failures} == {
        ("SKILL_FAILED", "reader"): (2, "two"),
        ("SKILL_FAILED", "writer"): (1, "one"),
        ("SUBTASK_TIMEOUT", "reader"): (1, "two"),
        ("SUBTASK_TIMEOUT", None): (1, "two"),
    }
    assert found.failures[0].params == {"n": 1}
    everything = await service(desk).failures(DEFAULT_SCOPE, window=timedelta(hours=2))
    assert everything.failures[0].count == 3
    nothing = await service(desk).failures(tenant("nobody"), window=timedelta(hours=2))
    assert nothing.failures == ()
    assert nothing.at > found.at


async def test_looks_into_the_system_rest_for_each_tenant_and_say_of_when_they_are(desk: Desk) -> None:
    looks = service(desk)
    await desk.submit()
    first = await asyncio.gather(*(looks.queue(DEFAULT_SCOPE) for _ in range(5)))
    assert {at for at, _ in first} == {first[0][0]}
    at, look = await looks.queue(tenant("other"))
    assert at != first[0][0]
    assert look.waiting == ()
    hour, day = timedelta(hours=1), timedelta(days=1)
    same = await asyncio.gather(*(looks.failures(DEFAULT_SCOPE, window=hour) for _ in range(3)))
    assert len({found.at for found in same}) == 1
    assert (await looks.failures(DEFAULT_SCOPE, window=day)).at > same[0].at


async def test_the_runs_of_a_task_are_told_newest_first(desk: Desk) -> None:
    first = await desk.running()
    await end(desk, first, Action.FAIL, error={"code": "WORKFLOW_TIMEOUT", "params": {}})
    await desk.database.write(DEFAULT_SCOPE, decisions.make_pending, first.task.id, Action.RETRY, actor="me")
    await desk.claim(owner="w2")
    newest, oldest = await service(desk).executions(DEFAULT_SCOPE, first.task.id)
    assert (oldest.epoch, oldest.generation, oldest.worker, oldest.status) == (1, 1, "w1", "failed")
    assert (oldest.error, oldest.completed_at is None) == ("WORKFLOW_TIMEOUT", False)
    assert (newest.epoch, newest.generation, newest.worker, newest.status) == (2, 2, "w2", "in_progress")
    assert (newest.error, newest.completed_at) == (None, None)
    with pytest.raises(TaskNotFound):
        await service(desk).executions(tenant("nobody"), first.task.id)


def checkpoint_row(task_id: str, number: int, values: dict[str, Any], *, parent: str | None = None) -> CheckpointRow:
    body = {
        "v": 4,
        "id": f"c{number}",
        "ts": f"2026-03-01T12:00:0{number}+00:00",
        "channel_values": values,
        "channel_versions": {},
        "versions_seen": {},
        "updated_channels": None,
    }
    kind, packed = JsonPlusSerializer().dumps_typed(body)
    return CheckpointRow(
        table="checkpoints",
        values={
            "thread_id": task_id,
            "checkpoint_ns": "",
            "checkpoint_id": f"c{number}",
            "parent_checkpoint_id": parent,
            "type": kind,
            "checkpoint": packed,
            "metadata": orjson.dumps({"step": number, "source": "loop"}),
        },
    )


async def test_checkpoints_are_listed_and_a_state_is_shown_within_its_limits(desk: Desk) -> None:
    claimed = await desk.running()
    task_id = claimed.task.id
    rows = (
        checkpoint_row(task_id, 1, {"goal": "count", "branch:to:coordinator": None}),
        checkpoint_row(task_id, 2, {"goal": "计数", "moment": {1, 2}, "text": "x" * 70_000}, parent="c1"),
    )
    await write(desk, claimed, rows=rows)
    second, first = await service(desk).checkpoints(DEFAULT_SCOPE, task_id)
    assert (first.id, first.step, first.source, first.parent) == ("c1", 1, "loop", None)
    assert (first.next, first.channels) == (("coordinator",), ("goal",))
    assert (second.parent, second.next, second.at.second) == ("c1", (), 2)
    assert second.size_bytes == len(rows[1].values["checkpoint"])
    look, channels = await service(desk).state(DEFAULT_SCOPE, task_id, "c2")
    assert look == second
    assert [(item.name, item.value, item.is_shortened) for item in channels] == [
        ("goal", "计数", False),
        ("moment", [1, 2], False),
        ("text", None, True),
    ]
    assert channels[2].size_bytes == 70_002
    with pytest.raises(CheckpointNotFound):
        await service(desk).state(DEFAULT_SCOPE, task_id, "c9")
    with pytest.raises(TaskNotFound):
        await service(desk).checkpoints(tenant("nobody"), task_id)


async def line_of(desk: Desk, task_id: str) -> TimeLine:
    line = await service(desk).time_line(DEFAULT_SCOPE, task_id)
    known = {span.id for span in line.spans}
    assert len(known) == len(line.spans)
    for span in line.spans:
        assert span.parent is None or span.parent in known
        assert span.end is None or span.start <= span.end
        assert span.status is not SpanStatus.RUNNING or span.end is None
    return line


async def test_a_time_line_nests_calls_in_attempts_in_subtasks(desk: Desk, clock: ManualClock) -> None:
    claimed = await desk.running(title="count")
    plan = [{"id": "a", "title": "Read", "agent": "reader", "depends_on": []}]
    clock.advance(3)
    await write(desk, claimed, event(EventType.PLAN_CREATED, agent=None, revision=1, count=1, subtasks=plan))
    await write(desk, claimed, event(EventType.SUBTASK_STARTED, "a", attempt=1, title="Read"))
    clock.advance(4)
    await write(desk, claimed, event(EventType.TOOL_CALLED, "a", tool="s", kind="skill", outcome="X", duration_s=2.5))
    await write(desk, claimed, failed("SKILL_FAILED"))
    recovered = event(EventType.RECOVERY_ATTEMPTED, "a", decision="retry", attempt=1, code="SKILL_FAILED")
    await write(desk, claimed, recovered, event(EventType.SUBTASK_RETRIED, "a", attempt=2))
    await write(desk, claimed, event(EventType.SUBTASK_STARTED, "a", attempt=2, title="Read"))
    open_line = await line_of(desk, claimed.task.id)
    assert [span.kind for span in open_line.spans if span.end is None] == [
        SpanKind.TASK,
        SpanKind.RUN,
        SpanKind.SUBTASK,
        SpanKind.ATTEMPT,
    ]
    clock.advance(1)
    await write(desk, claimed, event(EventType.MODEL_CALLED, "a", model="m", outcome="ok", input_tokens=7, cost=0.1))
    await write(desk, claimed, event(EventType.SUBTASK_COMPLETED, "a", duration_s=1.0, reused=False))
    await write(desk, claimed, event(EventType.SUBTASK_COMPLETED, "b", duration_s=0.0, reused=True))
    await write(desk, claimed, event(EventType.REVIEW_VERDICT, agent=None, revision=1, criteria=1, passed=1, failed=[]))
    await end(desk, claimed, Action.COMPLETE, result={"summary": "7"})
    line = await line_of(desk, claimed.task.id)
    by_id = {span.id: span for span in line.spans}
    told = [(span.kind.value, span.status.value, by_id[span.parent].kind.value) for span in line.spans if span.parent]
    assert told == [
        ("run", "completed", "task"),
        ("plan", "completed", "run"),
        ("subtask", "completed", "task"),
        ("attempt", "failed", "subtask"),
        ("skill", "failed", "attempt"),
        ("recovery", "completed", "subtask"),
        ("attempt", "completed", "subtask"),
        ("model", "completed", "attempt"),
        ("subtask", "reused", "task"),
        ("review", "completed", "run"),
    ]
    skill = next(span for span in line.spans if span.kind is SpanKind.SKILL)
    assert skill.end is not None
    assert (skill.end - skill.start).total_seconds() == 2.5
    planned = next(span for span in line.spans if span.kind is SpanKind.PLAN)
    assert planned.end is not None
    assert round((planned.end - planned.start).total_seconds()) == 3
    model = next(span for span in line.spans if span.kind is SpanKind.MODEL)
    assert (model.start, model.detail) == (model.end, {"outcome": "ok", "input_tokens": 7, "cost": 0.1})
    task = await desk.get(claimed.task.id)
    assert (line.first_seq, line.last_seq, line.is_complete) == (1, task.last_seq, True)
    assert line.spans[0].end == task.completed_at


async def test_what_a_dead_worker_left_is_interrupted_where_the_next_run_begins(
    desk: Desk, clock: ManualClock
) -> None:
    claimed = await desk.running()
    await write(desk, claimed, event(EventType.SUBTASK_STARTED, "a", attempt=1, title="A"))
    clock.advance(60)
    await desk.database.write(WORKER_SCOPE, leases.reclaim, all_leases=False)
    [again] = await desk.claim(owner="w2")
    line = await line_of(desk, claimed.task.id)
    _, run, subtask, attempt, next_run = line.spans
    assert (run.status, attempt.status) == (SpanStatus.INTERRUPTED, SpanStatus.INTERRUPTED)
    assert run.end == attempt.end == next_run.start
    assert (subtask.end, next_run.end, next_run.name) == (None, None, "w2")
    await desk.database.write(WORKER_SCOPE, decisions.request_control, again.task.id, Action.CANCEL, actor="me")
    await end(desk, again, Action.CANCEL)
    task, *rest = (await line_of(desk, claimed.task.id)).spans
    assert task.status is SpanStatus.CANCELLED
    assert all(span.end is not None for span in rest)


async def test_a_question_and_a_new_generation_are_told_apart(desk: Desk) -> None:
    claimed = await desk.running()
    await write(desk, claimed, event(EventType.SUBTASK_STARTED, "a", attempt=1, title="A"))
    await end(desk, claimed, Action.PARK, questions=({"id": "q", "text": "?"},))
    task, run, subtask, attempt = (await line_of(desk, claimed.task.id)).spans
    assert (task.status, task.end, run.status) == (SpanStatus.WAITING_INPUT, None, SpanStatus.WAITING_INPUT)
    assert (subtask.end, attempt.status) == (None, SpanStatus.WAITING_INPUT)
    await desk.database.write(DEFAULT_SCOPE, decisions.request_control, claimed.task.id, Action.CANCEL, actor="me")
    await desk.database.write(DEFAULT_SCOPE, decisions.make_pending, claimed.task.id, Action.REOPEN, actor="me")
    [again] = await desk.claim(owner="w2", teams=TEAMS)
    await write(desk, again, event(EventType.SUBTASK_STARTED, "a", attempt=1, title="A"))
    line = await line_of(desk, claimed.task.id)
    subtasks = [span for span in line.spans if span.kind is SpanKind.SUBTASK]
    assert [(span.generation, span.status) for span in subtasks] == [
        (1, SpanStatus.INTERRUPTED),
        (2, SpanStatus.RUNNING),
    ]


async def test_a_log_that_retention_shortened_says_so(desk: Desk) -> None:
    claimed = await desk.running()
    await desk.sql("DELETE FROM agent_messages WHERE seq = 1")
    line = await line_of(desk, claimed.task.id)
    assert (line.first_seq, line.is_complete) == (2, False)
    await desk.sql("DELETE FROM agent_messages")
    assert (await line_of(desk, claimed.task.id)).spans == ()


async def test_a_real_run_is_seen_with_its_checkpoints_and_its_time_line(tmp_path: Path) -> None:
    async with world(tmp_path / "w", Scene()) as there:
        looks = InspectionService(database=there.database, lease_s=LEASE_S)
        task_id = await there.submit([{"id": "a", "do": [["fail", 1]]}, {"id": "b", "needs": ["a"]}])
        await there.until(task_id)
        newest, *_ = await looks.checkpoints(DEFAULT_SCOPE, task_id)
        assert newest.next == ()
        assert newest.size_bytes > 0
        _, channels = await looks.state(DEFAULT_SCOPE, task_id, newest.id)
        shown = {channel.name: channel.value for channel in channels}
        assert [item["id"] for item in shown["plan"]["subtasks"]] == ["a", "b"]
        line = await looks.time_line(DEFAULT_SCOPE, task_id)
        assert line.is_complete
        assert all(span.end is not None for span in line.spans)
        attempts = [span for span in line.spans if span.kind is SpanKind.ATTEMPT]
        assert [(span.subtask_id, span.status.value) for span in attempts] == [
            ("a", "failed"),
            ("a", "completed"),
            ("b", "completed"),
        ]
        [run] = await looks.executions(DEFAULT_SCOPE, task_id)
        assert run.status == "completed"
