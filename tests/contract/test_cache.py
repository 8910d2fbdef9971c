"""Cache and sessions keep their ports' words wherever they are; remembered answers stay in their scope."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs
from tests.support.openai_server import OpenAIServer, failure, json_text, text
from tests.support.proxy import TcpProxy
from tests.support.servers import RedisServer
from tests.support.stores import counting_ids, open_sqlite

from langgraph_multi_agent import redis_client
from langgraph_multi_agent.cache import redis as adapter
from langgraph_multi_agent.cache.memory import MAX_VALUE_BYTES, MemoryCache
from langgraph_multi_agent.cache.redis import RedisCache, open_cache
from langgraph_multi_agent.cache.sessions import open_sessions
from langgraph_multi_agent.domain.clock import SystemClock
from langgraph_multi_agent.domain.errors import DependencyUnavailable
from langgraph_multi_agent.domain.ports import Cache, Model, ModelMessage, ModelRequest, Sessions
from langgraph_multi_agent.domain.task import Cost
from langgraph_multi_agent.models import Gateway
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.store.sessions import StoredSessions
from langgraph_multi_agent.telemetry.metrics import Metrics

ENTRIES = 5
PREFIX, USES = "lgma:cache:", "lgma:cache-uses"
TTL_S = 60.0
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis that is up answers, however busy this machine is: a late answer would count as none."""
    for module, name in ((redis_client, "CONNECT_S"), (redis_client, "CALL_S"), (adapter, "CALL_S")):
        monkeypatch.setattr(module, name, 60.0)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
async def client(server: RedisServer) -> AsyncIterator[Redis]:
    server.start()
    async with Redis.from_url(server.url()) as opened:
        await opened.flushall()
        yield opened


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(with_process=False)


@pytest.fixture
async def redis_cache(server: RedisServer, client: Redis, metrics: Metrics) -> AsyncIterator[RedisCache]:
    async with open_cache(server.url(), ttl_s=TTL_S, max_entries=ENTRIES, metrics=metrics) as opened:
        yield opened


@pytest.fixture(params=["memory", "redis"])
def cache(request: pytest.FixtureRequest, metrics: Metrics) -> Cache:
    if request.param == "memory":
        return MemoryCache(ttl_s=TTL_S, max_entries=ENTRIES, metrics=metrics)
    found: RedisCache = request.getfixturevalue("redis_cache")
    return found


@pytest.fixture
async def redis_sessions(server: RedisServer, client: Redis) -> AsyncIterator[Sessions]:
    async with open_sessions(server.url()) as opened:
        yield opened


@pytest.fixture
async def stored_sessions(tmp_path: Path) -> AsyncIterator[Sessions]:
    async with open_sqlite(tmp_path, SystemClock(), counting_ids()) as database:
        yield StoredSessions(database)


@pytest.fixture(params=["stored", "redis"])
def sessions(request: pytest.FixtureRequest) -> Sessions:
    found: Sessions = request.getfixturevalue(f"{request.param}_sessions")
    return found


