"""The gateway against a real HTTP endpoint: what is asked, retried, repaired, paid and refused."""

import asyncio
import random
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import structlog
from tests.support.openai_server import (
    OpenAIServer,
    Reply,
    failure,
    hanging,
    json_text,
    rate_limited,
    text,
    web_page,
)

from langgraph_multi_agent.domain.errors import (
    BudgetExceeded,
    ModelAnswerInvalid,
    ModelRequired,
    ModelUnavailable,
    SettingsUnsafe,
)
from langgraph_multi_agent.domain.ports import ModelMessage, ModelRequest
from langgraph_multi_agent.domain.task import Cost
from langgraph_multi_agent.models import Gateway, providers
from langgraph_multi_agent.models.breaker import FAILURES_TO_OPEN, REST_S
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.telemetry.metrics import Metrics

KEY = "sk-canary-0123456789"
PROMPT = "What is the capital? canary-prompt"
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "size": {"type": "integer"}},
    "required": ["city"],
    "additionalProperties": False,
}


class Time:
    """A clock that moves only when somebody sleeps; real time-outs still run beside it."""

    def __init__(self) -> None:
        self.start = datetime(2026, 11, 22, 12, tzinfo=UTC)
        self.passed = 0.0
        self.sleeps: list[float] = []

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.passed += seconds
        await asyncio.sleep(0)


class RunningTime(Time):
    """Moves by itself too, where a real time-out must use up the deadline."""

    def monotonic(self) -> float:
        return self.passed + time.monotonic()


class Purse:
    """A budget guard that remembers; `limit` is in tokens."""

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self.reserved: list[tuple[int, float]] = []
        self.settled: dict[str, Cost] = {}

    async def reserve(self, *, tokens: int, cost: float) -> str:
        spent = sum(c.input_tokens + c.output_tokens for c in self.settled.values())
        if self.limit is not None and spent + tokens > self.limit:
            raise BudgetExceeded(limit=self.limit)
        self.reserved.append((tokens, cost))
        return str(len(self.reserved))

    async def settle(self, reservation: str, spent: Cost) -> None:
        assert reservation not in self.settled
        self.settled[reservation] = spent


Open = Callable[..., Awaitable[Gateway]]


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        yield running


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def purse() -> Purse:
    return Purse()


@asynccontextmanager
async def gateway_for(
    server: OpenAIServer | str,
    clock: Time,
    *,
    metrics: Metrics | None = None,
    uniform: Callable[[float, float], float] = lambda low, high: high,
    **overrides: Any,
) -> AsyncIterator[Gateway]:
    base_url = server if isinstance(server, str) else server.base_url
    values = {"llm_model": "main", "llm_base_url": base_url, "llm_api_key": KEY, **overrides}
    gateway = Gateway(
        Settings.load({}, **values), clock=clock, metrics=metrics, sleep=clock.sleep, uniform=uniform
    )
    try:
        yield gateway
    finally:
        await gateway.close()


def question(**options: Any) -> ModelRequest:
    return ModelRequest(
        **{"agent": "writer", "messages": (ModelMessage(role="user", content=PROMPT),), **options}
    )


async def test_text_comes_back_with_its_cost(server: OpenAIServer, clock: Time, purse: Purse) -> None:
    server.add(text("Lisboa", usage=(100, 20)))
    async with gateway_for(server, clock, llm_price_input=2.0, llm_price_output=10.0) as gateway:
        reply = await gateway.complete(question(max_output_tokens=64), budget=purse)
    assert (reply.text, reply.data, reply.model) == ("Lisboa", None, "main")
    assert reply.cost == Cost(input_tokens=100, output_tokens=20, cost=0.0004, model_calls=1)
    assert purse.settled == {"1": reply.cost}
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert (request.body["max_tokens"], request.body["temperature"]) == (64, 0.0)
    assert "response_format" not in request.body


async def test_each_agent_may_have_its_own_model(server: OpenAIServer, clock: Time, purse: Purse) -> None:
    server.add(text("a"), text("b"))
    async with gateway_for(server, clock, llm_models={"reviewer": "strict"}) as gateway:
        await gateway.complete(question(agent="writer"), budget=purse)
        reply = await gateway.complete(question(agent="reviewer"), budget=purse)
    assert [request.model for request in server.requests] == ["main", "strict"]
    assert reply.model == "strict"


