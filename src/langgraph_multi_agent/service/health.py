"""Whether the service lives, is ready, and how each dependency does."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.domain.errors import Fault
from langgraph_multi_agent.domain.ports import Artifacts, Clock
from langgraph_multi_agent.service.tasks import TaskService
from langgraph_multi_agent.store import tasks
from langgraph_multi_agent.store.database import Database

State = Literal["ok", "degraded", "down"]
CHECK_DEADLINE_S = 2.0
_WORST_FIRST: tuple[State, ...] = ("down", "degraded")


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyHealth:
    name: str
    state: State
    latency_ms: float
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    state: State
    dependencies: tuple[DependencyHealth, ...]


class HealthService:
    """Liveness is the process itself; readiness asks the dependencies and the drain state."""

    def __init__(
        self,
        *,
        database: Database,
        artifacts: Artifacts,
        clock: Clock,
        tasks: TaskService,
        has_model: bool,
        probes: Mapping[str, Callable[[], Awaitable[bool]]] = MappingProxyType({}),
    ) -> None:
        self._database, self._artifacts, self._clock = database, artifacts, clock
        self._tasks, self._has_model = tasks, has_model
        self._optional = probes

    async def check(self) -> Health:
        """Ask each dependency once, each with a deadline."""
        dependencies: list[DependencyHealth] = []
        probes: dict[str, Callable[[], Awaitable[object]]] = {
            "database": lambda: self._database.read(SYSTEM_SCOPE, tasks.answers),
            "artifacts": lambda: self._artifacts.put(b"probe"),
        }
        for name, probe in probes.items():
            started = self._clock.monotonic()
            try:
                async with asyncio.timeout(CHECK_DEADLINE_S):
                    await probe()
                state: State = "ok"
                detail = ""
            except Exception as error:
                state, detail = "down", _reason(error)
            latency = 1000 * (self._clock.monotonic() - started)
            dependencies.append(
                DependencyHealth(name=name, state=state, latency_ms=round(latency, 2), detail=detail)
            )
        for name, ping in self._optional.items():
            # Without these the service is slower, not gone: work is polled for, answers are not cached.
            started = self._clock.monotonic()
            answers = await ping()
            latency = 1000 * (self._clock.monotonic() - started)
            dependencies.append(
                DependencyHealth(
                    name=name,
                    state="ok" if answers else "degraded",
                    latency_ms=round(latency, 2),
                    detail="" if answers else "no answer",
                )
            )
        model = "configured" if self._has_model else "no model: offline skills only"
        dependencies.append(DependencyHealth(name="model", state="ok", latency_ms=0.0, detail=model))
        states = {dependency.state for dependency in dependencies}
        overall: State = next((state for state in _WORST_FIRST if state in states), "ok")
        return Health(state=overall, dependencies=tuple(dependencies))

    @property
    def is_draining(self) -> bool:
        return self._tasks.is_draining


def _reason(error: Exception) -> str:
    if isinstance(error, Fault) and error.params.get("reason"):
        return str(error.params["reason"])
    return type(error).__name__
