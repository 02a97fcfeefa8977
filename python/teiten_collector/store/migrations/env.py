"""Runs the migrations on the connection that `teiten_collector.store.database.migrate` hands over."""

from alembic import context

from teiten_collector.store.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