async def test_a_schema_is_sent_both_ways_and_the_answer_checked(
    server: OpenAIServer, clock: Time, purse: Purse
) -> None:
    server.add(json_text({"city": "里斯本", "size": 3}))
    async with gateway_for(server, clock) as gateway:
        reply = await gateway.complete(question(schema=SCHEMA), budget=purse)
    assert reply.data == {"city": "里斯本", "size": 3}
    body = server.requests[0].body
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert body["messages"][0]["role"] == "system"
    assert '"additionalProperties": false' in body["messages"][0]["content"]


@pytest.mark.parametrize(
    "wrapped",
    [
        json_text({"city": "Lisboa"}, fenced=True),
        text('Sure! {"city": "Lisboa"} Anything else?'),
        text('<think>maybe {"city": "Porto"}</think>\n{"city": "Lisboa"}'),
        text('\ufeff{"city": "Lisboa"}'),
    ],
)
async def test_json_is_found_in_what_models_wrap_it(
    server: OpenAIServer, clock: Time, purse: Purse, wrapped: Reply
) -> None:
    server.add(wrapped)
    async with gateway_for(server, clock) as gateway:
        reply = await gateway.complete(question(schema=SCHEMA), budget=purse)
    assert reply.data == {"city": "Lisboa"}
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (text('{"city": "Lisboa"'), "not valid JSON"),
        (text('{"city": NaN}'), "NaN is no JSON number"),
        (json_text({"city": 7}), "$.city: 7 is not of type 'string'"),
        (json_text({"size": 7}), "'city' is a required property"),
        (json_text({"city": "Lisboa"}, finish_reason="length"), "cut off at 2048 tokens"),
        (text("  "), "it is empty"),
    ],
)
async def test_a_bad_answer_is_repaired_once(
    server: OpenAIServer, clock: Time, purse: Purse, bad: Reply, told: str
) -> None:
    server.add(bad, json_text({"city": "Lisboa"}))
    async with gateway_for(server, clock) as gateway:
        reply = await gateway.complete(question(schema=SCHEMA), budget=purse)
    assert reply.data == {"city": "Lisboa"}
    assert reply.cost.model_calls == len(purse.settled) == 2
    assert reply.cost.input_tokens == 22
    repair = server.requests[1].body["messages"]
    assert repair[-1]["role"] == "user"
    assert told in repair[-1]["content"]
    assert PROMPT in server.requests[1].prompt


async def test_a_second_bad_answer_is_a_fault(server: OpenAIServer, clock: Time, purse: Purse) -> None:
    server.add(text("no"), text("still no"), json_text({"city": "too late"}))
    async with gateway_for(server, clock, llm_fallback_model="spare") as gateway:
        with pytest.raises(ModelAnswerInvalid) as caught:
            await gateway.complete(question(schema=SCHEMA), budget=purse)
    assert caught.value.params["reason"] == "not_json"
    assert len(server.requests) == 2


async def test_a_refusal_is_not_argued_with(server: OpenAIServer, clock: Time, purse: Purse) -> None:
    server.add(text("", finish_reason="content_filter"))
    async with gateway_for(server, clock) as gateway:
        with pytest.raises(ModelAnswerInvalid) as caught:
            await gateway.complete(question(), budget=purse)
    assert caught.value.params["reason"] == "refused"
    assert len(server.requests) == 1


async def test_text_cut_off_by_its_length_is_never_passed_on(
    server: OpenAIServer, clock: Time, purse: Purse
) -> None:
    server.add(text("The capital is", finish_reason="length"), text("Lis", finish_reason="length"))
    async with gateway_for(server, clock) as gateway:
        with pytest.raises(ModelAnswerInvalid) as caught:
            await gateway.complete(question(), budget=purse)
    assert caught.value.params["reason"] == "truncated"


async def test_retry_after_seconds_are_waited(server: OpenAIServer, clock: Time, purse: Purse) -> None:
    server.add(rate_limited("7"), text("ok"))
    async with gateway_for(server, clock, uniform=lambda low, high: low) as gateway:
        assert (await gateway.complete(question(), budget=purse)).text == "ok"
    assert clock.sleeps == [7.0]
    assert [cost.input_tokens for cost in purse.settled.values()] == [0, 11]


