"""A process that can be killed at every commit, and the scenarios it lives through.

`Zygote` starts one Python process that has imported everything; for each run it forks a child,
which opens the real application over a data directory and plays a scenario until it has ended or
a fail-point kills it. Scenarios can be entered again at any point, like a person who comes back.
"""

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, Self

from tests.support.servers import postgres
from tests.support.stores import new_sqlite_file

from langgraph_multi_agent import bootstrap
from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE
from langgraph_multi_agent.agents.contract import Agent, MetaAgent, Proposal, Team, Understanding, Work
from langgraph_multi_agent.agents.registry import load_teams
from langgraph_multi_agent.domain.errors import IllegalTransition, TaskNotFound
from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.finding import canonical_findings
from langgraph_multi_agent.domain.plan import Plan, Subtask
from langgraph_multi_agent.domain.ports import BudgetGuard, ModelMessage, ModelReply, ModelRequest
from langgraph_multi_agent.domain.result import SubtaskResult, Verdict
from langgraph_multi_agent.domain.task import Budget, Cost, Task, TaskDraft, TaskStatus, is_terminal
from langgraph_multi_agent.service.tasks import input_file
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.skills.registry import skill as skill_function
from langgraph_multi_agent.store import checkpoints, journal
from langgraph_multi_agent.telemetry.logs import configure_logs
from langgraph_multi_agent.tools.contract import Effect
from langgraph_multi_agent.worker import upkeep

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 120.0
SHORT_LEASES: Mapping[str, float] = MappingProxyType(
    {
        "lease_seconds": 0.8,
        "database_pool_size": 8,
        "database_max_overflow": 0,
    }
)
"""Where processes share a database, a killed one's tasks are free when their leases have ended."""


class InlineSkills:
    """`ports.SkillRunner` without a child, so that a fork costs milliseconds. Same functions."""

    async def run(
        self, skill: str, params: Mapping[str, Any], *, deadline_s: float | None = None
    ) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = await asyncio.to_thread(skill_function(skill), dict(params))
        return answer


@dataclass(slots=True, kw_only=True)
class Logged:
    """An agent whose executions are written down, one durable line each."""

    agent: Agent
    log: Path
    name: str = ""
    titles: Mapping[str, str] | None = None
    capabilities: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.name, self.titles = self.agent.name, self.agent.titles
        self.capabilities = tuple(self.agent.capabilities)

    def propose(self, understanding: Understanding) -> Sequence[Proposal]:
        return self.agent.propose(understanding)

    async def work(self, work: Work) -> SubtaskResult:
        _write_line(self.log, f"{work.task_id}/subtask/{work.subtask.id}/{work.attempt}")
        return await self.agent.work(work)


class LoggedMetaAgent:
    """The same for understanding."""

    def __init__(self, meta_agent: MetaAgent, log: Path) -> None:
        self._meta_agent, self._log = meta_agent, log
        self.name, self.titles = meta_agent.name, meta_agent.titles

    def admit(self, draft: TaskDraft, *, has_model: bool) -> None:
        self._meta_agent.admit(draft, has_model=has_model)

    async def understand(self, work: Work) -> Understanding:
        _write_line(self._log, f"{work.task_id}/understand/{work.attempt}")
        return await self._meta_agent.understand(work)


def logged(team: Team, log: Path) -> Team:
    agents: dict[str, Any] = {name: Logged(agent=agent, log=log) for name, agent in team.agents.items()}
    return replace(team, agents=agents, meta_agent=LoggedMetaAgent(team.meta_agent, log))


