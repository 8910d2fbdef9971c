"""Databases for tests: every backend of the store, fresh, behind one door, and a clock by hand.

`BACKENDS` names them; the conformance suite runs once for each. A second dialect becomes one more
entry with its own opener.
"""

import itertools
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import orjson
import pytest
from sqlalchemy import text
from tests.support.servers import postgres

from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE, WORKER_SCOPE, Scope
from langgraph_multi_agent.domain.ports import Clock, NewId
from langgraph_multi_agent.domain.task import TaskDraft
from langgraph_multi_agent.store import claims, migration, schema, submissions, tasks
from langgraph_multi_agent.store import postgres as dialect
from langgraph_multi_agent.store.claims import Claimed
from langgraph_multi_agent.store.database import Database, SqliteDatabase, Store, sqlite_engine, unit
from langgraph_multi_agent.store.postgres import PostgresDatabase
from langgraph_multi_agent.store.tasks import TaskFilter

LEASE = timedelta(seconds=6)
PATIENCE_S = 40
"""For a PostgreSQL that is up: connecting, a lock, a statement, and a test's process between two of them.

A test that a seeded fault hangs up has still failed within its minute."""
TEAMS = {"default": "1"}


class ManualClock:
    """A clock that a test moves. Every reading of the time is a microsecond later than the last."""

    def __init__(self) -> None:
        self._now = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self._monotonic = 1000.0

    def now(self) -> datetime:
        self._now += timedelta(microseconds=1)
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds


def counting_ids() -> NewId:
    """Ids that sort in the order they were made, 36 characters like a UUID."""
    numbers = itertools.count(1)
    return lambda: f"00000000-0000-7000-8000-{next(numbers):012d}"


