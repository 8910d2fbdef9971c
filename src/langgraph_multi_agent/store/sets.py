"""Statements over many rows at once, written once for both dialects.

PostgreSQL takes the rows as one JSON value: one statement whatever their number, prepared once, and
encoded in C (psycopg's arrays are dumped item by item in Python: 9 % of a worker's time). SQLite
lives in this process and takes `executemany`. Callers: the units of work.
Invariant: a set is written whole or not at all, in the order given.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    Table,
    bindparam,
    delete,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import String, TypeDecorator, TypeEngine

from langgraph_multi_agent.store.database import Store, driver_of
from langgraph_multi_agent.store.schema import Json, UtcTime, json_text

POSTGRESQL = "postgresql"


class _TextList(TypeDecorator[Any]):
    """A list of texts as one value: an array, or JSON where there are none."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Any) -> TypeEngine[Any]:
        kind: TypeEngine[Any] = postgresql.ARRAY(String()) if dialect.name == POSTGRESQL else String()
        return dialect.type_descriptor(kind)  # type: ignore[no-any-return]

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        return list(value) if dialect.name == POSTGRESQL else orjson.dumps(list(value)).decode()


class among(ColumnElement[bool]):  # noqa: N801 - reads as an operator
    """`column` is one of the texts in the list bound to `parameter`; one statement for any length."""

    inherit_cache = True
    type = Boolean()
    _traverse_internals = [  # noqa: RUF012 - SQLAlchemy's own protocol
        ("column", InternalTraversal.dp_clauseelement),
        ("values", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, column: Any, parameter: str) -> None:
        self.column, self.values = column, bindparam(parameter, type_=_TextList())


@compiles(among, "postgresql")
def _any(element: among, compiler: Any, **options: Any) -> str:
    return f"{compiler.process(element.column, **options)} = ANY ({compiler.process(element.values, **options)})"


@compiles(among, "sqlite")
def _json_each(element: among, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(part, **options) for part in (element.column, element.values))
    return f"{column} IN (SELECT value FROM json_each({values}))"


def insert_rows(
    store: Store,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    replacing: tuple[str, ...] = (),
    ignoring: bool = False,
) -> None:
    """Insert rows that all have the same columns.

    Args:
        replacing: where the primary key exists already, set these columns to the new values.
        ignoring: where it exists already, leave the row as it is.
    """
    if not rows:
        return
    columns = tuple(rows[0])
    if store.dialect == POSTGRESQL:
        _run(store, _insert_sql(table, columns, replacing, ignoring=ignoring), table, columns, rows)
        return
    named = [{name: _without_nul(value) for name, value in row.items()} for row in rows]
    store.connection.execute(_sqlite_insert(table, replacing, ignoring=ignoring), named)


def update_rows(
    store: Store, table: Table, key: tuple[str, ...], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Set the columns that the rows name, in the rows that have their `key`. All name the same columns."""
    if not rows:
        return
    columns = tuple(rows[0])
    if store.dialect == POSTGRESQL:
        # The planner takes the records for a hundred and would read a small table whole for them.
        _run(store, _update_sql(table, key, columns), table, columns, rows, [row[key[0]] for row in rows])
        return
    named = [
        {f"{'key' if name in key else 'new'}_{name}": _without_nul(value) for name, value in row.items()}
        for row in rows
    ]
    store.connection.execute(_sqlite_update(table, key, columns), named)


def delete_among(store: Store, table: Table, column: str, values: Sequence[str]) -> None:
    """Delete the rows whose `column` is one of the texts."""
    if store.dialect == POSTGRESQL:
        sql = f'DELETE FROM "{table.name}" WHERE "{column}" = ANY (%s)'
        driver_of(store.connection).execute(sql, (list(values),))
        return
    store.connection.execute(_sqlite_delete(table, column), {"values": values})


@contextmanager
def together(store: Store) -> Iterator[None]:
    """Send the sets written inside the block in one go; their errors are raised at its end, if not before.

    Nothing may be read inside: on PostgreSQL the answers come with the end of the block.
    """
    if store.dialect == POSTGRESQL:
        with driver_of(store.connection).pipeline():
            yield
    else:
        yield


def _without_nul(value: Any) -> Any:
    """As `json_text` has it for PostgreSQL: a text of an agent must not keep its run from ending."""
    return value.replace("\x00", "\ufffd") if isinstance(value, str) else value


def _run(
    store: Store,
    sql: str,
    table: Table,
    columns: tuple[str, ...],
    rows: Sequence[Mapping[str, Any]],
    *more: Any,
) -> None:
    binary = [name for name in columns if isinstance(table.c[name].type, LargeBinary)]
    if binary:
        rows = [{**row, **{name: _hex(row[name]) for name in binary}} for row in rows]
    driver_of(store.connection).execute(sql, (json_text(rows), *more))


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()


@cache
def _insert_sql(table: Table, columns: tuple[str, ...], replacing: tuple[str, ...], *, ignoring: bool) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    sql = f'INSERT INTO "{table.name}" ({names}) SELECT {_values(table, columns)} FROM {_records(table, columns)}'
    if replacing:
        key = ", ".join(f'"{column.name}"' for column in table.primary_key)
        changes = ", ".join(f'"{name}" = excluded."{name}"' for name in replacing)
        sql += f" ON CONFLICT ({key}) DO UPDATE SET {changes}"
    elif ignoring:
        sql += " ON CONFLICT DO NOTHING"
    return sql


@cache
def _update_sql(table: Table, key: tuple[str, ...], columns: tuple[str, ...]) -> str:
    changes = ", ".join(f'"{name}" = {_value(table, name)}' for name in columns if name not in key)
    match = " AND ".join(f'"{table.name}"."{name}" = d."{name}"' for name in key)
    match += f' AND "{table.name}"."{key[0]}" = ANY (%s)'
    return f'UPDATE "{table.name}" SET {changes} FROM {_records(table, columns)} WHERE {match}'


def _values(table: Table, columns: tuple[str, ...]) -> str:
    return ", ".join(_value(table, name) for name in columns)


def _value(table: Table, name: str) -> str:
    return f"decode(d.\"{name}\", 'hex')" if isinstance(table.c[name].type, LargeBinary) else f'd."{name}"'


def _records(table: Table, columns: tuple[str, ...]) -> str:
    shape = ", ".join(f'"{name}" {_type_of(table.c[name].type)}' for name in columns)
    return f"json_to_recordset(%s::json) AS d ({shape})"


def _type_of(kind: TypeEngine[Any]) -> str:
    names: tuple[tuple[type[Any], str], ...] = (
        (Json, "json"),
        (UtcTime, "timestamptz"),
        (DateTime, "timestamptz"),
        (BigInteger, "bigint"),
        (Integer, "integer"),
        (Float, "float8"),
        (Boolean, "boolean"),
        (LargeBinary, "text"),
        (String, "text"),
    )
    return next(name for known, name in names if isinstance(kind, known))


@cache
def _sqlite_insert(table: Table, replacing: tuple[str, ...], *, ignoring: bool) -> Any:
    statement = sqlite.insert(table)
    if replacing:
        return statement.on_conflict_do_update(
            index_elements=[column.name for column in table.primary_key],
            set_={name: statement.excluded[name] for name in replacing},
        )
    return statement.on_conflict_do_nothing() if ignoring else statement


@cache
def _sqlite_delete(table: Table, column: str) -> Any:
    return delete(table).where(among(table.c[column], "values"))


@cache
def _sqlite_update(table: Table, key: tuple[str, ...], columns: tuple[str, ...]) -> Any:
    values = {
        name: bindparam(f"new_{name}", type_=table.c[name].type) for name in columns if name not in key
    }
    where = [table.c[name] == bindparam(f"key_{name}", type_=table.c[name].type) for name in key]
    return update(table).where(*where).values(values)
