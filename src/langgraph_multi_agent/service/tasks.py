"""What people do with tasks.

Hides admission, storage order (files before rows before doorbells), waiting for a worker to
stop, and how plans and questions are read back from the journal and the event log. Callers: the
API and the embedded CLI. Invariant: what `submit` accepted is durable before it returns.
"""

import base64
import binascii
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.agents.contract import Team
from langgraph_multi_agent.domain.canonical import digest_of
from langgraph_multi_agent.domain.errors import (
    ArtifactNotFound,
    Draining,
    EventsGone,
    IllegalTransition,
    InputUnsafe,
    InvalidRequest,
    TaskNotFound,
    TeamUnknown,
)
from langgraph_multi_agent.domain.event import Event, EventType
from langgraph_multi_agent.domain.plan import Plan
from langgraph_multi_agent.domain.ports import Artifacts, Clock, Doorbell, Feed, NewId, StoredBlob
from langgraph_multi_agent.domain.result import ArtifactRef, Question
from langgraph_multi_agent.domain.task import (
    Action,
    InputFile,
    Task,
    TaskDraft,
    TaskStatus,
    is_terminal,
    next_status,
)
from langgraph_multi_agent.service.plans import PlanView, fill_gaps, fold_plan, is_untold
from langgraph_multi_agent.service.rests import Rests
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.store import decisions, journal, ledgers, submissions, tasks
from langgraph_multi_agent.store import events as event_log
from langgraph_multi_agent.store.database import Database, Store
from langgraph_multi_agent.store.lists import (
    SubtasksDone,
    TaskStatistics,
    numbered_page,
    statistics,
    subtasks_done,
)
from langgraph_multi_agent.store.lookups import Lookups
from langgraph_multi_agent.store.submissions import Submissions
from langgraph_multi_agent.store.tasks import TaskFilter
from langgraph_multi_agent.telemetry.metrics import Metrics

STOP_WAIT_S = 5.0
"""How long an answer to a cancel waits for the work to stop before it says `cancelling`."""
PAUSE_WAIT_S = 2.0
"""The same for a pause, which lets running subtasks end and may take PAUSE_GRACE: `pausing`."""
MAX_PAGE = 500
FREE_COUNT_S = 0.2
"""A count that takes no longer is made anew for each who asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of tasks, newest first. `next` is the opaque cursor of the following page."""

    tasks: tuple[Task, ...]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedPage:
    """A page of tasks, newest first, by its offset. `total` is exact unless `is_capped`: then there are more.

    `subtasks` tells of those at work that have a plan how far it is, by id.
    """

    tasks: tuple[Task, ...]
    total: int
    is_capped: bool
    subtasks: Mapping[str, SubtasksDone] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """`is_replay`: the idempotency key had made this task before."""

    task: Task
    is_replay: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Controlled:
    """`is_settled` False: the worker has not confirmed yet; `status_detail` says what it does."""

    task: Task
    is_settled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArtifact:
    ref: ArtifactRef
    created_at: datetime


