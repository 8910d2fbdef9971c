"""One claimed task, from its journal to its ending.

Hides how a run is put together from ports, what a retry inherits, and the translation of how the
engine ended into the store's `finish`. Caller: the worker. Invariant: a run ends in exactly one
fenced `finish`, or it found itself fenced and wrote nothing.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from langgraph_multi_agent.access import WORKER_SCOPE
from langgraph_multi_agent.agents.contract import Team
from langgraph_multi_agent.domain.errors import DependencyUnavailable, Fault, LeaseLost
from langgraph_multi_agent.domain.ports import Artifacts, Clock, Feed, Model, SkillRunner
from langgraph_multi_agent.domain.task import Action, Task, TaskStatus
from langgraph_multi_agent.engine.context import Limits, RunContext, RunSignals
from langgraph_multi_agent.engine.coordinator import error_json
from langgraph_multi_agent.engine.run import Ended, Engine
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.store.checkpoints import RunSaver
from langgraph_multi_agent.store.claims import Claimed
from langgraph_multi_agent.store.database import Database
from langgraph_multi_agent.store.decisions import CONTROL_CANCEL, CONTROL_PAUSE, origin_key
from langgraph_multi_agent.store.journal import FencedWrite, JournalFlusher, RunJournal, load, open_journal
from langgraph_multi_agent.store.ledgers import RunBudget, RunEffects
from langgraph_multi_agent.store.runs import Ending
from langgraph_multi_agent.telemetry.metrics import Metrics
from langgraph_multi_agent.tools.contract import Tool

ARTIFACTS = "artifacts"
ARTIFACTS_RETRY_S = 5.0
"""How long a run that could not store or read a file keeps its slot before it hands its task back."""

CANCEL_AGAIN_S = 2.0
"""A cancellation may be lost in what an agent calls, as in `asyncio.wait_for` before Python 3.12 (gh-86296), or
in a task group that is ending; who stops must get the run back within its supervisor's margin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopReason:
    """Why the worker cancels a run: a person's cancel, or the process goes down."""

    action: Action
    is_fenced: bool = False


class ActiveRun:
    """A run while it lives: the signals and the asyncio task that drives it."""

    def __init__(self, claimed: Claimed, signals: RunSignals) -> None:
        self.claimed, self.signals = claimed, signals
        self.driver: asyncio.Task[Ended] | None = None
        self.journal: RunJournal | None = None
        self.stop: StopReason | None = None
        self._again: asyncio.TimerHandle | None = None

    def request_stop(self, reason: StopReason) -> None:
        """Cancel the work; the first reason counts, but being fenced overrides."""
        if self.stop is None or reason.is_fenced:
            self.stop = reason
        self.cancel()

    def cancel(self) -> None:
        """Cancel the work once, however many ask, and again each CANCEL_AGAIN_S until it has ended.

        Who is cancelled while a commit is on its way waits for that; cancelled again, it waits no more.
        """
        if self._again is None and self.driver is not None and not self.driver.done():
            self.driver.cancel()
            self._again = self.driver.get_loop().call_later(CANCEL_AGAIN_S, self._cancel_again)

    def _cancel_again(self) -> None:
        self._again = None
        for agent in tuple(self.signals.at_work):
            agent.cancel()
        self.cancel()

    def leave(self) -> None:
        """Let go of what knows this run, so that its memory is free at once and not at some full collection."""
        if self._again is not None:
            self._again.cancel()
        if self.journal is not None:
            self.journal.on_control = _unheard
        self.journal = self.driver = None

    def hear(self, control: str) -> None:
        """What a person wants of the run."""
        if control == CONTROL_CANCEL:
            self.request_stop(StopReason(action=Action.CANCEL))
        elif control == CONTROL_PAUSE:
            self.signals.request_pause()


