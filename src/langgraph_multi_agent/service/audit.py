"""Who did what: recording it, reading it, and proving that nobody changed it.

Hides that what waits while one append runs goes out with the next as one, and the bound on refusals.
Callers: the API's routes and gate, commands that change rights or erase data. Invariants: `record`
returns after the commit, or says that there was none; no flood of refusals fills the log; what was
lost is counted, and written to the process's own log.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import structlog

from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE, Scope
from langgraph_multi_agent.access.addresses import limit_key
from langgraph_multi_agent.domain.errors import DependencyUnavailable
from langgraph_multi_agent.domain.task import DEFAULT_TENANT
from langgraph_multi_agent.store import audit, identities
from langgraph_multi_agent.store.audit import Entry, Recorded, Verified
from langgraph_multi_agent.store.database import Database
from langgraph_multi_agent.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

MAX_APPEND = 256
PATIENCE_S = 5.0
"""An answer waits so long for its row at most; the row may still come."""
REFUSED = "access.refused"
WINDOW_S = 60.0
REFUSALS_OF_ADDRESS, REFUSALS = 10, 300
"""Rows in WINDOW_S: of one address, and of all; of those who are known, and of the nameless. The rest is counted."""
ADDRESSES = 10_000
EVERYBODY = ""
"""Where refusals are counted that are too many for addresses of their own."""
MAX_PAGE = 500
LOST = "AUDIT_LOST"
ACTOR_CHARS = 128


class Somebody(Protocol):
    """Who acted; a `Principal` is one. `name` is for the eye: whoever has a token may choose its."""

    @property
    def actor(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def means(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """The operator at the machine's own shell. `name`: of their account there."""

    name: str
    means: str = "command"

    @property
    def actor(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Somebody without a valid credential."""

    name: str = ""
    means: str = ""

    @property
    def actor(self) -> str:
        return self.name


@dataclass(slots=True)
class _Window:
    ends_at: float
    rows: int = 0
    left_out: int = 0


@dataclass(slots=True)
class _Waiting:
    entry: Entry
    done: "asyncio.Future[bool]"


class AuditService:
    """The audit log of one installation.

    Args:
        metrics: counts what could not be recorded as AUDIT_LOST.
        monotonic: for the bound on refusals.
    """

    def __init__(
        self,
        *,
        database: Database,
        metrics: Metrics | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._database, self._metrics, self._monotonic = database, metrics, monotonic
        self._patience_s = patience_s
        self._waiting: list[_Waiting] = []
        self._appending: asyncio.Task[None] | None = None
        self._windows: OrderedDict[tuple[bool, str], _Window] = OrderedDict()
        self._all = {is_known: _Window(0.0) for is_known in (False, True)}

    async def record(
        self,
        scope: Scope,
        who: Somebody,
        *,
        action: str,
        target: str = "",
        result: str = "ok",
        request_id: str = "",
        address: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> bool:
        """Add a row and return after its commit; False where there was none in time.

        Args:
            scope: whose log it is in.
            action: what was done, as `task.cancel`.
            target: to what: ids, or a name.
            result: `ok`, a status or the code of an error.
            details: JSON of a few values, never a secret or what somebody wrote. `actor_name` is added
                where the actor is an id.
        """
        entry = Entry(
            tenant=scope.tenant or DEFAULT_TENANT,
            actor=_within_column(who.actor),
            means=who.means,
            action=action,
            target=target,
            result=result,
            request_id=request_id,
            address=address,
            details={**(details or {}), **({} if who.name == who.actor else {"actor_name": who.name})},
        )
        waiting = self._add(entry)
        finished, _ = await asyncio.wait([waiting], timeout=self._patience_s)
        if not finished:
            log.error("audit.late", action=action, request_id=request_id)
        return bool(finished) and waiting.result()

    async def refused(
        self,
        scope: Scope,
        who: Somebody,
        *,
        target: str,
        result: str,
        request_id: str,
        address: str,
        action: str = REFUSED,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """The same for somebody who was turned away, a few times a minute for an address.

        Who is known by a credential or a name does not share the bound with the nameless: these cannot
        crowd them out.
        """
        if self._has_room(address, is_known=bool(who.actor)):
            await self.record(
                scope,
                who,
                action=action,
                target=target,
                result=result,
                request_id=request_id,
                address=address,
                details=details,
            )

    async def claimed(self, name: str | None) -> tuple[Scope, Somebody]:
        """Whose log a refused log-in is in. A name that nobody has may be a password typed in the wrong place."""
        user = None
        try:
            if name:
                user = await self._database.read(SYSTEM_SCOPE, identities.user_of_name, name)
        except DependencyUnavailable:
            pass
        if user is None:
            return DEFAULT_SCOPE, Unknown()
        return Scope(tenant=user.tenant, actor=user.name), Unknown(name=user.name)

    async def page(
        self,
        scope: Scope,
        *,
        actor: str | None = None,
        action: str | None = None,
        since: datetime | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[Recorded]:
        """Rows of the tenant, newest first; a scope without one sees all."""
        return await self._database.read(
            scope, audit.page, actor=actor, action=action, since=since, before=before, limit=limit
        )

    async def verify(self, *, after: int = 0, expected: str | None = None, max_s: float = 3600.0) -> Verified:
        """Look at the chain of all tenants, in batches, until its end, a flaw or the time is over.

        Args:
            after: a number that fits already, with its hash as `expected`; 0 for the whole chain.
        """
        give_up, rows = self._monotonic() + max_s, 0
        while True:
            found = await self._database.read(SYSTEM_SCOPE, audit.verify, after=after, expected=expected)
            rows += found.rows
            if found.is_complete or self._monotonic() >= give_up:
                return Verified(
                    seq=found.seq,
                    hash=found.hash,
                    rows=rows,
                    flaw=found.flaw,
                    flaw_seq=found.flaw_seq,
                    is_complete=found.is_complete,
                    pruned=found.pruned,
                )
            after, expected = found.seq, found.hash

    async def close(self) -> None:
        """Write what waits, and how many refusals were left out."""
        for (_, place), window in self._windows.items():
            self._tell_left_out(place, window)
        self._windows.clear()
        for everybody in self._all.values():
            self._tell_left_out(EVERYBODY, everybody)
            everybody.left_out = 0
        while self._appending is not None and not self._appending.done():
            await self._appending

    # What is behind them

    def _add(self, entry: Entry) -> "asyncio.Future[bool]":
        waiting = _Waiting(entry, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._appending is None or self._appending.done():
            self._appending = asyncio.create_task(self._append(), name="audit")
        return waiting.done

    async def _append(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_APPEND], self._waiting[MAX_APPEND:]
            await self._append_all(batch)

    async def _append_all(self, batch: list[_Waiting]) -> Exception | None:
        """As one, or one by one where the database answers and refuses them: most are no reason for that."""
        is_written = False
        try:
            await self._database.write(SYSTEM_SCOPE, audit.append, [item.entry for item in batch])
            is_written = True
        except Exception as error:  # what was asked for has happened; its answer must go out
            if len(batch) == 1 or isinstance(error, DependencyUnavailable):
                self._tell_lost(batch, error)
                return error
            for place, item in enumerate(batch):
                outcome = await self._append_all([item])
                if isinstance(outcome, DependencyUnavailable):
                    self._tell_lost(batch[place + 1 :], outcome)
                    return outcome
        finally:
            for item in batch:
                if not item.done.done():
                    item.done.set_result(is_written)
        return None

    def _tell_lost(self, batch: list[_Waiting], error: Exception) -> None:
        for item in batch:
            entry = item.entry
            log.error(
                "audit.lost",
                reason=type(error).__name__,
                tenant=entry.tenant,
                actor=entry.actor,
                action=entry.action,
                target=entry.target,
                result=entry.result,
                request=entry.request_id,
            )
            if self._metrics is not None:
                self._metrics.error(LOST)

    def _has_room(self, address: str, *, is_known: bool) -> bool:
        now, place = self._monotonic(), (is_known, limit_key(address))
        while self._windows:
            first = next(iter(self._windows))
            if self._windows[first].ends_at > now and len(self._windows) < ADDRESSES:
                break
            self._tell_left_out(first[1], self._windows.pop(first))
        everybody = self._all[is_known]
        if everybody.ends_at <= now:
            self._tell_left_out(EVERYBODY, everybody)
            everybody = self._all[is_known] = _Window(now + WINDOW_S)
        if everybody.rows >= REFUSALS:
            everybody.left_out += 1
            return False
        window = self._windows.setdefault(place, _Window(now + WINDOW_S))
        if window.rows >= REFUSALS_OF_ADDRESS:
            window.left_out += 1
            return False
        window.rows += 1
        everybody.rows += 1
        return True

    def _tell_left_out(self, address: str, window: _Window) -> None:
        if not window.left_out:
            return
        self._add(
            Entry(
                tenant=DEFAULT_TENANT,
                actor="",
                means="",
                action=REFUSED,
                result="left_out",
                address=address,
                details={"left_out": window.left_out},
            )
        )


def _within_column(actor: str) -> str:
    """A subject of a token may be longer than the column; it stays one of its kind."""
    if len(actor) <= ACTOR_CHARS:
        return actor
    digest = hashlib.sha256(actor.encode(errors="replace")).hexdigest()[:32]
    return f"{actor[: ACTOR_CHARS - len(digest) - 1]}~{digest}"
