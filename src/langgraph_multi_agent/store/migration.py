"""Bringing a database to the newest revision, and the cheap look whether it is there.

Alembic is imported only when there is something to do: a start on a current database stays quick.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DatabaseError

from langgraph_multi_agent.domain.errors import SettingsUnsafe

HEAD = "0002"
LOCK_TIMEOUT_MS = 5_000
"""A migration gives up rather than queue behind a long transaction with everybody else behind it."""
ADVISORY_KEY = 0x6C676D61
"""Which process migrates; the letters of `lgma`."""
_SCRIPTS = Path(__file__).parent / "migrations"


def current_revision(connection: Connection) -> str | None:
    """The revision a database is at; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision


def upgrade(engine: Engine, *, revision: str = "head") -> bool:
    """Migrate up; True if something was done.

    Raises:
        SettingsUnsafe: the database is newer than this program, or no database that can be used.
    """
    try:
        return _upgraded(engine, revision)
    except DatabaseError as error:
        raise SettingsUnsafe(
            setting="DATABASE_URL", reason="database_unusable", detail=str(error.orig)
        ) from error


def _upgraded(engine: Engine, revision: str) -> bool:
    with engine.connect() as connection:
        current = _known(connection)
        if current == HEAD and revision in ("head", HEAD):
            return False
        if connection.dialect.name == "postgresql":
            return _migrate_shared(connection, revision)
        _migrate(connection, revision)
    return True


def _known(connection: Connection) -> str | None:
    current = current_revision(connection)
    if current is not None and current > HEAD:
        raise SettingsUnsafe(setting="DATABASE_URL", reason="database_newer", value=current)
    return current


def _migrate_shared(connection: Connection, revision: str) -> bool:
    """One process migrates, the others wait and then find it done; running tasks are waited for briefly."""
    connection.rollback()
    connection.execution_options(isolation_level="READ COMMITTED")
    connection.exec_driver_sql("SET statement_timeout = 0")
    connection.exec_driver_sql(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
    connection.exec_driver_sql("SET idle_in_transaction_session_timeout = 0")
    connection.exec_driver_sql(f"SELECT pg_advisory_lock({ADVISORY_KEY})")
    connection.commit()
    try:
        current = _known(connection)
        connection.commit()
        is_due = not (current == HEAD and revision in ("head", HEAD))
        if is_due:
            _migrate(connection, revision)
            connection.commit()
    finally:
        connection.rollback()
        connection.exec_driver_sql(f"SELECT pg_advisory_unlock({ADVISORY_KEY})")
        connection.commit()
    return is_due


def _migrate(connection: Connection, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