class Execution:
    """Runs claimed tasks. One per process.

    Args:
        models: whom the runs of a task ask; called once for each run.
    """

    def __init__(
        self,
        *,
        database: Database,
        flusher: JournalFlusher,
        artifacts: Artifacts,
        feed: Feed,
        engine: Engine,
        teams: Mapping[str, Team],
        tools: Mapping[str, Tool],
        skills: SkillRunner,
        models: Callable[[Task], Model | None],
        settings: Settings,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._database, self._flusher, self._artifacts, self._feed = database, flusher, artifacts, feed
        self._engine, self._teams, self._tools, self._skills = engine, teams, tools, skills
        self._models, self._settings, self._metrics, self._clock = models, settings, metrics, clock
        self._limits = Limits(
            max_subtasks=settings.max_subtasks,
            max_depth=settings.max_plan_depth,
            max_repair_rounds=settings.max_repair_rounds,
            max_attempts=settings.max_subtask_attempts,
            subtask_timeout_s=settings.subtask_timeout,
            pause_grace_s=settings.pause_grace,
            recursion=settings.recursion_limit,
        )

    def begin(self, claimed: Claimed) -> ActiveRun:
        """The signals of a run that is about to start."""
        self._metrics.task_entered(TaskStatus.IN_PROGRESS)
        self._metrics.queue_wait.observe(claimed.waited_s)
        return ActiveRun(claimed, RunSignals(self._clock, owner_grace_s=self._settings.owner_grace_seconds))

    async def run(self, active: ActiveRun) -> TaskStatus | None:
        """Drive one claimed task and finish it.

        Returns:
            The status it was left in; None if the run was fenced or the database was gone.
        """
        try:
            return await self._run(active)
        finally:
            active.leave()

    async def _run(self, active: ActiveRun) -> TaskStatus | None:
        claimed, started = active.claimed, self._clock.monotonic()
        seconds_left = self._settings.workflow_timeout - claimed.active_s
        driver = active.driver = asyncio.create_task(self._drive(active, seconds_left))
        if active.stop is not None:
            active.cancel()
        try:
            await asyncio.wait({driver})
        except asyncio.CancelledError:
            active.cancel()
            await asyncio.wait({driver})
            raise
        active_s = self._clock.monotonic() - started
        if active.stop is not None and active.stop.is_fenced:
            return None
        if driver.cancelled():
            action = active.stop.action if active.stop else Action.HAND_BACK
            return await self._finish(active, Ending(action=action, active_s=active_s), active_s)
        error = driver.exception()
        if isinstance(error, (LeaseLost, DependencyUnavailable)):
            return None
        if error is not None:
            raise error
        return await self._finish(active, _ending(driver.result(), active_s), active_s)

    async def _finish(self, active: ActiveRun, ending: Ending, active_s: float) -> TaskStatus | None:
        claimed = active.claimed
        held = active.journal.take_held() if active.journal is not None else ()
        write = FencedWrite(task_id=claimed.task.id, epoch=claimed.epoch, ending=ending, before=held)
        try:
            await self._flusher.write(write)
        except (LeaseLost, DependencyUnavailable):
            return None
        status = write.status
        if status is None:
            raise AssertionError("an ending was committed without a status")
        self._feed.wake([claimed.task.id])
        self._metrics.task_entered(status, duration_s=active_s)
        if ending.error:
            self._metrics.error(str(ending.error.get("code")))
        return status

    async def _drive(self, active: ActiveRun, seconds_left: float) -> Ended:
        claimed = active.claimed
        try:
            async with asyncio.timeout(max(seconds_left, 0.001)) as limit:
                journal = active.journal = await self._journal(claimed)
                context = await self._context(active, journal)
                saver = RunSaver(journal, task_id=claimed.task.id, epoch=claimed.epoch)
                return await self._engine.run(context, saver)
        except TimeoutError:
            if not limit.expired():
                raise
            error = {"code": "WORKFLOW_TIMEOUT", "params": {"limit_s": self._settings.workflow_timeout}}
            return Ended(how="failed", error=error)
        except DependencyUnavailable as fault:
            if fault.params.get("dependency") != ARTIFACTS:
                raise
            # The journal is there: this is no crash. A full disk empties no sooner for being asked at once.
            await asyncio.sleep(ARTIFACTS_RETRY_S)
            return Ended(how="drained")
        except LeaseLost:
            raise
        except Fault as fault:
            return Ended(how="failed", error=error_json(fault))

    async def _journal(self, claimed: Claimed) -> RunJournal:
        task, epoch = claimed.task, claimed.epoch
        if claimed.is_first:
            return RunJournal(task_id=task.id, epoch=epoch, flusher=self._flusher, blobs=self._artifacts)
        return await open_journal(
            self._database,
            self._flusher,
            self._artifacts,
            task_id=task.id,
            epoch=epoch,
            generation=task.generation,
        )

    async def _context(self, active: ActiveRun, journal: RunJournal) -> RunContext:
        claimed = active.claimed
        task, epoch = claimed.task, claimed.epoch
        journal.on_commit = partial(self._feed.wake, [task.id])
        journal.on_control = active.hear
        return RunContext(
            task=task,
            run_id=claimed.run_id,
            team=self._teams[task.team],
            journal=journal,
            effects=RunEffects(database=self._database, task_id=task.id, epoch=epoch),
            artifacts=self._artifacts,
            skills=self._skills,
            tools=self._tools,
            model=self._models(task),
            budget=lambda agent, subtask_id: RunBudget(
                database=self._database, task_id=task.id, epoch=epoch, agent=agent, subtask_id=subtask_id
            ),
            publish=lambda data: self._feed.publish(task.id, data),
            signals=active.signals,
            limits=self._limits,
            clock=self._clock,
            inherited=await self._inherited(claimed, journal),
            on_recovery=self._metrics.recovery,
            on_agents=self._metrics.agents_active.inc,
        )

    async def _inherited(self, claimed: Claimed, journal: RunJournal) -> Mapping[str, Mapping[str, Any]]:
        """Finished subtasks of the generations that retries made this one of: id → input hash → result.

        Without those that the review had failed: they are what the retry is for.
        """
        rejected: set[str] = set()
        finished: dict[str, dict[str, Any]] = {}
        generation = claimed.task.generation
        origin = journal.read(origin_key(generation))
        while origin is not None and origin.result["action"] == Action.RETRY.value:
            generation -= 1
            origin = None
            verdicts: dict[int, Any] = {}
            results: list[tuple[str, str, Any]] = []
            for entry, digest in await self._database.read(WORKER_SCOPE, load, claimed.task.id, generation):
                result = entry.result if digest is None else await _read_json(self._artifacts, digest)
                _, kind, *rest = entry.key.split("/")
                if entry.key == origin_key(generation):
                    origin = entry
                elif kind == "verdict":
                    verdicts[int(rest[0])] = result
                elif kind == "subtask" and len(rest) == 2 and "ok" in result:
                    results.append((rest[0], entry.input_hash, result))
            last = verdicts.get(max(verdicts, default=0), ())
            rejected.update(row["subtask_id"] for row in last if row["passed"] is False)
            for subtask_id, input_hash, result in results:
                if subtask_id not in rejected:
                    finished.setdefault(subtask_id, {}).setdefault(input_hash, result)
        return finished


def _unheard(_control: str) -> None:
    """A run that has ended heeds nobody."""


async def _read_json(artifacts: Artifacts, digest: str) -> Any:
    return orjson.loads(await artifacts.read(digest))


def _ending(ended: Ended, active_s: float) -> Ending:
    actions = {
        "completed": Action.COMPLETE,
        "failed": Action.FAIL,
        "parked": Action.PARK,
        "paused": Action.PAUSE,
        "drained": Action.HAND_BACK,
    }
    return Ending(
        action=actions[ended.how],
        result=ended.result,
        error=ended.error,
        detail=ended.detail,
        questions=ended.questions,
        active_s=active_s,
    )


