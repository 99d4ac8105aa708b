"""The read model's first tables.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TYPES = {"text": sa.Text, "int": sa.Integer, "bigint": sa.BigInteger, "json": sa.JSON, "bool": sa.Boolean}
# Frozen here: a later version of the code may compute the status otherwise, and then brings a migration.
_STATUS = """
CASE
  WHEN decided = 100 THEN 'SUCCEEDED' WHEN decided = 101 THEN 'FAILED' WHEN decided = 102 THEN 'TIMED_OUT'
  WHEN decided = 103 THEN 'CANCELLED' WHEN decided = 104 THEN 'SKIPPED' WHEN decided = 105 THEN 'UPSTREAM_FAILED'
  WHEN decided = 3 OR dispatched = 3 THEN 'RUNNING'
  WHEN dispatched = 2 THEN 'UNSERVED'
  WHEN decided = 1 THEN 'WAITING'
  ELSE 'SCHEDULED'
END
"""
_OPEN = sa.text("decided IS NULL OR decided < 100")
# Table, columns of the key, other columns; `name:type`, text where no type is said.
_TABLES = (
    (
        "workflows",
        "workflow_id",
        (
            "run_id name version program key attempt:int status reason input:json input_bytes:bigint output:json "
            "output_bytes:bigint error cause started_at:bigint ended_at:bigint changed_at:bigint "
            "timeout_ms:bigint parent_id parent_run_id parent_step:int correlation_id trace shard:int"
        ),
    ),
    (
        "tasks",
        "workflow_id run_id step:int attempt:int",
        (
            "node index:int task kind queue priority:int decided:int dispatched:int reason dispatch_reason "
            "assigned_worker result_worker resource units:int fencing_token:bigint losses:int scheduled_at:bigint "
            "assigned_at:bigint started_at:bigint ended_at:bigint retry_at:bigint timeout_ms:bigint input:json "
            "input_bytes:bigint output:json output_bytes:bigint error cause child_id"
        ),
    ),
    (
        "nodes",
        "workflow_id run_id node",
        "step:int status error cause ended_at:bigint",
    ),
    (
        "workers",
        "worker shard:int",
        "session status slots:int offers:json labels:json host pid:int joined_at:bigint changed_at:bigint reason",
    ),
    (
        "assignments",
        "shard:int assignment:bigint",
        "worker workflow_id run_id step:int attempt:int node index:int task queue at:bigint",
    ),
    (
        "resources",
        "resource",
        "capacity:int declared_by changed_at:bigint",
    ),
    (
        "leases",
        "resource workflow_id run_id step:int attempt:int",
        "state units:int priority:int fencing_token:bigint node index:int at:bigint",
    ),
    (
        "definitions",
        "name version",
        "program interpreter:int source options:json deployed_at:bigint file",
    ),
    (
        "definition_latest",
        "name",
        "version deployed_at:bigint",
    ),
    (
        "io",
        "partition:int offset:bigint",
        "workflow_id run_id step:int attempt:int task dataset rows:bigint bytes:bigint at:bigint",
    ),
    (
        "listeners",
        "name",
        (
            "kind source consumer_group process positions:json lag:bigint handled:bigint failures:bigint "
            "dead_letters:bigint last_error last_error_at:bigint changed_at:bigint"
        ),
    ),
    (
        "inputs",
        "shard:int topic partition:int",
        "offset:bigint",
    ),
    (
        "forwards",
        "partition:int command_offset:bigint to_shard:int",
        "journal_offset:bigint",
    ),
    (
        "refusals",
        "partition:int offset:bigint seq:int",
        "workflow_id command_id name error cause existing:bool at:bigint",
    ),
    (
        "history",
        "workflow_id at:bigint source:int partition:int offset:bigint seq:int",
        "run_id step:int attempt:int type detail:json",
    ),
    (
        "logs",
        "partition:int offset:bigint",
        "workflow_id run_id step:int attempt:int task level service source message at:bigint trace",
    ),
    (
        "positions",
        "topic partition:int",
        "topic_id offset:bigint epoch:bigint n:bigint at:bigint projected_at:bigint",
    ),
    (
        "refused_rows",
        "at:bigint table_name row_key",
        "error",
    ),
)


def upgrade() -> None:
    """Make the tables and their indexes."""
    schema = context.config.attributes["schema"]
    for name, key, rest in _TABLES:
        columns = [_column(word, in_key=True) for word in key.split()]
        columns += [_column(word, in_key=False) for word in rest.split()]
        if name == "tasks":
            columns.append(sa.Column("status", sa.Text(), sa.Computed(_STATUS, persisted=True)))
        op.create_table(name, *columns, schema=schema)
    op.create_index("workflows_started", "workflows", ["started_at", "workflow_id"], schema=schema)
    op.create_index("workflows_status", "workflows", ["status", "started_at", "workflow_id"], schema=schema)
    op.create_index("workflows_name", "workflows", ["name", "started_at", "workflow_id"], schema=schema)
    op.create_index("tasks_open", "tasks", ["workflow_id", "run_id", "step"], schema=schema, postgresql_where=_OPEN)
    op.create_index("logs_workflow", "logs", ["workflow_id", "at"], schema=schema)
    op.create_index("logs_at", "logs", ["at"], schema=schema)
    op.create_index("refusals_workflow", "refusals", ["workflow_id"], schema=schema)


def downgrade() -> None:
    """Remove everything: the journals still hold it all."""
    schema = context.config.attributes["schema"]
    for name, _, _ in reversed(_TABLES):
        op.drop_table(name, schema=schema)


def _column(word: str, *, in_key: bool) -> sa.Column[object]:
    name, _, kind = word.partition(":")
    return sa.Column(name, _TYPES[kind or "text"](), primary_key=in_key, nullable=not in_key, autoincrement=False)
