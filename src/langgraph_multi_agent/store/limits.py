"""PostgreSQL's limits of columns, held on SQLite too, which knows none.

Caller: `database.sqlite_engine`. Invariant: a row that one dialect refuses is refused by both, with
`DataRefused`, so what works in the embedded system goes on working in production.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Engine, Insert, Integer, String, Table, Text, Update, event

from langgraph_multi_agent.domain.errors import DataRefused

_MAX_INTEGER, _MAX_BIG_INTEGER = 2**31 - 1, 2**63 - 1
_PREFIXES = ("new_", "key_")
"""How `sets` names the parameters of an update over many rows."""


def hold_limits(engine: Engine) -> None:
    """Check the values of every insert and update through this engine.

    What it refuses raises DataRefused, naming column and limit.
    """

    @event.listens_for(engine, "before_execute")
    def _check(
        _connection: Any,
        clause: Any,
        multiparams: Sequence[Mapping[str, Any]],
        params: Mapping[str, Any],
        _options: Any,
    ) -> None:
        if isinstance(clause, (Insert, Update)) and isinstance(clause.table, Table):
            check_rows(clause.table, multiparams or ((params,) if params else ()))


def check_rows(table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Refuse values that PostgreSQL's columns do not hold. Raises DataRefused."""
    limits = _limits_of(table)
    for row in rows:
        for name, value in row.items():
            limit = limits.get(name)
            if limit is None or value is None:
                continue
            if isinstance(value, str):
                if "\x00" in value:
                    raise DataRefused(reason=f"{name}: NUL in a text")
                if len(value) > limit:
                    raise DataRefused(reason=f"{name}: longer than {limit} characters")
            elif isinstance(value, int) and not -limit - 1 <= value <= limit:
                raise DataRefused(reason=f"{name}: integer out of range")


@cache
def _limits_of(table: Table) -> dict[str, int]:
    """By parameter: the most characters of a text, the greatest number of an integer column."""
    limits: dict[str, int] = {}
    for column in table.columns:
        kind = column.type
        if isinstance(kind, BigInteger):
            limit = _MAX_BIG_INTEGER
        elif isinstance(kind, Integer):
            limit = _MAX_INTEGER
        elif isinstance(kind, Text):
            limit = 2**30
        elif isinstance(kind, String):
            limit = kind.length or 2**30
        else:
            continue
        limits.update({f"{prefix}{column.name}": limit for prefix in ("", *_PREFIXES)})
    return limits
