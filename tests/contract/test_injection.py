"""Words that other systems would run, at every place of the API: they are words here.

The places come from the OpenAPI description, so that a new field is tried by itself.
"""

import asyncio
import contextlib
import io
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Engine, event, text
from tests.support.fuzzing import STREAM, UNLIMITED, known_of
from tests.support.injections import FORGED, PRODUCT, Description, Place, payloads
from tests.support.server import Desk, open_desk, serving
from tests.support.servers import postgres
from tests.support.stores import patient_postgres
from uuid_utils import uuid7
from websockets.asyncio.client import ClientConnection, connect

from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE
from langgraph_multi_agent.access.policy import Role
from langgraph_multi_agent.api.ws import FRAMES
from langgraph_multi_agent.domain.clock import SystemClock
from langgraph_multi_agent.store.database import Database, Store, unit
from langgraph_multi_agent.telemetry.logs import configure_logs

# Thousands of requests of one kind: counting lines would double their time and show nothing new.
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600), pytest.mark.no_cover]

AT_ONCE = 8
MIN_PLACES, MIN_CASES, MIN_FRAMES = 200, 12_000, 1_200
LEAKS = (PRODUCT, "<class '", " object at 0x", "root:x:0:0", "$argon2")
GENERAL_HEADERS = (
    *("User-Agent", "Accept-Language", "Accept", "X-Request-ID", "Referer", "Origin", "Cookie", "Content-Type"),
    *("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "Host", "X-Requested-With"),
    *("If-None-Match", "Range", "Access-Control-Request-Method", "Transfer-Encoding", "Expect", "Upgrade"),
)
"""Which the description does not name, and which something may read."""


@dataclass(slots=True, kw_only=True)
class Target:
    """A service to be attacked, with what stays as it is whatever is said to it."""

    desk: Desk
    description: Description
    words: dict[str, str]
    log: io.StringIO
    directory: Path
    key: str
    sent: int = 0
    steps: list[int] = field(default_factory=list)
    """Calls of `canary()` on SQLite."""

    async def ask(self, method: str, address: str, **options: Any) -> httpx.Response:
        self.sent += 1
        return await self.desk.client.request(method, address, **options)


@contextlib.contextmanager
def logging_to(stream: io.StringIO) -> Iterator[None]:
    """All of it, and nowhere else: pytest's own handler would cost more than the requests."""
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    configure_logs(level="INFO", stream=stream)
    try:
        yield
    finally:
        root.handlers[:] = kept
        root.setLevel(level)
        structlog.reset_defaults()


@asynccontextmanager
async def opened(directory: Path, backend: str = "sqlite") -> AsyncIterator[Target]:
    steps: list[int] = []
    log = io.StringIO()

    def prepare(connection: Any, _record: Any) -> None:
        if hasattr(connection, "create_function"):
            connection.create_function("canary", 0, lambda: steps.append(1) or len(steps))

    event.listen(Engine, "connect", prepare)
    settings = {"rate_limit": UNLIMITED, "rate_limit_failures": UNLIMITED, "rate_limit_login": UNLIMITED}
    limits = {"chat_messages_per_minute": 10**9, "task_queue_size": 10**6}
    try:
        with logging_to(log):
            async with open_desk(
                directory / "data", database=_database(backend), enable_auth=True, **settings, **limits
            ) as desk:
                quick = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)
                desk.services.identities._passwords = PasswordHash((quick,))
                made = await desk.services.identities.create_key(DEFAULT_SCOPE, name="injecting", role=Role.ADMIN)
                desk.client.headers["authorization"] = f"Bearer {made.secret}"
                desk.client.headers["x-requested-with"] = "test"
                known = await _history(desk)
                document = (await desk.client.get("/openapi.json")).json()
                (directory / "canaries").mkdir()
                yield Target(
                    desk=desk,
                    description=Description(document, known),
                    words=payloads(directory / "canaries"),
                    log=log,
                    directory=directory,
                    key=made.secret,
                    steps=steps,
                )
    finally:
        event.remove(Engine, "connect", prepare)


def _database(backend: str) -> Database | None:
    """None for the one that a desk opens by itself."""
    if backend == "sqlite":
        return None
    server = postgres()
    name = server.create_database()
    with server.connect(name) as connection:
        connection.execute("CREATE SEQUENCE canary_steps")
        connection.execute(
            "CREATE FUNCTION canary() RETURNS int LANGUAGE sql AS $$ SELECT nextval('canary_steps')::int $$"
        )
    url = server.url(name).replace("postgresql://", "postgresql+psycopg://", 1)
    return patient_postgres(url, connections=6, clock=SystemClock(), new_id=lambda: str(uuid7()))


