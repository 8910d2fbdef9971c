"""Personal data: what there is of one person or tenant, handed out as one archive, or erased.

Hides the order in which things go, how work is stopped before it is erased, and which contents others
need too. Caller: `lgma privacy`. Invariants: an erasure that was killed goes on when it is started
again, and ends the same; nobody else's row or file changes, except that a person's name leaves the
history of others' tasks; every export and erasure is in the audit log, which keeps the name.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

from langgraph_multi_agent.access import SYSTEM_SCOPE, Scope
from langgraph_multi_agent.domain.errors import (
    ArtifactNotFound,
    DependencyUnavailable,
    Fault,
    IllegalTransition,
    TaskNotFound,
)
from langgraph_multi_agent.domain.ports import Artifacts, Clock
from langgraph_multi_agent.domain.task import Action
from langgraph_multi_agent.service.audit import AuditService, Somebody
from langgraph_multi_agent.service.dossier import Dossier
from langgraph_multi_agent.store import belongings, decisions, erasure, privacy, references
from langgraph_multi_agent.store.belongings import ERASE, Belongings, Subject
from langgraph_multi_agent.store.database import Database, Store
from langgraph_multi_agent.store.privacy import DECISIONS, Inventory, Link

R = TypeVar("R")

EXPORT_DEADLINE_S = 3600.0
BATCH_ROWS = 2_000
"""Of one transaction: the one writer of SQLite is held for some tens of milliseconds."""
MAX_PAUSE_S = 0.5
CANCEL_PATIENCE_S = 60.0
ASK_AGAIN_S = 0.2
SHUT_OUT_S = 5.0
"""Within this every server refuses whoever was shut out (`service.identities`)."""
MIN_AGE_S = 3600.0
"""Beside others: content that was stored less long ago may be somebody's upload that has no row yet."""
DIGESTS_AT_ONCE = 1_000
MAX_ROUNDS = 5
"""How often what came while other things were erased is gone after."""
EXPORT = "privacy.export"


class SubjectNotFound(Fault):
    """There is and was nothing of this person or tenant."""

    code, status = "SUBJECT_NOT_FOUND", 404


class SubjectAmbiguous(Fault):
    """Somebody of this name left something in several tenants."""

    code, status = "SUBJECT_AMBIGUOUS", 409


class TasksRunning(Fault):
    """Workers are at tasks that are to be erased; nothing has changed."""

    code, status = "TASKS_RUNNING", 409


class ErasureUnfinished(Fault):
    """Workers are at tasks that are to be erased, though the erasure has begun; the same again goes on."""

    code, status = "ERASURE_UNFINISHED", 409


