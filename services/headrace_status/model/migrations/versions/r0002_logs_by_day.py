"""Lines of log partitioned by day, with node, logger and fields; accounts of what tasks read and wrote by attempt.

Both tables are made anew: what the topics still hold of logs is not read again, and what tasks said before this
stood in log lines, not in their events.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TYPES = {"text": sa.Text, "int": sa.Integer, "bigint": sa.BigInteger, "json": sa.JSON, "bool": sa.Boolean}
_LOGS = (
    "partition:int offset:bigint at:bigint",
    "workflow_id run_id step:int attempt:int task node index:int level service source message trace logger fields:json",
)
_IO = (
    "workflow_id run_id step:int attempt:int dataset",
    "name version node index:int task succeeded:bool rows:bigint bytes:bigint at:bigint",
)
_OLD_LOGS = (
    "partition:int offset:bigint",
    "workflow_id run_id step:int attempt:int task level service source message at:bigint trace",
)
_OLD_IO = (
    "partition:int offset:bigint",
    "workflow_id run_id step:int attempt:int task dataset rows:bigint bytes:bigint at:bigint",
)


def upgrade() -> None:
    """Make both tables anew; the projection makes and drops the days of the log."""
    schema = context.config.attributes["schema"]
    _drop(schema)
    op.create_table("logs", *_columns(_LOGS), schema=schema, postgresql_partition_by="RANGE (at)")
    op.create_table("io", *_columns(_IO), schema=schema)
    op.create_index("logs_workflow", "logs", ["workflow_id", "at"], schema=schema)
    op.create_index("logs_at", "logs", ["at"], schema=schema)
    op.create_index("io_name", "io", ["name", "task", "dataset"], schema=schema)
    op.create_index("io_at", "io", ["at"], schema=schema)


def downgrade() -> None:
    """Make the former tables, empty."""
    schema = context.config.attributes["schema"]
    _drop(schema)
    op.create_table("logs", *_columns(_OLD_LOGS), schema=schema)
    op.create_table("io", *_columns(_OLD_IO), schema=schema)
    op.create_index("logs_workflow", "logs", ["workflow_id", "at"], schema=schema)
    op.create_index("logs_at", "logs", ["at"], schema=schema)


def _drop(schema: str) -> None:
    # The views over them go as well: they are made anew after every migration.
    for table in ("logs", "io"):
        op.execute(f'DROP TABLE "{schema}".{table} CASCADE')


def _columns(table: tuple[str, str]) -> list[sa.Column[object]]:
    key, rest = table
    found = [_column(word, in_key=True) for word in key.split()]
    return found + [_column(word, in_key=False) for word in rest.split()]


def _column(word: str, *, in_key: bool) -> sa.Column[object]:
    name, _, kind = word.partition(":")
    return sa.Column(name, _TYPES[kind or "text"](), primary_key=in_key, nullable=not in_key, autoincrement=False)
