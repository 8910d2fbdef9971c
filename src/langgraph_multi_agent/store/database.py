"""Units of work, and the group commit that carries them.

Hides threads, connections, transactions and fail-points. Callers pass a registered `@unit`
function; all units that wait while one commit runs share the next one, each behind its own
savepoint, so one fsync serves many tasks and one unit's error is its own. Invariant: a unit
either happened durably before `write` returns, or did not happen at all.
"""

import asyncio
import concurrent.futures
import contextlib
import os
import queue
import signal
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

from sqlalchemy import Connection, Engine, Select, create_engine, event
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError
from sqlalchemy.pool import NullPool

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.domain.errors import DataRefused, DependencyUnavailable, Fault
from langgraph_multi_agent.domain.ports import Clock, NewId
from langgraph_multi_agent.domain.quota import UNLIMITED, Quota
from langgraph_multi_agent.store.limits import hold_limits

P = ParamSpec("P")
R = TypeVar("R")

MAX_BATCH = 64
READERS = 3
BUSY_TIMEOUT_MS = 5_000
_REFUSALS = (sqlite3.IntegrityError, sqlite3.DataError, UnicodeError, OverflowError)

UNITS: dict[str, Callable[..., Any]] = {}
"""Every unit of work that may commit, by name: the fail-points of the crash tests."""


@dataclass(slots=True, kw_only=True)
class Store:
    """What a unit of work sees: one open transaction, whose scope, and the present time."""

    connection: Connection
    scope: Scope
    clock: Clock
    new_id: NewId
    dialect: str = "sqlite"
    unit: str = ""
    attempt: int = 0
    """How often this unit has run before: after a lock that was not to be had, or a deadlock."""
    witness: Select[Any] | None = None
    """Finds a row if and only if this transaction happened: asked when a COMMIT got no answer."""
    quota: Quota = UNLIMITED
    """What a tenant may use where it has no row of its own."""
    _now: Any = None

    @property
    def now(self) -> Any:
        """The time of this transaction, the database's clock (SQLite lives in our process)."""
        if self._now is None:
            self._now = self.clock.now()
        return self._now


def unit(function: Callable[Concatenate[Store, P], R]) -> Callable[Concatenate[Store, P], R]:
    """Register a unit of work that writes."""
    name = f"{function.__module__.rsplit('.', 1)[-1]}.{function.__name__}"
    UNITS[name] = function
    function.__dict__["unit_name"] = name
    return function


def single_statement(function: Callable[P, R]) -> Callable[P, R]:
    """Say of a reading function that one statement is all it sends: it needs no snapshot of its own."""
    function.__dict__["is_single_statement"] = True
    return function


class FailPoints:
    """Kills this process at the n-th hit of a point, and can list the hits of a run.

    A test sets `LGMA_FAILPOINT=before:journal.commit_steps:3` or `LGMA_FAILPOINT_LOG=<file>`;
    production sets neither and pays one attribute test per commit.
    """

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        values = os.environ if environment is None else environment
        self.target = values.get("LGMA_FAILPOINT", "")
        self.log = values.get("LGMA_FAILPOINT_LOG", "")
        self.armed = bool(self.target or self.log)
        self._hits: dict[str, int] = {}

    def hit(self, point: str) -> None:
        count = self._hits[point] = self._hits.get(point, 0) + 1
        name = f"{point}:{count}"
        if self.log:
            with Path(self.log).open("a") as file:
                file.write(name + "\n")
        if name == self.target:
            os.kill(os.getpid(), signal.SIGKILL)


