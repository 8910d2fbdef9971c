"""One process's worker.

Hides slots, the doorbell, controls and draining. Callers: bootstrap. Invariant: a task runs here
only while its lease was confirmed within the owner's grace; a stop hands every task back before
`run` returns. What a worker leaves without an ending, the reaper of any process gives back (`upkeep`).
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Mapping, Sequence

import structlog

from langgraph_multi_agent.access import SYSTEM_SCOPE, WORKER_SCOPE
from langgraph_multi_agent.agents.contract import Team
from langgraph_multi_agent.domain.errors import DependencyUnavailable, LeaseLost
from langgraph_multi_agent.domain.ports import Clock, Doorbell, Feed, NewId
from langgraph_multi_agent.domain.task import Action, TaskStatus
from langgraph_multi_agent.service.execution import ActiveRun, Execution, StopReason
from langgraph_multi_agent.service.tasks import CONTROL_TOPIC
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.store import claims, leases, runs
from langgraph_multi_agent.store.claims import Suspects
from langgraph_multi_agent.store.database import Database
from langgraph_multi_agent.store.journal import JournalFlusher
from langgraph_multi_agent.worker.heartbeat import Heartbeat, Run
from langgraph_multi_agent.worker.lifetimes import Lifetimes

IDLE_POLL_S = 2.0
"""How long an idle worker trusts its doorbell, which may have lost a ring."""
BUSY_POLL_S = 1.0
CLAIM_SPACING_S = 0.0005
MAX_CLAIM_SPACING_S = 0.02
PATIENT_RINGS = 3
MAX_DEAF_S = 0.5
"""After a row of rings that led to no task a worker hears the next one late, so as not to spin."""
RETRY_DATABASE_S = 1.0
LISTEN_S = 600.0
GIVE_BACK_S = 0.5
WATCH_SHARE = 0.1
"""How often leases are looked at, as a share of the time for which they are trusted."""


class Worker:
    """Runs up to `slots` tasks at once.

    Args:
        slots: MAX_CONCURRENT_WORKFLOWS; 1 for a worker of suspects.
        suspects: what it does with tasks that have crashed their process twice.
        ends_when_idle: `run` returns when nothing is left to claim.
    """

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
        slots: int | None = None,
        suspects: Suspects = Suspects.ALONE,
        ends_when_idle: bool = False,
    ) -> None:
        self.name = f"{socket.gethostname()[:40]}-{os.getpid()}-{new_id()[-6:]}"
        self._database, self._flusher, self._execution = database, flusher, execution
        self._doorbell, self._feed, self._clock = doorbell, feed, clock
        self._settings, self._suspects, self._ends_when_idle = settings, suspects, ends_when_idle
        self._slots = settings.max_concurrent_workflows if slots is None else slots
        self._versions = {name: team.version for name, team in teams.items()}
        self._lifetimes = Lifetimes(lease_s=settings.lease_seconds, heartbeat_s=settings.heartbeat_seconds)
        self._heartbeat = Heartbeat(
            database, self.name, self._lifetimes, clock, heard=self._heard, failed=self._stop_expired
        )
        self._active: dict[str, ActiveRun] = {}
        self._dropped: set[Run] = set()
        self._has_dropped = asyncio.Event()
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._claim_lock = asyncio.Lock()
        self._log = structlog.get_logger("worker").bind(worker=self.name)

    @property
    def active(self) -> int:
        return len(self._active)

    def stop(self) -> None:
        """Claim nothing more; `run` returns when everything is handed back."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until `stop`, then drain within SHUTDOWN_GRACE."""
        self._heartbeat.start()
        try:
            async with asyncio.TaskGroup() as group:
                flushing = group.create_task(self._flusher.run())
                around = [
                    group.create_task(self._hear_controls()),
                    group.create_task(self._watch_leases()),
                    group.create_task(self._give_back()),
                ]
                async with asyncio.TaskGroup() as claimed_tasks:
                    stopped = claimed_tasks.create_task(self._stopping.wait())
                    claiming = claimed_tasks.create_task(self._claim_forever(claimed_tasks))
                    await stopped
                    async with self._claim_lock:  # what a claim on its way takes must be known to be handed back
                        claiming.cancel()
                    await self._drain()
                for task in around:
                    task.cancel()
                self._flusher.close()
                await flushing
        finally:
            await self._heartbeat.stop()

    async def _claim_forever(self, group: asyncio.TaskGroup) -> None:
        empty = 0
        while True:
            wait_s = IDLE_POLL_S
            free = self._slots - len(self._active)
            if any(active.claimed.must_run_alone for active in self._active.values()):
                free = 0
            if free > 0:
                try:
                    async with self._claim_lock:
                        found = await self._claim(group, free)
                    empty = 0 if found else empty + 1
                    if found == free:
                        continue
                    if self._ends_when_idle and not found and not self._active:
                        self.stop()
                    wait_s = BUSY_POLL_S if found else await self._seconds_to_next()
                except DependencyUnavailable as fault:
                    self._log.error("claim failed", reason=fault.params.get("reason"))
                    wait_s = RETRY_DATABASE_S
                except Exception:  # one unreadable row must not end the work on all others
                    self._log.exception("claim broke")
                    wait_s = RETRY_DATABASE_S
            await self._doorbell.wait(wait_s, has_slot=free > 0)
            # Under load a moment's patience lets one claim take many; an idle worker has none.
            await asyncio.sleep(min(MAX_CLAIM_SPACING_S, CLAIM_SPACING_S * len(self._active)))
            if empty > PATIENT_RINGS:  # rings for tasks that others took, or that are not for this worker
                await asyncio.sleep(min(MAX_DEAF_S, CLAIM_SPACING_S * 2 ** min(empty - PATIENT_RINGS, 20)))

    async def _claim(self, group: asyncio.TaskGroup, free: int) -> int:
        began = self._clock.monotonic()
        claimed = await self._database.write(
            WORKER_SCOPE,
            claims.claim,
            self.name,
            limit=free,
            lease=self._lifetimes.lease,
            teams=self._versions,
            suspects=self._suspects,
            is_busy=bool(self._active),
        )
        for item in claimed:
            if (replaced := self._active.get(item.task.id)) is not None:
                replaced.request_stop(StopReason(action=Action.CANCEL, is_fenced=True))
            active = self._execution.begin(item)
            active.signals.confirm_lease(began)
            self._active[item.task.id] = active
            self._heartbeat.add((item.task.id, item.epoch), active.signals)
            group.create_task(self._run_one(active))
        if claimed:
            task_ids = [item.task.id for item in claimed]
            self._doorbell.took(task_ids)
            self._feed.wake(task_ids)
        return len(claimed)

    async def _seconds_to_next(self) -> float:
        left = await self._database.read(SYSTEM_SCOPE, claims.seconds_to_next, self._versions)
        return IDLE_POLL_S if left is None else min(IDLE_POLL_S, max(0.05, left))

    async def _run_one(self, active: ActiveRun) -> None:
        task_id, epoch = active.claimed.task.id, active.claimed.epoch
        log = self._log.bind(task_id=task_id, epoch=epoch)
        status = None
        try:
            status = await self._execution.run(active)
            log.info("run ended", status=status.value if status else "fenced")
            if status is None:
                self._dropped.add((task_id, epoch))
                self._has_dropped.set()
        except Exception:
            log.exception("run broke")
            await self._finish_broken(active)
        finally:
            if self._active.get(task_id) is active:
                del self._active[task_id]
            self._heartbeat.remove((task_id, epoch))
            self._ended.set()
            if status is TaskStatus.PENDING:
                await self._doorbell.ring(task_id)
            else:
                self._doorbell.nudge()

    async def _give_back(self) -> None:
        """Hand back what this worker stopped because it could not be sure of its lease.

        It is alive, so that was no crash of the task: told so before the reaper looks, nobody counts
        one. Whoever has taken the task meanwhile keeps it.
        """
        ending = runs.Ending(action=Action.HAND_BACK, detail="recovering")
        while True:
            await self._has_dropped.wait()
            self._has_dropped.clear()
            for task_id, epoch in tuple(self._dropped):
                try:
                    await self._database.write(WORKER_SCOPE, runs.finish, task_id, epoch, ending)
                except DependencyUnavailable:
                    self._has_dropped.set()
                    continue
                except LeaseLost:
                    pass
                except Exception:  # a fault of one row must not keep the others
                    self._log.exception("hand-back failed", task_id=task_id)
                else:
                    self._log.warning("handed back", task_id=task_id, epoch=epoch)
                    self._feed.wake([task_id])
                    await self._doorbell.ring(task_id)
                self._dropped.discard((task_id, epoch))
            if self._dropped:
                await asyncio.sleep(GIVE_BACK_S)

    async def _finish_broken(self, active: ActiveRun) -> None:
        """A fault of ours, not of the task: it ends as failed with a code rather than hang."""
        ending = runs.Ending(action=Action.FAIL, error={"code": "INTERNAL_ERROR", "params": {}})
        try:
            await self._database.write(
                WORKER_SCOPE, runs.finish, active.claimed.task.id, active.claimed.epoch, ending
            )
        except Exception:
            self._log.exception("finish failed", task_id=active.claimed.task.id)

    def _heard(self, beats: Sequence[leases.Beat]) -> None:
        for beat in beats:
            active = self._active.get(beat.task_id)
            if active is None or active.claimed.epoch != beat.epoch:
                continue
            if not beat.is_owned:
                active.request_stop(StopReason(action=Action.CANCEL, is_fenced=True))
                self._feed.wake([beat.task_id])
            elif beat.control is not None:
                active.hear(beat.control)

    async def _watch_leases(self) -> None:
        """Heartbeats that fail say so, those that hang in a silent network do not."""
        while True:
            await asyncio.sleep(self._settings.owner_grace_seconds * WATCH_SHARE)
            self._stop_expired()

    def _stop_expired(self) -> None:
        """Stop the runs whose lease is in doubt."""
        for active in tuple(self._active.values()):
            if active.signals.lease_left_s <= 0:
                active.request_stop(StopReason(action=Action.HAND_BACK, is_fenced=True))

    async def _hear_controls(self) -> None:
        """Beat at once when a person wants something; without this the next beat would tell."""
        async with self._feed.listen(CONTROL_TOPIC) as listener:
            while True:
                if await listener.wait(LISTEN_S):
                    for message in listener.take_ephemeral():
                        agent = message.get("reset_agent")  # a newer program may say something else
                        for active in tuple(self._active.values() if agent else ()):
                            if message.get("tenant") in (None, active.claimed.task.tenant):
                                active.signals.reset_agent(str(agent))
                    self._heartbeat.beat_now()

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
