"""Who embeds the system with teams of their own has no process for suspects: it runs them, alone."""

import asyncio
from pathlib import Path

import pytest
from bench.teams import zero_work
from tests.support.servers import PostgresServer
from tests.support.stores import run_sql

from langgraph_multi_agent import bootstrap
from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE
from langgraph_multi_agent.domain.task import TaskDraft, TaskStatus
from langgraph_multi_agent.settings import Settings

pytestmark = pytest.mark.servers


async def test_a_task_that_crashed_twice_is_run_by_a_server_without_workers(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    url = postgres_server.url(postgres_server.create_database())
    settings = Settings.load({}, data_dir=tmp_path, database_url=url, log_level="WARNING")
    opened = bootstrap.open_application(settings, teams={"zero_work": zero_work()})
    async with opened as application:
        draft = TaskDraft(title="t", description="d", team="zero_work")
        suspect = (await application.tasks.submit(DEFAULT_SCOPE, draft)).task.id
        await application.database.write(SYSTEM_SCOPE, run_sql, "UPDATE tasks SET crash_count = 2", {})
        async with bootstrap.working(application), asyncio.timeout(90):
            async for _ in application.streams.follow_task(DEFAULT_SCOPE, suspect, after=0):
                pass
        assert (await application.tasks.get(DEFAULT_SCOPE, suspect)).status is TaskStatus.COMPLETED
