"""Imports under way: what has arrived stands hidden until all of it has, and is then shown.

Expands only: earlier programs run on it unchanged.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

from langgraph_multi_agent.store import schema

revision = "0005"
down_revision = "0004"
compatible_from = "0001"


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("is_complete", sa.Boolean(), nullable=False),
        sa.Column("settings", schema.Json(), nullable=False),
        sa.Column("created_at", schema.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
