"""Plan: a DAG of subtasks, versioned by revision.

Invariant: ids are unique, dependencies exist, there is no cycle, depth and size are within
limits. A repair plan is a new revision; subtasks it keeps have the same id and keep their results.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from typing import Any

from langgraph_multi_agent.domain.canonical import fields_of
from langgraph_multi_agent.domain.errors import PlanInvalid

MAX_ID_CHARS = 100
"""Subtask ids are part of journal keys, which are bounded and split at slashes."""


class SubtaskStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    WAITING_INPUT = "waiting_input"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subtask:
    """One node of the plan.

    Attributes:
        parameters: what the agent needs to know, JSON values only.
        inputs: names of the task's files it reads.
        success_criteria: codes or sentences that the review gives a verdict on, one each.
        weight: share of the progress, a positive number.
        reason: why the planner put it here, in the task's language.
    """

    id: str
    title: str
    capability: str
    agent: str
    depends_on: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    success_criteria: tuple[str, ...] = ()
    weight: float = 1.0
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        value = fields_of(self)
        for name in ("depends_on", "inputs", "success_criteria"):
            value[name] = list(value[name])
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Subtasks in plan order, which is also the order in which ready ones start."""

    revision: int
    subtasks: tuple[Subtask, ...]
    reason: str = ""

    def subtask(self, subtask_id: str) -> Subtask:
        return next(item for item in self.subtasks if item.id == subtask_id)

    def dependents_of(self, subtask_ids: Iterable[str]) -> frozenset[str]:
        """Ids of all subtasks that need one of these, directly or not."""
        found = set(subtask_ids)
        start = frozenset(found)
        for item in self.ordered():
            if found.intersection(item.depends_on):
                found.add(item.id)
        return frozenset(found - start)

    def ordered(self) -> tuple[Subtask, ...]:
        """The subtasks so that each comes after what it depends on."""
        by_id = {item.id: item for item in self.subtasks}
        order = TopologicalSorter({item.id: item.depends_on for item in self.subtasks})
        return tuple(by_id[subtask_id] for subtask_id in order.static_order())

    def validate(self, *, max_subtasks: int, max_depth: int) -> None:
        """Check the invariant.

        Raises:
            PlanInvalid: naming the fault and the subtask.
        """
        if not self.subtasks:
            raise PlanInvalid(reason="empty", subtask="")
        if len(self.subtasks) > max_subtasks:
            raise PlanInvalid(reason=f"more than {max_subtasks} subtasks", subtask="")
        ids = [item.id for item in self.subtasks]
        if len(set(ids)) != len(ids):
            twice = next(i for i in ids if ids.count(i) > 1)
            raise PlanInvalid(reason="id used twice", subtask=twice)
        for item in self.subtasks:
            if not item.id or len(item.id) > MAX_ID_CHARS or "/" in item.id:
                raise PlanInvalid(reason=f"id must be 1 to {MAX_ID_CHARS} characters without a slash", subtask=item.id)
            missing = set(item.depends_on) - set(ids)
            if missing:
                raise PlanInvalid(reason=f"unknown dependency {min(missing)}", subtask=item.id)
            if not item.weight > 0:
                raise PlanInvalid(reason="weight must be positive", subtask=item.id)
        try:
            ordered = self.ordered()
        except CycleError as error:
            raise PlanInvalid(reason="cycle", subtask=str(error.args[1][0])) from error
        depth: dict[str, int] = {}
        for item in ordered:
            depth[item.id] = 1 + max((depth[d] for d in item.depends_on), default=0)
        if max(depth.values()) > max_depth:
            raise PlanInvalid(reason=f"deeper than {max_depth}", subtask=max(depth, key=depth.__getitem__))

    def progress(self, done: Iterable[str]) -> int:
        """Done weight over weight, 0–99: only a completed task shows 100."""
        finished = set(done)
        total = sum(item.weight for item in self.subtasks)
        part = sum(item.weight for item in self.subtasks if item.id in finished)
        return min(99, int(100 * part / total)) if total else 0

    def to_json(self) -> dict[str, Any]:
        subtasks = [item.to_json() for item in self.subtasks]
        return {"revision": self.revision, "subtasks": subtasks, "reason": self.reason}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Plan":
        return cls(
            revision=value["revision"],
            reason=value.get("reason", ""),
            subtasks=tuple(
                Subtask(
                    **{
                        **item,
                        "depends_on": tuple(item.get("depends_on", ())),
                        "inputs": tuple(item.get("inputs", ())),
                        "success_criteria": tuple(item.get("success_criteria", ())),
                    }
                )
                for item in value["subtasks"]
            ),
        )
