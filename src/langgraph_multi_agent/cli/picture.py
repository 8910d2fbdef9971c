"""A task as a watcher sees it: its plan with each subtask's state, folded from events.

Pure. Callers: the live view, `tasks watch`, `tasks show`. Invariant: the same events give the same
picture, and an event that comes twice changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

SYMBOLS: Mapping[str, str] = {
    "pending": "○",
    "running": "◐",
    "waiting_input": "◆",
    "paused": "‖",
    "completed": "●",
    "failed": "▲",
    "cancelled": "⊘",
}
"""The seven shapes of ../shared/ui.md, the same in the web interface."""
COLOURS: Mapping[str, str] = {
    "pending": "bright_black",
    "running": "blue",
    "waiting_input": "yellow",
    "paused": "bright_black",
    "completed": "green",
    "failed": "red",
    "cancelled": "bright_black",
}
_SHAPE_OF: Mapping[str, str] = {"in_progress": "running", "skipped": "cancelled"}


def shape(status: str) -> str:
    """The one of seven shapes for a task's or a subtask's status."""
    found = _SHAPE_OF.get(status, status)
    return found if found in SYMBOLS else "pending"


def symbol(status: str) -> str:
    return SYMBOLS[shape(status)]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent:
    """One event of a task. `seq` is None for progress that is not kept."""

    seq: int | None
    type: str
    at: str
    agent: str | None
    subtask_id: str | None
    data: Mapping[str, Any]

    @classmethod
    def of(cls, value: Mapping[str, Any], *, kind: str = "") -> Self:
        seq = value.get("seq")
        return cls(
            seq=int(seq) if seq is not None else None,
            type=str(value.get("type") or kind),
            at=str(value.get("at") or ""),
            agent=value.get("agent"),
            subtask_id=value.get("subtask_id"),
            data=value["data"] if isinstance(value.get("data"), Mapping) else dict(value),
        )


@dataclass(slots=True, kw_only=True)
class Node:
    """A subtask. `level` is the longest way from a start; times are UTC."""

    id: str
    title: str
    agent: str = ""
    depends_on: tuple[str, ...] = ()
    level: int = 0
    status: str = "pending"
    attempt: int = 1
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration_s: float | None = None
    error: str = ""
    doing: str = ""

    def elapsed_s(self, now: datetime) -> float | None:
        """Seconds it took or has taken so far; None before it started."""
        if self.duration_s is not None and self.status != "running":
            return self.duration_s
        if self.started_at is None:
            return None
        return max(0.0, ((self.ended_at or now) - self.started_at).total_seconds())


@dataclass(slots=True, kw_only=True)
class Picture:
    """A task and its plan. `seq` is the last event folded in."""

    task_id: str
    title: str
    status: str = "pending"
    seq: int = 0
    revision: int = 0
    nodes: dict[str, Node] = field(default_factory=dict)
    started_at: datetime | None = None
    ended_at: datetime | None = None
    review: Mapping[str, Any] = field(default_factory=dict)
    questions: tuple[Mapping[str, Any], ...] = ()
    artifacts: int = 0
    tokens: int = 0

    @property
    def done(self) -> int:
        return sum(1 for node in self.nodes.values() if node.status == "completed")

    @property
    def is_over(self) -> bool:
        return self.status in ("completed", "failed", "cancelled")

    @property
    def needs_plan(self) -> bool:
        """A plan was announced that was too large for its event."""
        return self.revision > 0 and not self.nodes

    def elapsed_s(self, now: datetime) -> float:
        if self.started_at is None:
            return 0.0
        return max(0.0, ((self.ended_at or now) - self.started_at).total_seconds())

    def set_plan(self, revision: int, subtasks: Sequence[Mapping[str, Any]]) -> None:
        """Take a plan's nodes; what is known of subtasks that it keeps stays."""
        known = self.nodes
        self.revision, self.nodes = revision, {}
        for item in subtasks:
            node = known.get(str(item["id"])) or Node(id=str(item["id"]), title="")
            node.title = str(item.get("title") or item["id"])
            node.agent = str(item.get("agent") or "")
            node.depends_on = tuple(item.get("depends_on") or ())
            if "status" in item and node.status == "pending":
                node.status = str(item["status"])
            self.nodes[node.id] = node
        for _ in self.nodes:
            moved = False
            for node in self.nodes.values():
                above = [self.nodes[d].level + 1 for d in node.depends_on if d in self.nodes]
                if above and max(above) > node.level and max(above) <= len(self.nodes):
                    node.level, moved = max(above), True
            if not moved:
                break

    def apply(self, event: StreamEvent) -> bool:
        """Fold one event in; False if it was known."""
        if event.seq is None:
            if event.subtask_id in self.nodes or event.data.get("subtask_id") in self.nodes:
                self._progress(event)
            return True
        if event.seq <= self.seq:
            return False
        self.seq = event.seq
        subject, _, word = event.type.partition(".")
        match subject:
            case "task":
                self._of_task(word, event)
            case "plan":
                self._of_plan(event)
            case "subtask" | "recovery":
                self._of_subtask(word, event)
            case "review" if "criteria" in event.data:
                self.review = event.data
            case "artifact":
                self.artifacts += 1
            case "model":
                self.tokens += sum(int(event.data.get(k) or 0) for k in ("input_tokens", "output_tokens"))
            case _:
                pass
        return True

    def _of_task(self, word: str, event: StreamEvent) -> None:
        at = moment(event.at)
        match word:
            case "started":
                self.status, self.ended_at, self.questions = "in_progress", None, ()
                self.started_at = self.started_at or at
                self._stop_running("pending")
            case "resumed" | "reopened":
                self.status, self.ended_at = "pending", None
                self._stop_running("pending")
            case "waiting_input":
                self.status = "waiting_input"
                self.questions = tuple(event.data.get("questions") or ())
                self._stop_running("waiting_input")
            case "paused":
                self.status = "paused"
                self._stop_running("paused")
            case "completed" | "failed" | "cancelled":
                self.status, self.ended_at, self.questions = word, at, ()
                self._stop_running("cancelled")
                for node in self.nodes.values():
                    if node.status in ("pending", "waiting_input", "paused"):
                        node.status = "cancelled"
            case _:
                pass

    def _stop_running(self, status: str) -> None:
        for node in self.nodes.values():
            if node.status in ("running", "paused", "waiting_input"):
                node.status, node.doing = status, ""
                if status == "pending":
                    node.started_at = None

    def _of_plan(self, event: StreamEvent) -> None:
        revision = int(event.data.get("revision") or self.revision + 1)
        subtasks = event.data.get("subtasks")
        if subtasks:
            self.set_plan(revision, subtasks)
        else:
            self.revision, self.nodes = revision, {}

    def _of_subtask(self, word: str, event: StreamEvent) -> None:
        node = self.nodes.get(event.subtask_id or "")
        if node is None:
            return
        node.agent = event.agent or node.agent
        at = moment(event.at)
        match word:
            case "started":
                node.status, node.started_at, node.ended_at, node.duration_s = "running", at, None, None
                node.attempt, node.error = int(event.data.get("attempt") or node.attempt), ""
            case "completed":
                node.status, node.ended_at, node.doing = "completed", at, ""
                node.duration_s = event.data.get("duration_s")
            case "failed":
                node.status, node.ended_at, node.doing = "failed", at, ""
                node.duration_s = event.data.get("duration_s")
                node.error = error_code(event.data.get("error"))
            case "retried":
                node.status, node.started_at = "pending", None
                node.attempt = int(event.data.get("attempt") or node.attempt + 1)
            case _:
                pass

    def _progress(self, event: StreamEvent) -> None:
        node = self.nodes.get(event.subtask_id or "") or self.nodes[str(event.data["subtask_id"])]
        step = event.data.get("step") or event.data.get("text")
        if isinstance(step, str):
            node.doing = step


def error_code(error: Any) -> str:
    return str(error.get("code") or "") if isinstance(error, Mapping) else str(error or "")


def moment(iso: str) -> datetime:
    """The time of an event; now if it has none that can be read."""
    try:
        return datetime.fromisoformat(iso).astimezone(UTC)
    except ValueError:
        return datetime.now(UTC)
