"""Runs a plan as data flow.

A subtask starts the moment its dependencies are done, ready ones in plan order; one failure never
cancels siblings; a subtask that waits for a person leaves the others running. Invariant: every
end of a subtask is journalled with its events before anything depends on it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from langgraph_multi_agent.agents.contract import Agent, Understanding
from langgraph_multi_agent.domain.canonical import digest_of
from langgraph_multi_agent.domain.errors import (
    DependencyUnavailable,
    Fault,
    LeaseLost,
    ReplayDiverged,
    SubtaskFailed,
)
from langgraph_multi_agent.domain.event import EventType, NewEvent
from langgraph_multi_agent.domain.plan import Plan, Subtask
from langgraph_multi_agent.domain.ports import Step
from langgraph_multi_agent.domain.result import Question, SubtaskResult
from langgraph_multi_agent.engine.context import RunContext, WaitsForAnswer
from langgraph_multi_agent.engine.steps import replayed
from langgraph_multi_agent.engine.work import SubtaskWork
from langgraph_multi_agent.telemetry.redaction import redacted

MAX_SUMMARY_CHARS = 500


class State(StrEnum):
    DONE = "done"
    FAILED = "failed"
    WAITS = "waits"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt at a subtask ended in this run."""

    state: State
    attempt: int
    error: dict[str, Any] | None = None
    question: Question | None = None


@dataclass(slots=True, kw_only=True)
class Attempts:
    """Which attempt is due for a subtask, and by whom; recovery moves it."""

    number: dict[str, int] = field(default_factory=dict)
    agent: dict[str, str] = field(default_factory=dict)


