"""What to do about failed subtasks: retry, another agent, go on without, or give up.

Pure decisions over journalled facts, so that a replay decides the same. The node that applies
them is in `graph`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from langgraph_multi_agent.agents.contract import Agent
from langgraph_multi_agent.domain.plan import Plan, Subtask

BACKOFF_BASE_S = 0.5
BACKOFF_CAP_S = 30.0


class Decision(StrEnum):
    RETRY = "retry"
    OTHER_AGENT = "other_agent"
    GO_ON_WITHOUT = "go_on_without"
    GIVE_UP = "give_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """A decision for one failed subtask; `wait_s` before the next attempt."""

    decision: Decision
    agent: str
    wait_s: float = 0.0


def remedy_for(
    subtask: Subtask,
    *,
    error: Mapping[str, Any],
    attempt: int,
    agent: str,
    tried_agents: frozenset[str],
    agents: Mapping[str, Agent],
    max_attempts: int,
) -> Remedy:
    """Choose for one failed attempt.

    The wait doubles with each attempt from 0.5 s, at most 30 s (exponential back-off without
    jitter: one task does not compete with itself).
    """
    if error.get("retryable") and attempt < max_attempts:
        wait = min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2 ** (attempt - 1))
        return Remedy(decision=Decision.RETRY, agent=agent, wait_s=wait)
    for name in sorted(agents):
        if name not in tried_agents and subtask.capability in agents[name].capabilities:
            return Remedy(decision=Decision.OTHER_AGENT, agent=name)
    return Remedy(decision=Decision.GO_ON_WITHOUT, agent=agent)


def plan_without(
    plan: Plan, failed: Mapping[str, Mapping[str, Any]], *, alive: frozenset[str], reason: str
) -> Plan | None:
    """The next revision without failed subtasks, or None if too little would be left.

    Subtasks that need a failed one run without it if another of their dependencies is done, and
    find it in their parameter `undone`; those left with nothing to work on go as well. `alive` are
    the subtasks that are done or may still be: without one of them nothing would be left.
    """
    removed = {key: dict(error) for key, error in failed.items()}
    kept: list[Subtask] = []
    for subtask in plan.ordered():
        if subtask.id in removed:
            continue
        missing = [key for key in subtask.depends_on if key in removed]
        if not missing:
            kept.append(subtask)
            continue
        left = tuple(key for key in subtask.depends_on if key not in removed)
        if not left:
            removed[subtask.id] = {"code": "DEPENDENCY_FAILED", "params": {"subtask": missing[0]}}
            continue
        undone = [
            {"id": key, "title": plan.subtask(key).title, "code": removed[key].get("code", "")} for key in missing
        ]
        earlier = list(subtask.parameters.get("undone", ()))
        parameters = {**subtask.parameters, "undone": earlier + undone}
        kept.append(replace(subtask, depends_on=left, parameters=parameters))
    if not kept or not alive.intersection(item.id for item in kept):
        return None
    order = {item.id: position for position, item in enumerate(plan.subtasks)}
    kept.sort(key=lambda item: order[item.id])
    return Plan(revision=plan.revision + 1, subtasks=tuple(kept), reason=reason)
