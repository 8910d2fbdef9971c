"""Followers see every event once and in order, whatever happens between listening and reading."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from tests.support.stores import tenant
from tests.support.teams import WAIT_S, Scene, World, world

from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.domain.errors import EventsGone, TaskNotFound
from langgraph_multi_agent.domain.event import Event, EventType, position_of
from langgraph_multi_agent.service import streams
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
        await asyncio.sleep(0)
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
