"""What a request may reach: the services, whose request it is, and its language.

`bootstrap` fills `Services` and hands it to `create_api`; routes take parts of it as
dependencies. Invariant: no route reaches around it.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Annotated, Protocol

from fastapi import Depends
from starlette.requests import HTTPConnection

from langgraph_multi_agent import __version__
from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.access.policy import Principal
from langgraph_multi_agent.api.auth.revocation import Revocation
from langgraph_multi_agent.api.frames import RecentTasks, SharedFrames
from langgraph_multi_agent.domain.ports import Clock, RateLimits
from langgraph_multi_agent.i18n import DEFAULT_LANGUAGE
from langgraph_multi_agent.service.agents import AgentService
from langgraph_multi_agent.service.analytics import AnalyticsService
from langgraph_multi_agent.service.audit import AuditService
from langgraph_multi_agent.service.chat import ChatService
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
from langgraph_multi_agent.telemetry.metrics import Metrics


class Tokens(Protocol):
    """Tokens of another issuer; `auth.tokens` verifies them."""

    async def principal(self, token: str) -> Principal: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """How live connections are kept, in seconds and bytes.

    Attributes:
        keep_alive_s: pause between comments of a quiet SSE stream.
        heartbeat_s: pause between `heartbeat` frames of a WebSocket.
        send_deadline_s: how long a WebSocket may take nothing of a frame that waits for it.
        subscriptions: tasks that one WebSocket may follow.
        frame_bytes: largest frame that a client may send.
        status_pause_s: pause between two `status_response` frames of a WebSocket.
    """

    keep_alive_s: float = 15.0
    heartbeat_s: float = 30.0
    send_deadline_s: float = 10.0
    subscriptions: int = 200
    frame_bytes: int = 64 * 1024
    status_pause_s: float = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """All that the API needs.

    Attributes:
        lifespan: entered when the server starts, left when it stops.
        is_stopping: True once the process is about to end; live streams then end, so that
            their clients come back to another process with the number they know.
    """

    settings: Settings
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
    clock: Clock
    tokens: Tokens | None = None
    version: str = __version__
    lifespan: Callable[[], AbstractAsyncContextManager[None]] | None = None
    is_stopping: Callable[[], bool] = lambda: False
    stream_limits: StreamLimits = field(default_factory=StreamLimits)
    socket_frames: SharedFrames[str] = field(default_factory=SharedFrames)
    stream_frames: SharedFrames[bytes] = field(default_factory=SharedFrames)
    recent_tasks: RecentTasks = field(default_factory=RecentTasks)
    revocation: Revocation = field(default_factory=Revocation)


def services_of(connection: HTTPConnection) -> Services:
    services: Services = connection.app.state.services
    return services


def principal_of(connection: HTTPConnection) -> Principal:
    """Who was let in; a public route has nobody to ask for."""
    principal: Principal = connection.scope["state"]["principal"]
    return principal


def scope_of(connection: HTTPConnection) -> Scope:
    """Whose rows this request may touch."""
    return principal_of(connection).scope


def language_of_connection(connection: HTTPConnection) -> str:
    language: str = connection.scope.get("state", {}).get("language", DEFAULT_LANGUAGE)
    return language


# FastAPI runs a dependency that is a plain function on a thread: half a millisecond each.
async def _services(connection: HTTPConnection) -> Services:
    return services_of(connection)


async def _scope(connection: HTTPConnection) -> Scope:
    return scope_of(connection)


async def _principal(connection: HTTPConnection) -> Principal:
    return principal_of(connection)


async def _language(connection: HTTPConnection) -> str:
    return language_of_connection(connection)


ServicesOf = Annotated[Services, Depends(_services)]
ScopeOf = Annotated[Scope, Depends(_scope)]
PrincipalOf = Annotated[Principal, Depends(_principal)]
Language = Annotated[str, Depends(_language)]
