"""Indexes of tables that are large already, built while everybody goes on writing.

Callers: revisions, which then say `is_transactional = False` and do nothing else. Invariant: may be
interrupted and repeated, also by several processes at once; at the end the index is there and valid.
"""

import time
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

LOOK_AGAIN_S = 1.0
_BUILDING = sa.text(
    "SELECT 1 FROM pg_stat_progress_create_index WHERE datname = current_database() AND relid = to_regclass(:table)"
)
_INVALID = sa.text("SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid")


def build_index(name: str, table: str, columns: Sequence[str], *, where: str | None = None) -> None:
    """Create an index without a lock that holds up writers; one that a killed build left is built anew.

    Args:
        where: the condition of a partial index, of immutable functions only.
    """
    condition = None if where is None else sa.text(where)
    if op.get_context().dialect.name != "postgresql":
        op.create_index(name, table, list(columns), if_not_exists=True, sqlite_where=condition)
        return
    if not op.get_context().as_sql:
        connection = op.get_bind()
        while connection.execute(_BUILDING, {"table": table}).first() is not None:
            time.sleep(LOOK_AGAIN_S)
        if connection.execute(_INVALID, {"name": name}).first() is not None:
            op.drop_index(name, table_name=table, postgresql_concurrently=True, if_exists=True)
    op.create_index(
        name, table, list(columns), if_not_exists=True, postgresql_concurrently=True, postgresql_where=condition
    )
