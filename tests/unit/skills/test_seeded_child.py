"""A skill's process ends with its call, and reaches nobody while it lives."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import pytest

from langgraph_multi_agent.domain.errors import SkillFailed
from langgraph_multi_agent.skills import registry
from langgraph_multi_agent.skills.runner import ChildProcessSkillRunner

SRC = Path(registry.__file__).parents[2]
ENDLESS = "SELECT count(*) AS n FROM data, range(100000000) a(i), range(100000000) b(j) WHERE i * j % 7 = 3"


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_cancelling_a_call_ends_its_process_within_seconds(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("a\n1\n2\n")
    runner = ChildProcessSkillRunner()
    params = {"file": str(table), "name": "t.csv", "queries": [{"id": "q", "sql": ENDLESS}], "limits": {"query_s": 50}}
    call = asyncio.create_task(runner.run("tables.recompute", params))
    while not runner.alive:  # noqa: ASYNC110 - the runner offers no event for it
        await asyncio.sleep(0.01)
    (pid,) = runner.alive
    try:
        call.cancel()
        done, _ = await asyncio.wait({call}, timeout=30)
        assert done == {call}
        assert call.cancelled()
        assert not is_alive(pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        await asyncio.wait({call}, timeout=30)


async def test_a_skill_cannot_connect_even_to_who_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "extra" / "reaching"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "out.py").write_text(
        "import socket\n\n\ndef run(params):\n"
        "    with socket.create_connection(('127.0.0.1', params['port'])) as connection:\n"
        "        connection.sendall(b'data')\n"
        "    return {}\n"
    )
    (tmp_path / "sitecustomize.py").write_text(
        f"import sys\nsys.path.insert(0, {str(SRC)!r})\n"
        f"import langgraph_multi_agent.skills as skills\nskills.__path__.append({str(package.parent)!r})\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    reached: list[str] = []
    arrived = asyncio.Event()

    def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append("connected")
        arrived.set()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(SkillFailed) as caught:
            await ChildProcessSkillRunner().run("reaching.out", {"port": port})
        # Whoever got through before us would have been accepted by now.
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        await arrived.wait()
        writer.close()
        await writer.wait_closed()
    assert caught.value.params["reason"] == "error"
    assert reached == ["connected"]
