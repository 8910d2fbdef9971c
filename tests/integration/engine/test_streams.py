"""Followers see every event once and in order, whatever happens between listening and reading."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from tests.support.stores import run_sql, tenant
from tests.support.teams import WAIT_S, Scene, World, world

from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE
from langgraph_multi_agent.domain.errors import (
    DependencyUnavailable,
    EventsGone,
    InvalidRequest,
    TaskNotFound,
)
from langgraph_multi_agent.domain.event import Event, EventType, position_of
from langgraph_multi_agent.service import channels, streams
from langgraph_multi_agent.service.agents import AgentService
from langgraph_multi_agent.service.streams import Ephemeral, StreamItem


async def events_of(
    stream: AsyncGenerator[StreamItem, None], *, until: EventType | None = None
) -> list[Event]:
    found: list[Event] = []
    async with aclosing(stream), asyncio.timeout(WAIT_S):
        async for item in stream:
            if isinstance(item, Event):
                found.append(item)
                if item.type is until:
                    break
    return found


def follow(here: World, task_id: str, after: int = 0, **values: Any) -> AsyncGenerator[StreamItem, None]:
    return here.streams.follow_task(DEFAULT_SCOPE, task_id, after=after, **values)


async def opened(here: World, task_id: str) -> None:
    """Until the task's channel has had its first look at the log: what comes after that is news to its followers."""
    async with asyncio.timeout(WAIT_S):
        while not any(id_ == task_id and one._opened.is_set() for (_, id_), one in here.streams._of_task.items()):  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_followers_that_join_at_any_moment_see_the_same_story(tmp_path: Path) -> None:
    scene = Scene()
    plan = [{"id": f"n{i}", "needs": [f"n{i - 1}"] if i else []} for i in range(8)]
    async with world(tmp_path, scene) as here:
        task_id = await here.submit(plan)
        followers = []
        for i in range(8):
            followers.append(asyncio.create_task(events_of(follow(here, task_id))))
            await scene.reached(f"start:n{i}")
        stories = await asyncio.gather(*followers)
        stories.append(await events_of(follow(here, task_id)))
        log = await here.events(task_id)
    assert all(story == log for story in stories)
    assert log[-1].type is EventType.TASK_COMPLETED


async def test_a_follower_resumes_after_the_number_it_knows(tmp_path: Path) -> None:
    async with world(tmp_path, Scene()) as here:
        task_id = await here.submit([{"id": "a"}])
        await here.until(task_id)
        log = await here.events(task_id)
        for known in (0, 3, len(log)):
            assert await events_of(follow(here, task_id, known)) == log[known:]
        assert await events_of(follow(here, task_id, len(log) + 100)) == []


async def test_an_event_between_reading_and_waiting_is_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "POLL_S", WAIT_S * 2)  # without listening first, this would time out
    scene = Scene()
    async with world(tmp_path, scene) as here:
        task_id = await here.submit([{"id": "a", "do": [["gate", "a"]]}])
        await scene.reached("gate:a")
        stream = follow(here, task_id)
        async with aclosing(stream), asyncio.timeout(WAIT_S):
            async for item in stream:
                if isinstance(item, Event) and item.type is EventType.SUBTASK_STARTED:
                    scene.gate("a").set()
                    await here.until(task_id)  # all the rest is committed before we ask for more
        assert isinstance(item, Event)
        assert item.type is EventType.TASK_COMPLETED


async def test_lost_wake_ups_are_harmless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "POLL_S", 0.05)
    async with world(tmp_path, Scene()) as here:
        monkeypatch.setattr(here.feed, "wake", lambda _: None)
        task_id = await here.submit([{"id": "a"}])
        story = await events_of(follow(here, task_id))
        assert story == await here.events(task_id)


