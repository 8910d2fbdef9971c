"""The schema is the sum of the migrations."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from langgraph_multi_agent.domain.errors import SettingsUnsafe
from langgraph_multi_agent.store import migration, schema
from langgraph_multi_agent.store.database import sqlite_engine


def test_migrations_from_empty_give_the_schema_of_the_code(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "a.db")
    assert migration.upgrade(engine)
    assert not migration.upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []
        inspector = inspect(connection)
        checks = {
            table.name: {c["name"] for c in inspector.get_check_constraints(table.name)}
            for table in schema.metadata.sorted_tables
        }
    engine.dispose()
    wanted = {
        table.name: {c.name for c in table.constraints if c.__visit_name__.endswith("check_constraint")}
        for table in schema.metadata.sorted_tables
    }
    assert checks == wanted


def test_the_newest_revision_is_the_one_that_a_quick_start_looks_for() -> None:
    scripts = ScriptDirectory(str(Path(migration.__file__).parent / "migrations"))
    assert scripts.get_current_head() == migration.HEAD


def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "a.db")
    migration.upgrade(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SettingsUnsafe) as refused:
        migration.upgrade(engine)
    assert refused.value.params["reason"] == "database_newer"
    with engine.connect() as connection:
        assert migration.current_revision(connection) == "9999"
    engine.dispose()


def test_every_row_of_ours_carries_its_tenant() -> None:
    ours = [table for table in schema.metadata.sorted_tables if "owner" not in table.info]
    assert len(ours) >= 10
    assert [table.name for table in ours if "tenant" not in table.c or table.c.tenant.nullable] == []


def test_what_operators_type_by_hand_is_there() -> None:
    tables = schema.metadata.tables
    assert {"id", "status", "error_message", "created_at"} <= set(tables["tasks"].c.keys())
    indexes = {index.name for table in tables.values() for index in table.indexes}
    assert {
        "idx_tasks_status_created",
        "idx_workflow_executions_task_id",
        "idx_agent_messages_timestamp",
    } <= indexes
