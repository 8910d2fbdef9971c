"""The journal of a run, and the flusher that commits many runs' steps together.

Hides group commit: whatever queued while the previous commit ran goes out in one set-based
transaction (≤ 64 steps, ≤ 4 MB), locks first, fenced rows apart. Callers: the engine, through
`ports.Journal`. Invariant: a step is durable, with its events, artifacts and progress, exactly
once before `commit` returns; a fenced step is never written and raises to its own caller only.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import orjson
from sqlalchemy import select

from langgraph_multi_agent.access import WORKER_SCOPE
from langgraph_multi_agent.domain.errors import CommitInDoubt, DependencyUnavailable, Fault, LeaseLost
from langgraph_multi_agent.domain.event import EventType, NewEvent
from langgraph_multi_agent.domain.ports import Artifacts, JournalEntry, Step
from langgraph_multi_agent.domain.result import ArtifactRef
from langgraph_multi_agent.domain.task import TaskStatus
from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.database import Database, Store, shielded, unit
from langgraph_multi_agent.store.rows import LockedTask, encode_event, is_fenced, lock_soon, save
from langgraph_multi_agent.store.runs import Ending, decide_endings, end_runs
from langgraph_multi_agent.store.schema import json_text
from langgraph_multi_agent.store.sets import insert_rows, together

MAX_STEPS = 512
"""Of one commit; ten times MAX_CONCURRENT_WORKFLOWS, for what gathers while a flush is under way must
fit into the next one: at 64 it queued up five deep, and the flushes alone took a fifth of a worker."""
HELD_AGAIN_S = 0.5
HELD_PATIENCE_S = 10.0
"""How long a write waits for a row that somebody holds; its owner trusts its lease for less."""
MAX_BYTES = 4 * 1024 * 1024
AGAIN_S = 0.2
MAX_INLINE_BYTES = 32 * 1024
"""Results from here on live in the artifact store, the row only names their digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointRow:
    """A LangGraph checkpoint or its pending writes, ready to insert."""

    table: str
    values: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class FencedWrite:
    """What one run wants to commit: a step, bare events, checkpoint rows, or its ending.

    `before` is what the run held back until now: first in the same transaction. The commit fills in
    `status`, where an ending has left the task, and `control`, what a person wants of it: whoever
    writes hears it at once, not only with the next heartbeat.
    """

    task_id: str
    epoch: int
    step: Step | None = None
    result: Any = None
    result_digest: str | None = None
    artifacts: tuple[ArtifactRef, ...] = ()
    events: tuple[NewEvent, ...] = ()
    checkpoint: tuple[CheckpointRow, ...] = ()
    ending: Ending | None = None
    before: "tuple[FencedWrite, ...]" = ()
    status: TaskStatus | None = None
    control: str | None = None
    size_bytes: int = 0


_ARTIFACT_CHANGES = ("digest", "size_bytes", "media_type", "kind", "created_at")


ROW_HELD = "row_held"
"""Reason of a write that was not made: somebody else holds the row of its task."""


