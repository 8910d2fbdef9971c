"""A plan as people see it: the journalled plan with each subtask's state folded from events.

Pure. The front end and the CLI fold the same events to the same picture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from langgraph_multi_agent.domain.event import Event, EventType
from langgraph_multi_agent.domain.plan import Plan, Subtask, SubtaskStatus
from langgraph_multi_agent.domain.task import Cost, Task, TaskStatus, is_terminal


@dataclass(slots=True, kw_only=True)
class SubtaskView:
    """One node with its state. Times are UTC; `error` is `{"code", "params"}`."""

    subtask: Subtask
    status: SubtaskStatus = SubtaskStatus.PENDING
    agent: str = ""
    attempts: int = 0
    started_at: datetime | None = None
    completed_at: datetime | None = None
    summary: str | None = None
    error: Mapping[str, Any] | None = None
    cost: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """A revision of the plan; `revisions` lists all there are, the newest last."""

    revision: int
    revisions: tuple[int, ...]
    reason: str
    subtasks: tuple[SubtaskView, ...]


def fold_plan(
    plan: Plan,
    events: Sequence[Event],
    *,
    task: Task,
    revisions: tuple[int, ...],
    spent: Mapping[str, Cost],
) -> PlanView:
    """Replay a task's subtask events over a plan.

    Args:
        spent: what each subtask has spent on models over all its attempts, by id.
    """
    views = {item.id: SubtaskView(subtask=item, agent=item.agent) for item in plan.subtasks}
    for event in events:
        if event.type is EventType.TASK_REOPENED:
            views = {item.id: SubtaskView(subtask=item, agent=item.agent) for item in plan.subtasks}
        elif event.type in (EventType.TASK_STARTED, EventType.TASK_RESUMED):
            for view in views.values():
                if view.status is SubtaskStatus.RUNNING:
                    view.status = SubtaskStatus.PENDING
        elif event.subtask_id in views:
            _apply(views[event.subtask_id], event)
    if is_terminal(task.status) or task.status is not TaskStatus.IN_PROGRESS:
        for view in views.values():
            if view.status is SubtaskStatus.RUNNING:
                waits = task.status is TaskStatus.WAITING_INPUT
                view.status = SubtaskStatus.WAITING_INPUT if waits else SubtaskStatus.PENDING
            if view.status is SubtaskStatus.PENDING and is_terminal(task.status):
                view.status = SubtaskStatus.SKIPPED
    for key, cost in spent.items():
        if key in views:
            views[key].cost = asdict(cost)
    return PlanView(
        revision=plan.revision, revisions=revisions, reason=plan.reason, subtasks=tuple(views.values())
    )


def fill_gaps(view: PlanView, ended: Mapping[str, tuple[int, Mapping[str, Any]]]) -> None:
    """Say of subtasks whose events retention took how they ended, from the journal, and not that they were skipped.

    Args:
        ended: the last attempt's number and journalled result of each subtask, by id.
    """
    for item in view.subtasks:
        if is_untold(item) and item.subtask.id in ended:
            item.attempts, result = ended[item.subtask.id]
            if "ok" in result:
                item.status, item.summary = SubtaskStatus.COMPLETED, result["ok"].get("summary")
            else:
                item.status, item.error = SubtaskStatus.FAILED, result.get("error")


def is_untold(item: SubtaskView) -> bool:
    """Whether a task that ended has no event of this subtask: it was skipped, or retention took them."""
    return item.status is SubtaskStatus.SKIPPED and item.started_at is None


def _apply(view: SubtaskView, event: Event) -> None:
    view.agent = event.agent or view.agent
    match event.type:
        case EventType.SUBTASK_STARTED:
            view.status, view.started_at, view.error = SubtaskStatus.RUNNING, event.at, None
            view.attempts = max(view.attempts, int(event.data.get("attempt", 1)))
        case EventType.SUBTASK_COMPLETED:
            view.status, view.completed_at = SubtaskStatus.COMPLETED, event.at
            view.summary, view.error = event.data.get("summary"), None
        case EventType.SUBTASK_FAILED:
            view.status, view.completed_at = SubtaskStatus.FAILED, event.at
            view.error = event.data.get("error")
        case EventType.SUBTASK_RETRIED:
            view.status = SubtaskStatus.PENDING
        case _:
            pass
