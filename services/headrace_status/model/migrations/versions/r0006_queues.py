"""Limits of queues and canaries; tasks that are held back while their queue is full, and to whom it is to be fair.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and columns."""
    schema = context.config.attributes["schema"]
    op.create_table(
        "queues",
        sa.Column("queue", sa.Text, primary_key=True),
        sa.Column("at_once", sa.Integer),
        sa.Column("per_period", sa.Integer),
        sa.Column("period_ms", sa.BigInteger),
        sa.Column("backlog", sa.BigInteger),
        sa.Column("when_full", sa.Text),
        sa.Column("full_since", sa.BigInteger),
        schema=schema,
    )
    op.create_table(
        "canaries",
        sa.Column("queue", sa.Text, primary_key=True),
        sa.Column("task", sa.Text, primary_key=True),
        sa.Column("version", sa.Text),
        sa.Column("share", sa.JSON),
        sa.Column("issued_by", sa.Text),
        sa.Column("at", sa.BigInteger),
        schema=schema,
    )
    op.add_column("tasks", sa.Column("held_at", sa.BigInteger), schema=schema)
    op.add_column("tasks", sa.Column("fairness_key", sa.Text), schema=schema)


def downgrade() -> None:
    """Drop them, with the views over them: those are made anew after every migration."""
    schema = context.config.attributes["schema"]
    for table in ("queues", "canaries"):
        op.execute(f'DROP TABLE "{schema}".{table} CASCADE')
    for column in ("held_at", "fairness_key"):
        op.execute(f'ALTER TABLE "{schema}".tasks DROP COLUMN {column} CASCADE')
