"""The services of one process over its adapters.

Callers: `serving`, `working`, tests and benchmarks. Invariant: what was opened is closed in reverse
order, whatever happened.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.agents.contract import Team
from langgraph_multi_agent.agents.registry import PlanLimits, load_teams
from langgraph_multi_agent.bootstrap.adapters import Adapters, new_id, open_adapters
from langgraph_multi_agent.domain.ports import Artifacts, Model, RateLimits, SkillRunner
from langgraph_multi_agent.domain.task import Task
from langgraph_multi_agent.engine.run import GraphEngine
from langgraph_multi_agent.outgoing.client import Outgoing
from langgraph_multi_agent.outgoing.policy import OutgoingPolicy
from langgraph_multi_agent.service.agents import AgentService
from langgraph_multi_agent.service.analytics import AnalyticsService
from langgraph_multi_agent.service.audit import AuditService
from langgraph_multi_agent.service.chat import ChatService
from langgraph_multi_agent.service.execution import Execution
from langgraph_multi_agent.service.feedback import FeedbackService
from langgraph_multi_agent.service.health import HealthService
from langgraph_multi_agent.service.identities import IdentityService, SessionTimes
from langgraph_multi_agent.service.inspection import InspectionService
from langgraph_multi_agent.service.preferences import PreferenceService
from langgraph_multi_agent.service.quotas import QuotaService
from langgraph_multi_agent.service.retention import RetentionService
from langgraph_multi_agent.service.schedules import ScheduleService
from langgraph_multi_agent.service.streams import StreamService
from langgraph_multi_agent.service.tasks import TaskService
from langgraph_multi_agent.service.transfer import TransferService, settle
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.skills.runner import ChildProcessSkillRunner
from langgraph_multi_agent.store import leases, references
from langgraph_multi_agent.store.claims import Suspects
from langgraph_multi_agent.store.database import Database
from langgraph_multi_agent.store.journal import JournalFlusher
from langgraph_multi_agent.store.retention import Policy
from langgraph_multi_agent.telemetry.logs import configure_logs
from langgraph_multi_agent.telemetry.metrics import Metrics
from langgraph_multi_agent.tools.contract import Tool
from langgraph_multi_agent.tools.registry import load_tools
from langgraph_multi_agent.worker.lone import LoneWorker
from langgraph_multi_agent.worker.upkeep import ORPHAN_MIN_AGE_S, Upkeep
from langgraph_multi_agent.worker.worker import Worker

if TYPE_CHECKING:
    from langgraph_multi_agent.models.gateway import Gateway

Models = Callable[[Task], Model | None]
"""Whom the runs of a task ask."""


@dataclass(slots=True, kw_only=True)
class Application:
    """Everything of one process, opened. `worker` and `upkeep` run only inside `serving` or `working`."""

    settings: Settings
    database: Database
    tasks: TaskService
    streams: StreamService
    agents: AgentService
    health: HealthService
    schedules: ScheduleService
    retention: RetentionService
    transfer: TransferService
    inspection: InspectionService
    analytics: AnalyticsService
    chat: ChatService
    feedback: FeedbackService
    preferences: PreferenceService
    identities: IdentityService
    audit: AuditService
    quotas: QuotaService
    rate_limits: RateLimits
    metrics: Metrics
    worker: Worker
    upkeep: Upkeep
    lone: LoneWorker | None
    teams: Mapping[str, Team]
    flusher: JournalFlusher
    artifacts: Artifacts
    is_stopping: bool = False


@asynccontextmanager
async def open_application(
    settings: Settings,
    *,
    teams: Mapping[str, Team] | None = None,
    model: Model | None = None,
    skills: SkillRunner | None = None,
    tools: Mapping[str, Tool] | None = None,
    processes: int = 1,
    only_suspects: bool = False,
    lone_argv: tuple[str, ...] = (),
) -> AsyncIterator[Application]:
    """Open one process of the system; over SQLite the caller holds the data directory's lock.

    Tasks whose worker died are given back to the queue.

    Args:
        teams, model, skills, tools: instead of those that the settings name; for embedding and tests.
        processes: of this replica; they share its connections.
        only_suspects: this process is for tasks that crash theirs, one at a time.
        lone_argv: starts such a process; empty where this process may not.

    Raises:
        SettingsUnsafe: a setting cannot be served, a team file is wrong, the database is newer.
        DependencyUnavailable: the database does not answer.
    """
    metrics = Metrics(with_process=settings.memory_monitoring)
    for warning in settings.warnings:
        structlog.get_logger("bootstrap").warning("setting", setting=warning.setting, code=warning.code)
    if teams is None:
        limits = PlanLimits(max_subtasks=settings.max_subtasks, max_depth=settings.max_plan_depth)
        teams = load_teams(directory=settings.teams_dir, attributes=settings.teams, limits=limits)
    async with AsyncExitStack() as stack:
        adapters = await stack.enter_async_context(
            open_adapters(settings, processes=processes, metrics=metrics)
        )
        models = _always(model)
        if model is None and settings.has_model:
            from langgraph_multi_agent.models.gateway import Gateway

            gateway = Gateway(settings, clock=adapters.clock, metrics=metrics, cache=adapters.cache)
            stack.push_async_callback(gateway.close)
            model, models = gateway, _remembering(gateway)
        if skills is None:
            skills = ChildProcessSkillRunner(
                concurrency=settings.skill_concurrency,
                memory_bytes=settings.skill_memory_bytes,
                deadline_s=settings.skill_timeout,
                scratch=adapters.scratch,
            )
        if not adapters.is_shared:
            await _take_over(adapters)
        outgoing = Outgoing(outgoing_policy(settings))
        stack.callback(outgoing.close)
        if tools is None:
            tools = load_tools(offered={"outgoing": outgoing, "skills": skills, "scratch": adapters.scratch})
        application = _assembled(
            settings,
            adapters,
            metrics,
            teams=teams,
            model=model,
            models=models,
            skills=skills,
            tools=tools,
            only_suspects=only_suspects,
            lone_argv=lone_argv,
        )
        stack.push_async_callback(application.audit.close)
        yield application


def _always(model: Model | None) -> Models:
    return lambda _: model


def _remembering(gateway: "Gateway") -> Models:
    """Answers are shared among a tenant's tasks; who retries or reopens one wants new ones."""
    return lambda task: gateway.remembering(task.tenant) if task.generation == 1 else gateway


