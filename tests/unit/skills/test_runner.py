"""The child-process runner: answers, faults, limits, and that nothing outlives a call."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from langgraph_multi_agent.domain.errors import InputUnreadable, LimitExceeded, SkillFailed
from langgraph_multi_agent.skills import registry
from langgraph_multi_agent.skills.runner import ChildProcessSkillRunner

SRC = Path(registry.__file__).parents[2]

PROBE = """
import os, sys, time
from langgraph_multi_agent.domain.errors import InputUnsafe

def run(params):
    what = params["what"]
    if what == "echo":
        return {"params": params, "pid": os.getpid(), "cwd": os.getcwd(), "environ": dict(os.environ)}
    if what == "sleep":
        with open(params["mark"], "w") as file:
            file.write(str(os.getpid()))
        time.sleep(150)
    if what == "memory":
        return {"size": len(bytearray(params["bytes"]))}
    if what == "crash":
        os.kill(os.getpid(), 11)
    if what == "exit":
        sys.stderr.write("broken\\n")
        os._exit(3)
    if what == "unsafe":
        raise InputUnsafe(name="x.xlsx", reason="unpacked_ratio", ratio=400)
    if what == "error":
        raise KeyError("no such thing")
    if what == "nan":
        return {"value": float("nan")}
    if what == "print":
        print("this is not the answer")
        return {"ok": True}
    if what == "network":
        import socket
        socket.create_connection(("127.0.0.1", 9))
    if what == "large":
        return {"text": "x" * params["size"]}
    return {}
"""


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A skill `probing.probe` that does what it is told, found next to the real ones."""
    import langgraph_multi_agent.skills as skills

    package = tmp_path / "extra" / "probing"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "probe.py").write_text(textwrap.dedent(PROBE))
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(SRC)!r})\n"
        "import langgraph_multi_agent.skills as s\n"
        f"s.__path__.append({str(tmp_path / 'extra')!r})\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(hook))
    assert skills.__name__
    return "probing.probe"


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


def written(path: Path) -> str:
    return path.read_text() if path.exists() else ""


async def until(path: Path) -> int:
    """The process id that a sleeping probe has written; another process gives no event to await."""
    async with asyncio.timeout(60):
        while not written(path):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return int(written(path))


async def test_returns_the_result_of_the_skill_from_another_process(probe: str, tmp_path: Path) -> None:
    runner = ChildProcessSkillRunner(scratch=tmp_path)
    answer = await runner.run(probe, {"what": "echo", "名": "值\u2028"})
    assert answer["params"]["名"] == "值\u2028"
    assert answer["pid"] != os.getpid()
    assert not alive(answer["pid"])
    assert runner.alive == frozenset()


