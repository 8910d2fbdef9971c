"""PostgreSQL behind `Database`: a unit of work is one transaction, a thread is a connection.

Hides lanes, reconnects, deadlines and the doubt after a COMMIT without an answer (ADR 0011).
Callers: bootstrap; everybody else sees `Database`. Invariant: a unit either happened durably
before `write` returns, or did not happen, or the answer is `CommitInDoubt`.
"""

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import orjson
import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.domain.errors import (
    CommitInDoubt,
    DataRefused,
    DependencyUnavailable,
    Fault,
    SettingsUnsafe,
)
from langgraph_multi_agent.domain.ports import Clock, NewId
from langgraph_multi_agent.domain.quota import UNLIMITED, Quota
from langgraph_multi_agent.store.database import (
    CommitStatistics,
    FailPoints,
    Store,
    driver_of,
    shielded,
    unavailable,
)
from langgraph_multi_agent.store.schema import json_text

P = ParamSpec("P")
R = TypeVar("R")

MIN_CONNECTIONS = 4
MAX_LANE = 8
CONNECT_TIMEOUT_S = 3
IDLE_IN_TRANSACTION_MS = 4_000
"""A stopped process must not hold its row locks longer than its leases live."""
LOCK_TIMEOUT_MS = 500
"""One row that somebody holds must not hold up a whole process: see `rows.lock_soon`."""
THREAD_DEADLINE_S = 2.0
"""Of a heartbeat: a dead connection must be found out in time for another try within the lease."""
MAX_TRIES = 3
ASK_AGAIN_S = 0.2

_BEGIN = "BEGIN; "
_BEGIN_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
_NOW = "SELECT clock_timestamp()"


def postgres_engine(
    url: str, *, deadline_s: float, prepare: bool = True, application_name: str = "lgma"
) -> Engine:
    """An engine whose connections leave transactions to their user and give up on a silent network.

    Args:
        url: a SQLAlchemy URL, `postgresql+psycopg://…`.
        deadline_s: what the server may spend on one statement, and on waiting for a lock.
        prepare: prepare statements on the server. False behind pgbouncer in transaction mode, which
            also refuses settings at connect time; there each transaction carries the time-outs.
    """
    timeout_ms = int(deadline_s * 1000)
    arguments: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "application_name": application_name,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": timeout_ms,
        "prepare_threshold": 3 if prepare else None,
    }
    if prepare:
        limits = {"timezone": "UTC", **_limits(deadline_s)}
        arguments["options"] = " ".join(f"-c {name}={value}" for name, value in limits.items())
    engine = create_engine(
        url,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        json_serializer=json_text,
        json_deserializer=orjson.loads,
        connect_args=arguments,
    )

    @event.listens_for(engine, "connect")
    def _many_plans(connection: Any, _record: Any) -> None:
        connection.prepared_max = 200

    return engine


def _limits(deadline_s: float) -> dict[str, int]:
    """What the server ends by itself, in milliseconds."""
    timeout_ms = int(deadline_s * 1000)
    return {
        "statement_timeout": timeout_ms,
        "lock_timeout": min(LOCK_TIMEOUT_MS, timeout_ms),
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_MS,
    }