async def _history(desk: Desk) -> dict[str, dict[str, str]]:
    ended, asks = [(await desk.submit())["id"] for _ in range(2)]
    question = {"id": "1/0/u/1/0", "kind": "clarification", "text": "?", "options": [], "subtask_id": None}
    await desk.plan(ended)
    await desk.ask(asks, question)
    await desk.save(ended, "note.txt", b"words", "text/plain", "result")
    await desk.finish(ended)
    actions = ("cancel", "pause", "resume", "retry", "complete", "delete", "remove")
    waiting = {action: (await desk.submit(delay_s=86_400))["id"] for action in actions}
    schedule = {"name": "daily", "cron": "0 9 * * *", "task": {"description": "count"}}
    schedule_id = (await desk.client.post("/api/v1/schedules", json=schedule)).json()["id"]
    for name in ("li", "wang"):
        person = {"name": name, "password": "a long enough secret"}
        assert (await desk.client.post("/api/v1/users", json=person)).status_code == 201
    return known_of(
        ended=ended,
        asks=asks,
        waiting=waiting,
        schedules=[schedule_id, "none"],
        question_id=question["id"],
        checkpoint_id="none",
        agent="desk",
        key_id="none",
    )


@unit
def _look(store: Store) -> dict[str, Any]:
    """What no word may change: the tables, how many people there are, and one of whom nobody speaks."""
    names = (
        "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        if store.connection.dialect.name == "sqlite"
        else "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
    )
    run = store.connection.execute
    found = {
        "tables": list(run(text(names)).scalars()),
        "wang": [tuple(row) for row in run(text("SELECT * FROM users WHERE name = 'wang'"))],
        "users": run(text("SELECT count(*) FROM users")).scalar_one(),
    }
    if store.connection.dialect.name == "postgresql":
        found["steps"] = tuple(run(text("SELECT last_value, is_called FROM canary_steps")).one())
    return found


def faults_of(answer: httpx.Response, what: object) -> list[str]:
    """What is wrong with an answer."""
    shown = answer.text
    faults = [f"{what}: {answer.status_code} {shown[:200]}"] if answer.status_code >= 500 else []
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    faults += [f"{what}: shows {leak!r}" for leak in LEAKS if leak in shown or leak in headers]
    faults += [f"{what}: sets the cookie of others"] if "mine" in answer.headers.get("set-cookie", "") else []
    if any(char in value for _, value in answer.headers.raw for char in (b"\r", b"\n", b"\x00")):
        faults.append(f"{what}: a header was split")
    return faults


async def in_turn(cases: Iterable[Any], one: Any) -> list[str]:
    """All cases, AT_ONCE together; what is wrong with them."""
    rest, faults = iter(cases), []

    async def work() -> None:
        for case in rest:
            faults.extend(await one(case))

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    return faults


def check_log(target: Target) -> None:
    """One whole record a line, one a request, and none that somebody else wrote."""
    written = target.log.getvalue()
    assert not [char for char in written if char != "\n" and not char.isprintable() and not char.isspace()]
    records = [json.loads(line) for line in written.splitlines()]
    assert not [record for record in records if record["message"] == FORGED]
    assert not [record for record in records if record["log.level"] in ("error", "critical")]
    kinds = Counter(record["message"] for record in records)
    assert kinds["http.request"] >= target.sent


