"""Retention: old messages, runs, checkpoints, keys and, if wanted, audit rows go; what is left says so.

Hides batches, their pace, and who of many replicas does the daily run. Callers: the API, and a
maintenance loop that calls `tick`. Invariants: a run may be killed anywhere and the next one goes
on; a reader that asks for events that are gone gets `EventsGone`, never silence.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, tzinfo

import structlog

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.domain.ports import Clock, NewId
from langgraph_multi_agent.store import checkpoints, references, retention
from langgraph_multi_agent.store.database import Database
from langgraph_multi_agent.store.retention import MAX_BATCH_ROWS, Batch, Cursor, Kept, Overdue, Policy

DAILY_AT = time(3, 10)
MAX_ROWS = 1_000_000
"""Rows of one table in one run; the next run takes the rest."""
BATCH_ROWS = 2_000
"""Of one transaction: the one writer of SQLite is held for some tens of milliseconds."""
MAX_PAUSE_S = 0.5

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPlan:
    """What a run would delete now, by table."""

    policy: Policy
    tables: Mapping[Kept, Overdue]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRun:
    """What a run deleted, by table.

    Attributes:
        is_complete: nothing overdue was left; False when time or rows ran out.
        is_elsewhere: another process was at it, so this one stopped.
    """

    policy: Policy
    tables: Mapping[Kept, int]
    is_complete: bool
    is_elsewhere: bool = False


class RetentionService:
    """Plans and runs the retention of one installation.

    Args:
        zone: of DAILY_AT; None for this machine's.
        batch_rows: rows of one transaction, at most 5,000.
    """

    def __init__(
        self,
        *,
        database: Database,
        policy: Policy,
        clock: Clock,
        new_id: NewId,
        zone: tzinfo | None = None,
        batch_rows: int = BATCH_ROWS,
    ) -> None:
        self._database, self._policy, self._clock = database, policy, clock
        self._owner, self._zone = new_id(), zone
        self._batch_rows = max(1, min(batch_rows, MAX_BATCH_ROWS))
        self._day: date | None = None

    async def plan(self) -> RetentionPlan:
        """Count what is overdue, without deleting."""
        tables = await self._database.read(SYSTEM_SCOPE, retention.overdue, self._policy)
        return RetentionPlan(policy=self._policy, tables=tables)

    async def run(self, *, max_s: float = 3600.0) -> RetentionRun:
        """Delete what is overdue, in batches with pauses between them.

        Args:
            max_s: no batch starts later than this; what is left is the next run's.

        Raises:
            DependencyUnavailable: what was deleted before stays deleted.
        """
        give_up = self._clock.monotonic() + max_s
        deleted = dict.fromkeys(self._policy.tables, 0)
        is_complete = True
        for kept in deleted:
            cursor: Cursor | None = ()
            while cursor is not None:
                if self._clock.monotonic() >= give_up or deleted[kept] >= MAX_ROWS:
                    is_complete = False
                    break
                started = self._clock.monotonic()
                batch = await self._delete(kept, cursor)
                if batch.is_elsewhere:
                    return RetentionRun(policy=self._policy, tables=deleted, is_complete=False, is_elsewhere=True)
                if batch.flaw_seq is not None:
                    log.error("retention.audit_flaw", seq=batch.flaw_seq)
                deleted[kept] += batch.rows
                cursor = batch.following
                # As long a pause as the batch took: the writer has other work.
                await asyncio.sleep(min(self._clock.monotonic() - started, MAX_PAUSE_S))
        log.info("retention.done", is_complete=is_complete, **{kept.value: rows for kept, rows in deleted.items()})
        return RetentionRun(policy=self._policy, tables=deleted, is_complete=is_complete)

    async def tick(self) -> RetentionRun | None:
        """The daily run, if it is due and no other replica does it; None otherwise.

        It is due from DAILY_AT on, once a day; a system that was down then catches up, and a run that
        broke off, or met another at work, is tried again at the next tick. Takes as long as the run
        takes: give it a task of its own.

        Raises:
            DependencyUnavailable: the day stays owed.
        """
        now = self._clock.now().astimezone(self._zone)
        if now.time() < DAILY_AT or now.date() == self._day:
            return None
        is_mine = await self._database.write(SYSTEM_SCOPE, retention.claim_day, now.date(), self._owner)
        run = await self.run() if is_mine else None
        if run is not None and run.is_elsewhere:
            return None
        self._day = now.date()
        return run

    async def referenced_digests(self) -> set[str]:
        """Digests that some row still needs, for `Artifacts.collect`."""
        return await references.needed(self._database)

    async def _delete(self, kept: Kept, cursor: Cursor) -> Batch:
        age, limit = self._policy.age_of(kept), self._batch_rows
        match kept:
            case Kept.CHECKPOINTS:
                pruned = await self._database.write(
                    SYSTEM_SCOPE,
                    checkpoints.prune,
                    keep=self._policy.keep_checkpoints,
                    older_than=age,
                    limit=limit,
                )
                return Batch(rows=pruned.checkpoints, following=() if pruned.checkpoints >= limit else None)
            case Kept.KEYS:
                return await self._database.write(SYSTEM_SCOPE, retention.delete_keys, older_than=age, limit=limit)
            case Kept.AUDIT:
                return await self._database.write(SYSTEM_SCOPE, retention.delete_audit, older_than=age, limit=limit)
            case Kept.MESSAGES:
                work = retention.delete_messages
            case Kept.EXECUTIONS:
                work = retention.delete_executions
        return await self._database.write(SYSTEM_SCOPE, work, older_than=age, cursor=cursor, limit=limit)
