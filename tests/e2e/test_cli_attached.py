"""`lgma` against a server that runs: it finds it by the data directory's lock, and talks HTTP."""

import asyncio
import json
import os
import pty
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
import structlog.testing
import yaml
from tests.support.server import Desk, open_desk, serving, step_event

from langgraph_multi_agent.cli import program
from langgraph_multi_agent.cli.exits import Exit
from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.task import Action
from langgraph_multi_agent.ops.data_directory import data_directory_lock

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]
HAN = re.compile(r"[\u4e00-\u9fff]")
ENVELOPE = {"schema", "command", "status", "findings", "changes", "errors", "duration_ms", "data"}
QUESTION = {
    "id": "1/0/desk/1/1",
    "kind": "clarification",
    "text": "Which column?",
    "options": ["a", "b"],
    "subtask_id": None,
}
GOOD = {"summary": "All is well.", "review": "passed", "findings": 2, "report": "report.html"}


@dataclass(slots=True)
class Office:
    """A server on a locked data directory, and `lgma` beside it."""

    desk: Desk
    data_dir: Path
    url: str
    capsys: pytest.CaptureFixture[str]

    async def lgma(self, *argv: str, expect: int = 0) -> tuple[str, str]:
        """Run a command in a thread of this process; what it wrote to both streams."""
        self.capsys.readouterr()
        code = await asyncio.to_thread(program.run, [*argv, "--data-dir", str(self.data_dir)])
        shown = self.capsys.readouterr()
        assert code == expect, (code, shown)
        return shown.out, shown.err

    async def json(self, *argv: str, expect: int = 0) -> dict[str, Any]:
        out, _ = await self.lgma(*argv, "--json", expect=expect)
        envelope: dict[str, Any] = json.loads(out)
        assert set(envelope) == ENVELOPE
        assert envelope["schema"] == "lgma/v1"
        return envelope

    async def start(self, *argv: str, **more: Any) -> asyncio.subprocess.Process:
        """Start a command as a real process."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "from langgraph_multi_agent.cli import main; main()"),
            *(*argv, "--data-dir", str(self.data_dir)),
            **{
                "stdin": asyncio.subprocess.DEVNULL,
                "stdout": asyncio.subprocess.PIPE,
                "stderr": asyncio.subprocess.PIPE,
                "env": {**os.environ, "LANG": "en_GB.UTF-8", "LGMA_LANG": "en"},
                **more,
            },
        )


@pytest.fixture
async def office(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Office]:
    monkeypatch.setenv("LGMA_LANG", "en")
    data_dir = tmp_path / "data"
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(open_desk(data_dir))
        announce = stack.enter_context(data_directory_lock(data_dir))
        place = await stack.enter_async_context(serving(desk.app))
        announce(f"http://{place}")
        stack.enter_context(structlog.testing.capture_logs())
        yield Office(desk=desk, data_dir=data_dir, url=f"http://{place}", capsys=capsys)


async def submitted(office: Office) -> str:
    """The task that a started `lgma run` submits."""
    async with asyncio.timeout(100), office.desk.feed.listen(None) as listener:
        while not (page := (await office.desk.client.get("/api/v1/tasks")).json()["tasks"]):
            await listener.wait(5)
    return str(page[0]["id"])


def content(path: str | Path) -> bytes:
    return Path(path).read_bytes()


async def ended(process: asyncio.subprocess.Process) -> tuple[int, str, str]:
    async with asyncio.timeout(100):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, (out or b"").decode(), (err or b"").decode()


# Looking


async def test_the_list_is_a_table_and_an_envelope_that_agree(office: Office) -> None:
    first = await office.desk.submit("First thing", priority=4)
    second = await office.desk.submit("第二件事")
    out, _ = await office.lgma("tasks", "list")
    assert out.index(second["id"]) < out.index(first["id"]), "newest first"
    assert "○ pending" in out
    assert "urgent" in out
    envelope = await office.json("tasks", "list")
    assert [task["id"] for task in envelope["data"]["tasks"]] == [second["id"], first["id"]]
    page = await office.json("tasks", "list", "--limit", "1")
    rest = await office.json("tasks", "list", "--cursor", page["data"]["next"])
    assert [task["id"] for task in rest["data"]["tasks"]] == [first["id"]]
    assert (await office.json("tasks", "list", "--status", "failed"))["data"]["tasks"] == []


@pytest.mark.parametrize(("form", "read"), [("yaml", yaml.safe_load), ("json", json.loads)])
async def test_other_forms_hold_the_same_envelope(office: Office, form: str, read: Any) -> None:
    await office.desk.submit("任务")
    out, _ = await office.lgma("tasks", "list", "-o", form)
    assert read(out)["data"]["tasks"][0]["description"] == "任务"


async def test_markdown_is_a_table(office: Office) -> None:
    await office.desk.submit("a | b")
    out, _ = await office.lgma("tasks", "list", "-o", "markdown")
    assert "| STATUS | TASK |" in out
    assert "a \\| b" in out


async def test_show_tells_plan_result_files_and_open_questions_in_both_languages(office: Office) -> None:
    task = await office.desk.submit("What is it?")
    await office.desk.plan(task["id"])
    await office.desk.save(task["id"], "report.html", b"<html>", "text/html", "report")
    await office.desk.ask(task["id"], QUESTION)
    out, _ = await office.lgma("tasks", "show", task["id"])
    for words in ("waiting for you", "Plan (revision 1)", "report.html", "Which column?", "lgma tasks answer"):
        assert words in out
    assert not HAN.search(out.replace("数一数", ""))
    zh, _ = await office.lgma("tasks", "show", task["id"], "--lang", "zh")
    assert "等你回答" in zh
    data = (await office.json("tasks", "show", task["id"]))["data"]
    assert set(data) == {"task", "plan", "artifacts", "questions"}


async def test_an_unknown_task_is_the_server_s_problem_and_exit_1(office: Office) -> None:
    envelope = await office.json("tasks", "show", "nobody", expect=Exit.FAILED)
    assert envelope["errors"][0]["code"] == "TASK_NOT_FOUND"
    _, err = await office.lgma("tasks", "show", "nobody", "--lang", "zh", expect=Exit.FAILED)
    assert HAN.search(err)
    assert "Traceback" not in err


async def test_agents_are_listed_with_title_and_state(office: Office) -> None:
    out, _ = await office.lgma("agents", "list", "--lang", "zh")
    assert "办事员" in out
    out, _ = await office.lgma("agents", "status")
    assert "○ idle" in out
    assert {a["name"] for a in (await office.json("agents", "status"))["data"]["agents"]} >= {"desk"}


# Taking a hand


async def test_a_control_tells_before_after_and_its_undo(office: Office) -> None:
    task = await office.desk.submit()
    out, _ = await office.lgma("tasks", "pause", task["id"])
    assert f"undo: lgma tasks resume {task['id']}" in out
    (change,) = (await office.json("tasks", "resume", task["id"]))["changes"]
    assert (change["before"], change["after"], change["applied"]) == ("paused", "pending", True)
    await office.json("tasks", "cancel", task["id"])
    await office.json("tasks", "retry", task["id"])
    envelope = await office.json("tasks", "resume", task["id"], expect=Exit.FAILED)
    assert envelope["errors"][0]["code"] == "ILLEGAL_TRANSITION"


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume", "retry", "delete"])
async def test_a_dry_run_changes_nothing(office: Office, verb: str) -> None:
    task = await office.desk.submit()
    (change,) = (await office.json("tasks", verb, task["id"], "--dry-run"))["changes"]
    assert change["applied"] is False
    assert (await office.desk.client.get(f"/api/v1/tasks/{task['id']}")).json() == task


async def test_delete_wants_the_name_and_keeps_a_copy(office: Office) -> None:
    task = await office.desk.submit("precious")
    await office.desk.save(task["id"], "report.html", b"<html>", "text/html", "report")
    await office.desk.finish(task["id"])
    for argv in ([], ["--yes"], ["--yes", "--confirm", "other"], ["--confirm", task["id"]]):
        envelope = await office.json("tasks", "delete", task["id"], *argv, expect=Exit.REFUSED)
        assert envelope["errors"][0]["code"] == "NAME_NOT_CONFIRMED"
    assert (await office.desk.client.get(f"/api/v1/tasks/{task['id']}")).status_code == 200

    envelope = await office.json("tasks", "delete", task["id"], "--yes", "--confirm", task["id"])
    assert (await office.desk.client.get(f"/api/v1/tasks/{task['id']}")).status_code == 404
    copy = Path(envelope["data"]["backup"])
    record = json.loads((copy / "task.json").read_text(encoding="utf-8"))
    assert record["task"]["description"] == "precious"
    assert [event["seq"] for event in record["events"]] == list(range(1, len(record["events"]) + 1))
    assert content(copy / "files" / "report.html") == b"<html>"


async def test_a_reset_asks_and_yes_answers(office: Office) -> None:
    assert (await office.json("agents", "reset", "desk", expect=Exit.REFUSED))["errors"][0]["code"] == "NOT_CONFIRMED"
    assert (await office.json("agents", "reset", "desk", "--yes"))["changes"][0]["applied"] is True
    assert (await office.json("agents", "reset", "desk", "--dry-run"))["changes"][0]["applied"] is False
    envelope = await office.json("agents", "reset", "nobody", "--yes", expect=Exit.FAILED)
    assert envelope["errors"][0]["code"] == "AGENT_UNKNOWN"


async def test_a_question_is_answered_by_number_and_a_wrong_answer_is_the_server_s_problem(office: Office) -> None:
    task = await office.desk.submit()
    await office.desk.ask(task["id"], QUESTION)
    wrong = await office.json("tasks", "answer", task["id"], "c", expect=Exit.FAILED)
    assert wrong["errors"][0]["code"] == "INVALID_REQUEST"
    assert (await office.json("tasks", "answer", task["id"], expect=Exit.REFUSED))["status"] == "refused"
    (change,) = (await office.json("tasks", "answer", task["id"], "2"))["changes"]
    assert change["after"] == {"text": "b"}
    none = await office.json("tasks", "answer", task["id"], "2", expect=Exit.FAILED)
    assert none["errors"][0]["code"] == "NO_QUESTION"


async def test_files_are_listed_and_copied(office: Office, tmp_path: Path) -> None:
    task = await office.desk.submit()
    assert "No files." in (await office.lgma("tasks", "artifacts", task["id"]))[0]
    await office.desk.save(task["id"], "图表.svg", b"<svg/>", "image/svg+xml", "chart")
    (entry,) = (await office.json("tasks", "artifacts", task["id"], "--out", str(tmp_path / "o")))["data"]["artifacts"]
    assert content(entry["path"]) == b"<svg/>"
    blocked = Path(entry["path"]) / "deeper"
    failed = await office.json("tasks", "artifacts", task["id"], "--out", str(blocked), expect=Exit.FAILED)
    assert failed["errors"][0]["code"] == "CANNOT_WRITE"


# Running


async def perform(office: Office, task_id: str, *, has_plan: bool = False) -> None:
    """What a worker would do, event by event."""
    if not has_plan:
        await office.desk.plan(task_id)
    for subtask in ("a", "b"):
        await office.desk.commit(task_id, step_event(EventType.SUBTASK_STARTED, subtask, attempt=1))
        await office.desk.commit(task_id, step_event(EventType.SUBTASK_COMPLETED, subtask, duration_s=0.2))
    await office.desk.save(task_id, "report.html", b"<html>done</html>", "text/html", "report")
    await office.desk.save(task_id, "trend.svg", b"<svg/>", "image/svg+xml", "chart")
    await office.desk.finish(task_id, result=GOOD)


async def test_run_shows_plain_lines_on_a_pipe_and_ends_with_the_report_s_path(office: Office) -> None:
    process = await office.start("run", "Count things")
    task_id = await submitted(office)
    await perform(office, task_id)
    code, out, err = await ended(process)
    assert code == 0, err
    report = re.search(r"^report: (.*)$", out, re.MULTILINE)
    assert report is not None
    assert content(report[1]) == b"<html>done</html>"
    assert Path(report[1]).parent == office.data_dir / "exports" / task_id
    assert content(Path(report[1]).parent / "trend.svg") == b"<svg/>"
    assert "All is well." in out
    assert f"Handed to the server that is running at {office.url}" in err
    assert "plan 1:" in err
    assert "completed" in err
    assert "\x1b" not in out + err


async def test_run_json_is_one_envelope_with_task_report_and_artifacts(office: Office, tmp_path: Path) -> None:
    process = await office.start("run", "Count", "--json", "--out", str(tmp_path / "here"), "--priority", "high")
    await perform(office, await submitted(office))
    code, out, _ = await ended(process)
    envelope = json.loads(out)
    assert (code, envelope["status"], envelope["command"]) == (0, "ok", "run")
    data = envelope["data"]
    assert data["task"]["status"] == "completed"
    assert data["task"]["priority"] == 3
    assert data["report"] == str(tmp_path / "here" / "report.html")
    assert {item["name"]: content(item["path"]) for item in data["artifacts"]} == {
        "report.html": b"<html>done</html>",
        "trend.svg": b"<svg/>",
    }


async def test_a_failed_task_is_exit_1_with_its_reason(office: Office) -> None:
    process = await office.start("run", "Count", "--json")
    task_id = await submitted(office)
    await office.desk.claim(task_id)
    await office.desk.finish(
        task_id, Action.FAIL, error={"code": "INPUT_UNREADABLE", "params": {"file": "a.csv", "reason": "empty"}}
    )
    code, out, err = await ended(process)
    envelope = json.loads(out)
    assert (code, envelope["status"]) == (1, "failed")
    assert envelope["errors"][0]["code"] == "INPUT_UNREADABLE"
    assert "a.csv" in envelope["errors"][0]["detail"]
    assert "(INPUT_UNREADABLE)" in err


async def test_a_refused_request_is_exit_1_and_leaves_no_task(office: Office) -> None:
    code, out, _ = await ended(await office.start("run", "write a poem", "--json"))
    assert (code, json.loads(out)["errors"][0]["code"]) == (1, "MODEL_REQUIRED")
    assert (await office.desk.client.get("/api/v1/tasks")).json()["tasks"] == []


async def test_detach_returns_with_the_task_s_id(office: Office) -> None:
    code, out, _ = await ended(await office.start("run", "Count", "--detach", "--json"))
    assert code == 0
    assert json.loads(out)["data"]["task"]["id"] == await submitted(office)


async def test_a_question_without_a_person_is_exit_6_with_the_command_that_answers(office: Office) -> None:
    process = await office.start("run", "Count", "--json")
    task_id = await submitted(office)
    await office.desk.claim(task_id)
    await office.desk.ask(task_id, QUESTION)
    code, out, err = await ended(process)
    envelope = json.loads(out)
    assert (code, envelope["status"]) == (6, "refused")
    assert envelope["data"]["questions"][0]["text"] == "Which column?"
    assert f"lgma tasks answer {task_id}" in err


async def test_ctrl_c_leaves_a_task_of_a_running_server_alone(office: Office) -> None:
    process = await office.start("run", "Count", "--json")
    task_id = await submitted(office)
    await office.desk.plan(task_id)
    assert process.stderr is not None
    async with asyncio.timeout(100):
        while b"plan 1" not in await process.stderr.readline():
            pass
    process.send_signal(signal.SIGINT)
    code, out, err = await ended(process)
    assert (code, json.loads(out)["status"]) == (130, "interrupted")
    assert "the task goes on" in err
    assert (await office.desk.client.get(f"/api/v1/tasks/{task_id}")).json()["status"] == "in_progress"


async def test_a_timeout_is_exit_8_and_keeps_the_task(office: Office) -> None:
    task = await office.desk.submit()
    code, out, _ = await ended(await office.start("tasks", "watch", task["id"], "--json", "--timeout", "2"))
    envelope = json.loads(out)
    assert (code, envelope["status"], envelope["errors"][0]["code"]) == (8, "timed_out", "TIMED_OUT")
    assert (await office.desk.client.get(f"/api/v1/tasks/{task['id']}")).json() == task


async def test_watch_follows_from_the_beginning_to_the_end(office: Office) -> None:
    task = await office.desk.submit("Watch me")
    process = await office.start("tasks", "watch", task["id"])
    await perform(office, task["id"])
    code, out, err = await ended(process)
    assert code == 0
    assert "All is well." in out
    assert err.index("plan 1:") < err.index("completed")


async def test_on_a_terminal_the_plan_is_redrawn_and_a_question_is_asked_there(office: Office) -> None:
    leader, follower = pty.openpty()
    os.set_blocking(leader, False)
    shown = bytearray()
    news = asyncio.Event()

    def read() -> None:
        try:
            shown.extend(os.read(leader, 65536))
        except OSError:
            asyncio.get_running_loop().remove_reader(leader)
        news.set()

    async def appears(words: str) -> None:
        async with asyncio.timeout(100):
            while words.encode() not in shown:
                news.clear()
                await news.wait()

    asyncio.get_running_loop().add_reader(leader, read)
    environment = {**os.environ, "LGMA_LANG": "en", "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
    process = await office.start("run", "Count", stdin=follower, stderr=follower, env=environment)
    os.close(follower)
    try:
        task_id = await submitted(office)
        await office.desk.plan(task_id)
        await office.desk.ask(task_id, QUESTION)
        await appears("Answer (")
        os.write(leader, b"1\n")
        async with asyncio.timeout(100), office.desk.feed.listen(task_id) as listener:
            while (await office.desk.client.get(f"/api/v1/tasks/{task_id}/questions")).json()["questions"]:
                await listener.wait(5)
        await perform(office, task_id, has_plan=True)
        code, out, _ = await ended(process)
    finally:
        asyncio.get_running_loop().remove_reader(leader)
        os.close(leader)
    assert code == 0
    assert "report: " in out
    assert b"\x1b[" in shown, "redrawn in place"
    assert "◆ Which column?" in shown.decode()