async def test_retry_after_dates_are_waited_for(server: OpenAIServer, clock: Time, purse: Purse) -> None:
    server.add(rate_limited(format_datetime(clock.start + timedelta(seconds=9), usegmt=True)), text("ok"))
    async with gateway_for(server, clock, uniform=lambda low, high: low) as gateway:
        await gateway.complete(question(), budget=purse)
    assert clock.sleeps == [9.0]


async def test_a_wait_beyond_the_deadline_is_not_begun(
    server: OpenAIServer, clock: Time, purse: Purse
) -> None:
    server.add(rate_limited("3600"))
    async with gateway_for(server, clock) as gateway:
        with pytest.raises(ModelUnavailable) as caught:
            await gateway.complete(question(), budget=purse)
    assert (caught.value.params["reason"], clock.sleeps) == ("rate_limited", [])


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529, 408])
async def test_server_errors_are_retried(
    server: OpenAIServer, clock: Time, purse: Purse, status: int
) -> None:
    server.add(failure(status), failure(status), text("ok"))
    async with gateway_for(server, clock) as gateway:
        reply = await gateway.complete(question(), budget=purse)
    assert (reply.text, reply.cost.model_calls) == ("ok", 3)
    assert clock.sleeps == [0.5, 1.0]


async def test_retries_end(server: OpenAIServer, clock: Time, purse: Purse) -> None:
    server.add(*[failure(503)] * 9)
    async with gateway_for(server, clock, llm_max_retries=2) as gateway:
        with pytest.raises(ModelUnavailable) as caught:
            await gateway.complete(question(), budget=purse)
    assert caught.value.params["reason"] == "server"
    assert caught.value.params["attempts"] == len(server.requests) == 3


async def test_one_deadline_spans_all_retries(server: OpenAIServer, clock: Time, purse: Purse) -> None:
    server.add(*[rate_limited("4")] * 20)
    async with gateway_for(server, clock, llm_timeout=10.0, llm_max_retries=20) as gateway:
        with pytest.raises(ModelUnavailable):
            await gateway.complete(question(), budget=purse)
    assert clock.passed < 10
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("status", "reason", "setting"),
    [
        (400, "rejected", "LLM_MODEL"),
        (401, "unauthorized", "LLM_API_KEY"),
        (403, "unauthorized", "LLM_API_KEY"),
        (404, "not_found", "LLM_MODEL"),
        (402, "quota", "LLM_API_KEY"),
    ],
)
async def test_what_the_operator_must_mend_fails_at_once(
    server: OpenAIServer, clock: Time, purse: Purse, status: int, reason: str, setting: str
) -> None:
    server.add(failure(status, f"wrong: {KEY}"))
    async with gateway_for(server, clock, llm_fallback_model="spare") as gateway:
        with pytest.raises(ModelUnavailable) as caught:
            await gateway.complete(question(), budget=purse)
    assert (caught.value.params["reason"], caught.value.params["setting"]) == (reason, setting)
    assert len(server.requests) == 1
    assert "wrong: [redacted]" in caught.value.params["detail"]
    assert KEY not in str(caught.value)


async def test_an_empty_account_is_not_a_rate_limit(server: OpenAIServer, clock: Time, purse: Purse) -> None:
    server.add(failure(429, "pay first", code="insufficient_quota"))
    async with gateway_for(server, clock) as gateway:
        with pytest.raises(ModelUnavailable) as caught:
            await gateway.complete(question(), budget=purse)
    assert caught.value.params["reason"] == "quota"


async def test_nobody_listening_is_retried_and_named(clock: Time, purse: Purse) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with gateway_for(
            f"http://127.0.0.1:{taken.getsockname()[1]}/v1", clock, llm_max_retries=1
        ) as gateway:
            with pytest.raises(ModelUnavailable) as caught:
                await gateway.complete(question(), budget=purse)
    assert caught.value.params["reason"] == "connect"
    assert caught.value.params["setting"] == "LLM_BASE_URL"
    assert caught.value.params["attempts"] == 2


async def test_a_web_page_is_no_answer(server: OpenAIServer, clock: Time, purse: Purse) -> None:
    server.add(web_page(), web_page())
    async with gateway_for(server, clock, llm_max_retries=1) as gateway:
        with pytest.raises(ModelUnavailable) as caught:
            await gateway.complete(question(), budget=purse)
    assert (caught.value.params["reason"], caught.value.params["setting"]) == ("not_json", "LLM_BASE_URL")
    assert len(server.requests) == 2


