"""What each list of the API is: its view, the order of its items, its fields and the filters that it takes."""

from __future__ import annotations

from typing import NamedTuple

from headrace_status.api.where import FieldKind
from headrace_status.model import view_docs

WORKFLOW_STATUSES = ("RUNNING", "SUCCEEDED", "FAILED", "CANCELLED", "TERMINATED", "TIMED_OUT", "PAUSED", "STUCK")
TASK_STATUSES = (
    "WAITING",
    "SCHEDULED",
    "UNSERVED",
    "RUNNING",
    "SUCCEEDED",
    "FAILED",
    "TIMED_OUT",
    "CANCELLED",
    "SKIPPED",
    "UPSTREAM_FAILED",
)
CLOSED = frozenset({"SUCCEEDED", "FAILED", "CANCELLED", "TERMINATED", "TIMED_OUT"})
# Nothing more happens by itself: a workflow that is stuck waits for a human, who is told sooner if the request ends.
AT_REST = CLOSED | {"STUCK"}


class Listing(NamedTuple):
    """One list. `order` is a unique sort key; `fields` are the columns shown, by kind; `hidden` ones only sort or
    filter.
    """

    name: str
    order: tuple[str, ...]
    key_kinds: tuple[type, ...]
    fields: dict[str, FieldKind]
    descending: bool = False
    statuses: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    time: str = ""
    """The field that started_after and started_before look at."""
    name_field: str = "name"

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns to select: what is shown and what sorts."""
        return (*self.fields, *(column for column in self.order if column not in self.fields))

    @property
    def shown(self) -> tuple[str, ...]:
        """Return the fields of an item."""
        return tuple(field for field in self.fields if field not in self.hidden)

    def docs(self) -> dict[str, str]:
        """Return what each shown field means."""
        return {field: view_docs.COLUMNS[self.name][field] for field in self.shown}


def _fields(text: str) -> dict[str, FieldKind]:
    """Read `name:kind` words; text is the kind that needs no word."""
    found: dict[str, FieldKind] = {}
    for word in text.split():
        name, _, kind = word.partition(":")
        found[name] = kind or "text"  # type: ignore[assignment]
    return found


WORKFLOWS = Listing(
    "workflows",
    ("started_at_ms", "id"),
    (int, str),
    _fields(
        "id name version status reason input:json output:json error cause started_at:time ended_at:time attempt:number"
        " program key run_id changed_at:time input_bytes:number output_bytes:number timeout_ms:number"
        " parent_id parent_run_id parent_step:number correlation_id trace shard:number search:object continued:number"
        " first_run_id schedule_id"
    ),
    descending=True,
    statuses=WORKFLOW_STATUSES,
    time="started_at",
)
TASKS = Listing(
    "tasks",
    ("step", "attempt"),
    (int, int),
    _fields(
        "name index:number status attempt:number worker queue priority:number scheduled_at:time started_at:time "
        "ended_at:time"
        " input_bytes:number output_bytes:number error cause idempotency_key step:number task kind reason retry_at:time"
        " resource units:number fencing_token:number losses:number child_id timeout_ms:number run_id input:json "
        "output:json target reused_from"
    ),
    statuses=TASK_STATUSES,
    time="started_at",
)
HISTORY = Listing(
    "history",
    ("at_ms", "source", "partition", "offset", "seq"),
    (int, int, int, int, int),
    _fields(
        "at:time type step:number attempt:number detail:json workflow_id run_id journal partition:number offset:number "
        "seq:number"
    ),
    time="at",
    name_field="type",
)
PUBLISHED = Listing(
    "published",
    ("name", "first_run_id"),
    (str, str),
    _fields("name data:json data_bytes:number at:time step:number run_id first_run_id"),
    time="at",
)
RUNS = Listing(
    "runs",
    ("started_at_ms", "run_id"),
    (int, str),
    _fields("run_id attempt:number status started_at:time ended_at:time first_run_id kept_steps:number retried_run_id"),
    descending=True,
    statuses=(*WORKFLOW_STATUSES, "CONTINUED"),
    time="started_at",
    name_field="run_id",
)
LOGS = Listing(
    "logs",
    ("at_ms", "partition", "offset"),
    (int, int, int),
    _fields(
        "at:time level message task node index:number step:number attempt:number source service workflow_id run_id "
        "logger fields:json trace partition:number offset:number"
    ),
    time="at",
    name_field="task",
)
LATEST_LOGS = LOGS._replace(descending=True)
DEFINITIONS = Listing(
    "definitions",
    ("name", "version"),
    (str, str),
    _fields("name version latest:bool program interpreter:number deployed_at:time file options:json source"),
    time="deployed_at",
)
QUEUES = Listing(
    "queues",
    ("name",),
    (str,),
    _fields(
        "name waiting:number running:number unserved:number oldest_scheduled_at:time workers:number slots:number "
        "held:number backlog:number when_full full_since:time at_once:number per_period:number period_ms:number "
        "canaries:json fairness:json"
    ),
)
WORKERS = Listing(
    "workers",
    ("name",),
    (str,),
    _fields(
        "name status reason slots:number running:number offers:json labels:json host pid:number session "
        "joined_at:time changed_at:time gauges:json measured_at:time"
    ),
    statuses=("ACTIVE", "STOPPING", "LEFT", "LOST"),
    time="joined_at",
)
RESOURCES = Listing(
    "resources",
    ("name",),
    (str,),
    _fields("name capacity:number in_use:number waiting:number holders:json declared_by changed_at:time"),
)
LISTENERS = Listing(
    "listeners",
    ("name",),
    (str,),
    _fields(
        "name kind source group process lag:number handled:number failures:number dead_letters:number last_error"
        " last_error_at:time positions:json changed_at:time"
    ),
)
SCHEDULES = Listing(
    "schedules",
    ("id",),
    (str,),
    _fields(
        "id name version cron timezone every_ms:number offset_ms:number jitter_ms:number overlap catch_up_ms:number"
        " key input:json input_bytes:number paused:bool reason next_at:time due_at:time set_at:time changed_at:time"
        " last_fired_at:time backfill_next_at:time backfill_until:time skipped_at:time skipped_until:time"
        " skipped_reason shard:number"
    ),
    time="next_at",
)
SCHEDULE_RUNS = Listing(
    "schedule_runs",
    ("scheduled_at_ms", "workflow_id"),
    (int, str),
    _fields(
        "workflow_id scheduled_at:time cause status fired_at:time started_at:time ended_at:time error error_cause"
        " command_id schedule_id"
    ),
    descending=True,
    statuses=(*WORKFLOW_STATUSES, "WAITING", "STARTED", "REFUSED", "GIVEN_UP"),
    time="scheduled_at",
    name_field="workflow_id",
)
_IO_KEY = ("kind", "name_key", "version_key", "node_key", "task_key", "dataset_key")
IO_STATS = Listing(
    "io_stats",
    _IO_KEY,
    (str,) * len(_IO_KEY),
    _fields(
        "name version node task kind dataset runs:number attempts:number workflows:number rows:number bytes:number "
        "input_bytes:number output_bytes:number "
        + " ".join(
            f"{column}_{figure}:number"
            for column in ("rows", "bytes", "input_bytes", "output_bytes")
            for figure in ("mean", "min", "max", "last")
        )
        + " last_at:time"
    ),
    time="last_at",
)
IO_RUNS = Listing(
    "io_runs",
    ("at_ms", "workflow_id", "run_id", "kind", "node_key", "task_key", "dataset_key"),
    (int, str, str, str, str, str, str),
    _fields(
        "at:time name version workflow_id run_id node task kind dataset attempts:number rows:number bytes:number "
        "input_bytes:number output_bytes:number"
    ),
    descending=True,
    time="at",
)
