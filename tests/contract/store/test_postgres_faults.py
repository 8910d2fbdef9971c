"""PostgreSQL over a bad line and under contention: what the suite over both dialects cannot see."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from tests.support.engines import sqlalchemy_url
from tests.support.proxy import TcpProxy
from tests.support.servers import PgBouncer, PostgresServer
from tests.support.stores import Desk, ManualClock, counting_ids, draft, patient_postgres

from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE, WORKER_SCOPE
from langgraph_multi_agent.domain.errors import CommitInDoubt, DependencyUnavailable, Fault
from langgraph_multi_agent.domain.ports import Step
from langgraph_multi_agent.domain.task import Action, TaskStatus
from langgraph_multi_agent.store import (
    claims,
    decisions,
    journal,
    leases,
    migration,
    postgres,
    runs,
    submissions,
    tasks,
)
from langgraph_multi_agent.store.database import Database, Store, unit
from langgraph_multi_agent.store.postgres import CONNECT_TIMEOUT_S, PostgresDatabase, _Call, postgres_engine

DEADLINE_S = 1.5
"""Of a call that gets nowhere. The database's own is long: what shall be answered has time."""
REACH_S = 5.0
"""Of a call that meets its deadline only after it has come to a certain step."""
MARGIN_S = 9.0
CONNECT_S = 10.0
"""Longer than connecting takes, and short where a fault lets a call connect into a black hole."""
PATIENCE_S = 40.0
LEASE, SHORT_LEASE = timedelta(seconds=6), timedelta(milliseconds=30)


@pytest.fixture
def name(postgres_server: PostgresServer) -> Iterator[str]:
    name = postgres_server.create_database()
    yield name
    postgres_server.drop_database(name)


@pytest.fixture
def proxy(postgres_server: PostgresServer) -> Iterator[TcpProxy]:
    with TcpProxy(postgres_server.address) as proxy:
        yield proxy


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[PostgresDatabase]:
    values: dict[str, Any] = {"connections": 4, "new_id": counting_ids(), "connect_s": CONNECT_S, **options}
    database = patient_postgres(sqlalchemy_url(url), **values)
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
async def database(
    postgres_server: PostgresServer, name: str, proxy: TcpProxy
) -> AsyncIterator[PostgresDatabase]:
    async with opened(postgres_server.url(name, via=proxy.address)) as database:
        await database.read(SYSTEM_SCOPE, tasks.answers)
        yield database


@unit
def submit_then(store: Store, task_id: str, before_commit: Callable[[], None], key: str | None = None) -> str:
    """Submit a task, and let something happen to the line just before the COMMIT."""
    task, _ = submissions.submit(store, task_id, draft(), queue_size=100, idempotency_key=key, body_hash="h")
    before_commit()
    return task.id


def within(seconds: float, function: Callable[..., Any]) -> Callable[..., Any]:
    """The same unit or read with a deadline of its own."""

    def hasty(store: Store, *args: Any, **kwargs: Any) -> Any:
        return function(store, *args, **kwargs)

    hasty.__dict__.update(function.__dict__, deadline_s=seconds)
    return hasty


def rows(server: PostgresServer, name: str, statement: str) -> list[tuple[Any, ...]]:
    with server.connect(name) as outside:
        return outside.execute(statement.encode()).fetchall()


