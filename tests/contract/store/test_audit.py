"""The audit log: one chain, and nobody changes a row of it unseen."""

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from tests.support.servers import postgres
from tests.support.stores import Desk, shared_database, tenant

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.service.retention import RetentionService
from langgraph_multi_agent.store import audit, retention, schema
from langgraph_multi_agent.store.audit import Entry, Flaw, Recorded, Verified
from langgraph_multi_agent.store.retention import Batch, Kept, Policy

COLUMNS = [column.name for column in schema.audit_log.columns]


def entry(number: int = 1, *, of: str = "default", **fields: Any) -> Entry:
    values: dict[str, Any] = {
        "tenant": of,
        "actor": f"li {number}",
        "means": "key",
        "action": "task.cancel",
        "target": f"t-{number}",
        "result": "200",
        "request_id": f"r-{number}",
        "address": "192.0.2.1",
        "details": {"n": number, "x": [1.5, None, {"b": "字", "a": True}]},
    }
    return Entry(**{**values, **fields})


async def append(desk: Desk, *entries: Entry) -> int:
    return await desk.database.write(SYSTEM_SCOPE, audit.append, entries)


async def verify(desk: Desk, **options: Any) -> Verified:
    return await desk.database.read(SYSTEM_SCOPE, audit.verify, **options)


async def page(desk: Desk, scope: Any = SYSTEM_SCOPE, **options: Any) -> list[Recorded]:
    return await desk.database.read(scope, audit.page, **{"limit": 100, **options})


async def flaw(desk: Desk) -> tuple[Flaw | None, int | None]:
    found = await verify(desk)
    assert found.is_complete
    return found.flaw, found.flaw_seq


async def test_an_empty_log_and_a_grown_one_are_whole(desk: Desk) -> None:
    assert await flaw(desk) == (None, None)
    assert await append(desk, entry(1), entry(2)) == 2
    assert await append(desk) == 2
    assert await append(desk, entry(3)) == 3
    found = await verify(desk)
    assert (found.flaw, found.seq, found.rows) == (None, 3, 3)
    newest = (await page(desk))[0]
    assert (newest.seq, newest.details, newest.hash) == (3, entry(3).details, found.hash)


async def test_what_a_database_would_not_keep_as_it_is_is_sealed_as_it_is_read(desk: Desk) -> None:
    await append(
        desk,
        entry(actor="a\x00b", target="\ud800" + "x" * 2000, details={"nul": "a\x00b", "big": 2**62, "f": 1e16}),
        entry(actor="n" * 500, address="y" * 500, result="z" * 500, tenant=""),
    )
    assert await flaw(desk) == (None, None)
    assert len((await page(desk))[1].target) == audit.TARGET_CHARS


def other_values(column: str, row: dict[str, Any], draw: random.Random) -> Iterator[Any]:
    match column:
        case "seq":
            yield from (row["seq"] + 100, -row["seq"])
        case "at":
            yield from ("1999-01-01 00:00:00.000000", "2026-03-01 12:00:00.999999")
        case "details":
            yield from ("{}", "null", str(row["details"]).replace("true", "false"))
        case "hash":
            yield from ("", "0" * 64, "".join(draw.choices("0123456789abcdef", k=64)))
        case _:
            text = str(row[column])
            place = draw.randrange(len(text))
            yield from ("", text + " ", text[:place] + chr(ord(text[place]) + 1) + text[place + 1 :])


async def test_another_value_in_any_column_of_any_row_is_found_at_its_number(desk: Desk) -> None:
    await append(desk, *(entry(number) for number in range(1, 6)))
    rows, draw = await desk.rows("SELECT * FROM audit_log ORDER BY seq"), random.Random(5)
    kind = {"at": "timestamptz", "details": "json"} if desk.database.dialect == "postgresql" else {}
    missed = []
    for row in rows:
        for column in COLUMNS:
            for value in other_values(column, row, draw):
                changed = f"CAST(:value AS {kind[column]})" if column in kind else ":value"
                await desk.sql(
                    f"UPDATE audit_log SET {column} = {changed} WHERE seq = :seq",
                    value=value,
                    seq=row["seq"],
                )
                found = await verify(desk)
                expected = {row["seq"], value} if column == "seq" else {row["seq"]}
                if found.flaw is None or found.flaw_seq not in expected:
                    missed.append((row["seq"], column, value, found))
                now = value if column == "seq" else row["seq"]
                await desk.sql(
                    f"UPDATE audit_log SET {column} = {changed} WHERE seq = :seq",
                    value=row[column],
                    seq=now,
                )
    assert missed == []
    assert await flaw(desk) == (None, None)


