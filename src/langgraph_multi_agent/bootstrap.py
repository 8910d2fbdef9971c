"""The composition root: the only place that chooses adapters.

Hides the order of opening and closing, the data directory's lock file, and the server process.
Callers: the CLI, tests and benchmarks. Invariant: at most one process owns a data directory, and
what it opened is closed in reverse order, whatever happened.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from uuid_utils import uuid7

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.agents.contract import Team
from langgraph_multi_agent.agents.registry import PlanLimits, load_teams
from langgraph_multi_agent.artifacts.directory import DirectoryArtifacts
from langgraph_multi_agent.domain.clock import SystemClock
from langgraph_multi_agent.domain.errors import SettingsUnsafe
from langgraph_multi_agent.domain.ports import Model, SkillRunner
from langgraph_multi_agent.engine.run import GraphEngine
from langgraph_multi_agent.feed.memory import MemoryFeed
from langgraph_multi_agent.ops.data_directory import data_directory_lock
from langgraph_multi_agent.queue.memory import MemoryDoorbell
from langgraph_multi_agent.service.agents import AgentService
from langgraph_multi_agent.service.execution import Execution
from langgraph_multi_agent.service.health import HealthService
from langgraph_multi_agent.service.retention import RetentionService
from langgraph_multi_agent.service.schedules import ScheduleService
from langgraph_multi_agent.service.streams import StreamService
from langgraph_multi_agent.service.tasks import TaskService
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.skills.runner import ChildProcessSkillRunner
from langgraph_multi_agent.store import migration, runs, tasks
from langgraph_multi_agent.store.database import FailPoints, SqliteDatabase, sqlite_engine
from langgraph_multi_agent.store.journal import JournalFlusher
from langgraph_multi_agent.store.retention import Policy
from langgraph_multi_agent.telemetry.logs import configure_logs
from langgraph_multi_agent.telemetry.metrics import Metrics
from langgraph_multi_agent.tools.contract import Tool
from langgraph_multi_agent.tools.registry import load_tools
from langgraph_multi_agent.worker.worker import Worker

DATABASE_FILE = "lgma.db"
ORPHAN_MIN_AGE_S = 24 * 3600.0
CLOSE_CONNECTIONS_S = 3.0
"""How long open streams get to end when the server goes down."""


def new_id() -> str:
    """A UUIDv7: sorts by time."""
    return str(uuid7())


@dataclass(slots=True, kw_only=True)
class Application:
    """Everything of one process, opened. `worker` runs only inside `serving` or `working`."""

    settings: Settings
    database: SqliteDatabase
    tasks: TaskService
    streams: StreamService
    agents: AgentService
    health: HealthService
    schedules: ScheduleService
    retention: RetentionService
    metrics: Metrics
    worker: Worker
    teams: Mapping[str, Team]
    flusher: JournalFlusher
    artifacts: DirectoryArtifacts
    is_stopping: bool = False


@asynccontextmanager
async def open_application(
    settings: Settings,
    *,
    teams: Mapping[str, Team] | None = None,
    model: Model | None = None,
    skills: SkillRunner | None = None,
    tools: Mapping[str, Tool] | None = None,
) -> AsyncIterator[Application]:
    """Open the embedded system over a data directory whose lock the caller holds.

    Tasks whose worker died are given back to the queue.

    Args:
        teams, model, skills, tools: instead of those that the settings name; for embedding and tests.

    Raises:
        SettingsUnsafe: a setting cannot be served, a team file is wrong, the database is newer.
    """
    if not settings.is_sqlite:
        raise SettingsUnsafe(setting="DATABASE_URL", reason="dialect_unsupported", value="postgresql")
    clock, metrics = SystemClock(), Metrics(with_process=settings.memory_monitoring)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = database_path(settings)
    engine = sqlite_engine(path)
    await asyncio.to_thread(migration.upgrade, engine)
    engine.dispose()
    if teams is None:
        limits = PlanLimits(max_subtasks=settings.max_subtasks, max_depth=settings.max_plan_depth)
        teams = load_teams(directory=settings.teams_dir, attributes=settings.teams, limits=limits)
    gateway = None
    if model is None and settings.has_model:
        from langgraph_multi_agent.models.gateway import Gateway

        model = gateway = Gateway(settings, clock=clock, metrics=metrics)
    database = SqliteDatabase(path, clock=clock, new_id=new_id, fail_points=FailPoints())
    artifacts = DirectoryArtifacts(settings.data_dir / "artifacts")
    feed, doorbell = MemoryFeed(), MemoryDoorbell()
    flusher = JournalFlusher(database)
    if skills is None:
        skills = ChildProcessSkillRunner(
            concurrency=settings.skill_concurrency,
            memory_bytes=settings.skill_memory_bytes,
            deadline_s=settings.skill_timeout,
            scratch=await asyncio.to_thread(_empty, settings.data_dir / "scratch"),
        )
    task_service = TaskService(
        database=database,
        artifacts=artifacts,
        feed=feed,
        doorbell=doorbell,
        teams=teams,
        settings=settings,
        has_model=model is not None,
        clock=clock,
        new_id=new_id,
        metrics=metrics,
    )
    execution = Execution(
        database=database,
        flusher=flusher,
        artifacts=artifacts,
        feed=feed,
        engine=GraphEngine(),
        teams=teams,
        tools=load_tools() if tools is None else tools,
        skills=skills,
        model=model,
        settings=settings,
        metrics=metrics,
        clock=clock,
    )
    worker = Worker(
        database=database,
        flusher=flusher,
        execution=execution,
        doorbell=doorbell,
        feed=feed,
        teams=teams,
        settings=settings,
        clock=clock,
        new_id=new_id,
    )
    try:
        reclaimed = await database.write(SYSTEM_SCOPE, runs.reclaim, all_leases=True)
        if reclaimed:
            structlog.get_logger("bootstrap").warning("tasks reclaimed", count=len(reclaimed))
        referenced = await database.read(SYSTEM_SCOPE, tasks.referenced_digests)
        await artifacts.collect(referenced, min_age_s=ORPHAN_MIN_AGE_S)
        yield Application(
            settings=settings,
            database=database,
            tasks=task_service,
            streams=StreamService(database=database, feed=feed),
            agents=AgentService(database=database, feed=feed, teams=teams),
            health=HealthService(
                database=database,
                artifacts=artifacts,
                clock=clock,
                tasks=task_service,
                has_model=model is not None,
            ),
            schedules=ScheduleService(
                database=database, tasks=task_service, queue_size=settings.task_queue_size, new_id=new_id
            ),
            retention=RetentionService(
                database=database, policy=retention_policy(settings), clock=clock, new_id=new_id
            ),
            metrics=metrics,
            worker=worker,
            teams=teams,
            flusher=flusher,
            artifacts=artifacts,
        )
    finally:
        if gateway is not None:
            await gateway.close()
        await database.close()


@contextmanager
def _plain_errors() -> Iterator[None]:
    """A group of one error is that error: callers catch faults, not task groups."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        raise error from error.__cause__


