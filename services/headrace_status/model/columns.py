"""Every table of the read model, column by column: the one list that the fold, the writer and the SQLAlchemy tables
share.

Columns of a table are nullable unless they are part of its key, since facts about one row come from several journals
and whichever is read first makes the row. An empty string or a 0 in a time means "taken back": null in an update means
"no news".
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["text", "int", "bigint", "time", "json", "object", "bool"]


class Column(NamedTuple):
    """One column. A `time` is ms since the epoch, as on the wire; the views show it as a timestamp. An `object` is a
    JSON object whose members an update adds or replaces, one by one.
    """

    name: str
    kind: Kind


class TableSpec(NamedTuple):
    """One table: its columns, the first `key_length` of which are its key.

    `guard` is a column that an update must agree in. `put_once`: a key is put a single time, when its row is made, and
    never comes back; so what one batch puts and deletes was never in the table. `objects` are the columns of that kind.
    """

    name: str
    key_length: int
    columns: tuple[Column, ...]
    guard: str = ""
    put_once: bool = False
    objects: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[Column, ...]:
        """Return the columns of the key."""
        return self.columns[: self.key_length]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all columns, in order."""
        return tuple(column.name for column in self.columns)


def _table(name: str, key: str, rest: str, guard: str = "", *, put_once: bool = False) -> TableSpec:
    """Read a table from `name:kind` words; text is the kind that needs no word."""
    columns = [_column(word) for word in f"{key} {rest}".split()]
    objects = tuple(column.name for column in columns if column.kind == "object")
    return TableSpec(name, len(key.split()), tuple(columns), guard, put_once, objects)


def _column(word: str) -> Column:
    name, _, kind = word.partition(":")
    return Column(name, kind or "text")  # type: ignore[arg-type]