def configure(settings: Settings) -> None:
    """Logs for a server process."""
    configure_logs(level=settings.log_level, style=settings.log_format, secrets=settings.secrets)


def outgoing_policy(settings: Settings) -> OutgoingPolicy:
    return OutgoingPolicy.of(
        access=settings.outgoing_access,
        allowed=settings.outgoing_allowed,
        ports=settings.outgoing_ports,
        timeout_s=settings.outgoing_timeout,
        max_bytes=settings.outgoing_max_bytes,
    )


def retention_policy(settings: Settings) -> Policy:
    return Policy(
        messages=timedelta(days=settings.retention_messages_days),
        executions=timedelta(days=settings.retention_executions_days),
        audit=None if settings.audit_retention_days is None else timedelta(days=settings.audit_retention_days),
    )


async def _take_over(adapters: Adapters) -> None:
    """Under the data directory's lock nobody else lives: everything that ran is abandoned."""
    reclaimed = await adapters.database.write(SYSTEM_SCOPE, leases.reclaim, all_leases=True)
    if reclaimed:
        structlog.get_logger("bootstrap").warning("tasks reclaimed", count=len(reclaimed))
    await settle(adapters.database)
    referenced = await references.needed(adapters.database)
    await adapters.artifacts.collect(referenced, min_age_s=ORPHAN_MIN_AGE_S)


