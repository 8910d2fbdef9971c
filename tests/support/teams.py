"""A team that does what a test's script says, and a world to run it in.

A task's `input_data` holds the plan; each subtask says what its agent does, verb by verb:

    {"plan": [{"id": "a"}, {"id": "b", "needs": ["a"], "do": [["fail", 1], ["return", {"x": 1}]]}]}

Verbs: `["fail", n]` raise in the first n attempts · `["fault", name, params]` raise a Fault ·
`["gate", name]` wait until the test opens it · `["ask", text]`, `["approve", text]` ·
`["tool", name, arguments]` · `["skill", name, params]` · `["model", text]` · `["save", name, text]` ·
`["step", key, inputs]` journal a value · `["note", size]` an event of that size · `["stubborn"]`
swallow one cancellation · `["sleep", seconds]` · `["exit"]` · `["return", data]`.

`Scene` is the test's side: what ran how often, gates to open, events to await.
"""

import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from tests.support.stores import new_sqlite_file, query, run_sql
from uuid_utils import uuid7

from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE, Scope
from langgraph_multi_agent.agents.contract import Agent, Proposal, Team, Understanding, Work
from langgraph_multi_agent.artifacts.directory import DirectoryArtifacts
from langgraph_multi_agent.domain import errors
from langgraph_multi_agent.domain.clock import SystemClock
from langgraph_multi_agent.domain.event import Event, EventType, NewEvent
from langgraph_multi_agent.domain.plan import Plan, Subtask
from langgraph_multi_agent.domain.ports import Clock, Model, ModelMessage, SkillRunner
from langgraph_multi_agent.domain.result import Question, SubtaskResult, Verdict
from langgraph_multi_agent.domain.task import Task, TaskDraft, TaskStatus, is_terminal
from langgraph_multi_agent.engine.run import GraphEngine
from langgraph_multi_agent.feed.memory import MemoryFeed
from langgraph_multi_agent.queue.memory import MemoryDoorbell
from langgraph_multi_agent.service.agents import AgentService
from langgraph_multi_agent.service.execution import Execution
from langgraph_multi_agent.service.retention import RetentionService
from langgraph_multi_agent.service.schedules import ScheduleService
from langgraph_multi_agent.service.streams import StreamService
from langgraph_multi_agent.service.tasks import TaskService
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.store import events as event_log
from langgraph_multi_agent.store import leases
from langgraph_multi_agent.store.database import SqliteDatabase, Store
from langgraph_multi_agent.store.journal import JournalFlusher
from langgraph_multi_agent.store.retention import Policy
from langgraph_multi_agent.telemetry.metrics import Metrics
from langgraph_multi_agent.tools.contract import Effect, Tool
from langgraph_multi_agent.worker.upkeep import Upkeep
from langgraph_multi_agent.worker.worker import Worker

P = ParamSpec("P")
R = TypeVar("R")
TITLES = {"zh": "剧本", "en": "script"}
WAIT_S = 60.0
"""A test that waits longer has failed; what it waits for takes milliseconds."""
QUIET: Mapping[str, float] = {"lease_seconds": 60.0, "heartbeat_seconds": 2.0}
"""Leases that no stall of a busy machine outlasts: a run whose process stood still would be stopped, and run again."""


