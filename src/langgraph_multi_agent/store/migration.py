"""Bringing a database to the newest revision, and the cheap look whether it is there.

Hides alembic, which is imported only when there is something to do, and who migrates when several
start at once. Callers: `bootstrap`, before any unit of work. Invariant: a revision is applied whole
or not at all, together with its number and with how old a program may be that works on it (ADR 0014).
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DatabaseError

from langgraph_multi_agent.domain.errors import DependencyUnavailable, Fault, SettingsUnsafe

if TYPE_CHECKING:
    from alembic.script import Script, ScriptDirectory

HEAD = "0010"
COMPATIBLE_FROM = "schema_compatible_from"
"""Row of `installation`: the oldest HEAD whose program works on the schema as it is now."""
LOCK_TIMEOUT_MS = 300
"""A migration gives up rather than queue behind a long transaction with everybody else behind it.

Shorter than a statement of the service waits for a lock (`postgres.LOCK_TIMEOUT_MS`), so that what
queued behind the migration gets its turn before it would be refused; two starters wait in line,
not side by side, and what came between them goes first.
"""
LOCK_TRIES = 60
LOCK_PAUSE_S = 0.5
"""In which those who queued behind the migration get their turn."""
TURN_TIMEOUT_MS = 300_000
"""How long a starter waits while another one migrates."""
ADVISORY_KEY = 0x6C676D61
"""Which process migrates; the letters of `lgma`."""
SCRIPTS = Path(__file__).parent / "migrations"
_LOCK_NOT_AVAILABLE = "55P03"
_OPERATIONS = threading.Lock()
"""Alembic's `op` is one for the whole process."""


def current_revision(connection: Connection) -> str | None:
    """The revision a database is at; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision


def upgrade(engine: Engine, *, revision: str = "head", scripts: Path = SCRIPTS, program: str = HEAD) -> bool:
    """Migrate up; True if something was done. A newer database that this program may use stays as it is.

    Args:
        engine: any isolation level; transactions are this module's own.
        revision: where to stop, for tests of earlier revisions.
        scripts, program: other revisions than the package's, and the newest of them that is known.

    Raises:
        SettingsUnsafe: the database is too new for this program, or no database that can be used.
        DependencyUnavailable: the server ended the connection, or a lock was not to be had in
            LOCK_TRIES tries of LOCK_TIMEOUT_MS. What was done is whole, and the next start goes on.
    """
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if not _is_due(connection, revision, program):
                return False
            return _climb(connection, revision, scripts)
    except DatabaseError as error:
        raise _fault_of(error, engine.dialect.name) from error


def compatible_from(connection: Connection) -> str | None:
    """The oldest HEAD whose program works on this database; None if it does not say."""
    if not inspect(connection).has_table("installation"):
        return None
    found: str | None = connection.execute(
        text("SELECT value FROM installation WHERE name = :name"), {"name": COMPATIBLE_FROM}
    ).scalar()
    return found


def _fault_of(error: DatabaseError, dialect: str) -> Fault:
    reason = str(error.orig).partition("\n")[0]
    is_outage = error.connection_invalidated or type(error.orig).__name__ in ("OperationalError", "LockNotAvailable")
    if dialect == "postgresql" and is_outage:
        return DependencyUnavailable(dependency="database", reason=reason)
    return SettingsUnsafe(setting="DATABASE_URL", reason="database_unusable", detail=str(error.orig))


def _is_due(connection: Connection, revision: str, program: str) -> bool:
    """Whether anything is to be done. Raises SettingsUnsafe: the database is too new."""
    current = current_revision(connection)
    if current is None:
        return True
    if current > program:
        oldest = compatible_from(connection)
        if oldest is None or oldest > program:
            raise SettingsUnsafe(setting="DATABASE_URL", reason="database_newer", value=current)
        log = structlog.get_logger("store.migration")
        log.warning("database newer than program", database=current, program=program, compatible_from=oldest)
        return False
    return current < (program if revision == "head" else revision)


def _climb(connection: Connection, revision: str, scripts: Path) -> bool:
    from alembic.script import ScriptDirectory

    directory = ScriptDirectory(str(scripts))
    is_done = False
    for step in reversed(list(directory.walk_revisions("base", revision))):
        is_done |= _patiently(lambda step=step: _apply(connection, directory, step))  # type: ignore[misc]
    return is_done


def _patiently(call: Callable[[], bool]) -> bool:
    """Again after a lock that was not to be had, so that those who queued behind it got their turn."""
    for left in reversed(range(LOCK_TRIES)):
        try:
            return call()
        except DatabaseError as error:
            if not left or getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            structlog.get_logger("store.migration").warning("migration waits for a lock", tries_left=left)
            time.sleep(LOCK_PAUSE_S)
    raise AssertionError("unreachable")


def _apply(connection: Connection, directory: "ScriptDirectory", step: "Script") -> bool:
    """One revision with its number; False if another process was first."""
    with _OPERATIONS:  # before the turn: who has that must wait for nobody who waits for a connection
        return _apply_alone(connection, directory, step)


def _apply_alone(connection: Connection, directory: "ScriptDirectory", step: "Script") -> bool:
    """In one transaction, where one can hold it."""
    if getattr(step.module, "is_transactional", True) or connection.dialect.name == "sqlite":
        with _turn(connection):
            if not _is_next(connection, step):
                return False
            _run(connection, step)
            _record(connection, directory, step)
        return True
    # What a transaction cannot hold says itself what is done already, and may be done twice.
    if not _is_next(connection, step):
        return False
    connection.exec_driver_sql("SET statement_timeout = 0")
    connection.exec_driver_sql("SET lock_timeout = 0")
    _run(connection, step)
    with _turn(connection):
        if not _is_next(connection, step):
            return False
        _record(connection, directory, step)
    return True


@contextmanager
def _turn(connection: Connection) -> Iterator[None]:
    """A transaction in which nobody else migrates.

    Everything it sets ends with it, so that it also works behind a pooler that shares connections.
    """
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql("BEGIN")
    try:
        if connection.dialect.name != "sqlite":
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {TURN_TIMEOUT_MS}")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_KEY})")
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
        yield
    except BaseException:
        if not connection.invalidated:
            connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


def _is_next(connection: Connection, step: "Script") -> bool:
    return current_revision(connection) == step.down_revision


def _run(connection: Connection, step: "Script") -> None:
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    context = MigrationContext.configure(connection, opts={"render_as_batch": True})
    with Operations.context(context):
        step.module.upgrade()


def _record(connection: Connection, directory: "ScriptDirectory", step: "Script") -> None:
    """The revision's number, and how old a program may be now: never older than before."""
    from alembic.runtime.migration import MigrationContext

    MigrationContext.configure(connection).stamp(directory, step.revision)
    if not inspect(connection).has_table("installation"):
        return
    oldest = max(compatible_from(connection) or "", step.module.compatible_from)
    values: dict[str, Any] = {"name": COMPATIBLE_FROM, "value": oldest}
    connection.execute(
        text(
            "INSERT INTO installation (name, value, created_at) VALUES (:name, :value, CURRENT_TIMESTAMP)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        ),
        values,
    )
