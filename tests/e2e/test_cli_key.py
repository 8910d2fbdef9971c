"""`lgma` as a client of a server that asks who it is, and as one of its own that others cannot use."""

import asyncio
import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog.testing
from tests.support.server import Desk, open_desk, serving

from langgraph_multi_agent import bootstrap
from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.access.policy import Role
from langgraph_multi_agent.cli import program
from langgraph_multi_agent.cli.exits import Exit
from langgraph_multi_agent.settings import Settings

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

PROGRAM = [sys.executable, "-c", "from langgraph_multi_agent.cli import main; main()"]
OPERATOR = Scope(tenant="default", actor="test")
UNKNOWN = f"lgma_{'0' * 12}_{'x' * 43}"


class Shell:
    """`lgma` in a shell with its own data directory; the server is elsewhere."""

    def __init__(self, url: str, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.url, self._capsys, self._patch = url, capsys, patch

    def give(self, key: str) -> None:
        self._patch.setenv("LGMA_API_KEY", key)

    async def lgma(self, *argv: str, expect: int = 0) -> tuple[dict[str, Any], str]:
        """The envelope, and what went to standard error."""
        self._capsys.readouterr()
        code = await asyncio.to_thread(program.run, [*argv, "--json"])
        shown = self._capsys.readouterr()
        assert code == expect, (code, shown)
        return json.loads(shown.out), shown.err

    async def alone(self, *argv: str) -> dict[str, Any]:
        """The envelope of a process: what watches a task hears signals, which takes a main thread."""
        process = await asyncio.create_subprocess_exec(
            *PROGRAM, *argv, "--json", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        envelope: dict[str, Any] = json.loads(out)
        return envelope

    async def refused(self, *argv: str) -> dict[str, Any]:
        envelope, _ = await self.lgma(*argv, expect=Exit.UNREACHABLE)
        error: dict[str, Any] = envelope["errors"][0]
        return error


@pytest.fixture
async def office(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Shell, Desk]]:
    monkeypatch.setenv("LGMA_LANG", "en")
    monkeypatch.setenv("LGMA_DATA_DIR", str(tmp_path / "own"))
    async with open_desk(tmp_path / "server", enable_auth=True) as desk, serving(desk.app) as place:
        with structlog.testing.capture_logs():
            monkeypatch.setenv("LGMA_URL", f"http://{place}")
            yield Shell(f"http://{place}", capsys, monkeypatch), desk


async def key_of(desk: Desk, role: Role = Role.USER, **more: Any) -> str:
    return (await desk.services.identities.create_key(OPERATOR, name="cli", role=role, **more)).secret


# A server that asks


async def test_without_a_key_a_command_is_refused_and_says_where_keys_come_from(office: tuple[Shell, Desk]) -> None:
    shell, _ = office
    error = await shell.refused("tasks", "list")
    assert error["code"] == "AUTHENTICATION_REQUIRED"
    assert "Set LGMA_API_KEY" in error["hint"]
    assert "lgma keys create" in error["hint"]
    assert "LGMA_API_KEY 中设置" in (await shell.refused("tasks", "list", "--lang", "zh"))["hint"]


@pytest.mark.parametrize("key", [UNKNOWN, "nonsense"])
async def test_a_wrong_key_is_refused_and_never_repeated(office: tuple[Shell, Desk], key: str) -> None:
    shell, _ = office
    shell.give(key)
    envelope, err = await shell.lgma("tasks", "list", expect=Exit.UNREACHABLE)
    (error,) = envelope["errors"]
    assert error["code"] == "AUTHENTICATION_REQUIRED"
    assert "does not count" in error["hint"]
    assert key not in json.dumps(envelope) + err


async def test_a_revoked_key_is_refused(office: tuple[Shell, Desk]) -> None:
    shell, desk = office
    made = await desk.services.identities.create_key(OPERATOR, name="cli", role=Role.USER)
    shell.give(made.secret)
    await shell.lgma("tasks", "list")
    await desk.services.identities.revoke_key(OPERATOR, made.key.id)
    assert (await shell.refused("tasks", "list"))["code"] == "AUTHENTICATION_REQUIRED"


@pytest.mark.parametrize("named", ["option", "environment"])
async def test_with_a_key_commands_work_as_far_as_it_goes(
    office: tuple[Shell, Desk], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell, desk = office
    place: list[str] = []
    if named == "option":
        monkeypatch.delenv("LGMA_URL")
        place = ["--url", shell.url]
    shell.give(await key_of(desk))
    made = await shell.alone("run", "What does the handbook say?", "--detach", *place)
    task = made["data"]["task"]["id"]
    listed, err = await shell.lgma("tasks", "list", *place)
    assert "unencrypted" not in err, "it does not leave the machine"
    assert [item["id"] for item in listed["data"]["tasks"]] == [task]
    error = await shell.refused("agents", "reset", "desk", "--yes", *place)
    assert error["code"] == "PERMISSION_DENIED"
    assert "LGMA_API_KEY" in error["hint"]
    shell.give(await key_of(desk, Role.VIEWER))
    assert (await shell.refused("tasks", "cancel", task, *place))["code"] == "PERMISSION_DENIED"


async def test_a_live_stream_needs_the_key_too(office: tuple[Shell, Desk]) -> None:
    shell, desk = office
    shell.give(await key_of(desk))
    task = (await shell.alone("run", "What does the handbook say?", "--detach"))["data"]["task"]["id"]
    await shell.lgma("tasks", "cancel", task)
    assert (await shell.alone("tasks", "watch", task))["data"]["task"]["status"] == "cancelled"
    shell.give(UNKNOWN)
    (error,) = (await shell.alone("tasks", "watch", task))["errors"]
    assert (error["code"], "does not count" in error["hint"]) == ("AUTHENTICATION_REQUIRED", True)


async def test_the_key_of_one_server_is_not_shown_to_that_of_another_directory(
    office: tuple[Shell, Desk], tmp_path: Path
) -> None:
    shell, desk = office
    shell.give(await key_of(desk))
    other = tmp_path / "other"
    async with bootstrap.serving(Settings.load({}, data_dir=other, enable_auth=True), port=0, works=False):
        error = await shell.refused("tasks", "list", "--data-dir", str(other))
    assert "Set LGMA_API_KEY" in error["hint"], "no key was shown"


# A server of its own


async def test_an_own_server_lets_in_its_command_and_nobody_else(tmp_path: Path) -> None:
    settings = Settings.load({}, data_dir=tmp_path, enable_auth=True)
    async with bootstrap.embedded(settings, works=False) as own:
        assert own.key not in repr(own)
        async with httpx.AsyncClient(base_url=own.address, trust_env=False, timeout=60) as client:
            assert (await client.get("/api/v1/tasks")).status_code == 401
            theirs = {"Authorization": f"Bearer {UNKNOWN}"}
            assert (await client.get("/api/v1/tasks", headers=theirs)).status_code == 401
            ours = {"Authorization": f"Bearer {own.key}"}
            assert (await client.get("/api/v1/tasks", headers=ours)).status_code == 200
            assert (await client.get("/api/v1/keys", headers=ours)).json() == {"keys": []}, "it is nowhere"
    async with (
        bootstrap.embedded(settings, works=False) as later,
        httpx.AsyncClient(base_url=later.address, trust_env=False, timeout=60) as client,
    ):
        assert (await client.get("/api/v1/tasks", headers=ours)).status_code == 401, "it ended with its server"


@pytest.mark.parametrize("key", [None, UNKNOWN])
async def test_commands_without_a_server_work_where_authentication_is_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    monkeypatch.setenv("LGMA_LANG", "en")
    monkeypatch.setenv("ENABLE_AUTH", "true")
    monkeypatch.setenv("LGMA_DATA_DIR", str(tmp_path))
    shell = Shell("", capsys, monkeypatch)
    if key is not None:
        shell.give(key)
    done = await shell.alone("run", "What can I do when a task is stuck without progress?")
    assert done["data"]["task"]["status"] == "completed"
    listed, _ = await shell.lgma("tasks", "list")
    assert [task["id"] for task in listed["data"]["tasks"]] == [done["data"]["task"]["id"]]


# A real server and its first admin


@contextlib.contextmanager
def served(data_dir: Path) -> Iterator[Iterator[str]]:
    """`lgma serve` that asks who somebody is; lines of its standard error."""
    with (data_dir.parent / "server.log").open("w") as log:
        process = subprocess.Popen(
            [*PROGRAM, "serve", "--port", "0", "--data-dir", str(data_dir)],
            env={**os.environ, "LGMA_LANG": "en", "NO_COLOR": "1", "ENABLE_AUTH": "true"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
    try:
        assert process.stderr is not None
        yield iter(process.stderr.readline, "")
    finally:
        process.kill()
        process.communicate()


async def test_a_server_that_nobody_can_enter_names_the_command_that_makes_the_first_admin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LGMA_LANG", "en")
    data = tmp_path / "da ta"
    shell = Shell("", capsys, monkeypatch)
    with served(data) as lines:
        assert "Ready at http://127.0.0.1:" in await asyncio.to_thread(next, lines)
        line = await asyncio.to_thread(next, lines)
        command = f"lgma users add NAME --role admin --data-dir '{data}'"
        assert command in line
        log = [json.loads(row) for row in (tmp_path / "server.log").read_text().splitlines()]
        assert [row["command"] for row in log if row.get("code") == "nobody_yet"] == [command]

        monkeypatch.setattr(sys, "stdin", io.StringIO())
        assert (await shell.refused("tasks", "list", "--data-dir", str(data)))["code"] == "AUTHENTICATION_REQUIRED"
        argv = ("users", "add", "root", "--role", "admin", "--generate", "--data-dir", str(data))
        assert (await shell.lgma(*argv))[0]["data"]["user"]["role"] == "admin"
        key = (await shell.lgma("keys", "create", "mine", "--data-dir", str(data)))[0]["data"]["secret"]
        shell.give(key)
        listed, _ = await shell.lgma("tasks", "list", "--data-dir", str(data))
        assert listed["data"]["tasks"] == []
    with served(data) as lines:
        assert "Ready at" in await asyncio.to_thread(next, lines)
        shell.give(key)
        await shell.lgma("tasks", "list", "--data-dir", str(data))
    assert "nobody_yet" not in (tmp_path / "server.log").read_text()
