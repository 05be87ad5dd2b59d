"""Runs migrations over the connection from `migrate`; Alembic executes this file."""

from alembic import context

from app.adapters.database.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
)
with context.begin_transaction():
    context.run_migrations()
