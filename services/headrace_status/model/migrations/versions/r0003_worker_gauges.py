"""What workers tell of themselves and their machines.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the figures of a worker, and when they were told."""
    schema = context.config.attributes["schema"]
    op.add_column("workers", sa.Column("gauges", sa.JSON), schema=schema)
    op.add_column("workers", sa.Column("measured_at", sa.BigInteger), schema=schema)


def downgrade() -> None:
    """Drop them, with the views over them: those are made anew after every migration."""
    schema = context.config.attributes["schema"]
    for column in ("gauges", "measured_at"):
        op.execute(f'ALTER TABLE "{schema}".workers DROP COLUMN {column} CASCADE')
