"""The graph of a task, which reads as the diagram in ARCHITECTURE.md.

    meta_agent → task_decomposer → coordinator → quality_check → end
                                    ↑   ↓  ↖ repair plan ↙
                                   recovery

Every node is deterministic over the task's input and the journal. Retries are not LangGraph's
here: recovery decides and journals them (see docs/decisions).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, replace
from typing import Any, Literal, TypedDict

from langgraph.errors import NodeError
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, interrupt

from langgraph_multi_agent.agents.contract import Understanding
from langgraph_multi_agent.domain.canonical import canonical_json, digest_of
from langgraph_multi_agent.domain.errors import DependencyUnavailable, LeaseLost, PlanInvalid
from langgraph_multi_agent.domain.event import MAX_EVENT_BYTES, EventType, NewEvent
from langgraph_multi_agent.domain.plan import Plan, Subtask
from langgraph_multi_agent.domain.result import Question, Verdict
from langgraph_multi_agent.engine.context import RunContext, WaitsForAnswer
from langgraph_multi_agent.engine.coordinator import Attempts, Coordinator, State, error_json
from langgraph_multi_agent.engine.recovery import Decision, plan_without, remedy_for
from langgraph_multi_agent.engine.steps import step
from langgraph_multi_agent.engine.work import SubtaskWork, ask
from langgraph_multi_agent.i18n import text

LEAD_TIMEOUT_S = 900.0
"""Understanding and planning may profile large inputs, but not for ever. Not LangGraph's node
time-out: that runs each node in a task of its own, which cost 0.5 ms a node (docs/performance.md)."""
MAX_CLARIFICATIONS = 3
MAX_TITLE_CHARS = 80
MAX_SHOWN_VERDICTS = 5


class TaskState(TypedDict, total=False):
    """What a checkpoint shows: JSON only, one writer per channel.

    `states` maps a subtask's id to done, failed or waits; `attempts` to its attempt and agent.
    `is_reduced`: subtasks were given up, the result is of what was left.
    """

    understanding: dict[str, Any]
    plan: dict[str, Any]
    states: dict[str, str]
    errors: dict[str, dict[str, Any]]
    attempts: dict[str, dict[str, Any]]
    verdicts: list[dict[str, Any]]
    repairs: int
    is_reduced: bool
    result: dict[str, Any]
    error: dict[str, Any]


_Runtime = Runtime[RunContext]


async def meta_agent(state: TaskState, runtime: _Runtime) -> TaskState:  # noqa: ARG001 - LangGraph's signature
    """Understand the request; ask back until it is clear."""
    context = runtime.context
    team_agent, task = context.team.meta_agent, context.task
    request = task.description
    seen: set[str] = set()
    for attempt in range(1, MAX_CLARIFICATIONS + 1):
        work = _lead_work(context, team_agent.name, attempt, request=request)
        inputs = {"request": request, "files": [asdict(file) for file in task.files], "input": task.input_data}

        async def understand(work: SubtaskWork = work) -> dict[str, Any]:
            async with asyncio.timeout(LEAD_TIMEOUT_S):
                return (await team_agent.understand(work)).to_json()

        try:
            value = await step(context, context.key("understand", attempt), inputs, understand, is_pure=True)
        except WaitsForAnswer as waits:
            _park([waits.question])
        understanding = Understanding.from_json(value)
        fresh = [question for question in understanding.questions if question.text not in seen]
        if not fresh:
            break
        seen.update(question.text for question in fresh)
        request = "\n".join([request, *await _answers(context, team_agent.name, attempt, fresh)])
    return {"understanding": understanding.to_json()}


async def task_decomposer(state: TaskState, runtime: _Runtime) -> TaskState:
    """Make the first plan."""
    context = runtime.context
    decomposer = context.team.task_decomposer
    understanding = Understanding.from_json(state["understanding"])
    work = _lead_work(context, decomposer.name, 1, understanding=understanding)

    async def decompose() -> dict[str, Any]:
        async with asyncio.timeout(LEAD_TIMEOUT_S):
            plan = await decomposer.decompose(work, understanding, context.team.agents)
        _check_plan(context, plan)
        return plan.to_json()

    try:
        plan = await step(
            context,
            context.key("plan", 1),
            state["understanding"],
            decompose,
            events=lambda value: [_plan_event(EventType.PLAN_CREATED, value)],
            agent=decomposer.name,
        )
    except WaitsForAnswer as waits:
        _park([waits.question])
    return {"plan": plan, "attempts": {}, "repairs": 0}


async def coordinator(
    state: TaskState, runtime: _Runtime
) -> Command[Literal["recovery", "quality_check", "__end__"]]:
    """Run the plan as far as it goes; park once, with every open question."""
    context = runtime.context
    plan = Plan.from_json(state["plan"])
    attempts = Attempts(
        number={key: value["attempt"] for key, value in state["attempts"].items()},
        agent={key: value["agent"] for key, value in state["attempts"].items() if value.get("agent")},
    )
    run = Coordinator(context, plan, Understanding.from_json(state["understanding"]), attempts)
    outcomes = await run.run()
    update: TaskState = {
        "states": {key: outcome.state.value for key, outcome in outcomes.items()},
        "errors": {key: outcome.error for key, outcome in outcomes.items() if outcome.error},
        "attempts": {
            key: {"attempt": outcome.attempt, "agent": attempts.agent.get(key, "")}
            for key, outcome in outcomes.items()
        },
    }
    states = {outcome.state for outcome in outcomes.values()}
    if (context.signals.pause.is_set() and len(outcomes) < len(plan.subtasks)) or State.STOPPED in states:
        return Command(update=update, goto="__end__")
    if State.FAILED in states:
        return Command(update=update, goto="recovery")
    if State.WAITS in states:
        _park([outcome.question for outcome in outcomes.values() if outcome.question])
    return Command(update=update, goto="quality_check")


async def recovery(
    state: TaskState, runtime: _Runtime
) -> Command[Literal["coordinator", "__end__"]]:
    """Decide for each failed subtask, then go on, or give up with what is done."""
    context = runtime.context
    plan = Plan.from_json(state["plan"])
    attempts = {key: dict(value) for key, value in state["attempts"].items()}
    lost: dict[str, dict[str, Any]] = {}
    wait_s = 0.0
    for subtask_id, error in sorted(state["errors"].items()):
        if state["states"].get(subtask_id) != State.FAILED:
            continue
        remedy = await _decide(context, plan.subtask(subtask_id), error, attempts[subtask_id])
        if remedy["decision"] in (Decision.RETRY, Decision.OTHER_AGENT):
            attempts[subtask_id] = {
                "attempt": attempts[subtask_id]["attempt"] + 1,
                "agent": remedy["agent"],
                "tried": sorted({*attempts[subtask_id].get("tried", ()), remedy["agent"]}),
            }
            wait_s = max(wait_s, remedy["wait_s"])
        else:
            lost[subtask_id] = error
    if not lost:
        await asyncio.sleep(wait_s)
        return Command(update={"attempts": attempts}, goto="coordinator")
    alive = frozenset(state["states"].keys() - lost.keys())
    reason = text(
        "engine.plan_without",
        context.task.language,
        subtasks=", ".join(plan.subtask(key).title for key in sorted(lost)),
    )
    smaller = plan_without(plan, lost, alive=alive, reason=reason)
    context.on_recovery("plan_reduced" if smaller else "gave_up")
    if smaller is None:
        key, error = min(lost.items())
        failed = {**error, "subtask": key, "title": plan.subtask(key).title}
        return Command(update={"error": failed}, goto="__end__")

    async def shrink() -> Plan | None:
        return smaller

    revised = await _revise(context, smaller.revision, shrink)
    return Command(update={"plan": revised, "attempts": attempts, "is_reduced": True}, goto="coordinator")


async def quality_check(
    state: TaskState, runtime: _Runtime
) -> Command[Literal["coordinator", "__end__"]]:
    """A verdict for each success criterion; a repair plan while one fails and rounds are left."""
    context, team = runtime.context, runtime.context.team
    plan = Plan.from_json(state["plan"])
    results = {key: context.results[key] for key in (item.id for item in plan.subtasks) if key in context.results}

    async def judge() -> list[dict[str, Any]]:
        return [asdict(verdict) for verdict in team.quality_check.verdicts(plan, results)]

    rows = await step(
        context,
        context.key("verdict", plan.revision),
        {"plan": state["plan"], "results": {key: digest_of(value.to_json()) for key, value in results.items()}},
        judge,
        events=lambda verdicts: [_verdict_event(plan.revision, verdicts)],
        is_pure=True,
    )
    verdicts = [Verdict(**row) for row in rows]
    failed = [verdict for verdict in verdicts if verdict.passed is False]
    if not failed:
        result = dict(team.quality_check.result(plan, results, verdicts))
        return Command(update={"verdicts": rows, "result": result}, goto="__end__")
    repairs = state.get("repairs", 0)
    if repairs < context.limits.max_repair_rounds:
        understanding = Understanding.from_json(state["understanding"])
        work = _lead_work(
            context,
            team.task_decomposer.name,
            plan.revision + 1,
            understanding=understanding,
            plan=plan,
            results=results,
        )

        async def mend() -> Plan | None:
            async with asyncio.timeout(LEAD_TIMEOUT_S):
                return await team.task_decomposer.repair(work, plan, verdicts, team.agents)

        try:
            revised = await _revise(context, plan.revision + 1, mend)
        except WaitsForAnswer as waits:
            _park([waits.question])
        if revised is not None:
            context.on_recovery("repair_plan")
            update: TaskState = {"plan": revised, "repairs": repairs + 1, "verdicts": rows}
            return Command(update=update, goto="coordinator")
    result = dict(team.quality_check.result(plan, results, verdicts))
    criteria = ", ".join(f"{verdict.subtask_id}: {verdict.criterion}" for verdict in failed[:5])
    error = {"code": "QUALITY_CHECK_FAILED", "params": {"criteria": criteria, "rounds": repairs}}
    return Command(update={"verdicts": rows, "result": result, "error": error}, goto="__end__")


async def lead_failed(
    state: TaskState,  # noqa: ARG001 - LangGraph's signature
    error: NodeError,
) -> Command[Literal["__end__"]]:
    """A lead agent failed for good: the task ends with its error.

    Raises:
        LeaseLost, DependencyUnavailable: again, because they are the run's, not the task's.
    """
    if isinstance(error.error, (LeaseLost, DependencyUnavailable)):
        raise error.error
    return Command(update={"error": {**error_json(error.error), "node": error.node}}, goto="__end__")


def build() -> CompiledStateGraph[TaskState, RunContext, TaskState, TaskState]:
    """The compiled graph; stateless, shared by all runs of the process."""
    graph = StateGraph(TaskState, context_schema=RunContext)
    graph.add_node(meta_agent, error_handler=lead_failed)
    graph.add_node(task_decomposer, error_handler=lead_failed)
    graph.add_node(coordinator)
    graph.add_node(recovery)
    graph.add_node(quality_check, error_handler=lead_failed)
    graph.add_edge(START, "meta_agent")
    graph.add_edge("meta_agent", "task_decomposer")
    graph.add_edge("task_decomposer", "coordinator")
    return graph.compile()


async def _decide(
    context: RunContext, subtask: Subtask, error: dict[str, Any], attempt: dict[str, Any]
) -> dict[str, Any]:
    number, agent = attempt["attempt"], attempt.get("agent") or subtask.agent
    tried = frozenset({subtask.agent, agent, *attempt.get("tried", ())})

    async def choose() -> dict[str, Any]:
        remedy = remedy_for(
            subtask,
            error=error,
            attempt=number,
            agent=agent,
            tried_agents=tried,
            agents=context.team.agents,
            max_attempts=context.limits.max_attempts,
        )
        return asdict(remedy)

    def tell(remedy: dict[str, Any]) -> Sequence[NewEvent]:
        data = {"decision": remedy["decision"], "wait_s": remedy["wait_s"]}
        data.update(attempt=number, code=error.get("code"))
        attempted = NewEvent(
            type=EventType.RECOVERY_ATTEMPTED, agent=remedy["agent"], subtask_id=subtask.id, data=data
        )
        if remedy["decision"] not in (Decision.RETRY, Decision.OTHER_AGENT):
            return [attempted]
        again = NewEvent(
            type=EventType.SUBTASK_RETRIED,
            agent=remedy["agent"],
            subtask_id=subtask.id,
            data={"attempt": number + 1, "after": error.get("code")},
        )
        return [attempted, again]

    key = context.key("recovery", subtask.id, number)
    is_new = context.journal.read(key) is None
    remedy: dict[str, Any] = await step(context, key, {"error": error, "agent": agent}, choose, events=tell)
    if is_new:
        context.on_recovery(str(remedy["decision"]))
        return remedy
    return {**remedy, "wait_s": 0.0}  # it has waited before the crash


async def _revise(
    context: RunContext, revision: int, make: Callable[[], Awaitable[Plan | None]]
) -> dict[str, Any] | None:
    """The journalled plan of this revision, else what `make` gives; None if it gives none.

    What led to it may differ on replay (a question answered meanwhile lets more happen before this
    point), so the plan that was once decided stands.
    """
    key = context.key("plan", revision)
    entry = context.journal.read(key)
    if entry is not None:
        known: dict[str, Any] = entry.result
        return known
    plan = await make()
    if plan is None:
        return None
    plan = replace(plan, revision=revision)
    _check_plan(context, plan)

    async def revised() -> dict[str, Any]:
        return plan.to_json()

    value: dict[str, Any] = await step(
        context,
        key,
        {"revision": revision},
        revised,
        events=lambda value: [_plan_event(EventType.PLAN_REVISED, value)],
        agent=context.team.task_decomposer.name,
    )
    return value


async def _answers(
    context: RunContext, agent: str, attempt: int, questions: Sequence[Question]
) -> list[str]:
    """Each question with its answer as a line of the request; parks while one is open."""
    lines: list[str] = []
    waiting: list[Question] = []
    for number, question in enumerate(questions, start=1):
        numbered = Question(
            id=context.key(0, agent, attempt, number), kind=question.kind, text=question.text, options=question.options
        )
        try:
            answer = await ask(context, numbered)
        except WaitsForAnswer as waits:
            waiting.append(waits.question)
        else:
            lines.append(f"{question.text} {answer.get('text', answer.get('approved', ''))}")
    if waiting:
        _park(waiting)
    return lines


def _park(questions: Sequence[Question]) -> None:
    """Stop the graph here; the answer comes from the journal when it runs again from its start."""
    interrupt([asdict(question) for question in questions])
    raise AssertionError("interrupt returned")  # runs never resume from a checkpoint


def _lead_work(
    context: RunContext,
    agent: str,
    attempt: int,
    *,
    understanding: Understanding | None = None,
    plan: Plan | None = None,
    results: dict[str, Any] | None = None,
    request: str | None = None,
) -> SubtaskWork:
    subtask = Subtask(id=agent, title=agent, capability=agent, agent=agent)
    known = understanding or Understanding(goal="", language=context.task.language)
    return SubtaskWork(
        context,
        subtask,
        attempt=attempt,
        plan=plan or Plan(revision=0, subtasks=()),
        understanding=known,
        results=results or {},
        request=request,
        scope="lead",
    )


def _check_plan(context: RunContext, plan: Plan) -> None:
    plan.validate(max_subtasks=context.limits.max_subtasks, max_depth=context.limits.max_depth)
    for subtask in plan.subtasks:
        if subtask.agent not in context.team.agents:
            raise PlanInvalid(reason=f"unknown agent {subtask.agent}", subtask=subtask.id)


def _plan_event(kind: EventType, plan: dict[str, Any]) -> NewEvent:
    nodes = [
        {
            "id": item["id"],
            "title": item["title"][:MAX_TITLE_CHARS],
            "agent": item["agent"],
            "depends_on": list(item["depends_on"]),
        }
        for item in plan["subtasks"]
    ]
    data: dict[str, Any] = {"revision": plan["revision"], "reason": plan["reason"][:1000], "count": len(nodes)}
    if len(canonical_json({**data, "subtasks": nodes})) <= MAX_EVENT_BYTES:
        data["subtasks"] = nodes
    return NewEvent(type=kind, data=data)


def _verdict_event(revision: int, verdicts: Sequence[dict[str, Any]]) -> NewEvent:
    failed = [verdict for verdict in verdicts if verdict["passed"] is False]
    return NewEvent(
        type=EventType.REVIEW_VERDICT,
        data={
            "revision": revision,
            "criteria": len(verdicts),
            "passed": sum(1 for verdict in verdicts if verdict["passed"]),
            "failed": [
                {"subtask_id": v["subtask_id"], "criterion": v["criterion"][:100], "reason": v["reason"][:200]}
                for v in failed[:MAX_SHOWN_VERDICTS]
            ],
            "unchecked": sum(1 for verdict in verdicts if verdict["passed"] is None),
        },
    )


