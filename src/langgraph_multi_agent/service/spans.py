"""A task's time line: what ran from when to when, and inside what, folded from its event log.

Pure. Invariant: every start and end is the time of an event, or of an event minus the duration that
it measured; what has not ended has no end. Work that was cut off without an event of its own (its
process died) ends where the next run begins, with the status `interrupted`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from langgraph_multi_agent.domain.event import Event, EventType


class SpanKind(StrEnum):
    TASK = "task"
    RUN = "run"
    PLAN = "plan"
    SUBTASK = "subtask"
    ATTEMPT = "attempt"
    TOOL = "tool"
    SKILL = "skill"
    MODEL = "model"
    RECOVERY = "recovery"
    REVIEW = "review"


class SpanStatus(StrEnum):
    RUNNING = "running"
    WAITING_INPUT = "waiting_input"
    PAUSED = "paused"
    COMPLETED = "completed"
    REUSED = "reused"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


@dataclass(slots=True, kw_only=True)
class Span:
    """One bar of the time line.

    Attributes:
        id: stable for the same log; `parent` is another span's, None for the task itself.
        end: None while it goes on; equal to `start` where the log knows one moment only.
        detail: what its events say beyond that, such as a code, a decision or tokens.
    """

    id: str
    kind: SpanKind
    name: str
    start: datetime
    end: datetime | None = None
    status: SpanStatus = SpanStatus.RUNNING
    parent: str | None = None
    agent: str | None = None
    subtask_id: str | None = None
    generation: int = 1
    detail: dict[str, Any] = field(default_factory=dict)

    def close(self, at: datetime, status: SpanStatus) -> None:
        self.end, self.status = at, status


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLine:
    """The spans of a task in the order of their starts in the log.

    Attributes:
        first_seq, last_seq: the events they are made of, without a gap; 0 if there are none.
        is_complete: nothing of the log is missing before, by retention, or after, by the limit.
    """

    spans: tuple[Span, ...]
    first_seq: int
    last_seq: int
    is_complete: bool


_RUN_ENDS = {
    EventType.TASK_WAITING_INPUT: SpanStatus.WAITING_INPUT,
    EventType.TASK_PAUSED: SpanStatus.PAUSED,
    EventType.TASK_COMPLETED: SpanStatus.COMPLETED,
    EventType.TASK_FAILED: SpanStatus.FAILED,
    EventType.TASK_CANCELLED: SpanStatus.CANCELLED,
}
_FINAL = frozenset({SpanStatus.COMPLETED, SpanStatus.FAILED, SpanStatus.CANCELLED})


def fold_spans(events: Sequence[Event], *, title: str, last_seq: int) -> TimeLine:
    """The time line of one task.

    Args:
        events: of the task, in order.
        title: its own.
        last_seq: of the task, to tell whether `events` are all.
    """
    if not events:
        return TimeLine(spans=(), first_seq=0, last_seq=0, is_complete=last_seq == 0)
    fold = _Fold(title, events[0].at)
    for event in events:
        fold.take(event)
    first, last = events[0].seq, events[-1].seq
    return TimeLine(
        spans=tuple(fold.spans), first_seq=first, last_seq=last, is_complete=first == 1 and last >= last_seq
    )


class _Fold:
    def __init__(self, title: str, start: datetime) -> None:
        self.root = Span(id="task", kind=SpanKind.TASK, name=title, start=start)
        self.spans = [self.root]
        self._generation = 1
        self._run: Span | None = None
        self._subtasks: dict[str, Span] = {}
        self._attempts: dict[str, Span] = {}
        self._titles: dict[str, str] = {}

    def take(self, event: Event) -> None:
        match event.type:
            case EventType.TASK_STARTED | EventType.TASK_RESUMED if "run" in event.data:
                self._start_run(event)
            case EventType.TASK_RESUMED | EventType.TASK_REOPENED:
                self._reopen(event)
            case kind if kind in _RUN_ENDS:
                self._end_run(event, _RUN_ENDS[kind])
            case EventType.PLAN_CREATED | EventType.PLAN_REVISED:
                self._plan(event)
            case EventType.SUBTASK_STARTED:
                self._start_subtask(event)
            case EventType.SUBTASK_COMPLETED | EventType.SUBTASK_FAILED:
                self._end_subtask(event)
            case EventType.TOOL_CALLED | EventType.MODEL_CALLED:
                self._call(event)
            case EventType.RECOVERY_ATTEMPTED:
                self._moment(event, SpanKind.RECOVERY, str(event.data.get("decision", "")))
            case EventType.REVIEW_VERDICT:
                failed = bool(event.data.get("failed"))
                status = SpanStatus.FAILED if failed else SpanStatus.COMPLETED
                self._moment(event, SpanKind.REVIEW, f"{event.data.get('revision', '')}", status)
            case _:
                pass

    def _add(self, span: Span) -> Span:
        span.generation = self._generation
        self.spans.append(span)
        return span

    def _start_run(self, event: Event) -> None:
        self._cut_off(event.at, SpanStatus.INTERRUPTED)
        self.root.end, self.root.status = None, SpanStatus.RUNNING
        self._generation = int(event.data.get("generation", self._generation))
        self._run = self._add(
            Span(
                id=f"run:{event.seq}",
                kind=SpanKind.RUN,
                name=str(event.data.get("worker", "")),
                start=event.at,
                parent=self.root.id,
                detail={"epoch": event.data.get("epoch")},
            )
        )

    def _reopen(self, event: Event) -> None:
        self.root.end, self.root.status = None, SpanStatus.RUNNING
        if event.type is EventType.TASK_REOPENED:
            self._generation = int(event.data.get("generation", self._generation + 1))
            self._subtasks.clear()

    def _end_run(self, event: Event, status: SpanStatus) -> None:
        is_final = status in _FINAL
        self._cut_off(event.at, SpanStatus.INTERRUPTED if is_final else status, run_status=status)
        if is_final:
            for subtask in self._subtasks.values():
                if subtask.end is None:
                    subtask.close(event.at, SpanStatus.INTERRUPTED)
            self.root.close(event.at, status)
        else:
            self.root.status = status

    def _cut_off(self, at: datetime, status: SpanStatus, *, run_status: SpanStatus | None = None) -> None:
        for attempt in self._attempts.values():
            attempt.close(at, status)
        self._attempts.clear()
        if self._run is not None:
            self._run.close(at, run_status or status)
            self._run = None

    def _plan(self, event: Event) -> None:
        for item in event.data.get("subtasks", ()):
            self._titles[item["id"]] = item["title"]
        # The first plan is what a run makes before all else; when a later one was begun nobody wrote down.
        is_first = event.type is EventType.PLAN_CREATED and self._run is not None
        start = self._run.start if is_first and self._run is not None else event.at
        detail = {"revision": event.data.get("revision"), "count": event.data.get("count")}
        span = Span(
            id=f"plan:{event.seq}",
            kind=SpanKind.PLAN,
            name=str(event.data.get("revision", "")),
            start=start,
            parent=self._inside(event),
            detail=detail,
        )
        self._add(span).close(event.at, SpanStatus.COMPLETED)

    def _start_subtask(self, event: Event) -> None:
        key = event.subtask_id or ""
        title = str(event.data.get("title") or self._titles.get(key, key))
        subtask = self._subtasks.get(key)
        if subtask is None:
            subtask = self._new_subtask(event, title)
        subtask.end, subtask.status, subtask.agent = None, SpanStatus.RUNNING, event.agent
        earlier = self._attempts.pop(key, None)
        if earlier is not None:
            earlier.close(event.at, SpanStatus.INTERRUPTED)
        number = event.data.get("attempt", 1)
        self._attempts[key] = self._add(
            Span(
                id=f"attempt:{event.seq}",
                kind=SpanKind.ATTEMPT,
                name=title,
                start=event.at,
                parent=subtask.id,
                agent=event.agent,
                subtask_id=key,
                detail={"attempt": number},
            )
        )

    def _new_subtask(self, event: Event, title: str) -> Span:
        key = event.subtask_id or ""
        subtask = self._subtasks[key] = self._add(
            Span(
                id=f"subtask:{event.seq}",
                kind=SpanKind.SUBTASK,
                name=title,
                start=event.at,
                parent=self.root.id,
                agent=event.agent,
                subtask_id=key,
            )
        )
        return subtask

    def _end_subtask(self, event: Event) -> None:
        key = event.subtask_id or ""
        is_done = event.type is EventType.SUBTASK_COMPLETED
        status = SpanStatus.COMPLETED if is_done else SpanStatus.FAILED
        if is_done and event.data.get("reused"):
            status = SpanStatus.REUSED
        subtask = self._subtasks.get(key) or self._new_subtask(event, self._titles.get(key, key))
        detail = {} if is_done else {"code": (event.data.get("error") or {}).get("code")}
        attempt = self._attempts.pop(key, None)
        for span in (subtask, attempt):
            if span is not None:
                span.close(event.at, status)
                span.detail |= detail

    def _call(self, event: Event) -> None:
        parent = self._attempts.get(event.subtask_id or "") or self._run
        if event.type is EventType.MODEL_CALLED:
            kind, name = SpanKind.MODEL, str(event.data.get("model", ""))
        else:
            kind = SpanKind.SKILL if event.data.get("kind") == "skill" else SpanKind.TOOL
            name = str(event.data.get("tool", ""))
        start = event.at - timedelta(seconds=float(event.data.get("duration_s", 0.0)))
        outcome = event.data.get("outcome", "ok")
        numbers = ("input_tokens", "output_tokens", "cost")
        span = Span(
            id=f"call:{event.seq}",
            kind=kind,
            name=name,
            start=max(start, parent.start) if parent is not None else start,
            parent=self._inside(event),
            agent=event.agent,
            subtask_id=event.subtask_id,
            detail={"outcome": outcome, **{key: event.data[key] for key in numbers if key in event.data}},
        )
        self._add(span).close(event.at, SpanStatus.COMPLETED if outcome == "ok" else SpanStatus.FAILED)

    def _moment(
        self, event: Event, kind: SpanKind, name: str, status: SpanStatus = SpanStatus.COMPLETED
    ) -> None:
        span = Span(
            id=f"{kind.value}:{event.seq}",
            kind=kind,
            name=name,
            start=event.at,
            parent=self._inside(event),
            agent=event.agent,
            subtask_id=event.subtask_id,
            detail={key: event.data[key] for key in ("code", "attempt", "criteria", "passed") if key in event.data},
        )
        self._add(span).close(event.at, status)

    def _inside(self, event: Event) -> str:
        """The innermost span that this event happened in."""
        key = event.subtask_id or ""
        found = self._attempts.get(key) or self._subtasks.get(key) or self._run or self.root
        return found.id