def _write_line(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def small_table(path: Path) -> None:
    """120 rows with a trend, two groups that differ, and one spike: enough for real findings."""
    rows = ["day,shop,sales,visitors"]
    for number in range(120):
        shop = "north" if number % 2 else "south"
        sales = 100 + number + (40 if shop == "north" else 0) + (number * 37 % 11)
        visitors = 3 * sales + (number * 53 % 17)
        rows.append(f"2025-{1 + number // 30:02d}-{1 + number % 28:02d},{shop},{sales},{visitors}")
    rows[60] = rows[60].rsplit(",", 2)[0] + ",900,400"
    path.write_text("\n".join(rows) + "\n")


async def analysis(application: bootstrap.Application, directory: Path) -> dict[str, Any]:
    """The built-in team analyses a small table."""
    table = directory / "sales.csv"
    small_table(table)
    blob = await application.artifacts.put_file(table)
    draft = TaskDraft(
        title="sales",
        description="Analyse the trend of sales and compare the shops",
        language="en",
        files=(input_file("sales.csv", blob, "text/csv"),),
    )
    submitted = await application.tasks.submit(DEFAULT_SCOPE, draft, idempotency_key="analysis")
    task = await _ended(application, submitted.task.id)
    return {"tasks": {"analysis": await _facts(application, task)}}


async def _facts(application: bootstrap.Application, task: Task) -> dict[str, Any]:
    rows = await application.database.read(SYSTEM_SCOPE, journal.load, task.id, task.generation)
    findings = []
    for entry, digest in rows:
        if "/subtask/" in entry.key and entry.key.count("/") == 3:
            result = entry.result
            if digest is not None:
                result = json.loads(await application.artifacts.read(digest))
            if "ok" in result:
                findings += list(SubtaskResult.from_json(result["ok"]).findings)
    return {
        "id": task.id,
        "status": task.status.value,
        "review": (task.result or {}).get("review"),
        "findings": canonical_findings(findings),
    }


async def _ended(application: bootstrap.Application, task_id: str) -> Task:
    async with asyncio.timeout(DEADLINE_S):
        async for _ in application.streams.follow_task(DEFAULT_SCOPE, task_id, after=0):
            pass
    return await application.tasks.get(DEFAULT_SCOPE, task_id)


# A scripted team for everything that people do to a task.


class PeopleAgent:
    """Asks for approval, calls a tool with an effect and a model; or blocks, as it is told."""

    name = "clerk"
    titles: Mapping[str, str] = MappingProxyType({"zh": "文员", "en": "Clerk"})
    capabilities: tuple[str, ...] = ("clerk",)

    def propose(self, understanding: Understanding) -> Sequence[Proposal]:
        return ()

    async def work(self, work: Work) -> SubtaskResult:
        wish = work.subtask.parameters["wish"]
        if wish == "block":
            await asyncio.Event().wait()
        while wish == "hold" and not os.path.exists(work.subtask.parameters["release"]):  # noqa: ASYNC110, ASYNC240, PTH110
            await asyncio.sleep(0.01)
        if wish == "ask":
            answer = await work.ask("go on?", kind="approval")
            done = await work.tool("stamp", {"file": work.subtask.parameters["stamps"]})
            reply = await work.model([ModelMessage(role="user", content="say a word")], max_output_tokens=10)
            return SubtaskResult(summary=reply.text, data={"approved": answer["approved"], "stamp": done})
        return SubtaskResult(summary=wish)


class PeopleTeamLeads:
    """MetaAgent, TaskDecomposer and QualityCheck of the scripted team."""

    name = "lead"
    titles: Mapping[str, str] = MappingProxyType({"zh": "组长", "en": "Lead"})

    def admit(self, draft: TaskDraft, *, has_model: bool) -> None:
        return None

    async def understand(self, work: Work) -> Understanding:
        return Understanding(goal=work.request, language="en")

    async def decompose(self, work: Work, understanding: Understanding, agents: Mapping[str, Agent]) -> Plan:
        subtask = Subtask(
            id="job", title="job", capability="clerk", agent="clerk", parameters=dict(work.input_data)
        )
        return Plan(revision=1, subtasks=(subtask,), reason="one job")

    async def repair(
        self, work: Work, plan: Plan, verdicts: Sequence[Verdict], agents: Mapping[str, Agent]
    ) -> Plan | None:
        return None

    def verdicts(self, plan: Plan, results: Mapping[str, SubtaskResult]) -> Sequence[Verdict]:
        return [Verdict(subtask_id="job", criterion="done", passed=True)]

    def result(
        self, plan: Plan, results: Mapping[str, SubtaskResult], verdicts: Sequence[Verdict]
    ) -> Mapping[str, Any]:
        return {"summary": results["job"].summary}


class Stamp:
    """A tool whose repetition the other side would count once: it writes its key to a file."""

    name = "stamp"
    titles: Mapping[str, str] = MappingProxyType({"zh": "盖章", "en": "Stamp"})
    description = "Stamp a file."
    effect: Effect = "idempotent"
    parameters: Mapping[str, Any] = MappingProxyType({"type": "object"})

    async def call(self, arguments: Mapping[str, Any], *, key: str) -> Any:
        _write_line(Path(arguments["file"]), key)
        return "stamped"


class WordModel:
    """A scripted model: reserves, answers one word, settles."""

    async def complete(
        self, request: ModelRequest, *, budget: BudgetGuard, on_delta: Callable[[str], None] | None = None
    ) -> ModelReply:
        reservation = await budget.reserve(tokens=20, cost=0.01)
        cost = Cost(input_tokens=5, output_tokens=1, cost=0.001, model_calls=1)
        await budget.settle(reservation, cost)
        return ModelReply(text="word", model="scripted", cost=cost)


def people_team() -> Team:
    leads, clerk = PeopleTeamLeads(), PeopleAgent()
    return Team(
        name="people",
        version="1",
        titles=leads.titles,
        meta_agent=leads,
        task_decomposer=leads,
        quality_check=leads,
        agents={clerk.name: clerk},
    )


async def people(application: bootstrap.Application, directory: Path) -> dict[str, Any]:
    """Three tasks through every control; each act looks at the state before it acts."""
    stamps, release = directory / "stamps", directory / "release"
    await application.agents.reset(DEFAULT_SCOPE, "clerk")
    asked = await _submit(application, "asked", {"wish": "ask", "stamps": str(stamps)})
    held = await _submit(application, "held", {"wish": "hold", "release": str(release)})
    blocked = await _submit(application, "blocked", {"wish": "block"})
    async with asyncio.timeout(DEADLINE_S):
        await _answer_twice(application, asked)
        await _pause_and_rename(application, held, release)
        await _cancel_retry_complete_delete(application, blocked)
    await application.database.write(
        SYSTEM_SCOPE, checkpoints.prune, keep=1, older_than=timedelta(0)
    )
    first = await application.tasks.get(DEFAULT_SCOPE, asked)
    second = await application.tasks.get(DEFAULT_SCOPE, held)
    return {
        "tasks": {
            "asked": {"status": first.status.value, "generation": first.generation, "result": dict(first.result or {})},
            "held": {"status": second.status.value, "title": second.title},
            "blocked": {"is_deleted": await _is_deleted(application)},
        },
        "stamps": len(set(stamps.read_text().split())),
        "spent": first.cost.model_calls,
    }


async def _submit(application: bootstrap.Application, name: str, wish: dict[str, Any]) -> str:
    if name == "blocked" and await _is_deleted(application):
        return ""
    draft = TaskDraft(
        title=name, description=name, team="people", language="en", input_data=wish, budget=Budget(tokens=1000)
    )
    return (await application.tasks.submit(DEFAULT_SCOPE, draft, idempotency_key=name)).task.id


async def _is_deleted(application: bootstrap.Application) -> bool:
    from langgraph_multi_agent.store import events

    log = await application.database.read(SYSTEM_SCOPE, events.after_cursor, "0.0", limit=10_000)
    return any(event.type is EventType.TASK_DELETED for event in log)


async def _until(application: bootstrap.Application, task_id: str, wanted: Callable[[Task], bool]) -> Task:
    while not wanted(task := await application.tasks.get(DEFAULT_SCOPE, task_id)):  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    return task


async def _answer_twice(application: bootstrap.Application, task_id: str) -> None:
    while True:
        task = await _until(
            application, task_id, lambda t: is_terminal(t.status) or t.status is TaskStatus.WAITING_INPUT
        )
        if task.status is TaskStatus.WAITING_INPUT:
            for question in await application.tasks.questions(DEFAULT_SCOPE, task_id):
                await application.tasks.answer(DEFAULT_SCOPE, task_id, question.id, {"approved": True})
        elif task.generation == 1:
            await application.tasks.reopen(DEFAULT_SCOPE, task_id)
        else:
            return


@contextmanager
def _unless_meanwhile(action: str, status: TaskStatus) -> Iterator[None]:
    """What was asked for before the crash may come true between a look and the same request again."""
    try:
        yield
    except IllegalTransition as refused:
        if (refused.params["action"], refused.params["status"]) != (action, status.value):
            raise


async def _pause_and_rename(application: bootstrap.Application, task_id: str, release: Path) -> None:
    task = await application.tasks.get(DEFAULT_SCOPE, task_id)
    if task.title == "held" and not is_terminal(task.status):
        if task.status is not TaskStatus.PAUSED:
            with _unless_meanwhile("pause", TaskStatus.PAUSED):
                await application.tasks.pause(DEFAULT_SCOPE, task_id)
        await application.tasks.update(DEFAULT_SCOPE, task_id, {"title": "renamed"})
    await asyncio.to_thread(release.touch)
    task = await application.tasks.get(DEFAULT_SCOPE, task_id)
    if task.status is TaskStatus.PAUSED:
        await application.tasks.resume(DEFAULT_SCOPE, task_id)
    await _until(application, task_id, lambda t: is_terminal(t.status))


async def _cancel_retry_complete_delete(application: bootstrap.Application, task_id: str) -> None:
    if not task_id:
        return
    try:
        task = await application.tasks.get(DEFAULT_SCOPE, task_id)
        if task.generation == 1:
            if not is_terminal(task.status):
                with _unless_meanwhile("cancel", TaskStatus.CANCELLED):
                    await application.tasks.cancel(DEFAULT_SCOPE, task_id)
            await application.tasks.retry(DEFAULT_SCOPE, task_id)
        task = await application.tasks.get(DEFAULT_SCOPE, task_id)
        if not is_terminal(task.status):
            await application.tasks.complete(DEFAULT_SCOPE, task_id, note="by hand")
        await application.tasks.delete(DEFAULT_SCOPE, task_id)
    except TaskNotFound:
        return


SCENARIOS: dict[str, Callable[[bootstrap.Application, Path], Awaitable[dict[str, Any]]]] = {
    "analysis": analysis,
    "people": people,
}


async def play(scenario: str, directory: Path, url: str = "") -> dict[str, Any]:
    """Open the application over the directory and live through the scenario.

    Args:
        url: of a PostgreSQL database; empty for SQLite in the directory.
    """
    chosen: dict[str, Any] = {"database_url": url, **SHORT_LEASES} if url else {}
    settings = Settings.load({}, data_dir=directory / "data", pause_grace=0.05, log_level="CRITICAL", **chosen)
    configure_logs(level="CRITICAL")
    upkeep.TICK_S = 0.1
    log = directory / "executed"
    teams = load_teams() if scenario == "analysis" else {"people": people_team()}
    logged_teams = {name: logged(team, log) for name, team in teams.items()}
    model = WordModel() if scenario == "people" else None
    opened = bootstrap.open_application(
        settings, teams=logged_teams, model=model, skills=InlineSkills(), tools={"stamp": Stamp()}
    )
    async with opened as application, bootstrap.working(application):
        return await SCENARIOS[scenario](application, directory)


class Ground(Protocol):
    """Where a scenario is played: a directory, and an empty database at the newest revision."""

    directory: Path
    url: str

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """What a reader from outside finds."""
        ...

    def close(self) -> None: ...


class SqliteGround:
    """`Ground` over a data file of the directory."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.url = directory, ""
        self._file = directory / "data" / bootstrap.DATABASE_FILE
        self._file.parent.mkdir(parents=True)
        new_sqlite_file(self._file.parent)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._file)) as connection:
            return connection.execute(statement).fetchall()

    def close(self) -> None:
        shutil.rmtree(self.directory)


class PostgresGround:
    """`Ground` over a database of its own on this process's PostgreSQL."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self.directory, self._server = directory, postgres()
        self._name = self._server.create_database()
        self.url = self._server.url(self._name)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with self._server.connect(self._name) as connection:
            return connection.execute(statement.encode()).fetchall()

    def close(self) -> None:
        self._server.drop_database(self._name)
        shutil.rmtree(self.directory)


GROUNDS: dict[str, Callable[[Path], Ground]] = {"sqlite": SqliteGround, "postgresql": PostgresGround}


def zygote() -> None:
    """Fork a child for each line on standard input; answer with how it ended."""
    import duckdb  # noqa: F401 - loaded once, shared by all children
    import matplotlib.figure  # noqa: F401

    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _live(order)
        _, status = os.waitpid(child, 0)
        ended = {"signal": os.WTERMSIG(status)} if os.WIFSIGNALED(status) else {"code": os.WEXITSTATUS(status)}
        print(json.dumps(ended), flush=True)


def _live(order: dict[str, Any]) -> None:
    code = 1
    try:
        os.environ.update(order["environment"])
        directory = Path(order["directory"])
        outcome = asyncio.run(play(order["scenario"], directory, order["url"]))
        (directory / "outcome.json").write_text(json.dumps(outcome))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


class Zygote:
    """The parent's handle on the forking process."""

    def __init__(self) -> None:
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from tests.support.crash import zygote; zygote()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment,
        )

    def run(self, scenario: str, ground: Ground, **environment: str) -> dict[str, int]:
        """Play a scenario in a child: `{"code"}` if it ended, `{"signal"}` if it was killed."""
        order = {
            "scenario": scenario,
            "directory": str(ground.directory),
            "url": ground.url,
            "environment": environment,
        }
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(order) + "\n")
        stdin.flush()
        answer: dict[str, int] = json.loads(stdout.readline())
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=90)


