"""The tables of the read model for SQLAlchemy and Alembic, made from `columns.py`, with their indexes.

Imported by migrations and tests only: the running service writes and reads with psycopg alone.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from headrace_status.model.columns import ALL_TABLES, Column, TableSpec

TYPES: dict[str, type[sa.types.TypeEngine[Any]]] = {
    "text": sa.Text,
    "int": sa.Integer,
    "bigint": sa.BigInteger,
    "time": sa.BigInteger,
    "json": sa.JSON,
    "object": JSONB,
    "bool": sa.Boolean,
}
# What the decision service and the dispatcher last said, as one status. See `fold.changes` for the codes.
STATUS = """
CASE
  WHEN decided = 100 THEN 'SUCCEEDED' WHEN decided = 101 THEN 'FAILED' WHEN decided = 102 THEN 'TIMED_OUT'
  WHEN decided = 103 THEN 'CANCELLED' WHEN decided = 104 THEN 'SKIPPED' WHEN decided = 105 THEN 'UPSTREAM_FAILED'
  WHEN decided = 3 OR dispatched = 3 THEN 'RUNNING'
  WHEN dispatched = 2 THEN 'UNSERVED'
  WHEN decided = 1 THEN 'WAITING'
  ELSE 'SCHEDULED'
END
"""


def metadata(schema: str) -> sa.MetaData:
    """Return all tables, in the schema that holds a namespace's data."""
    found = sa.MetaData(schema=schema)
    for spec in ALL_TABLES:
        sa.Table(spec.name, found, *(_column(column, spec) for column in spec.columns))
    tables = {table.name: table for table in found.tables.values()}
    workflows, tasks, logs = tables["workflows"], tables["tasks"], tables["logs"]
    tasks.append_column(sa.Column("status", sa.Text, sa.Computed(STATUS, persisted=True)))
    # Lists are read newest first, all of them, of one status or of one name.
    sa.Index("workflows_started", workflows.c.started_at, workflows.c.workflow_id)
    sa.Index("workflows_status", workflows.c.status, workflows.c.started_at, workflows.c.workflow_id)
    sa.Index("workflows_name", workflows.c.name, workflows.c.started_at, workflows.c.workflow_id)
    # Open tasks are few beside closed ones: counting queues and closing the tasks of a run that ended look here.
    still_open = sa.text("decided IS NULL OR decided < 100")
    sa.Index("tasks_open", tasks.c.workflow_id, tasks.c.run_id, tasks.c.step, postgresql_where=still_open)
    sa.Index("logs_workflow", logs.c.workflow_id, logs.c.at)
    sa.Index("logs_at", logs.c.at)
    logs.dialect_options["postgresql"]["partition_by"] = "RANGE (at)"
    io = tables["io"]
    sa.Index("io_name", io.c.name, io.c.task, io.c.dataset)
    sa.Index("io_at", io.c.at)
    # Workflows without an end are few; what their former runs left behind is looked for by them.
    sa.Index("workflows_continued", workflows.c.workflow_id, postgresql_where=sa.text("continued > 0"))
    # Attributes are what people look for workflows by.
    sa.Index(
        "workflows_search",
        workflows.c.search,
        postgresql_using="gin",
        postgresql_ops={"search": "jsonb_path_ops"},
        postgresql_where=workflows.c.search.is_not(None),
    )
    runs = tables["schedule_runs"]
    sa.Index("schedule_runs_schedule", runs.c.schedule_id, runs.c.scheduled_at, runs.c.workflow_id)
    sa.Index("refusals_workflow", tables["refusals"].c.workflow_id)
    sa.Index("refusals_command", tables["refusals"].c.command_id)
    return found


def _column(column: Column, spec: TableSpec) -> sa.Column[object]:
    in_key = column in spec.key
    # Numbers in a key come from the log; SQLAlchemy would make the first one a sequence.
    return sa.Column(column.name, TYPES[column.kind], primary_key=in_key, nullable=not in_key, autoincrement=False)