async def test_a_body_that_is_not_json_is_retried(server: OpenAIServer, clock: Time, purse: Purse) -> None:
    server.add(Reply(raw=b'{"choices": [{"mess'), Reply(raw=b'{"choices": null}'), text("ok"))
    async with gateway_for(server, clock) as gateway:
        assert (await gateway.complete(question(), budget=purse)).text == "ok"
    assert len(server.requests) == 3


async def test_a_connection_dropped_half_way_is_retried(
    server: OpenAIServer, clock: Time, purse: Purse
) -> None:
    server.add(text("a long answer that is cut", cut="drop"), text("whole"))
    async with gateway_for(server, clock) as gateway:
        reply = await gateway.complete(question(max_output_tokens=50), budget=purse)
    assert reply.text == "whole"
    assert purse.settled["1"].output_tokens == 50


async def test_a_hanging_endpoint_costs_the_deadline_and_the_reservation(
    server: OpenAIServer, clock: Time, purse: Purse
) -> None:
    server.add(text("warm"), hanging())
    async with gateway_for(server, clock, llm_timeout=20.0) as warm:
        await warm.complete(question(), budget=purse)
    async with gateway_for(server, clock, llm_timeout=0.4) as gateway:
        with pytest.raises(ModelUnavailable) as caught:
            await gateway.complete(question(max_output_tokens=10), budget=purse)
    assert (caught.value.params["reason"], caught.value.params["setting"]) == ("timeout", "LLM_TIMEOUT")
    spent = purse.settled["2"]
    assert spent.input_tokens + spent.output_tokens == purse.reserved[1][0]


async def test_a_stream_is_told_piece_by_piece(server: OpenAIServer, clock: Time, purse: Purse) -> None:
    words = "streaming works in several pieces 流式输出"
    server.add(text(words, usage=(30, 12)))
    deltas: list[str] = []
    async with gateway_for(server, clock) as gateway:
        reply = await gateway.complete(question(), budget=purse, on_delta=deltas.append)
    assert reply.text == "".join(deltas) == words
    assert len(deltas) > 2
    assert (reply.cost.input_tokens, reply.cost.output_tokens) == (30, 12)
    assert server.requests[0].is_stream


@pytest.mark.parametrize("cut", ["drop", "silent"])
async def test_a_cut_stream_is_noticed_and_retried(
    server: OpenAIServer, clock: Time, purse: Purse, cut: Any
) -> None:
    server.add(text("half of this will be missing", cut=cut), text("all of it"))
    async with gateway_for(server, clock) as gateway:
        reply = await gateway.complete(question(), budget=purse, on_delta=lambda delta: None)
    assert reply.text == "all of it"
    assert len(server.requests) == 2
    assert purse.settled["1"].output_tokens == 2048


async def test_a_stream_that_stalls_ends_at_the_deadline(
    server: OpenAIServer, clock: Time, purse: Purse
) -> None:
    server.add(text("warm"), text("half of this will be missing", cut="stall"))
    deltas: list[str] = []
    async with gateway_for(server, clock, llm_timeout=20.0) as warm:
        await warm.complete(question(), budget=purse)
    async with gateway_for(server, clock, llm_timeout=5.0) as gateway:
        with pytest.raises(ModelUnavailable) as caught:
            await gateway.complete(question(), budget=purse, on_delta=deltas.append)
    assert caught.value.params["reason"] == "timeout"
    assert deltas


async def test_a_stream_without_any_piece_is_retried(server: OpenAIServer, clock: Time, purse: Purse) -> None:
    server.add(Reply(raw=b"", content_type="text/event-stream"), text("ok"))
    async with gateway_for(server, clock) as gateway:
        reply = await gateway.complete(question(), budget=purse, on_delta=lambda delta: None)
    assert reply.text == "ok"


async def test_a_watcher_that_fails_does_not_fail_the_answer(
    server: OpenAIServer, clock: Time, purse: Purse
) -> None:
    def broken(delta: str) -> None:
        raise RuntimeError("the watcher is gone")

    server.add(text("an answer in pieces"))
    async with gateway_for(server, clock) as gateway:
        reply = await gateway.complete(question(), budget=purse, on_delta=broken)
    assert reply.text == "an answer in pieces"
    assert len(server.requests) == 1


