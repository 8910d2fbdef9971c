"""What PostgreSQL ends for another transaction's sake runs again; seeded faults showed that nothing noticed."""

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import Future

import pytest
from sqlalchemy import text
from tests.support.engines import sqlalchemy_url
from tests.support.proxy import TcpProxy
from tests.support.servers import PostgresServer
from tests.support.stores import counting_ids, draft, patient_postgres

from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE
from langgraph_multi_agent.domain.errors import DependencyUnavailable
from langgraph_multi_agent.store import submissions, tasks
from langgraph_multi_agent.store.database import Store, single_statement, unit
from langgraph_multi_agent.store.postgres import MAX_TRIES, PostgresDatabase

ENDED_FOR_OTHERS = ("40001", "40P01", "55P03")


@pytest.fixture
async def database(postgres_server: PostgresServer) -> AsyncIterator[PostgresDatabase]:
    name = postgres_server.create_database()
    database = patient_postgres(sqlalchemy_url(postgres_server.url(name)), connections=4, new_id=counting_ids())
    yield database
    await database.close()
    postgres_server.drop_database(name)


@single_statement
def one(store: Store) -> int:
    return int(store.connection.execute(text("SELECT 1")).scalar_one())


def met(store: Store, others: threading.Barrier) -> None:
    others.wait(60)


def two_looks(
    store: Store, between: asyncio.Event, loop: asyncio.AbstractEventLoop, submitted: Future[str]
) -> list[int]:
    """Count tasks before and after somebody submits one."""
    counted = [store.connection.execute(text("SELECT count(*) FROM tasks")).scalar_one()]
    loop.call_soon_threadsafe(between.set)
    submitted.result(60)
    return [*counted, store.connection.execute(text("SELECT count(*) FROM tasks")).scalar_one()]


@unit
def submit_and_be_ended(store: Store, failures: list[str]) -> str:
    """Submit a task; then the server ends the transaction, once for each code that is left."""
    task, _ = submissions.submit(store, store.new_id(), draft(), queue_size=10, idempotency_key=None, body_hash="")
    if failures:
        code = failures.pop()
        store.connection.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}'; END $$")
    return task.id


@pytest.mark.parametrize("code", ENDED_FOR_OTHERS)
async def test_a_unit_that_the_server_ended_for_anothers_sake_runs_again_and_is_done_once(
    database: PostgresDatabase, code: str
) -> None:
    failures = [code] * (MAX_TRIES - 1)
    task_id = await database.write(DEFAULT_SCOPE, submit_and_be_ended, failures)
    assert failures == []
    assert (await database.read(SYSTEM_SCOPE, tasks.get, task_id)).id == task_id
    assert await database.read(SYSTEM_SCOPE, tasks.count_by_status) == {"pending": 1}


async def test_a_unit_that_is_ended_again_and_again_is_given_up_and_leaves_nothing(
    database: PostgresDatabase,
) -> None:
    failures = ["40P01"] * (MAX_TRIES + 1)
    with pytest.raises(DependencyUnavailable):
        await database.write(DEFAULT_SCOPE, submit_and_be_ended, failures)
    assert failures == ["40P01"]
    assert await database.read(SYSTEM_SCOPE, tasks.count_by_status) == {}


async def test_a_reader_of_several_statements_sees_one_moment(database: PostgresDatabase) -> None:
    has_looked, submitted = asyncio.Event(), Future[str]()
    reading = asyncio.create_task(
        database.read(SYSTEM_SCOPE, two_looks, has_looked, asyncio.get_running_loop(), submitted)
    )
    await has_looked.wait()
    submitted.set_result(await database.write(DEFAULT_SCOPE, submit_and_be_ended, []))
    assert await reading == [0, 0]
    assert await database.read(SYSTEM_SCOPE, tasks.count_by_status) == {"pending": 1}


def broken_once(store: Store, looks: list[int]) -> int:
    looks.append(one(store))
    if len(looks) == 1:  # as the server ends a transaction that idled too long
        store.connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    return len(looks)


async def test_a_reader_whose_connection_the_server_ends_looks_once_more(database: PostgresDatabase) -> None:
    assert await database.read(SYSTEM_SCOPE, broken_once, []) == 2


def held(store: Store, entered: threading.Event, release: threading.Event) -> str:
    entered.set()
    assert release.wait(60)
    return "held"


async def test_a_call_without_its_turn_at_its_deadline_ends_then_and_never_runs(
    postgres_server: PostgresServer,
) -> None:
    name = postgres_server.create_database()
    url = sqlalchemy_url(postgres_server.url(name))
    database = patient_postgres(url, connections=4, new_id=counting_ids())
    entered, release, ran = threading.Event(), threading.Event(), threading.Event()
    slow = unit(held)
    late = unit(wake)
    late.__dict__["deadline_s"] = 0.2
    try:
        first = asyncio.create_task(database.write(DEFAULT_SCOPE, slow, entered, release))
        assert await asyncio.to_thread(entered.wait, 30)
        with pytest.raises(DependencyUnavailable):  # there is one writer, and it is busy
            await database.write(DEFAULT_SCOPE, late, ran)
        assert not first.done()
        release.set()
        assert await first == "held"
        assert not ran.is_set()
    finally:
        release.set()
        await database.close()
        postgres_server.drop_database(name)


def wake(_store: Store, ran: threading.Event) -> None:
    ran.set()


async def test_a_single_statement_into_a_silent_network_ends_at_its_deadline_and_connects_no_more(
    postgres_server: PostgresServer,
) -> None:
    with TcpProxy(postgres_server.address) as proxy:
        url = sqlalchemy_url(postgres_server.url(via=proxy.address))
        database = patient_postgres(url, connections=4, new_id=counting_ids(), connect_s=10)
        hasty = single_statement(lambda store: one(store))
        hasty.__dict__["deadline_s"] = 0.5
        try:
            both = threading.Barrier(2)  # each of the two readers has its connection before the line goes silent
            await asyncio.gather(*(database.read(SYSTEM_SCOPE, met, both) for _ in range(2)))
            assert await database.read(SYSTEM_SCOPE, one) == 1
            accepted = proxy.traffic().accepted
            proxy.pause()
            with pytest.raises(DependencyUnavailable):
                await database.read(SYSTEM_SCOPE, hasty)
            assert proxy.traffic().accepted == accepted
        finally:
            proxy.heal()
            await database.close()
