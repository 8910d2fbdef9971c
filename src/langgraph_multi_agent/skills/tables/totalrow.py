"""A last row that sums up the others is no data.

Caller: `source`, before types are decided. Invariant: only the last row is ever left out, and only
where its label stands in a column whose other values are of another kind; the same in every process.
"""

import re
from collections.abc import Sequence

import duckdb

from langgraph_multi_agent.skills.tables.sqltext import quoted

MIN_LABELLED_ROWS = 2
LABEL_SHARE = 0.95
"""Where so many of the other values carry a digit (dates, months, numbers), a word is of another kind."""
_TOTAL = re.compile(
    r"(合\s*计|总\s*计|小\s*计|共\s*计|总\s*和|合計|總計|小計"
    r"|(grand |sub-?\s?)?totals?|sum|summe|gesamt|gesamtsumme)\s*[:：]?",
    re.IGNORECASE,
)


def drop_total(engine: duckdb.DuckDBPyConnection, names: Sequence[str]) -> str | None:
    """Take a row of totals off the end of `raw`.

    Args:
        names: the columns of `raw`, in their order.

    Returns:
        The row's label as it is written, or None if the last row is data.
    """
    last = engine.execute("SELECT rowid, * FROM raw WHERE rowid = (SELECT max(rowid) FROM raw)").fetchone()
    if last is None:
        return None
    place, *cells = last
    found = next(((n, cell) for n, cell in zip(names, cells, strict=True) if isinstance(cell, str)), None)
    if found is None or not _TOTAL.fullmatch(found[1].strip()):
        return None
    column, label = found
    c = quoted(column)
    values, digits = engine.execute(
        f"SELECT count({c}), count(*) FILTER (WHERE regexp_matches(CAST({c} AS VARCHAR), '[0-9]'))"
        f" FROM raw WHERE rowid < {int(place)}"
    ).fetchone() or (0, 0)
    if values < MIN_LABELLED_ROWS or digits < LABEL_SHARE * values:
        return None
    engine.execute(f"DELETE FROM raw WHERE rowid = {int(place)}")
    return label.strip()
