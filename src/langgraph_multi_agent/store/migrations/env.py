"""Alembic's entry: runs on the connection that `store.migration` hands it."""

from alembic import context

from langgraph_multi_agent.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