class TaskService:
    """Use cases on tasks. Every method raises TaskNotFound for an id that the scope cannot see."""

    def __init__(
        self,
        *,
        database: Database,
        artifacts: Artifacts,
        feed: Feed,
        doorbell: Doorbell,
        teams: Mapping[str, Team],
        settings: Settings,
        has_model: bool,
        clock: Clock,
        new_id: NewId,
        metrics: Metrics,
    ) -> None:
        self._metrics = metrics
        self._database, self._artifacts = database, artifacts
        self._feed, self._doorbell = feed, doorbell
        self._teams, self._settings, self._has_model = teams, settings, has_model
        self._clock, self._new_id = clock, new_id
        self._counted: Rests[Mapping[str, int]] = Rests(free_s=FREE_COUNT_S, monotonic=clock.monotonic)
        self._figures: Rests[TaskStatistics] = Rests(free_s=FREE_COUNT_S, monotonic=clock.monotonic)
        self._submissions = Submissions(database, queue_size=settings.task_queue_size)
        self._by_id: Lookups[str, Task] = Lookups(database, tasks.found)
        self.is_draining = False

    async def store_input(self, name: str, content: AsyncIterator[bytes]) -> tuple[str, StoredBlob]:
        """Store one uploaded file before its task exists.

        Args:
            name: as the person sent it; must be a plain file name.

        Raises:
            InputUnsafe: a name with a path, a control character or nothing in it.
            InputTooLarge: more than MAX_INPUT_BYTES.
        """
        safe = plain_file_name(name)
        return safe, await self._artifacts.put(content, max_bytes=self._settings.max_input_bytes)

    async def submit(
        self, scope: Scope, draft: TaskDraft, *, idempotency_key: str | None = None
    ) -> Submitted:
        """Admit, store and announce a task. Its files are stored already.

        Raises:
            InvalidRequest, TeamUnknown, ModelRequired, InputUnreadable: refused, no row.
            IdempotencyConflict, QueueFull, QuotaExceeded, Draining.
        """
        if self.is_draining:
            raise Draining
        self.admit(draft)
        if idempotency_key is None:
            task, is_replay = await self._submissions.submit(scope, self._new_id(), draft), False
        else:
            task, is_replay = await self._database.write(
                scope,
                submissions.submit,
                self._new_id(),
                draft,
                queue_size=self._settings.task_queue_size,
                idempotency_key=idempotency_key,
                body_hash=draft_hash(draft),
            )
        if not is_replay:
            await self.announce_new(task)
        return Submitted(task=task, is_replay=is_replay)

    def admit(self, draft: TaskDraft) -> None:
        """Refuse what cannot be done, before there is a row; pure.

        Raises:
            InvalidRequest, TeamUnknown, ModelRequired, InputUnreadable.
        """
        self._check(draft)
        try:
            team = self._teams[draft.team]
        except KeyError:
            raise TeamUnknown(team=draft.team, teams=", ".join(sorted(self._teams))) from None
        team.meta_agent.admit(draft, has_model=self._has_model)

    async def announce_new(self, task: Task) -> None:
        """Count a task that was just stored, and wake followers and a worker."""
        self._metrics.task_entered(task.status)
        await self._announce(task, control=False)

    async def get(self, scope: Scope, task_id: str) -> Task:
        task = await self._by_id.get(scope, task_id)
        if task is None:
            raise TaskNotFound(task=task_id)
        return task

    async def list(
        self, scope: Scope, task_filter: TaskFilter, *, limit: int = 50, cursor: str | None = None
    ) -> Page:
        """One page. Raises InvalidRequest for a cursor that is not ours."""
        limit = max(1, min(limit, MAX_PAGE))
        after = _decode_cursor(cursor) if cursor else None
        found = await self._database.read(scope, tasks.list_tasks, task_filter, limit=limit + 1, after=after)
        page, more = found[:limit], len(found) > limit
        return Page(tasks=tuple(page), next=_encode_cursor(page[-1]) if more else None)

    async def numbered_page(
        self, scope: Scope, task_filter: TaskFilter, *, limit: int, offset: int
    ) -> NumberedPage:
        """One page after the first `offset` tasks, and how many there are."""

        def look(store: Store) -> NumberedPage:
            found, total, is_capped = numbered_page(store, task_filter, limit=limit, offset=offset)
            ids = [task.id for task in found if task.started_at and not is_terminal(task.status)]
            subtasks = subtasks_done(store, ids) if ids else {}
            return NumberedPage(tasks=tuple(found), total=total, is_capped=is_capped, subtasks=subtasks)

        return await self._database.read(scope, look)

    async def plan(self, scope: Scope, task_id: str, *, revision: int | None = None) -> PlanView | None:
        """The plan with each subtask's state; None before there is one."""
        task = await self.get(scope, task_id)
        rows = await self._database.read(scope, journal.entries, task_id, f"{task.generation}/plan/")
        plans = [
            Plan.from_json(result if digest is None else json.loads(await self._artifacts.read(digest)))
            for _, result, digest in rows
        ]
        plans.sort(key=lambda plan: plan.revision)
        if not plans:
            return None
        wanted = plans[-1] if revision is None else next((p for p in plans if p.revision == revision), None)
        if wanted is None:
            return None
        log = await self._database.read(scope, event_log.of_types, task_id, SUBTASK_EVENTS)
        spent = await self._database.read(scope, ledgers.spent_by_subtask, task_id)
        view = fold_plan(wanted, log, task=task, revisions=tuple(p.revision for p in plans), spent=spent)
        if any(map(is_untold, view.subtasks)):
            fill_gaps(view, await self._ended_subtasks(scope, task))
        return view

    async def _ended_subtasks(self, scope: Scope, task: Task) -> dict[str, tuple[int, Mapping[str, Any]]]:
        """The last journalled attempt of each subtask of this generation."""
        ended: dict[str, tuple[int, Mapping[str, Any]]] = {}
        rows = await self._database.read(scope, journal.entries, task.id, f"{task.generation}/subtask/")
        for key, result, digest in rows:
            _, _, subtask_id, attempt = key.split("/")
            if int(attempt) > ended.get(subtask_id, (0,))[0]:
                value = result if digest is None else json.loads(await self._artifacts.read(digest))
                ended[subtask_id] = int(attempt), value
        return ended

    async def events(self, scope: Scope, task_id: str, *, after: int = 0, limit: int = 200) -> Sequence[Event]:
        """Events with `seq > after`.

        Raises:
            EventsGone: retention removed events after that `seq`.
        """
        task = await self.get(scope, task_id)
        found = await self._database.read(
            scope, event_log.after, task_id, after, limit=max(1, min(limit, MAX_PAGE))
        )
        if found and found[-1].seq != after + len(found):
            gap = max(n for n, event in enumerate(found) if not n or event.seq != found[n - 1].seq + 1)
            raise EventsGone(task=task_id, after=after, oldest=found[gap].seq)
        if not found and task.last_seq > after:
            raise EventsGone(task=task_id, after=after, oldest=task.last_seq + 1)
        return found

    async def artifacts(self, scope: Scope, task_id: str) -> Sequence[StoredArtifact]:
        rows = await self._database.read(scope, tasks.artifacts_of, task_id)
        return [StoredArtifact(ref=ref, created_at=created_at) for ref, created_at in rows]

    async def artifact(self, scope: Scope, task_id: str, name: str) -> tuple[ArtifactRef, Path]:
        """One file of a task and where to read it. Raises ArtifactNotFound."""
        for stored in await self.artifacts(scope, task_id):
            if stored.ref.name == name:
                return stored.ref, await self._artifacts.path(stored.ref.digest)
        raise ArtifactNotFound(artifact=name, task=task_id)

    async def questions(self, scope: Scope, task_id: str) -> Sequence[Question]:
        """Questions that wait for an answer."""
        task = await self.get(scope, task_id)
        prefix = f"{task.generation}/"
        asked = await self._database.read(scope, journal.entries, task_id, prefix + "question/")
        answered = await self._database.read(scope, journal.entries, task_id, prefix + "answer/")
        done = {key.removeprefix(prefix + "answer/") for key, _, _ in answered}
        # An earlier revision or attempt of a subtask may have asked too; only its newest words count.
        newest = {result["subtask_id"]: result["id"].rpartition("/")[0] for _, result, _ in asked}
        return [
            Question(**{**result, "options": tuple(result["options"])})
            for key, result, _ in asked
            if key.removeprefix(prefix + "question/") not in done
            and newest[result["subtask_id"]] == result["id"].rpartition("/")[0]
            and not is_terminal(task.status)
        ]

    async def answer(self, scope: Scope, task_id: str, question_id: str, value: Mapping[str, Any]) -> Task:
        """Answer one question.

        Raises:
            InvalidRequest: the value does not fit the question.
            QuestionNotFound, AlreadyAnswered, IllegalTransition.
        """
        for question in await self.questions(scope, task_id):
            if question.id == question_id:
                _check_answer(question, value)
        task = await self._database.write(
            scope, decisions.answer, task_id, question_id, value, actor=scope.actor, input_hash=digest_of(question_id)
        )
        await self._announce(task, control=True)
        return task

    async def cancel(self, scope: Scope, task_id: str) -> Controlled:
        """Stop for good. Returns when the work has stopped, or after 5 s with `cancelling`."""
        return await self._control(scope, task_id, Action.CANCEL)

    async def pause(self, scope: Scope, task_id: str) -> Controlled:
        """Start nothing new, let running subtasks end within PAUSE_GRACE.

        Returns when it is paused, or after 2 s with `pausing`.
        """
        return await self._control(scope, task_id, Action.PAUSE)

    async def resume(self, scope: Scope, task_id: str) -> Task:
        return await self._make_pending(scope, task_id, Action.RESUME)

    async def retry(self, scope: Scope, task_id: str) -> Task:
        """Work on a failed or cancelled task again, in a new generation."""
        return await self._make_pending(scope, task_id, Action.RETRY)

    async def reopen(self, scope: Scope, task_id: str) -> Task:
        return await self._make_pending(scope, task_id, Action.REOPEN)

    async def complete(self, scope: Scope, task_id: str, *, note: str | None = None) -> Task:
        """Completed by a person: records who, invents no result."""
        return await self._complete(scope, task_id, note=note)

    async def _complete(
        self, scope: Scope, task_id: str, *, note: str | None = None, fields: Mapping[str, Any] | None = None
    ) -> Task:
        task = await self._database.write(
            scope, decisions.complete_by_person, task_id, actor=scope.actor, note=note, fields=fields
        )
        self._metrics.task_entered(task.status)
        await self._announce(task, control=True)
        return task

    async def update(
        self, scope: Scope, task_id: str, fields: Mapping[str, Any], *, action: Action | None = None
    ) -> Task:
        """Change title, description, priority, deadline, assignee or budget.

        Args:
            action: cancel, pause, resume, retry, reopen or complete as well, in the same transaction.

        Raises:
            InvalidRequest: an unknown field or a value out of bounds.
            IllegalTransition: the task does not allow all of it; nothing is changed.
            Draining: the action gives the workers something to do.
        """
        allowed = {"title", "description", "priority", "deadline", "assignee", "budget"}
        unknown = fields.keys() - allowed
        if unknown:
            raise InvalidRequest(
                reason="unknown field",
                errors=[{"field": name, "code": "unknown_field", "message": ""} for name in sorted(unknown)],
            )
        limits = {"title": MAX_TITLE_CHARS, "description": self._settings.max_description_chars}
        too_long = [
            {"field": name, "code": "too_long", "limit": limit, "message": ""}
            for name, limit in limits.items()
            if len(fields.get(name) or "") > limit
        ]
        if too_long:
            raise InvalidRequest(reason="the task cannot be changed", errors=too_long)
        match action:
            case Action.CANCEL | Action.PAUSE:
                return (await self._control(scope, task_id, action, fields)).task
            case Action.COMPLETE_BY_PERSON:
                return await self._complete(scope, task_id, fields=fields)
            case Action.RESUME | Action.RETRY | Action.REOPEN:
                return await self._make_pending(scope, task_id, action, fields)
            case None:
                pass
            case _:
                raise ValueError(f"{action} is none of a person's actions on a task")
        task = await self._database.write(scope, decisions.update_fields, task_id, fields, actor=scope.actor)
        self._feed.wake([task_id])
        return task

    async def delete(self, scope: Scope, task_id: str) -> None:
        """Remove a task and its history; a running one is cancelled first.

        Raises:
            TaskNotFound, IllegalTransition: it runs and has not stopped within the wait of `cancel`.
        """
        task = await self.get(scope, task_id)
        for is_last in (False, True):
            if task.status is TaskStatus.IN_PROGRESS:
                with suppress(IllegalTransition):  # it has just ended by itself
                    await self.cancel(scope, task_id)
            try:
                await self._database.write(scope, decisions.remove, task_id, actor=scope.actor)
                break
            except IllegalTransition:
                if is_last or task.status is TaskStatus.IN_PROGRESS:
                    raise
            task = await self.get(scope, task_id)  # a worker took it since it was read
        self._feed.wake([task_id])

    async def counts(self, scope: Scope) -> Mapping[str, int]:
        """How many tasks have each status.

        Counting takes as long as the table; one that takes longer than FREE_COUNT_S rests (`rests`).
        """
        return await self._counted.get(scope.tenant, lambda: self._database.read(scope, tasks.count_by_status))

    async def statistics(self, scope: Scope, *, since: datetime) -> TaskStatistics:
        """Figures over all tasks; what takes long rests, as in `counts`.

        Args:
            since: completed tasks are also counted from here on.
        """
        return await self._figures.get(
            (scope.tenant, since), lambda: self._database.read(scope, statistics, since=since)
        )

    async def counts_at_work(self, scope: Scope) -> Mapping[str, int]:
        """How many tasks are pending and in progress, at a price that does not grow with the table."""
        return await self._database.read(scope, tasks.count_at_work)

    async def _make_pending(
        self, scope: Scope, task_id: str, action: Action, fields: Mapping[str, Any] | None = None
    ) -> Task:
        if self.is_draining:
            raise Draining
        task = await self._database.write(
            scope, decisions.make_pending, task_id, action, actor=scope.actor, fields=fields
        )
        self._metrics.task_entered(task.status)
        await self._announce(task, control=False)
        return task

    async def _announce(self, task: Task, *, control: bool) -> None:
        self._feed.wake([task.id, CONTROL_TOPIC] if control else [task.id])
        await self._doorbell.ring(task.id)

    async def _control(
        self, scope: Scope, task_id: str, action: Action, fields: Mapping[str, Any] | None = None
    ) -> Controlled:
        task = await self.get(scope, task_id)
        wanted = next_status(action, task.status)
        async with self._feed.listen(task_id) as listener:
            task = await self._database.write(
                scope, decisions.request_control, task_id, action, actor=scope.actor, fields=fields
            )
            if task.status is not TaskStatus.IN_PROGRESS:  # else the worker counts how it ended
                self._metrics.task_entered(task.status)
            await self._announce(task, control=True)
            give_up = self._clock.monotonic() + (STOP_WAIT_S if action is Action.CANCEL else PAUSE_WAIT_S)
            while task.status is TaskStatus.IN_PROGRESS and (left := give_up - self._clock.monotonic()) > 0:
                await listener.wait(min(left, 1.0))
                task = await self.get(scope, task_id)
        if task.status is not wanted and task.status is not TaskStatus.IN_PROGRESS:
            raise IllegalTransition(action=action.value, status=task.status.value, allowed="")
        return Controlled(task=task, is_settled=task.status is wanted)

    def _check(self, draft: TaskDraft) -> None:
        errors: list[dict[str, Any]] = []
        if not draft.description.strip():
            errors.append({"field": "description", "code": "empty", "message": ""})
        limit = self._settings.max_description_chars
        if len(draft.description) > limit:
            errors.append({"field": "description", "code": "too_long", "limit": limit, "message": ""})
        if len(draft.title) > MAX_TITLE_CHARS:
            errors.append({"field": "title", "code": "too_long", "limit": MAX_TITLE_CHARS, "message": ""})
        if len(draft.files) > self._settings.max_files:
            errors.append({"field": "files", "code": "too_many", "limit": self._settings.max_files, "message": ""})
        names = [item.name for item in draft.files]
        if len(set(names)) != len(names):
            errors.append({"field": "files", "code": "name_used_twice", "message": ""})
        for name, value in asdict(draft.budget).items():
            if value is not None and value < 0:
                errors.append({"field": f"budget.{name}", "code": "negative", "message": ""})
        if errors:
            raise InvalidRequest(reason="the task cannot be accepted", errors=errors)


