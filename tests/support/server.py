"""A real API over real services in a directory of the test, and hands that do a worker's part.

The database, the feed and the artifacts are the embedded ones; only the team is small. No worker
runs: tests claim, commit and finish through the store's own units of work.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from uuid_utils import uuid7

from langgraph_multi_agent.access import WORKER_SCOPE
from langgraph_multi_agent.agents.contract import Agent, Proposal, Team, Understanding, Work
from langgraph_multi_agent.api.app import create_api
from langgraph_multi_agent.api.context import Services, StreamLimits
from langgraph_multi_agent.artifacts.directory import DirectoryArtifacts
from langgraph_multi_agent.bootstrap.connections import BoundedHttp
from langgraph_multi_agent.cache.rate_limits import RateLimits
from langgraph_multi_agent.domain.clock import SystemClock
from langgraph_multi_agent.domain.errors import InputUnreadable, ModelRequired
from langgraph_multi_agent.domain.event import EventType, NewEvent
from langgraph_multi_agent.domain.plan import Plan, Subtask
from langgraph_multi_agent.domain.ports import Model, Step
from langgraph_multi_agent.domain.result import ArtifactKind, ArtifactRef, SubtaskResult, Verdict
from langgraph_multi_agent.domain.task import Action, TaskDraft
from langgraph_multi_agent.feed.memory import MemoryFeed
from langgraph_multi_agent.queue.memory import MemoryDoorbell
from langgraph_multi_agent.service.agents import AgentService
from langgraph_multi_agent.service.analytics import AnalyticsService
from langgraph_multi_agent.service.audit import AuditService
from langgraph_multi_agent.service.chat import ChatService
from langgraph_multi_agent.service.chat.model import DEADLINE_S
from langgraph_multi_agent.service.feedback import FeedbackService
from langgraph_multi_agent.service.health import HealthService
from langgraph_multi_agent.service.identities import IdentityService
from langgraph_multi_agent.service.inspection import InspectionService
from langgraph_multi_agent.service.preferences import PreferenceService
from langgraph_multi_agent.service.quotas import QuotaService
from langgraph_multi_agent.service.retention import RetentionService
from langgraph_multi_agent.service.schedules import ScheduleService
from langgraph_multi_agent.service.streams import StreamService
from langgraph_multi_agent.service.tasks import TaskService
from langgraph_multi_agent.service.transfer import TransferService
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.store import claims, migration, runs
from langgraph_multi_agent.store.claims import Claimed
from langgraph_multi_agent.store.database import Database, FailPoints, SqliteDatabase, sqlite_engine
from langgraph_multi_agent.store.decisions import question_key
from langgraph_multi_agent.store.journal import FencedWrite, commit_steps
from langgraph_multi_agent.store.retention import Policy
from langgraph_multi_agent.store.runs import Ending
from langgraph_multi_agent.store.sessions import StoredSessions
from langgraph_multi_agent.telemetry.metrics import Metrics

LEASE = timedelta(seconds=60)
PATIENCE_S = 60.0
"""An answer waits so long for its row in the audit log: tests read the log after it."""


class DeskAgent:
    name = "desk"
    titles: Mapping[str, str] = {"zh": "办事员", "en": "Desk"}
    capabilities: tuple[str, ...] = ("desk_work",)

    def propose(self, understanding: Understanding) -> Sequence[Proposal]:
        return [Proposal(key="desk", title="Desk work", capability="desk_work")]

    async def work(self, work: Work) -> SubtaskResult:
        return SubtaskResult(summary=f"did {work.request}")


class DeskLead:
    """Understands, plans and checks for the test team; refuses what the text says to refuse."""

    name = "lead"
    titles: Mapping[str, str] = {"zh": "组长", "en": "Lead"}

    def admit(self, draft: TaskDraft, *, has_model: bool) -> None:
        if "write a poem" in draft.description and not has_model:
            raise ModelRequired(settings="LLM_MODEL, LLM_BASE_URL, LLM_API_KEY", reason="poem")
        for file in draft.files:
            if file.name.endswith(".exe"):
                raise InputUnreadable(file=file.name, reason="unsupported_kind", supported="csv")

    async def understand(self, work: Work) -> Understanding:
        return Understanding(goal=work.request, language=work.language)

    async def decompose(self, work: Work, understanding: Understanding, agents: Mapping[str, Agent]) -> Plan:
        return desk_plan()

    async def repair(
        self, work: Work, plan: Plan, verdicts: Sequence[Verdict], agents: Mapping[str, Agent]
    ) -> Plan | None:
        return None

    def verdicts(self, plan: Plan, results: Mapping[str, SubtaskResult]) -> Sequence[Verdict]:
        return []

    def result(
        self, plan: Plan, results: Mapping[str, SubtaskResult], verdicts: Sequence[Verdict]
    ) -> Mapping[str, Any]:
        return {"summary": "done"}


def desk_plan(revision: int = 1) -> Plan:
    return Plan(
        revision=revision,
        reason="two steps",
        subtasks=(
            Subtask(id="read", title="Read", capability="desk_work", agent="desk"),
            Subtask(id="write", title="Write", capability="desk_work", agent="desk", depends_on=("read",)),
        ),
    )


def desk_team() -> Team:
    lead = DeskLead()
    return Team(
        name="default",
        version="1",
        titles={"zh": "测试组", "en": "Test team"},
        meta_agent=lead,
        task_decomposer=lead,
        quality_check=lead,
        agents={"desk": DeskAgent()},
    )


@dataclass(slots=True, kw_only=True)
class Desk:
    """The API under test with what stands behind it.

    `client` calls the application in this process; `serving` puts it behind a real socket.
    """

    app: FastAPI
    services: Services
    client: httpx.AsyncClient
    database: Database
    artifacts: DirectoryArtifacts
    feed: MemoryFeed
    runs: dict[str, Claimed] = field(default_factory=dict)

    async def submit(self, description: str = "数一数", **fields: Any) -> dict[str, Any]:
        answer = await self.client.post("/api/v1/tasks", json={"description": description, **fields})
        assert answer.status_code == 202, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def claim(self, task_id: str) -> Claimed:
        """Own the task as a worker would; claims all that wait, for tests with several tasks."""
        if task_id not in self.runs:
            claimed = await self.database.write(
                WORKER_SCOPE, claims.claim, "test-worker", limit=100, lease=LEASE, teams={"default": "1"}
            )
            self.runs |= {item.task.id: item for item in claimed}
            self.feed.wake([item.task.id for item in claimed])
        return self.runs[task_id]

    async def commit(
        self,
        task_id: str,
        *events: NewEvent,
        step: Step | None = None,
        artifacts: Sequence[ArtifactRef] = (),
    ) -> None:
        """Journal a step and events of the claimed run, and wake the listeners."""
        claimed = await self.claim(task_id)
        write = FencedWrite(
            task_id=task_id,
            epoch=claimed.epoch,
            step=step,
            result=step.result if step is not None else None,
            artifacts=tuple(artifacts),
            events=events,
        )
        (fault,) = await self.database.write(WORKER_SCOPE, commit_steps, [write])
        if fault is not None:
            raise fault
        self.feed.wake([task_id])

    async def plan(self, task_id: str, plan: Plan | None = None) -> None:
        plan = plan or desk_plan()
        key = f"{(await self.claim(task_id)).task.generation}/plan/{plan.revision}"
        kind = EventType.PLAN_CREATED if plan.revision == 1 else EventType.PLAN_REVISED
        step = Step(key=key, input_hash="x", result=plan.to_json())
        await self.commit(task_id, NewEvent(type=kind, data={"revision": plan.revision}), step=step)

    async def save(self, task_id: str, name: str, content: bytes, media_type: str, kind: ArtifactKind) -> str:
        blob = await self.artifacts.put(content)
        ref = ArtifactRef(
            name=name, digest=blob.digest, size_bytes=blob.size_bytes, media_type=media_type, kind=kind
        )
        await self.commit(task_id, artifacts=[ref])
        return blob.digest

    async def ask(self, task_id: str, question: Mapping[str, Any]) -> None:
        """Journal a question and park the task."""
        claimed = await self.claim(task_id)
        key = question_key(claimed.task.generation, question["id"])
        await self.commit(task_id, step=Step(key=key, input_hash="x", result=dict(question)))
        await self.finish(task_id, Action.PARK, questions=(question,))

    async def finish(self, task_id: str, action: Action = Action.COMPLETE, **ending: Any) -> None:
        claimed = await self.claim(task_id)
        if action is Action.COMPLETE:
            ending.setdefault("result", {"summary": "done"})
        await self.database.write(
            WORKER_SCOPE, runs.finish, task_id, claimed.epoch, Ending(action=action, **ending)
        )
        del self.runs[task_id]
        self.feed.wake([task_id])


def step_event(kind: EventType, subtask_id: str, **data: Any) -> NewEvent:
    return NewEvent(type=kind, agent="desk", subtask_id=subtask_id, data=data)


@cache
def empty_database() -> bytes:
    """A migrated database without rows: migrating once is enough for all tests of a process."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "lgma.db"
        engine = sqlite_engine(path)
        migration.upgrade(engine)
        engine.dispose()
        return path.read_bytes()


