"""Each transaction has its time-outs. Behind pgbouncer no session is ours: it carries them, and leaves none behind."""

import pytest
from tests.support.engines import sqlalchemy_url
from tests.support.servers import PgBouncer, PostgresServer
from tests.support.stores import ManualClock, counting_ids

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.store import postgres
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.store.postgres import IDLE_IN_TRANSACTION_MS, LOCK_TIMEOUT_MS, PostgresDatabase

NAMES = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
ASKED = f"SELECT name, setting::int FROM pg_settings WHERE name IN {NAMES}"


@unit
def limits(store: Store) -> dict[str, int]:
    return {name: value for name, value in store.connection.exec_driver_sql(ASKED)}


@unit
def long_limits(store: Store) -> dict[str, int]:
    return limits(store)


long_limits.__dict__["deadline_s"] = 60.0


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """With connecting, which is not what is measured here."""
    monkeypatch.setattr(postgres, "CONNECT_TIMEOUT_S", 60)


async def test_a_unit_that_is_long_by_its_nature_may_work_long_between_its_statements(
    postgres_server: PostgresServer,
) -> None:
    name = postgres_server.create_database()
    database = PostgresDatabase(
        sqlalchemy_url(postgres_server.url(name)), connections=4, clock=ManualClock(), new_id=counting_ids()
    )
    try:
        idle = "idle_in_transaction_session_timeout"
        assert (await database.write(SYSTEM_SCOPE, limits))[idle] == IDLE_IN_TRANSACTION_MS
        assert (await database.write(SYSTEM_SCOPE, long_limits))[idle] == 60_000
        assert (await database.write(SYSTEM_SCOPE, limits))[idle] == IDLE_IN_TRANSACTION_MS
    finally:
        await database.close()
        postgres_server.drop_database(name)


@pytest.mark.system
async def test_a_frozen_process_behind_pgbouncer_keeps_its_row_locks_no_longer_than_leases_last(
    postgres_server: PostgresServer,
) -> None:
    name = postgres_server.create_database()
    try:
        with PgBouncer(postgres_server, pool_size=1) as pooler:
            database = PostgresDatabase(
                sqlalchemy_url(pooler.url(name)),
                connections=4,
                clock=ManualClock(),
                new_id=counting_ids(),
                deadline_s=8.0,
                prepare=False,
            )
            try:
                wanted = {
                    "statement_timeout": 8000,
                    "lock_timeout": LOCK_TIMEOUT_MS,
                    "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_MS,
                }
                assert await database.write(SYSTEM_SCOPE, limits) == wanted
                assert await database.read(SYSTEM_SCOPE, limits) == wanted
                longer = {**wanted, "idle_in_transaction_session_timeout": 60_000}
                assert await database.write(SYSTEM_SCOPE, long_limits) == longer
                with database._engine.connect() as session:
                    left = {name: value for name, value in session.exec_driver_sql(ASKED)}
                assert left == dict.fromkeys(NAMES, 0)
            finally:
                await database.close()
    finally:
        postgres_server.drop_database(name)