class Database(Protocol):
    """Runs units of work, each in one transaction of its scope."""

    dialect: str
    statistics: "CommitStatistics"

    async def write(
        self, scope: Scope, function: Callable[Concatenate[Store, P], R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run a registered unit and return after its commit. Cancelling the caller does not undo it.

        Raises:
            DependencyUnavailable: the database did not accept the commit; nothing was written.
            CommitInDoubt: it died before it said so, and nobody could tell afterwards.
            DataRefused: a value breaks a rule of the schema; nothing was written.
        """
        ...

    def write_from_thread(
        self, scope: Scope, function: Callable[Concatenate[Store, P], R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """The same for a thread of its own, such as the heartbeat's; blocks until the commit."""
        ...

    async def read(
        self, scope: Scope, function: Callable[Concatenate[Store, P], R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run a reading function in one snapshot."""
        ...

    async def close(self) -> None: ...


@dataclass(slots=True)
class _Pending:
    scope: Scope
    name: str
    call: Callable[[Store], Any]
    loop: asyncio.AbstractEventLoop | None
    future: "asyncio.Future[Any] | concurrent.futures.Future[Any]"
    result: Any = None
    error: BaseException | None = None

    def settle(self) -> None:
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


@dataclass(slots=True)
class CommitStatistics:
    """What the writer did since the start; read by metrics and benchmarks."""

    commits: int = 0
    units: int = 0
    last_batch: int = 0
    by_unit: dict[str, int] = field(default_factory=dict)


def sqlite_engine(path: Path, *, read_only: bool = False) -> Engine:
    """An engine over one file: WAL, `synchronous=FULL`, foreign keys, transactions by hand."""
    engine = create_engine(
        f"sqlite:///{path}", poolclass=NullPool, isolation_level="AUTOCOMMIT",
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000, "cached_statements": 512},
    )

    hold_limits(engine)

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        if read_only:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    return engine


class SqliteDatabase:
    """SQLite in WAL mode: one writer thread with group commit, a few reader threads.

    All writes of the process pass through the one writer connection, checkpoints included:
    two writers on SQLite collide.
    """

    dialect = "sqlite"

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        new_id: NewId,
        fail_points: FailPoints | None = None,
        quota: Quota = UNLIMITED,
    ) -> None:
        self.path, self._quota = path, quota
        self.statistics = CommitStatistics()
        self._clock, self._new_id = clock, new_id
        self._fail_points = fail_points or FailPoints()
        self._queue: queue.SimpleQueue[_Pending | None] = queue.SimpleQueue()
        self._write_engine = sqlite_engine(path)
        self._read_engine = sqlite_engine(path, read_only=True)
        self._local = threading.local()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="lgma-read")
        self._read_connections: list[Connection] = []
        self._closed, self._closing = False, threading.Lock()
        self._writer = threading.Thread(target=self._write_forever, name="lgma-write", daemon=True)
        self._writer.start()

    async def write(
        self, scope: Scope, function: Callable[Concatenate[Store, P], R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        pending = _Pending(
            scope=scope,
            name=function.__dict__["unit_name"],
            call=lambda store: function(store, *args, **kwargs),
            loop=loop,
            future=future,
        )
        self._enqueue(pending)
        return await shielded(future)

    def write_from_thread(
        self, scope: Scope, function: Callable[Concatenate[Store, P], R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        pending = _Pending(
            scope=scope,
            name=function.__dict__["unit_name"],
            call=lambda store: function(store, *args, **kwargs),
            loop=None,
            future=concurrent.futures.Future(),
        )
        self._enqueue(pending)
        return cast("R", pending.future.result())

    def _enqueue(self, pending: _Pending) -> None:
        with self._closing:  # what came after the writer's end would be waited for for ever
            if self._closed:
                raise DependencyUnavailable(dependency="database", reason="closed")
            self._queue.put(pending)

    async def read(
        self, scope: Scope, function: Callable[Concatenate[Store, P], R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        def run() -> R:
            try:
                connection = self._reader()
                raw = driver_of(connection)
                raw.execute("BEGIN")
                try:
                    store = Store(
                        connection=connection,
                        scope=scope,
                        clock=self._clock,
                        new_id=self._new_id,
                        quota=self._quota,
                    )
                    return function(store, *args, **kwargs)
                finally:
                    raw.execute("ROLLBACK")
            except (StatementError, sqlite3.Error, UnicodeError, OverflowError) as error:
                raise fault_of(error) from error

        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    async def close(self) -> None:
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        await asyncio.to_thread(self._writer.join)
        await asyncio.to_thread(self._readers.shutdown)
        for connection in self._read_connections:
            connection.close()
        self._write_engine.dispose()
        self._read_engine.dispose()

    def _reader(self) -> Connection:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._read_engine.connect()
            self._read_connections.append(connection)
        return connection

    def _write_forever(self) -> None:
        with contextlib.ExitStack() as stack:
            connection: Connection | None = None
            stop = False
            while not stop:
                batch: list[_Pending] = []
                item = self._queue.get()
                while item is not None:
                    batch.append(item)
                    if len(batch) >= MAX_BATCH:
                        break
                    try:
                        item = self._queue.get_nowait()
                    except queue.Empty:
                        break
                stop = item is None
                if not batch:
                    continue
                try:
                    connection = connection or stack.enter_context(self._write_engine.connect())
                except Exception as error:  # the next batch may find the file
                    for pending in batch:
                        pending.error = unavailable(error)
                    self._settle(batch)
                else:
                    self._commit(connection, batch)

    def _commit(self, connection: Connection, batch: list[_Pending]) -> None:
        raw = driver_of(connection)
        try:
            raw.execute("BEGIN IMMEDIATE")
            for pending in batch:
                self._apply(connection, raw, pending)
            self._fail("before", batch)
            raw.execute("COMMIT")
            self._fail("after", batch)
        except BaseException as error:  # the writer must outlive any unit
            with contextlib.suppress(Exception):
                raw.execute("ROLLBACK")
            for pending in batch:
                pending.error = pending.error or unavailable(error)
        statistics = self.statistics
        statistics.commits += 1
        statistics.units += len(batch)
        statistics.last_batch = len(batch)
        for pending in batch:
            statistics.by_unit[pending.name] = statistics.by_unit.get(pending.name, 0) + 1
        self._settle(batch)

    @staticmethod
    def _settle(batch: list[_Pending]) -> None:
        for loop in {pending.loop for pending in batch}:
            mine = [pending for pending in batch if pending.loop is loop]
            if loop is None:
                _settle_all(mine)
                continue
            with contextlib.suppress(RuntimeError):  # the loop may be gone
                loop.call_soon_threadsafe(_settle_all, mine)

    def _apply(self, connection: Connection, raw: Any, pending: _Pending) -> None:
        store = Store(
            connection=connection,
            scope=pending.scope,
            clock=self._clock,
            new_id=self._new_id,
            unit=pending.name,
            quota=self._quota,
        )
        raw.execute("SAVEPOINT unit")
        try:
            pending.result = pending.call(store)
        except Exception as error:
            raw.execute("ROLLBACK TO unit")
            pending.error = fault_of(error)
        raw.execute("RELEASE unit")

    def _fail(self, when: str, batch: list[_Pending]) -> None:
        if self._fail_points.armed:
            for pending in batch:
                self._fail_points.hit(f"{when}:{pending.name}")


def driver_of(connection: Connection) -> Any:
    """The driver's own connection: for hot statements SQLAlchemy's context costs more than they do."""
    return connection.connection.driver_connection


def _settle_all(batch: list[_Pending]) -> None:
    for pending in batch:
        pending.settle()


def unavailable(error: BaseException) -> DependencyUnavailable:
    fault = DependencyUnavailable(dependency="database", reason=_first_line(error))
    fault.__cause__ = error
    return fault


def fault_of(error: Exception) -> Exception:
    """What a driver's error is to the caller: data that no database would take, or one that fails."""
    cause = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    if isinstance(cause, Fault):
        return cause
    if isinstance(cause, _REFUSALS) or isinstance(error, (IntegrityError, DataError)):
        fault = DataRefused(reason=_first_line(error))
        fault.__cause__ = error
        return fault
    return unavailable(error) if isinstance(error, (DBAPIError, sqlite3.Error)) else error


def _first_line(error: BaseException) -> str:
    return str(getattr(error, "orig", error)).partition("\n")[0]


async def shielded(future: "asyncio.Future[R]") -> R:
    """Wait until the commit is known even if the caller is cancelled, then let it be cancelled.

    One that is cancelled again waits no more; what becomes of the commit is then nobody's error.
    """
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        future.add_done_callback(_note)
        if not future.done():
            await asyncio.wait({future})
        raise


def _note(done: "asyncio.Future[Any]") -> None:
    """Look at an outcome that nobody waits for: else asyncio tells of an error that was never retrieved."""
    if not done.cancelled():
        done.exception()