@pytest.mark.parametrize("desk", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("column", "value"), [("at", "yesterday"), ("details", "{"), ("actor", b"\xff")])
async def test_a_value_that_cannot_be_read_is_a_finding(desk: Desk, column: str, value: Any) -> None:
    await append(desk, entry(1), entry(2))
    await desk.sql(f"UPDATE audit_log SET {column} = :value WHERE seq = 2", value=value)
    assert await flaw(desk) == (Flaw.CHANGED, 2)


@pytest.mark.parametrize(
    ("gone", "expected"), [((1,), 1), ((3,), 3), ((5,), 5), ((4, 5), 4), ((1, 2), 1), ((1, 2, 3, 4, 5), 1)]
)
async def test_a_removed_row_is_missed(desk: Desk, gone: Sequence[int], expected: int) -> None:
    await append(desk, *(entry(number) for number in range(1, 6)))
    for seq in gone:
        await desk.sql("DELETE FROM audit_log WHERE seq = :seq", seq=seq)
    assert await flaw(desk) == (Flaw.MISSING, expected)


async def test_two_rows_that_changed_places_are_found(desk: Desk) -> None:
    await append(desk, *(entry(number) for number in range(1, 6)))
    for seq, to in ((2, 99), (3, 2), (99, 3)):
        await desk.sql("UPDATE audit_log SET seq = :to WHERE seq = :seq", seq=seq, to=to)
    assert await flaw(desk) == (Flaw.CHANGED, 2)


async def test_a_row_put_in_front_or_behind_is_found(desk: Desk) -> None:
    await append(desk, entry(1), entry(2))
    copy = (
        "INSERT INTO audit_log SELECT CAST(:seq AS integer), tenant, at, actor, means, action, target, result,"
        " request_id, address, details, hash FROM audit_log WHERE seq = 2"
    )
    await desk.sql(copy, seq=3)
    assert await flaw(desk) == (Flaw.ADDED, 3)
    await desk.sql("DELETE FROM audit_log WHERE seq = 3")
    await desk.sql(copy, seq=0)
    assert await flaw(desk) == (Flaw.ADDED, 0)


async def test_a_tail_chained_anew_without_the_tail_of_the_installation_is_found(desk: Desk) -> None:
    await append(desk, *(entry(number) for number in range(1, 4)))
    (tail,) = await desk.rows("SELECT value FROM installation WHERE name = 'audit_tail'")
    await desk.sql("DELETE FROM audit_log WHERE seq = 3")
    (before,) = await desk.rows("SELECT hash FROM audit_log WHERE seq = 2")
    await desk.sql("UPDATE installation SET value = :value WHERE name = 'audit_tail'", value=f"2:{before['hash']}")
    assert await append(desk, entry(3, actor="somebody else")) == 3
    assert await flaw(desk) == (None, None)  # whoever rewrites both is beyond a chain without a secret
    await desk.sql("UPDATE installation SET value = :value WHERE name = 'audit_tail'", value=tail["value"])
    assert await flaw(desk) == (Flaw.UNANCHORED, 3)
    for value in ("no tail", ":", "2"):
        await desk.sql("UPDATE installation SET value = :value WHERE name = 'audit_tail'", value=value)
        assert (await flaw(desk))[0] is not None


