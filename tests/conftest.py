"""Rules for the whole suite: no network but loopback, no settings from outside, and under CI=true
no skipped test. Its servers are real ones, shared by the tests of a process.
"""

import ipaddress
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from hypothesis import HealthCheck, settings
from tests.support.hanging import Ending

if TYPE_CHECKING:
    from tests.support.servers import PostgresServer, RedisServer

SETTINGS_PREFIXES = ("LGMA_", "LLM_", "DATABASE_", "REDIS_", "QUEUE_REDIS_")
SUITE_PREFIX = "LGMA_TEST_"
MARKERS = (
    "system: needs Debian packages or root; a build server runs it, elsewhere `pytest -m system`",
    "thorough: takes minutes; `make system` runs it, and a build server",
    "servers: uses PostgreSQL or Redis; a build server runs it a second time with Debian's",
)
STANDARD_ERROR = 2
SERVER_FIXTURES = {"postgres_server", "redis_server"}
SERVER_BACKENDS = {"postgres", "postgresql", "redis"}

# How long drawing takes says how busy the machine is.
settings.register_profile("suite", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")
# Its own ones, with the variables of every frame, hold the event loop up for ten seconds and more.
structlog.dev.ConsoleRenderer.get_active().exception_formatter = structlog.dev.plain_traceback


class NetworkForbidden(AssertionError):
    """A test tried to leave this machine."""


def is_local(host: object) -> bool:
    if host in (None, "", "localhost", b"localhost"):
        return True
    name = host.decode() if isinstance(host, bytes) else str(host)
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return name == os.uname().nodename
    return address.is_loopback or address.is_unspecified


def forbid_network(event: str, args: tuple[Any, ...]) -> None:
    """Audit hook: refuse name look-ups and connections that leave the machine."""
    if event == "socket.getaddrinfo":
        host: object = args[0]
    elif event in ("socket.connect", "socket.sendto"):
        address = args[1]
        host = address[0] if isinstance(address, tuple) else None
    else:
        return
    if not is_local(host):
        raise NetworkForbidden(f"{event} to {host!r}: tests use loopback only")


sys.addaudithook(forbid_network)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True, scope="session")
def settings_from_tests_only() -> Iterator[None]:
    """Variables of the caller's shell must not change what the tests see."""
    with pytest.MonkeyPatch.context() as patch:
        for name in tuple(os.environ):
            if name.startswith(SETTINGS_PREFIXES) and not name.startswith(SUITE_PREFIX):
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def postgres_server() -> "PostgresServer":
    """The running PostgreSQL of this test process; a test takes a database of its own."""
    from tests.support import servers

    return servers.postgres()


@pytest.fixture(scope="session")
def redis_server() -> "RedisServer":
    """The running Redis of this test process; a test that flushes or stops it starts its own."""
    from tests.support import servers

    return servers.redis()


def uses_servers(item: pytest.Item) -> bool:
    """Whether a test meets a real server, by its fixtures or by the backend it is run for."""
    if SERVER_FIXTURES & set(getattr(item, "fixturenames", ())):
        return True
    call = getattr(item, "callspec", None)
    return call is not None and any(
        value in SERVER_BACKENDS for value in call.params.values() if isinstance(value, str)
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if uses_servers(item):
            item.add_marker("servers")


class NoSkips:
    """Fails a session in which anything was skipped: on a build server that is a hole."""

    def __init__(self) -> None:
        self.skipped: dict[str, str] = {}

    def _add(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr
            self.skipped[report.nodeid] = str(reason[-1] if isinstance(reason, tuple) else reason)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._add(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._add(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.skipped and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.skipped:
            terminalreporter.section("skipped although CI=true: that is a failure", red=True)
            for nodeid, reason in sorted(self.skipped.items()):
                terminalreporter.line(f"{nodeid}: {reason}")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Ending(os.dup(STANDARD_ERROR)), "ending")
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    if os.environ.get("CI") == "true" and not hasattr(config, "workerinput"):
        config.pluginmanager.register(NoSkips(), "no-skips")
