"""How many connections a process really opens; a seeded fault showed that nothing noticed."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.support.servers import PostgresServer

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.bootstrap.adapters import open_adapters
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.telemetry.metrics import Metrics

POOL, PROCESSES = 10, 2


def look(store: Store) -> int:
    """How many connections there are, after a while in which others may need one, too."""
    store.connection.execute(text("SELECT pg_sleep(0.05)"))
    counted = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
    return int(store.connection.execute(counted).scalar_one())


@unit
def look_and_write(store: Store) -> int:
    return look(store)


@pytest.mark.servers
async def test_a_process_of_several_opens_its_share_of_the_replicas_connections(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    name = postgres_server.create_database()
    values = {"database_url": postgres_server.url(name), "database_pool_size": POOL, "database_max_overflow": 0}
    settings = Settings.load({}, data_dir=tmp_path, artifacts_url=str(tmp_path / "artifacts"), **values)
    try:
        async with open_adapters(settings, processes=PROCESSES, metrics=Metrics(with_process=False)) as adapters:
            seen = await asyncio.gather(
                *(adapters.database.read(SYSTEM_SCOPE, look) for _ in range(24)),
                *(adapters.database.write(SYSTEM_SCOPE, look_and_write) for _ in range(24)),
            )
        assert 2 < max(seen) <= POOL // PROCESSES
    finally:
        postgres_server.drop_database(name)
