"""Schedules, and what they have started.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TYPES = {"text": sa.Text, "int": sa.Integer, "bigint": sa.BigInteger, "json": sa.JSON, "bool": sa.Boolean}
# Table, columns of the key, other columns; `name:type`, text where no type is said.
_TABLES = (
    (
        "schedules",
        "schedule_id",
        (
            "generation name version cron timezone every_ms:bigint offset_ms:bigint jitter_ms:bigint overlap "
            "catch_up_ms:bigint key input:json input_bytes:bigint paused:bool reason next_at:bigint due_at:bigint "
            "set_at:bigint changed_at:bigint fired_at:bigint backfill_next_at:bigint backfill_until:bigint "
            "skipped_at:bigint skipped_until:bigint skipped_reason shard:int"
        ),
    ),
    (
        "schedule_runs",
        "workflow_id schedule_id",
        (
            "generation scheduled_at:bigint cause status error cause_of_error fired_at:bigint ended_at:bigint "
            "changed_at:bigint command_id"
        ),
    ),
)


def upgrade() -> None:
    """Make the tables."""
    schema = context.config.attributes["schema"]
    for name, key, rest in _TABLES:
        columns = [(word, True) for word in key.split()] + [(word, False) for word in rest.split()]
        op.create_table(name, *(_column(word, in_key=in_key) for word, in_key in columns), schema=schema)
    op.create_index(
        "schedule_runs_schedule", "schedule_runs", ["schedule_id", "scheduled_at", "workflow_id"], schema=schema
    )


def downgrade() -> None:
    """Drop them, with the views over them: those are made anew after every migration."""
    schema = context.config.attributes["schema"]
    for name, _, _ in _TABLES:
        op.execute(f'DROP TABLE "{schema}".{name} CASCADE')


def _column(word: str, *, in_key: bool) -> sa.Column[object]:
    name, _, kind = word.partition(":")
    return sa.Column(name, _TYPES[kind or "text"], primary_key=in_key, nullable=not in_key)
