"""The first schema.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

from langgraph_multi_agent.store import schema

revision = "0001"
down_revision = None
compatible_from = "0001"


def upgrade() -> None:
    op.create_table(
        "agent_messages",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=36), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("agent", sa.String(length=64), nullable=True),
        sa.Column("subtask_id", sa.String(length=128), nullable=True),
        sa.Column("data", schema.Json(), nullable=False),
        sa.Column("created_at", schema.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("task_id", "seq", name="uq_agent_messages_task_seq"),
        sqlite_autoincrement=True,
    )
    op.create_index("idx_agent_messages_timestamp", "agent_messages", ["created_at"], unique=False)
    op.create_table(
        "agent_resets",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.String(length=64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("reset_at", schema.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "agent"),
    )
    op.create_table(
        "artifacts",
        sa.Column("task_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(length=127), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subtask_id", sa.String(length=128), nullable=True),
        sa.Column("created_at", schema.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("task_id", "name"),
    )
    op.create_index("idx_artifacts_digest", "artifacts", ["digest"], unique=False)
    op.create_table(
        "checkpoints",
        sa.Column("thread_id", sa.Text(), nullable=False),
        sa.Column("checkpoint_ns", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("checkpoint_id", sa.Text(), nullable=False),
        sa.Column("parent_checkpoint_id", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("checkpoint", sa.LargeBinary(), nullable=True),
        sa.Column("metadata", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("thread_id", "checkpoint_ns", "checkpoint_id"),
        info={"owner": "langgraph"},
    )
    op.create_table(
        "effects",
        sa.Column("task_id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("tool", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("result", schema.Json(), nullable=True),
        sa.Column("created_at", schema.UtcTime(), nullable=False),
        sa.Column("updated_at", schema.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("task_id", "key"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=36), nullable=False),
        sa.Column("created_at", schema.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "key"),
    )
    op.create_index("idx_idempotency_keys_created", "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "journal",
        sa.Column("task_id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("input_hash", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("result", schema.Json(), nullable=True),
        sa.Column("result_digest", sa.String(length=64), nullable=True),
        sa.Column("created_at", schema.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("task_id", "key"),
    )
    op.create_table(
        "leases",
        sa.Column("task_id", sa.String(length=36), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("expires_at", schema.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("task_id"),
    )
    op.create_table(
        "model_calls",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=36), nullable=False),
        sa.Column("subtask_id", sa.String(length=128), nullable=True),
        sa.Column("agent", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reserved_tokens", sa.Integer(), nullable=False),
        sa.Column("reserved_cost", sa.Float(), nullable=False),
        sa.Column("input_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("output_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost", sa.Float(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", schema.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("idx_model_calls_task_id", "model_calls", ["task_id"], unique=False)
    op.create_table(
        "tasks",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("team", sa.String(length=64), nullable=False),
        sa.Column("deadline", schema.UtcTime(), nullable=True),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("status_detail", sa.Text(), nullable=True),
        sa.Column("progress", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("input_data", schema.Json(), nullable=False),
        sa.Column("files", schema.Json(), nullable=False),
        sa.Column("budget", schema.Json(), nullable=False),
        sa.Column("cost", schema.Json(), nullable=False),
        sa.Column("result", schema.Json(), nullable=True),
        sa.Column("error", schema.Json(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("created_at", schema.UtcTime(), nullable=False),
        sa.Column("updated_at", schema.UtcTime(), nullable=False),
        sa.Column("started_at", schema.UtcTime(), nullable=True),
        sa.Column("completed_at", schema.UtcTime(), nullable=True),
        sa.Column("generation", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("epoch", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_seq", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("control", sa.String(length=16), nullable=True),
        sa.Column("control_seq", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("run_at", schema.UtcTime(), nullable=False),
        sa.Column("active_s", sa.Float(), server_default=sa.text("0"), nullable=False),
        sa.Column("crash_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("crash_mark", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("protocol_version", sa.Integer(), nullable=False),
        sa.Column("team_version", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "status IN ('pending', 'in_progress', 'waiting_input', 'paused', 'completed', 'failed', 'cancelled')",
            name="ck_tasks_status",
        ),
        sa.CheckConstraint("priority BETWEEN 1 AND 4", name="ck_tasks_priority"),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name="ck_tasks_progress"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "idx_tasks_status_created",
        "tasks",
        ["status", "created_at"],
        unique=False,
        sqlite_where=sa.text("status IN ('pending', 'in_progress')"),
        postgresql_where=sa.text("status IN ('pending', 'in_progress')"),
    )
    op.create_index("idx_tasks_tenant_created", "tasks", ["tenant", "created_at", "id"], unique=False)
    op.create_table(
        "workflow_executions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("task_id", sa.String(length=36), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("created_at", schema.UtcTime(), nullable=False),
        sa.Column("completed_at", schema.UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("task_id", "epoch", name="uq_workflow_executions_task_epoch"),
    )
    op.create_index("idx_workflow_executions_task_id", "workflow_executions", ["task_id"], unique=False)
    op.create_table(
        "writes",
        sa.Column("thread_id", sa.Text(), nullable=False),
        sa.Column("checkpoint_ns", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("checkpoint_id", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("task_path", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("idx", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "idx"),
        info={"owner": "langgraph"},
    )


def downgrade() -> None:
    op.drop_table("writes")
    op.drop_index("idx_workflow_executions_task_id", table_name="workflow_executions")
    op.drop_table("workflow_executions")
    op.drop_index("idx_tasks_tenant_created", table_name="tasks")
    op.drop_index(
        "idx_tasks_status_created",
        table_name="tasks",
        sqlite_where=sa.text("status IN ('pending', 'in_progress')"),
        postgresql_where=sa.text("status IN ('pending', 'in_progress')"),
    )
    op.drop_table("tasks")
    op.drop_index("idx_model_calls_task_id", table_name="model_calls")
    op.drop_table("model_calls")
    op.drop_table("leases")
    op.drop_table("journal")
    op.drop_index("idx_idempotency_keys_created", table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_table("effects")
    op.drop_table("checkpoints")
    op.drop_index("idx_artifacts_digest", table_name="artifacts")
    op.drop_table("artifacts")
    op.drop_table("agent_resets")
    op.drop_index("idx_agent_messages_timestamp", table_name="agent_messages")
    op.drop_table("agent_messages")
