"""Empty databases of both dialects for tests of migrations, before any unit of work can run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.support.servers import postgres

from langgraph_multi_agent.store import postgres as adapter
from langgraph_multi_agent.store.database import sqlite_engine

DIALECTS = ("sqlite", "postgresql")


def sqlalchemy_url(url: str) -> str:
    """`postgresql://…` for psycopg 3."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


@contextmanager
def empty_database(dialect: str, directory: Path) -> Iterator[Engine]:
    """An engine as the product opens it, over a database without any table."""
    if dialect == "sqlite":
        engine = sqlite_engine(directory / "lgma.db")
        yield engine
        engine.dispose()
        return
    server = postgres()
    name = server.create_database(template=None)
    with pytest.MonkeyPatch.context() as patch:  # the engine keeps it: a starved machine needs more
        patch.setattr(adapter, "CONNECT_TIMEOUT_S", 60)
        engine = adapter.postgres_engine(sqlalchemy_url(server.url(name)), deadline_s=60.0)
    try:
        yield engine
    finally:
        engine.dispose()
        server.drop_database(name)
