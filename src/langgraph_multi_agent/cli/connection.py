"""Reaching a server: the one that was named, one that runs here, or one inside this process.

Hides settings, the lock file, the look at LGMA_PORT and the embedded server. Callers: all commands
that touch tasks. Invariants: there is one way to talk, HTTP; over SQLite there is at most one server
on a data directory, and over PostgreSQL an embedded one is one more replica.
"""

import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from langgraph_multi_agent.cli.call import Call
from langgraph_multi_agent.cli.exits import Exit, Trouble
from langgraph_multi_agent.cli.language import named_language

if TYPE_CHECKING:
    from langgraph_multi_agent.cli.client import Client
    from langgraph_multi_agent.settings import Settings

STARTING_S = 20.0
"""How long a server may take between owning its data directory and listening."""
PROBE_S = 2.0
SERVICE = "langgraph-multi-agent"
"""What `/health` calls a server of ours."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", help="cli.option.data_dir", file_okay=False),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A server that answers. `is_embedded`: it lives in this process and ends with the command.

    `data_dir` is where the command leaves files; `place` names what its changes touch.
    """

    client: "Client"
    data_dir: Path
    is_embedded: bool
    place: str


def load_settings(data_dir: Path | None, **overrides: Any) -> "Settings":
    """The settings of this process. Raises SettingsUnsafe."""
    from langgraph_multi_agent.settings import Settings

    if data_dir is not None:
        overrides["data_dir"] = data_dir
    if (lang := named_language()) is not None:
        overrides.setdefault("lang", lang)
    return Settings.load(**overrides)


@asynccontextmanager
async def connected(call: Call, data_dir: Path | None, *, works: bool = False) -> AsyncIterator[Connection]:
    """Attach to a server, or start one in this process if none is named and none is found.

    In this order: `--url`; `LGMA_URL`, unless `--data-dir` names another installation; the data
    directory's server, or over PostgreSQL the one on LGMA_PORT of this machine. A server in this
    process takes the command for the operator's, whatever it asks of others.

    `works`: an own server also works on tasks; looking and deciding must not start any.

    Raises:
        SettingsUnsafe, DataDirectoryInUse: somebody holds the directory but does not answer.
    """
    from langgraph_multi_agent.cli.client import Client
    from langgraph_multi_agent.domain.errors import DataDirectoryInUse

    settings = load_settings(data_dir)
    address = call.url or (settings.url if data_dir is None else None) or await _found(settings)
    failure: Exception | None = None
    if address is None:
        from langgraph_multi_agent import bootstrap

        quiet_logs(call, settings)
        try:
            async with (
                bootstrap.embedded(settings, works=works) as own,
                Client(own.address, language=call.language, key=own.key) as client,
            ):
                try:
                    yield _connection(client, settings, is_embedded=True)
                except Exception as error:
                    # The server's task group would wrap it; it is raised again outside.
                    failure = error
        except DataDirectoryInUse:
            # Another process was faster between the look and the lock.
            address = await _address(settings.data_dir)
            if address is None:
                raise
        else:
            if failure is not None:
                raise failure
            return
    key, url = _key(call, settings, data_dir), urlsplit(address)
    if key and url.scheme == "http" and url.hostname not in LOOPBACK:
        call.note("cli.key_in_clear", url=address)
    async with Client(address, language=call.language, key=key) as client:
        yield _connection(client, settings, is_embedded=False)


def _key(call: Call, settings: "Settings", data_dir: Path | None) -> str | None:
    """LGMA_API_KEY, unless it belongs to LGMA_URL and the command names another installation."""
    is_elsewhere = settings.url is not None and data_dir is not None and call.url is None
    return settings.api_key.get_secret_value() if settings.api_key and not is_elsewhere else None


def _connection(client: "Client", settings: "Settings", *, is_embedded: bool) -> Connection:
    is_local = settings.is_sqlite and urlsplit(client.base_url).hostname in LOOPBACK
    place = str(settings.data_dir) if is_local or is_embedded else client.base_url
    return Connection(client=client, data_dir=settings.data_dir, is_embedded=is_embedded, place=place)


async def _found(settings: "Settings") -> str | None:
    """Where a server of these settings listens on this machine; None if none does."""
    if settings.is_sqlite:
        return await _address(settings.data_dir)
    if not settings.port:
        return None
    import httpx

    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    address = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=PROBE_S) as client:
            answer = await client.get(f"{address}/health")
            is_ours = answer.status_code == 200 and answer.json().get("service") == SERVICE
    except (httpx.HTTPError, ValueError, AttributeError):
        return None
    return address if is_ours else None


async def _address(data_dir: Path) -> str | None:
    """Where the directory's server listens; waits for one that is just starting.

    Raises:
        Trouble: it owns the directory and does not say where it listens.
    """
    import asyncio

    from langgraph_multi_agent.ops.data_directory import server_address

    give_up = time.monotonic() + STARTING_S
    while (address := server_address(data_dir)) == "":
        if time.monotonic() > give_up:
            raise Trouble("SERVER_STARTING", Exit.UNREACHABLE, directory=str(data_dir), seconds=STARTING_S)
        await asyncio.sleep(0.1)
    return address


def quiet_logs(call: Call, settings: "Settings") -> None:
    """Records of what works inside this process: errors only, unless asked for, and never on standard output."""
    from langgraph_multi_agent.telemetry.logs import configure_logs

    level = {-1: "CRITICAL", 0: "ERROR", 1: "INFO"}.get(call.verbosity, "DEBUG")
    configure_logs(level=level, style="console", stream=sys.stderr, secrets=settings.secrets)
