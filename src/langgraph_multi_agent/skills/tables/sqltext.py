"""SQL as text: quoting, and the few expressions that all findings share.

Callers: every module of the table skills. Invariant: whatever a file calls its columns or holds in
its cells, it stays an identifier or a literal.
"""


def quoted(name: str) -> str:
    """An identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A string literal. Control characters go through chr(), so that SQL stays on readable lines."""
    return "'" + value.replace("'", "''") + "'"


def as_number(column: str) -> str:
    """The column as DOUBLE."""
    return f"CAST({quoted(column)} AS DOUBLE)"


def not_null(*columns: str) -> str:
    return " AND ".join(f"{quoted(column)} IS NOT NULL" for column in columns)


def rank_of(expression: str) -> str:
    """Rank from 1 over all rows, ties share their mean rank."""
    return f"rank() OVER (ORDER BY {expression}) + (count(*) OVER (PARTITION BY {expression}) - 1) / 2.0"