def _assembled(
    settings: Settings,
    adapters: Adapters,
    metrics: Metrics,
    *,
    teams: Mapping[str, Team],
    model: Model | None,
    models: Models,
    skills: SkillRunner,
    tools: Mapping[str, Tool],
    only_suspects: bool,
    lone_argv: tuple[str, ...],
) -> Application:
    has_model = model is not None
    database, clock, feed, doorbell = adapters.database, adapters.clock, adapters.feed, adapters.doorbell
    flusher = JournalFlusher(
        database, patience_s=settings.owner_grace_seconds, on_commit=metrics.journal_commit
    )
    task_service = TaskService(
        database=database,
        artifacts=adapters.artifacts,
        feed=feed,
        doorbell=doorbell,
        teams=teams,
        settings=settings,
        has_model=has_model,
        clock=clock,
        new_id=new_id,
        metrics=metrics,
    )
    execution = Execution(
        database=database,
        flusher=flusher,
        artifacts=adapters.artifacts,
        feed=feed,
        engine=GraphEngine(),
        teams=teams,
        tools=tools,
        skills=skills,
        models=models,
        settings=settings,
        metrics=metrics,
        clock=clock,
    )
    if only_suspects:
        suspects = Suspects.ONLY
    else:
        suspects = Suspects.NEVER if lone_argv else Suspects.ALONE
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
        slots=1 if only_suspects else None,
        suspects=suspects,
        ends_when_idle=only_suspects,
    )
    schedules = ScheduleService(
        database=database, tasks=task_service, queue_size=settings.task_queue_size, new_id=new_id
    )
    retention = RetentionService(
        database=database, policy=retention_policy(settings), clock=clock, new_id=new_id
    )
    agents = AgentService(database=database, feed=feed, teams=teams)
    health = HealthService(
        database=database,
        artifacts=adapters.artifacts,
        clock=clock,
        tasks=task_service,
        has_model=has_model,
        probes={
            **({"queue": doorbell.ping, "feed": feed.ping} if settings.queue_redis_url else {}),
            **({"cache": adapters.cache.ping} if settings.redis_url else {}),
        },
    )
    lone = LoneWorker(lone_argv) if lone_argv else None
    return Application(
        settings=settings,
        database=database,
        tasks=task_service,
        streams=StreamService(database=database, feed=feed),
        agents=agents,
        health=health,
        schedules=schedules,
        retention=retention,
        transfer=TransferService(
            database=database,
            feed=feed,
            teams=frozenset(teams),
            clock=clock,
            max_bytes=settings.max_input_bytes,
        ),
        inspection=InspectionService(database=database, lease_s=settings.lease_seconds),
        analytics=AnalyticsService(database=database),
        chat=ChatService(
            database=database,
            feed=feed,
            tasks=task_service,
            agents=agents,
            health=health,
            model=model,
            queue_size=settings.task_queue_size,
            per_minute=settings.chat_messages_per_minute,
            new_id=new_id,
        ),
        feedback=FeedbackService(database=database, new_id=new_id),
        preferences=PreferenceService(database=database),
        identities=IdentityService(
            database=database,
            sessions=adapters.sessions,
            clock=clock,
            new_id=new_id,
            times=SessionTimes(
                idle_s=settings.session_idle_hours * 3600, total_s=settings.session_total_days * 86400
            ),
        ),
        audit=AuditService(database=database, metrics=metrics),
        quotas=QuotaService(database=database),
        rate_limits=adapters.rate_limits,
        metrics=metrics,
        worker=worker,
        upkeep=Upkeep(
            database=database,
            artifacts=adapters.artifacts,
            doorbell=doorbell,
            feed=feed,
            schedules=schedules,
            retention=retention,
            teams=teams,
            settings=settings,
            metrics=metrics,
            shows_queue=adapters.is_shared,
            run_suspects=lone.start if lone is not None else None,
        ),
        lone=lone,
        teams=teams,
        flusher=flusher,
        artifacts=adapters.artifacts,
    )