async def test_what_retention_removed_is_said_never_skipped(tmp_path: Path) -> None:
    async with world(tmp_path, Scene()) as here:
        task_id = await here.submit([{"id": "a"}])
        last = (await here.until(task_id)).last_seq
        await here.sql("DELETE FROM agent_messages WHERE seq <= 3")
        with pytest.raises(EventsGone) as gone:
            await events_of(follow(here, task_id, 1))
        assert gone.value.params["oldest"] == 4
        with pytest.raises(EventsGone):
            await here.service.events(DEFAULT_SCOPE, task_id, after=0)
        assert [event.seq for event in await events_of(follow(here, task_id, 3))] == list(range(4, last + 1))
        await here.sql("DELETE FROM agent_messages")
        with pytest.raises(EventsGone):
            await here.service.events(DEFAULT_SCOPE, task_id, after=3)


async def test_a_deletion_ends_the_stream_with_its_last_event(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene) as here:
        task_id = await here.submit([{"id": "a"}])
        await here.until(task_id)
        known = (await here.get(task_id)).last_seq
        following = asyncio.create_task(events_of(follow(here, task_id, known, stop_at_end=False)))
        await opened(here, task_id)
        await here.service.delete(DEFAULT_SCOPE, task_id)
        (last,) = await following
        assert last.type is EventType.TASK_DELETED
        with pytest.raises(TaskNotFound):
            await events_of(follow(here, task_id))


async def test_another_tenants_task_cannot_be_followed(tmp_path: Path) -> None:
    async with world(tmp_path, Scene()) as here:
        task_id = await here.submit([{"id": "a"}])
        with pytest.raises(TaskNotFound):
            await events_of(here.streams.follow_task(tenant("other"), task_id, after=0))


async def test_all_tasks_are_followed_in_commit_order_from_a_cursor(tmp_path: Path) -> None:
    async with world(tmp_path, Scene()) as here:
        first = await here.submit([{"id": "a"}])
        await here.until(first)
        cursor = await here.streams.newest_cursor(DEFAULT_SCOPE)
        second = await here.submit([{"id": "a"}])
        await here.until(second)
        until = EventType.TASK_COMPLETED
        new = await events_of(here.streams.follow_all(DEFAULT_SCOPE, cursor=cursor), until=until)
        assert new == await here.events(second)
        everything = await events_of(here.streams.follow_all(DEFAULT_SCOPE, cursor="0.0"), until=until)
        assert [event.cursor for event in everything] == sorted(
            (event.cursor for event in everything), key=position_of
        )


async def test_progress_is_seen_live_and_never_written(tmp_path: Path) -> None:
    scene = Scene()
    async with world(tmp_path, scene) as here:
        task_id = await here.submit([{"id": "a", "do": [["gate", "a"], ["progress", 40], ["gate", "b"]]}])
        async with aclosing(follow(here, task_id)) as stream, asyncio.timeout(WAIT_S):
            async for item in stream:
                if isinstance(item, Event) and item.type is EventType.SUBTASK_STARTED:
                    scene.gate("a").set()  # the stream listens since before its first event
                if isinstance(item, Ephemeral):
                    break
        assert isinstance(item, Ephemeral)
        assert (item.data["percent"], item.data["subtask_id"]) == (40, "a")
        scene.gate("b").set()
        await here.until(task_id)
        assert all("percent" not in event.data for event in await here.events(task_id))


async def test_commands_to_workers_are_not_shown_to_followers(tmp_path: Path) -> None:
    async with world(tmp_path, Scene()) as here:
        stream = here.streams.follow_all(DEFAULT_SCOPE, cursor=None)
        async with aclosing(stream), asyncio.timeout(WAIT_S):
            waiting = asyncio.create_task(anext(stream))
            while not here.feed._listeners.get("*"):  # noqa: ASYNC110 - the feed tells nobody who listens
                await asyncio.sleep(0.005)
            await here.agents.reset(DEFAULT_SCOPE, "worker_a")
            await here.submit([{"id": "a"}])
            assert isinstance(await waiting, Event)