class Coordinator:
    """One pass over one revision of a plan."""

    def __init__(
        self, context: RunContext, plan: Plan, understanding: Understanding, attempts: Attempts
    ) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self._context, self._plan, self._understanding = context, plan, understanding
        self._attempts = attempts
        self._started: set[str] = set()
        self._running: set[str] = set()
        self._at_work: dict[str, asyncio.Task[Any]] = {}
        self._aborted: set[str] = set()
        self._committing: set[str] = set()
        """Successes on their way to the journal: those that end together count each other."""
        self._is_grace_over = False
        self._idle = asyncio.Event()
        self._ancestors = _ancestors(plan)

    async def run(self) -> dict[str, Outcome]:
        """Run until nothing can start and nothing runs.

        Raises:
            LeaseLost, DependencyUnavailable: the run as a whole cannot go on.
        """
        stop_hearing = self._context.signals.on_reset(self._reset_agent)
        try:
            async with asyncio.TaskGroup() as group:
                watcher = group.create_task(self._watch_pause())
                self._start_ready(group)
                await self._idle.wait()
                watcher.cancel()
        except BaseExceptionGroup as errors:
            raise _first(errors) from errors
        finally:
            stop_hearing()
        return self.outcomes

    def _start_ready(self, group: asyncio.TaskGroup) -> None:
        done = {key for key, outcome in self.outcomes.items() if outcome.state is State.DONE}
        if not self._context.signals.pause.is_set():
            for subtask in self._plan.subtasks:
                if subtask.id not in self._started and done.issuperset(subtask.depends_on):
                    self._start(group, subtask)
        if not self._running:
            self._idle.set()

    def _start(self, group: asyncio.TaskGroup, subtask: Subtask) -> None:
        running = self._run_one(group, subtask)
        try:
            group.create_task(running)
        except RuntimeError:  # the group is being cancelled, and an agent went on nevertheless
            running.close()
        else:
            self._started.add(subtask.id)
            self._running.add(subtask.id)

    async def _run_one(self, group: asyncio.TaskGroup, subtask: Subtask) -> None:
        try:
            self.outcomes[subtask.id] = await self._attempt(subtask)
        finally:
            self._running.discard(subtask.id)
        self._start_ready(group)

    async def _watch_pause(self) -> None:
        await self._context.signals.pause.wait()
        await asyncio.sleep(self._context.limits.pause_grace_s)
        self._is_grace_over = True
        for subtask_id in tuple(self._at_work):
            self._abort(subtask_id)

    def _reset_agent(self, agent: str) -> None:
        for subtask_id in tuple(self._at_work):
            if self._agent_of(self._plan.subtask(subtask_id)) == agent:
                self._abort(subtask_id)

    def _abort(self, subtask_id: str) -> None:
        # Only an agent at work is aborted: a commit that is on its way must be waited for.
        self._aborted.add(subtask_id)
        self._at_work[subtask_id].cancel()

    def _agent_of(self, subtask: Subtask) -> str:
        return self._attempts.agent.get(subtask.id, subtask.agent)

    async def _attempt(self, subtask: Subtask) -> Outcome:
        attempt = self._attempts.number.get(subtask.id, 1)
        inputs = {
            "subtask": subtask.to_json(),
            "agent": self._agent_of(subtask),
            "dependencies": {key: digest_of(self._context.results[key].to_json()) for key in subtask.depends_on},
        }
        input_hash = digest_of(inputs)
        while True:
            key = self._context.key("subtask", subtask.id, attempt)
            try:
                found, result = replayed(self._context, key, input_hash)
                break
            except ReplayDiverged:
                attempt += 1  # never old data for other inputs
        self._attempts.number[subtask.id] = attempt
        if not found:
            result = self._inherited(subtask, input_hash)
            if result is not None:
                result = await self._commit(subtask, key, input_hash, result, reused=True)
            else:
                ended = await self._execute(subtask, attempt, key, input_hash)
                if isinstance(ended, Outcome):
                    return ended
                result = ended
        if "error" in result:
            return Outcome(state=State.FAILED, attempt=attempt, error=result["error"])
        self._context.results[subtask.id] = SubtaskResult.from_json(result["ok"])
        return Outcome(state=State.DONE, attempt=attempt)

    def _inherited(self, subtask: Subtask, input_hash: str) -> dict[str, Any] | None:
        return self._context.inherited.get(subtask.id, {}).get(input_hash)

    async def _execute(
        self, subtask: Subtask, attempt: int, key: str, input_hash: str
    ) -> dict[str, Any] | Outcome:
        context, agent_name = self._context, self._agent_of(subtask)
        agent = context.team.agents.get(agent_name)
        work = SubtaskWork(
            context,
            subtask if subtask.agent == agent_name else replace(subtask, agent=agent_name),
            attempt=attempt,
            plan=self._plan,
            understanding=self._understanding,
            results={key: context.results[key] for key in self._ancestors[subtask.id]},
        )
        await context.journal.emit(
            [
                NewEvent(
                    type=EventType.SUBTASK_STARTED,
                    agent=agent_name,
                    subtask_id=subtask.id,
                    data={"run": context.run_id, "attempt": attempt, "title": subtask.title[:200]},
                )
            ]
        )
        started = context.clock.monotonic()
        try:
            if agent is None:
                raise SubtaskFailed(reason="no such agent", agent=agent_name)
            if self._is_grace_over:
                return Outcome(state=State.STOPPED, attempt=attempt)
            context.signals.check_lease()
            outcome = await self._work(agent, work)
            result: dict[str, Any] = {"ok": outcome.to_json()}
        except (LeaseLost, DependencyUnavailable):
            raise
        except asyncio.CancelledError:
            if subtask.id not in self._aborted or context.signals.pause.is_set():
                if subtask.id in self._aborted:
                    _uncancel()
                    return Outcome(state=State.STOPPED, attempt=attempt)
                raise
            _uncancel()
            self._aborted.discard(subtask.id)
            result = {"error": {"code": "AGENT_RESET", "params": {"agent": agent_name}, "retryable": True}}
        except _SubtaskTimeout:
            limit = context.limits.subtask_timeout_s
            result = {"error": {"code": "SUBTASK_TIMEOUT", "params": {"limit_s": limit}, "retryable": True}}
        except Exception as error:
            result = {"error": error_json(error)}
        except BaseException as error:
            question = _question_in(error)
            if question is not None:
                return Outcome(state=State.WAITS, attempt=attempt, question=question)
            if isinstance(error, KeyboardInterrupt):
                raise
            result = {"error": error_json(error)}  # an agent's `sys.exit` ends its subtask, not the server
        duration = round(context.clock.monotonic() - started, 3)
        try:
            return await self._commit(subtask, key, input_hash, result, work=work, duration_s=duration)
        except (LeaseLost, DependencyUnavailable):
            raise
        except Exception as error:  # what the agent gave back cannot be journalled: the subtask's failure
            return await self._commit(subtask, key, input_hash, {"error": error_json(error)}, duration_s=duration)

    async def _work(self, agent: Agent, work: SubtaskWork) -> SubtaskResult:
        task = asyncio.current_task()
        assert task is not None
        self._at_work[work.subtask.id] = task
        self._context.signals.at_work.add(task)
        self._context.on_agents(1)
        limit = asyncio.timeout(self._context.limits.subtask_timeout_s)
        try:
            async with limit:
                return await agent.work(work)
        except TimeoutError:
            if limit.expired():
                raise _SubtaskTimeout from None
            raise
        finally:
            self._context.on_agents(-1)
            self._context.signals.at_work.discard(task)
            del self._at_work[work.subtask.id]

    async def _commit(
        self,
        subtask: Subtask,
        key: str,
        input_hash: str,
        result: dict[str, Any],
        *,
        work: SubtaskWork | None = None,
        duration_s: float = 0.0,
        reused: bool = False,
    ) -> dict[str, Any]:
        """Journal the end of a subtask; the answer is what a replay will read."""
        if "ok" in result:
            kind = EventType.SUBTASK_COMPLETED
            value = result["ok"]
            data = {
                "summary": value["summary"][:MAX_SUMMARY_CHARS],
                "findings": len(value["findings"]),
                "passages": len(value["passages"]),
                "duration_s": duration_s,
                "reused": reused,
            }
            if work is not None and work.cost.model_calls:
                data["cost"] = asdict(work.cost)
        else:
            kind, data = EventType.SUBTASK_FAILED, {"error": result["error"], "duration_s": duration_s}
        event = NewEvent(type=kind, agent=self._agent_of(subtask), subtask_id=subtask.id, data=data)
        try:
            if "ok" in result:
                self._committing.add(subtask.id)
            done = self._committing | {i for i, outcome in self.outcomes.items() if outcome.state is State.DONE}
            await self._context.journal.commit(
                Step(
                    key=key,
                    input_hash=input_hash,
                    result=result,
                    events=(*(work.events if work else ()), event),
                    artifacts=tuple(work.saved.values()) if work and "ok" in result else (),
                    progress=self._plan.progress(done),
                    agent=self._agent_of(subtask),
                    subtask_id=subtask.id,
                )
            )
        finally:
            self._committing.discard(subtask.id)
        _, durable = replayed(self._context, key, input_hash)
        ended: dict[str, Any] = durable
        return ended


