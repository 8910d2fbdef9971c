"""Who may come in: users, API keys, sessions, quotas, and the record of who did what.

Expands only: earlier programs run on it unchanged.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

from langgraph_multi_agent.store import schema

revision = "0007"
down_revision = "0006"
compatible_from = "0001"


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.Integer(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("created_at", schema.UtcTime(), nullable=False),
        sa.Column("updated_at", schema.UtcTime(), nullable=False),
        sa.Column("disabled_at", schema.UtcTime(), nullable=True),
        sa.Column("generation", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("role BETWEEN 1 AND 4", name="ck_users_role"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", name="uq_users_name"),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.Integer(), nullable=False),
        sa.Column("scopes", schema.Json(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_by", sa.String(length=128), nullable=False),
        sa.Column("created_at", schema.UtcTime(), nullable=False),
        sa.Column("expires_at", schema.UtcTime(), nullable=True),
        sa.Column("revoked_at", schema.UtcTime(), nullable=True),
        sa.CheckConstraint("role BETWEEN 1 AND 4", name="ck_api_keys_role"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("idx_api_keys_tenant_created", "api_keys", ["tenant", "created_at", "id"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", schema.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash"),
        info={"owner": "installation"},
    )
    op.create_index("idx_sessions_expires", "sessions", ["expires_at"], unique=False)
    op.create_table(
        "audit_log",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("at", schema.UtcTime(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("means", sa.String(length=16), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("result", sa.String(length=32), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("details", schema.Json(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("idx_audit_log_tenant_seq", "audit_log", ["tenant", "seq"], unique=False)
    op.create_table(
        "quotas",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("tasks_in_flight", sa.Integer(), nullable=True),
        sa.Column("tokens_a_day", sa.BigInteger(), nullable=True),
        sa.Column("cost_a_day", sa.Float(), nullable=True),
        sa.Column("updated_at", schema.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant"),
    )