async def test_where_the_tail_was_taken_away_the_chain_goes_on_and_says_so(desk: Desk) -> None:
    await append(desk, entry(1), entry(2))
    await desk.sql("DELETE FROM installation WHERE name = 'audit_tail'")
    assert await flaw(desk) == (Flaw.UNANCHORED, 2)
    assert await append(desk, entry(3)) == 4
    assert [row.action for row in await page(desk)][:2] == ["task.cancel", "audit.reanchor"]
    assert await flaw(desk) == (None, None)


async def test_verifying_goes_on_where_it_stopped(desk: Desk) -> None:
    await append(desk, *(entry(number) for number in range(1, 8)))
    seq, last, looks = 0, "", 0
    while True:
        found = await verify(desk, after=seq, expected=last or None, limit=3)
        seq, last, looks = found.seq, found.hash, looks + 1
        if found.is_complete:
            break
    assert (found.flaw, seq, looks) == (None, 7, 3)
    assert (await verify(desk, after=5)).rows == 2
    assert (await verify(desk, after=5, expected="0" * 64)).flaw_seq == 6
    assert (await verify(desk, after=99)).flaw is Flaw.MISSING


async def test_a_tenant_sees_its_own_rows_only_and_pages_through_them(desk: Desk) -> None:
    for number in range(1, 11):
        await append(desk, entry(number, of="left" if number % 2 else "right", action=f"a{number % 3}"))
    left = await page(desk, tenant("left"))
    assert [row.seq for row in left] == [9, 7, 5, 3, 1]
    assert {row.tenant for row in left} == {"left"}
    first = await page(desk, tenant("left"), limit=2)
    assert [row.seq for row in await page(desk, tenant("left"), before=first[-1].seq)] == [5, 3, 1]
    assert [row.seq for row in await page(desk, tenant("left"), actor="li 3")] == [3]
    assert [row.seq for row in await page(desk, tenant("left"), actor="li 2")] == []
    assert [row.seq for row in await page(desk, tenant("right"), action="a1")] == [10, 4]
    assert [row.seq for row in await page(desk, since=left[1].at)] == [10, 9, 8, 7]


async def test_who_appends_at_once_makes_one_chain(desk: Desk) -> None:
    await asyncio.gather(*(append(desk, entry(number), entry(number)) for number in range(20)))
    found = await verify(desk)
    assert (found.flaw, found.seq) == (None, 40)


