"""Which server `lgma` talks to: the one that is named, one that runs here, or its own."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from tests.support.server import Desk, open_desk, serving
from tests.support.servers import PostgresServer

from langgraph_multi_agent.cli import connection, program
from langgraph_multi_agent.cli.exits import Exit

pytestmark = pytest.mark.anyio

NOBODY = "http://127.0.0.1:9"


class Shell:
    """`lgma` in a shell of its own data directory, with a server elsewhere on this machine."""

    def __init__(self, desk: Desk, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.desk, self.url, self._capsys = desk, url, capsys

    async def lgma(self, *argv: str, expect: int = 0) -> dict[str, Any]:
        self._capsys.readouterr()
        code = await asyncio.to_thread(program.run, [*argv, "--json"])
        shown = self._capsys.readouterr()
        assert code == expect, (code, shown)
        envelope: dict[str, Any] = json.loads(shown.out)
        return envelope

    async def listed(self, *argv: str) -> list[str]:
        return [task["id"] for task in (await self.lgma("tasks", "list", *argv))["data"]["tasks"]]


@pytest.fixture
async def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Shell]:
    monkeypatch.setenv("LGMA_LANG", "en")
    monkeypatch.setenv("LGMA_DATA_DIR", str(tmp_path / "own"))
    async with open_desk(tmp_path / "server") as desk, serving(desk.app) as place:
        with structlog.testing.capture_logs():  # the server's, which would stand between the answers
            yield Shell(desk, f"http://{place}", capsys)


async def test_the_server_that_an_option_names_is_asked_whatever_the_environment_says(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await shell.desk.submit()
    monkeypatch.setenv("LGMA_URL", NOBODY)
    assert await shell.listed("--url", shell.url) == [task["id"]]


async def test_the_server_that_the_environment_names_is_asked(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await shell.desk.submit()
    monkeypatch.setenv("LGMA_URL", shell.url)
    assert await shell.listed() == [task["id"]]
    done = await shell.lgma("tasks", "cancel", task["id"])
    assert done["data"]["task"]["status"] == "cancelled"


async def test_a_data_directory_that_is_named_is_another_installation(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await shell.desk.submit()
    monkeypatch.setenv("LGMA_URL", shell.url)
    assert await shell.listed("--data-dir", str(tmp_path / "other")) == []


async def test_a_named_server_that_does_not_answer_is_said_and_nothing_else_is_tried(shell: Shell) -> None:
    envelope = await shell.lgma("tasks", "list", "--url", NOBODY, expect=Exit.UNREACHABLE)
    assert envelope["errors"][0]["code"] == "SERVER_UNREACHABLE"


@pytest.mark.parametrize(
    "argv", [["tasks", "list", "--url", "example"], ["tasks", "list", "--url", "ftp://a"], ["serve", "--url", "http://a"]]
)
async def test_an_address_that_is_none_or_has_no_use_is_wrong_usage(shell: Shell, argv: list[str]) -> None:
    envelope = await shell.lgma(*argv, expect=Exit.USAGE)
    assert envelope["errors"][0]["code"] == "USAGE"


async def test_with_postgresql_the_server_on_the_port_of_the_settings_is_found(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PROBE_S", 60.0)
    task = await shell.desk.submit()
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    monkeypatch.setenv("LGMA_PORT", shell.url.rpartition(":")[2])
    assert await shell.listed() == [task["id"]]


@pytest.mark.servers
async def test_with_postgresql_and_no_server_the_command_is_one_more_replica(
    shell: Shell, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = postgres_server.create_database()
    monkeypatch.setenv("DATABASE_URL", postgres_server.url(database))
    monkeypatch.setenv("LGMA_PORT", "9")
    try:
        made = await shell.lgma("tasks", "schedule", "add", "daily", "0 6 * * *", "What does the handbook say?")
        with postgres_server.connect(database) as connection:
            assert connection.execute("SELECT name FROM schedules").fetchall() == [("daily",)]
        shown = await shell.lgma("tasks", "schedule", "show", "daily")
        assert shown["data"]["schedule"]["id"] == made["data"]["schedule"]["id"]
    finally:
        postgres_server.drop_database(database)