class Scene:
    """What the agents of one test did, and what they wait for. Lives across restarts of a world."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.counts: Counter[str] = Counter()
        self.seen: list[str] = []
        self._gates: dict[str, asyncio.Event] = {}
        self._changed = asyncio.Event()

    def saw(self, mark: str) -> None:
        self.seen.append(mark)
        self._changed.set()
        self._changed = asyncio.Event()

    def gate(self, name: str) -> asyncio.Event:
        return self._gates.setdefault(name, asyncio.Event())

    async def reached(self, *marks: str) -> None:
        """Until all of these marks were seen: `start:<id>`, `end:<id>`, `gate:<name>`, `cancelled:<id>`."""
        async with asyncio.timeout(WAIT_S):
            while not set(marks) <= set(self.seen):
                await self._changed.wait()

    def team(self, *agent_names: str, name: str = "default", version: str = "1") -> Team:
        agents: dict[str, Agent] = {
            agent: ScriptedAgent(self, agent) for agent in (agent_names or ("worker_a", "worker_b"))
        }
        return Team(
            name=name,
            version=version,
            titles=TITLES,
            meta_agent=ScriptedLead(self, "meta_agent"),
            task_decomposer=ScriptedLead(self, "task_decomposer"),
            quality_check=ScriptedCheck(self),
            agents=agents,
        )


@dataclass(slots=True)
class ScriptedAgent:
    scene: Scene
    name: str
    titles: Mapping[str, str] = field(default_factory=lambda: TITLES)
    capabilities: tuple[str, ...] = ("work",)

    def propose(self, understanding: Understanding) -> Sequence[Proposal]:
        return ()

    async def work(self, work: Work) -> SubtaskResult:
        scene, mine = self.scene, work.subtask.id
        scene.ran.append(f"{mine}#{work.attempt}")
        scene.counts[mine] += 1
        scene.saw(f"start:{mine}")
        data: dict[str, Any] = {"by": self.name, "undone": work.subtask.parameters.get("undone")}
        try:
            for verb, *arguments in work.subtask.parameters.get("do", ()):
                await self._do(work, verb, arguments, data)
        except asyncio.CancelledError:
            scene.saw(f"cancelled:{mine}")
            raise
        scene.saw(f"end:{mine}")
        return SubtaskResult(summary=f"{mine} done", data=data)

    async def _do(self, work: Work, verb: str, arguments: list[Any], data: dict[str, Any]) -> None:
        scene = self.scene
        match verb:
            case "fail":
                if work.attempt <= arguments[0]:
                    raise RuntimeError(f"told to fail in attempt {work.attempt}")
            case "fail_as":  # whoever is not this agent fails for good
                if self.name != arguments[0]:
                    raise errors.InputUnreadable(file="x", reason="told to")
            case "fault":
                raise getattr(errors, arguments[0])(**arguments[1])
            case "gate":
                scene.saw(f"gate:{arguments[0]}")
                await scene.gate(arguments[0]).wait()
            case "sleep":
                await asyncio.sleep(arguments[0])
            case "stubborn":
                with contextlib.suppress(asyncio.CancelledError):
                    scene.saw(f"gate:{work.subtask.id}")
                    await asyncio.Event().wait()
                scene.saw(f"swallowed:{work.subtask.id}")
            case "ask":
                data["answer"] = (await work.ask(arguments[0]))["text"]
            case "ask_in_parallel":
                async with asyncio.TaskGroup() as group:
                    asked = [group.create_task(_text(work.ask(text))) for text in arguments]
                data["answers"] = [task.result() for task in asked]
            case "approve":
                data["approved"] = (await work.ask(arguments[0], kind="approval"))["approved"]
            case "tool":
                data["tool"] = await work.tool(arguments[0], arguments[1])
            case "skill":
                data["skill"] = dict(await work.skill(arguments[0], arguments[1]))
            case "model":
                reply = await work.model([ModelMessage(role="user", content=arguments[0])])
                data["model"] = reply.text
            case "save":
                await work.save(arguments[0], arguments[1].encode(), media_type="text/plain")
            case "step":

                async def compute() -> Any:
                    scene.counts[f"step:{arguments[0]}"] += 1
                    return {"value": scene.counts[f"step:{arguments[0]}"]}

                data["step"] = await work.step(arguments[0], arguments[1:], compute)
            case "note":
                work.note(NewEvent(type=EventType.TOOL_CALLED, data={"x": "x" * arguments[0]}))
            case "progress":
                work.progress(percent=arguments[0])
            case "exit":
                raise SystemExit(3)
            case "unserialisable":
                data["x"] = object()
            case "nan":
                data["x"] = math.nan
            case "result_of":
                data["from"] = dict(work.results[arguments[0]].data)
            case "big":
                data["big"] = "x" * arguments[0]
            case "return":
                data.update(arguments[0])
            case _:
                raise AssertionError(f"no such verb: {verb}")


async def _text(answer: Awaitable[Mapping[str, Any]]) -> str:
    return str((await answer)["text"])


def plan_of(items: Sequence[Mapping[str, Any]], *, revision: int = 1) -> Plan:
    return Plan(
        revision=revision,
        reason=f"script {revision}",
        subtasks=tuple(
            Subtask(
                id=item["id"],
                title=item.get("title", item["id"]),
                capability=item.get("capability", "work"),
                agent=item.get("agent", "worker_a"),
                depends_on=tuple(item.get("needs", ())),
                parameters={"do": item.get("do", [])},
                success_criteria=tuple(item.get("criteria", ())),
                weight=item.get("weight", 1.0),
            )
            for item in items
        ),
    )


@dataclass(slots=True)
class ScriptedLead:
    """Meta agent and decomposer. `clarify`, `lead_do`, `plan`, `repairs` of the input data are its script."""

    scene: Scene
    name: str
    titles: Mapping[str, str] = field(default_factory=lambda: TITLES)

    def admit(self, draft: TaskDraft, *, has_model: bool) -> None:
        if draft.input_data.get("needs_model") and not has_model:
            raise errors.ModelRequired(settings="LLM_MODEL")

    async def understand(self, work: Work) -> Understanding:
        self.scene.counts["understand"] += 1
        for verb, *arguments in work.input_data.get("lead_do", ()):
            if verb == "ask":
                await work.ask(arguments[0])
            elif verb == "fault":
                raise getattr(errors, arguments[0])(**arguments[1])
        asked = [text for text in work.input_data.get("clarify", ()) if text not in work.request]
        questions = tuple(
            Question(id=str(n), kind="clarification", text=text) for n, text in enumerate(asked)
        )
        return Understanding(goal=work.request, language="en", questions=questions)

    async def decompose(self, work: Work, understanding: Understanding, agents: Mapping[str, Agent]) -> Plan:
        self.scene.counts["decompose"] += 1
        return plan_of(work.input_data.get("plan", [{"id": "only"}]))

    async def repair(
        self, work: Work, plan: Plan, verdicts: Sequence[Verdict], agents: Mapping[str, Agent]
    ) -> Plan | None:
        self.scene.counts["repair"] += 1
        for verb, *arguments in work.input_data.get("repair_do", ()):
            assert verb == "ask"
            await work.ask(arguments[0])
        repairs = work.input_data.get("repairs", ())
        if plan.revision > len(repairs):
            return None
        return plan_of(repairs[plan.revision - 1], revision=plan.revision + 1)


@dataclass(slots=True)
class ScriptedCheck:
    """Criterion `ok` passes, `bad` fails, `from:<n>` passes from revision n on, `unknown` cannot be checked."""

    scene: Scene

    def verdicts(self, plan: Plan, results: Mapping[str, SubtaskResult]) -> Sequence[Verdict]:
        self.scene.counts["verdicts"] += 1

        def judge(criterion: str) -> bool | None:
            if criterion.startswith("from:"):
                return plan.revision >= int(criterion.removeprefix("from:"))
            return {"ok": True, "bad": False}.get(criterion)

        return [
            Verdict(subtask_id=item.id, criterion=criterion, passed=judge(criterion), reason="判" * 200)
            for item in plan.subtasks
            for criterion in item.success_criteria
        ]

    def result(
        self, plan: Plan, results: Mapping[str, SubtaskResult], verdicts: Sequence[Verdict]
    ) -> Mapping[str, Any]:
        return {
            "summary": f"{len(results)} of {len(plan.subtasks)}",
            "data": {k: dict(v.data) for k, v in results.items()},
        }


@dataclass(slots=True)
class ScriptedTool:
    """Counts its calls, remembers their keys, and may stop in the middle of one."""

    scene: Scene
    name: str
    effect: Effect
    titles: Mapping[str, str] = field(default_factory=lambda: TITLES)
    description: str = "counts"
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"type": "object"})
    keys: list[str] = field(default_factory=list)

    async def call(self, arguments: Mapping[str, Any], *, key: str) -> Any:
        self.keys.append(key)
        self.scene.counts[f"tool:{self.name}"] += 1
        if gate := arguments.get("gate"):
            self.scene.saw(f"gate:{gate}")
            await self.scene.gate(gate).wait()
        return {"calls": self.scene.counts[f"tool:{self.name}"]}


@dataclass(slots=True)
class ProbedTool(ScriptedTool):
    """An unsafe tool that can say whether a call took effect."""

    took_effect: bool = True

    async def probe(self, arguments: Mapping[str, Any], *, key: str) -> Mapping[str, Any] | None:
        self.scene.counts[f"probe:{self.name}"] += 1
        return {"result": {"probed": True}} if self.took_effect else None


class NoSkills:
    async def run(
        self, skill: str, params: Mapping[str, Any], *, deadline_s: float | None = None
    ) -> Mapping[str, Any]:
        raise errors.SkillFailed(skill=skill, reason="unknown_skill")


class Switched:
    """A database that a test can take away: writes are refused while `is_down`."""

    def __init__(self, database: SqliteDatabase) -> None:
        self.inner, self.is_down, self.dialect = database, False, database.dialect
        self.statistics = database.statistics
        self.refused, self.loop = asyncio.Event(), asyncio.get_running_loop()

    async def write(
        self, scope: Scope, function: Callable[Concatenate[Store, P], R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        if self.is_down:
            self.refused.set()
            raise errors.DependencyUnavailable(dependency="database", reason="taken away")
        return await self.inner.write(scope, function, *args, **kwargs)

    def write_from_thread(
        self, scope: Scope, function: Callable[Concatenate[Store, P], R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        if self.is_down:
            self.loop.call_soon_threadsafe(self.refused.set)
            raise errors.DependencyUnavailable(dependency="database", reason="taken away")
        return self.inner.write_from_thread(scope, function, *args, **kwargs)

    async def read(
        self, scope: Scope, function: Callable[Concatenate[Store, P], R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        return await self.inner.read(scope, function, *args, **kwargs)

    async def close(self) -> None:
        await self.inner.close()


class World:
    """One process's system over a data directory: started, killed, started again."""

    def __init__(
        self,
        directory: Path,
        scene: Scene,
        *,
        team: Team | None = None,
        tools: Sequence[Tool] = (),
        skills: SkillRunner | None = None,
        model: Model | None = None,
        clock: Clock | None = None,
        **settings: Any,
    ) -> None:
        self.scene, self.clock = scene, clock or SystemClock()
        lease = {} if "lease_seconds" in settings else QUIET
        self.settings = Settings.load({}, data_dir=directory, **{"shutdown_grace": 0.05, **lease, **settings})
        self.teams = {"default": team or scene.team()}
        new_id, metrics = _sortable_ids(), Metrics(with_process=False)
        directory.mkdir(exist_ok=True)
        path = directory / "lgma.db"
        if not path.exists():
            new_sqlite_file(directory)
        self.database = Switched(SqliteDatabase(path, clock=self.clock, new_id=new_id))
        self.artifacts = DirectoryArtifacts(directory / "artifacts")
        self.feed, self.doorbell = MemoryFeed(), MemoryDoorbell()
        self.streams = StreamService(database=self.database, feed=self.feed)
        self.agents = AgentService(database=self.database, feed=self.feed, teams=self.teams)
        self.service = TaskService(
            database=self.database,
            artifacts=self.artifacts,
            feed=self.feed,
            doorbell=self.doorbell,
            teams=self.teams,
            settings=self.settings,
            has_model=model is not None,
            clock=self.clock,
            new_id=new_id,
            metrics=metrics,
        )
        self._model, self._tools, self._skills = (
            model,
            {tool.name: tool for tool in tools},
            skills or NoSkills(),
        )
        self._new_id, self.metrics = new_id, metrics
        self._running: asyncio.Task[None] | None = None
        self._assemble()

    def _assemble(self) -> None:
        self.flusher = JournalFlusher(self.database, on_commit=self.metrics.journal_commit)
        self.execution = Execution(
            database=self.database,
            flusher=self.flusher,
            artifacts=self.artifacts,
            feed=self.feed,
            engine=GraphEngine(),
            teams=self.teams,
            tools=self._tools,
            skills=self._skills,
            models=lambda _: self._model,
            settings=self.settings,
            metrics=self.metrics,
            clock=self.clock,
        )
        self.worker = Worker(
            database=self.database,
            flusher=self.flusher,
            execution=self.execution,
            doorbell=self.doorbell,
            feed=self.feed,
            teams=self.teams,
            settings=self.settings,
            clock=self.clock,
            new_id=self._new_id,
        )
        self.upkeep = Upkeep(
            database=self.database,
            artifacts=self.artifacts,
            doorbell=self.doorbell,
            feed=self.feed,
            schedules=ScheduleService(
                database=self.database, tasks=self.service, queue_size=1000, new_id=self._new_id
            ),
            retention=RetentionService(
                database=self.database, policy=Policy(), clock=self.clock, new_id=self._new_id
            ),
            teams=self.teams,
            settings=self.settings,
            metrics=self.metrics,
            shows_queue=False,
        )

    async def start(self) -> None:
        await self.database.write(SYSTEM_SCOPE, leases.reclaim, all_leases=True)
        self._running = asyncio.create_task(self._live())

    async def _live(self) -> None:
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(self.upkeep.run())
            await self.worker.run()
            keeping.cancel()

    async def kill(self) -> None:
        """Stop without a word to the database, as far as one process can: nothing is finished or handed back."""
        assert self._running is not None
        self._running.cancel()
        await asyncio.wait({self._running}, timeout=WAIT_S)
        assert self._running.done(), "the worker did not die"
        self._running = None
        self._assemble()

    async def stop(self) -> None:
        if self._running is not None:
            self.worker.stop()
            async with asyncio.timeout(WAIT_S):
                await self._running
            self._running = None
            self._assemble()

    async def close(self) -> None:
        try:
            if self._running is not None:
                self._running.cancel()
                await asyncio.wait({self._running}, timeout=WAIT_S)
        finally:
            await self.database.close()

    async def submit(self, plan: Sequence[Mapping[str, Any]] | None = None, **values: Any) -> str:
        input_data = dict(values.pop("input_data", {}))
        if plan is not None:
            input_data["plan"] = list(plan)
        fields = {"title": "t", "description": "do it", "language": "en", "input_data": input_data, **values}
        return (await self.service.submit(DEFAULT_SCOPE, TaskDraft(**fields))).task.id

    async def until(self, task_id: str, *wanted: TaskStatus, generation: int = 1) -> Task:
        """The task once it has one of these statuses; by default, once it has ended."""

        def is_there(task: Task) -> bool:
            reached = task.status in wanted if wanted else is_terminal(task.status)
            return reached and task.generation >= generation

        return await self.until_that(task_id, is_there)

    async def until_that(self, task_id: str, is_there: Callable[[Task], bool]) -> Task:
        async with self.feed.listen(task_id) as listener, asyncio.timeout(WAIT_S):
            while not is_there(task := await self.get(task_id)):
                await listener.wait(0.2)
        return task

    async def until_logged(self, task_id: str, kind: EventType, *, count: int) -> None:
        """Events that belong to no step are queued, not awaited: wait until they are in the log."""
        async with self.feed.listen(task_id) as listener:
            while len(await self.events(task_id, kind)) < count:
                await listener.wait(1)

    async def get(self, task_id: str) -> Task:
        return await self.service.get(DEFAULT_SCOPE, task_id)

    async def events(self, task_id: str, *types: EventType) -> list[Event]:
        found = await self.database.read(SYSTEM_SCOPE, event_log.after, task_id, 0, limit=10_000)
        assert [event.seq for event in found] == list(range(1, len(found) + 1))
        return [event for event in found if not types or event.type in types]

    async def questions(self, task_id: str) -> Mapping[str, str]:
        """Open ones: text → id."""
        return {item.text: item.id for item in await self.service.questions(DEFAULT_SCOPE, task_id)}

    async def answer(self, task_id: str, text: str, /, **value: Any) -> None:
        question = (await self.questions(task_id))[text]
        await self.service.answer(DEFAULT_SCOPE, task_id, question, value or {"text": f"answer to {text}"})

    async def journal(self, task_id: str) -> dict[str, Any]:
        rows = await self.rows("SELECT key, result FROM journal WHERE task_id = :id", id=task_id)
        return {row["key"]: row["result"] for row in rows}

    async def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        return await self.database.read(SYSTEM_SCOPE, query, statement, values)

    async def sql(self, statement: str, **values: Any) -> int:
        return await self.database.write(SYSTEM_SCOPE, run_sql, statement, values)

    async def read(self, function: Callable[[Store], Any]) -> Any:
        return await self.database.read(SYSTEM_SCOPE, function)


def _sortable_ids() -> Callable[[], str]:
    return lambda: str(uuid7())


@asynccontextmanager
async def world(directory: Path, scene: Scene, **values: Any) -> AsyncIterator[World]:
    """A running world; whatever happened, its threads and tasks end with the block."""
    made = World(directory, scene, **values)
    try:
        await made.start()
        yield made
        await made.stop()
    finally:
        await made.close()