async def test_the_fallback_answers_when_retries_are_used_up(
    server: OpenAIServer, clock: Time, purse: Purse
) -> None:
    server.add(failure(500), failure(500), text("from the spare"))
    async with gateway_for(server, clock, llm_fallback_model="spare", llm_max_retries=1) as gateway:
        reply = await gateway.complete(question(), budget=purse)
    assert (reply.text, reply.model) == ("from the spare", "spare")
    assert [request.model for request in server.requests] == ["main", "main", "spare"]


async def test_a_hanging_primary_leaves_time_for_the_fallback(purse: Purse) -> None:
    clock = RunningTime()

    def policy(request: Any) -> Reply:
        return hanging() if request.model == "main" else text("from the spare")

    with OpenAIServer([text("warm"), text("warm")], policy=policy) as server:
        async with gateway_for(
            server, clock, llm_fallback_model="spare", llm_models={"reader": "spare"}, llm_timeout=15.0
        ) as gateway:
            await gateway.complete(question(), budget=purse)
            await gateway.complete(question(agent="reader"), budget=purse)
            reply = await gateway.complete(question(), budget=purse)
    assert reply.model == "spare"


async def test_an_open_circuit_sends_nothing_until_one_probe_succeeds(
    server: OpenAIServer, clock: Time, purse: Purse
) -> None:
    server.add(*[failure(500)] * FAILURES_TO_OPEN)
    async with gateway_for(server, clock, llm_max_retries=0) as gateway:
        for _ in range(FAILURES_TO_OPEN):
            with pytest.raises(ModelUnavailable):
                await gateway.complete(question(), budget=purse)
        with pytest.raises(ModelUnavailable) as caught:
            await gateway.complete(question(), budget=purse)
        assert caught.value.params["reason"] == "circuit_open"
        assert len(server.requests) == FAILURES_TO_OPEN
        assert len(purse.reserved) == FAILURES_TO_OPEN
        clock.passed += REST_S
        server.add(text("well again"), text("and again"))
        assert (await gateway.complete(question(), budget=purse)).text == "well again"
        assert (await gateway.complete(question(), budget=purse)).text == "and again"


async def test_an_open_circuit_goes_straight_to_the_fallback(
    server: OpenAIServer, clock: Time, purse: Purse
) -> None:
    server.add(*[failure(500)] * FAILURES_TO_OPEN, text("spare"), text("spare"))
    async with gateway_for(
        server, clock, llm_fallback_model="spare", llm_max_retries=FAILURES_TO_OPEN - 1
    ) as gateway:
        await gateway.complete(question(), budget=purse)
        await gateway.complete(question(), budget=purse)
    assert [request.model for request in server.requests[-2:]] == ["spare", "spare"]


async def test_rate_limits_do_not_open_the_circuit(server: OpenAIServer, clock: Time, purse: Purse) -> None:
    server.add(*[rate_limited("0")] * (FAILURES_TO_OPEN + 1), text("ok"))
    async with gateway_for(server, clock, llm_max_retries=FAILURES_TO_OPEN + 1) as gateway:
        assert (await gateway.complete(question(), budget=purse)).text == "ok"


async def test_without_budget_nothing_is_sent(server: OpenAIServer, clock: Time) -> None:
    async with gateway_for(server, clock) as gateway:
        with pytest.raises(BudgetExceeded):
            await gateway.complete(question(max_output_tokens=100), budget=Purse(limit=100))
    assert server.requests == []


async def test_a_retry_needs_budget_of_its_own(server: OpenAIServer, clock: Time) -> None:
    server.add(text("cut in the middle of it", cut="drop"), text("never asked for"))
    purse = Purse(limit=150)
    async with gateway_for(server, clock) as gateway:
        with pytest.raises(BudgetExceeded):
            await gateway.complete(question(max_output_tokens=100), budget=purse)
    assert len(server.requests) == 1


async def test_unknown_usage_counts_as_reserved(server: OpenAIServer, clock: Time, purse: Purse) -> None:
    server.add(text("ok", usage=None))
    async with gateway_for(server, clock, llm_price_output=1.0) as gateway:
        reply = await gateway.complete(question(max_output_tokens=500), budget=purse)
    tokens, cost = purse.reserved[0]
    assert reply.cost.input_tokens + reply.cost.output_tokens == tokens
    assert reply.cost.cost == cost == 500 / 1_000_000


