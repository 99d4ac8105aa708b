"""Alembic's entry: runs the migrations on the connection, and in the schema, that `headrace_status.model.migrate` hands
over.
"""

from __future__ import annotations

from alembic import context

connection = context.config.attributes["connection"]
schema = context.config.attributes["schema"]
context.configure(connection=connection, version_table_schema=schema)
# The caller holds the transaction and the lock around it.
context.run_migrations()
