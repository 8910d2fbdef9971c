"""Two that write the same new row or name at once: each is answered, none with a database's error."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.contract.store.test_schedules import add
from tests.support.engines import sqlalchemy_url
from tests.support.servers import PostgresServer
from tests.support.stores import Desk, ManualClock, counting_ids, patient_postgres

from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.domain.schedule import ScheduleExists
from langgraph_multi_agent.domain.task import DEFAULT_TENANT
from langgraph_multi_agent.service.schedules import next_fire
from langgraph_multi_agent.store import ledgers, schedules

pytestmark = pytest.mark.anyio

HELD_UP = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
async def shared(postgres_server: PostgresServer, clock: ManualClock) -> AsyncIterator[tuple[Desk, str]]:
    """A PostgreSQL database that a test writes to beside the store, and its name."""
    name, new_id = postgres_server.create_database(), counting_ids()
    url = sqlalchemy_url(postgres_server.url(name))
    database = patient_postgres(url, connections=4, new_id=new_id, clock=clock)
    try:
        yield Desk(database, clock, new_id), name
    finally:
        await database.close()


async def held_up(desk: Desk) -> None:
    """Until somebody waits for a lock."""
    async with asyncio.timeout(40):
        while (await desk.rows(HELD_UP))[0]["count"] == 0:  # noqa: ASYNC110 - another process waits
            await asyncio.sleep(0.01)  # the server tells only when asked


async def reset(desk: Desk) -> int:
    return await desk.database.write(DEFAULT_SCOPE, ledgers.reset_agent, "a", frozenset({"a"}))


async def test_resets_that_come_together_are_all_counted(desk: Desk) -> None:
    assert sorted(await asyncio.gather(*(reset(desk) for _ in range(4)))) == [1, 2, 3, 4]
    assert await desk.rows("SELECT agent, count FROM agent_resets") == [{"agent": "a", "count": 4}]


async def test_a_first_reset_beside_another_first_one_is_the_second(
    shared: tuple[Desk, str], postgres_server: PostgresServer
) -> None:
    desk, name = shared
    with postgres_server.connect(name) as other:
        with other.transaction():
            other.execute("INSERT INTO agent_resets VALUES (%s, 'a', 1, now())", (DEFAULT_TENANT,))
            second = asyncio.create_task(reset(desk))
            await held_up(desk)
        assert await second == 2


async def test_a_name_that_another_takes_in_the_same_moment_is_taken(
    shared: tuple[Desk, str], postgres_server: PostgresServer
) -> None:
    desk, name = shared
    mine, theirs = await add(desk, "mine"), await add(desk, "theirs")
    with postgres_server.connect(name) as other:
        with other.transaction():
            other.execute("UPDATE schedules SET name = 'both' WHERE id = %s", (theirs.id,))
            change = asyncio.create_task(
                desk.database.write(DEFAULT_SCOPE, schedules.change, mine.id, {"name": "both"}, next_fire)
            )
            await held_up(desk)
        with pytest.raises(ScheduleExists) as refused:
            await change
    assert refused.value.params == {"name": "both"}
    assert (await desk.database.read(DEFAULT_SCOPE, schedules.get, mine.id)).name == "mine"