@asynccontextmanager
async def working(application: Application) -> AsyncIterator[Application]:
    """Run the worker around the block, and drain it after."""
    with _plain_errors():
        async with asyncio.TaskGroup() as group:
            group.create_task(application.worker.run())
            try:
                yield application
            finally:
                application.tasks.is_draining = True
                application.worker.stop()


def retention_policy(settings: Settings) -> Policy:
    return Policy(
        messages=timedelta(days=settings.retention_messages_days),
        executions=timedelta(days=settings.retention_executions_days),
    )


def database_path(settings: Settings) -> Path:
    """The SQLite file that DATABASE_URL names, or the one of the data directory."""
    url = settings.database_url
    if url.startswith("sqlite:///") and url.removeprefix("sqlite:///"):
        return Path(url.removeprefix("sqlite:///"))
    return settings.data_dir / DATABASE_FILE


def _empty(folder: Path) -> Path:
    """A folder of this process alone; what a killed one left in it is gone."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


def listening_socket(host: str, port: int) -> socket.socket:
    """A bound socket, so that the address is known before the server starts."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        reason = "port_in_use" if error.errno == 98 else "cannot_bind"
        raise SettingsUnsafe(setting="LGMA_PORT", reason=reason, value=f"{host}:{port}") from error
    return sock


