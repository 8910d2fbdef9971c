"""Tasks and schedules say who made them.

NULL where that is not known: in rows of before, and in those that an earlier program adds beside this one.
Expands only; earlier programs run on it unchanged.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
compatible_from = "0001"


def upgrade() -> None:
    for table in ("tasks", "schedules"):
        op.add_column(table, sa.Column("created_by", sa.String(length=128), nullable=True))