@unit
def commit_steps(store: Store, writes: Sequence[FencedWrite]) -> list[Fault | None]:
    """Write a batch in order.

    Returns:
        For each write None, `LeaseLost` if it was fenced, or `DependencyUnavailable` with the reason
        ROW_HELD: then nothing of that task was written.
    """
    locked, held = lock_soon(store, [write.task_id for write in writes])
    answers: list[Fault | None] = []
    journal_rows: list[dict[str, Any]] = []
    artifact_rows: dict[tuple[str, str], dict[str, Any]] = {}
    checkpoint_rows: dict[str, list[dict[str, Any]]] = {}
    endings: list[tuple[LockedTask, FencedWrite]] = []
    for write in writes:
        if write.task_id in held:
            answers.append(DependencyUnavailable(dependency="database", reason=ROW_HELD))
            continue
        task = locked.get(write.task_id)
        if is_fenced(task, write.epoch):
            answers.append(LeaseLost(task=write.task_id, epoch=write.epoch))
            continue
        assert task is not None
        answers.append(None)
        write.control = task.row.control
        if write.ending is not None:
            endings.append((task, write))
        for part in (*write.before, write):
            task.events.extend(part.events)
            if part.step is not None:
                journal_rows.append(_journal_row(store, task, part))
                _raise_progress(task, part.step)
            for ref in part.artifacts:
                values = {**asdict(ref), "task_id": task.id, "tenant": task.row.tenant, "created_at": store.now}
                artifact_rows[task.id, ref.name] = values  # one upsert may touch a row only once
            for row in part.checkpoint:
                checkpoint_rows.setdefault(row.table, []).append(row.values)
    ended = decide_endings(store, [(task, write.ending) for task, write in endings if write.ending is not None])
    for task, write in endings:
        write.status = task.status
    with together(store):
        end_runs(store, ended)
        save(store, list(locked.values()))
        insert_rows(store, schema.journal, journal_rows)
        insert_rows(store, schema.artifacts, list(artifact_rows.values()), replacing=_ARTIFACT_CHANGES)
        for table, rows in checkpoint_rows.items():
            insert_rows(store, schema.metadata.tables[table], rows, ignoring=True)
    return answers


def _raise_progress(task: LockedTask, step: Step) -> None:
    if step.progress is not None:
        progress = max(task.changes.get("progress", task.row.progress), step.progress)
        if progress != task.row.progress:
            task.changes["progress"] = progress


def _journal_row(store: Store, task: LockedTask, write: FencedWrite) -> dict[str, Any]:
    step = write.step
    assert step is not None
    return {
        "task_id": task.id,
        "key": step.key,
        "tenant": task.row.tenant,
        "epoch": write.epoch,
        "input_hash": step.input_hash,
        "version": step.version,
        "result": write.result,
        "result_digest": write.result_digest,
        "created_at": store.now,
    }


def load(store: Store, task_id: str, generation: int) -> list[tuple[JournalEntry, str | None]]:
    """All steps of a task's generation, with the digest of results that are kept elsewhere."""
    table = schema.journal
    prefix = f"{generation}/"
    rows = store.connection.execute(
        select(table.c.key, table.c.input_hash, table.c.version, table.c.result, table.c.result_digest).where(
            table.c.task_id == task_id, table.c.key >= prefix, table.c.key < f"{generation}0"
        )
    )
    return [
        (
            JournalEntry(key=row.key, input_hash=row.input_hash, version=row.version, result=row.result),
            row.result_digest,
        )
        for row in rows
    ]


def entries(store: Store, task_id: str, prefix: str) -> list[tuple[str, Any, str | None]]:
    """Keys under a prefix, oldest first, with their inline result or the digest of it."""
    table = schema.journal
    rows = store.connection.execute(
        select(table.c.key, table.c.result, table.c.result_digest)
        .where(table.c.task_id == task_id, table.c.key.startswith(prefix, autoescape=True))
        .order_by(table.c.created_at, table.c.key)
    )
    return [(row.key, row.result, row.result_digest) for row in rows]


@dataclass(slots=True)
class _Queued:
    write: FencedWrite
    future: "asyncio.Future[None]"
    held_since: float | None = None


@dataclass(slots=True, kw_only=True)
class FlushStatistics:
    batches: int = 0
    steps: int = 0
    largest: int = 0


class Writes(Protocol):
    """Where fenced writes go: the flusher, or a run's journal that holds them for its next one."""

    async def write(self, write: FencedWrite) -> None: ...


