"""`lgma audit`: who did what, and whether anybody changed that."""

import asyncio
import json
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.stores import ManualClock, counting_ids, open_sqlite

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.cli import program
from langgraph_multi_agent.cli.exits import Exit
from langgraph_multi_agent.store import audit, retention


class Shell:
    """`lgma` on one data directory, in a thread of this process."""

    def __init__(self, data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data_dir, self._capsys = data_dir, capsys

    async def text(self, *argv: str, expect: int = 0) -> str:
        self._capsys.readouterr()
        code = await asyncio.to_thread(program.run, [*argv, "--data-dir", str(self.data_dir)])
        shown = self._capsys.readouterr()
        assert code == expect, (code, shown)
        return shown.out

    async def json(self, *argv: str, expect: int = 0) -> dict[str, Any]:
        envelope: dict[str, Any] = json.loads(await self.text(*argv, "--json", expect=expect))
        return envelope

    async def log(self, *argv: str) -> list[str]:
        return [row["target"] for row in (await self.json("audit", "log", *argv))["data"]["rows"]]

    def sql(self, statement: str) -> None:
        connection = sqlite3.connect(self.data_dir / "lgma.db")
        with connection:
            connection.execute(statement)
        connection.close()


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("LGMA_LANG", "en")
    return Shell(tmp_path / "data", capsys)


async def test_an_empty_log_says_so_and_is_whole(shell: Shell) -> None:
    assert "Nothing is recorded." in await shell.text("audit", "log")
    assert "0 rows fit" in await shell.text("audit", "verify")
    assert (await shell.json("audit", "verify"))["data"] == {
        "rows": 0,
        "seq": 0,
        "hash": "",
        "pruned": 0,
        "flaw": None,
        "flaw_seq": None,
    }


async def test_the_log_is_filtered_paged_and_verified_and_a_change_is_named(shell: Shell) -> None:
    for name in ("one", "two", "three"):
        await shell.json("users", "add", name, "--generate", *(("--tenant", "acme") if name == "two" else ()))
    assert await shell.log() == ["three", "two", "one"]
    assert await shell.log("--tenant", "acme") == ["two"]
    assert await shell.log("--limit", "1", "--before", "3") == ["two"]
    assert await shell.log("--action", "key.create") == []
    assert await shell.log("--actor", "nobody") == []
    assert await shell.log("--since", "2020-01-01") == ["three", "two", "one"]
    shown = await shell.text("audit", "log")
    assert "user.add" in shown
    assert "command" in shown
    whole = await shell.text("audit", "verify")
    assert "3 rows fit" in whole
    tail = next(line for line in whole.splitlines() if line.startswith("tail: ")).removeprefix("tail: ")
    await shell.json("users", "disable", "one")
    assert (await shell.json("audit", "verify", "--from", tail))["data"]["rows"] == 1

    shell.sql("UPDATE audit_log SET actor = 'somebody else' WHERE seq = 2")
    broken = await shell.json("audit", "verify", expect=Exit.CRITICAL)
    assert (broken["data"]["flaw"], broken["data"]["flaw_seq"], broken["status"]) == ("changed", 2, "critical")
    assert "Row 2 was changed." in await shell.text("audit", "verify", expect=Exit.CRITICAL)
    shell.sql("DELETE FROM audit_log WHERE seq = 2")
    assert (await shell.json("audit", "verify", expect=Exit.CRITICAL))["data"]["flaw"] == "missing"


async def test_a_chain_that_was_rewritten_with_its_tail_does_not_fit_the_tail_that_was_noted(shell: Shell) -> None:
    await shell.json("users", "add", "one", "--generate")
    noted = (await shell.json("audit", "verify"))["data"]
    shell.sql("DELETE FROM audit_log")
    shell.sql("DELETE FROM installation WHERE name = 'audit_tail'")
    for name in ("two", "three"):
        await shell.json("users", "add", name, "--generate")
    assert (await shell.json("audit", "verify"))["data"]["flaw"] is None
    found = await shell.json("audit", "verify", "--from", f"{noted['seq']}:{noted['hash']}", expect=Exit.CRITICAL)
    assert found["data"]["flaw_seq"] == 2


async def test_rows_that_passed_their_time_are_told_and_a_noted_one_among_them_is_not_compared(shell: Shell) -> None:
    clock = ManualClock()
    shell.data_dir.mkdir()
    async with open_sqlite(shell.data_dir, clock, counting_ids()) as database:
        entry = audit.Entry(tenant="default", actor="li", means="key", action="a", result="200", details={})
        await database.write(SYSTEM_SCOPE, audit.append, [entry] * 4)
        clock.advance(366 * 86_400)
        pruned = await database.write(
            SYSTEM_SCOPE, retention.delete_audit, older_than=timedelta(days=365), limit=100
        )
        assert pruned.rows == 4
    shown = await shell.text("audit", "verify")
    assert "Rows up to 4" in shown
    assert "1 rows fit" in shown
    late = await shell.json("audit", "verify", "--from", f"2:{'0' * 64}")
    assert (late["data"]["pruned"], late["findings"][0]["code"]) == (4, "AUDIT_START_GONE")
    other = await shell.json("audit", "verify", "--from", f"4:{'0' * 64}", expect=Exit.CRITICAL)
    assert other["data"]["flaw_seq"] == 4


@pytest.mark.parametrize(
    "argv",
    [
        ("log", "--tenant", "import:x"),
        ("log", "--limit", "501"),
        ("log", "--since", "soon"),
        ("verify", "--from", "x"),
        ("verify", "--from", "1:abc"),
    ],
)
async def test_wrong_usage_is_told(shell: Shell, argv: tuple[str, ...]) -> None:
    await shell.text("audit", *argv, expect=Exit.USAGE)
    assert not (shell.data_dir / "lgma.db").exists()