def address_of(sock: socket.socket) -> str:
    """The URL at which clients on this machine reach a socket."""
    host, port = sock.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{host}:{port}"


def web_api(application: Application) -> Any:
    """The HTTP API over an application, as an ASGI application."""
    from langgraph_multi_agent.api.app import create_api
    from langgraph_multi_agent.api.context import Services

    return create_api(
        Services(
            settings=application.settings,
            tasks=application.tasks,
            streams=application.streams,
            agents=application.agents,
            health=application.health,
            schedules=application.schedules,
            retention=application.retention,
            metrics=application.metrics,
            clock=SystemClock(),
            is_stopping=lambda: application.is_stopping,
        )
    )


@asynccontextmanager
async def serving(
    settings: Settings,
    *,
    host: str | None = None,
    port: int | None = None,
    teams: Mapping[str, Team] | None = None,
    works: bool = True,
) -> AsyncIterator[str]:
    """Serve the API and work on tasks around the block; yields the base URL.

    `works` False serves only: tasks that wait go on waiting.

    Leaving the block drains: not ready, nothing claimed, running tasks handed back. The server
    answers until that is done, so that clients hear of it; only then streams and sockets close.

    Raises:
        DataDirectoryInUse, SettingsUnsafe.
    """
    import uvicorn

    sock = listening_socket(settings.host if host is None else host, settings.port if port is None else port)
    with contextlib.closing(sock), data_directory_lock(settings.data_dir) as announce:
        async with open_application(settings, teams=teams) as application:
            config = uvicorn.Config(
                web_api(application),
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=int(CLOSE_CONNECTIONS_S),
                server_header=False,
                ws_max_size=1024 * 1024,
            )
            server = uvicorn.Server(config)
            server.capture_signals = contextlib.nullcontext  # type: ignore[assignment,method-assign]
            with _plain_errors():
                async with asyncio.TaskGroup() as group:
                    running = group.create_task(server.serve(sockets=[sock]))
                    try:
                        async with working(application) if works else contextlib.nullcontext(application):
                            while not server.started and not running.done():  # noqa: ASYNC110 - uvicorn has no event
                                await asyncio.sleep(0.005)
                            announce(address_of(sock))
                            yield address_of(sock)
                    finally:
                        application.tasks.is_draining = True
                        application.is_stopping = True
                        server.should_exit = True


@asynccontextmanager
async def embedded(settings: Settings, *, works: bool = True) -> AsyncIterator[str]:
    """The same server inside this process, on a free loopback port; `works` False to look only."""
    async with serving(settings, host="127.0.0.1", port=0, works=works) as address:
        yield address


async def serve(settings: Settings, *, on_ready: Callable[[str], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT. A second signal ends at once; tasks are reclaimed at start."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def stopped() -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped)
    try:
        async with serving(settings) as address:
            structlog.get_logger("bootstrap").info("ready", address=address, data_dir=str(settings.data_dir))
            if on_ready is not None:
                on_ready(address)
            await stop.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def configure(settings: Settings) -> None:
    """Logs for a server process."""
    key = settings.llm_api_key
    configure_logs(
        level=settings.log_level,
        style=settings.log_format,
        secrets=[key.get_secret_value()] if key else [],
    )


def run_server(settings: Settings, *, on_ready: Callable[[str], None] | None = None) -> None:
    """`lgma serve`: configure logs, take the quick event loop where there is one, serve."""
    configure(settings)
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve(settings, on_ready=on_ready))
    else:
        uvloop.run(serve(settings, on_ready=on_ready))
