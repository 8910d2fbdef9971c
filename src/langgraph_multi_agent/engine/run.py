"""Driving one run of the graph to its end, and saying how it ended.

Caller: `service.execution`. Hides LangGraph's invocation: always from the start, a saver of the
run's own, checkpoints at exit only, drain as pause. Invariant: raises only what is the run's
(LeaseLost, DependencyUnavailable, cancellation); everything of the task is an `Ended`.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.errors import GraphDrained, GraphRecursionError
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Interrupt

from langgraph_multi_agent.domain.errors import DependencyUnavailable, LeaseLost
from langgraph_multi_agent.engine.context import RunContext
from langgraph_multi_agent.engine.coordinator import error_json
from langgraph_multi_agent.engine.graph import TaskState, build


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run ended. `result` is kept also where the task failed with part of it done."""

    how: Literal["completed", "failed", "parked", "paused", "drained"]
    result: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    detail: str | None = None
    questions: tuple[Mapping[str, Any], ...] = ()


class Engine(Protocol):
    async def run(self, context: RunContext, saver: BaseCheckpointSaver[Any] | None) -> Ended: ...


class GraphEngine:
    """Runs tasks on the compiled graph. One per process."""

    def __init__(self) -> None:
        self._graph: CompiledStateGraph[TaskState, RunContext, TaskState, TaskState] = build()

    async def run(self, context: RunContext, saver: BaseCheckpointSaver[Any] | None) -> Ended:
        """Run a task from its start, replaying what the journal has.

        Raises:
            LeaseLost, DependencyUnavailable: the run ended, the task did not.
        """
        graph = copy.copy(self._graph)
        graph.checkpointer = saver
        try:
            output = await graph.ainvoke(
                {},
                {"configurable": {"thread_id": context.task.id}, "recursion_limit": context.limits.recursion},
                context=context,
                durability="exit",
                control=context.signals.graph,
                version="v2",
            )
        except GraphDrained:
            return Ended(how="paused" if context.signals.pause.is_set() else "drained")
        except (LeaseLost, DependencyUnavailable):
            raise
        except GraphRecursionError:
            return Ended(how="failed", error={"code": "LIMIT_EXCEEDED", "params": {"what": "graph steps"}})
        except Exception as error:
            return Ended(how="failed", error=error_json(error))
        return _ended(context, output.value or {}, output.interrupts)


def _ended(context: RunContext, state: Mapping[str, Any], interrupts: Sequence[Interrupt]) -> Ended:
    if interrupts:
        return Ended(how="parked", questions=tuple(q for item in interrupts for q in item.value))
    if "error" in state:
        return Ended(how="failed", error=state["error"], result=state.get("result"))
    if "result" in state:
        detail = "partial" if state.get("is_reduced") else None
        return Ended(how="completed", result=state["result"], detail=detail)
    if context.signals.pause.is_set():
        return Ended(how="paused")
    return Ended(how="failed", error={"code": "INTERNAL_ERROR", "params": {"reason": "the graph ended early"}})
