"""What a tenant spent today is found by an index: it is asked before each call to a model.

Earlier programs run on it unchanged.

Revision ID: 0008
Revises: 0007
"""

from langgraph_multi_agent.store.migrations.indexes import build_index

revision = "0008"
down_revision = "0007"
compatible_from = "0001"
is_transactional = False


def upgrade() -> None:
    build_index("idx_model_calls_tenant_created", "model_calls", ("tenant", "created_at"))