@asynccontextmanager
async def open_desk(
    data_dir: Path,
    *,
    stream_limits: StreamLimits | None = None,
    has_model: bool = False,
    model: Model | None = None,
    model_deadline_s: float = DEADLINE_S,
    teams: Mapping[str, Team] | None = None,
    database: Database | None = None,
    **settings: Any,
) -> AsyncIterator[Desk]:
    """Services on a fresh data directory, and a client of the API over them."""
    configured = Settings.load({}, data_dir=data_dir, memory_monitoring=False, **settings)
    path, clock = data_dir / "lgma.db", SystemClock()
    artifacts, feed = DirectoryArtifacts(data_dir / "artifacts"), MemoryFeed()  # makes the directory too
    await asyncio.to_thread(path.write_bytes, empty_database())

    def new_id() -> str:
        return str(uuid7())

    database = database or SqliteDatabase(
        path, clock=clock, new_id=new_id, fail_points=FailPoints({}), quota=configured.quota
    )
    teams = teams or {"default": desk_team()}
    metrics = Metrics(with_process=False)
    tasks = TaskService(
        database=database,
        artifacts=artifacts,
        feed=feed,
        doorbell=MemoryDoorbell(),
        teams=teams,
        settings=configured,
        has_model=has_model or model is not None,
        clock=clock,
        new_id=new_id,
        metrics=metrics,
    )
    agents = AgentService(database=database, feed=feed, teams=teams)
    health = HealthService(
        database=database,
        artifacts=artifacts,
        clock=clock,
        tasks=tasks,
        has_model=has_model or model is not None,
    )
    services = Services(
        settings=configured,
        tasks=tasks,
        streams=StreamService(database=database, feed=feed),
        agents=agents,
        health=health,
        schedules=ScheduleService(
            database=database, tasks=tasks, queue_size=configured.task_queue_size, new_id=new_id
        ),
        retention=RetentionService(database=database, policy=Policy(), clock=clock, new_id=new_id),
        transfer=TransferService(
            database=database,
            feed=feed,
            teams=frozenset(teams),
            clock=clock,
            max_bytes=configured.max_input_bytes,
        ),
        inspection=InspectionService(database=database, lease_s=configured.lease_seconds),
        analytics=AnalyticsService(database=database),
        chat=ChatService(
            database=database,
            feed=feed,
            tasks=tasks,
            agents=agents,
            health=health,
            model=model,
            queue_size=configured.task_queue_size,
            per_minute=configured.chat_messages_per_minute,
            new_id=new_id,
            model_deadline_s=model_deadline_s,
        ),
        feedback=FeedbackService(database=database, new_id=new_id),
        preferences=PreferenceService(database=database),
        identities=IdentityService(
            database=database, sessions=StoredSessions(database), clock=clock, new_id=new_id
        ),
        audit=AuditService(database=database, metrics=metrics, patience_s=PATIENCE_S),
        quotas=QuotaService(database=database),
        rate_limits=RateLimits(),
        metrics=metrics,
        clock=clock,
        stream_limits=stream_limits or StreamLimits(),
    )
    app = create_api(services)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers={"accept-language": "en"}
        ) as client:
            yield Desk(
                app=app, services=services, client=client, database=database, artifacts=artifacts, feed=feed
            )
    finally:
        await database.close()


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """The application behind a real socket of this machine; yields `host:port`."""
    # Of TCP by name: else asyncio leaves Nagle's algorithm on, and each answer may wait 40 ms for its body.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        http=BoundedHttp,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=15,  # a handler that is cut short leaves what tests look at afterwards
        server_header=False,
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[assignment,method-assign]
    running = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        while not server.started:
            if running.done():
                await running
            await asyncio.sleep(0.005)  # uvicorn offers no event for it
        host, port = sock.getsockname()
        yield f"{host}:{port}"
    finally:
        server.should_exit = True
        await running
        sock.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSentEvent:
    event: str
    data: Any
    id: str | None


async def server_sent_events(response: httpx.Response) -> AsyncGenerator[ServerSentEvent, None]:
    """The events of a stream, as a browser would hand them out; comments are left out."""
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        else:
            if "data" in fields:
                yield ServerSentEvent(
                    event=fields.get("event", "message"), data=json.loads(fields["data"]), id=fields.get("id")
                )
            fields = {}
