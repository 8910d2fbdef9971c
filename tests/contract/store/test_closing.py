"""Closing a database ends, whatever its calls met."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest
from sqlalchemy import text
from tests.support.engines import sqlalchemy_url
from tests.support.proxy import TcpProxy
from tests.support.servers import PostgresServer
from tests.support.stores import counting_ids, patient_postgres

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.store.database import Store

DEADLINE_S = 1.5
PATIENCE_S = 50.0


def one(store: Store) -> object:
    return store.connection.execute(text("SELECT 1")).scalar()


def one_soon(store: Store) -> object:
    return one(store)


one_soon.__dict__["deadline_s"] = DEADLINE_S


@pytest.fixture
def name(postgres_server: PostgresServer) -> Iterator[str]:
    name = postgres_server.create_database()
    yield name
    postgres_server.drop_database(name)


async def test_it_closes_although_a_call_hangs_in_a_silent_network_whose_caller_was_cancelled_twice(
    postgres_server: PostgresServer, name: str
) -> None:
    """Once by its own time limit, say, and once by a shutdown: nobody waits for the call, but its thread is there."""
    with TcpProxy(postgres_server.address) as proxy:
        url = sqlalchemy_url(postgres_server.url(name, via=proxy.address))
        database = patient_postgres(url, connections=4, new_id=counting_ids())
        try:
            await database.read(SYSTEM_SCOPE, one)
            proxy.pause()
            asking = asyncio.create_task(database.read(SYSTEM_SCOPE, one_soon))
            for _ in range(2):
                await asyncio.sleep(0.01)
                asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking
        finally:
            async with asyncio.timeout(PATIENCE_S):
                await database.close()
