"""A process that dies while a schedule fires: the fire is one task all the same."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.support.stores import Desk, ManualClock, counting_ids, draft, open_sqlite

from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE
from langgraph_multi_agent.domain.schedule import ScheduleDraft
from langgraph_multi_agent.service.schedules import next_fire
from langgraph_multi_agent.store import schedules

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

TICK = """
import asyncio, sys
from pathlib import Path
from uuid_utils import uuid7
from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.domain.clock import SystemClock
from langgraph_multi_agent.service.schedules import fires_due
from langgraph_multi_agent.store import schedules
from langgraph_multi_agent.store.database import SqliteDatabase

async def tick():
    database = SqliteDatabase(Path(sys.argv[1]), clock=SystemClock(), new_id=lambda: str(uuid7()))
    await database.write(
        SYSTEM_SCOPE, schedules.fire_due, queue_size=9, fires_due=fires_due, admit=lambda draft: None
    )
    await database.close()

asyncio.run(tick())
"""


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_kill_at_the_commit_of_a_fire_makes_neither_none_nor_two(when: str, tmp_path: Path) -> None:
    clock, new_id = ManualClock(), counting_ids()
    request = ScheduleDraft(name="n", cron="0 0 1 1 *", timezone="UTC", draft=draft())
    async with open_sqlite(tmp_path, clock, new_id) as database:
        made = await database.write(DEFAULT_SCOPE, schedules.create, new_id(), request, next_fire)
        desk = Desk(database, clock, new_id)
        due = f"{datetime.now(UTC) - timedelta(seconds=5):%Y-%m-%d %H:%M:%S.%f}"
        await desk.sql("UPDATE schedules SET next_fire_at = :due", due=due)

    def tick(point: str) -> int:
        environment = {**os.environ, "LGMA_FAILPOINT": point}
        command = [sys.executable, "-c", TICK, str(tmp_path / "lgma.db")]
        return subprocess.run(command, env=environment, timeout=140, check=False).returncode

    assert tick(f"{when}:schedules.fire_due:1") == -signal.SIGKILL
    assert tick("") == 0
    async with open_sqlite(tmp_path, clock, new_id) as database:
        (task_id,) = await Desk(database, clock, new_id).ids()
        after = await database.read(SYSTEM_SCOPE, schedules.get, made.id)
    assert after.last_task_id == task_id
    assert after.next_fire_at is not None
    assert after.next_fire_at > datetime.now(UTC)
