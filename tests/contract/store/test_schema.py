"""The schema is the sum of the migrations, the same on both dialects."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, Inspector, inspect
from tests.support.engines import DIALECTS, empty_database

from langgraph_multi_agent.store import migration, schema

TYPES = {
    "VARCHAR": "text",
    "TEXT": "text",
    "JSON": "text",
    "DATETIME": "time",
    "TIMESTAMP": "time",
    "BOOLEAN": "boolean",
    "INTEGER": "integer",
    "BIGINT": "integer",
    "FLOAT": "float",
    "DOUBLE_PRECISION": "float",
    "BLOB": "bytes",
    "BYTEA": "bytes",
}
"""What a type of either dialect holds; within a row of docs/equivalents they may differ."""
ONLY_POSTGRESQL_DEFAULTS = {("agent_messages", "id"), ("agent_messages", "xid")}
"""A sequence, and the id of the writing transaction: SQLite's rowid and one writer need neither."""


@pytest.fixture(params=DIALECTS)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with empty_database(request.param, tmp_path) as engine:
        assert migration.upgrade(engine)
        yield engine


def test_migrations_from_empty_give_the_schema_of_the_code(engine: Engine) -> None:
    assert not migration.upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": _differs}
        )
        assert compare_metadata(context, schema.metadata) == []


def _differs(_context: Any, inspected: Any, declared: Any, found: str | None, *_: Any) -> bool:
    """Alembic's hook: True if the defaults of a column are not the same."""
    if (declared.table.name, declared.name) in ONLY_POSTGRESQL_DEFAULTS and "(" in (found or ""):
        return False
    wanted = None if declared.server_default is None else str(declared.server_default.arg)
    return _plain(found) != wanted


def _plain(default: str | None) -> str | None:
    """`'0'::double precision`, `('0')` and `0` are the same."""
    if default is None:
        return None
    return default.partition("::")[0].strip("()'") or "''"


def test_names_of_checks_and_keys_are_those_of_the_code(engine: Engine) -> None:
    with engine.connect() as connection:
        inspector = inspect(connection)
        for table in schema.metadata.sorted_tables:
            declared = {str(c.name) for c in table.constraints if c.name is not None}
            found = {c["name"] for c in inspector.get_check_constraints(table.name)}
            found |= {c["name"] for c in inspector.get_unique_constraints(table.name)}
            assert found == declared


def test_both_dialects_have_the_same_tables_columns_keys_and_indexes(tmp_path: Path) -> None:
    shapes = []
    for dialect in DIALECTS:
        with empty_database(dialect, tmp_path) as engine:
            migration.upgrade(engine)
            with engine.connect() as connection:
                shapes.append(_shape(inspect(connection)))
    assert shapes[0] == shapes[1]


def _shape(inspector: Inspector) -> dict[str, Any]:
    shape: dict[str, Any] = {}
    for table in sorted(inspector.get_table_names()):
        if table == "alembic_version":
            continue
        columns = {
            column["name"]: (
                TYPES[type(column["type"]).__name__.upper()],
                getattr(column["type"], "length", None),
                column["nullable"],
                None
                if (table, column["name"]) in ONLY_POSTGRESQL_DEFAULTS
                else _plain(column["default"]),
            )
            for column in inspector.get_columns(table)
        }
        indexes = {
            str(index["name"]): (tuple(index["column_names"]), bool(index["unique"]), _is_partial(index))
            for index in inspector.get_indexes(table)
            if "duplicates_constraint" not in index
        }
        uniques = {str(c["name"]): tuple(c["column_names"]) for c in inspector.get_unique_constraints(table)}
        checks = {c["name"] for c in inspector.get_check_constraints(table)}
        shape[table] = {
            "columns": columns,
            "key": tuple(inspector.get_pk_constraint(table)["constrained_columns"]),
            "indexes": indexes,
            "uniques": uniques,
            "checks": checks,
        }
    return shape


def _is_partial(index: Any) -> bool:
    return any(name.endswith("_where") for name in index.get("dialect_options", {}))


def test_rows_that_change_often_have_room_on_their_page_on_postgresql(tmp_path: Path) -> None:
    with empty_database("postgresql", tmp_path) as engine:
        migration.upgrade(engine)
        with engine.connect() as connection:
            found = connection.exec_driver_sql(
                "SELECT relname, reloptions FROM pg_class WHERE relname IN ('leases', 'tasks') ORDER BY relname"
            ).all()
    assert [tuple(row) for row in found] == [("leases", ["fillfactor=50"]), ("tasks", ["fillfactor=70"])]


def test_the_newest_revision_is_the_one_that_a_quick_start_looks_for() -> None:
    scripts = ScriptDirectory(str(migration.SCRIPTS))
    assert scripts.get_current_head() == migration.HEAD


def test_names_fit_into_what_postgresql_keeps_of_them() -> None:
    names = [table.name for table in schema.metadata.sorted_tables]
    for table in schema.metadata.sorted_tables:
        names += [str(index.name) for index in table.indexes]
        names += [str(constraint.name) for constraint in table.constraints]
        names += list(table.c.keys())
    assert [name for name in names if len(name.encode()) > 63] == []


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