class _ServerClock:
    """`ports.Clock` of the database server, for reads that have not begun with a look at it."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def now(self) -> datetime:
        return cast("datetime", self._raw.execute("SELECT clock_timestamp()").fetchone()[0])

    def monotonic(self) -> float:
        return time.monotonic()


class _Call:
    """One unit on its way: where it runs, and a hand to stop it when its deadline passes."""

    def __init__(self, scope: Scope, function: Callable[[Store], Any], name: str, *, deadline_s: float) -> None:
        self.scope, self.function, self.name, self.deadline_s = scope, function, name, deadline_s
        self.give_up = time.monotonic() + deadline_s
        self._lock = threading.Lock()
        self._raw: Any = None
        self._is_aborted = self._is_in_doubt = self._is_committed = False

    @property
    def is_over(self) -> bool:
        """Nothing more is tried for it. Its timer may be a little earlier than its deadline."""
        return self._is_aborted or time.monotonic() >= self.give_up

    def enter(self, raw: Any) -> None:
        """Raises DependencyUnavailable: the deadline passed while the call waited for its turn."""
        with self._lock:
            if self._is_aborted:
                raise DependencyUnavailable(dependency="database", reason="deadline")
            self._raw = raw

    def leave(self) -> None:
        with self._lock:
            self._raw = None

    def doubt(self) -> None:
        """COMMIT was sent, and nobody said what became of it."""
        with self._lock:
            self._raw, self._is_in_doubt = None, True

    def committed(self) -> None:
        with self._lock:
            self._raw, self._is_committed = None, True

    def abort(self) -> Fault | None:
        """Wake the thread whatever the network does: its socket ends.

        Returns:
            None: the thread answers at once. Else it has no connection and may wait long for one; it does
            nothing with it any more, and this is the answer.
        """
        with self._lock:
            self._is_aborted = True
            if self._is_committed:
                return None
            if self._raw is None:
                kind = CommitInDoubt if self._is_in_doubt else DependencyUnavailable
                return kind(dependency="database", reason="in_doubt" if self._is_in_doubt else "deadline")
            if not self._raw.closed:
                with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._raw.fileno())) as wire:
                    wire.shutdown(socket.SHUT_RDWR)
            return None


class _Link:
    """The connection of one thread."""

    def __init__(self, engine: Engine) -> None:
        self.connection: Connection = engine.connect()
        self.raw: Any = driver_of(self.connection)
        self.is_fresh = True

    @property
    def is_broken(self) -> bool:
        return bool(self.raw.closed)

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.raw.close()
        with contextlib.suppress(Exception):
            self.connection.invalidate()
            self.connection.close()


class PostgresDatabase:
    """`Database` over PostgreSQL.

    Args:
        connections: how many this process may open; one is the heartbeat's.
        clock: instead of the server's, for tests that move time by hand.
        deadline_s: how long a call may take, waiting for its turn included.
    """

    dialect = "postgresql"

    def __init__(
        self,
        url: str,
        *,
        connections: int,
        new_id: NewId,
        clock: Clock | None = None,
        deadline_s: float = 10.0,
        prepare: bool = True,
        application_name: str = "lgma",
        fail_points: FailPoints | None = None,
        quota: Quota = UNLIMITED,
    ) -> None:
        if connections < MIN_CONNECTIONS:
            raise SettingsUnsafe(setting="DATABASE_POOL_SIZE", reason="too_few_connections", value=connections)
        self.statistics = CommitStatistics()
        self._new_id, self._clock, self._deadline_s, self._quota = new_id, clock, deadline_s, quota
        self._fail_points = fail_points or FailPoints({})
        # Sessions of a pooler are everybody's: a stopped process would keep its locks for good.
        limits = {} if prepare else _limits(deadline_s)
        self._limits = "".join(f"SET LOCAL {name} = {value}; " for name, value in limits.items())
        self._engine = postgres_engine(
            url, deadline_s=deadline_s, prepare=prepare, application_name=application_name
        )
        shared = connections - 1
        writers = min(MAX_LANE, max(1, shared // 2))
        self._writers = ThreadPoolExecutor(writers, thread_name_prefix="lgma-write")
        self._readers = ThreadPoolExecutor(min(MAX_LANE, shared - writers), thread_name_prefix="lgma-read")
        self._local = threading.local()
        self._links: set[_Link] = set()
        self._links_lock = threading.Lock()
        self._closed = False

    async def write(
        self, scope: Scope, function: Callable[Concatenate[Store, P], R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        deadline_s = function.__dict__.get("deadline_s")
        name = function.__dict__["unit_name"]
        call = self._call(scope, lambda store: function(store, *args, **kwargs), name, deadline_s=deadline_s)
        return cast("R", await self._on(self._writers, self._transact, call))

    async def read(
        self, scope: Scope, function: Callable[Concatenate[Store, P], R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        deadline_s = function.__dict__.get("deadline_s")
        call = self._call(scope, lambda store: function(store, *args, **kwargs), "", deadline_s=deadline_s)
        run = self._look_once if function.__dict__.get("is_single_statement") else self._look
        return cast("R", await self._on(self._readers, run, call))

    def write_from_thread(
        self, scope: Scope, function: Callable[Concatenate[Store, P], R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        call = self._call(scope, lambda store: function(store, *args, **kwargs), function.__dict__["unit_name"])
        call.give_up = min(call.give_up, time.monotonic() + THREAD_DEADLINE_S)
        timer = threading.Timer(min(self._deadline_s, THREAD_DEADLINE_S), call.abort)
        timer.daemon = True
        timer.start()
        try:
            return cast("R", self._transact(call))
        finally:
            timer.cancel()

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for lane in (self._writers, self._readers):
            await asyncio.to_thread(lane.shutdown)
        with self._links_lock:
            links, self._links = self._links, set()
        for link in links:
            link.close()
        self._engine.dispose()

    def _call(
        self, scope: Scope, function: Callable[[Store], Any], name: str, *, deadline_s: float | None = None
    ) -> _Call:
        """`deadline_s`: a unit that is long by its nature has its own; each statement has the common one."""
        if self._closed:
            raise DependencyUnavailable(dependency="database", reason="closed")
        return _Call(scope, function, name, deadline_s=deadline_s or self._deadline_s)

    async def _on(self, lane: ThreadPoolExecutor, run: Callable[[_Call], Any], call: _Call) -> Any:
        loop = asyncio.get_running_loop()
        work = lane.submit(run, call)
        answer: asyncio.Future[Any] = loop.create_future()

        def pass_on(done: "asyncio.Future[Any]") -> None:
            timer.cancel()
            error = None if done.cancelled() else done.exception()
            if answer.done():
                return
            if error is not None:
                answer.set_exception(error)
            elif not done.cancelled():
                answer.set_result(done.result())

        def give_up() -> None:
            """One that has not had its turn by now is taken out of the line; one under way is woken."""
            work.cancel()
            fault = call.abort()
            if fault is not None and not answer.done():
                answer.set_exception(fault)

        asyncio.wrap_future(work).add_done_callback(pass_on)
        # Until the thread's end, not the caller's: one that is cancelled twice waits no more, but closing does.
        timer = loop.call_later(call.deadline_s, give_up)
        return await shielded(answer)

    # What follows runs on the lanes' threads.

    def _link(self) -> _Link:
        link: _Link | None = getattr(self._local, "link", None)
        if link is not None and not link.is_broken:
            return link
        if link is not None:
            self._drop(link)
        try:
            link = _Link(self._engine)
        except (DBAPIError, psycopg.Error) as error:
            raise unavailable(error) from error
        self._local.link = link
        with self._links_lock:
            self._links.add(link)
        return link

    def _drop(self, link: _Link) -> None:
        self._local.link = None
        with self._links_lock:
            self._links.discard(link)
        link.close()

    def _store(self, link: _Link, call: _Call, now: datetime | None) -> Store:
        return Store(
            connection=link.connection,
            scope=call.scope,
            clock=self._clock or _ServerClock(link.raw),
            new_id=self._new_id,
            dialect=self.dialect,
            unit=call.name,
            quota=self._quota,
            _now=None if self._clock else now,
        )

    def _begin(self, call: _Call, words: str) -> tuple[_Link, datetime]:
        """A connection in a transaction. One that died since its last use is replaced once."""
        while True:
            link = self._link()
            call.enter(link.raw)
            try:
                answer = link.raw.execute(words + self._limits_for(call) + _NOW, prepare=False)
                while answer.nextset():
                    pass
                now = answer.fetchone()[0]
            except (psycopg.Error, OSError) as error:
                call.leave()
                was_fresh = link.is_fresh
                self._drop(link)
                if was_fresh or call.is_over:
                    raise unavailable(error) from error
            else:
                link.is_fresh = False
                return link, now

    def _limits_for(self, call: _Call) -> str:
        """A unit that is long by its nature also works long between its statements; it locks new rows only."""
        if call.deadline_s <= self._deadline_s:
            return self._limits
        idle_ms = int(call.deadline_s * 1000)
        return f"{self._limits}SET LOCAL idle_in_transaction_session_timeout = {idle_ms}; "

    def _transact(self, call: _Call) -> Any:
        for attempt in range(MAX_TRIES):
            link, now = self._begin(call, _BEGIN)
            store = self._store(link, call, now)
            store.attempt = attempt
            try:
                result = call.function(store)
                self._fail("before", call)
            except Exception as error:
                self._roll_back(link)
                call.leave()
                if attempt < MAX_TRIES - 1 and _sql_state(error) in _TRY_AGAIN:
                    continue
                raise _fault_of(error, link) from error
            self._commit(link, call, store)
            self._fail("after", call)
            call.committed()
            statistics = self.statistics
            statistics.commits += 1
            statistics.units += 1
            statistics.last_batch = 1
            statistics.by_unit[call.name] = statistics.by_unit.get(call.name, 0) + 1
            return result
        raise AssertionError("unreachable")

    def _commit(self, link: _Link, call: _Call, store: Store) -> None:
        try:
            link.raw.execute("COMMIT")
        except (psycopg.Error, OSError) as error:
            if not link.is_broken:
                call.leave()
                self._roll_back(link)
                raise _fault_of(error, link) from error
            call.doubt()
            self._drop(link)
            if store.witness is None or not self._happened(call, store):
                raise CommitInDoubt(dependency="database", reason="in_doubt") from error

    def _happened(self, call: _Call, store: Store) -> bool:
        """Ask on new connections until one answers or the deadline passes; not heard is not known."""
        while not call.is_over:
            try:
                link = self._link()
                call.enter(link.raw)
                return link.connection.execute(store.witness).first() is not None  # type: ignore[arg-type]
            except (DependencyUnavailable, DBAPIError, psycopg.Error, OSError):
                link_now: _Link | None = getattr(self._local, "link", None)
                if link_now is not None:
                    self._drop(link_now)
                time.sleep(ASK_AGAIN_S)
            finally:
                call.leave()
        return False

    def _look(self, call: _Call) -> Any:
        """A look whose connection broke is made once more: a starved process may find it ended by the server."""
        for is_last in (False, True):
            link, now = self._begin(call, _BEGIN_READ)
            try:
                return call.function(self._store(link, call, now))
            except Exception as error:
                if is_last or not link.is_broken or call.is_over:
                    raise _fault_of(error, link) from error
            finally:
                self._roll_back(link)
                call.leave()
        raise AssertionError("unreachable")

    def _look_once(self, call: _Call) -> Any:
        for is_last in (False, True):
            link = self._link()
            call.enter(link.raw)
            try:
                return call.function(self._store(link, call, None))
            except (DBAPIError, psycopg.Error) as error:
                if is_last or call.is_over or link.is_fresh or not link.is_broken:
                    raise _fault_of(error, link) from error
            finally:
                call.leave()
                link.is_fresh = False
        raise AssertionError("unreachable")

    def _roll_back(self, link: _Link) -> None:
        try:
            link.raw.execute("ROLLBACK")
        except (psycopg.Error, OSError):
            self._drop(link)

    def _fail(self, when: str, call: _Call) -> None:
        if self._fail_points.armed:
            self._fail_points.hit(f"{when}:{call.name}")


_TRY_AGAIN = frozenset({"40001", "40P01", "55P03"})
"""Serialisation failure, deadlock, lock not available: the transaction may simply run again."""


def _driver_error(error: BaseException) -> BaseException:
    return getattr(error, "orig", None) or error


def _sql_state(error: BaseException) -> str | None:
    return getattr(_driver_error(error), "sqlstate", None)


def _fault_of(error: Exception, link: _Link) -> Exception:
    cause = _driver_error(error)
    if isinstance(cause, Fault):
        return cause
    is_refusal = isinstance(cause, (psycopg.DataError, psycopg.IntegrityError, UnicodeError, OverflowError))
    if is_refusal and not link.is_broken:
        fault = DataRefused(reason=str(cause).partition("\n")[0])
        fault.__cause__ = error
        return fault
    return unavailable(error) if isinstance(cause, (psycopg.Error, OSError)) else error