class Reads:
    """Counts the reading functions that pass through a database, and can fail them."""

    def __init__(self, here: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.counts: Counter[str] = Counter()
        self.is_away = False
        read = here.database.read

        async def counted(scope: Any, function: Any, *args: Any, **kwargs: Any) -> Any:
            self.counts[function.__name__] += 1
            if self.is_away:
                raise DependencyUnavailable(dependency="database", reason="away")
            return await read(scope, function, *args, **kwargs)

        monkeypatch.setattr(here.database, "read", counted)


async def test_five_hundred_watchers_of_a_task_cost_one_reading_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, Scene()) as here:
        task_id = await here.submit([{"id": "a"}])
        log = await events_of(follow(here, task_id))
        reads = Reads(here, monkeypatch)
        watchers = [
            asyncio.create_task(events_of(follow(here, task_id, len(log), stop_at_end=False)))
            for _ in range(500)
        ]
        await opened(here, task_id)
        assert len(here.feed._listeners[task_id]) == 1
        await here.service.delete(DEFAULT_SCOPE, task_id)
        stories = await asyncio.gather(*watchers)
        assert all([event.type for event in story] == [EventType.TASK_DELETED] for story in stories)
        assert reads.counts["histories"] <= 4
    assert here.feed._listeners.get(task_id) is None


async def test_one_question_a_second_asks_for_all_followed_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "POLL_S", 0.05)
    monkeypatch.setattr(streams, "POLL_CHUNK", 2)
    scene = Scene()
    async with world(tmp_path, scene) as here:
        reads = Reads(here, monkeypatch)
        ids = [await here.submit([{"id": "a", "do": [["gate", "a"]]}]) for _ in range(3)]
        await scene.reached("gate:a")
        monkeypatch.setattr(here.feed, "wake", lambda _: None)
        watchers = [asyncio.create_task(events_of(follow(here, task_id))) for task_id in ids]
        scene.gate("a").set()
        stories = await asyncio.gather(*watchers)
        assert stories == [await here.events(task_id) for task_id in ids]
        assert reads.counts["newest_numbers"] >= 2
        before = reads.counts["newest_numbers"]
        await asyncio.sleep(0.15)
        assert reads.counts["newest_numbers"] == before, "nobody follows, so nothing is asked"


async def test_a_database_that_is_away_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "POLL_S", 0.02)
    scene = Scene()
    async with world(tmp_path, scene) as here:
        task_id = await here.submit([{"id": "a", "do": [["gate", "a"]]}])
        await scene.reached("gate:a")
        started = (await here.get(task_id)).last_seq
        reads = Reads(here, monkeypatch)
        watcher = asyncio.create_task(events_of(follow(here, task_id)))
        await opened(here, task_id)
        reads.is_away = True
        here.feed.wake([task_id])
        before = sum(reads.counts.values())
        while sum(reads.counts.values()) < before + 3:  # noqa: ASYNC110 - refused reads have no event
            await asyncio.sleep(0.01)
        assert not watcher.done()
        reads.is_away = False
        scene.gate("a").set()
        story = await watcher
        assert len(story) > started
        assert story == await here.events(task_id)


async def test_progress_of_another_tenants_task_is_not_shown(tmp_path: Path) -> None:
    async with world(tmp_path, Scene()) as here:
        task_id = await here.submit([{"id": "a"}])
        await here.until(task_id)
        for scope, is_shown in ((tenant("other"), False), (DEFAULT_SCOPE, True)):
            stream = here.streams.follow_all(scope, cursor=None, idle_s=None if is_shown else 0.2)
            async with aclosing(stream), asyncio.timeout(WAIT_S):
                waiting = asyncio.create_task(anext(stream))
                while not here.feed._listeners.get("*"):  # noqa: ASYNC110 - the feed tells nobody who listens
                    await asyncio.sleep(0.005)
                here.feed.publish(task_id, {"subtask_id": "a", "rows": 1})
                assert isinstance(await waiting, Ephemeral) is is_shown


