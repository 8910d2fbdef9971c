"""The heartbeat of one worker, on a thread and a connection of its own.

Hides the thread. Caller: the worker. Invariant: leases are renewed and confirmed even while the
event loop is busy for seconds; everything else that a beat learns is told on the loop.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence

import structlog

from langgraph_multi_agent.access import WORKER_SCOPE
from langgraph_multi_agent.domain.ports import Clock
from langgraph_multi_agent.engine.context import RunSignals
from langgraph_multi_agent.store import leases
from langgraph_multi_agent.store.database import Database
from langgraph_multi_agent.worker.lifetimes import Lifetimes

Run = tuple[str, int]
"""A task's id and the epoch under which this worker owns it."""


class Heartbeat:
    """Renews the leases of all runs of a worker every `heartbeat_s`, and at once when asked.

    Args:
        heard: called on the loop with what a beat learned.
        failed: called on the loop when a beat did not get through.
    """

    def __init__(
        self,
        database: Database,
        owner: str,
        lifetimes: Lifetimes,
        clock: Clock,
        *,
        heard: Callable[[Sequence[leases.Beat]], None],
        failed: Callable[[], None],
    ) -> None:
        self._database, self._owner, self._lifetimes, self._clock = database, owner, lifetimes, clock
        self._heard, self._failed = heard, failed
        self._runs: dict[Run, RunSignals] = {}
        self._change = threading.Condition()
        self._is_asked = self._is_over = False
        self._thread: threading.Thread | None = None
        self._log = structlog.get_logger("heartbeat").bind(worker=owner)

    def start(self) -> None:
        """Begin; call on the loop that is to hear."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._beat_forever, name="lgma-heartbeat", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        with self._change:
            self._is_over = True
            self._change.notify()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def add(self, run: Run, signals: RunSignals) -> None:
        """Keep this run's lease from now on."""
        with self._change:
            was_idle = not self._runs
            self._runs[run] = signals
            if was_idle:
                self._change.notify()

    def remove(self, run: Run) -> None:
        with self._change:
            self._runs.pop(run, None)

    def beat_now(self) -> None:
        with self._change:
            self._is_asked = True
            self._change.notify()

    def _beat_forever(self) -> None:
        took_s = 0.0
        while True:
            pause_s = self._lifetimes.pause_s(took_s=took_s)
            took_s = 0.0
            with self._change:
                if not self._runs:
                    self._is_asked = False
                    self._change.wait_for(lambda: self._runs or self._is_over)
                self._change.wait_for(lambda: self._is_asked or self._is_over, timeout=pause_s)
                if self._is_over:
                    return
                self._is_asked = False
                now = dict(self._runs)
            if now:
                began = self._clock.monotonic()
                self._beat(now)
                took_s = self._clock.monotonic() - began

    def _beat(self, now: dict[Run, RunSignals]) -> None:
        began = self._clock.monotonic()
        try:
            beats = self._database.write_from_thread(
                WORKER_SCOPE, leases.heartbeat, self._owner, list(now), lease=self._lifetimes.lease
            )
        except Exception as error:
            self._log.error("heartbeat failed", reason=str(error))
            self._tell(self._failed)
            return
        for beat in beats:
            if beat.is_owned:  # confirmed here: the loop may be too busy to do it in time
                now[beat.task_id, beat.epoch].confirm_lease(began)
        if any(not beat.is_owned or beat.control for beat in beats):
            self._tell(self._heard, beats)

    def _tell(self, function: Callable[..., None], *values: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(function, *values)
