"""A list of tasks is filtered and counted in its index; the few that have not ended have their own.

The first begins as the one before it did, which goes. Earlier programs run on it unchanged.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

from langgraph_multi_agent.store.migrations.indexes import build_index

revision = "0004"
down_revision = "0003"
compatible_from = "0001"
is_transactional = False

UNFINISHED = "status IN ('pending', 'in_progress', 'waiting_input', 'paused')"
COLUMNS = ("tenant", "created_at", "id", "status", "priority", "assignee")


def upgrade() -> None:
    build_index("idx_tasks_listed", "tasks", COLUMNS)
    build_index("idx_tasks_unfinished", "tasks", COLUMNS[:3], where=UNFINISHED)
    is_concurrent = op.get_context().dialect.name == "postgresql"
    op.drop_index(
        "idx_tasks_tenant_created", table_name="tasks", if_exists=True, postgresql_concurrently=is_concurrent
    )