class _SubtaskTimeout(Exception):
    """The subtask's own limit, not a time-out inside the agent."""


def error_json(error: BaseException) -> dict[str, Any]:
    """An error as journalled: code, JSON parameters, and whether another attempt may help."""
    if isinstance(error, Fault):
        params = {name: value if isinstance(value, (int, float, bool)) else redacted(str(value))[:500]
                  for name, value in error.params.items()}
        retryable = error.code in RETRYABLE and bool(params.pop("retryable", True))
        return {"code": error.code, "params": params, "retryable": retryable}
    return {
        "code": "SUBTASK_FAILED",
        "params": {"reason": redacted(f"{type(error).__name__}: {error}")[:500]},
        "retryable": True,
    }


RETRYABLE = frozenset(
    {
        "AGENT_RESET",
        "MODEL_ANSWER_INVALID",
        "MODEL_UNAVAILABLE",
        "OUTGOING_FAILED",
        "REPLAY_DIVERGED",
        "SKILL_FAILED",
        "SUBTASK_FAILED",
        "SUBTASK_TIMEOUT",
    }
)
"""Codes of errors that another attempt may not meet again; the rest lie in the input."""


def _ancestors(plan: Plan) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for subtask in plan.ordered():
        own = dict.fromkeys(subtask.depends_on)
        for parent in subtask.depends_on:
            own.update(dict.fromkeys(found[parent]))
        found[subtask.id] = [item.id for item in plan.subtasks if item.id in own]
    return found


def _uncancel() -> None:
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()


def _question_in(error: BaseException) -> Question | None:
    if isinstance(error, WaitsForAnswer):
        return error.question
    if isinstance(error, BaseExceptionGroup):
        waiting, rest = error.split(WaitsForAnswer)
        if waiting is not None and rest is None:
            return _question_in(waiting.exceptions[0])
    return None


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that says most of why a group ended; a lost lease before all."""
    flat: list[BaseException] = []

    def walk(error: BaseException) -> None:
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                walk(inner)
        else:
            flat.append(error)

    walk(errors)
    order: tuple[Callable[[BaseException], bool], ...] = (
        lambda e: isinstance(e, LeaseLost),
        lambda e: isinstance(e, DependencyUnavailable),
        lambda _: True,
    )
    return next(error for test in order for error in flat if test(error))