def counted(metrics: Metrics, name: str, **labels: str) -> float:
    values = [
        sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    return sum(values)


# Cache


async def test_what_was_put_is_found_until_something_else_is_put(cache: Cache, metrics: Metrics) -> None:
    assert await cache.get("model:k") is None
    await cache.put("model:k", b"\x00one")
    assert await cache.get("model:k") == b"\x00one"
    await cache.put("model:k", b"two")
    assert await cache.get("model:k") == b"two"
    assert await cache.get("model:K") is None
    assert counted(metrics, "langgraph_cache_requests_total", outcome="hit") == 2
    assert counted(metrics, "langgraph_cache_requests_total", outcome="miss") == 2
    assert await cache.ping()


async def test_an_entry_is_gone_after_its_time(cache: Cache) -> None:
    await cache.put("short", b"v", ttl_s=0.05)
    await cache.put("long", b"v")
    async with asyncio.timeout(30):
        while await cache.get("short") is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert await cache.get("long") == b"v"
    await cache.put("long", b"v", ttl_s=0)
    assert await cache.get("long") is None


async def test_where_there_is_no_room_the_least_recently_used_entry_goes(
    cache: Cache, metrics: Metrics
) -> None:
    for number in range(ENTRIES):
        await cache.put(f"k{number}", b"v")
    assert await cache.get("k0") == b"v"
    await cache.put("new", b"v")
    kept = [name for name in ("k0", "k1", "k2", "k3", "k4", "new") if await cache.get(name)]
    assert kept == ["k0", "k2", "k3", "k4", "new"]
    assert counted(metrics, "langgraph_cache_evictions_total") == 1


async def test_a_value_that_is_too_long_is_not_kept_nor_is_what_it_replaces(cache: Cache) -> None:
    await cache.put("k", b"old")
    await cache.put("k", b"x" * (MAX_VALUE_BYTES + 1))
    assert await cache.get("k") is None


async def test_memory_is_bounded_in_bytes_too() -> None:
    cache = MemoryCache(ttl_s=TTL_S, max_entries=1000, max_bytes=1000)
    for number in range(20):
        await cache.put(f"k{number:02}", b"x" * 97)
    assert [number for number in range(20) if await cache.get(f"k{number:02}")] == list(range(10, 20))


async def test_redis_holds_only_keys_with_our_prefix_each_with_a_time_and_an_index_as_long(
    redis_cache: RedisCache, client: Redis
) -> None:
    for number in range(3 * ENTRIES):
        await redis_cache.put(f"k{number}", b"v")
    keys = set(await client.keys("*"))
    assert len(keys - {USES.encode()}) == ENTRIES
    for key in keys - {USES.encode()}:
        assert key.startswith(PREFIX.encode())
        assert 0 < await client.ttl(key) <= TTL_S
    assert await client.zcard(USES) == ENTRIES
    await client.delete(PREFIX + "k14")  # as Redis does when the time is over, or when it is full
    assert await redis_cache.get("k14") is None
    assert await client.zcard(USES) == ENTRIES - 1


async def test_installations_on_one_server_share_neither_entries_nor_sessions_nor_the_bound(
    server: RedisServer, client: Redis, redis_cache: RedisCache, redis_sessions: Sessions
) -> None:
    await redis_cache.put("k", b"ours")
    await redis_sessions.create("h", b"ours", ttl_s=TTL_S)
    async with (
        open_cache(server.url(), ttl_s=TTL_S, max_entries=1, prefix="lgma:other") as cache,
        open_sessions(server.url(), prefix="lgma:other") as sessions,
    ):
        assert await cache.get("k") is None
        assert await sessions.get("h") is None
        for key in ("k", "l"):
            await cache.put(key, b"theirs")
    assert await redis_cache.get("k") == b"ours"


async def test_without_redis_everything_is_a_miss_at_once_and_its_return_is_noticed(
    server: RedisServer, client: Redis, redis_cache: RedisCache, metrics: Metrics
) -> None:
    await redis_cache.put("k", b"v")
    with capture_logs() as logs:
        server.stop()
        began = time.monotonic()
        for _ in range(50):
            assert await redis_cache.get("k") is None
            await redis_cache.put("k", b"v")
        assert time.monotonic() - began < 30  # one that waited for an answer: 60 s
        assert not await redis_cache.ping()
        server.start()
        async with asyncio.timeout(60):
            while await redis_cache.get("k") is None:
                await redis_cache.put("k", b"again")
                await asyncio.sleep(0.02)
    assert [line["event"] for line in logs] == ["redis.lost", "redis.returned"]
    assert counted(metrics, "langgraph_cache_requests_total", outcome="error") >= 50


async def test_behind_a_black_hole_one_look_up_waits_and_the_others_go_on(
    server: RedisServer, client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TcpProxy(server.address) as proxy:
        async with open_cache(server.url(via=proxy.address), ttl_s=TTL_S, max_entries=ENTRIES) as cache:
            await cache.put("k", b"v")
            assert await cache.get("k") == b"v"
            proxy.pause()
            with monkeypatch.context() as patch:
                patch.setattr(adapter, "CALL_S", 0.3)
                assert await cache.get("k") is None
            while not cache._redis._outage.has_rested:  # noqa: ASYNC110 - only time ends it
                await asyncio.sleep(0.01)
            asking = [asyncio.create_task(cache.get("k")) for _ in range(20)]
            async with asyncio.timeout(30):  # a wait of its own: 60 s
                while sum(task.done() for task in asking) < len(asking) - 1:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert [task.result() for task in asking if task.done()] == [None] * 19
            proxy.heal()
            assert sorted(map(str, await asyncio.gather(*asking))) == [*["None"] * 19, "b'v'"]


# Sessions


async def test_a_session_is_known_until_it_is_ended(sessions: Sessions) -> None:
    assert await sessions.get("h") is None
    assert await sessions.create("h", b"who", ttl_s=TTL_S)
    assert not await sessions.create("h", b"other", ttl_s=TTL_S)
    assert await sessions.get("h") == b"who"
    assert await sessions.delete("h")
    assert await sessions.get("h") is None
    assert await sessions.delete("h")
    assert await sessions.ping()


async def test_a_session_lasts_as_long_as_it_is_touched(sessions: Sessions) -> None:
    for ttl_s in (0.1, 1.0, 10.0):  # a busy machine may be too late for a short one
        await sessions.create("touched", b"v", ttl_s=ttl_s)
        if await sessions.touch("touched", ttl_s=TTL_S):
            break
    await sessions.create("left", b"v", ttl_s=0.1)
    async with asyncio.timeout(30):
        while await sessions.get("left") is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert await sessions.get("touched") == b"v"
    assert not await sessions.touch("left", ttl_s=TTL_S)
    assert await sessions.create("left", b"anew", ttl_s=TTL_S)


async def test_without_redis_nobody_is_logged_out_and_nothing_else_is_raised(
    server: RedisServer, client: Redis, redis_sessions: Sessions
) -> None:
    await redis_sessions.create("h", b"v", ttl_s=TTL_S)
    server.stop()
    with pytest.raises(DependencyUnavailable):
        await redis_sessions.get("h")
    assert not await redis_sessions.create("i", b"v", ttl_s=TTL_S)
    assert not await redis_sessions.touch("h", ttl_s=TTL_S)
    assert not await redis_sessions.delete("h")
    assert not await redis_sessions.ping()


# Remembered answers


class Purse:
    """A budget guard that counts reservations."""

    def __init__(self) -> None:
        self.reserved = 0

    async def reserve(self, *, tokens: int, cost: float) -> str:
        self.reserved += 1
        return str(self.reserved)

    async def settle(self, reservation: str, spent: Cost) -> None:
        assert int(reservation) <= self.reserved


@pytest.fixture
def endpoint() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        yield running


@asynccontextmanager
async def gateway_with(
    cache: Cache | None, endpoint: OpenAIServer, **overrides: Any
) -> AsyncIterator[Gateway]:
    values = {"llm_model": "main", "llm_base_url": endpoint.base_url, "llm_api_key": "sk-x", **overrides}
    gateway = Gateway(Settings.load({}, **values), clock=SystemClock(), cache=cache)
    try:
        yield gateway
    finally:
        await gateway.close()


def question(content: str = "Which city?", **options: Any) -> ModelRequest:
    return ModelRequest(
        **{"agent": "writer", "messages": (ModelMessage(role="user", content=content),), **options}
    )


async def ask(model: Model, request: ModelRequest) -> tuple[str, bool]:
    reply = await model.complete(request, budget=Purse())
    return reply.text, reply.is_cached


async def test_a_later_run_of_the_tenant_gets_the_answer_for_nothing(
    cache: Cache, endpoint: OpenAIServer
) -> None:
    endpoint.add(json_text({"city": "Paris"}))
    purse, heard = Purse(), []
    async with gateway_with(cache, endpoint) as gateway:
        first = await gateway.remembering("a").complete(question(schema=SCHEMA), budget=purse)
        again = await gateway.remembering("a").complete(
            question(schema=SCHEMA, agent="reviewer"), budget=purse, on_delta=heard.append
        )
    assert (first.is_cached, again.is_cached) == (False, True)
    assert (again.text, again.data, again.model) == (first.text, {"city": "Paris"}, "main")
    assert again.cost == Cost()
    assert "".join(heard) == again.text
    assert purse.reserved == 1
    assert len(endpoint.requests) == 1


async def test_another_tenant_or_another_question_never_gets_it(cache: Cache, endpoint: OpenAIServer) -> None:
    endpoint.add(*(text(str(number)) for number in range(6)))
    async with gateway_with(cache, endpoint) as gateway:
        answers = [
            await ask(gateway.remembering("a"), question()),
            await ask(gateway.remembering("b"), question()),
            await ask(gateway.remembering("a"), question("Which city? ")),
            await ask(gateway.remembering("a"), question(max_output_tokens=7)),
        ]
    async with gateway_with(cache, endpoint, llm_model="other") as gateway:
        answers.append(await ask(gateway.remembering("a"), question()))
    assert answers == [(str(number), False) for number in range(5)]


async def test_who_asks_again_in_one_run_gets_another_answer_which_is_then_remembered(
    cache: Cache, endpoint: OpenAIServer
) -> None:
    endpoint.add(text("first"), text("second"))
    async with gateway_with(cache, endpoint) as gateway:
        run = gateway.remembering("a")
        assert await ask(run, question()) == ("first", False)
        assert await ask(run, question()) == ("second", False)
        assert await ask(gateway.remembering("a"), question()) == ("second", True)


async def test_only_what_is_asked_at_temperature_zero_is_remembered(
    cache: Cache, endpoint: OpenAIServer
) -> None:
    endpoint.add(text("one"), text("two"))
    async with gateway_with(cache, endpoint) as gateway:
        for answer in ("one", "two"):
            assert await ask(gateway.remembering("a"), question(temperature=0.5)) == (answer, False)


async def test_without_a_cache_every_question_goes_out(endpoint: OpenAIServer) -> None:
    endpoint.add(text("one"), text("two"))
    async with gateway_with(None, endpoint) as gateway:
        for answer in ("one", "two"):
            assert await ask(gateway.remembering("a"), question()) == (answer, False)


async def test_the_fallbacks_answer_is_not_remembered_as_the_models_own(
    cache: Cache, endpoint: OpenAIServer
) -> None:
    endpoint.add(failure(500), text("of the fallback"), text("of the model"))
    async with gateway_with(cache, endpoint, llm_fallback_model="spare", llm_max_retries=0) as gateway:
        assert await ask(gateway.remembering("a"), question()) == ("of the fallback", False)
        assert await ask(gateway.remembering("a"), question()) == ("of the model", False)
        assert await ask(gateway.remembering("a"), question()) == ("of the model", True)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"text": 3}', orjson.dumps({"text": "no JSON"})])
async def test_what_the_cache_holds_is_checked_like_an_answer(
    redis_cache: RedisCache, client: Redis, endpoint: OpenAIServer, body: bytes
) -> None:
    endpoint.add(json_text({"city": "Paris"}), json_text({"city": "Rome"}))
    async with gateway_with(redis_cache, endpoint) as gateway:
        await ask(gateway.remembering("a"), question(schema=SCHEMA))
        [key] = await client.keys(PREFIX + "*")
        await client.set(key, body)
        reply = await gateway.remembering("a").complete(question(schema=SCHEMA), budget=Purse())
    assert (reply.data, reply.is_cached) == ({"city": "Rome"}, False)
