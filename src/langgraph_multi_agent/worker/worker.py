"""One process's worker.

Hides slots, the doorbell, heartbeats, controls and draining. Callers: bootstrap. Invariant: a
task runs here only while its lease was confirmed within the owner's grace; a stop hands every
task back before `run` returns.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from langgraph_multi_agent.access import SYSTEM_SCOPE, WORKER_SCOPE
from langgraph_multi_agent.agents.contract import Team
from langgraph_multi_agent.domain.errors import DependencyUnavailable
from langgraph_multi_agent.domain.ports import Clock, Doorbell, Feed, NewId
from langgraph_multi_agent.domain.task import Action
from langgraph_multi_agent.service.execution import ActiveRun, Execution, StopReason
from langgraph_multi_agent.service.tasks import CONTROL_TOPIC
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.store import checkpoints, runs
from langgraph_multi_agent.store.database import Database
from langgraph_multi_agent.store.journal import JournalFlusher
from langgraph_multi_agent.store.tasks import CONTROL_CANCEL, CONTROL_PAUSE

IDLE_POLL_S = 30.0
"""How long an idle embedded worker trusts its doorbell; delayed tasks wake it earlier."""
BUSY_POLL_S = 1.0
CLAIM_SPACING_S = 0.0005
MAX_CLAIM_SPACING_S = 0.02
HOUSEKEEPING_S = 600.0
PRUNE_AFTER = timedelta(hours=1)
RETRY_DATABASE_S = 1.0
REAP_MARGIN_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """Durations of the lease protocol, in seconds."""

    lease_s: float
    heartbeat_s: float

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.lease_s)


class Worker:
    """Runs up to MAX_CONCURRENT_WORKFLOWS tasks at once."""

    def __init__(
        self,
        *,
        database: Database,
        flusher: JournalFlusher,
        execution: Execution,
        doorbell: Doorbell,
        feed: Feed,
        teams: Mapping[str, Team],
        settings: Settings,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self.name = f"{socket.gethostname()[:40]}-{os.getpid()}-{new_id()[-6:]}"
        self._database, self._flusher, self._execution = database, flusher, execution
        self._doorbell, self._feed, self._clock = doorbell, feed, clock
        self._settings = settings
        self._versions = {name: team.version for name, team in teams.items()}
        self._lifetimes = Lifetimes(lease_s=settings.lease_seconds, heartbeat_s=settings.heartbeat_seconds)
        self._active: dict[str, ActiveRun] = {}
        self._beat_now = asyncio.Event()
        self._has_work = asyncio.Event()
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._lost = asyncio.Event()
        self._claim_lock = asyncio.Lock()
        self._log = structlog.get_logger("worker").bind(worker=self.name)

    @property
    def active(self) -> int:
        return len(self._active)

    def stop(self) -> None:
        """Claim nothing more; `run` returns when everything is handed back."""
        self._stopping.set()
        self._beat_now.set()

    async def run(self) -> None:
        """Work until `stop`, then drain within SHUTDOWN_GRACE."""
        async with asyncio.TaskGroup() as group:
            flushing = group.create_task(self._flusher.run())
            background = [
                group.create_task(self._keep_leases()),
                group.create_task(self._hear_controls()),
                group.create_task(self._keep_house()),
                group.create_task(self._reap()),
            ]
            async with asyncio.TaskGroup() as claimed_tasks:
                stopped = claimed_tasks.create_task(self._stopping.wait())
                claiming = claimed_tasks.create_task(self._claim_forever(claimed_tasks))
                await stopped
                async with self._claim_lock:  # what a claim on its way takes must be known to be handed back
                    claiming.cancel()
                await self._drain()
            for task in background:
                task.cancel()
            self._flusher.close()
            await flushing

    async def _claim_forever(self, group: asyncio.TaskGroup) -> None:
        while True:
            wait_s = IDLE_POLL_S
            free = self._settings.max_concurrent_workflows - len(self._active)
            if any(active.claimed.must_run_alone for active in self._active.values()):
                free = 0
            if free > 0:
                try:
                    async with self._claim_lock:
                        found = await self._claim(group, free)
                    if found == free:
                        continue
                    wait_s = BUSY_POLL_S if found else await self._seconds_to_next()
                except DependencyUnavailable as fault:
                    self._log.error("claim failed", reason=fault.params.get("reason"))
                    wait_s = RETRY_DATABASE_S
                except Exception:  # one unreadable row must not end the work on all others
                    self._log.exception("claim broke")
                    wait_s = RETRY_DATABASE_S
            await self._doorbell.wait(wait_s)
            # Under load a moment's patience lets one claim take many; an idle worker has none.
            await asyncio.sleep(min(MAX_CLAIM_SPACING_S, CLAIM_SPACING_S * len(self._active)))

    async def _claim(self, group: asyncio.TaskGroup, free: int) -> int:
        began = self._clock.monotonic()
        claimed = await self._database.write(
            WORKER_SCOPE,
            runs.claim,
            self.name,
            limit=free,
            lease=self._lifetimes.lease,
            teams=self._versions,
            is_busy=bool(self._active),
        )
        for item in claimed:
            if (replaced := self._active.get(item.task.id)) is not None:
                replaced.request_stop(StopReason(action=Action.CANCEL, is_fenced=True))
            active = self._execution.begin(item)
            active.signals.confirm_lease(began)
            self._active[item.task.id] = active
            group.create_task(self._run_one(active))
        if claimed:
            self._has_work.set()
            self._feed.wake([item.task.id for item in claimed])
        return len(claimed)

    async def _seconds_to_next(self) -> float:
        moment = await self._database.read(SYSTEM_SCOPE, runs.next_run_at, self._versions)
        if moment is None:
            return IDLE_POLL_S
        return min(IDLE_POLL_S, max(0.05, (moment - self._clock.now()).total_seconds()))

    async def _run_one(self, active: ActiveRun) -> None:
        task_id = active.claimed.task.id
        log = self._log.bind(task_id=task_id, epoch=active.claimed.epoch)
        try:
            status = await self._execution.run(active)
            log.info("run ended", status=status.value if status else "fenced")
            if status is None:
                self._lost.set()
        except Exception:
            log.exception("run broke")
            await self._finish_broken(active)
        finally:
            if self._active.get(task_id) is active:
                del self._active[task_id]
            self._ended.set()
            await self._doorbell.ring(task_id)

    async def _finish_broken(self, active: ActiveRun) -> None:
        """A fault of ours, not of the task: it ends as failed with a code rather than hang."""
        ending = runs.Ending(action=Action.FAIL, error={"code": "INTERNAL_ERROR", "params": {}})
        try:
            await self._database.write(
                WORKER_SCOPE, runs.finish, active.claimed.task.id, active.claimed.epoch, ending
            )
        except Exception:
            self._log.exception("finish failed", task_id=active.claimed.task.id)
            self._lost.set()

    async def _reap(self) -> None:
        """Give back what a run here left without an ending: its lease was in doubt, or the database away.

        Waits until such a lease has passed; runs that go on renew theirs first.
        """
        while True:
            await self._lost.wait()
            self._lost.clear()
            await asyncio.sleep(self._lifetimes.lease_s + REAP_MARGIN_S)
            await self._beat()
            try:
                returned = await self._database.write(SYSTEM_SCOPE, runs.reclaim, all_leases=False)
            except DependencyUnavailable as fault:
                self._log.error("reclaim failed", reason=fault.params.get("reason"))
                self._lost.set()
                continue
            self._feed.wake(returned)
            for task_id in returned:
                await self._doorbell.ring(task_id)

    async def _keep_leases(self) -> None:
        while True:
            await self._has_work.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._lifetimes.heartbeat_s):
                    await self._beat_now.wait()
            self._beat_now.clear()
            if self._active:
                await self._beat()
            else:
                self._has_work.clear()

    async def _beat(self) -> None:
        began = self._clock.monotonic()
        runs_now = {(item.claimed.task.id, item.claimed.epoch): item for item in self._active.values()}
        try:
            beats = await self._database.write(
                WORKER_SCOPE, runs.heartbeat, self.name, list(runs_now), lease=self._lifetimes.lease
            )
        except Exception as error:
            self._log.error("heartbeat failed", reason=str(error))
            self._stop_expired()
            return
        for beat in beats:
            active = runs_now[beat.task_id, beat.epoch]
            if not beat.is_owned:
                active.request_stop(StopReason(action=Action.CANCEL, is_fenced=True))
                self._feed.wake([beat.task_id])
                continue
            active.signals.confirm_lease(began)
            if beat.control == CONTROL_CANCEL:
                active.request_stop(StopReason(action=Action.CANCEL))
            elif beat.control == CONTROL_PAUSE:
                active.signals.request_pause()

    def _stop_expired(self) -> None:
        for active in self._active.values():
            if active.signals.lease_left_s <= 0:
                active.request_stop(StopReason(action=Action.HAND_BACK, is_fenced=True))

    async def _hear_controls(self) -> None:
        """Beat at once when a person wants something; without this the next beat would tell."""
        async with self._feed.listen(CONTROL_TOPIC) as listener:
            while True:
                if await listener.wait(IDLE_POLL_S):
                    for message in listener.take_ephemeral():
                        for active in tuple(self._active.values()):
                            active.signals.reset_agent(str(message["reset_agent"]))
                    self._beat_now.set()

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            try:
                await self._database.write(
                    SYSTEM_SCOPE, checkpoints.prune, keep=self._settings.checkpoints_keep, older_than=PRUNE_AFTER
                )
            except DependencyUnavailable as fault:
                self._log.error("pruning failed", reason=fault.params.get("reason"))

    async def _drain(self) -> None:
        """Let short work end, then hand the rest back at once."""
        for active in self._active.values():
            active.signals.graph.request_drain("shutdown")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.shutdown_grace):
                while self._active:
                    self._ended.clear()
                    await self._ended.wait()
        for active in tuple(self._active.values()):
            active.request_stop(StopReason(action=Action.HAND_BACK))