APPENDER = """
import asyncio, sys
from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.store import audit, postgres

postgres.CONNECT_TIMEOUT_S, postgres.LOCK_TIMEOUT_MS, postgres.IDLE_IN_TRANSACTION_MS = 60, 60_000, 60_000

async def main(url, name):
    database = postgres.PostgresDatabase(url, connections=6, new_id=lambda: name, deadline_s=120.0)
    def entry(number):
        return audit.Entry(tenant=name, actor=name, means="key", action="a", result="200", details={"n": number})
    print("ready", flush=True)
    sys.stdin.readline()
    await asyncio.gather(
        *(database.write(SYSTEM_SCOPE, audit.append, [entry(number)]) for number in range(40))
    )
    await database.close()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("desk", ["postgresql"], indirect=True)
async def test_two_processes_make_one_chain(desk: Desk) -> None:
    url = postgres().url(shared_database()).replace("postgresql://", "postgresql+psycopg://", 1)
    names = ("one", "two")

    def race() -> None:
        started = [
            subprocess.Popen(
                [sys.executable, "-c", APPENDER, url, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            for name in names
        ]
        try:
            for process in started:
                assert process.stdout is not None
                assert process.stdout.readline() == b"ready\n"
            for process in started:
                assert process.stdin is not None
                process.stdin.write(b"\n")
                process.stdin.flush()
            assert [process.wait(timeout=240) for process in started] == [0, 0]
        finally:
            for process in started:
                process.kill()
                process.communicate()

    await asyncio.to_thread(race)
    found = await verify(desk)
    assert (found.flaw, found.seq) == (None, 80)
    for name in names:
        assert len(await page(desk, tenant(name))) == 40


# Rows that have passed their time

YEAR = timedelta(days=365)
DAY_S = 86_400.0


async def prune(desk: Desk, *, limit: int = 1000) -> Batch:
    return await desk.database.write(SYSTEM_SCOPE, retention.delete_audit, older_than=YEAR, limit=limit)


async def test_old_rows_go_from_the_front_and_the_log_says_up_to_where(desk: Desk) -> None:
    await append(desk, *(entry(number) for number in range(1, 6)))
    noted = await verify(desk)
    assert (await prune(desk)).rows == 0
    desk.clock.advance(366 * DAY_S)
    await append(desk, entry(6), entry(7))
    assert await prune(desk) == Batch(rows=5, following=None)
    found = await verify(desk)
    assert (found.flaw, found.pruned, found.seq, found.rows) == (None, 5, 8, 3)
    anchor, *kept = await page(desk)
    assert [row.seq for row in kept] == [7, 6]
    assert (anchor.action, anchor.target, anchor.actor) == (audit.PRUNED, "1-5", "system")
    assert anchor.details == {"through": 5, "hash": noted.hash, "rows": 5}
    assert (await verify(desk, after=5, expected=noted.hash)).flaw is None
    assert (await verify(desk, after=5, expected="0" * 64)).flaw_seq == 5
    assert (await verify(desk, after=3, expected="0" * 64)).pruned == 5  # what was noted then is gone
    assert (await verify(desk, after=6)).rows == 2
    assert await append(desk, entry(9)) == 9


async def test_batches_and_years_leave_one_chain_that_begins_at_the_newest_anchor(desk: Desk) -> None:
    # From the second year on the anchors of the year before are old rows too.
    for anchors in (0, 3, 4):
        await append(desk, *(entry(number) for number in range(7)))
        desk.clock.advance(400 * DAY_S)
        rows = []
        while (batch := await prune(desk, limit=3)).following is not None:
            rows.append(batch.rows)
            assert (await verify(desk)).flaw is None
        assert sum(rows) + batch.rows == 7 + anchors
    found = await verify(desk)
    assert (found.flaw, found.pruned) == (None, found.seq - found.rows)
    assert {row.action for row in await page(desk)} == {audit.PRUNED}


async def test_whatever_happens_to_what_was_kept_is_found(desk: Desk) -> None:
    await append(desk, *(entry(number) for number in range(1, 5)))
    old = (await desk.rows("SELECT * FROM audit_log WHERE seq = 2"))[0]
    desk.clock.advance(366 * DAY_S)
    await append(desk, entry(5), entry(6))
    await prune(desk)
    await append(desk, entry(8))
    rows = await desk.rows("SELECT * FROM audit_log ORDER BY seq")
    assert [row["seq"] for row in rows] == [5, 6, 7, 8]
    names = ", ".join(COLUMNS)
    kinds = {"at": "timestamptz", "details": "json"} if desk.database.dialect == "postgresql" else {}
    marks = ", ".join(f"CAST(:{name} AS {kinds[name]})" if name in kinds else f":{name}" for name in COLUMNS)

    def stored(row: Any) -> dict[str, Any]:
        details = row["details"]
        return {**row, "details": details if isinstance(details, str) else json.dumps(details)}

    async def put(row: Any) -> None:
        await desk.sql(f"INSERT INTO audit_log ({names}) VALUES ({marks})", **stored(row))

    missed: list[tuple[Any, ...]] = []
    for row in rows:
        await desk.sql("DELETE FROM audit_log WHERE seq = :seq", seq=row["seq"])
        found = await verify(desk)
        # Without the anchor the chain has no front.
        wanted = 1 if row["seq"] == 7 else row["seq"]
        if (found.flaw, found.flaw_seq) != (Flaw.MISSING, wanted):
            missed.append(("removed", row["seq"], found))
        await put(row)
        for column in ("actor", "details", "hash", "at"):
            for value in other_values(column, stored(row), random.Random(row["seq"])):
                changed = f"CAST(:value AS {kinds[column]})" if column in kinds else ":value"
                await desk.sql(
                    f"UPDATE audit_log SET {column} = {changed} WHERE seq = :seq", value=value, seq=row["seq"]
                )
                if (await verify(desk)).flaw is None and value != stored(row)[column]:
                    missed.append((row["seq"], column, value))
                await desk.sql("DELETE FROM audit_log WHERE seq = :seq", seq=row["seq"])
                await put(row)
    for gone in ((5, 6), (5, 6, 7), (7, 8), (5, 7)):
        for seq in gone:
            await desk.sql("DELETE FROM audit_log WHERE seq = :seq", seq=seq)
        if (await verify(desk)).flaw is None:
            missed.append(("removed", gone))
        for row in rows:
            if row["seq"] in gone:
                await put(row)
    await put(old)
    assert await flaw(desk) == (Flaw.ADDED, 2)
    await desk.sql("DELETE FROM audit_log WHERE seq = 2")
    assert missed == []
    assert await flaw(desk) == (None, None)


async def test_a_row_that_somebody_changed_is_not_removed_with_its_evidence(desk: Desk) -> None:
    await append(desk, *(entry(number) for number in range(1, 6)))
    desk.clock.advance(366 * DAY_S)
    await desk.sql("UPDATE audit_log SET actor = 'nobody' WHERE seq = 3")
    assert await prune(desk) == Batch(rows=0, following=None, flaw_seq=3)
    assert await flaw(desk) == (Flaw.CHANGED, 3)
    await desk.sql("DELETE FROM audit_log WHERE seq = 1")
    assert (await prune(desk)).flaw_seq == 1
    assert len(await page(desk)) == 4


@pytest.mark.parametrize("seed", [1, 2])
async def test_any_life_of_a_log_is_whole_and_any_single_blow_to_it_is_found(desk: Desk, seed: int) -> None:
    draw, number, missed = random.Random(seed), 0, []
    for life in range(6):
        for table in ("audit_log", "installation"):
            await desk.sql(f"DELETE FROM {table}" + (" WHERE name = 'audit_tail'" if table == "installation" else ""))
        for _ in range(draw.randint(3, 9)):
            match draw.choice(("append", "append", "wait", "prune")):
                case "append":
                    number += 1
                    await append(desk, *(entry(number) for _ in range(draw.randint(1, 6))))
                case "wait":
                    desk.clock.advance(draw.choice((1, 200, 400)) * DAY_S)
                case "prune":
                    await prune(desk, limit=draw.randint(1, 8))
        assert await flaw(desk) == (None, None), life
        rows = await desk.rows("SELECT seq FROM audit_log ORDER BY seq")
        for row in draw.sample(rows, min(3, len(rows))):
            blow = draw.choice(("DELETE FROM audit_log", "UPDATE audit_log SET target = 'x'"))
            await desk.sql(f"{blow} WHERE seq = :seq", seq=row["seq"])
            if (await verify(desk)).flaw is None:
                missed.append((life, row["seq"], blow))
            if blow.startswith("DELETE"):
                break  # the next blow is struck at another log
    assert missed == []


async def test_who_appends_and_prunes_at_once_leaves_one_chain(desk: Desk) -> None:
    await append(desk, *(entry(number) for number in range(20)))
    desk.clock.advance(366 * DAY_S)
    work = [append(desk, entry(number)) for number in range(10)] + [prune(desk, limit=4) for _ in range(10)]
    await asyncio.gather(*work)
    while (await prune(desk, limit=4)).rows:
        pass
    found = await verify(desk)
    assert (found.flaw, found.pruned) == (None, 20)


async def test_retention_of_the_audit_log_is_planned_run_and_told(desk: Desk) -> None:
    await append(desk, *(entry(number) for number in range(1, 6)))
    desk.clock.advance(366 * DAY_S)
    for policy, rows in ((Policy(), None), (Policy(audit=YEAR), 5), (Policy(audit=YEAR), 0)):
        service = RetentionService(
            database=desk.database, policy=policy, clock=desk.clock, new_id=desk.new_id, batch_rows=2
        )
        plan, run = await service.plan(), await service.run()
        planned = plan.tables.get(Kept.AUDIT)
        assert (planned and planned.rows, run.tables.get(Kept.AUDIT)) == (rows, rows)
        assert run.is_complete
    assert await flaw(desk) == (None, None)
