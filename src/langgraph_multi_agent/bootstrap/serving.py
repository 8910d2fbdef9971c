"""The server process: sockets, the API, and its end.

Callers: the CLI, tests. Invariant: leaving a `serving` block drains first and closes connections
last, so that clients hear of it.
"""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.agents.contract import Team
from langgraph_multi_agent.bootstrap.application import Application, configure, open_application
from langgraph_multi_agent.bootstrap.identities import first_admin_command
from langgraph_multi_agent.bootstrap.working import (
    lone_argv,
    plain_errors,
    runner,
    settle_memory,
    until_stopped,
    upkeep,
    working,
)
from langgraph_multi_agent.domain.clock import SystemClock
from langgraph_multi_agent.domain.errors import DependencyUnavailable, SettingsUnsafe
from langgraph_multi_agent.ops.data_directory import data_directory_lock
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.store.connections import processes_of

CLOSE_CONNECTIONS_S = 3.0
"""How long open streams get to end when the server goes down."""


def listening_socket(host: str, port: int) -> socket.socket:
    """A bound socket, so that the address is known before the server starts."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Of TCP by name: else asyncio leaves Nagle's algorithm on, and each answer may wait 40 ms for its body.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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


def token_verifier(settings: Settings) -> Any:
    """Of OIDC_ISSUER; None without one."""
    if settings.oidc_issuer is None or settings.oidc_audience is None:
        return None
    import httpx

    from langgraph_multi_agent.api.auth.tokens import TokenVerifier

    return TokenVerifier(
        issuer=settings.oidc_issuer,
        audience=settings.oidc_audience,
        algorithms=settings.oidc_algorithms,
        role_claim=settings.oidc_role_claim,
        tenant_claim=settings.oidc_tenant_claim,
        client=httpx.AsyncClient(),
    )


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
            transfer=application.transfer,
            inspection=application.inspection,
            chat=application.chat,
            feedback=application.feedback,
            preferences=application.preferences,
            identities=application.identities,
            audit=application.audit,
            quotas=application.quotas,
            rate_limits=application.rate_limits,
            tokens=token_verifier(application.settings),
            analytics=application.analytics,
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

    `works` False serves only: tasks that wait go on waiting. Over PostgreSQL tasks that crash their
    process run in one beside the server; it loads its teams from the settings, so not with `teams`.

    Leaving the block drains: not ready, nothing claimed, running tasks handed back. The server
    answers until that is done, so that clients hear of it; only then streams and sockets close.

    Raises:
        DataDirectoryInUse, SettingsUnsafe.
    """
    async with _serving(settings, host=host, port=port, teams=teams, works=works) as (_, address):
        yield address


@asynccontextmanager
async def _serving(
    settings: Settings,
    *,
    host: str | None = None,
    port: int | None = None,
    teams: Mapping[str, Team] | None = None,
    works: bool = True,
) -> AsyncIterator[tuple[Application, str]]:
    import uvicorn

    from langgraph_multi_agent.bootstrap.connections import BoundedHttp

    has_lone = works and teams is None and not settings.is_sqlite
    sock = listening_socket(settings.host if host is None else host, settings.port if port is None else port)
    with contextlib.closing(sock), _ownership(settings) as announce:
        opened = open_application(
            settings,
            teams=teams,
            processes=processes_of(1) if has_lone else 1,
            lone_argv=lone_argv(settings, workers=1) if has_lone else (),
        )
        async with opened as application:
            config = uvicorn.Config(
                web_api(application),
                http=BoundedHttp,
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=int(CLOSE_CONNECTIONS_S),
                server_header=False,
                forwarded_allow_ips=list(settings.trusted_proxies),
                ws_max_size=1024 * 1024,
                ws_per_message_deflate=False,  # 36 kB a socket; nginx compresses where it pays
            )
            server = uvicorn.Server(config)
            server.capture_signals = contextlib.nullcontext  # type: ignore[assignment,method-assign]
            with plain_errors():
                async with asyncio.TaskGroup() as group:
                    running = group.create_task(server.serve(sockets=[sock]))
                    try:
                        async with working(application) if works else upkeep(application):
                            while not server.started and not running.done():  # noqa: ASYNC110 - uvicorn has no event
                                await asyncio.sleep(0.005)
                            announce(address_of(sock))
                            yield application, address_of(sock)
                    finally:
                        application.tasks.is_draining = True
                        application.is_stopping = True
                        server.should_exit = True


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnServer:
    """A server inside this process. `key`: lets this process in where others must show who they are."""

    address: str
    key: str = field(repr=False)


@asynccontextmanager
async def embedded(settings: Settings, *, works: bool = True) -> AsyncIterator[OwnServer]:
    """The same server inside this process, on a free loopback port; `works` False to look only."""
    async with _serving(settings, host="127.0.0.1", port=0, works=works) as (application, address):
        yield OwnServer(address=address, key=application.identities.own_key())


async def serve(
    settings: Settings,
    *,
    on_ready: Callable[[str], None] | None = None,
    on_nobody: Callable[[], None] | None = None,
    works: bool = True,
) -> None:
    """Serve until SIGTERM or SIGINT, also while opening. A second one ends at once; tasks are reclaimed at start.

    Args:
        on_ready: gets the address.
        on_nobody: called next if nobody could come in yet.
    """
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def stopped() -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped)

    async def live(opened: tuple[Application, str]) -> None:
        application, address = opened
        settle_memory()
        log = structlog.get_logger("bootstrap")
        if not settings.enable_auth:
            log.warning("setting", setting="ENABLE_AUTH", code="auth_off")
        log.info("ready", address=address, data_dir=str(settings.data_dir))
        if on_ready is not None:
            on_ready(address)
        if not await _knows_somebody(application):
            log.warning(
                "setting", setting="ENABLE_AUTH", code="nobody_yet", command=first_admin_command(settings)
            )
            if on_nobody is not None:
                on_nobody()
        await stop.wait()

    try:
        await until_stopped(stop, _serving(settings, works=works), live)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def _knows_somebody(application: Application) -> bool:
    """Whether anybody can come in: all, somebody of another issuer, or a user or key of ours."""
    settings, identities = application.settings, application.identities
    if not settings.enable_auth or settings.oidc_issuer is not None:
        return True
    try:
        return await identities.has_users() or bool(await identities.keys(SYSTEM_SCOPE))
    except DependencyUnavailable:  # a server that is up stays up; its health tells of the outage
        return True


def run_server(
    settings: Settings,
    *,
    on_ready: Callable[[str], None] | None = None,
    on_nobody: Callable[[], None] | None = None,
    works: bool = True,
) -> None:
    """`lgma serve`: configure logs, take the quick event loop where there is one, serve."""
    configure(settings)
    runner()(serve(settings, on_ready=on_ready, on_nobody=on_nobody, works=works))


@contextmanager
def _ownership(settings: Settings) -> Iterator[Callable[[str], None]]:
    """The data directory's lock, where one process owns the data."""
    if settings.is_sqlite:
        with data_directory_lock(settings.data_dir) as announce:
            yield announce
    else:
        yield lambda _: None
