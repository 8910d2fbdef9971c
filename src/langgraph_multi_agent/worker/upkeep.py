"""What every replica does each second beside its own work.

Hides the reaper, the doorbell's reconciliation, due schedules, pruning and the daily retention.
Callers: bootstrap, in servers and workers alike. Invariant: all of it may run in any number of
processes at once; each transaction takes what nobody else is at. The reaper acts only after its own
connection has been healthy, and its process awake, for so long that every living owner has renewed
its leases.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta

import structlog

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.domain.errors import DependencyUnavailable
from langgraph_multi_agent.domain.ports import Artifacts, Doorbell, Feed
from langgraph_multi_agent.service.retention import RetentionService
from langgraph_multi_agent.service.schedules import ScheduleService
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.store import checkpoints, claims, leases
from langgraph_multi_agent.store.database import Database
from langgraph_multi_agent.telemetry.metrics import Metrics

TICK_S = 1.0
FROZEN_S = 3 * TICK_S
"""A loop that stood still for so long was frozen: what it knew of the owners is old."""
PRUNE_EVERY_S = 600.0
PRUNE_AFTER = timedelta(hours=1)
ORPHAN_MIN_AGE_S = 24 * 3600.0


class Upkeep:
    """One per process.

    Args:
        shows_queue: keep the doorbell's list as long as the queue is; False where it has none.
        run_suspects: starts a process for tasks that crash theirs, if this process may.
    """

    def __init__(
        self,
        *,
        database: Database,
        artifacts: Artifacts,
        doorbell: Doorbell,
        feed: Feed,
        schedules: ScheduleService,
        retention: RetentionService,
        teams: Iterable[str],
        settings: Settings,
        metrics: Metrics,
        shows_queue: bool,
        run_suspects: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._database, self._artifacts, self._doorbell, self._feed = database, artifacts, doorbell, feed
        self._schedules, self._retention, self._settings = schedules, retention, settings
        self._metrics = metrics
        self._teams = tuple(teams)
        self._shows_queue, self._run_suspects = shows_queue, run_suspects
        self._healthy_since: float | None = None
        self._awake_at: float | None = None
        self._has_to_collect = False
        self._log = structlog.get_logger("upkeep")

    async def run(self) -> None:
        """Until cancelled."""
        self._awake_at = None
        jobs: Sequence[tuple[str, Callable[[], Awaitable[None]], float]] = (
            ("pulse", self._pulse, TICK_S),
            ("tick", self._tick, TICK_S),
            ("schedules", self._fire, TICK_S),
            ("pruning", self._prune, PRUNE_EVERY_S),
            ("retention", self._retain, 60.0),
        )
        async with asyncio.TaskGroup() as group:
            for name, job, every_s in jobs:
                group.create_task(self._repeat(name, job, every_s), name=f"upkeep-{name}")

    async def _repeat(self, name: str, job: Callable[[], Awaitable[None]], every_s: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        while not task.cancelling():  # a job that failed in that very moment may have lost it
            await asyncio.sleep(every_s)
            try:
                await job()
            except DependencyUnavailable as fault:
                if name == "tick":
                    self._healthy_since = None
                self._log.warning("upkeep waits", job=name, reason=fault.params.get("reason"))
            except Exception:  # the next round may go through
                self._log.exception("upkeep failed", job=name)

    async def _tick(self) -> None:
        most = self._settings.task_queue_size if self._shows_queue else 1
        found = await self._database.read(SYSTEM_SCOPE, claims.situation, teams=self._teams, most=most)
        now = self._notice_freeze()
        if self._healthy_since is None:
            self._healthy_since = now
        if self._shows_queue:
            self._metrics.queue_length.set(len(found.waiting))
            await self._doorbell.reconcile(found.waiting)
        if found.has_abandoned and now - self._healthy_since >= self._settings.reaper_healthy_seconds:
            await self._reap()
        if found.has_suspects and self._run_suspects is not None:
            await self._run_suspects()

    async def _pulse(self) -> None:
        """Look at the clock each second, whatever the tick waits for: slow is not frozen."""
        self._notice_freeze()

    def _notice_freeze(self) -> float:
        """Start the healthy time anew if the loop stood still; the loop's time now."""
        now = asyncio.get_running_loop().time()
        if self._awake_at is not None and now - self._awake_at > FROZEN_S:
            self._healthy_since = None
        self._awake_at = now
        return now

    async def _reap(self) -> None:
        returned = await self._database.write(SYSTEM_SCOPE, leases.reclaim, all_leases=False)
        if returned:
            self._log.warning("tasks reclaimed", count=len(returned))
        self._feed.wake(returned)
        for task_id in returned:
            await self._doorbell.ring(task_id)

    async def _fire(self) -> None:
        await self._schedules.tick()

    async def _prune(self) -> None:
        await self._database.write(
            SYSTEM_SCOPE, checkpoints.prune, keep=self._settings.checkpoints_keep, older_than=PRUNE_AFTER
        )

    async def _retain(self) -> None:
        if await self._retention.tick() is not None:
            self._has_to_collect = True
        if self._has_to_collect:
            referenced = await self._retention.referenced_digests()
            removed = await self._artifacts.collect(referenced, min_age_s=ORPHAN_MIN_AGE_S)
            self._has_to_collect = False
            self._log.info("artifacts collected", count=removed)
