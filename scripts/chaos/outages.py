"""Faults of what the processes depend on: Redis, PostgreSQL, and the room on the artifact disk.

Each function takes a dependency away under load and gives it back. An outage lasts as long as its
traffic takes, one submit every EVERY_S seconds, so that `make chaos` has longer ones.
"""

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import psutil
import psycopg
import redis
from scripts.chaos.registry import STEADY, Outcome, Shape, fault, outcome
from scripts.chaos.traffic import Traffic, refused, slowest_s
from tests.support.fleet import Fleet, FleetFailed, Program

ORDINARY = Shape(settings={"SHUTDOWN_GRACE": "1", "MAX_CONCURRENT_WORKFLOWS": "80"})
EVERY_S = 0.1
SUBMIT_S = 2.0
"""What a submit may take while Redis is away; far below any of its time-outs."""
UNAVAILABLE = "DEPENDENCY_UNAVAILABLE"
RETURNED_S = 20.0
"""After PostgreSQL's return: the reaper's eight seconds of health, a claim, and a busy machine."""
ROOM_BYTES = 1_000_000
STORM_CONNECTIONS = 400
ANSWER_S = 60.0
"""What hangs: a busy machine may keep an answer back for long, and a bound on that is a promise, not a fault."""
OWNERS_STOP_S = 6.0
"""LEASE_SECONDS: without PostgreSQL for so long, whoever runs a task has stopped."""


@fault("redis-flush", shape=STEADY, size=30, chaos_size=600)
def redis_flush(fleet: Fleet, size: int) -> Outcome:
    """FLUSHALL ten times a second while tasks are submitted and run."""
    [api] = fleet.apis
    with redis.Redis.from_url(fleet.redis.url()) as client, _traffic(fleet, api) as traffic:
        flushed = _repeat(size, client.flushall)
    if bad := refused(traffic.answers):
        fleet.fail(f"submits were refused: {bad[:3]}")
    fleet.until_all_ended(traffic.ids)
    told = outcome(fleet, traffic.ids, remark=f"flushed {flushed} times")
    if told.recovered:
        fleet.fail(f"{told.recovered} tasks were interrupted by a lost hint")
    return told


