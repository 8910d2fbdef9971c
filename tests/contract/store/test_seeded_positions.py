"""Places in the log while an older transaction is unfinished; a seeded fault showed that nothing noticed."""

from psycopg import AsyncConnection
from tests.support.engines import sqlalchemy_url
from tests.support.servers import PostgresServer
from tests.support.stores import Desk, ManualClock, counting_ids, patient_postgres

from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.store import events

INSERT = """
INSERT INTO agent_messages (tenant, task_id, seq, type, data, created_at, xid)
SELECT tenant, task_id, 2, type, data, created_at, pg_current_xact_id()::text::bigint
FROM agent_messages WHERE task_id = %s
"""


async def test_who_begins_at_the_end_misses_nothing_that_an_older_transaction_had_not_committed_yet(
    postgres_server: PostgresServer, clock: ManualClock
) -> None:
    name, new_id = postgres_server.create_database(), counting_ids()
    url = postgres_server.url(name)
    database = patient_postgres(sqlalchemy_url(url), connections=4, new_id=new_id, clock=clock)
    desk = Desk(database, clock, new_id)
    try:
        first = await desk.submit()
        async with await AsyncConnection.connect(url) as older:
            await older.execute(INSERT, (first,))
            newer = await desk.submit()
            last = await database.read(DEFAULT_SCOPE, events.last_cursor)
        found = await database.read(DEFAULT_SCOPE, events.after_cursor, last, limit=10)
        assert [(event.task_id, event.seq) for event in found] == [(first, 2), (newer, 1)]
    finally:
        await database.close()
        postgres_server.drop_database(name)
