"""One reading of the event log for all its followers in this process.

Hides listening before reading, the tail that followers share, and their waking. Used by
`service.streams` alone. Invariant: the tail holds every event between `floor` and `head`; a
follower in it takes what is new without a look at the database, one behind it reads for itself.
"""

import asyncio
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.domain.errors import DependencyUnavailable, TaskNotFound
from langgraph_multi_agent.domain.event import Event, Position, cursor_of, position_of
from langgraph_multi_agent.domain.ports import Feed
from langgraph_multi_agent.service.tasks import CONTROL_TOPIC
from langgraph_multi_agent.store import events as event_log
from langgraph_multi_agent.store.database import Database
from langgraph_multi_agent.store.histories import PAGE, History, Known
from langgraph_multi_agent.store.lookups import Lookups

P = TypeVar("P", int, Position)

TAIL = 512
"""Events of a channel that are kept for followers who are a little late."""
MAX_PROGRESS = 64
LISTEN_S = 600.0
SPACING_S = 0.02
"""The log of all tasks is read at most once in this time, however many commits wake it."""
HELD_BACK_S = 0.01
"""First pause before events are asked for again that wait for an older transaction; it doubles."""
HELD_BACK_MAX_S = 0.5
VISIBLE_CACHE = 4096
Histories = Lookups[Known, History]
RESERVED = "*"
"""What topics begin with that are no task's."""


def chat_topic(tenant: str | None) -> str:
    """The feed topic on which a tenant's new chat messages are told.

    Publish `{"actor": whose conversation it is, "message": the contract's message}`: sockets of that
    actor show it. It is shown and forgotten; the conversation itself is in the store.
    """
    return f"{RESERVED}chat:{tenant or ''}"


class Follower(Generic[P]):
    """Who follows a channel: the place it has seen, and what wakes it."""

    __slots__ = ("_wake", "position", "shown", "wants_progress")

    def __init__(self, position: P, *, wants_progress: bool) -> None:
        self.position: P = position
        self.wants_progress = wants_progress
        self.shown = 0
        self._wake: asyncio.Future[None] | None = None

    def wake(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def wait(self, timeout_s: float | None) -> bool:
        """True when woken, False after the time-out. Look for news without a pause before this call."""
        self._wake = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout_s):
                await self._wake
        except TimeoutError:
            return False
        else:
            return True
        finally:
            self._wake = None


