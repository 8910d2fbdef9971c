"""Whether the service lives, is ready, and how each dependency does."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.domain.errors import Fault
from langgraph_multi_agent.domain.ports import Artifacts, Clock
from langgraph_multi_agent.service.rests import Rests
from langgraph_multi_agent.service.tasks import TaskService
from langgraph_multi_agent.store import tasks
from langgraph_multi_agent.store.database import Database

State = Literal["ok", "degraded", "down"]
CHECK_DEADLINE_S = 2.0
MAX_REST_S = 5.0
"""A dependency that is back is seen so soon by those who ask without end."""
NO_ANSWER = "no answer"
_WORST_FIRST: tuple[State, ...] = ("down", "degraded")


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyHealth:
    name: str
    state: State
    latency_ms: float
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How all dependencies did. `took_ms` is for asking them, at the same time."""

    state: State
    dependencies: tuple[DependencyHealth, ...]
    took_ms: float


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
        self._asking: dict[str, asyncio.Future[str]] = {}
        self._checks: Rests[Health] = Rests(max_rest_s=MAX_REST_S, monotonic=clock.monotonic)
        self._writes: Rests[DependencyHealth] = Rests(max_rest_s=MAX_REST_S, monotonic=clock.monotonic)

    async def lately(self) -> Health:
        """The last check while it rests (`rests`), else a new one: for whoever may ask without end."""
        return await self._checks.get("all", self.check)

    async def check(self, *, may_write: bool = True) -> Health:
        """Ask all dependencies at once; each has CHECK_DEADLINE_S, so the whole check has.

        Args:
            may_write: False: the store of artifacts, which is asked by writing, is told as it was lately.
        """
        began = self._clock.monotonic()
        asked = [
            self._ask("database", lambda: self._database.read(SYSTEM_SCOPE, tasks.answers), "down"),
            self._ask_artifacts() if may_write else self._writes.get("artifacts", self._ask_artifacts),
        ]
        # Without these the service is slower, not gone: work is polled for, answers are not cached.
        asked += [self._ask(name, ping, "degraded") for name, ping in self._optional.items()]
        dependencies = list(await asyncio.gather(*asked))
        model = "configured" if self._has_model else "no model: offline skills only"
        dependencies.append(DependencyHealth(name="model", state="ok", latency_ms=0.0, detail=model))
        states = {dependency.state for dependency in dependencies}
        overall: State = next((state for state in _WORST_FIRST if state in states), "ok")
        took_ms = round(1000 * (self._clock.monotonic() - began), 2)
        return Health(state=overall, dependencies=tuple(dependencies), took_ms=took_ms)

    async def _ask_artifacts(self) -> DependencyHealth:
        return await self._ask("artifacts", lambda: self._artifacts.put(b"probe"), "down")

    async def _ask(self, name: str, probe: Callable[[], Awaitable[object]], failed: State) -> DependencyHealth:
        """Put one question; one that hangs is not put again before it has ended.

        A call to the database ends when its thread does, cancelled or not: it is not waited for.
        """
        started = self._clock.monotonic()
        asking = self._asking.get(name)
        if asking is None:
            asking = self._asking[name] = asyncio.ensure_future(_answer(probe))
            asking.add_done_callback(lambda _: self._asking.pop(name))
        done, _ = await asyncio.wait({asking}, timeout=CHECK_DEADLINE_S)
        detail = asking.result() if done else NO_ANSWER
        return DependencyHealth(
            name=name,
            state=failed if detail else "ok",
            latency_ms=round(1000 * (self._clock.monotonic() - started), 2),
            detail=detail,
        )

    @property
    def is_draining(self) -> bool:
        return self._tasks.is_draining


async def _answer(probe: Callable[[], Awaitable[object]]) -> str:
    """What is wrong; empty if nothing is."""
    try:
        return NO_ANSWER if await probe() is False else ""
    except Exception as error:
        return _reason(error)


def _reason(error: Exception) -> str:
    if isinstance(error, Fault) and error.params.get("reason"):
        return str(error.params["reason"])
    return type(error).__name__
