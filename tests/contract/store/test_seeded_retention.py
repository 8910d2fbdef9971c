"""Two retentions at once; a seeded fault showed that nothing noticed."""

from datetime import timedelta

from tests.support.engines import sqlalchemy_url
from tests.support.servers import PostgresServer
from tests.support.stores import Desk, ManualClock, counting_ids, patient_postgres

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.store import retention

OLD = timedelta(days=30)


async def test_while_another_process_deletes_nothing_is_deleted_beside_it(
    postgres_server: PostgresServer, clock: ManualClock
) -> None:
    name, new_id = postgres_server.create_database(), counting_ids()
    url = sqlalchemy_url(postgres_server.url(name))
    database = patient_postgres(url, connections=4, new_id=new_id, clock=clock)
    desk = Desk(database, clock, new_id)

    async def delete() -> retention.Batch:
        return await database.write(SYSTEM_SCOPE, retention.delete_messages, older_than=OLD, cursor=(), limit=10)

    try:
        await desk.submit()
        await desk.sql("UPDATE tasks SET status = 'failed'")
        clock.advance(OLD.total_seconds() + 1)
        with postgres_server.connect(name) as other, other.transaction():
            other.execute("SELECT pg_advisory_xact_lock(%s)", (retention._LOCK_KEY,))
            assert await delete() == retention.Batch(rows=0, following=None, is_elsewhere=True)
        assert (await delete()).rows == 1
    finally:
        await database.close()
        postgres_server.drop_database(name)