CONTROL_TOPIC = "control"
"""Feed topic that wakes every worker when a person wants something of a running task."""
MAX_TITLE_CHARS = 500
MAX_FILE_NAME_BYTES = 200
SUBTASK_EVENTS = (
    EventType.TASK_STARTED,
    EventType.TASK_RESUMED,
    EventType.TASK_REOPENED,
    EventType.SUBTASK_STARTED,
    EventType.SUBTASK_COMPLETED,
    EventType.SUBTASK_FAILED,
    EventType.SUBTASK_RETRIED,
)


def draft_hash(draft: TaskDraft) -> str:
    """What makes two submissions the same: the canonical body and the files' digests."""
    body = asdict(draft)
    body["deadline"] = draft.deadline.isoformat() if draft.deadline else None
    body["priority"] = int(draft.priority)
    start = {"start_at": draft.start_at and draft.start_at.isoformat(), "delay_s": draft.delay_s}
    # Absent ones stay out: a body keeps the hash that replicas without them have stored.
    body = {name: value for name, value in (body | start).items() if name not in start or value is not None}
    return digest_of(body)


def input_file(name: str, blob: StoredBlob, media_type: str) -> InputFile:
    return InputFile(name=name, digest=blob.digest, size_bytes=blob.size_bytes, media_type=media_type)