@cache
def _migrated_sqlite() -> Path:
    """One file at the newest revision, copied for each test: a migration takes longer than most tests."""
    path = Path(mkdtemp(prefix="lgma-template-")) / "template.db"
    engine = sqlite_engine(path)
    migration.upgrade(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


def new_sqlite_file(directory: Path) -> Path:
    """A migrated, empty database file as the embedded server names it."""
    path = directory / "lgma.db"
    shutil.copyfile(_migrated_sqlite(), path)
    return path


@asynccontextmanager
async def open_sqlite(directory: Path, clock: Clock, new_id: NewId) -> AsyncIterator[Database]:
    path = directory / "lgma.db"
    if not path.exists():
        new_sqlite_file(directory)
    database = SqliteDatabase(path, clock=clock, new_id=new_id)
    try:
        yield database
    finally:
        await database.close()


_EMPTY = "; ".join(
    [
        *(f"DELETE FROM {table.name}" for table in schema.metadata.sorted_tables),
        "ALTER SEQUENCE agent_messages_id_seq RESTART",
    ]
)


def patient_postgres(
    url: str, *, connect_s: float = PATIENCE_S, lock_s: float = PATIENCE_S, **options: Any
) -> PostgresDatabase:
    """For tests of what happens, not of when: the product's limits are short, and a starved process meets them.

    Args:
        url: a SQLAlchemy URL, `postgresql+psycopg://…`.
        connect_s, lock_s: how long a connection and a lock are waited for.
        options: of `PostgresDatabase`.
    """
    with pytest.MonkeyPatch.context() as patch:  # an engine keeps the limits that it was made with
        patch.setattr(dialect, "CONNECT_TIMEOUT_S", int(connect_s))
        patch.setattr(dialect, "LOCK_TIMEOUT_MS", int(lock_s * 1000))
        patch.setattr(dialect, "IDLE_IN_TRANSACTION_MS", int(PATIENCE_S * 1000))
        return PostgresDatabase(url, **{"deadline_s": PATIENCE_S, **options})


@cache
def shared_database() -> str:
    """One database for all tests of this process, emptied after each: making one takes longer than most tests."""
    return postgres().create_database()


@asynccontextmanager
async def open_postgres(
    directory: Path, clock: Clock, new_id: NewId, *, lock_s: float = PATIENCE_S
) -> AsyncIterator[Database]:
    server = postgres()
    name = shared_database()
    url = server.url(name).replace("postgresql://", "postgresql+psycopg://", 1)
    database = patient_postgres(url, connections=6, clock=clock, new_id=new_id, lock_s=lock_s)
    try:
        yield database
    finally:
        await database.close()
        with server.connect(name) as connection:
            connection.execute(_EMPTY)


Opener = Callable[[Path, Clock, NewId], AbstractAsyncContextManager[Database]]
BACKENDS: Mapping[str, Opener] = {"sqlite": open_sqlite, "postgresql": open_postgres}


@unit
def run_sql(store: Store, statement: str, values: Mapping[str, Any]) -> int:
    """What an operator types into a database shell; how many rows it changed."""
    return store.connection.execute(text(statement), dict(values)).rowcount


@unit
def broken_unit(store: Store, statement: str) -> None:
    """Writes, and then meets an error of the database."""
    store.connection.execute(text("UPDATE tasks SET title = 'half done'"))
    store.connection.execute(text(statement))


@unit
def faulty_unit(store: Store, error: Exception) -> None:
    """Writes, and then raises."""
    store.connection.execute(text("UPDATE tasks SET title = 'half done'"))
    raise error


def query(store: Store, statement: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows as a reader from outside sees them; JSON as text, whatever the dialect makes of it."""
    return [
        {
            name: orjson.dumps(value).decode() if isinstance(value, (dict, list)) else value
            for name, value in row._mapping.items()
        }
        for row in store.connection.execute(text(statement), dict(values))
    ]


class Desk:
    """The store's units with the arguments that tests do not care about filled in."""

    def __init__(self, database: Database, clock: ManualClock, new_id: NewId) -> None:
        self.database, self.clock, self.new_id = database, clock, new_id

    async def submit(
        self,
        scope: Scope = DEFAULT_SCOPE,
        *,
        key: str | None = None,
        body: str = "",
        queue_size: int = 1000,
        **fields: Any,
    ) -> str:
        task, _ = await self.database.write(
            scope,
            submissions.submit,
            self.new_id(),
            draft(**fields),
            queue_size=queue_size,
            idempotency_key=key,
            body_hash=body,
        )
        return task.id

    async def claim(
        self, limit: int = 1, *, owner: str = "w1", teams: Mapping[str, str] = TEAMS
    ) -> list[Claimed]:
        return await self.database.write(
            WORKER_SCOPE, claims.claim, owner, limit=limit, lease=LEASE, teams=teams
        )

    async def running(self, **fields: Any) -> Claimed:
        """A new task that worker `w1` runs."""
        task_id = await self.submit(**fields)
        claimed = await self.claim(limit=1000)
        return next(item for item in claimed if item.task.id == task_id)

    async def get(self, task_id: str, scope: Scope = SYSTEM_SCOPE) -> Any:
        return await self.database.read(scope, tasks.get, task_id)

    async def ids(self, scope: Scope = DEFAULT_SCOPE, **task_filter: Any) -> list[str]:
        found = await self.database.read(
            scope, tasks.list_tasks, TaskFilter(**task_filter), limit=500, after=None
        )
        return [task.id for task in found]

    async def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        return await self.database.read(SYSTEM_SCOPE, query, statement, values)

    async def sql(self, statement: str, **values: Any) -> int:
        return await self.database.write(SYSTEM_SCOPE, run_sql, statement, values)

    async def events(self, task_id: str) -> list[str]:
        """Types in order; their numbers must be 1, 2, 3 …"""
        rows = await self.rows(
            "SELECT seq, type FROM agent_messages WHERE task_id = :id ORDER BY seq", id=task_id
        )
        assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
        return [row["type"] for row in rows]


def draft(**fields: Any) -> TaskDraft:
    return TaskDraft(**{"title": "t", "description": "d", **fields})


def tenant(name: str) -> Scope:
    return Scope(tenant=name, actor=f"{name}-person")