# One row per workflow id: its latest run. A refused start has the run id "" and never touches a row with a run.
# `origin` is the first run of those that continue one another: what they have in common.
WORKFLOWS = _table(
    "workflows",
    "workflow_id",
    "run_id name version program key attempt:int status reason input:json input_bytes:bigint output:json "
    "output_bytes:bigint"
    " error cause started_at:time ended_at:time changed_at:time timeout_ms:bigint"
    " parent_id parent_run_id parent_step:int correlation_id trace shard:int"
    " origin continued:int search:object",
    guard="origin",
)
# One row per attempt. `decided` is what the decision service last said, `dispatched` what the dispatcher last said:
# each is in order within its own journal, so the status that is computed from both does not depend on which journal is
# read first.
TASKS = _table(
    "tasks",
    "workflow_id run_id step:int attempt:int",
    "node index:int task kind queue priority:int decided:int dispatched:int reason dispatch_reason"
    " assigned_worker result_worker resource units:int fencing_token:bigint losses:int"
    " scheduled_at:time assigned_at:time started_at:time ended_at:time retry_at:time timeout_ms:bigint"
    " input:json input_bytes:bigint output:json output_bytes:bigint error cause child_id target reused_from"
    " held_at:time fairness_key",
)
# Graph nodes that stand for several steps, or none: how they ended.
NODES = _table("nodes", "workflow_id run_id node", "step:int status error cause ended_at:time")
# One row per event. `source` is 0 for workflow.journal, 1 for task.journal, 2 for resource.journal.
HISTORY = _table(
    "history",
    "workflow_id at:time source:int partition:int offset:bigint seq:int",
    "run_id step:int attempt:int type detail:json",
)
# What workflows published, the last of each name; a run goes on with what the one that it continues had published.
PUBLISHED = _table(
    "published",
    "workflow_id origin name",
    "run_id step:int data:json data_bytes:bigint at:time",
)
# Commands and starts that were refused.
REFUSALS = _table(
    "refusals",
    "partition:int offset:bigint seq:int",
    "workflow_id command_id name error cause existing:bool at:time command",
)
# A worker says hello to every dispatcher shard that hosts one of its queues: one row for each.
WORKERS = _table(
    "workers",
    "worker shard:int",
    "session status slots:int offers:json labels:json host pid:int joined_at:time changed_at:time reason"
    " gauges:json measured_at:time",
)
# Assignments that hold a slot. A dispatcher shard gives each a number of its own.
ASSIGNMENTS = _table(
    "assignments",
    "shard:int assignment:bigint",
    "worker workflow_id run_id step:int attempt:int node index:int task queue at:time",
    put_once=True,
)
# What was set or told of a queue itself; how much waits follows from the tasks.
QUEUES = _table(
    "queues",
    "queue",
    "at_once:int per_period:int period_ms:bigint backlog:bigint when_full full_since:time",
)
CANARIES = _table("canaries", "queue task", "version share:json issued_by at:time")
RESOURCES = _table("resources", "resource", "capacity:int declared_by changed_at:time")
# Leases that are held or asked for.
LEASES = _table(
    "leases",
    "resource workflow_id run_id step:int attempt:int",
    "state units:int priority:int fencing_token:bigint node index:int at:time",
)
DEFINITIONS = _table(
    "definitions",
    "name version",
    "program interpreter:int source options:json deployed_at:time file",
)
LATEST = _table("definition_latest", "name", "version deployed_at:time")
# Partitioned by day, which is why the time is in the key; see `projection.log_days`.
LOGS = _table(
    "logs",
    "partition:int offset:bigint at:time",
    "workflow_id run_id step:int attempt:int task node index:int level service source message trace logger fields:json",
)
# Schedules as they are now. Times that were passed over last stand from `skipped_at` to before `skipped_until`.
SCHEDULES = _table(
    "schedules",
    "schedule_id",
    "generation name version cron timezone every_ms:bigint offset_ms:bigint jitter_ms:bigint overlap"
    " catch_up_ms:bigint key input:json input_bytes:bigint paused:bool reason next_at:time due_at:time"
    " set_at:time changed_at:time fired_at:time backfill_next_at:time backfill_until:time"
    " skipped_at:time skipped_until:time skipped_reason shard:int",
)
# What schedules have started, or mean to. `status` is what the schedule knows; the workflow's own row knows better.
SCHEDULE_RUNS = _table(
    "schedule_runs",
    "workflow_id schedule_id",
    "generation scheduled_at:time cause status error cause_of_error fired_at:time ended_at:time changed_at:time"
    " command_id",
)
# What tasks said they read and wrote (`current().record_io`), one row per attempt and dataset. It names all that it is
# about, since it outlives its workflow.
IO = _table(
    "io",
    "workflow_id run_id step:int attempt:int dataset",
    "name version node index:int task succeeded:bool rows:bigint bytes:bigint at:time",
)
# What the listener service says of its listeners, its triggers and the relay.
LISTENERS = _table(
    "listeners",
    "name",
    "kind source consumer_group process positions:json lag:bigint handled:bigint failures:bigint dead_letters:bigint"
    " last_error last_error_at:time changed_at:time",
)
# How far each journal shard has read its inputs: what `?after=` waits for.
INPUTS = _table("inputs", "shard:int topic partition:int", "offset:bigint")
# Commands that landed on the wrong shard: read only once the right shard has read the journal that forwards them.
FORWARDS = _table(
    "forwards",
    "partition:int command_offset:bigint to_shard:int",
    "journal_offset:bigint",
)
POSITIONS = _table(
    "positions",
    "topic partition:int",
    "topic_id offset:bigint epoch:bigint n:bigint at:time projected_at:time",
)
REFUSED_ROWS = _table("refused_rows", "at:time table_name row_key", "error")

UPSERTED: tuple[TableSpec, ...] = (
    WORKFLOWS,
    TASKS,
    NODES,
    PUBLISHED,
    WORKERS,
    ASSIGNMENTS,
    QUEUES,
    CANARIES,
    RESOURCES,
    LEASES,
    DEFINITIONS,
    LATEST,
    IO,
    LISTENERS,
    SCHEDULES,
    SCHEDULE_RUNS,
    INPUTS,
    FORWARDS,
    REFUSALS,
)
COPIED: tuple[TableSpec, ...] = (HISTORY, LOGS)
ALL_TABLES: tuple[TableSpec, ...] = (*UPSERTED, *COPIED, POSITIONS, REFUSED_ROWS)
BY_NAME: dict[str, TableSpec] = {table.name: table for table in ALL_TABLES}