async def test_the_reservation_covers_what_a_prompt_really_takes(
    server: OpenAIServer, clock: Time, purse: Purse
) -> None:
    server.add(text("ok"))
    message = ModelMessage(role="user", content="请分析这份数据的趋势" * 100)
    async with gateway_for(server, clock) as gateway:
        await gateway.complete(question(messages=(message,), max_output_tokens=10), budget=purse)
    assert purse.reserved[0][0] >= len(message.content) + 10


async def test_a_cancelled_call_stays_reserved_and_blocks_nobody(
    server: OpenAIServer, clock: Time, purse: Purse
) -> None:
    server.add(hanging(), text("ok"))
    async with gateway_for(server, clock) as gateway:
        running = asyncio.create_task(gateway.complete(question(), budget=purse))
        assert await asyncio.to_thread(server.wait_for_requests, 1, 30.0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert (len(purse.reserved), purse.settled) == (1, {})
        assert (await gateway.complete(question(), budget=purse)).text == "ok"


async def test_a_cancelled_probe_lets_the_next_one_through(
    server: OpenAIServer, clock: Time, purse: Purse
) -> None:
    server.add(*[failure(500)] * FAILURES_TO_OPEN, hanging(), text("ok"))
    async with gateway_for(server, clock, llm_max_retries=0) as gateway:
        for _ in range(FAILURES_TO_OPEN):
            with pytest.raises(ModelUnavailable):
                await gateway.complete(question(), budget=purse)
        clock.passed += REST_S
        probe = asyncio.create_task(gateway.complete(question(), budget=purse))
        assert await asyncio.to_thread(server.wait_for_requests, FAILURES_TO_OPEN + 1, 30.0)
        with pytest.raises(ModelUnavailable) as caught:
            await gateway.complete(question(), budget=purse)
        assert caught.value.params["reason"] == "circuit_open"
        probe.cancel()
        with pytest.raises(asyncio.CancelledError):
            await probe
        assert (await gateway.complete(question(), budget=purse)).text == "ok"


@pytest.mark.parametrize(
    ("feature", "words", "is_stream"),
    [
        ("response_format", "Unknown parameter: response_format", False),
        ("temperature", "Unsupported value: 'temperature' does not support 0", False),
        ("stream_options", "stream_options is not permitted", True),
    ],
)
async def test_a_feature_that_the_endpoint_does_not_know_is_left_out_from_then_on(
    server: OpenAIServer, clock: Time, purse: Purse, feature: str, words: str, is_stream: bool
) -> None:
    good = json_text({"city": "Lisboa"})
    server.add(failure(400, words), good, good)
    watch = (lambda delta: None) if is_stream else None
    async with gateway_for(server, clock, llm_max_retries=0) as gateway:
        for _ in range(2):
            reply = await gateway.complete(question(schema=SCHEMA), budget=purse, on_delta=watch)
            assert reply.data == {"city": "Lisboa"}
    assert [feature in request.body for request in server.requests] == [True, False, False]


async def test_neither_prompt_nor_key_is_logged(
    server: OpenAIServer, clock: Time, purse: Purse, caplog: pytest.LogCaptureFixture
) -> None:
    server.add(rate_limited("1"), text("no json"), text("canary-answer"), failure(401, f"bad key {KEY}"))
    with structlog.testing.capture_logs() as records, caplog.at_level("INFO"):
        async with gateway_for(server, clock) as gateway:
            with pytest.raises(ModelAnswerInvalid):
                await gateway.complete(question(schema=SCHEMA), budget=purse)
            with pytest.raises(ModelUnavailable):
                await gateway.complete(question(), budget=purse)
    assert {"model.retried", "model.called", "model.answer_invalid"} <= {r["event"] for r in records}
    written = repr(records) + caplog.text
    assert "canary" not in written


async def test_calls_tokens_and_cost_are_counted(server: OpenAIServer, clock: Time, purse: Purse) -> None:
    metrics = Metrics()
    server.add(failure(500), rate_limited("0"), text("ok", usage=(10, 5)), failure(401))
    async with gateway_for(server, clock, metrics=metrics, llm_price_input=1e6) as gateway:
        await gateway.complete(question(), budget=purse)
        with pytest.raises(ModelUnavailable):
            await gateway.complete(question(), budget=purse)

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(name, labels)

    outcomes = ("ok", "server", "rate_limited", "rejected", "cut")
    assert [value("langgraph_llm_calls_total", outcome=o) for o in outcomes] == [1, 1, 1, 1, 0]
    assert value("langgraph_llm_tokens_total", direction="input", model="main") == 10
    assert value("langgraph_llm_cost_total") == 10


async def test_many_answers_at_once_do_not_mix(clock: Time, purse: Purse) -> None:
    with OpenAIServer(policy=lambda request: text(request.prompt[::-1])) as server:
        async with gateway_for(server, clock) as gateway:
            prompts = [f"question {number}" for number in range(20)]
            replies = await asyncio.gather(
                *(
                    gateway.complete(
                        question(messages=(ModelMessage(role="user", content=prompt),)),
                        budget=purse,
                        on_delta=(lambda delta: None) if number % 2 else None,
                    )
                    for number, prompt in enumerate(prompts)
                )
            )
    assert [reply.text[::-1] for reply in replies] == prompts
    assert len(purse.settled) == 20


async def test_waits_are_spread_by_chance(server: OpenAIServer, clock: Time, purse: Purse) -> None:
    server.add(*[failure(500)] * 4, text("ok"))
    async with gateway_for(server, clock, uniform=random.Random(7).uniform) as gateway:
        await gateway.complete(question(), budget=purse)
    assert len(set(clock.sleeps)) == 4
    assert all(wait <= 0.5 * 2**attempt for attempt, wait in enumerate(clock.sleeps))


async def test_anthropic_speaks_its_own_protocol(server: OpenAIServer, clock: Time, purse: Purse) -> None:
    server.add(
        failure(529), json_text({"city": "Lisboa"}, usage=(40, 9)), text("in several pieces", usage=(5, 6))
    )
    deltas: list[str] = []
    async with gateway_for(server.root_url, clock, llm_provider="anthropic") as gateway:
        reply = await gateway.complete(question(schema=SCHEMA), budget=purse)
        streamed = await gateway.complete(question(), budget=purse, on_delta=deltas.append)
    assert reply.data == {"city": "Lisboa"}
    assert (reply.cost.input_tokens, reply.cost.output_tokens, reply.cost.model_calls) == (40, 9, 2)
    assert streamed.text == "".join(deltas) == "in several pieces"
    assert (streamed.cost.input_tokens, streamed.cost.output_tokens) == (5, 6)
    assert {request.path for request in server.requests} == {"/v1/messages"}
    headers = server.requests[0].headers
    assert KEY in {headers.get("x-api-key"), headers.get("authorization", "").removeprefix("Bearer ")}


@pytest.mark.parametrize("cut", ["drop", "silent"])
async def test_a_cut_anthropic_stream_is_retried(
    server: OpenAIServer, clock: Time, purse: Purse, cut: Any
) -> None:
    server.add(text("half of this will be missing", cut=cut), text("all of it"))
    async with gateway_for(server.root_url, clock, llm_provider="anthropic") as gateway:
        reply = await gateway.complete(question(), budget=purse, on_delta=lambda delta: None)
    assert reply.text == "all of it"


def test_a_provider_that_is_not_installed_is_refused_by_name(
    clock: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "find_spec", lambda name: None)
    with pytest.raises(SettingsUnsafe) as caught:
        Gateway(Settings.load({}, llm_provider="anthropic", llm_model="m"), clock=clock)
    assert caught.value.params["setting"] == "LLM_PROVIDER"


def test_without_a_model_there_is_no_gateway(clock: Time) -> None:
    with pytest.raises(ModelRequired):
        Gateway(Settings.load({}), clock=clock)


def test_the_libraries_are_not_imported_before_the_first_call() -> None:
    script = """
import sys
from langgraph_multi_agent.domain.clock import SystemClock
from langgraph_multi_agent.models import Gateway
from langgraph_multi_agent.settings import Settings
Gateway(Settings.load({"LLM_MODEL": "m"}), clock=SystemClock())
heavy = {"openai", "langchain_openai", "langchain_core", "anthropic", "jsonschema", "tiktoken"}
print(sorted(heavy & set(sys.modules)))
"""
    paths = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=paths, timeout=60
    )
    assert done.stdout.strip() == "[]"