async def soon(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - another process decides
            await asyncio.sleep(0.01)


async def test_a_submission_whose_commit_got_no_answer_but_happened_is_a_success(
    postgres_server: PostgresServer, name: str, proxy: TcpProxy, database: Database
) -> None:
    submitting = asyncio.create_task(
        database.write(DEFAULT_SCOPE, submit_then, "t1", lambda: proxy.pause("answers"))
    )
    await soon(lambda: rows(postgres_server, name, "SELECT id FROM tasks") == [("t1",)])
    proxy.cut()
    proxy.heal()
    assert await submitting == "t1"
    assert rows(postgres_server, name, "SELECT id FROM tasks") == [("t1",)]


async def test_a_submission_whose_commit_never_arrived_is_in_doubt_and_repeated_it_is_there_once(
    postgres_server: PostgresServer, name: str, proxy: TcpProxy, database: Database
) -> None:
    is_silent = threading.Event()

    def silence() -> None:
        proxy.pause()
        is_silent.set()

    submitting = asyncio.create_task(database.write(DEFAULT_SCOPE, submit_then, "t1", silence, "k"))
    assert await asyncio.to_thread(is_silent.wait, PATIENCE_S)
    proxy.cut()
    proxy.heal()
    with pytest.raises(CommitInDoubt):
        await submitting
    assert rows(postgres_server, name, "SELECT id FROM tasks") == []
    assert await database.write(DEFAULT_SCOPE, submit_then, "t2", lambda: None, "k") == "t2"
    assert rows(postgres_server, name, "SELECT id FROM tasks") == [("t2",)]


async def test_a_commit_without_an_answer_until_the_deadline_is_in_doubt_and_its_key_finds_the_task(
    postgres_server: PostgresServer, name: str, proxy: TcpProxy, database: Database
) -> None:
    await connected(database)
    started = time.monotonic()
    with pytest.raises(CommitInDoubt):
        await database.write(
            DEFAULT_SCOPE, within(REACH_S, submit_then), "t1", lambda: proxy.pause("answers"), "k"
        )
    assert time.monotonic() - started < REACH_S + MARGIN_S
    proxy.heal()
    assert await database.write(DEFAULT_SCOPE, submit_then, "t2", lambda: None, "k") == "t1"
    assert rows(postgres_server, name, "SELECT id FROM tasks") == [("t1",)]


async def connected(database: Database) -> None:
    """The writer has a connection."""

    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(DEFAULT_SCOPE, submit_then, "t0", fail)


@asynccontextmanager
async def held(
    monkeypatch: pytest.MonkeyPatch, database: Database, method: str
) -> AsyncIterator[threading.Event]:
    """A step of the database's threads does not end until the block does, which must not wait for it.

    Yields an event that is set once a thread is in the step.
    """
    is_in, is_over = threading.Event(), threading.Event()
    waited: list[str] = []
    real = getattr(database, method)

    def hold(*args: Any) -> Any:
        is_in.set()
        if not is_over.wait(6 * REACH_S):
            waited.append(method)
        return real(*args)

    monkeypatch.setattr(database, method, hold)
    try:
        yield is_in
    finally:
        is_over.set()
        monkeypatch.undo()
    assert waited == []


async def test_a_call_that_is_still_connecting_at_its_deadline_is_told_so_then_and_does_nothing_later(
    postgres_server: PostgresServer, name: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with held(monkeypatch, database, "_link") as is_in:
        with pytest.raises(DependencyUnavailable) as refused:
            await database.write(DEFAULT_SCOPE, within(REACH_S, submit_then), "t1", lambda: None)
        assert is_in.is_set()
    assert refused.value.params["reason"] == "deadline"
    await database.close()  # the thread that was left behind has ended
    assert rows(postgres_server, name, "SELECT id FROM tasks") == []


async def test_a_call_that_was_given_up_does_not_connect_anew(
    proxy: TcpProxy, database: PostgresDatabase
) -> None:
    await database.write(DEFAULT_SCOPE, submit_then, "t1", lambda: None)  # every lane that is asked has a connection
    accepted = proxy.traffic().accepted
    call = _Call(DEFAULT_SCOPE, lambda _: None, "given up", deadline_s=3600)
    proxy.pause()
    asking = asyncio.get_running_loop().run_in_executor(database._writers, database._transact, call)
    await soon(lambda: call._raw is not None)
    assert call.abort() is None
    with pytest.raises(DependencyUnavailable):
        await asking
    assert proxy.traffic().accepted == accepted


async def test_a_commit_without_an_answer_is_in_doubt_at_its_deadline_although_nobody_can_be_asked(
    postgres_server: PostgresServer,
    name: str,
    proxy: TcpProxy,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await connected(database)
    async with held(monkeypatch, database, "_happened") as is_in:
        with pytest.raises(CommitInDoubt):
            await database.write(DEFAULT_SCOPE, within(REACH_S, submit_then), "t1", proxy.cut, "k")
        assert is_in.is_set()
    proxy.heal()
    assert await database.write(DEFAULT_SCOPE, submit_then, "t2", lambda: None, "k") == "t2"
    assert rows(postgres_server, name, "SELECT id FROM tasks") == [("t2",)]


async def test_calls_into_a_black_hole_end_at_the_deadline_and_the_next_ones_work(
    postgres_server: PostgresServer, name: str, proxy: TcpProxy
) -> None:
    url = postgres_server.url(name, via=proxy.address)
    async with opened(url, connect_s=CONNECT_TIMEOUT_S) as database:
        event.listen(database._engine, "do_connect", patiently := Patience())
        await database.write(DEFAULT_SCOPE, submit_then, "t1", lambda: None)
        proxy.pause()
        patiently.is_on = False
        started = time.monotonic()
        beating = asyncio.create_task(
            asyncio.to_thread(
                database.write_from_thread, WORKER_SCOPE, leases.heartbeat, "w1", [("t1", 1)], lease=LEASE
            )
        )
        answers = await asyncio.gather(
            database.read(SYSTEM_SCOPE, within(DEADLINE_S, tasks.answers)),
            database.read(SYSTEM_SCOPE, within(DEADLINE_S, tasks.count_by_status)),
            database.write(DEFAULT_SCOPE, within(DEADLINE_S, submit_then), "t2", lambda: None),
            return_exceptions=True,
        )
        assert time.monotonic() - started < DEADLINE_S + MARGIN_S
        assert [type(answer) for answer in answers] == [DependencyUnavailable] * 3
        with pytest.raises(DependencyUnavailable):  # it had to connect first
            await beating
        assert time.monotonic() - started < CONNECT_TIMEOUT_S + 2 * MARGIN_S
        patiently.is_on = True
        proxy.heal()
        assert await database.read(SYSTEM_SCOPE, tasks.count_by_status) == {"pending": 1}
        assert await database.write(DEFAULT_SCOPE, submit_then, "t3", lambda: None) == "t3"


class Patience:
    """Gives a connection more time than the product does, as long as it is on."""

    is_on = True

    def __call__(self, _dialect: Any, _record: Any, _args: Any, settings: dict[str, Any]) -> None:
        if self.is_on:
            settings["connect_timeout"] = int(PATIENCE_S)


async def test_connections_that_ended_while_idle_are_replaced_without_an_error(
    postgres_server: PostgresServer, name: str, proxy: TcpProxy, database: Database
) -> None:
    for ended in range(4):
        await database.write(DEFAULT_SCOPE, submit_then, f"t{ended}", lambda: None)
        await asyncio.gather(*(database.read(SYSTEM_SCOPE, tasks.answers) for _ in range(6)))
        if ended % 2:
            proxy.cut()
            proxy.heal()
        else:
            rows(
                postgres_server,
                name,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
        assert await database.read(SYSTEM_SCOPE, tasks.count_by_status) == {"pending": ended + 1}


async def test_a_process_opens_no_more_connections_than_its_budget(
    postgres_server: PostgresServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "THREAD_DEADLINE_S", PATIENCE_S)
    seen: list[int] = []
    async with opened(postgres_server.url(name), connections=5, application_name="budget") as database:

        def look() -> None:
            counted = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'budget'"
            seen.append(int(rows(postgres_server, name, counted)[0][0]))

        with ThreadPoolExecutor(1) as heart:
            for round_ in range(5):
                beat = heart.submit(
                    database.write_from_thread, WORKER_SCOPE, leases.heartbeat, "w1", [("t", 1)], lease=LEASE
                )
                await asyncio.gather(
                    *(database.read(SYSTEM_SCOPE, tasks.count_by_status) for _ in range(20)),
                    *(database.write(DEFAULT_SCOPE, submit_then, f"t{round_}-{n}", look) for n in range(10)),
                )
                beat.result(PATIENCE_S)
    assert len(seen) == 50
    assert max(seen) <= 5


async def test_units_on_the_same_tasks_never_deadlock(postgres_server: PostgresServer, name: str) -> None:
    ids = [f"00000000-0000-7000-8000-{number:012d}" for number in range(12)]
    enough, end = time.monotonic() + 3.0, time.monotonic() + PATIENCE_S
    done = dict.fromkeys(("claim", "steps", "beat", "reclaim", "control", "finish"), 0)
    options: dict[str, Any] = {"connections": 8, "new_id": counting_ids()}
    url = postgres_server.url(name)

    def goes_on() -> bool:
        now = time.monotonic()
        return now < enough or (now < end and not all(done.values()))

    async with opened(url, **options) as one, opened(url, **options) as two:
        for task_id in ids:
            await one.write(DEFAULT_SCOPE, submit_then, task_id, lambda: None)

        async def work(database: Database, owner: str, turn: int, lease: timedelta) -> None:
            owned: dict[str, int] = {}
            while goes_on():
                claimed = await database.write(
                    WORKER_SCOPE, claims.claim, owner, limit=8, lease=lease, teams={"default": "1"}
                )
                done["claim"] += len(claimed)
                owned |= {item.task.id: item.epoch for item in claimed}
                order = sorted(owned, reverse=bool(turn % 2))
                turn += 1
                steps = [
                    journal.FencedWrite(
                        task_id=task_id,
                        epoch=owned[task_id],
                        step=Step(key=f"1/{owner}/{turn}", input_hash="0" * 64, result={}),
                        result={},
                    )
                    for task_id in order
                ]
                answers = await database.write(WORKER_SCOPE, journal.commit_steps, steps)
                done["steps"] += answers.count(None)
                if lease == SHORT_LEASE and turn % 2:
                    owned.clear()  # as if it had died: only a reaper gives them back
                    continue
                beats = await database.write(
                    WORKER_SCOPE, leases.heartbeat, owner, [(i, owned[i]) for i in order], lease=lease
                )
                done["beat"] += sum(beat.is_owned for beat in beats)
                owned = {beat.task_id: beat.epoch for beat in beats if beat.is_owned}
                for task_id in list(owned)[:2]:
                    with suppress(Fault):
                        ending = runs.Ending(action=Action.HAND_BACK)
                        await database.write(WORKER_SCOPE, runs.finish, task_id, owned.pop(task_id), ending)
                        done["finish"] += 1

        async def reap(database: Database) -> None:
            while goes_on():
                done["reclaim"] += len(await database.write(SYSTEM_SCOPE, leases.reclaim, all_leases=False))

        async def control(database: Database) -> None:
            while goes_on():
                for task_id in ids:
                    with suppress(Fault):
                        await database.write(DEFAULT_SCOPE, decisions.request_control, task_id, Action.PAUSE, actor="p")
                    with suppress(Fault):  # also what was paused before, or nothing would be left to do
                        await database.write(DEFAULT_SCOPE, decisions.make_pending, task_id, Action.RESUME, actor="p")
                        done["control"] += 1

        async with asyncio.TaskGroup() as group:
            # The short ones are lost before their first beat on a slow machine, the long ones on none.
            for number, (database, lease) in enumerate(product((one, two), (SHORT_LEASE, LEASE))):
                group.create_task(work(database, f"w{number}", number, lease))
            group.create_task(reap(one))
            group.create_task(reap(two))
            group.create_task(control(two))
    # Sessions have ended, and what they counted is there.
    counted = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert rows(postgres_server, name, counted) == [(0,)]
    assert all(done.values()), done
    gaps = "SELECT task_id FROM agent_messages GROUP BY task_id HAVING count(*) <> max(seq)"
    assert rows(postgres_server, name, gaps) == []


@pytest.mark.system
async def test_behind_pgbouncer_in_transaction_mode_the_schema_is_made_and_work_is_done(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    name = postgres_server.create_database(template=None)
    try:
        with PgBouncer(postgres_server, pool_size=2) as pooler:
            url = pooler.url(name)
            engine = postgres_engine(sqlalchemy_url(url), deadline_s=10.0, prepare=False)
            with ThreadPoolExecutor(3) as starters:
                started = list(starters.map(lambda _: migration.upgrade(engine), range(3)))
            engine.dispose()
            assert any(started)
            new_id = counting_ids()
            async with opened(url, connections=8, prepare=False, new_id=new_id) as database:
                desk = Desk(database, ManualClock(), new_id)
                ids = [await desk.submit() for _ in range(12)]
                for _ in range(12):  # more often than a statement is sent before it would be prepared
                    await asyncio.gather(*(desk.get(task_id) for task_id in ids))
                claimed = await desk.claim(12)
                ending = runs.Ending(action=Action.COMPLETE, result={})
                ended = await asyncio.gather(
                    *(
                        database.write(WORKER_SCOPE, runs.finish, item.task.id, item.epoch, ending)
                        for item in claimed
                    )
                )
                assert ended == [TaskStatus.COMPLETED] * 12
    finally:
        postgres_server.drop_database(name)
