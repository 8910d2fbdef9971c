"""What a beat confirms, and that nothing ends the beating; seeded faults showed that nothing noticed."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

from tests.support.stores import ManualClock

from langgraph_multi_agent.engine.context import RunSignals
from langgraph_multi_agent.store.database import Database
from langgraph_multi_agent.store.leases import Beat
from langgraph_multi_agent.worker.heartbeat import Heartbeat, Run
from langgraph_multi_agent.worker.lifetimes import Lifetimes

GRACE_S = 60.0
OURS, LOST = ("a", 1), ("b", 1)


class Line:
    """The database as a heartbeat sees it: each beat is answered by the next of `answers`, then by nothing new."""

    def __init__(self, *answers: Callable[[], Sequence[Beat]]) -> None:
        self.answers, self.loop = list(answers), asyncio.get_running_loop()
        self.is_used_up = asyncio.Event()

    def write_from_thread(self, *_: Any, **__: Any) -> Sequence[Beat]:
        if not self.answers:
            self.loop.call_soon_threadsafe(self.is_used_up.set)
            return []
        return self.answers.pop(0)()


class Listener:
    """A worker that writes down what its heartbeat tells it."""

    def __init__(self, line: Line, clock: ManualClock) -> None:
        self.heard: list[Sequence[Beat]] = []
        self.failures = 0
        lifetimes = Lifetimes(lease_s=0.6, heartbeat_s=0.01)
        self.heartbeat = Heartbeat(
            cast("Database", line), "w1", lifetimes, clock, heard=self.heard.append, failed=self.fail
        )
        self.signals = {run: RunSignals(clock, owner_grace_s=GRACE_S) for run in (OURS, LOST)}

    def fail(self) -> None:
        self.failures += 1

    async def live(self, line: Line, *runs: Run) -> None:
        """Beat for these runs until the line has no more to say."""
        self.heartbeat.start()
        for run in runs:
            self.heartbeat.add(run, self.signals[run])
        try:
            async with asyncio.timeout(60):
                await line.is_used_up.wait()
        finally:
            await self.heartbeat.stop()


async def test_only_what_is_owned_is_confirmed_and_from_when_the_beat_was_sent() -> None:
    clock = ManualClock()

    def slow_answer() -> Sequence[Beat]:
        clock.advance(5)
        return [Beat(task_id="a", epoch=1, is_owned=True), Beat(task_id="b", epoch=1, is_owned=False)]

    line = Line(slow_answer)
    worker = Listener(line, clock)
    clock.advance(20)
    # Two runs at once, whenever the thread looks.
    worker.heartbeat.add(OURS, worker.signals[OURS])
    await worker.live(line, LOST)
    assert worker.signals[OURS].lease_left_s == GRACE_S - 5
    assert worker.signals[LOST].lease_left_s == GRACE_S - 25
    assert [[beat.is_owned for beat in beats] for beats in worker.heard] == [[True, False]]


async def test_a_beat_that_breaks_is_told_and_the_next_one_comes() -> None:
    clock = ManualClock()

    def broken() -> Sequence[Beat]:
        raise RuntimeError("no beat")

    line = Line(broken, lambda: [Beat(task_id="a", epoch=1, is_owned=True)])
    worker = Listener(line, clock)
    clock.advance(20)
    await worker.live(line, OURS)
    assert worker.failures == 1
    assert worker.signals[OURS].lease_left_s == GRACE_S