class Traces(Protocol):
    """What Redis keeps of people. Both raise DependencyUnavailable."""

    async def end_sessions(self, is_theirs: Callable[[bytes], bool]) -> int: ...

    async def forget_answers(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What an archive holds.

    Attributes:
        rows: by table.
        files: contents in the archive; `size_bytes` of them all.
        missing: digests whose content is not in the storage any more.
        is_recorded: the audit log has it.
    """

    rows: Mapping[str, int]
    files: int
    size_bytes: int
    missing: tuple[str, ...]
    is_recorded: bool


@dataclass(slots=True, kw_only=True)
class Erased:
    """What an erasure took.

    Attributes:
        rows: by table.
        unnamed: rows of others' tasks that named the person and do not any more.
        files: contents that were removed; `files_left` are too young to be, the collection of a server takes them.
        answers: cached answers of models, everybody's.
        is_redis_away: sessions and answers there are left; the same again takes them.
        is_recorded: the audit log has it.
    """

    rows: dict[str, int] = field(default_factory=dict)
    unnamed: int = 0
    files: int = 0
    files_left: int = 0
    answers: int = 0
    is_redis_away: bool = False
    is_recorded: bool = False

    @property
    def is_complete(self) -> bool:
        return not self.is_redis_away


class PrivacyService:
    """Exports and erasures of one installation.

    Args:
        is_alone: no server or worker can be at work on this database.
        traces: None where there is no Redis.
        copies: folders on this machine in which `lgma` keeps something of a task below the task's id.
    """

    def __init__(
        self,
        *,
        database: Database,
        artifacts: Artifacts,
        audit: AuditService,
        clock: Clock,
        traces: Traces | None,
        copies: Sequence[Path],
        is_alone: bool,
        batch_rows: int = BATCH_ROWS,
    ) -> None:
        self._database, self._artifacts, self._audit, self._clock = database, artifacts, audit, clock
        self._traces, self._copies = traces, copies
        self._is_alone, self._batch_rows = is_alone, batch_rows

    async def subject(self, *, tenant: str | None, actor: str | None) -> Subject:
        """Whose data is meant: a tenant's, or an actor's in it.

        Args:
            actor: a user's name, or `token:…` or `key:…` as the audit log has it.
            tenant: None to look where the actor has an account, or else anything.

        Raises:
            SubjectNotFound, SubjectAmbiguous.
        """
        if actor is None:
            if tenant is None or not await self._database.read(SYSTEM_SCOPE, belongings.is_known, tenant):
                raise SubjectNotFound(name=tenant or "")
            return Subject(tenant=tenant)
        home, found = await self._long_read(lambda store: belongings.tenants_of(store, actor))
        wanted = tenant or home
        chosen = [name for name in found if wanted in (None, name)]
        if not chosen:
            raise SubjectNotFound(name=actor)
        if len(chosen) > 1:
            raise SubjectAmbiguous(name=actor, tenants=", ".join(chosen))
        return Subject(tenant=chosen[0], actor=actor)

    async def plan(self, subject: Subject) -> Inventory:
        """Count what there is; changes nothing."""

        def count(store: Store) -> Inventory:
            return privacy.inventory(store, belongings.belongings(store, subject), is_alone=self._is_alone)

        return await self._long_read(count)

    # Export

    async def export(self, subject: Subject, file: BinaryIO, who: Somebody) -> Exported:
        """Write all that is theirs as a zip archive: rows at one moment, then the contents that they name.

        Args:
            file: empty, seekable; the caller makes it durable.

        Raises:
            DependencyUnavailable: what is in the file is no archive.
        """
        async with self._recorded(subject, who, EXPORT) as record:
            with closing(Dossier(file)) as archive:
                await self._long_read(lambda store: archive.write_rows(store, subject))
                for digest in sorted(archive.digests):
                    try:
                        path = await self._artifacts.path(digest)
                        await asyncio.to_thread(archive.write_file, digest, path)
                    except (ArtifactNotFound, FileNotFoundError):
                        archive.missing.append(digest)
                await asyncio.to_thread(archive.write_manifest, subject, self._clock)
            files = {"files": len(archive.files), "size_bytes": sum(archive.files.values())}
            record.details = {"rows": sum(archive.counts.values()), **files}
        return Exported(
            rows=archive.counts, missing=tuple(archive.missing), is_recorded=record.is_recorded, **files
        )

    # Erasure

    async def erase(
        self,
        subject: Subject,
        who: Somebody,
        *,
        cancels: bool = False,
        patience_s: float = CANCEL_PATIENCE_S,
        told: Callable[[str, int], None] = lambda _table, _rows: None,
    ) -> Erased:
        """Delete all that is theirs, in short transactions.

        Args:
            cancels: stop what is running first, and wait `patience_s` for it.
            told: called after each batch with its table and how many rows went.

        Raises:
            TasksRunning: workers are at tasks of theirs; nothing has changed.
            ErasureUnfinished: workers did not stop in time, or began again; the same again goes on.
            LastAdmin: nobody else in the tenant could give rights; nothing was erased.
            DependencyUnavailable: what was erased stays so; the same again goes on.
        """
        async with self._recorded(subject, who, ERASE) as record:
            owned = await self._owned(subject)
            scope = Scope(tenant=subject.tenant, actor=who.actor)
            if not cancels:
                await self._check_idle(owned)
            await self._write(scope, erasure.shut_out, subject)
            if owned.holders and not self._is_alone:
                await asyncio.sleep(SHUT_OUT_S)
            if not await self._audit.record(scope, who, action=ERASE, result="begun", **_named(subject)):
                raise DependencyUnavailable(dependency="audit", reason="no record of the erasure could be made")
            erased, owned = Erased(), await self._owned(subject)
            for _ in range(MAX_ROUNDS):
                await self._write(scope, erasure.stop_schedules, owned)
                await self._stop_work(scope, owned, who, cancels=cancels, patience_s=patience_s)
                await self._erase_all(scope, owned, erased, told)
                owned = await self._owned(subject)  # what came until now is theirs too
                left = await self._database.read(SYSTEM_SCOPE, privacy.left, owned)
                if not left:
                    break
            else:
                raise ErasureUnfinished(count=len(left), task=left[0])
            record.details = {"rows": sum(erased.rows.values()), "files": erased.files}
            if not erased.is_complete:
                record.result = "partial"
        erased.is_recorded = record.is_recorded
        return erased

    async def _owned(self, subject: Subject) -> Belongings:
        return await self._long_read(lambda store: belongings.belongings(store, subject))

    async def _check_idle(self, owned: Belongings) -> None:
        found = await self._database.read(SYSTEM_SCOPE, privacy.running, owned, is_alone=self._is_alone)
        if found:
            raise TasksRunning(count=len(found), task=found[0])

    async def _stop_work(
        self, scope: Scope, owned: Belongings, who: Somebody, *, cancels: bool, patience_s: float
    ) -> None:
        """Make all tasks of theirs such that no worker can write to them."""
        give_up = self._clock.monotonic() + patience_s
        asked: set[str] = set()
        while True:
            busy: list[str] = []
            after: str | None = ""
            while after is not None:
                after, found = await self._write(scope, erasure.seal, owned, after, is_alone=self._is_alone)
                busy += found
            if not busy:
                return
            if not cancels or self._clock.monotonic() >= give_up:
                raise ErasureUnfinished(count=len(busy), task=busy[0])
            for task_id in set(busy) - asked:
                with suppress(IllegalTransition, TaskNotFound):  # it ended meanwhile
                    await self._write(scope, decisions.request_control, task_id, Action.CANCEL, actor=who.actor)
            asked.update(busy)
            await asyncio.sleep(ASK_AGAIN_S)

    async def _erase_all(
        self, scope: Scope, owned: Belongings, erased: Erased, told: Callable[[str, int], None]
    ) -> None:
        """Delete what there is of theirs, and count it in `erased`."""
        digests = set[str]()

        def took(table: str, rows: int) -> None:
            if rows:
                erased.rows[table] = erased.rows.get(table, 0) + rows
                told(table, rows)

        async def drain(name: str, task_ids: list[str] | None = None) -> None:
            while True:
                batch = await self._write(scope, erasure.delete_rows, owned, name, task_ids, self._batch_rows)
                digests.update(batch.digests)
                took(name, batch.rows)
                if batch.rows < self._batch_rows:
                    return

        await self._end_sessions(scope, owned, erased, took)
        await self._drop_copies(owned)
        while done := await self._write(scope, erasure.delete_hidden, owned, self._batch_rows):
            took("imports", done)
        await self._erase_tasks(scope, owned, drain, took)
        if owned.actor is not None:
            while done := await self._write(scope, erasure.delete_turns, owned, self._batch_rows):
                took("idempotency_keys", done)
            erased.unnamed += await self._unname(scope, owned)
        for name in _order(owned):
            await drain(name)
        await self._end_sessions(scope, owned, erased, took)
        for name in ("api_keys", "users"):
            await drain(name)
        await self._forget_answers(erased)
        await self._drop_contents(digests, erased)

    async def _erase_tasks(
        self,
        scope: Scope,
        owned: Belongings,
        drain: Callable[[str, list[str]], Any],
        took: Callable[[str, int], None],
    ) -> None:
        """Delete tasks with what hangs on them."""
        after = ""
        while chosen := await self._database.read(SYSTEM_SCOPE, erasure.next_tasks, owned, after):
            # Looked at first, and again under their locks: one that runs again keeps what hangs on it.
            busy = await self._database.read(SYSTEM_SCOPE, erasure.begun_again, owned, chosen)
            rows: Mapping[str, int] = {}
            if not busy:
                for name in erasure.AHEAD:
                    await drain(name, chosen)
                rows, busy = await self._write(scope, erasure.delete_tasks, chosen)
            if busy:
                raise ErasureUnfinished(count=len(busy), task=busy[0])
            for name, count in rows.items():
                took(name, count)
            after = chosen[-1]

    async def _unname(self, scope: Scope, owned: Belongings) -> int:
        unnamed = 0
        for start in range(0, len(owned.acted_on), erasure.TASKS_AT_ONCE):
            some = owned.acted_on[start : start + erasure.TASKS_AT_ONCE]
            unnamed += await self._write(scope, erasure.unname, owned, some)
        while done := await self._write(scope, erasure.unassign, owned, self._batch_rows):
            unnamed += done
        return unnamed

    async def _end_sessions(
        self, scope: Scope, owned: Belongings, erased: Erased, took: Callable[[str, int], None]
    ) -> None:
        if not owned.holders:
            return
        took("sessions", await self._write(scope, erasure.delete_sessions, owned.holders))
        if self._traces is not None:
            try:
                took("sessions", await self._traces.end_sessions(lambda v: erasure.is_session_of(v, owned.holders)))
            except DependencyUnavailable:
                erased.is_redis_away = True

    async def _forget_answers(self, erased: Erased) -> None:
        if self._traces is None:
            return
        try:
            erased.answers += await self._traces.forget_answers()
        except DependencyUnavailable:
            erased.is_redis_away = True

    async def _drop_copies(self, owned: Belongings) -> None:
        """Remove what `lgma` kept of tasks of theirs on this machine."""
        folders = [folder for place in self._copies if place.is_dir() for folder in place.iterdir()]
        theirs = set(owned.task_ids or ())
        if owned.actor is None and folders:
            names = sorted({folder.name for folder in folders})
            theirs = await self._long_read(lambda store: belongings.of_tenant(store, owned.tenant, names))
        for folder in folders:
            if folder.name in theirs:
                await asyncio.to_thread(shutil.rmtree, folder)

    async def _drop_contents(self, digests: set[str], erased: Erased) -> None:
        """Remove the contents that no row names any more."""
        ordered = sorted(digests)
        for start in range(0, len(ordered), DIGESTS_AT_ONCE):
            some = ordered[start : start + DIGESTS_AT_ONCE]
            digests -= await self._database.read(SYSTEM_SCOPE, privacy.shared_digests, some)
        if self._is_alone:  # what an erasure left that was killed goes too
            removed = await self._artifacts.collect(await references.needed(self._database), min_age_s=0.0)
        else:
            removed = await self._artifacts.collect(_AllBut(digests), min_age_s=MIN_AGE_S) if digests else 0
        erased.files += removed
        erased.files_left += max(0, len(digests) - removed)

    # What is behind them

    async def _write(self, scope: Scope, unit: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """One short transaction, and beside others as long a pause as it took."""
        started = self._clock.monotonic()
        done = await self._database.write(scope, unit, *args, **kwargs)
        if not self._is_alone:
            await asyncio.sleep(min(self._clock.monotonic() - started, MAX_PAUSE_S))
        return done

    async def _long_read(self, read: Callable[[Store], R]) -> R:
        def reading(store: Store) -> R:
            return read(store)

        reading.__dict__["deadline_s"] = EXPORT_DEADLINE_S
        return await self._database.read(SYSTEM_SCOPE, reading)

    @asynccontextmanager
    async def _recorded(self, subject: Subject, who: Somebody, action: str) -> AsyncIterator["_Record"]:
        record = _Record()
        try:
            yield record
        except BaseException as error:
            record.result = error.code if isinstance(error, Fault) else type(error).__name__
            raise
        finally:
            named = _named(subject)
            named["details"] = {**named["details"], **record.details}
            scope = Scope(tenant=subject.tenant, actor=who.actor)
            record.is_recorded = await self._audit.record(scope, who, action=action, result=record.result, **named)


@dataclass(slots=True, kw_only=True)
class _Record:
    """What the audit log will say of how it went."""

    result: str = "ok"
    details: dict[str, Any] = field(default_factory=dict)
    is_recorded: bool = False


class _AllBut(set[str]):
    """As a set of what is needed: everything but these."""

    def __contains__(self, digest: object) -> bool:
        return not super().__contains__(digest)


def _named(subject: Subject) -> dict[str, Any]:
    """How the audit log names whose data it was."""
    if subject.actor is None:
        return {"target": subject.tenant, "details": {"of": "tenant"}}
    return {"target": subject.actor, "details": {"of": "user"}}


def _order(owned: Belongings) -> list[str]:
    """The tables after the tasks: what is by name, and of a tenant what was left without its task."""
    by_name = [name for name, decision in DECISIONS.items() if decision.link in (Link.ACTOR, Link.SCHEDULE)]
    if owned.actor is not None:
        return by_name
    swept = [name for name, decision in DECISIONS.items() if decision.link in (Link.TASK, Link.TENANT)]
    return [*by_name, *swept]
