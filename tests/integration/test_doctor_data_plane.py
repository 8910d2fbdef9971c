"""The doctor asks real PostgreSQL and Redis servers, and says what they lack without their passwords."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.servers import PostgresServer, RedisServer

from langgraph_multi_agent.i18n import text
from langgraph_multi_agent.ops import doctor
from langgraph_multi_agent.ops.finding import Finding, State
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.store.connections import server_limits

pytestmark = pytest.mark.anyio
PASSWORD = "canary-word"


@pytest.fixture(autouse=True)
def patient_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is well answers, however busy the machine is."""
    monkeypatch.setattr(doctor, "CHECK_DEADLINE_S", 60.0)


async def found(tmp_path: Path, **environment: str) -> Mapping[str, Finding]:
    """What the doctor says of the store, by check; each with its words in both languages."""
    settings = Settings.load({"LGMA_DATA_DIR": str(tmp_path), **environment})
    findings = {}
    for name, check in doctor._store_checks(settings):
        finding = await doctor._checked(name, check)
        for language in ("zh", "en"):
            words = text(f"doctor.{finding.code}", language, **finding.params)
            assert PASSWORD not in words
        assert PASSWORD not in str(finding)
        findings[name] = finding
    return findings


def verdicts(findings: Mapping[str, Finding]) -> dict[str, tuple[str, State]]:
    return {name: (finding.code, finding.state) for name, finding in findings.items()}


async def test_sqlite_needs_neither_server(tmp_path: Path) -> None:
    assert verdicts(await found(tmp_path)) == {"SQLITE": ("SQLITE_OK", State.OK)}


async def test_fit_servers_are_well(
    tmp_path: Path, postgres_server: PostgresServer, redis_server: RedisServer
) -> None:
    findings = await found(tmp_path, DATABASE_URL=postgres_server.url(), REDIS_URL=redis_server.url())
    assert verdicts(findings) == {
        "POSTGRES": ("POSTGRES_OK", State.OK),
        "REDIS": ("REDIS_OK", State.OK),
        "QUEUE": ("REDIS_OK", State.OK),
    }
    assert int(findings["POSTGRES"].params["version"]) >= 15
    assert findings["POSTGRES"].params["processes"] == "8"  # four workers, each with one for suspects
    assert findings["QUEUE"].params["policy"] == "noeviction"
    assert findings["QUEUE"].params["address"].endswith(f":{redis_server.address[1]}")


async def test_limits_are_those_of_the_server(postgres_server: PostgresServer) -> None:
    limits = await server_limits(postgres_server.url(), deadline_s=60)
    with postgres_server.connect() as connection:
        row = connection.execute("SHOW max_connections").fetchone()
    assert row is not None
    assert limits.max_connections == int(row[0])
    assert 3 <= limits.reserved < limits.max_connections


async def test_more_processes_than_connections_is_critical(tmp_path: Path, postgres_server: PostgresServer) -> None:
    findings = await found(tmp_path, DATABASE_URL=postgres_server.url(), ASYNC_WORKERS="30")
    assert verdicts(findings)["POSTGRES"] == ("CONNECTIONS_FEW", State.CRIT)


async def test_a_pool_beyond_the_server_is_a_warning(tmp_path: Path, postgres_server: PostgresServer) -> None:
    findings = await found(tmp_path, DATABASE_URL=postgres_server.url(), DATABASE_POOL_SIZE="5000")
    assert verdicts(findings)["POSTGRES"] == ("CONNECTIONS_CLAMPED", State.WARN)


async def test_postgresql_without_redis_works_and_has_a_price(tmp_path: Path, postgres_server: PostgresServer) -> None:
    findings = verdicts(await found(tmp_path, DATABASE_URL=postgres_server.url()))
    assert (findings["REDIS"], findings["QUEUE"]) == (("REDIS_NONE", State.WARN), ("QUEUE_NONE", State.SKIPPED))


async def test_a_queue_beside_the_cache_is_a_warning_in_production(tmp_path: Path, redis_server: RedisServer) -> None:
    findings = await found(tmp_path, REDIS_URL=redis_server.url(), LGMA_PROFILE="production")
    assert verdicts(findings)["QUEUE"] == ("QUEUE_BESIDE_CACHE", State.WARN)


async def test_a_queue_whose_redis_evicts_is_a_warning(tmp_path: Path) -> None:
    with RedisServer(settings={"maxmemory-policy": "allkeys-lru"}) as server:
        findings = await found(tmp_path, QUEUE_REDIS_URL=server.url())
    assert verdicts(findings) == {
        "SQLITE": ("SQLITE_OK", State.OK),
        "REDIS": ("REDIS_NONE", State.SKIPPED),
        "QUEUE": ("QUEUE_EVICTS", State.WARN),
    }


async def test_servers_that_are_not_there_are_critical(tmp_path: Path) -> None:
    with socket.socket() as taken:  # nobody else gets the port, and nobody listens there
        taken.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        findings = await found(
            tmp_path, DATABASE_URL=f"postgresql://u:{PASSWORD}@{place}/d", REDIS_URL=f"redis://:{PASSWORD}@{place}"
        )
    assert verdicts(findings) == {
        "POSTGRES": ("POSTGRES_UNREACHABLE", State.CRIT),
        "REDIS": ("REDIS_UNREACHABLE", State.CRIT),
        "QUEUE": ("REDIS_UNREACHABLE", State.CRIT),
    }


@asynccontextmanager
async def answering(reply: bytes) -> AsyncIterator[str]:
    """A server that says the same to each command of Redis, or nothing; yields `host:port`."""
    closing = asyncio.Event()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while reply and (asked := await reader.read(4096)):  # a client may say several things at once
            writer.write(reply * len(re.findall(rb"^\*\d+\r$", asked, re.MULTILINE)))
            await writer.drain()
        await closing.wait()
        writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        try:
            yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            closing.set()


async def test_servers_that_hang_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CHECK_DEADLINE_S", 0.2)
    async with answering(b"") as place:
        findings = await found(
            tmp_path, DATABASE_URL=f"postgresql://u:{PASSWORD}@{place}/d", REDIS_URL=f"redis://:{PASSWORD}@{place}"
        )
    reasons = {finding.params["reason"] for finding in findings.values()}
    assert {code for code, _ in verdicts(findings).values()} == {"POSTGRES_UNREACHABLE", "REDIS_UNREACHABLE"}
    assert reasons == {"no answer within 0.2 s"}


async def test_an_old_redis_is_critical(tmp_path: Path) -> None:
    body = b"redis_version:6.2.14\r\nmaxmemory_policy:noeviction\r\n"
    async with answering(b"$%d\r\n%s\r\n" % (len(body), body)) as place:
        findings: Any = await found(tmp_path, REDIS_URL=f"redis://{place}?protocol=2")
    assert verdicts(findings)["REDIS"] == ("REDIS_OLD", State.CRIT)
