"""`agents.contract.Work` for one attempt at one subtask.

Hides journalling of model calls, effect rules of tools, questions, artifacts that get their names
with the result, and throttled progress. Invariant: what it collects (`events`, `saved`, `cost`)
becomes durable only together with the subtask's result.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from langgraph_multi_agent.agents.contract import Understanding
from langgraph_multi_agent.domain.canonical import digest_of
from langgraph_multi_agent.domain.errors import (
    BudgetExceeded,
    Fault,
    InputUnreadable,
    InvalidRequest,
    ModelAnswerInvalid,
    ModelRequired,
    ModelUnavailable,
)
from langgraph_multi_agent.domain.event import EventType, NewEvent
from langgraph_multi_agent.domain.plan import Plan, Subtask
from langgraph_multi_agent.domain.ports import BudgetGuard, ModelMessage, ModelReply, ModelRequest, Step
from langgraph_multi_agent.domain.result import ArtifactKind, ArtifactRef, Question, SubtaskResult
from langgraph_multi_agent.domain.task import Cost, InputFile
from langgraph_multi_agent.engine import effects
from langgraph_multi_agent.engine.context import RunContext, WaitsForAnswer
from langgraph_multi_agent.engine.steps import step

PROGRESS_INTERVAL_S = 0.25
NO_PLAN = Plan(revision=0, subtasks=())


class Tally:
    """`ports.BudgetGuard` that remembers what was spent through it."""

    def __init__(self, guard: BudgetGuard) -> None:
        self._guard = guard
        self.spent = Cost()

    async def reserve(self, *, tokens: int, cost: float) -> str:
        return await self._guard.reserve(tokens=tokens, cost=cost)

    async def settle(self, reservation: str, spent: Cost) -> None:
        await self._guard.settle(reservation, spent)
        self.spent = total(self.spent, spent)


def total(one: Cost, other: Cost) -> Cost:
    """The sum of two costs."""
    return Cost(
        input_tokens=one.input_tokens + other.input_tokens,
        output_tokens=one.output_tokens + other.output_tokens,
        cost=one.cost + other.cost,
        model_calls=one.model_calls + other.model_calls,
    )


class SubtaskWork:
    """What an agent is given for one attempt. See `agents.contract.Work` for its promises."""

    def __init__(
        self,
        context: RunContext,
        subtask: Subtask,
        *,
        attempt: int,
        plan: Plan = NO_PLAN,
        understanding: Understanding,
        results: Mapping[str, SubtaskResult],
        request: str | None = None,
        scope: str = "subtask",
    ) -> None:
        self.task_id = context.task.id
        self.request = context.task.description if request is None else request
        self.language = understanding.language
        self.files, self.input_data = context.task.files, context.task.input_data
        self.subtask, self.attempt, self.plan = subtask, attempt, plan
        self.understanding, self.results = understanding, results
        self.events: list[NewEvent] = []
        self.saved: dict[str, ArtifactRef] = {}
        self.cost = Cost()
        self._context = context
        self._scope = scope
        self._questions = 0
        self._calls: Counter[str] = Counter()
        self._last_progress = float("-inf")

    @property
    def has_model(self) -> bool:
        return self._context.model is not None

    def key(self, *parts: object) -> str:
        return self._context.key(self._scope, self.subtask.id, self.attempt, *parts)

    def input(self, name: str) -> InputFile:
        for file in self._context.task.files:
            if file.name == name:
                return file
        raise InputUnreadable(file=name, reason="not_attached")

    async def path(self, file: InputFile | ArtifactRef) -> Path:
        return await self._context.artifacts.path(file.digest)

    async def skill(self, skill: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        started = self._context.clock.monotonic()
        outcome = "ok"
        try:
            return await self._context.skills.run(skill, params)
        except Fault as fault:
            outcome = fault.code
            raise
        finally:
            duration = round(self._context.clock.monotonic() - started, 3)
            await self._emit(
                EventType.TOOL_CALLED, {"tool": skill, "kind": "skill", "outcome": outcome, "duration_s": duration}
            )

    async def tool(self, tool: str, arguments: Mapping[str, Any]) -> Any:
        try:
            registered = self._context.tools[tool]
        except KeyError:
            raise InvalidRequest(reason="unknown tool", tool=tool) from None
        # Without the attempt: what one attempt did to the world, the next must not do again.
        occurrence = self._occurrence({"tool": tool, "arguments": arguments})
        key = self._context.key(self._scope, self.subtask.id, "tool", occurrence)
        self._context.signals.check_lease()
        started = self._context.clock.monotonic()
        outcome = "ok"
        try:
            return await effects.call(self._context, registered, arguments, key=key, ask=self.ask)
        except Fault as fault:
            outcome = fault.code
            raise
        finally:
            duration = round(self._context.clock.monotonic() - started, 3)
            await self._emit(
                EventType.TOOL_CALLED,
                {"tool": tool, "kind": "tool", "outcome": outcome, "duration_s": duration},
            )

    async def model(
        self,
        messages: Sequence[ModelMessage],
        *,
        schema: Mapping[str, Any] | None = None,
        max_output_tokens: int = 2048,
    ) -> ModelReply:
        model = self._context.model
        if model is None:
            raise ModelRequired(agent=self.subtask.agent, settings="LLM_MODEL, LLM_BASE_URL, LLM_API_KEY")
        request = ModelRequest(
            agent=self.subtask.agent,
            messages=tuple(messages),
            schema=schema,
            max_output_tokens=max_output_tokens,
        )
        inputs = asdict(request)
        tally = Tally(self._context.budget(self.subtask.agent, self.subtask.id))

        async def ask() -> Any:
            try:
                reply = await model.complete(
                    request, budget=tally, on_delta=lambda text: self.progress(delta=text)
                )
            except (ModelUnavailable, ModelAnswerInvalid, BudgetExceeded) as fault:
                # No step: a replay may ask again. What it cost is told all the same.
                self.cost = total(self.cost, tally.spent)
                data = {"model": str(fault.params.get("model", "")), "outcome": fault.code}
                await self._emit(EventType.MODEL_CALLED, {**data, **asdict(tally.spent)})
                raise
            return asdict(reply)

        result = await step(
            self._context,
            self.key("model", self._occurrence(inputs)),
            inputs,
            ask,
            events=lambda reply: [
                NewEvent(
                    type=EventType.MODEL_CALLED,
                    agent=self.subtask.agent,
                    subtask_id=self.subtask.id,
                    data={"model": reply["model"], "outcome": "ok", **reply["cost"]},
                )
            ],
        )
        reply = ModelReply(**{**result, "cost": Cost(**result["cost"])})
        self.cost = total(self.cost, reply.cost)
        return reply

    async def save(
        self, name: str, content: bytes | Path, *, media_type: str, kind: ArtifactKind = "result"
    ) -> ArtifactRef:
        if "/" in name or "\\" in name or name in {"", ".", ".."} or not name.isprintable():
            raise InvalidRequest(reason="artifact name", name=name)
        store = self._context.artifacts
        blob = await (store.put_file(content) if isinstance(content, Path) else store.put(content))
        ref = ArtifactRef(
            name=name, digest=blob.digest, size_bytes=blob.size_bytes, media_type=media_type, kind=kind
        )
        self.saved[name] = ref
        return ref

    async def step(self, key: str, inputs: Any, call: Callable[[], Awaitable[Any]]) -> Any:
        return await step(self._context, self.key("step", key), inputs, call)

    async def ask(
        self,
        text: str,
        *,
        kind: Literal["clarification", "approval"] = "clarification",
        options: Sequence[str] = (),
    ) -> Mapping[str, Any]:
        self._questions += 1
        question = Question(
            id=self._context.key(self.plan.revision, self.subtask.id, self.attempt, self._questions),
            kind=kind,
            text=text,
            options=tuple(options),
            subtask_id=self.subtask.id,
        )
        return await ask(self._context, question)

    def progress(self, **data: Any) -> None:
        now = self._context.clock.monotonic()
        if now - self._last_progress >= PROGRESS_INTERVAL_S:
            self._last_progress = now
            self._context.publish({"subtask_id": self.subtask.id, "agent": self.subtask.agent, **data})

    def note(self, event: NewEvent) -> None:
        self.events.append(
            NewEvent(
                type=event.type,
                agent=event.agent or self.subtask.agent,
                subtask_id=event.subtask_id or self.subtask.id,
                data=event.data,
            )
        )

    async def _emit(self, kind: EventType, data: Mapping[str, Any]) -> None:
        event = NewEvent(type=kind, agent=self.subtask.agent, subtask_id=self.subtask.id, data=data)
        await self._context.journal.emit([event])

    def _occurrence(self, inputs: Any) -> str:
        # Keyed by what is asked, not when: calls made in parallel replay in any order.
        digest = digest_of(inputs)[:16]
        self._calls[digest] += 1
        return f"{digest}/{self._calls[digest]}"


async def ask(context: RunContext, question: Question) -> Mapping[str, Any]:
    """A person's journalled answer.

    Raises:
        WaitsForAnswer: there is none yet; the question is durable.
    """
    answer = context.journal.read(context.key("answer", question.id))
    if answer is not None:
        result: Mapping[str, Any] = answer.result
        return result
    key = context.key("question", question.id)
    if context.journal.read(key) is None:
        asked = {**asdict(question), "options": list(question.options)}
        await context.journal.commit(Step(key=key, input_hash=digest_of(question.id), result=asked))
    context.questions[question.id] = question
    raise WaitsForAnswer(question)
