"""The order of events over all tasks: nothing appears behind a place that was handed out."""

import psycopg
import pytest
from tests.support.servers import postgres
from tests.support.stores import Desk, tenant

from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE
from langgraph_multi_agent.domain.errors import InvalidRequest
from langgraph_multi_agent.domain.event import Event, cursor_of, position_of
from langgraph_multi_agent.store import events

pytestmark = pytest.mark.anyio
MINE, THEIRS = tenant("mine"), tenant("theirs")


async def page(desk: Desk, cursor: str = "0.0", limit: int = 100) -> list[Event]:
    return await desk.database.read(DEFAULT_SCOPE, events.after_cursor, cursor, limit=limit)


async def test_pages_show_every_event_once_in_the_order_of_their_places(desk: Desk) -> None:
    ids = [await desk.submit() for _ in range(7)]
    everything = await page(desk)
    seen: list[Event] = []
    while found := await page(desk, seen[-1].cursor if seen else "0.0", limit=2):
        seen += found
    places = [position_of(event.cursor) for event in seen]
    assert seen == everything
    assert [event.task_id for event in seen] == ids
    assert places == sorted(set(places))


async def test_the_last_place_is_after_what_there_is_and_before_what_comes(desk: Desk) -> None:
    await desk.submit()
    last = await desk.database.read(DEFAULT_SCOPE, events.last_cursor)
    assert await page(desk, last) == []
    new = await desk.submit()
    assert [event.task_id for event in await page(desk, last)] == [new]


async def test_an_empty_log_has_a_place_from_which_nothing_is_missed(desk: Desk) -> None:
    last = await desk.database.read(DEFAULT_SCOPE, events.last_cursor)
    new = await desk.submit()
    assert [event.task_id for event in await page(desk, last)] == [new]


async def test_what_waits_for_an_older_transaction_comes_after_every_place_that_was_handed_out(
    desk: Desk,
) -> None:
    if desk.database.dialect != "postgresql":
        assert await desk.database.read(DEFAULT_SCOPE, events.is_held_back) is False
        return
    read = desk.database.read
    (row,) = await desk.rows("SELECT current_database() AS name")
    first = await desk.submit()
    async with await psycopg.AsyncConnection.connect(postgres().url(row["name"])) as older:
        await older.execute("SELECT pg_current_xact_id()")
        last = await read(DEFAULT_SCOPE, events.last_cursor)
        second = await desk.submit()
        assert second in await desk.ids()
        assert [event.task_id for event in await page(desk)] == [first]
        assert await read(DEFAULT_SCOPE, events.read_on, last, limit=10) == ([], True)
        assert await read(THEIRS, events.is_held_back) is False
        await older.execute(
            "INSERT INTO agent_messages (tenant, task_id, seq, type, data, created_at, xid)"
            " SELECT tenant, task_id, 2, type, data, created_at, pg_current_xact_id()::text::bigint"
            " FROM agent_messages WHERE task_id = %s",
            (first,),
        )
    found, is_held_back = await read(DEFAULT_SCOPE, events.read_on, last, limit=10)
    assert [(event.task_id, event.seq) for event in found] == [(first, 2), (second, 1)]
    assert not is_held_back


async def test_another_tenants_events_are_not_shown_and_move_no_place(desk: Desk) -> None:
    await desk.submit(MINE)
    read = desk.database.read
    assert await read(THEIRS, events.after_cursor, "0.0", limit=10) == []
    assert len(await read(MINE, events.after_cursor, "0.0", limit=10)) == 1
    assert len(await read(SYSTEM_SCOPE, events.after_cursor, "0.0", limit=10)) == 1


@pytest.mark.parametrize(
    "cursor",
    ["", "7", "nonsense", "1.2.3", "-1.2", "1.-2", "1.x", " 1.2", "１.２", f"0.{2**63}", "1." + "9" * 60],
)
async def test_a_cursor_of_another_kind_is_refused(desk: Desk, cursor: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await page(desk, cursor)
    assert refused.value.errors[0]["field"] == "cursor"


async def test_the_newest_numbers_are_those_of_tasks_in_scope(desk: Desk) -> None:
    running = await desk.running()
    theirs = await desk.submit(THEIRS)
    ids = [running.task.id, theirs, "none"]
    newest = await desk.database.read(DEFAULT_SCOPE, events.newest_numbers, ids)
    assert newest == {running.task.id: len(await desk.events(running.task.id))}


async def test_rows_of_a_restored_dump_come_before_all_others(desk: Desk) -> None:
    restored = await desk.submit()
    if desk.database.dialect == "postgresql":
        await desk.sql("UPDATE agent_messages SET xid = 4000000000000")
        assert await page(desk) == []
        with pytest.raises(InvalidRequest):
            await page(desk, "4000000000000.1")
    adopted = await desk.database.write(SYSTEM_SCOPE, events.adopt_restored)
    assert adopted == (desk.database.dialect == "postgresql")
    new = await desk.submit()
    assert [event.task_id for event in await page(desk)] == [restored, new]


def test_a_place_survives_its_text() -> None:
    for position in [(0, 0), (0, 7), (12, 2**63 - 1)]:
        assert position_of(cursor_of(position)) == position
