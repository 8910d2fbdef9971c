"""The one door to language models: deadline, retries, fallback, breaker, budget, repair.

Hides how often and which models are really asked; the engine calls `complete` and gets an answer or
one of three faults. This is the only retrier of the wire. Invariants: one deadline (LLM_TIMEOUT)
spans everything an answer takes; no call goes out without a reservation; prompts and keys are never
logged.
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from langgraph_multi_agent.domain.errors import ModelAnswerInvalid, ModelRequired, ModelUnavailable
from langgraph_multi_agent.domain.ports import (
    BudgetGuard,
    Cache,
    Clock,
    Model,
    ModelMessage,
    ModelReply,
    ModelRequest,
)
from langgraph_multi_agent.domain.task import Cost
from langgraph_multi_agent.models.backoff import Uniform, retry_after_s, wait_s
from langgraph_multi_agent.models.breaker import Breaker, Pass
from langgraph_multi_agent.models.providers import open_provider
from langgraph_multi_agent.models.recall import RecallingModel
from langgraph_multi_agent.models.structure import AnswerProblem, instructed, repaired, value_of
from langgraph_multi_agent.models.wire import (
    FINAL,
    RETRIED,
    SETTING_TO_CHECK,
    SICK,
    UNBILLED,
    Answer,
    Ask,
    FaultKind,
    Provider,
    WireFault,
)
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.telemetry.metrics import Metrics
from langgraph_multi_agent.telemetry.redaction import Redactor, redacted

PRIMARY_SHARE = 0.6
"""Of the deadline, where there is a fallback: a primary that hangs must leave it time."""
BYTES_PER_TOKEN = 3
"""A cautious estimate: about 4 in English, 3 (one character) in Chinese."""
TOKENS_PER_MESSAGE = 8
PER_MILLION = 1_000_000
MAX_DETAIL_CHARS = 300
MAX_FEATURES = 3

log = structlog.get_logger(__name__)

Sleep = Callable[[float], Awaitable[None]]
OnDelta = Callable[[str], None]


@dataclass(slots=True)
class _Call:
    """One `complete`: what it was asked, until when, and what it has spent."""

    request: ModelRequest
    budget: BudgetGuard
    on_delta: OnDelta | None
    ends_at: float
    spent: Cost = field(default_factory=Cost)
    wire_calls: int = 0


class Gateway:
    """The port `Model` over real endpoints.

    Args:
        settings: the LLM_* settings; LLM_MODEL must be set.
        clock: its monotonic time measures deadlines, its wall time reads `Retry-After` dates.
        metrics: counted into, if given.
        cache: where `remembering` keeps answers, if given.
        provider: instead of the one that the settings name.
        sleep, uniform: time and chance between attempts; tests give their own and need not wait.

    Raises:
        ModelRequired: no LLM_MODEL.
        SettingsUnsafe: the provider's library is not installed.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        metrics: Metrics | None = None,
        cache: Cache | None = None,
        provider: Provider | None = None,
        sleep: Sleep = asyncio.sleep,
        uniform: Uniform = random.uniform,
    ) -> None:
        if not settings.has_model:
            raise ModelRequired(settings="LLM_MODEL")
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._cache = cache
        self._provider = provider or open_provider(settings)
        self._sleep = sleep
        self._uniform = uniform
        self._breakers: dict[str, Breaker] = {}
        self._redactor = Redactor(settings.secrets)

    async def close(self) -> None:
        """Close connections. Calls still running end as if cut."""
        await self._provider.close()

    def remembering(self, scope: str) -> Model:
        """This gateway for one run, with the answers that runs of the same scope were given before.

        Args:
            scope: the tenant. Without a cache it is this gateway itself.
        """
        if self._cache is None:
            return self
        return RecallingModel(self, self._cache, scope=scope, identity=self._identity)

    async def complete(
        self, request: ModelRequest, *, budget: BudgetGuard, on_delta: OnDelta | None = None
    ) -> ModelReply:
        """Ask, until there is an answer that can be used or the deadline has passed.

        Args:
            request: with at least one message; roles are `system`, `user`, `assistant`.
            budget: asked before every call on the wire and told after it. A call that is cancelled is
                not settled: its reservation stays spent.
            on_delta: given the text as it streams in. After a retry or repair it starts anew, so it is
                for watchers, not for the record.

        Returns:
            The reply; its cost sums up every call that this answer took.

        Raises:
            ModelUnavailable: `reason` (a `FaultKind`), `model`, `setting` to check, `attempts`.
            ModelAnswerInvalid: `reason`, `detail`, `model`; also after one repair.
            BudgetExceeded: from the guard; nothing was sent.
        """
        call = _Call(
            request=request,
            budget=budget,
            on_delta=on_delta,
            ends_at=self._clock.monotonic() + self._settings.llm_timeout,
        )
        messages = instructed(request.messages, request.schema)
        model, answer = await self._answer(call, messages)
        try:
            data = self._value(call, answer)
        except AnswerProblem as problem:
            self._note_invalid(model, problem)
            if problem.reason == "refused":
                raise self._invalid(model, problem) from None
            model, answer = await self._answer(call, repaired(messages, answer, problem))
            try:
                data = self._value(call, answer)
            except AnswerProblem as still:
                self._note_invalid(model, still)
                raise self._invalid(model, still) from None
        return ModelReply(text=answer.text, data=data, model=model, cost=call.spent)

    async def _answer(self, call: _Call, messages: tuple[ModelMessage, ...]) -> tuple[str, Answer]:
        """From the agent's model, else from the fallback."""
        last: tuple[str, WireFault] | None = None
        for model, ends_at in self._models(call):
            try:
                return model, await self._answer_of(call, model, messages, ends_at)
            except WireFault as fault:
                last = (model, fault)
                if fault.kind in FINAL:
                    break
        if last is None:
            raise AssertionError("a gateway has at least one model")
        raise self._unavailable(call, *last) from last[1]

    def _identity(self, request: ModelRequest) -> Mapping[str, Any]:
        """Whose answer it would be: what tells apart two endpoints that are asked the same."""
        return {
            "provider": self._settings.llm_provider,
            "base_url": self._settings.llm_base_url,
            "model": self._settings.model_of(request.agent),
        }

    def _models(self, call: _Call) -> Iterator[tuple[str, float]]:
        """Each model to try with the monotonic time at which its turn ends."""
        primary = self._settings.model_of(call.request.agent)
        fallback = self._settings.llm_fallback_model
        if primary is None:
            raise ModelRequired(settings="LLM_MODEL")
        if fallback is None or fallback == primary:
            yield primary, call.ends_at
            return
        now = self._clock.monotonic()
        yield primary, now + (call.ends_at - now) * PRIMARY_SHARE
        log.warning("model.fallback", agent=call.request.agent, model=primary, fallback=fallback)
        yield fallback, call.ends_at

    async def _answer_of(
        self, call: _Call, model: str, messages: tuple[ModelMessage, ...], ends_at: float
    ) -> Answer:
        """From one model, with retries while its turn lasts.

        Raises:
            WireFault: the last one.
        """
        ask = Ask(
            model=model,
            messages=messages,
            max_output_tokens=call.request.max_output_tokens,
            temperature=call.request.temperature,
            schema=call.request.schema,
        )
        attempt = 0
        features_left_out = 0
        while True:
            try:
                return await self._admitted(call, ask, ends_at)
            except WireFault as fault:
                if fault.kind is FaultKind.UNSUPPORTED and features_left_out < MAX_FEATURES:
                    features_left_out += 1
                    continue
                if fault.kind not in RETRIED or attempt >= self._settings.llm_max_retries:
                    raise
                wait = wait_s(attempt, retry_after_s(fault.retry_after, self._clock.now()), self._uniform)
                if self._clock.monotonic() + wait >= ends_at:
                    raise
                log.info(
                    "model.retried",
                    agent=call.request.agent,
                    model=model,
                    reason=fault.kind.value,
                    status_code=fault.status,
                    attempt=attempt + 1,
                    wait_s=round(wait, 3),
                )
            await self._sleep(wait)
            attempt += 1

    async def _admitted(self, call: _Call, ask: Ask, ends_at: float) -> Answer:
        """One call through the breaker."""
        breaker = self._breakers.setdefault(ask.model, Breaker(self._clock))
        admitted = breaker.admit()
        if admitted is Pass.REFUSED:
            raise WireFault(FaultKind.CIRCUIT_OPEN)
        try:
            answer = await self._paid(call, ask, ends_at)
        except WireFault as fault:
            if fault.kind in SICK:
                breaker.failed(admitted)
            else:
                breaker.undecided(admitted)
            raise
        except BaseException:
            breaker.undecided(admitted)
            raise
        breaker.succeeded()
        return answer

    async def _paid(self, call: _Call, ask: Ask, ends_at: float) -> Answer:
        """One call on the wire, reserved before and settled after.

        A fault after which nobody knows what was spent settles the whole reservation.
        """
        reserved = self._reservation(ask)
        reservation = await call.budget.reserve(
            tokens=reserved.input_tokens + reserved.output_tokens, cost=reserved.cost
        )
        started = self._clock.monotonic()
        outcome, spent = "ok", reserved
        try:
            answer = await self._timed(ask, call.on_delta, ends_at - started)
            spent = self._spent(answer, reserved)
        except WireFault as fault:
            outcome = fault.kind.value
            if fault.kind in UNBILLED:
                spent = Cost(model_calls=1)
            await self._settle(call, ask.model, reservation, spent, outcome, started)
            raise
        await self._settle(call, ask.model, reservation, spent, outcome, started)
        return answer

    async def _timed(self, ask: Ask, on_delta: OnDelta | None, remaining_s: float) -> Answer:
        if remaining_s <= 0:
            raise WireFault(FaultKind.TIMEOUT)
        try:
            async with asyncio.timeout(remaining_s):
                return await self._provider.answer(ask, on_delta)
        except TimeoutError:
            raise WireFault(FaultKind.TIMEOUT) from None

    async def _settle(  # noqa: PLR0917
        self, call: _Call, model: str, reservation: str, spent: Cost, outcome: str, started: float
    ) -> None:
        call.wire_calls += 1
        call.spent = Cost(
            input_tokens=call.spent.input_tokens + spent.input_tokens,
            output_tokens=call.spent.output_tokens + spent.output_tokens,
            cost=call.spent.cost + spent.cost,
            model_calls=call.spent.model_calls + spent.model_calls,
        )
        duration_s = self._clock.monotonic() - started
        if self._metrics is not None:
            self._metrics.llm_call(_counted(outcome), duration_s=duration_s)
            self._metrics.llm_spent(
                model=model,
                input_tokens=spent.input_tokens,
                output_tokens=spent.output_tokens,
                cost=spent.cost,
            )
        log.debug(
            "model.called",
            agent=call.request.agent,
            model=model,
            outcome=outcome,
            duration_s=round(duration_s, 3),
            input_tokens=spent.input_tokens,
            output_tokens=spent.output_tokens,
        )
        await call.budget.settle(reservation, spent)

    def _reservation(self, ask: Ask) -> Cost:
        return self._priced(
            Cost(
                input_tokens=estimated_tokens(ask.messages, ask.schema),
                output_tokens=ask.max_output_tokens,
                model_calls=1,
            )
        )

    def _spent(self, answer: Answer, reserved: Cost) -> Cost:
        """What the provider says; what it does not say is taken as reserved."""
        return self._priced(
            Cost(
                input_tokens=reserved.input_tokens if answer.input_tokens is None else answer.input_tokens,
                output_tokens=(
                    reserved.output_tokens if answer.output_tokens is None else answer.output_tokens
                ),
                model_calls=1,
            )
        )

    def _priced(self, spent: Cost) -> Cost:
        total = (
            spent.input_tokens * self._settings.llm_price_input
            + spent.output_tokens * self._settings.llm_price_output
        )
        return replace(spent, cost=total / PER_MILLION)

    def _value(self, call: _Call, answer: Answer) -> Any:
        return value_of(answer, call.request.schema, call.request.max_output_tokens)

    def _note_invalid(self, model: str, problem: AnswerProblem) -> None:
        log.info("model.answer_invalid", model=model, reason=problem.reason)
        if self._metrics is not None:
            self._metrics.error(ModelAnswerInvalid.code)

    def _invalid(self, model: str, problem: AnswerProblem) -> ModelAnswerInvalid:
        return ModelAnswerInvalid(
            reason=problem.reason, detail=redacted(self._redactor.text(problem.detail))[:MAX_DETAIL_CHARS], model=model
        )

    def _unavailable(self, call: _Call, model: str, fault: WireFault) -> ModelUnavailable:
        return ModelUnavailable(
            reason=fault.kind.value,
            model=model,
            setting=SETTING_TO_CHECK.get(fault.kind, "LLM_BASE_URL"),
            status=fault.status,
            attempts=call.wire_calls,
            detail=redacted(self._redactor.text(fault.detail))[:MAX_DETAIL_CHARS],
        )


def estimated_tokens(messages: tuple[ModelMessage, ...], schema: Mapping[str, Any] | None = None) -> int:
    """Tokens of a prompt, estimated without a tokenizer: UTF-8 bytes / 3, and 8 for each message.

    A schema counts once more than in the messages: endpoints read it from `response_format` too.
    """
    total_bytes = sum(len(message.content.encode()) for message in messages)
    if schema is not None:
        total_bytes += len(json.dumps(schema, ensure_ascii=False).encode())
    return -(-total_bytes // BYTES_PER_TOKEN) + TOKENS_PER_MESSAGE * len(messages)


def _counted(outcome: str) -> str:
    """The metric's outcome: what the operator must mend is one class."""
    return "rejected" if outcome in {kind.value for kind in FINAL} or outcome == "unsupported" else outcome
