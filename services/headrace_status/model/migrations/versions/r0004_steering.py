"""Workflows that continue themselves, attributes to look for, what workflows publish; steps that other workflows end or
that are reused; which command was refused.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ADDED: tuple[tuple[str, str, type[sa.types.TypeEngine[Any]]], ...] = (
    ("workflows", "origin", sa.Text),
    ("workflows", "continued", sa.Integer),
    ("workflows", "search", JSONB),
    ("tasks", "target", sa.Text),
    ("tasks", "reused_from", sa.Text),
    ("refusals", "command", sa.Text),
)


def upgrade() -> None:
    """Add the columns and the table; runs that are there continue none."""
    schema = context.config.attributes["schema"]
    for table, column, kind in _ADDED:
        op.add_column(table, sa.Column(column, kind), schema=schema)
    op.execute(f'UPDATE "{schema}".workflows SET origin = run_id')
    op.create_table(
        "published",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("workflow_id", "origin", "name")),
        sa.Column("run_id", sa.Text),
        sa.Column("step", sa.Integer),
        sa.Column("data", sa.JSON),
        sa.Column("data_bytes", sa.BigInteger),
        sa.Column("at", sa.BigInteger),
        schema=schema,
    )
    op.create_index(
        "workflows_search",
        "workflows",
        ["search"],
        schema=schema,
        postgresql_using="gin",
        postgresql_ops={"search": "jsonb_path_ops"},
        postgresql_where=sa.text("search IS NOT NULL"),
    )
    op.create_index("refusals_command", "refusals", ["command_id"], schema=schema)


def downgrade() -> None:
    """Drop them, with the views over them: those are made anew after every migration."""
    schema = context.config.attributes["schema"]
    for table, column, _ in _ADDED:
        op.execute(f'ALTER TABLE "{schema}".{table} DROP COLUMN {column} CASCADE')
    op.execute(f'DROP TABLE "{schema}".published CASCADE')
    op.drop_index("refusals_command", "refusals", schema=schema)