@fault("redis-restart", shape=ORDINARY, size=30, chaos_size=300)
def redis_restart(fleet: Fleet, size: int) -> Outcome:
    """Redis is stopped and started, empty, while tasks are submitted and run."""
    [api] = fleet.apis
    with _traffic(fleet, api) as traffic:
        _wait_for(traffic, size // 3)
        fleet.redis.restart()
        _wait_for(traffic, size)
    if bad := refused(traffic.answers):
        fleet.fail(f"submits were refused: {bad[:3]}")
    fleet.until_all_ended(traffic.ids)
    _until_doorbell_rings(fleet, api)
    return outcome(fleet, traffic.ids)


@fault("redis-down", shape=ORDINARY, size=50, chaos_size=300)
def redis_down(fleet: Fleet, size: int) -> Outcome:
    """Redis is away: submits stay fast, tasks are polled for and end, readiness says degraded."""
    [api] = fleet.apis
    fleet.redis.kill()
    try:
        with _traffic(fleet, api) as traffic:
            _wait_for(traffic, size // 2)
            fleet.until(lambda: _health(api) == (200, "degraded"), "the API says degraded")
            fleet.until(lambda: _ready(api).status_code == 200, "ready without Redis")
            _wait_for(traffic, size)
        if bad := refused(traffic.answers):
            fleet.fail(f"submits were refused: {bad[:3]}")
        took_s = slowest_s(traffic.answers)
        late = [f"a submit took {took_s:.2f} s without Redis"] if took_s > SUBMIT_S else []
        fleet.until_all_ended(traffic.ids)
    finally:
        fleet.redis.start()
    _until_doorbell_rings(fleet, api)
    return outcome(fleet, traffic.ids, remark=f"submit p99 {1000 * took_s:.0f} ms", late=late)


@fault("doorbell-junk", shape=STEADY, size=40, chaos_size=600)
def doorbell_junk(fleet: Fleet, size: int) -> Outcome:
    """Doorbells twice, out of order, for tasks that have ended or never were, and no text at all."""
    [api] = fleet.apis
    chance = random.Random(size)
    with redis.Redis.from_url(fleet.redis.url(1)) as client, _traffic(fleet, api) as traffic:

        def ring() -> None:
            known: list[str | bytes] = [*traffic.ids, str(uuid.uuid4()), b"\xff\x00 no id", ""]
            rung = [word for word in known for _ in range(2)]
            chance.shuffle(rung)
            client.lpush("task_queue", *rung)
            client.rpush("task_queue", *rung[:3])

        rounds = _repeat(size, ring)
        fleet.until_all_ended(traffic.ids)
        client.lpush("task_queue", *(["gone"] * 50))
    if bad := refused(traffic.answers):
        fleet.fail(f"submits were refused: {bad[:3]}")
    fleet.until_all_ended(traffic.ids)
    with redis.Redis.from_url(fleet.redis.url(1)) as client:
        fleet.until(lambda: client.llen("task_queue") == 0, "the list shows that nothing waits")
    told = outcome(fleet, traffic.ids, remark=f"{rounds} rounds of junk")
    if told.recovered:
        fleet.fail(f"{told.recovered} tasks were interrupted by hints")
    return told


@fault("postgres-restart", shape=ORDINARY, size=40, chaos_size=200, within_s=RETURNED_S)
def postgres_restart(fleet: Fleet, size: int) -> Outcome:
    """PostgreSQL crashes (immediate stop) under load and is started at once."""
    return _without_postgres(fleet, size, down_s=0.0)


@fault("postgres-down", shape=ORDINARY, size=80, chaos_size=200, within_s=RETURNED_S)
def postgres_down(fleet: Fleet, size: int) -> Outcome:
    """PostgreSQL is away: submits are refused as such, no process ends, and all goes on at its return."""
    return _without_postgres(fleet, size, down_s=size * EVERY_S)


@fault("both-down", shape=ORDINARY, size=40, chaos_size=200, within_s=RETURNED_S)
def both_down(fleet: Fleet, size: int) -> Outcome:
    """PostgreSQL and Redis are away at once, and return one after the other."""
    fleet.redis.kill()
    try:
        told = _without_postgres(fleet, size, down_s=size * EVERY_S)
    finally:
        fleet.redis.start()
    _until_doorbell_rings(fleet, fleet.apis[0])
    return told


@fault("connection-storm", shape=ORDINARY, size=20, chaos_size=100, within_s=RETURNED_S)
def connection_storm(fleet: Fleet, size: int) -> Outcome:
    """Others take every connection of PostgreSQL, and those of the service are ended by an administrator."""
    [api] = fleet.apis
    ids = fleet.submit(size, subtasks=2, sleep_s=1.0)
    children = _children(fleet)
    with _storm(fleet):
        kept = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lgma'"
        ended = 0

        def is_cut_off() -> bool:
            """Whoever is quicker than the storm has its connection back: it is ended again."""
            nonlocal ended
            ended += len(fleet.query(kept))
            ready = _ready(api).status_code
            return _try_submit(api) == (503, UNAVAILABLE) and ready == 503

        fleet.until(is_cut_off, "without a connection it is not ready and refuses")
    freed = time.monotonic()
    fleet.until(lambda: _try_submit(api)[0] == 202, "submits are accepted again")
    fleet.until_all_ended(ids)
    recovery_s = time.monotonic() - freed
    _expect_same(fleet, children)
    return outcome(fleet, ids, recovery_s=recovery_s, remark=f"{ended} connections ended")


@fault("disk-full", shape=STEADY, size=6, chaos_size=30)
def disk_full(fleet: Fleet, size: int) -> Outcome:
    """No room for artifacts: uploads are refused without a trace, accepted tasks wait for room or say so."""
    [api] = fleet.apis
    everyone = [api, *fleet.workers]
    tasks = "SELECT count(*) FROM tasks"
    [(before,)] = fleet.query(tasks)
    room_bytes = ROOM_BYTES + fleet.written_bytes()  # what is written beside artifacts has room
    file_bytes = 2 * room_bytes
    with _no_room(everyone, room_bytes):
        for _ in range(3):
            status, code = _upload(api, file_bytes)
            if (status, code) not in ((503, UNAVAILABLE), (507, "STORAGE_FULL")):
                fleet.fail(f"an upload without room was answered {status} {code}")
        if fleet.query(tasks) != [(before,)]:
            fleet.fail("an upload that was refused left a task")
        ids = fleet.submit(size, subtasks=1, bytes=file_bytes)
        innocents = fleet.submit(size, subtasks=2)
        fleet.until_all_ended(innocents)
        time.sleep(3.0)  # nothing tells from outside that a task has met the full disk
    fleet.until_all_ended(ids)
    asked = "SELECT DISTINCT status, error->>'code' FROM tasks WHERE id = ANY(%s)"
    ends = set(fleet.query(asked, ids))
    if not ends <= {("completed", None), ("failed", UNAVAILABLE), ("failed", "STORAGE_FULL")}:
        fleet.fail(f"the tasks ended as {ends}")
    [(crashes,)] = fleet.query("SELECT max(crash_count) FROM tasks WHERE id = ANY(%s)", ids)
    if crashes:
        fleet.fail(f"a full disk was counted as {crashes} crashes of a task")
    if fleet.count(innocents, "completed") != size:
        fleet.fail("a task that stores nothing suffered")
    if left := [path.name for path in (fleet.directory / "artifacts" / "incoming").iterdir()]:
        fleet.fail(f"half files were left: {left}")
    if (again := _upload(api, file_bytes))[0] != 202:
        fleet.fail(f"with room again an upload was answered {again}")
    return outcome(fleet, [*ids, *innocents], remark=", ".join(sorted(str(end[0]) for end in ends)))


def _without_postgres(fleet: Fleet, size: int, *, down_s: float) -> Outcome:
    """PostgreSQL crashes with half of `size` tasks in flight, and returns `down_s` later."""
    [api] = fleet.apis
    children = _children(fleet)
    with fleet.hold() as held:
        ids = fleet.submit(size // 2, subtasks=2, held=held)
        fleet.until(lambda: _told(fleet, ids, "began") == len(ids), "half of the tasks are in flight")
        with _traffic(fleet, api) as traffic:
            _wait_for(traffic, 5)
            fleet.postgres.stop("immediate")
            blow = time.monotonic()
            if down_s:
                # Whoever was sent before the end may still be answered by it.
                fleet.until(lambda: len(traffic.between(blow + 0.5, time.monotonic())) > 3, "answers while it is away")
                ready = _ready(api)
                if ready.status_code != 503 or ready.json()["code"] != UNAVAILABLE:
                    fleet.fail(f"ready without a database: {ready.status_code} {ready.text[:300]}")
                time.sleep(max(0.0, blow + down_s - time.monotonic()))
            if down_s > OWNERS_STOP_S:
                fleet.until(lambda: _told(fleet, ids, "stopped") == len(ids), "their owners stopped them")
            returned = time.monotonic()
            fleet.postgres.start()
            fleet.until(lambda: traffic.is_accepted_since(returned), "submits are accepted again")
            accepting_s = time.monotonic() - returned
    # Who was sent before the return may be answered after it, and well.
    meanwhile = [answer for answer in traffic.between(blow + 0.5, returned) if answer.sent_s + answer.took_s < returned]
    if wrong := [a for a in meanwhile if (a.status, a.code, a.retry_after) != (503, UNAVAILABLE, True)]:
        fleet.fail(f"submits without a database were answered {wrong[:3]}")
    ids += traffic.ids
    fleet.until_all_ended(ids)
    recovery_s = time.monotonic() - returned
    _expect_same(fleet, children)
    said = f"accepting after {accepting_s:.1f} s"
    if meanwhile:
        said += f", {len(meanwhile)} refused, slowest in {slowest_s(meanwhile, 1.0):.2f} s"
    return outcome(fleet, ids, recovery_s=recovery_s, remark=said)


# What the faults are made of


def _traffic(fleet: Fleet, api: Program) -> Traffic:
    return Traffic(fleet, [api], every_s=EVERY_S, subtasks=2, sleep_s=0.05)


def _repeat(rounds: int, act: Callable[[], object]) -> int:
    for _ in range(rounds):
        act()
        time.sleep(EVERY_S)
    return rounds


def _wait_for(traffic: Traffic, answers: int) -> None:
    give_up = time.monotonic() + 120 + 2 * answers * EVERY_S
    while len(traffic.answers) < answers:
        if time.monotonic() > give_up:
            raise FleetFailed(f"{len(traffic.answers)} of {answers} submits were answered")
        time.sleep(EVERY_S)


def _url(api: Program, path: str) -> str:
    return f"http://127.0.0.1:{api.port}{path}"


def _told(fleet: Fleet, ids: list[str], what: str) -> int:
    """Of how many of these tasks the agents wrote this."""
    wanted = set(ids)
    return len({line.task_id for line in fleet.executions() if line.what == what and line.task_id in wanted})


def _ready(api: Program) -> httpx.Response:
    return httpx.get(_url(api, "/ready"), timeout=ANSWER_S)


def _health(api: Program) -> tuple[int, str]:
    answer = httpx.get(_url(api, "/api/v1/system/health"), timeout=ANSWER_S)
    return answer.status_code, answer.json()["status"]


def _until_doorbell_rings(fleet: Fleet, api: Program) -> None:
    """Everybody has found Redis again: the service is well, and so are all that listen."""
    fleet.until(lambda: _health(api) == (200, "healthy"), "Redis is used again")
    with redis.Redis.from_url(fleet.redis.url(1)) as client:
        listeners = len(fleet.apis) + len(fleet.workers)
        fleet.until(
            lambda: sum(n for _, n in client.pubsub_numsub(*client.pubsub_channels("lgma:*"))) >= listeners,
            "everybody listens again",
        )


def _try_submit(api: Program) -> tuple[int, str]:
    """A submit of its own that ends at once; status and code of the answer, 0 for none."""
    body = {"title": "try", "description": "is it there", "team": "zero_work", "input_data": {"subtasks": 1}}
    with suppress(httpx.HTTPError):
        answer = httpx.post(_url(api, "/api/v1/tasks"), json=body, timeout=ANSWER_S)
        return answer.status_code, answer.json().get("code", "")
    return 0, ""


def _upload(api: Program, size: int) -> tuple[int, str]:
    form = {"title": "file", "description": "with a file", "team": "zero_work"}
    files = {"files": ("data.bin", random.randbytes(size))}
    answer = httpx.post(_url(api, "/api/v1/tasks"), data=form, files=files, timeout=ANSWER_S)
    return answer.status_code, answer.json().get("code", "")


def _children(fleet: Fleet) -> dict[str, int]:
    return {program.name: program.child for program in (*fleet.apis, *fleet.workers)}


def _expect_same(fleet: Fleet, children: dict[str, int]) -> None:
    """Nobody ended, nobody was replaced."""
    if (now := _children(fleet)) != children:
        fleet.fail(f"processes ended in an outage: {children} are {now}")


@contextmanager
def _no_room(programs: list[Program], room_bytes: int) -> Iterator[None]:
    """No file of these processes may grow beyond that; the kernel refuses as on a full disk."""
    processes = [psutil.Process(program.child) for program in programs]
    before = [process.rlimit(psutil.RLIMIT_FSIZE) for process in processes]
    for process, (_, hard) in zip(processes, before, strict=True):
        process.rlimit(psutil.RLIMIT_FSIZE, (room_bytes, hard))
    try:
        yield
    finally:
        for process, limits in zip(processes, before, strict=True):
            process.rlimit(psutil.RLIMIT_FSIZE, limits)


@contextmanager
def _storm(fleet: Fleet) -> Iterator[None]:
    """Every connection that is free or becomes free is taken, until the block ends."""
    fleet.query("SELECT 1")  # the fleet's own is open before
    is_over, is_full = threading.Event(), threading.Event()
    held: list[psycopg.Connection[Any]] = []

    def take() -> None:
        while not is_over.is_set():
            try:
                if len(held) < STORM_CONNECTIONS:
                    held.append(fleet.postgres.connect(fleet.database))
            except psycopg.OperationalError:
                is_full.set()
                is_over.wait(0.005)

    thread = threading.Thread(target=take, name="storm", daemon=True)
    thread.start()
    try:
        if not is_full.wait(ANSWER_S):
            raise FleetFailed("the connections of PostgreSQL did not run out")
        yield
    finally:
        is_over.set()
        thread.join(ANSWER_S)
        for connection in held:
            connection.close()
