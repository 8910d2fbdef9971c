"""`lgma privacy`: somebody's data handed out and erased, without a server, beside one, and on PostgreSQL."""

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import structlog.testing
from redis.asyncio import Redis
from tests.support.server import Desk, open_desk, serving
from tests.support.servers import PostgresServer, RedisServer

from langgraph_multi_agent.access import DEFAULT_SCOPE, Scope
from langgraph_multi_agent.access.policy import Role
from langgraph_multi_agent.cli import program
from langgraph_multi_agent.cli.exits import Exit
from langgraph_multi_agent.ops.data_directory import data_directory_lock
from langgraph_multi_agent.service import privacy as service

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

PROGRAM = [sys.executable, "-c", "from langgraph_multi_agent.cli import main; main()"]
PASSWORD = "a long enough secret"
MARKS = {"amy": "albatross7f3a", "bob": "cormorant9c1e"}


class Shell:
    """`lgma` on one data directory, in a thread of this process."""

    def __init__(self, data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data_dir, self._capsys = data_dir, capsys

    async def text(self, *argv: str, expect: int = 0) -> tuple[str, str]:
        self._capsys.readouterr()
        code = await asyncio.to_thread(program.run, [*argv, "--data-dir", str(self.data_dir)])
        shown = self._capsys.readouterr()
        assert code == expect, (code, shown)
        return shown.out, shown.err

    async def json(self, *argv: str, expect: int = 0) -> dict[str, Any]:
        envelope: dict[str, Any] = json.loads((await self.text(*argv, "--json", expect=expect))[0])
        return envelope

    async def code(self, *argv: str, expect: int = Exit.FAILED) -> str:
        code: str = (await self.json(*argv, expect=expect))["errors"][0]["code"]
        return code

    def holding(self, mark: str) -> list[str]:
        """Files of the data directory that hold a text, also where a database has freed it."""
        files = [path for path in self.data_dir.rglob("*") if path.is_file()]
        return [path.name for path in files if mark.encode() in path.read_bytes()]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("LGMA_LANG", "en")
    monkeypatch.setattr(service, "SHUT_OUT_S", 0.0)  # whoever is shut out here asks for nothing more
    return Shell(tmp_path / "data", capsys)


@asynccontextmanager
async def logged_in(desk: Desk, name: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of somebody who is new here."""
    await desk.services.identities.add_user(DEFAULT_SCOPE, name=name, role=Role.ADMIN, password=PASSWORD)
    transport = httpx.ASGITransport(desk.app, raise_app_exceptions=False)
    headers = {"x-requested-with": "test"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        answer = await client.post("/api/v1/auth/login", json={"name": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        yield client


async def live(desk: Desk, name: str) -> str:
    """What somebody does: a task with a file and a result, a conversation, a schedule, feedback, settings."""
    mark = MARKS[name]
    async with logged_in(desk, name) as client:

        async def ask(method: str, path: str, **request: Any) -> httpx.Response:
            answer = await client.request(method, path, **request)
            assert answer.status_code < 300, (path, answer.text)
            return answer

        task = {"description": f"{mark} task", "title": f"{mark} title"}
        files = {"files": (f"{mark}.csv", f"{mark},content\n".encode())}
        task_id: str = (await ask("POST", "/api/v1/tasks", data=task, files=files)).json()["id"]
        await desk.plan(task_id)
        await desk.save(task_id, f"{mark}.md", f"# {mark} report".encode(), "text/markdown", "report")
        await desk.finish(task_id, result={"summary": f"{mark} summary"})
        await ask("POST", "/api/v1/mvp2/chat/messages", json={"content": f"{mark} hello"})
        plan = {"name": mark, "cron": "0 3 * * *", "timezone": "UTC", "task": {"description": f"{mark} again"}}
        await ask("POST", "/api/v1/schedules", json=plan)
        words = {"type": "general", "message": f"{mark} is content", "rating": 5}
        await ask("POST", "/api/v1/mvp2/feedback", json=words)
        await ask("PUT", "/api/v1/settings", json={"theme": "dark"})
    return task_id


@pytest.fixture
async def office(shell: Shell) -> AsyncIterator[Desk]:
    """A server that asks who somebody is, on the shell's data directory."""
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(open_desk(shell.data_dir, enable_auth=True))
        announce = stack.enter_context(data_directory_lock(shell.data_dir))
        announce(f"http://{await stack.enter_async_context(serving(desk.app))}")
        stack.enter_context(structlog.testing.capture_logs())
        yield desk


async def settled(shell: Shell) -> dict[str, str]:
    """Two people have lived here, and the server is stopped; their tasks."""
    async with open_desk(shell.data_dir, enable_auth=True) as desk:
        with structlog.testing.capture_logs():
            return {name: await live(desk, name) for name in MARKS}


async def test_the_data_of_one_person_are_handed_out_and_erased_while_the_server_is_stopped(
    shell: Shell, tmp_path: Path
) -> None:
    tasks = await settled(shell)
    archive = tmp_path / "amy.zip"
    done = await shell.json("privacy", "export", "--user", "amy", "--to", str(archive))
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert names_in(tmp_path) == ["amy.zip", "data"]
    assert (done["data"]["subject"], done["data"]["missing_files"]) == ({"tenant": "default", "user": "amy"}, [])
    with zipfile.ZipFile(archive) as opened:
        contents = {name: opened.read(name) for name in opened.namelist()}
    for name in ("users", "tasks", "agent_messages", "journal", "artifacts", "schedules", "chat_messages", "feedback"):
        assert MARKS["amy"].encode() in contents[f"data/{name}.jsonl"] or name in ("users", "agent_messages", "journal")
        assert contents[f"data/{name}.jsonl"]
    files = [content for name, content in contents.items() if name.startswith("files/")]
    assert sorted(files) == [b"# albatross7f3a report", b"albatross7f3a,content\n"]
    everything = b"".join(contents.values())
    assert MARKS["bob"].encode() not in everything
    assert b"argon2" not in everything
    again = ("privacy", "export", "--user", "amy", "--to", str(archive))
    assert await shell.code(*again, expect=Exit.USAGE) == "FILE_EXISTS"

    plan = await shell.json("privacy", "erase", "--user", "amy", "--dry-run")
    assert [change["applied"] for change in plan["changes"]] == [False] * len(plan["changes"])
    assert await shell.code("privacy", "erase", "--user", "amy", expect=Exit.REFUSED) == "NAME_NOT_CONFIRMED"
    wrong = ("privacy", "erase", "--user", "amy", "--yes", "--confirm", "bob")
    assert await shell.code(*wrong, expect=Exit.REFUSED) == "NAME_NOT_CONFIRMED"
    assert shell.holding(MARKS["amy"])

    out, err = await shell.text("privacy", "erase", "--user", "amy", "--yes")
    assert "Erased amy" in out
    assert "The audit log stays" in err
    assert shell.holding(MARKS["amy"]) == []
    assert shell.holding(MARKS["bob"])
    log = (await shell.json("audit", "log", "--action", "privacy.erase"))["data"]["rows"]
    assert [(row["result"], row["target"], row["means"]) for row in log] == [
        ("ok", "amy", "command"),
        ("begun", "amy", "command"),
    ]
    assert (await shell.json("audit", "verify"))["data"]["flaw"] is None
    assert (await shell.json("privacy", "erase", "--user", "amy", "--yes"))["data"]["erased"] == {}
    assert await shell.code("privacy", "erase", "--user", "bob", "--yes") == "LAST_ADMIN"
    listed = (await shell.json("tasks", "list"))["data"]["tasks"]
    assert [task["id"] for task in listed] == [tasks["bob"]]

    await shell.json("privacy", "erase", "--tenant", "default", "--yes")
    assert shell.holding(MARKS["bob"]) == []


async def test_beside_a_running_server_work_is_not_pulled_from_under_a_worker(
    shell: Shell, office: Desk, tmp_path: Path
) -> None:
    for name in MARKS:
        await live(office, name)
    done = await shell.json("privacy", "export", "--tenant", "default", "--to", str(tmp_path / "all.zip"))
    assert (done["data"]["rows"]["tasks"], done["data"]["files"]) == (2, 4)
    answer = await office.services.identities.create_key(
        Scope(tenant="default", actor="amy"), name="nightly", role=Role.USER
    )
    async with logged_in(office, "eve") as eve:
        submitted = await office.client.post(
            "/api/v1/tasks",
            json={"description": f"{MARKS['amy']} more"},
            headers={"authorization": f"Bearer {answer.secret}"},
        )
        task_id = submitted.json()["id"]
        await office.claim(task_id)
        key = f"key:{answer.key.id}"
        assert await shell.code("privacy", "erase", "--user", key, "--yes") == "TASKS_RUNNING"
        assert (await eve.get(f"/api/v1/tasks/{task_id}")).status_code == 200
        await office.finish(task_id)
        done = await shell.json("privacy", "erase", "--user", key, "--yes")
        assert done["data"]["erased"]["api_keys"] == done["data"]["erased"]["tasks"] == 1
        assert (await eve.get(f"/api/v1/tasks/{task_id}")).status_code == 404

        done = await shell.json("privacy", "erase", "--user", "amy", "--yes")
        assert done["data"]["files_left"] == 2
        listed = (await eve.get("/api/v1/tasks")).json()["tasks"]
        assert [task["title"] for task in listed] == [f"{MARKS['bob']} title"]


async def test_an_erasure_that_is_killed_goes_on_when_it_is_started_again(shell: Shell) -> None:
    await settled(shell)
    command = [*PROGRAM, "privacy", "erase", "--user", "amy", "--yes", "--data-dir", str(shell.data_dir)]
    environment = {**os.environ, "LGMA_FAILPOINT": "after:erasure.delete_tasks:1"}
    ended = await asyncio.to_thread(subprocess.run, command, env=environment, capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert shell.holding(MARKS["amy"])
    await shell.json("privacy", "erase", "--user", "amy", "--yes")
    assert shell.holding(MARKS["amy"]) == []
    results = [row["result"] for row in (await shell.json("audit", "log", "--action", "privacy.erase"))["data"]["rows"]]
    assert results == ["ok", "begun", "begun"]


async def test_on_postgresql_and_redis_the_sessions_and_answers_go_too(
    shell: Shell, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = postgres_server.create_database()
    monkeypatch.setenv("DATABASE_URL", postgres_server.url(database))
    with RedisServer() as server:
        monkeypatch.setenv("REDIS_URL", server.url())
        try:
            for name in MARKS:
                await shell.json("users", "add", name, "--role", "admin", "--generate")
            users = {user["name"]: user["id"] for user in (await shell.json("users", "list"))["data"]["users"]}
            await shell.json("privacy", "erase", "--user", "amy", "--dry-run")
            with postgres_server.connect(database) as connection:
                found = connection.execute("SELECT value FROM installation WHERE name = 'installation_id'").fetchone()
            assert found is not None
            prefix = f"lgma:{found[0][:8]}"
            async with Redis.from_url(server.url()) as redis:
                for name, user_id in users.items():
                    value = orjson.dumps({"user": user_id, "generation": 1, "ends_at": 9e9})
                    await redis.set(f"{prefix}:session:{name}", value)
                await redis.set(f"{prefix}:cache:model:1", MARKS["amy"])
                await redis.zadd(f"{prefix}:cache-uses", {"model:1": 1.0, "other:1": 2.0})
                await redis.set("lgma:elsewhere:cache:model:1", "another installation's")
                done = await shell.json("privacy", "erase", "--user", "amy", "--yes")
                assert done["data"]["erased"] == {"sessions": 1, "users": 1}
                assert done["data"]["cached_answers"] == 1
                assert {key.decode() for key in await redis.keys()} == {
                    f"{prefix}:session:bob",
                    f"{prefix}:cache-uses",
                    "lgma:elsewhere:cache:model:1",
                }
                assert await redis.zrange(f"{prefix}:cache-uses", 0, -1) == [b"other:1"]
            server.stop()
            again = await shell.json("privacy", "erase", "--user", "amy", "--yes", expect=Exit.PARTIAL)
            assert again["data"]["is_complete"] is False
        finally:
            postgres_server.drop_database(database)


@pytest.mark.parametrize(
    "argv",
    [
        ("erase", "--yes"),
        ("erase", "--tenant", "import:x", "--yes"),
        ("export", "--user", "amy"),
    ],
)
async def test_wrong_usage_is_told_before_anything_is_opened(shell: Shell, argv: tuple[str, ...]) -> None:
    await shell.text("privacy", *argv, expect=Exit.USAGE)
    assert not shell.data_dir.exists()


async def test_an_archive_that_cannot_be_written_leaves_nothing(shell: Shell, tmp_path: Path) -> None:
    await shell.json("users", "add", "amy", "--generate")
    nowhere = tmp_path / "nowhere" / "amy.zip"
    assert await shell.code("privacy", "export", "--user", "amy", "--to", str(nowhere)) == "ARCHIVE_UNWRITABLE"
    whose = ("privacy", "export", "--user", "nobody", "--to", str(tmp_path / "nobody.zip"))
    assert await shell.code(*whose) == "SUBJECT_NOT_FOUND"
    assert names_in(tmp_path) == ["data"]
