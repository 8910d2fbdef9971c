"""What several processes need: commit order of events, schedules, the installation's own facts.

Expands only: revision 0001's program runs on it unchanged.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

from langgraph_multi_agent.store import schema

revision = "0002"
down_revision = "0001"
compatible_from = "0001"


def upgrade() -> None:
    op.add_column("agent_messages", sa.Column("xid", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.create_index("idx_agent_messages_position", "agent_messages", ["xid", "id"], unique=False)
    op.create_table(
        "schedules",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("cron", sa.String(length=128), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("draft", schema.Json(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("next_fire_at", schema.UtcTime(), nullable=True),
        sa.Column("last_fire_at", schema.UtcTime(), nullable=True),
        sa.Column("last_task_id", sa.String(length=36), nullable=True),
        sa.Column("last_error", schema.Json(), nullable=True),
        sa.Column("created_at", schema.UtcTime(), nullable=False),
        sa.Column("updated_at", schema.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant", "name", name="uq_schedules_tenant_name"),
    )
    op.create_index("idx_schedules_next_fire", "schedules", ["next_fire_at"], unique=False)
    op.create_table(
        "installation",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("created_at", schema.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    if op.get_context().dialect.name == "postgresql":
        # Rows that change every two seconds need room on their page to stay heap-only.
        op.execute("ALTER TABLE leases SET (fillfactor = 50)")
        op.execute("ALTER TABLE tasks SET (fillfactor = 70)")
        op.execute(
            "ALTER TABLE agent_messages ALTER COLUMN xid SET DEFAULT (pg_current_xact_id()::text::bigint)"
        )
