"""A list of tasks is filtered and counted in its index; one of few rows knows all that have not ended.

The first begins as the one before it did, which goes; the second takes the name of the one that knew
only what waits or runs. Each status change writes to every index, so there is none beside them. Earlier
programs run on it unchanged.

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
WIDER = "idx_tasks_status_created_wider"
"""Until it takes the place of the one that is in use."""


def upgrade() -> None:
    is_concurrent = op.get_context().dialect.name == "postgresql"

    def drop(name: str) -> None:
        op.drop_index(name, table_name="tasks", if_exists=True, postgresql_concurrently=is_concurrent)

    build_index("idx_tasks_listed", "tasks", ("tenant", "created_at", "status", "priority", "assignee"))
    drop("idx_tasks_tenant_created")
    if is_concurrent:
        build_index(WIDER, "tasks", ("status", "created_at"), where=UNFINISHED)
    drop("idx_tasks_status_created")
    if is_concurrent:
        op.execute(f"ALTER INDEX IF EXISTS {WIDER} RENAME TO idx_tasks_status_created")
    else:
        build_index("idx_tasks_status_created", "tasks", ("status", "created_at"), where=UNFINISHED)