class JournalFlusher:
    """One per process. `start` it inside the worker's task group; `write` from any run.

    Args:
        patience_s: how long a batch is tried again in an outage; no longer than owners trust their
            leases, for the fence then refuses it anyway.
        on_commit: told after each commit how many writes it held and the seconds it took.
    """

    def __init__(
        self,
        database: Database,
        *,
        patience_s: float = 0.0,
        on_commit: Callable[[int, float], None] = lambda _writes, _seconds: None,
    ) -> None:
        self.statistics = FlushStatistics()
        self._database, self._patience_s, self._on_commit = database, patience_s, on_commit
        self._failing_since: float | None = None
        self._queue: deque[_Queued] = deque()
        self._aside: dict[str, list[_Queued]] = {}
        self._wake = asyncio.Event()
        self._closing = self._stopped = False

    async def write(self, write: FencedWrite) -> None:
        """Commit durably. Once queued it is written even if the caller is cancelled.

        Raises:
            LeaseLost: the epoch has passed.
            DependencyUnavailable: the database refused the batch; nothing of it was written.
        """
        await shielded(self._enqueue(write))

    def post(self, write: FencedWrite, *, then: Callable[[], None]) -> None:
        """Queue in order without waiting, and call `then` once it is durable.

        A fenced write is dropped: its run learns of the fence at its next step.
        """

        def settled(done: "asyncio.Future[None]") -> None:
            if not done.cancelled() and done.exception() is None:
                then()

        self._enqueue(write).add_done_callback(settled)

    async def run(self) -> None:
        """Flush until `close`; whatever is queued then still goes out.

        Cancelled instead, it leaves nobody waiting: what it did not write raises DependencyUnavailable.
        """
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._queue:
                    if batch := self._take():
                        await self._flush(batch)
                if self._closing and not self._aside:
                    return
        finally:
            self._stopped = True
            _refuse(self._queue)
            _refuse(item for items in self._aside.values() for item in items)

    def close(self) -> None:
        self._closing = True
        self._wake.set()

    def _enqueue(self, write: FencedWrite) -> "asyncio.Future[None]":
        if self._stopped:
            raise DependencyUnavailable(dependency="journal", reason="stopped")
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(_Queued(write, future))
        self._wake.set()
        return future

    def _take(self) -> list[_Queued]:
        batch: list[_Queued] = []
        size = 0
        while self._queue and len(batch) < MAX_STEPS and size < MAX_BYTES:
            item = self._queue.popleft()
            if item.write.task_id in self._aside:  # behind its task's earlier writes
                self._aside[item.write.task_id].append(item)
                continue
            size += item.write.size_bytes + sum(part.size_bytes for part in item.write.before)
            batch.append(item)
        return batch

    async def _flush(self, batch: list[_Queued]) -> None:
        statistics = self.statistics
        statistics.batches += 1
        statistics.steps += len(batch)
        statistics.largest = max(statistics.largest, len(batch))
        try:
            answers = await self._commit([item.write for item in batch])
        except asyncio.CancelledError:
            _refuse(batch)
            raise
        except DependencyUnavailable as error:  # no row's fault: halves would fail as well, each in its time
            for item in batch:
                if not item.future.done():
                    item.future.set_exception(error)
            return
        except Exception as error:
            if len(batch) > 1:  # a data error is one run's own: find it by halves
                await self._flush(batch[: len(batch) // 2])
                await self._flush(batch[len(batch) // 2 :])
            elif not batch[0].future.done():
                batch[0].future.set_exception(error)
            return
        for item, fault in zip(batch, answers, strict=True):
            is_held = fault is not None and fault.params.get("reason") == ROW_HELD
            if is_held and self._set_aside(item):
                continue
            if item.future.done():
                continue
            if fault is None:
                item.future.set_result(None)
            else:
                item.future.set_exception(fault)

    def _set_aside(self, item: _Queued) -> bool:
        """Keep a write whose row is held for another try, so that it delays nobody else's."""
        loop = asyncio.get_running_loop()
        if not self._aside:
            loop.call_later(HELD_AGAIN_S, self._try_aside)
        if item.held_since is None:
            item.held_since = loop.time()
        if loop.time() - item.held_since > HELD_PATIENCE_S:
            return False
        self._aside.setdefault(item.write.task_id, []).append(item)
        return True

    def _try_aside(self) -> None:
        held, self._aside = self._aside, {}
        self._queue.extendleft(reversed([item for items in held.values() for item in items]))
        self._wake.set()

    async def _commit(self, writes: list[FencedWrite]) -> list[Fault | None]:
        """One transaction, tried again while an outage is young. In doubt it is not: it may be in the journal."""
        while True:
            began = time.monotonic()
            try:
                answers = await self._database.write(WORKER_SCOPE, commit_steps, writes)
            except CommitInDoubt:
                raise
            except DependencyUnavailable:
                now = time.monotonic()
                if self._failing_since is None:
                    self._failing_since = now
                if now - self._failing_since >= self._patience_s:
                    raise
                await asyncio.sleep(AGAIN_S)
            else:
                self._failing_since = None
                self._on_commit(len(writes), time.monotonic() - began)
                return answers


def _refuse(items: Iterable[_Queued]) -> None:
    for item in items:
        if not item.future.done():
            item.future.set_exception(DependencyUnavailable(dependency="journal", reason="stopped"))
            item.future.exception()  # whoever waits gets it; nobody has to


@dataclass(slots=True, kw_only=True)
class RunJournal:
    """`ports.Journal` for one run."""

    task_id: str
    epoch: int
    flusher: JournalFlusher
    blobs: Artifacts
    known: dict[str, JournalEntry] = field(default_factory=dict)
    held: list[FencedWrite] = field(default_factory=list)
    on_commit: Callable[[], None] = lambda: None
    on_control: Callable[[str], None] = lambda _: None

    def read(self, key: str) -> JournalEntry | None:
        return self.known.get(key)

    async def commit(self, step: Step, *, may_wait: bool = False) -> None:
        encoded = (json_text(step.result) or "null").encode()  # this run sees what its replay will see
        inline = len(encoded) <= MAX_INLINE_BYTES
        digest = None if inline else (await self.blobs.put(encoded)).digest
        for event in step.events:
            encode_event(event)
        write = FencedWrite(
            task_id=self.task_id,
            epoch=self.epoch,
            step=step,
            result=step.result if inline else None,
            result_digest=digest,
            artifacts=step.artifacts,
            events=(*step.events, *(_artifact_event(ref, step) for ref in step.artifacts)),
            size_bytes=len(encoded) if inline else 0,
        )
        if may_wait:
            self.held.append(write)
        else:
            write.before = self.take_held()
            await self.flusher.write(write)
        self.known[step.key] = JournalEntry(
            key=step.key, input_hash=step.input_hash, version=step.version, result=orjson.loads(encoded)
        )
        if may_wait:
            return
        self.on_commit()
        if write.control is not None:
            self.on_control(write.control)

    async def write(self, write: FencedWrite) -> None:
        """Hold a write that nobody waits for, such as the checkpoint at the end of a run."""
        self.held.append(write)

    def take_held(self) -> tuple[FencedWrite, ...]:
        """What was held, for the `before` of the run's next write."""
        held, self.held = tuple(self.held), []
        return held

    async def emit(self, events: Sequence[NewEvent]) -> None:
        for event in events:
            encode_event(event)
        write = FencedWrite(task_id=self.task_id, epoch=self.epoch, events=tuple(events))
        self.flusher.post(write, then=self.on_commit)


def _artifact_event(ref: ArtifactRef, step: Step) -> NewEvent:
    return NewEvent(
        type=EventType.ARTIFACT_CREATED,
        agent=step.agent,
        subtask_id=step.subtask_id,
        data={"name": ref.name, "kind": ref.kind, "media_type": ref.media_type, "size_bytes": ref.size_bytes},
    )


async def open_journal(
    database: Database, flusher: JournalFlusher, blobs: Artifacts, *, task_id: str, epoch: int, generation: int
) -> RunJournal:
    """A run's journal with everything that earlier runs of this generation committed."""
    journal = RunJournal(task_id=task_id, epoch=epoch, flusher=flusher, blobs=blobs)
    for entry, digest in await database.read(WORKER_SCOPE, load, task_id, generation):
        result = entry.result if digest is None else orjson.loads(await blobs.read(digest))
        journal.known[entry.key] = JournalEntry(
            key=entry.key, input_hash=entry.input_hash, version=entry.version, result=result
        )
    return journal
