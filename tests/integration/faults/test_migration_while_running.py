"""An upgrade of the schema while tasks run, and a restart of the program of before it."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from bench.teams import zero_work
from tests.support.engines import sqlalchemy_url
from tests.support.invariants import check_postgres
from tests.support.servers import PostgresServer

from langgraph_multi_agent import bootstrap
from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.domain.task import TaskDraft, is_terminal
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.store import migration
from langgraph_multi_agent.store.postgres import postgres_engine

VALUES: dict[str, Any] = {
    "log_level": "WARNING",
    "max_concurrent_workflows": 8,
    "lease_seconds": 30,
    "database_deadline": 60,
}
NEWER = {
    "9001": """
is_transactional = True

def upgrade():
    op.add_column("tasks", sa.Column("region", sa.Text(), server_default=sa.text("'here'"), nullable=False))
    op.add_column("journal", sa.Column("cost", sa.Float()))
    op.create_table("regions", sa.Column("name", sa.Text(), primary_key=True))
""",
    "9002": """
from langgraph_multi_agent.store.migrations.indexes import build_index
is_transactional = False

def upgrade():
    build_index("idx_agent_messages_agent", "agent_messages", ["agent", "created_at"])
""",
}
"""Revisions of a later release: they expand."""


def newer_release(directory: Path) -> Path:
    """The package's revisions and those of a later release."""
    scripts = directory / "newer"
    shutil.copytree(migration.SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    earlier = migration.HEAD
    for number, body in NEWER.items():
        head = (
            "import sqlalchemy as sa\nfrom alembic import op\n"
            f'revision = "{number}"\ndown_revision = "{earlier}"\ncompatible_from = "{migration.HEAD}"\n'
        )
        (scripts / "versions" / f"rev_{number}.py").write_text(head + body)
        earlier = number
    return scripts


@asynccontextmanager
async def running(url: str, directory: Path) -> AsyncIterator[bootstrap.Application]:
    """This program, at work on that database."""
    settings = Settings.load({}, data_dir=directory, database_url=url, **VALUES)
    opened = bootstrap.open_application(settings, teams={"zero_work": zero_work()})
    async with opened as application, bootstrap.working(application):
        yield application


async def submit(application: bootstrap.Application, count: int) -> list[str]:
    draft = TaskDraft(title="t", description="d", team="zero_work", input_data={"subtasks": 2, "sleep_s": 0.01})
    return [(await application.tasks.submit(DEFAULT_SCOPE, draft)).task.id for _ in range(count)]


async def ended(application: bootstrap.Application, ids: list[str]) -> None:
    async with asyncio.timeout(120):
        for task_id in ids:
            async for _ in application.streams.follow_task(DEFAULT_SCOPE, task_id, after=0):
                pass
            assert is_terminal((await application.tasks.get(DEFAULT_SCOPE, task_id)).status)


@pytest.mark.timeout(300)
async def test_tasks_go_on_through_an_upgrade_and_the_program_of_before_starts_again(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    name = postgres_server.create_database()
    url, scripts = postgres_server.url(name), newer_release(tmp_path)
    engine = postgres_engine(sqlalchemy_url(url), deadline_s=60.0)
    try:
        async with running(url, tmp_path / "data") as application:
            ids = await submit(application, 20)
            upgrading = asyncio.create_task(
                asyncio.to_thread(migration.upgrade, engine, scripts=scripts, program="9002")
            )
            while not upgrading.done():
                ids += await submit(application, 1)
                await asyncio.sleep(0.02)
            assert await upgrading
            ids += await submit(application, 10)
            await ended(application, ids)
        async with running(url, tmp_path / "data") as application:
            late = await submit(application, 5)
            await ended(application, late)
        history = check_postgres(url, ids + late)
        assert history.is_clean, str(history)
        assert history.ended == {"completed": len(ids) + 5}
        with engine.connect() as connection:
            assert migration.current_revision(connection) == "9002"
            assert connection.exec_driver_sql("SELECT count(*) FROM tasks WHERE region = 'here'").scalar() == len(
                ids + late
            )
    finally:
        engine.dispose()
        postgres_server.drop_database(name)
