"""A name has a key, by which it is one whatever its case and width.

Of names that are alike already the oldest gets the key. The others keep their rows as they are, without
one: they are found by their exact name, as before, and `lgma users list` tells of them. Expands only:
earlier programs run on it unchanged, and what they add has no key either.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
import structlog
from alembic import op

from langgraph_multi_agent.access.names import fold

revision = "0009"
down_revision = "0008"
compatible_from = "0001"


def upgrade() -> None:
    op.add_column("users", sa.Column("name_key", sa.String(length=256), nullable=True))
    op.create_index("uq_users_name_key", "users", ["name_key"], unique=True)
    if op.get_context().as_sql:
        return
    users = sa.table("users", sa.column("id"), sa.column("name"), sa.column("name_key"), sa.column("created_at"))
    connection = op.get_bind()
    taken: dict[str, str] = {}
    for row in connection.execute(sa.select(users.c.id, users.c.name).order_by(users.c.created_at, users.c.id)).all():
        key = fold(row.name)[:256]
        if key in taken:
            structlog.get_logger("store.migration").warning("users.alike", name=row.name, older=taken[key])
            continue
        taken[key] = row.name
        connection.execute(sa.update(users).where(users.c.id == row.id).values(name_key=key))
