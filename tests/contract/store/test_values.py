"""What is written is what is read, and what cannot be stored is refused, the same on both dialects."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.support.stores import Desk

from langgraph_multi_agent.access import SYSTEM_SCOPE, WORKER_SCOPE
from langgraph_multi_agent.artifacts.directory import DirectoryArtifacts
from langgraph_multi_agent.domain.errors import DataRefused
from langgraph_multi_agent.domain.event import EventType, NewEvent
from langgraph_multi_agent.domain.ports import Step
from langgraph_multi_agent.domain.result import ArtifactRef
from langgraph_multi_agent.domain.task import Action, InputFile
from langgraph_multi_agent.store import events as event_log
from langgraph_multi_agent.store import journal
from langgraph_multi_agent.store.claims import Claimed
from langgraph_multi_agent.store.journal import FencedWrite
from langgraph_multi_agent.store.ledgers import RunEffects
from langgraph_multi_agent.store.runs import Ending, finish

VALUE: dict[str, Any] = {
    "zebra": 1,
    "apple": {"longer key": 1, "b": 2, "a": None},
    "numbers": [1e16, 1.5e16, -0.0, 0.1, 1e-7, 2**63, -(2**63), 1e300, 100.0, 5e-324, 123456789.123456789],
    "texts": ["", "好🙂", "\\u0000", 'a"b\\c', "\u2028\x7f\x1f", "e\u0301"],
    "flags": [True, False, None, [], {}],
}
"""Key order, integers and floats, empty things: jsonb would change some of it."""


async def test_a_step_is_read_back_with_its_keys_in_order_and_its_numbers_of_the_same_kind(desk: Desk) -> None:
    run = await desk.running()
    step = Step(key="1/a", input_hash="0" * 64, result=VALUE)
    write = FencedWrite(task_id=run.task.id, epoch=run.epoch, step=step, result=VALUE)
    assert await desk.database.write(WORKER_SCOPE, journal.commit_steps, [write]) == [None]
    [(entry, _)] = await desk.database.read(WORKER_SCOPE, journal.load, run.task.id, 1)
    assert orjson.dumps(entry.result) == orjson.dumps(VALUE)


@pytest.mark.parametrize("value", ["stamped", "123", "null", '{"a": 1}', "", 7, True])
async def test_a_result_that_is_one_text_or_number_is_read_back_as_that(desk: Desk, value: object) -> None:
    run = await desk.running()
    step = Step(key="1/a", input_hash="0" * 64, result=value)
    write = FencedWrite(task_id=run.task.id, epoch=run.epoch, step=step, result=value)
    assert await desk.database.write(WORKER_SCOPE, journal.commit_steps, [write]) == [None]
    [(entry, _)] = await desk.database.read(WORKER_SCOPE, journal.load, run.task.id, 1)
    assert (entry.result, type(entry.result)) == (value, type(value))
    effects = RunEffects(database=desk.database, task_id=run.task.id, epoch=run.epoch)
    assert await effects.claim("k", "tool") == ("claimed", None)
    await effects.settle("k", state="done", result=value)
    assert await effects.claim("k", "tool") == ("done", value)


async def test_a_run_sees_of_its_own_step_what_a_replay_will_see(desk: Desk, tmp_path: Path) -> None:
    run = await desk.running()
    flusher, blobs = journal.JournalFlusher(desk.database), DirectoryArtifacts(tmp_path / "blobs")
    place: dict[str, Any] = {"task_id": run.task.id, "epoch": run.epoch}
    first = await journal.open_journal(desk.database, flusher, blobs, generation=1, **place)
    async with asyncio.TaskGroup() as group:
        group.create_task(flusher.run())
        for number, result in enumerate([VALUE, {"nul": "a\x00b"}, None, {"long": "\x00" * 40_000}]):
            await first.commit(Step(key=f"1/{number}", input_hash="0" * 64, result=result))
        flusher.close()
    again = await journal.open_journal(desk.database, flusher, blobs, generation=1, **place)
    assert [first.known[key].result for key in sorted(first.known)] == [
        again.known[key].result for key in sorted(again.known)
    ]


async def test_a_task_is_read_back_with_its_keys_in_order(desk: Desk) -> None:
    task_id = await desk.submit(input_data=VALUE)
    assert orjson.dumps(dict((await desk.get(task_id)).input_data)) == orjson.dumps(VALUE)


async def test_nul_in_what_an_agent_says_becomes_a_replacement_character_and_its_run_goes_on(desk: Desk) -> None:
    run = await desk.running()
    events = (NewEvent(type=EventType.SUBTASK_STARTED, subtask_id="a\x00b", data={"say": "c\x00d"}),)
    await desk.database.write(WORKER_SCOPE, journal.commit_steps, [step(run, {"e": "f\x00g"}, events=events)])
    [(entry, _)] = await desk.database.read(WORKER_SCOPE, journal.load, run.task.id, 1)
    assert entry.result == {"e": "f\ufffdg"}
    [event] = (await desk.database.read(SYSTEM_SCOPE, event_log.after, run.task.id, 2, limit=9))
    assert (event.subtask_id, event.data) == ("a\ufffdb", {"say": "c\ufffdd"})
    ending = Ending(action=Action.FAIL, error={"code": "X\x00Y"}, detail="h\x00i")
    await desk.database.write(WORKER_SCOPE, finish, run.task.id, run.epoch, ending)
    assert (await desk.get(run.task.id)).status_detail == "h\ufffdi"


def step(run: Claimed, result: Any, **more: Any) -> FencedWrite:
    made = Step(**{"key": "1/a", "input_hash": "0" * 64, "result": result, **more.pop("step", {})})
    return FencedWrite(task_id=run.task.id, epoch=run.epoch, step=made, result=result, **more)


def file(**fields: Any) -> InputFile:
    return InputFile(**{"name": "a", "digest": "0" * 64, "size_bytes": 1, "media_type": "a/b", **fields})


DRAFTS: dict[str, dict[str, Any]] = {
    "half a character in the title": {"title": "\ud800"},
    "a long team": {"team": "t" * 65},
    "a long language": {"language": "l" * 9},
    "a long file name": {"files": (file(name="n" * 256),)},
    "a long media type": {"files": (file(media_type="m" * 128),)},
    "a huge file": {"files": (file(size_bytes=2**63),)},
    "a long idempotency key": {"key": "k" * 256},
    "a NUL in the idempotency key": {"key": "a\x00b"},
    "an integer over 64 bits": {"input_data": {"n": 10**30}},
    "half a character in the data": {"input_data": {"n": "\udfff"}},
}
STEPS: dict[str, dict[str, Any]] = {
    "a long key": {"step": {"key": "k" * 201}},
    "a version over 31 bits": {"step": {"version": 2**31}},
    "half a character": {"result": {"a": "\ud800"}},
    "an integer over 64 bits": {"result": {"a": 2**64}},
    "a long agent": {"events": (NewEvent(type=EventType.SUBTASK_STARTED, agent="a" * 65, data={}),)},
    "a long subtask": {"events": (NewEvent(type=EventType.SUBTASK_STARTED, subtask_id="a" * 129, data={}),)},
    "half a character in an event": {"events": (NewEvent(type=EventType.SUBTASK_STARTED, data={"a": "\ud800"}),)},
    "a long artifact name": {
        "artifacts": (ArtifactRef(name="n" * 256, digest="0" * 64, size_bytes=1, media_type="a/b", kind="result"),)
    },
}


@pytest.mark.parametrize("what", DRAFTS)
async def test_a_task_that_no_row_can_hold_is_refused(desk: Desk, what: str) -> None:
    with pytest.raises(DataRefused):
        await desk.submit(**DRAFTS[what])
    assert await desk.ids() == []


@pytest.mark.parametrize("what", STEPS)
async def test_a_step_that_no_row_can_hold_is_refused_and_the_run_may_go_on(desk: Desk, what: str) -> None:
    run = await desk.running()
    with pytest.raises(DataRefused):
        await desk.database.write(WORKER_SCOPE, journal.commit_steps, [step(run, **{"result": {}, **STEPS[what]})])
    assert await desk.database.read(WORKER_SCOPE, journal.load, run.task.id, 1) == []
    assert len(await desk.events(run.task.id)) == 2
    assert await desk.database.write(WORKER_SCOPE, journal.commit_steps, [step(run, {})]) == [None]


async def test_values_at_the_limits_are_taken(desk: Desk) -> None:
    files = (file(name="n" * 255, media_type="m" * 127, size_bytes=2**63 - 1),)
    task_id = await desk.submit(key="k" * 255, team="t" * 64, language="l" * 8, title="🙂" * 500, files=files)
    assert (await desk.get(task_id)).files == files
    run = await desk.running()
    edge = step(run, {"n": [2**64 - 1, -(2**63)]}, step={"key": "k" * 200, "version": 2**31 - 1})
    assert await desk.database.write(WORKER_SCOPE, journal.commit_steps, [edge]) == [None]


@pytest.mark.parametrize("seq", [2**31 - 1, 2**31, 2**53])
async def test_a_number_beyond_all_events_finds_none(desk: Desk, seq: int) -> None:
    task_id = await desk.submit()
    assert await desk.database.read(SYSTEM_SCOPE, event_log.after, task_id, seq, limit=10) == []


@pytest.mark.parametrize("text", ["t" * 300, "100%", "_", "\\", "'"])
async def test_a_search_for_anything_is_answered(desk: Desk, text: str) -> None:
    task_id = await desk.submit(title=f"a{text}b")
    await desk.submit(title="other")
    assert await desk.ids(query=text) == [task_id]
    assert await desk.ids(team=text) == []