@pytest.mark.parametrize(
    "backend", ["sqlite", pytest.param("postgresql", marks=[pytest.mark.thorough, pytest.mark.servers])]
)
async def test_words_that_others_would_run_are_words_at_every_place(
    tmp_path: Path, backend: str
) -> None:
    """On PostgreSQL every word at every place; on SQLite a third of each kind, another third at the next place."""
    async with opened(tmp_path, backend) as target:
        places = [place for place in target.description.places() if place.label != STREAM or place.where != "header"]
        before = await target.desk.database.write(SYSTEM_SCOPE, _look)
        made_users = 0

        async def one(case: tuple[Place, str]) -> list[str]:
            nonlocal made_users
            place, kind = case
            wanted = target.description.request(place, target.words[kind])
            if place.label == STREAM and place.where != "path":
                return []
            answer = await target.ask(wanted.method, wanted.address, **wanted.options)
            made_users += place.label == "POST /api/v1/users" and answer.status_code == 201
            return faults_of(answer, (place.label, place.where, place.name, kind))

        share = 3 if backend == "sqlite" else 1
        cases = [
            (place, kind)
            for number, place in enumerate(places)
            for turn, kind in enumerate(target.words)
            if (turn + number) % share == 0
        ]
        faults = await in_turn(cases, one)
        assert faults == []
        assert len(places) >= MIN_PLACES
        assert len(cases) >= MIN_CASES // share
        assert {place.label for place in places} == {
            label
            for label, operation in target.description.operations.items()
            if operation.get("parameters") or "requestBody" in operation
        }

        # What was stored is read again, where it could still do something.
        lists = [label for label in target.description.operations if label.startswith("GET") and label != STREAM]

        async def look(label: str) -> list[str]:
            wanted = target.description.request(Place(label=label, where="none", name=""), "")
            return faults_of(await target.ask(wanted.method, wanted.address), label)

        assert await in_turn(lists, look) == []
        after = await target.desk.database.write(SYSTEM_SCOPE, _look)
        assert after == before | {"users": before["users"] + made_users}
        assert target.steps == []
        assert list((tmp_path / "canaries").iterdir()) == []
        check_log(target)


async def test_headers_that_no_description_names_are_words_too(tmp_path: Path) -> None:
    async with opened(tmp_path) as target:

        async def one(case: tuple[str, str, str]) -> list[str]:
            method, header, kind = case
            value = target.words[kind].encode("utf-8", "replace")
            content = b'{"description": "words"}' if method == "POST" else b""
            headers = {"Content-Type": "application/json", header: value}
            answer = await target.ask(method, "/api/v1/tasks", headers=headers, content=content)
            return faults_of(answer, case)

        cases = [
            (method, header, kind)
            for turn, method in enumerate(("GET", "POST"))
            for number, header in enumerate(GENERAL_HEADERS)
            for kind in [*target.words][(turn + number) % 2 :: 2]
        ]
        assert await in_turn(cases, one) == []
        assert len(cases) > 1_000
        assert target.steps == []
        check_log(target)


async def test_words_in_frames_of_a_socket_are_words(tmp_path: Path) -> None:
    """The frames of one word are followed by a ping: what comes before its pong are the answers to them."""
    async with opened(tmp_path) as target, serving(target.desk.app) as place:
        headers = {"Authorization": f"Bearer {target.key}"}
        before = await target.desk.database.write(SYSTEM_SCOPE, _look)
        faults: list[str] = []
        count = 0
        async with connect(f"ws://{place}/ws", additional_headers=headers, max_size=None, open_timeout=60) as socket:
            for number, words in enumerate(target.words.values()):
                fields = ("task_id", "after_event_id", "cursor", "type", words)
                frames: list[str | bytes] = [
                    json.dumps({"type": kind, name: words}) for kind in FRAMES for name in fields
                ]
                frames += [words, words.encode(), json.dumps([words])]
                for frame in frames:
                    await socket.send(frame)
                await socket.send(json.dumps({"type": "ping", "number": number}))
                faults += [f"{words!r}: {answer[:300]}" async for answer in _wrong_answers(socket, number)]
                count += len(frames)
        assert faults == []
        assert count >= MIN_FRAMES
        assert await target.desk.database.write(SYSTEM_SCOPE, _look) == before
        assert target.steps == []
        check_log(target)


async def _wrong_answers(socket: ClientConnection, number: int) -> AsyncIterator[str]:
    while True:
        async with asyncio.timeout(60):
            answer = str(await socket.recv())
        frame = json.loads(answer)
        if any(leak in answer for leak in LEAKS) or frame.get("error_code") == "INTERNAL_ERROR":
            yield answer
        original = frame.get("original_message")
        if frame["type"] == "pong" and isinstance(original, dict) and original.get("number") == number:
            return


async def test_the_canaries_sing_where_words_are_run(tmp_path: Path) -> None:
    """That the marks are there to be found: without it, the tests above would hold for a broken bird."""
    async with opened(tmp_path) as target:

        @unit
        def careless(store: Store) -> None:
            word = target.words["sql 1"]
            store.connection.exec_driver_sql(f"SELECT name FROM users WHERE name = '{word}'")

        with contextlib.suppress(Exception):
            await target.desk.database.write(SYSTEM_SCOPE, careless)
        assert target.steps
