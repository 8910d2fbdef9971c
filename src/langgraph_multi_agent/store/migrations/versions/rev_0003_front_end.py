"""What the front end keeps beside tasks: conversations, feedback, a person's settings.

Expands only: earlier programs run on it unchanged.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

from langgraph_multi_agent.store import schema

revision = "0003"
down_revision = "0002"
compatible_from = "0001"


def upgrade() -> None:
    op.create_table(
        "chat_messages",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("type", sa.String(length=8), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("sender", sa.String(length=128), nullable=False),
        sa.Column("task_id", sa.String(length=36), nullable=True),
        sa.Column("data", schema.Json(), nullable=False),
        sa.Column("created_at", schema.UtcTime(), nullable=False),
        sa.CheckConstraint("type IN ('user', 'ai')", name="ck_chat_messages_type"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "idx_chat_messages_actor_created", "chat_messages", ["tenant", "actor", "created_at", "id"], unique=False
    )
    op.create_table(
        "feedback",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("context", schema.Json(), nullable=False),
        sa.Column("created_at", schema.UtcTime(), nullable=False),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name="ck_feedback_rating"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("idx_feedback_created", "feedback", ["created_at", "id"], unique=False)
    op.create_table(
        "user_settings",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", schema.Json(), nullable=False),
        sa.Column("updated_at", schema.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "actor", "name"),
    )
