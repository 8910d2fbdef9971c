"""A process that dies while it answers an order: message, answer and task stand together or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.stores import Desk, ManualClock, counting_ids, open_sqlite

from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.store import chats

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

SAY = """
import asyncio, sys
from pathlib import Path
from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.bootstrap.application import open_application
from langgraph_multi_agent.settings import Settings

async def say():
    settings = Settings.load({}, data_dir=Path(sys.argv[1]), memory_monitoring=False)
    async with open_application(settings) as application:
        await application.chat.say(
            DEFAULT_SCOPE, "创建任务：说明如何重试失败的任务", language="zh", idempotency_key="once"
        )

asyncio.run(say())
"""


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_kill_at_the_commit_of_an_answer_leaves_all_or_nothing(when: str, tmp_path: Path) -> None:
    clock, new_id = ManualClock(), counting_ids()
    async with open_sqlite(tmp_path, clock, new_id):
        pass

    def say(point: str) -> int:
        environment = {**os.environ, "LGMA_FAILPOINT": point}
        command = [sys.executable, "-c", SAY, str(tmp_path)]
        return subprocess.run(command, env=environment, timeout=140, check=False).returncode

    async def kept() -> tuple[list[chats.ChatMessage], list[str]]:
        async with open_sqlite(tmp_path, clock, new_id) as database:
            messages, _ = await database.read(DEFAULT_SCOPE, chats.history, limit=9, offset=0)
            return messages, await Desk(database, clock, new_id).ids()

    assert say(f"{when}:chats.exchange:1") == -signal.SIGKILL
    messages, tasks = await kept()
    assert (len(messages), len(tasks)) == ((0, 0) if when == "before" else (2, 1))
    assert say("") == 0
    messages, tasks = await kept()
    assert [message.type for message in messages] == ["user", "ai"]
    assert [messages[1].task_id] == tasks