async def test_a_cursor_of_another_kind_is_refused(tmp_path: Path) -> None:
    async with world(tmp_path, Scene()) as here:
        with pytest.raises(InvalidRequest):
            await events_of(here.streams.follow_all(DEFAULT_SCOPE, cursor="7"))
        assert here.feed._listeners.get("*") is None


async def test_the_tail_is_bounded_and_a_late_follower_reads_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "TAIL", 3)
    scene = Scene()
    plan = [{"id": f"n{i}", "needs": [f"n{i - 1}"] if i else []} for i in range(6)]
    async with world(tmp_path, scene) as here:
        task_id = await here.submit([{**plan[0], "do": [["gate", "a"]]}, *plan[1:]])
        await scene.reached("gate:a")
        late = follow(here, task_id)
        first = await anext(late)
        assert isinstance(first, Event)
        quick = asyncio.create_task(events_of(follow(here, task_id)))
        scene.gate("a").set()
        story = await quick
        (channel,) = here.streams._of_task.values()
        assert len(channel._events) <= 3
        assert [first, *await events_of(late)] == story == await here.events(task_id)


async def test_an_agents_record_is_counted_on_and_anew_after_a_reset(tmp_path: Path) -> None:
    async with world(tmp_path, Scene()) as here:

        async def done() -> dict[str, int]:
            return {status.name: status.completed for status in await here.agents.status(DEFAULT_SCOPE)}

        plan = [{"id": "a", "agent": "worker_a"}, {"id": "b", "agent": "worker_b"}]
        for count in (1, 2):
            await here.until(await here.submit(plan))
            record = await done()
            assert (record["worker_a"], record["worker_b"]) == (count, count)
        await here.agents.reset(DEFAULT_SCOPE, "worker_a")
        record = await done()
        assert (record["worker_a"], record["worker_b"]) == (0, 2)
        await here.until(await here.submit(plan))
        fresh = AgentService(database=here.database, feed=here.feed, teams=here.teams)
        assert (await done())["worker_a"] == 1
        assert await fresh.status(DEFAULT_SCOPE) == await here.agents.status(DEFAULT_SCOPE)


async def test_a_deleted_task_counts_for_no_agent_any_more(tmp_path: Path) -> None:
    async with world(tmp_path, Scene()) as here:
        plan = [{"id": "a", "agent": "worker_a"}]
        kept, deleted = [await here.submit(plan) for _ in range(2)]
        for task_id in (kept, deleted):
            await here.until(task_id)
        assert {item.name: item.completed for item in await here.agents.status(DEFAULT_SCOPE)}["worker_a"] == 2
        await here.service.delete(DEFAULT_SCOPE, deleted)
        assert {item.name: item.completed for item in await here.agents.status(DEFAULT_SCOPE)}["worker_a"] == 1
        fresh = AgentService(database=here.database, feed=here.feed, teams=here.teams)
        assert await fresh.status(DEFAULT_SCOPE) == await here.agents.status(DEFAULT_SCOPE)


async def test_a_waiting_task_that_sql_ended_by_hand_ends_its_followers_story(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "POLL_S", 0.05)
    async with world(tmp_path, Scene()) as here:
        task_id = await here.submit([{"id": "a"}], delay_s=3600.0)
        story: list[EventType] = []
        async with aclosing(follow(here, task_id)) as stream, asyncio.timeout(WAIT_S):
            async for item in stream:
                assert isinstance(item, Event)
                story.append(item.type)
                if item.type is EventType.TASK_SUBMITTED:
                    statement = "UPDATE tasks SET status = 'failed', error_message = 'by hand'"
                    await here.database.write(SYSTEM_SCOPE, run_sql, statement, {})
        assert story == [EventType.TASK_SUBMITTED, EventType.TASK_FAILED]
        assert await events_of(follow(here, task_id)) == await here.events(task_id)
