"""Sets of rows meet rows that are there already; seeded faults showed that nothing noticed."""

from collections.abc import Mapping

from tests.support.stores import LEASE, Desk

from langgraph_multi_agent.access import SYSTEM_SCOPE, WORKER_SCOPE
from langgraph_multi_agent.domain.task import Action
from langgraph_multi_agent.store import leases, runs, schema
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.store.sets import insert_rows


@unit
def keep(store: Store, facts: Mapping[str, str], replacing: tuple[str, ...], *, ignoring: bool) -> None:
    rows = [{"name": name, "value": value, "created_at": store.now} for name, value in facts.items()]
    insert_rows(store, schema.installation, rows, replacing=replacing, ignoring=ignoring)


async def test_rows_that_are_there_already_are_replaced_or_left_as_was_asked(desk: Desk) -> None:
    async def facts() -> dict[str, str]:
        found = await desk.rows("SELECT name, value FROM installation WHERE name IN ('a', 'b', 'c')")
        return {row["name"]: row["value"] for row in found}

    await desk.database.write(SYSTEM_SCOPE, keep, {"a": "1"}, (), ignoring=False)
    await desk.database.write(SYSTEM_SCOPE, keep, {"a": "2", "b": "2"}, ("value",), ignoring=False)
    assert await facts() == {"a": "2", "b": "2"}
    await desk.database.write(SYSTEM_SCOPE, keep, {"b": "3", "c": "3"}, (), ignoring=True)
    assert await facts() == {"a": "2", "b": "2", "c": "3"}


async def test_an_update_changes_the_rows_with_their_whole_key_only(desk: Desk) -> None:
    first = await desk.running()
    desk.clock.advance(LEASE.total_seconds() + 1)
    await desk.database.write(SYSTEM_SCOPE, leases.reclaim, all_leases=False)
    (second,) = await desk.claim(owner="w2")
    await desk.database.write(
        WORKER_SCOPE, runs.finish, second.task.id, second.epoch, runs.Ending(action=Action.COMPLETE, result={})
    )
    rows = await desk.rows("SELECT epoch, status FROM workflow_executions ORDER BY epoch")
    assert [(row["epoch"], row["status"]) for row in rows] == [(first.epoch, "crashed"), (second.epoch, "completed")]
