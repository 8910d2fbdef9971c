"""`lgma users` and `lgma keys`: who may come in, said at the machine, without and beside a server."""

import asyncio
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from tests.support.server import Desk, open_desk, serving
from tests.support.servers import PostgresServer

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.cli import program
from langgraph_multi_agent.cli.exits import Exit
from langgraph_multi_agent.ops.data_directory import data_directory_lock
from langgraph_multi_agent.store import audit as audit_store

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

PROGRAM = [sys.executable, "-c", "from langgraph_multi_agent.cli import main; main()"]
PASSWORD = "a long enough secret"


class Shell:
    """`lgma` on one data directory, in a thread of this process."""

    def __init__(self, data_dir: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.data_dir, self._capsys, self._patch = data_dir, capsys, patch

    async def text(self, *argv: str, stdin: bytes = b"", expect: int = 0) -> tuple[str, str]:
        self._capsys.readouterr()
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = await asyncio.to_thread(program.run, [*argv, "--data-dir", str(self.data_dir)])
        shown = self._capsys.readouterr()
        assert code == expect, (code, shown)
        return shown.out, shown.err

    async def json(self, *argv: str, stdin: bytes = b"", expect: int = 0) -> dict[str, Any]:
        out, _ = await self.text(*argv, "--json", stdin=stdin, expect=expect)
        envelope: dict[str, Any] = json.loads(out)
        assert envelope["schema"] == "lgma/v1"
        return envelope

    async def refused(self, *argv: str, stdin: bytes = b"", expect: int = Exit.FAILED) -> str:
        code: str = (await self.json(*argv, stdin=stdin, expect=expect))["errors"][0]["code"]
        return code

    async def users(self, *argv: str) -> dict[str, tuple[str, str, bool]]:
        found = (await self.json("users", "list", *argv))["data"]["users"]
        return {user["name"]: (user["role"], user["tenant"], user["is_enabled"]) for user in found}

    async def add(self, name: str, *argv: str) -> dict[str, Any]:
        return await self.json("users", "add", name, "--password-stdin", *argv, stdin=PASSWORD.encode() + b"\n")


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("LGMA_LANG", "en")
    return Shell(tmp_path / "data", capsys, monkeypatch)


@pytest.fixture
async def office(shell: Shell) -> AsyncIterator[tuple[Shell, Desk]]:
    """A server that asks who somebody is, on the shell's data directory."""
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(open_desk(shell.data_dir, enable_auth=True, rate_limit="1000000/minute"))
        announce = stack.enter_context(data_directory_lock(shell.data_dir))
        announce(f"http://{await stack.enter_async_context(serving(desk.app))}")
        stack.enter_context(structlog.testing.capture_logs())
        yield shell, desk


# Users


async def test_what_an_operator_changes_is_in_the_audit_log_of_the_tenant(office: tuple[Shell, Desk]) -> None:
    shell, desk = office
    await shell.add("wang", "--tenant", "acme")
    await shell.refused("users", "add", "wang", "--password-stdin", stdin=PASSWORD.encode())
    await shell.json("users", "role", "wang", "viewer")
    made = await shell.json("keys", "create", "nightly", "--tenant", "acme", "--days", "3")
    await shell.json("keys", "revoke", made["data"]["key"]["id"], "--yes")
    await shell.json("users", "list")
    theirs = (await desk.services.audit.page(Scope(tenant="acme", actor="")))[::-1]
    assert [(row.action, row.result) for row in theirs] == [
        ("user.add", "ok"),
        ("user.change", "ok"),
        ("key.create", "ok"),
        ("key.revoke", "ok"),
    ]
    assert {row.means for row in theirs} == {"command"}
    assert theirs[1].details == {"role": "viewer"}
    assert [row.target for row in theirs[2:]] == [made["data"]["key"]["id"]] * 2
    assert theirs[2].details == {"name": "nightly", "role": "user", "days": 3}
    (ours,) = await desk.services.audit.page(Scope(tenant="default", actor=""))
    assert (ours.target, ours.result) == ("wang", "NAME_TAKEN")
    assert (await desk.services.audit.verify()).flaw is None


async def test_a_change_that_the_audit_log_did_not_take_is_done_and_said_so(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(_store: Any, _entries: Any) -> None:
        raise ValueError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(audit_store, "append", refusing)
        out, err = await shell.text("keys", "create", "nightly", "--quiet")
    assert "key: lgma_" in out
    assert "no row of this key.create" in err
    _, err = await shell.text("keys", "create", "second")
    assert "no row" not in err


async def test_without_a_user_the_list_tells_how_the_first_admin_is_made(shell: Shell) -> None:
    out, _ = await shell.text("users", "list")
    assert "lgma users add NAME --role admin" in out
    assert (await shell.json("users", "list"))["data"] == {"users": [], "alike": []}


async def test_users_are_added_changed_and_listed_by_tenant(shell: Shell) -> None:
    assert (await shell.add("root", "--role", "admin"))["data"]["user"]["tenant"] == "default"
    (change,) = (await shell.add("wang", "--tenant", "acme"))["changes"]
    assert (change["applied"], change["undo"]) == (True, "lgma users disable wang")
    (change,) = (await shell.json("users", "role", "wang", "operator"))["changes"]
    assert (change["before"]["role"], change["after"]["role"]) == ("user", "operator")
    assert change["undo"] == "lgma users role wang user"
    await shell.json("users", "disable", "wang")
    assert await shell.users() == {"root": ("admin", "default", True), "wang": ("operator", "acme", False)}
    assert await shell.users("--tenant", "acme") == {"wang": ("operator", "acme", False)}
    await shell.json("users", "enable", "wang")
    assert (await shell.users())["wang"] == ("operator", "acme", True)
    out, _ = await shell.text("users", "list", "--lang", "zh")
    assert "启用" in out


async def test_what_cannot_be_is_refused_and_said(shell: Shell) -> None:
    await shell.add("root", "--role", "admin")
    assert await shell.refused("users", "add", "root", "--generate") == "NAME_TAKEN"
    assert await shell.refused("users", "add", "root", "--dry-run") == "NAME_TAKEN"
    assert await shell.refused("users", "role", "nobody", "user") == "USER_NOT_FOUND"
    assert await shell.refused("users", "disable", "root") == "LAST_ADMIN"
    assert await shell.refused("users", "role", "root", "user") == "LAST_ADMIN"
    assert await shell.refused("users", "password", "root", "--password-stdin", stdin=b"short") == "INVALID_REQUEST"
    assert await shell.refused("keys", "revoke", "nothing", "--yes") == "KEY_NOT_FOUND"
    for argv in (
        ("users", "add", "x", "--role", "boss"),
        ("users", "add", "x", "--generate", "--password-stdin"),
        ("users", "add", "x", "--generate", "--tenant", "import:x"),
        ("users", "role", "root", "boss"),
        ("keys", "create", "x", "--scope", "tasks:own"),
        ("keys", "create", "x", "--role", "viewer", "--scope", "chat"),
        ("keys", "create", "x", "--days", "0"),
        ("keys", "list", "--url", "http://a"),
    ):
        assert await shell.refused(*argv, expect=Exit.USAGE) == "USAGE"


async def test_a_dry_run_changes_nothing_and_asks_for_no_password(shell: Shell) -> None:
    (change,) = (await shell.json("users", "add", "root", "--role", "admin", "--dry-run"))["changes"]
    assert change["applied"] is False
    assert await shell.users() == {}
    await shell.add("root", "--role", "admin")
    await shell.add("second", "--role", "admin")
    key = (await shell.json("keys", "create", "nightly"))["data"]["key"]
    for argv in (
        ("users", "role", "root", "user"),
        ("users", "password", "root"),
        ("users", "disable", "root"),
        ("users", "enable", "root"),
        ("keys", "create", "other"),
        ("keys", "revoke", key["id"]),
    ):
        (change,) = (await shell.json(*argv, "--dry-run"))["changes"]
        assert change["applied"] is False
    assert (await shell.users())["root"] == ("admin", "default", True)
    assert (await shell.json("keys", "list"))["data"]["keys"] == [key]


# Passwords


async def test_without_a_terminal_a_password_is_read_or_made_or_refused(shell: Shell) -> None:
    assert await shell.refused("users", "add", "root", expect=Exit.USAGE) == "PASSWORD_MISSING"
    argv = ("users", "add", "root", "--password-stdin")
    assert await shell.refused(*argv, stdin=b"\xff\xfe not text at all", expect=Exit.USAGE) == "PASSWORD_UNREADABLE"
    assert await shell.users() == {}, "nothing was opened before the password was there"
    out, err = await shell.text("users", "add", "root", "--generate")
    made = next(line for line in out.splitlines() if line.startswith("password: ")).removeprefix("password: ")
    assert len(made) == 24
    assert made not in err
    again = (await shell.json("users", "password", "root", "--generate"))["data"]["password"]
    assert again != made


@pytest.mark.parametrize(("second", "expect"), [(PASSWORD, 0), ("another one entirely", Exit.USAGE)])
async def test_at_a_terminal_the_password_is_typed_twice_and_never_shown(
    shell: Shell, second: str, expect: int
) -> None:
    main, side = pty.openpty()
    typed = subprocess.Popen(  # noqa: ASYNC220 - its reads are on threads
        [*PROGRAM, "users", "add", "root", "--role", "admin", "--data-dir", str(shell.data_dir)],
        env={**os.environ, "LGMA_LANG": "en", "NO_COLOR": "1"},
        stdin=side,
        stdout=side,
        stderr=side,
        start_new_session=True,
    )
    os.close(side)
    shown = b""

    def read_until(words: bytes) -> None:
        nonlocal shown
        while words not in shown:
            shown += os.read(main, 1024)

    await asyncio.to_thread(read_until, b"New password of root: ")
    os.write(main, PASSWORD.encode() + b"\n")
    await asyncio.to_thread(read_until, b"Once more: ")
    os.write(main, second.encode() + b"\n")
    await asyncio.to_thread(read_until, b"(role admin" if expect == 0 else b"PASSWORDS_DIFFER")
    assert await asyncio.to_thread(typed.wait) == expect
    os.close(main)
    assert PASSWORD.encode() not in shown
    assert set(await shell.users()) == ({"root"} if expect == 0 else set())


# Keys


async def test_a_key_is_shown_once_listed_without_its_secret_and_revoked_for_good(shell: Shell) -> None:
    made = (await shell.json("keys", "create", "nightly", "--scope", "tasks:read", "--days", "3"))["data"]
    assert made["secret"].startswith(f"lgma_{made['key']['id']}_")
    assert (made["key"]["scopes"], made["key"]["state"]) == (["tasks:read"], "valid")
    out, err = await shell.text("keys", "create", "second", "--role", "operator", "--tenant", "acme")
    (line,) = [line for line in out.splitlines() if line.startswith("key: lgma_")]
    assert line.removeprefix("key: ") not in err
    listed, _ = await shell.text("keys", "list")
    assert made["key"]["id"] in listed
    assert made["secret"] not in listed
    assert line.removeprefix("key: ") not in listed
    found = (await shell.json("keys", "list", "--tenant", "acme"))["data"]["keys"]
    assert [key["name"] for key in found] == ["second"]

    id_ = made["key"]["id"]
    assert await shell.refused("keys", "revoke", id_, expect=Exit.REFUSED) == "NOT_CONFIRMED"
    assert (await shell.json("keys", "revoke", id_, "--yes"))["data"]["key"]["state"] == "revoked"
    (change,) = (await shell.json("keys", "revoke", id_))["changes"]
    assert change["before"] == change["after"], "a second time changes nothing"


# Beside a server


async def test_beside_a_server_the_first_admin_logs_in_and_a_key_counts_at_once(office: tuple[Shell, Desk]) -> None:
    shell, desk = office
    await shell.add("root", "--role", "admin")
    headers = {"X-Requested-With": "test"}
    body = {"name": "root", "password": PASSWORD}
    answer = await desk.client.post("/api/v1/auth/login", json=body, headers=headers)
    assert answer.json()["identity"]["role"] == "admin"
    new = (await shell.json("users", "password", "root", "--generate"))["data"]["password"]
    assert (await desk.client.post("/api/v1/auth/login", json=body, headers=headers)).status_code == 401
    body["password"] = new
    assert (await desk.client.post("/api/v1/auth/login", json=body, headers=headers)).status_code == 200

    desk.client.cookies.clear()
    made = (await shell.json("keys", "create", "nightly"))["data"]
    bearer = {"Authorization": f"Bearer {made['secret']}"}
    assert (await desk.client.get("/api/v1/tasks", headers=bearer)).status_code == 200
    await shell.json("keys", "revoke", made["key"]["id"], "--yes")
    async with asyncio.timeout(60):
        while (await desk.client.get("/api/v1/tasks", headers=bearer)).status_code != 401:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_beside_a_server_that_writes_all_the_time_commands_have_their_turn(office: tuple[Shell, Desk]) -> None:
    shell, desk = office
    secret = (await shell.json("keys", "create", "busy"))["data"]["secret"]
    bearer, stop = {"Authorization": f"Bearer {secret}"}, asyncio.Event()

    async def write() -> int:
        written = 0
        while not stop.is_set():
            task = {"title": "t", "description": "What does the handbook say?"}
            made = await desk.client.post("/api/v1/tasks", json=task, headers=bearer)
            assert made.status_code == 202
            # Else the queue is full by the time that a slow machine has had its commands.
            path = f"/api/v1/tasks/{made.json()['id']}/cancel"
            assert (await desk.client.post(path, headers=bearer)).status_code == 200
            written += 1
        return written

    writing = asyncio.create_task(write())
    try:
        names = [f"user{number}" for number in range(5)]
        for name in names:
            await shell.add(name)
    finally:
        stop.set()
        written = await writing
    assert set(await shell.users()) == set(names)
    assert written > 0


async def test_a_directory_that_is_owned_without_serving_is_waited_for(shell: Shell) -> None:
    with data_directory_lock(shell.data_dir):
        adding = asyncio.create_task(shell.add("root"))
        await asyncio.wait({adding}, timeout=0.5)
        assert not adding.done()
    await adding
    assert set(await shell.users()) == {"root"}


@pytest.mark.servers
async def test_with_postgresql_the_database_of_the_settings_is_changed(
    shell: Shell, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = postgres_server.create_database()
    monkeypatch.setenv("DATABASE_URL", postgres_server.url(database))
    try:
        await shell.add("root", "--role", "admin")
        made = (await shell.json("keys", "create", "nightly"))["data"]
        assert await shell.refused("users", "disable", "root") == "LAST_ADMIN"
        with postgres_server.connect(database) as connection:
            assert connection.execute("SELECT name, role FROM users").fetchall() == [("root", 4)]
            assert connection.execute("SELECT id FROM api_keys").fetchall() == [(made["key"]["id"],)]
    finally:
        postgres_server.drop_database(database)
