"""Bringing a database to the newest revision, and the cheap look whether it is there.

Alembic is imported only when there is something to do: a start on a current database stays quick.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DatabaseError

from langgraph_multi_agent.domain.errors import SettingsUnsafe

HEAD = "0002"
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
        current = current_revision(connection)
        if current == HEAD and revision in ("head", HEAD):
            return False
        if current is not None and current > HEAD:
            raise SettingsUnsafe(setting="DATABASE_URL", reason="database_newer", value=current)
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(_SCRIPTS))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    return True
