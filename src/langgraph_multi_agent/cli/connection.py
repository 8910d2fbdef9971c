"""Reaching a server: the one that owns the data directory, or one inside this process.

Hides settings, the lock file and the embedded server. Callers: all commands that touch tasks.
Invariant: there is one way to talk, HTTP, and at most one server on a data directory.
"""

import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from langgraph_multi_agent.cli.call import Call
from langgraph_multi_agent.cli.exits import Exit, Trouble

if TYPE_CHECKING:
    from langgraph_multi_agent.cli.client import Client
    from langgraph_multi_agent.settings import Settings

STARTING_S = 20.0
"""How long a server may take between owning its data directory and listening."""

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", help="cli.option.data_dir", file_okay=False),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A server that answers. `is_embedded`: it lives in this process and ends with the command."""

    client: "Client"
    data_dir: Path
    is_embedded: bool


def load_settings(call: Call, data_dir: Path | None, **overrides: Any) -> "Settings":
    """The settings of this call. Raises SettingsUnsafe."""
    from langgraph_multi_agent.settings import Settings

    if data_dir is not None:
        overrides["data_dir"] = data_dir
    overrides.setdefault("lang", call.language)
    return Settings.load(**overrides)


@asynccontextmanager
async def connected(call: Call, data_dir: Path | None, *, works: bool = False) -> AsyncIterator[Connection]:
    """Attach to the data directory's server; start one in this process if there is none.

    `works`: an own server also works on tasks; looking and deciding must not start any.

    Raises:
        SettingsUnsafe, DataDirectoryInUse: somebody holds the directory but does not answer.
    """
    from langgraph_multi_agent.cli.client import Client
    from langgraph_multi_agent.domain.errors import DataDirectoryInUse

    settings = load_settings(call, data_dir)
    address = await _address(settings.data_dir)
    failure: Exception | None = None
    if address is None:
        from langgraph_multi_agent import bootstrap

        quiet_logs(call)
        try:
            async with (
                bootstrap.embedded(settings, works=works) as base_url,
                Client(base_url, language=call.language) as client,
            ):
                try:
                    yield Connection(client=client, data_dir=settings.data_dir, is_embedded=True)
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
    async with Client(address, language=call.language) as client:
        yield Connection(client=client, data_dir=settings.data_dir, is_embedded=False)


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


def quiet_logs(call: Call) -> None:
    """The embedded server's records: errors only, unless asked for, and never on standard output."""
    from langgraph_multi_agent.telemetry.logs import configure_logs

    level = {-1: "CRITICAL", 0: "ERROR", 1: "INFO"}.get(call.verbosity, "DEBUG")
    configure_logs(level=level, style="console", stream=sys.stderr)
