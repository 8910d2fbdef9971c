"""The parent of the worker processes: starts them, starts them again, and ends with them.

Hides processes, signals and back-off. Caller: `lgma worker`. Invariants: no child outlives the
supervisor, however it dies (`lifeline`); a child that dies is replaced, at first after a second, and
ever more slowly if it keeps dying; only own children are signalled. Children have a process group of
their own, so that Ctrl-C in a terminal reaches them once, through the supervisor.
"""

import asyncio
import contextlib
import os
import signal
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

import structlog

from langgraph_multi_agent.worker.lifeline import open_lifeline

Argv = Callable[[int, int], Sequence[str]]
"""`(process number from 1, file descriptor of the lifeline) -> command line of a child`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Seconds before a dead child is replaced: `first_s`, doubling up to `most_s`.

    A child that lived `settled_s` counts as healthy: the next wait is `first_s` again.
    """

    first_s: float = 1.0
    most_s: float = 30.0
    settled_s: float = 60.0

    def wait_s(self, *, lived_s: float, last_s: float | None) -> float:
        """The wait after a child that lived `lived_s`; `last_s` is the wait before it, if any."""
        if last_s is None or lived_s >= self.settled_s:
            return self.first_s
        return min(2 * last_s, self.most_s)


class Ending(StrEnum):
    """How a supervisor ended."""

    DRAINED = "drained"
    KILLED = "killed"
    """A child did not end in time; what it worked on is reclaimed when its lease ends."""
    ABORTED = "aborted"
    """A second signal: nobody was waited for."""
    REFUSED = "refused"
    """The children refuse to start, and said why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Child:
    process: Process
    began: float


class Supervisor:
    """Keeps `processes` children alive until SIGTERM or SIGINT, then drains them.

    Args:
        argv: makes a child's command line.
        processes: how many children, at least 1.
        grace_s: seconds the children may take to end after the signal; SIGKILL follows.
        backoff: seconds between a death and the replacement.
        refusal: exit code of a child that will never start as things are, such as with an unsafe
            setting. Before any child has settled it ends the supervisor; later it is a death like others.
    """

    def __init__(
        self,
        argv: Argv,
        *,
        processes: int,
        grace_s: float,
        backoff: Backoff | None = None,
        refusal: int | None = None,
    ) -> None:
        self._argv, self._processes, self._grace_s = argv, processes, grace_s
        self._backoff, self._refusal = backoff or Backoff(), refusal
        self._log = structlog.get_logger(__name__)
        self._stop = asyncio.Event()
        self._signal = signal.SIGTERM
        self._children: dict[int, _Child] = {}
        self._has_settled = False
        self._ending = Ending.DRAINED

    async def run(self) -> Ending:
        """Supervise until a signal was obeyed and no child is left. Runs in the main thread."""
        with open_lifeline() as lifeline, self._signals():
            async with asyncio.TaskGroup() as group:
                enforcing = group.create_task(self._enforce())
                keeping = [
                    group.create_task(self._keep(number, lifeline)) for number in range(1, self._processes + 1)
                ]
                await asyncio.wait(keeping)
                enforcing.cancel()
        self._log.info("workers stopped", outcome=self._ending.value)
        return self._ending

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Forward a signal to the children and start nothing new; the second one kills them."""
        if self._stop.is_set():
            self._ending = Ending.ABORTED
            self._send(signal.SIGKILL)
            return
        self._signal = signal.Signals(number)
        self._log.info("workers stopping", signal=self._signal.name, children=len(self._children))
        self._stop.set()
        self._send(self._signal)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        loop, numbers = asyncio.get_running_loop(), (signal.SIGTERM, signal.SIGINT)
        for number in numbers:
            loop.add_signal_handler(number, self.stop, number)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    async def _keep(self, number: int, lifeline: int) -> None:
        """Have one child alive as long as nobody stops it."""
        wait_s: float | None = None
        while not self._stop.is_set():
            began = time.monotonic()
            code = await self._child(number, lifeline)
            lived_s = time.monotonic() - began
            if self._stop.is_set():
                return
            self._look_who_settled(lived_s)
            if code == self._refusal and not self._has_settled:
                self._log.error("worker refused to start", process=number)
                self._ending = Ending.REFUSED
                self.stop()
                return
            wait_s = self._backoff.wait_s(lived_s=lived_s, last_s=wait_s)
            self._log.warning(
                "worker died",
                process=number,
                reason=_cause_of(code),
                lived_s=round(lived_s, 1),
                again_in_s=wait_s,
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._stop.wait()

    async def _child(self, number: int, lifeline: int) -> int:
        """One child from its start to its end; returns the exit code, negative for a signal."""
        began = time.monotonic()
        try:
            process = await asyncio.create_subprocess_exec(
                *self._argv(number, lifeline), stdin=DEVNULL, pass_fds=(lifeline,), process_group=0
            )
        except OSError as error:
            # Too little memory or too many processes may pass: a death like others.
            self._log.error("worker not started", process=number, reason=error.strerror or str(error))
            return os.EX_OSERR
        self._children[number] = _Child(process=process, began=began)
        self._log.info("worker started", process=number, child=process.pid)
        if self._stop.is_set():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL if self._ending is Ending.ABORTED else self._signal)
        try:
            return await process.wait()
        finally:
            del self._children[number]

    def _look_who_settled(self, lived_s: float) -> None:
        now = time.monotonic()
        lives = [lived_s, *(now - child.began for child in self._children.values())]
        self._has_settled = self._has_settled or max(lives) >= self._backoff.settled_s

    async def _enforce(self) -> None:
        """Kill who is still there `grace_s` after the signal."""
        await self._stop.wait()
        await asyncio.sleep(self._grace_s)
        self._log.error("workers killed", children=len(self._children), after_s=self._grace_s)
        if self._ending is Ending.DRAINED:
            self._ending = Ending.KILLED
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        for child in tuple(self._children.values()):
            with contextlib.suppress(ProcessLookupError):
                child.process.send_signal(number)


def _cause_of(code: int) -> str:
    """`exit 3`, or the name of the signal that ended a child."""
    if code >= 0:
        return f"exit {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