class Channel(ABC, Generic[P]):
    """A log that is read once. `head` is the newest place known here."""

    spacing_s = 0.0

    def __init__(self, feed: Feed, scope: Scope, topic: str | None) -> None:
        self._feed, self._scope, self._topic = feed, scope, topic
        self.followers: set[Follower[P]] = set()
        self.error: Exception | None = None
        self.head: P
        self._floor: P
        self._places: list[P] = []
        self._events: list[Event] = []
        self._progress: deque[Mapping[str, Any]] = deque(maxlen=MAX_PROGRESS)
        self._progress_count = 0
        self._held_back_s = 0.0
        self._lock = asyncio.Lock()
        self._opened = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="stream-channel")

    async def opened(self) -> None:
        """Return once the feed is listened to. Raises what the first look at the log raised."""
        await self._opened.wait()
        if self.error is not None:
            raise self.error

    def close(self) -> "asyncio.Task[None]":
        """Stop listening; the task to wait for."""
        self._task.cancel()
        return self._task

    def join(self, follower: Follower[P]) -> None:
        follower.shown = self._progress_count
        self.followers.add(follower)

    def leave(self, follower: Follower[P]) -> None:
        self.followers.discard(follower)

    async def after(self, position: P) -> Sequence[Event]:
        """Events after a place, at most PAGE from the database or all of the tail's; empty at the head."""
        if position >= self.head:
            return ()
        if position >= self._floor:
            return self._events[bisect_right(self._places, position) :]
        found, _ = await self._read(position)
        return found

    async def pause(
        self, follower: Follower[P], timeout_s: float | None
    ) -> Sequence[Mapping[str, Any]] | None:
        """Progress that the follower wants and has not seen; else wait: () when woken, None after the time-out.

        Raises what ended the channel.
        """
        if self.error is not None:
            raise self.error
        missed = min(self._progress_count - follower.shown, len(self._progress))
        follower.shown = self._progress_count
        if missed and follower.wants_progress:
            return list(self._progress)[-missed:]
        return () if await follower.wait(timeout_s) else None

    async def check(self, position: P) -> None:
        """Let the database refuse a place ahead of the log that it never handed out."""
        if position > self.head:
            await self._read(position)

    async def pump(self) -> None:
        """Read on from the head and wake the followers. A database that is away is asked again later."""
        async with self._lock:
            if self.error is not None or not self._opened.is_set():
                return
            try:
                while True:
                    found, is_held_back = await self._read_head()
                    if found:
                        self._append(found)
                    if len(found) < PAGE:
                        break
            except DependencyUnavailable:
                return
            if not is_held_back:
                self._held_back_s = 0.0
            elif found:
                self._held_back_s = HELD_BACK_S
            else:
                self._held_back_s = min(2 * self._held_back_s or HELD_BACK_S, HELD_BACK_MAX_S)

    @abstractmethod
    async def _start(self) -> None:
        """Set the newest place, before any follower is served."""

    @abstractmethod
    async def _read(self, position: P) -> tuple[list[Event], bool]:
        """At most PAGE events after a place, and whether more will show without a wake-up."""

    @abstractmethod
    def _place(self, event: Event) -> P: ...

    async def _read_head(self) -> tuple[list[Event], bool]:
        """What is new after the head; one at a time."""
        return await self._read(self.head)

    async def _visible(self, progress: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """The messages that followers of this scope may see."""
        return progress

    async def _run(self) -> None:
        try:
            async with self._feed.listen(self._topic) as listener:
                await self._start()
                self._opened.set()
                while True:
                    await listener.wait(self._held_back_s or LISTEN_S)
                    progress = listener.take_ephemeral()
                    if progress and any(follower.wants_progress for follower in self.followers):
                        self._show(await self._visible(progress))
                    await self.pump()
                    if self.spacing_s:
                        await asyncio.sleep(self.spacing_s)
        except Exception as error:  # told to every follower, who raises it
            self.error = error
            self._opened.set()
            self.wake()

    def wake(self) -> None:
        for follower in self.followers:
            follower.wake()

    def _show(self, progress: list[Mapping[str, Any]]) -> None:
        self._progress.extend(progress)
        self._progress_count += len(progress)
        for follower in self.followers:
            if follower.wants_progress:
                follower.wake()

    def _append(self, found: Sequence[Event]) -> None:
        """Add to the tail, forget what every follower has seen or is too old, and wake."""
        slowest = min((follower.position for follower in self.followers), default=self.head)
        seen = bisect_right(self._places, slowest)
        over = min(max(seen, len(self._places) + len(found) - TAIL), len(self._places))
        if over > 0:
            self._floor = self._places[over - 1]
            del self._places[:over], self._events[:over]
        self._places += [self._place(event) for event in found]
        self._events += found
        self.head = self._places[-1]
        self.wake()


class TaskChannel(Channel[int]):
    """The events of one task; a place is its `seq`.

    `ended_at` is the last `seq` of a task in a terminal state, None while it goes on.

    Args:
        known: what the first follower has seen: the log is read from there.
    """

    def __init__(self, histories: Histories, feed: Feed, scope: Scope, task_id: str, *, known: int) -> None:
        super().__init__(feed, scope, task_id)
        self._histories, self._known = histories, known
        self.task_id = task_id
        self.ended_at: int | None = None

    async def _start(self) -> None:
        history = await self._histories.get(self._scope, (self.task_id, self._known))
        if history is None or history.last_seq is None:
            raise TaskNotFound(task=self.task_id)
        self.head = self._floor = history.last_seq
        if history.events and history.reaches_from(self._known):
            self._floor = self._known
            self._places = [event.seq for event in history.events]
            self._events = history.events
        self._note(history)

    async def _read(self, position: int) -> tuple[list[Event], bool]:
        history = await self._histories.get(self._scope, (self.task_id, position))
        return [] if history is None else history.events, False

    async def _read_head(self) -> tuple[list[Event], bool]:
        history = await self._histories.get(self._scope, (self.task_id, self.head))
        if history is None:
            return [], False
        if self._note(history) and not history.events:
            self.wake()
        return history.events, False

    def _note(self, history: History) -> bool:
        """Keep whether the task is over; whether that is new. A deleted one's last event tells by itself."""
        before = self.ended_at
        if history.last_seq is not None:
            self.ended_at = history.last_seq if history.is_over else None
        return self.ended_at != before

    def _place(self, event: Event) -> int:
        return event.seq

    def is_behind(self, newest: int | None) -> bool:
        """True if there is more to read, given the newest `seq`, None if the task is gone."""
        return self._opened.is_set() and (newest is None or newest > self.head)


class AllChannel(Channel[Position]):
    """The events of all tasks in scope, in the order of their places."""

    spacing_s = SPACING_S

    def __init__(self, database: Database, feed: Feed, scope: Scope) -> None:
        super().__init__(feed, scope, None)
        self._database = database
        self._known: dict[str, bool] = {}

    async def _start(self) -> None:
        newest = await self._database.read(self._scope, event_log.last_cursor)
        self.head = self._floor = position_of(newest)

    async def _read(self, position: Position) -> tuple[list[Event], bool]:
        return await self._database.read(self._scope, event_log.read_on, cursor_of(position), limit=PAGE)

    def _place(self, event: Event) -> Position:
        return position_of(event.cursor)

    async def _visible(self, progress: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        topics = (str(item["task_id"]) for item in progress)
        is_of_task = [topic != CONTROL_TOPIC and not topic.startswith(RESERVED) for topic in topics]
        progress = [item for item, wanted in zip(progress, is_of_task, strict=True) if wanted]
        if self._scope.tenant is None:
            return progress
        unknown = {str(item["task_id"]) for item in progress} - self._known.keys()
        if unknown:
            if len(self._known) + len(unknown) > VISIBLE_CACHE:
                self._known.clear()
                unknown = {str(item["task_id"]) for item in progress}
            try:
                ours = await self._database.read(self._scope, event_log.newest_numbers, sorted(unknown))
            except DependencyUnavailable:
                return []
            self._known |= {task_id: task_id in ours for task_id in unknown}
        return [item for item in progress if self._known[str(item["task_id"])]]