async def test_the_scratch_directory_is_gone_after_the_call(probe: str, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    answer = await ChildProcessSkillRunner(scratch=scratch).run(probe, {"what": "echo"})
    assert Path(answer["cwd"]).parent == scratch
    assert list(scratch.iterdir()) == []


async def test_no_secret_of_the_parent_reaches_the_child(probe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_API_KEY", "secret")
    answer = await ChildProcessSkillRunner().run(probe, {"what": "echo"})
    assert "LLM_API_KEY" not in answer["environ"]


async def test_faults_come_back_as_themselves(probe: str) -> None:
    with pytest.raises(Exception, match="INPUT_UNSAFE") as caught:
        await ChildProcessSkillRunner().run(probe, {"what": "unsafe"})
    assert type(caught.value).__name__ == "InputUnsafe"
    assert caught.value.params == {"name": "x.xlsx", "reason": "unpacked_ratio", "ratio": 400}


@pytest.mark.parametrize(("what", "reason"), [("error", "error"), ("crash", "killed"), ("exit", "crashed"),
                                              ("nan", "error"), ("network", "error")])  # fmt: skip
async def test_whatever_else_goes_wrong_is_a_failed_skill(probe: str, what: str, reason: str) -> None:
    with pytest.raises(SkillFailed) as caught:
        await ChildProcessSkillRunner().run(probe, {"what": what})
    assert caught.value.params["reason"] == reason


async def test_what_a_library_prints_is_not_taken_for_the_answer(probe: str) -> None:
    assert await ChildProcessSkillRunner().run(probe, {"what": "print"}) == {"ok": True}


async def test_an_answer_of_megabytes_arrives_whole(probe: str) -> None:
    answer = await ChildProcessSkillRunner().run(probe, {"what": "large", "size": 3_000_000})
    assert len(answer["text"]) == 3_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel enforces this limit on Linux only")
async def test_memory_is_bounded(probe: str) -> None:
    runner = ChildProcessSkillRunner(memory_bytes=200 * 1024**2)
    assert await runner.run(probe, {"what": "memory", "bytes": 1000}) == {"size": 1000}
    with pytest.raises(LimitExceeded) as caught:
        await runner.run(probe, {"what": "memory", "bytes": 400 * 1024**2})
    assert caught.value.params["limit"] == "memory"


async def test_the_deadline_kills_the_child(probe: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    runner = ChildProcessSkillRunner()
    for deadline_s in (2.0, 8.0, 32.0):  # a busy machine may take longer than a short one to begin
        with pytest.raises(LimitExceeded) as caught:
            await runner.run(probe, {"what": "sleep", "mark": str(mark)}, deadline_s=deadline_s)
        assert caught.value.params["limit"] == "time"
        if written(mark):
            break
    assert not alive(int(written(mark)))


async def test_a_cancelled_call_returns_only_when_the_child_is_dead(probe: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    runner = ChildProcessSkillRunner()
    call = asyncio.create_task(runner.run(probe, {"what": "sleep", "mark": str(mark)}))
    pid = await until(mark)
    started = time.monotonic()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert time.monotonic() - started < 60
    assert not alive(pid)
    assert runner.alive == frozenset()


async def test_a_call_cancelled_while_its_child_starts_leaves_none(probe: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    runner = ChildProcessSkillRunner(scratch=tmp_path)
    call = asyncio.create_task(runner.run(probe, {"what": "sleep", "mark": str(mark)}))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert runner.alive == frozenset()
    assert not list(tmp_path.glob("lgma-skill-*"))  # noqa: ASYNC240


async def test_no_more_children_than_allowed_are_alive(probe: str, tmp_path: Path) -> None:
    runner = ChildProcessSkillRunner(concurrency=1)
    first = asyncio.create_task(runner.run(probe, {"what": "sleep", "mark": str(tmp_path / "one")}))
    await until(tmp_path / "one")
    second = asyncio.create_task(runner.run(probe, {"what": "sleep", "mark": str(tmp_path / "two")}))
    await asyncio.sleep(0.05)
    assert len(runner.alive) == 1
    assert not written(tmp_path / "two")
    first.cancel()
    await until(tmp_path / "two")
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)


async def test_a_child_dies_with_its_parent(probe: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    script = (
        "import asyncio\n"
        "from langgraph_multi_agent.skills.runner import ChildProcessSkillRunner\n"
        f"asyncio.run(ChildProcessSkillRunner().run({probe!r}, {{'what': 'sleep', 'mark': {str(mark)!r}}}))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script])  # noqa: ASYNC220
    try:
        pid = await until(mark)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        async with asyncio.timeout(60):
            while alive(pid):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        parent.kill()
        parent.wait()


@pytest.mark.parametrize(
    "name", ["tables", "tables.nothing", "nothing.run", "../x.y", "tables.profile.run", "os.system", "a.b\n"]
)
async def test_only_skills_can_be_run(name: str) -> None:
    with pytest.raises(SkillFailed) as caught:
        await ChildProcessSkillRunner().run(name, {})
    assert caught.value.params["reason"] == "unknown_skill"


async def test_a_real_skill_says_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n3,4,5\n")
    with pytest.raises(InputUnreadable) as caught:
        await ChildProcessSkillRunner().run("tables.profile", {"file": str(path), "name": "x.csv"})
    assert caught.value.params == {
        "name": "x.csv", "reason": "ragged_row", "line": 3, "expected": 2, "found": 3,
    }  # fmt: skip


def test_a_child_imports_only_what_its_skill_needs() -> None:
    code = (
        "import sys, langgraph_multi_agent.skills.child\n"
        "heavy = {'sqlalchemy', 'langgraph', 'pydantic', 'duckdb', 'numpy', 'asyncio', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(SRC)},
    )  # fmt: skip
    assert shown.stdout.strip() == "[]"
