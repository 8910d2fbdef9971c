"""What one run of one task works with, and the signals that reach it from outside.

Built by `service.execution` for each run. Invariant: nothing here outlives the run.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from langgraph.runtime import RunControl

from langgraph_multi_agent.agents.contract import Team
from langgraph_multi_agent.domain.errors import LeaseLost
from langgraph_multi_agent.domain.ports import (
    Artifacts,
    BudgetGuard,
    Clock,
    EffectLedger,
    Journal,
    Model,
    SkillRunner,
)
from langgraph_multi_agent.domain.result import Question, SubtaskResult
from langgraph_multi_agent.domain.task import Task
from langgraph_multi_agent.tools.contract import Tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one run; durations in seconds."""

    max_subtasks: int = 64
    max_depth: int = 16
    max_repair_rounds: int = 2
    max_attempts: int = 3
    subtask_timeout_s: float = 900.0
    pause_grace_s: float = 30.0
    recursion: int = 64


class WaitsForAnswer(BaseException):
    """A subtask cannot go on without a person. Not an `Exception`: agents must not swallow it."""

    def __init__(self, question: Question) -> None:
        super().__init__(question.id)
        self.question = question


class RunSignals:
    """What reaches a running task: pause, agent resets, and how long its lease is still good.

    Cancelling is the cancellation of the run's asyncio task, not a signal.
    """

    def __init__(self, clock: Clock, *, owner_grace_s: float) -> None:
        self._clock, self._owner_grace_s = clock, owner_grace_s
        self._confirmed = clock.monotonic()
        self._reset_listeners: set[Callable[[str], None]] = set()
        self.graph = RunControl()
        self.pause = asyncio.Event()
        self.at_work: set[asyncio.Task[Any]] = set()
        """Agents, for who cancels a run once more: a task group that is ending does not pass that on."""

    def confirm_lease(self, at: float) -> None:
        """A heartbeat that began at this monotonic time found the lease in order."""
        self._confirmed = max(self._confirmed, at)

    @property
    def lease_left_s(self) -> float:
        return self._confirmed + self._owner_grace_s - self._clock.monotonic()

    def check_lease(self) -> None:
        """Call before anything that costs or has effect. Raises LeaseLost."""
        if self.lease_left_s <= 0:
            raise LeaseLost(reason="no confirmed heartbeat")

    def request_pause(self) -> None:
        """Start nothing new; the graph stops at its next boundary."""
        self.pause.set()
        self.graph.request_drain("pause")

    def reset_agent(self, agent: str) -> None:
        """Abort what this agent does in this run."""
        for listener in tuple(self._reset_listeners):
            listener(agent)

    def on_reset(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """Hear of resets; call the answer to stop hearing."""
        self._reset_listeners.add(listener)
        return lambda: self._reset_listeners.discard(listener)


@dataclass(slots=True, kw_only=True)
class RunContext:
    """A run's task, hands and memory.

    `results` holds the results of finished subtasks by id, filled by execution and replay alike;
    `inherited` those that a retry may keep: id → input hash → result.
    """

    task: Task
    run_id: str
    team: Team
    journal: Journal
    effects: EffectLedger
    artifacts: Artifacts
    skills: SkillRunner
    tools: Mapping[str, Tool]
    model: Model | None
    budget: Callable[[str, str | None], BudgetGuard]
    publish: Callable[[Mapping[str, Any]], None]
    signals: RunSignals
    limits: Limits
    clock: Clock
    results: dict[str, SubtaskResult] = field(default_factory=dict)
    inherited: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    questions: dict[str, Question] = field(default_factory=dict)
    on_recovery: Callable[[str], None] = lambda _: None
    on_agents: Callable[[int], None] = lambda _: None

    def key(self, *parts: object) -> str:
        """A journal key of this generation."""
        return "/".join((str(self.task.generation), *(str(part) for part in parts)))