def plain_file_name(name: str) -> str:
    """The name if it is one plain, printable file name.

    Raises:
        InputUnsafe: it has a path separator, is `.` or `..`, is empty, too long, or unprintable.
    """
    reasons = {
        "empty": not name.strip(),
        "path": "/" in name or "\\" in name or name in {".", ".."},
        "unprintable": not name.isprintable(),
        "too_long": len(name.encode("utf-8", "surrogatepass")) > MAX_FILE_NAME_BYTES,
    }
    for reason, applies in reasons.items():
        if applies:
            raise InputUnsafe(file=name[:80], reason=reason)
    return name


def _check_answer(question: Question, value: Mapping[str, Any]) -> None:
    if question.kind == "approval":
        ok = isinstance(value.get("approved"), bool)
    else:
        text = value.get("text")
        ok = isinstance(text, str) and bool(text.strip()) and (not question.options or text in question.options)
    if not ok:
        field = "approved" if question.kind == "approval" else "text"
        raise InvalidRequest(
            reason="the answer does not fit the question",
            errors=[{"field": field, "code": "invalid_answer", "options": list(question.options), "message": ""}],
        )


def _encode_cursor(task: Task) -> str:
    return base64.urlsafe_b64encode(json.dumps([task.created_at.isoformat(), task.id]).encode()).decode().rstrip("=")


def _decode_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        moment, task_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return datetime.fromisoformat(moment).astimezone(UTC), str(task_id)
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error):
        raise InvalidRequest(
            reason="the cursor is not one of ours", errors=[{"field": "cursor", "code": "invalid", "message": ""}]
        ) from None

