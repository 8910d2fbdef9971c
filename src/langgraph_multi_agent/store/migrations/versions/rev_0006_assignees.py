"""The names of those who are responsible have an index: a part of a name is looked for among names, not tasks.

A task without a name is not in it and writes nothing to it. Earlier programs run on it unchanged.

Revision ID: 0006
Revises: 0005
"""

from langgraph_multi_agent.store.migrations.indexes import build_index

revision = "0006"
down_revision = "0005"
compatible_from = "0001"
is_transactional = False


def upgrade() -> None:
    columns = ("tenant", "assignee", "created_at", "status", "priority")
    build_index("idx_tasks_assignee", "tasks", columns, where="assignee IS NOT NULL")
