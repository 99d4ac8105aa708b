"""The views: the read model's contract with everybody who writes SQL, and the only thing that the read API sees.

Within a version of the contract columns are only added, at the end; taking one away or changing its meaning makes a new
version in a schema of its own beside this one. Views are made anew, from here, whenever a service with newer ones
starts.
"""

from __future__ import annotations

from typing import NamedTuple

from headrace_status.model import view_docs

CONTRACT_VERSION = 1
# Fairness keys of a queue that a view tells: those for which most waits. There may be as many as there are tenants.
_FAIRNESS_KEYS = 20


class View(NamedTuple):
    """One view: its query over the data schema `{data}`, and what it is about. Its columns are documented in
    `view_docs`.
    """

    name: str
    query: str
    doc: str

    @property
    def columns(self) -> dict[str, str]:
        """Return what each column means, by name, in order."""
        return view_docs.COLUMNS[self.name]


def _timestamp(column: str) -> str:
    """Return a column of ms since the epoch as a timestamp; 0 means that there is none."""
    return f"to_timestamp(NULLIF({column}, 0)::float8 / 1000)"


def _time(column: str, name: str = "") -> str:
    return f"{_timestamp(column)} AS {name or column.rsplit('.', maxsplit=1)[-1]}"


def _text(column: str, name: str = "") -> str:
    return f"NULLIF({column}, '') AS {name or column.rsplit('.', maxsplit=1)[-1]}"


WORKFLOWS = View(
    "workflows",
    f"""
    SELECT workflow_id AS id, {_text("name")}, {_text("version")}, {_text("program")}, {_text("key")}, status,
           {_text("reason")}, input, input_bytes, output, output_bytes, {_text("error")}, {_text("cause")},
           {_time("started_at")}, {_time("ended_at")}, {_time("changed_at")}, attempt, {_text("run_id")},
           CASE WHEN parent_step >= 0 THEN parent_id END AS parent_id,
           CASE WHEN parent_step >= 0 THEN parent_run_id END AS parent_run_id,
           CASE WHEN parent_step >= 0 THEN parent_step END AS parent_step, NULLIF(timeout_ms, 0) AS timeout_ms,
           {_text("correlation_id")}, {_text("trace")}, shard, started_at AS started_at_ms,
           search, COALESCE(continued, 0) AS continued, {_text("origin", "first_run_id")},
           CASE WHEN parent_step = -1 THEN parent_id END AS schedule_id
    FROM {{data}}.workflows WHERE status IS NOT NULL
    """,
    "Workflows by id, each with its latest run.",
)
TASKS = View(
    "tasks",
    f"""
    SELECT workflow_id, run_id, step, node AS name, NULLIF("index", -1) AS index, {_text("task")}, kind,
           attempt, status,
           NULLIF(CASE WHEN status IN ('SCHEDULED', 'UNSERVED', 'RUNNING') AND dispatch_reason <> ''
             THEN dispatch_reason ELSE reason END, '') AS reason,
           COALESCE(NULLIF(result_worker, ''), NULLIF(assigned_worker, '')) AS worker, {_text("queue")}, priority,
           {_time("scheduled_at")},
           to_timestamp(COALESCE(NULLIF(started_at, 0), NULLIF(assigned_at, 0))::float8 / 1000) AS started_at,
           {_time("ended_at")}, {_time("retry_at")}, input, input_bytes, output, output_bytes, {_text("error")},
           {_text("cause")}, run_id || '/' || step || '/' || attempt AS idempotency_key, {_text("resource")},
           NULLIF(units, 0) AS units, NULLIF(fencing_token, 0) AS fencing_token, COALESCE(losses, 0) AS losses,
           {_text("child_id")},
           NULLIF(timeout_ms, 0) AS timeout_ms, {_text("target")}, {_text("reused_from")}
    FROM {{data}}.tasks
    """,
    "Every attempt of every task; sleeps, child workflows, callbacks, other workflows waited for and skipped nodes.",
)
HISTORY = View(
    "history",
    """
    SELECT workflow_id, NULLIF(run_id, '') AS run_id, to_timestamp(at::float8 / 1000) AS at, type,
           NULLIF(step, -1) AS step, NULLIF(attempt, 0) AS attempt, detail,
           CASE source WHEN 0 THEN 'workflow.journal' WHEN 1 THEN 'task.journal' ELSE 'resource.journal' END AS journal,
           partition, "offset", seq, at AS at_ms, source
    FROM {data}.history
    """,
    "Every event, in the order of its time and then of its journal.",
)
DEFINITIONS = View(
    "definitions",
    f"""
    SELECT d.name, d.version, d.program, d.interpreter, {_time("d.deployed_at")},
           COALESCE(l.version = d.version, false) AS latest, {_text("d.file")}, d.options, d.source
    FROM {{data}}.definitions d LEFT JOIN {{data}}.definition_latest l ON l.name = d.name
    """,
    "Every version of every workflow definition.",
)
QUEUES = View(
    "queues",
    f"""
    WITH offered AS (
      SELECT offer ->> 'queue' AS name, count(DISTINCT worker) AS workers, sum((offer ->> 'slots')::int) AS slots
      FROM {{data}}.workers, json_array_elements(offers) AS offer WHERE status = 'ACTIVE' GROUP BY 1
    ), open AS (
      SELECT queue AS name, count(*) FILTER (WHERE status = 'SCHEDULED') AS waiting,
             count(*) FILTER (WHERE status = 'RUNNING') AS running,
             count(*) FILTER (WHERE status = 'UNSERVED') AS unserved,
             count(*) FILTER (WHERE status = 'WAITING') AS held,
             min(COALESCE(scheduled_at, held_at)) FILTER (WHERE status <> 'RUNNING') AS oldest
      FROM {{data}}.tasks
      WHERE (decided IS NULL OR decided < 100) AND (status <> 'WAITING' OR held_at > 0) AND queue <> '' GROUP BY 1
    ), keys AS (
      SELECT queue AS name, fairness_key AS key, count(*) AS waiting,
             row_number() OVER (PARTITION BY queue ORDER BY count(*) DESC, fairness_key) AS place
      FROM {{data}}.tasks
      WHERE (decided IS NULL OR decided < 100) AND status IN ('SCHEDULED', 'UNSERVED') AND fairness_key <> ''
      GROUP BY 1, 2
    ), fair AS (
      SELECT name, json_agg(json_build_object('key', key, 'waiting', waiting) ORDER BY place) AS fairness
      FROM keys WHERE place <= {_FAIRNESS_KEYS} GROUP BY 1
    ), limits AS (
      SELECT queue AS name, * FROM {{data}}.queues WHERE at_once > 0 OR per_period > 0 OR backlog > 0 OR full_since > 0
    ), chosen AS (
      SELECT queue AS name, json_agg(json_build_object('task', task, 'version', version, 'share', share,
        'issued_by', NULLIF(issued_by, ''),
        'since', to_char(to_timestamp(at::float8 / 1000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
        ORDER BY task) AS canaries
      FROM {{data}}.canaries GROUP BY 1
    )
    SELECT name, COALESCE(waiting, 0) AS waiting, COALESCE(running, 0) AS running, COALESCE(unserved, 0) AS unserved,
           to_timestamp(oldest::float8 / 1000) AS oldest_scheduled_at, COALESCE(workers, 0) AS workers,
           COALESCE(slots, 0) AS slots, COALESCE(held, 0) AS held, NULLIF(backlog, 0) AS backlog,
           CASE WHEN backlog > 0 THEN when_full END AS when_full, {_time("full_since")},
           NULLIF(at_once, 0) AS at_once, NULLIF(per_period, 0) AS per_period, NULLIF(period_ms, 0) AS period_ms,
           COALESCE(canaries, '[]') AS canaries, COALESCE(fairness, '[]') AS fairness
    FROM open FULL JOIN offered USING (name) FULL JOIN limits USING (name) FULL JOIN chosen USING (name)
    LEFT JOIN fair USING (name)
    """,
    "Queues that hold open tasks, are served by a worker, or have limits or canaries.",
)
WORKERS = View(
    "workers",
    f"""
    WITH latest AS (
      SELECT DISTINCT ON (worker) worker, session, status, reason, host, pid, labels, changed_at, joined_at
      FROM {{data}}.workers ORDER BY worker, changed_at DESC, joined_at DESC
    ), offers AS (
      SELECT w.worker, w.session, COALESCE(sum((offer ->> 'slots')::int), 0) AS slots,
             json_agg(offer ORDER BY offer ->> 'queue') FILTER (WHERE offer IS NOT NULL) AS offers
      FROM {{data}}.workers w LEFT JOIN LATERAL json_array_elements(w.offers) AS offer ON true GROUP BY 1, 2
    ), held AS (SELECT worker, count(*) AS running FROM {{data}}.assignments GROUP BY 1), measured AS (
      SELECT DISTINCT ON (worker, session) worker, session, gauges, measured_at
      FROM {{data}}.workers WHERE measured_at IS NOT NULL ORDER BY worker, session, measured_at DESC
    )
    SELECT l.worker AS name, l.status, {_text("l.reason")}, o.slots, COALESCE(h.running, 0) AS running,
           o.offers, l.labels, {_text("l.host")}, NULLIF(l.pid, 0) AS pid, l.session, {_time("l.joined_at")},
           {_time("l.changed_at")}, m.gauges, {_time("m.measured_at")}
    FROM latest l LEFT JOIN offers o ON o.worker = l.worker AND o.session = l.session
    LEFT JOIN measured m ON m.worker = l.worker AND m.session = l.session
    LEFT JOIN held h ON h.worker = l.worker
    """,
    "Workers by name, each in its latest life.",
)
RESOURCES = View(
    "resources",
    f"""
    WITH leases AS (
      SELECT resource, COALESCE(sum(units) FILTER (WHERE state = 'HELD'), 0) AS in_use,
             count(*) FILTER (WHERE state = 'WAITING') AS waiting,
             json_agg(json_build_object('workflow_id', workflow_id, 'node', node, 'index', NULLIF("index", -1),
               'attempt', attempt, 'units', units, 'fencing_token', fencing_token,
               'since', to_char(to_timestamp(at::float8 / 1000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
               ORDER BY fencing_token) FILTER (WHERE state = 'HELD') AS holders
      FROM {{data}}.leases GROUP BY 1
    )
    SELECT r.resource AS name, r.capacity, COALESCE(l.in_use, 0) AS in_use, COALESCE(l.waiting, 0) AS waiting,
           COALESCE(l.holders, '[]') AS holders, {_text("r.declared_by")}, {_time("r.changed_at")}
    FROM {{data}}.resources r LEFT JOIN leases l ON l.resource = r.resource
    """,
    "Shared resources with who holds them.",
)
LISTENERS = View(
    "listeners",
    f"""
    SELECT name, kind, source, {_text("consumer_group", '"group"')}, process, NULLIF(lag, -1) AS lag,
           handled, failures, dead_letters, {_text("last_error")}, {_time("last_error_at")}, positions,
           {_time("changed_at")}
    FROM {{data}}.listeners
    """,
    "Listeners, triggers and the relay, as the listener service last told of them.",
)


def _trend(column: str) -> str:
    """Return mean, least, greatest and last value of a run."""
    return (
        f"round(avg({column}))::bigint AS {column}_mean, min({column}) AS {column}_min, max({column}) AS {column}_max, "
        f"(array_agg({column} ORDER BY at DESC))[1] AS {column}_last"
    )


def _sum(column: str) -> str:
    """Return a sum that is no error where it is too large for a bigint: nobody's figure may hide all others."""
    return f"LEAST(sum({column}), CASE WHEN count({column}) > 0 THEN 9223372036854775807 END)::bigint"


# Accounts name their definition. Of a task whose run is no longer the latest under its id, the history tells it.
_IO_RUNS = f"""
    SELECT 'dataset' AS kind, {_text("name")}, {_text("version")}, workflow_id, run_id, {_text("node")},
           {_text("task")}, {_text("dataset")}, count(*) AS attempts, {_sum("rows")} AS rows,
           {_sum("bytes")} AS bytes, NULL::bigint AS input_bytes, NULL::bigint AS output_bytes,
           to_timestamp(max(at)::float8 / 1000) AS at, max(at) AS at_ms
    FROM {{data}}.io GROUP BY name, version, workflow_id, run_id, node, task, dataset
    UNION ALL
    SELECT 'payload', COALESCE(w.name, h.name), COALESCE(w.version, h.version), t.workflow_id, t.run_id,
           NULLIF(t.node, ''), NULLIF(t.task, ''), NULL, count(*), NULL, NULL, {_sum("t.input_bytes")},
           {_sum("t.output_bytes")}, to_timestamp(max(t.ended_at)::float8 / 1000), max(t.ended_at)
    FROM {{data}}.tasks t
    LEFT JOIN {{data}}.workflows w ON w.workflow_id = t.workflow_id AND w.run_id = t.run_id
    LEFT JOIN LATERAL (
      SELECT detail ->> 'name' AS name, detail ->> 'version' AS version FROM {{data}}.history
      WHERE w.workflow_id IS NULL AND workflow_id = t.workflow_id AND run_id = t.run_id AND type = 'WorkflowStarted'
      LIMIT 1
    ) h ON true
    WHERE t.kind = 'task' AND t.attempt > 0 AND t.decided >= 100 GROUP BY 2, 3, 4, 5, 6, 7
"""
IO_STATS = View(
    "io_stats",
    f"""
    SELECT dataset, task, {_sum("attempts")} AS attempts, count(DISTINCT workflow_id) AS workflows,
           {_sum("rows")} AS rows, {_sum("bytes")} AS bytes, max(at) AS last_at,
           kind, name, version, node, count(*) AS runs,
           {_sum("input_bytes")} AS input_bytes, {_sum("output_bytes")} AS output_bytes,
           {_trend("rows")}, {_trend("bytes")}, {_trend("input_bytes")}, {_trend("output_bytes")}
    FROM ({_IO_RUNS}) AS runs GROUP BY kind, name, version, node, task, dataset
    """,
    "What tasks read and wrote, over all runs of a definition's version: by node, task and dataset.",
)
IO_RUNS = View("io_runs", _IO_RUNS, "What tasks read and wrote, run by run: the trend behind io_stats.")
# Not in the interface's list, but the API needs them: what was refused, lines of log, and how far the projection is.
REFUSALS = View(
    "refusals",
    f"""
    SELECT workflow_id, {_time("at")}, {_text("command_id")}, {_text("name")}, error, {_text("cause")},
           COALESCE(existing, false) AS existing, partition, "offset", seq, {_text("command")}
    FROM {{data}}.refusals
    """,
    "Commands that were refused.",
)
LOGS = View(
    "logs",
    f"""
    SELECT workflow_id, {_time("at")}, level, service, source, {_text("task")}, NULLIF(step, -1) AS step,
           NULLIF(attempt, 0) AS attempt, message, {_text("run_id")}, {_text("trace")}, partition, "offset",
           at AS at_ms, {_text("node")}, NULLIF("index", -1) AS index, {_text("logger")}, fields
    FROM {{data}}.logs
    """,
    "What tasks and services wrote.",
)
NODES = View(
    "nodes",
    f"""
    SELECT workflow_id, run_id, node AS name, status, {_text("error")}, {_text("cause")}, {_time("ended_at")}
    FROM {{data}}.nodes
    """,
    "How graph nodes ended that stand for several tasks, or for none.",
)
PUBLISHED = View(
    "published",
    f"""
    SELECT workflow_id, name, data, data_bytes, {_time("at")}, run_id, step, origin AS first_run_id
    FROM {{data}}.published
    """,
    "What workflows published, the last of each name.",
)
SCHEDULES = View(
    "schedules",
    f"""
    SELECT schedule_id AS id, name, {_text("version")}, {_text("cron")},
           CASE WHEN cron <> '' THEN timezone END AS timezone, NULLIF(every_ms, 0) AS every_ms,
           CASE WHEN every_ms > 0 THEN offset_ms END AS offset_ms, jitter_ms, overlap, catch_up_ms, {_text("key")},
           input, input_bytes, COALESCE(paused, false) AS paused, {_text("reason")},
           CASE WHEN NOT COALESCE(paused, false) THEN {_timestamp("next_at")} END AS next_at,
           CASE WHEN NOT COALESCE(paused, false) THEN {_timestamp("due_at")} END AS due_at,
           {_time("set_at")}, {_time("changed_at")}, {_time("fired_at", "last_fired_at")},
           {_time("backfill_next_at")},
           CASE WHEN backfill_next_at > 0 THEN {_timestamp("backfill_until")} END AS backfill_until,
           {_time("skipped_at")}, {_time("skipped_until")}, {_text("skipped_reason")}, shard
    FROM {{data}}.schedules WHERE generation IS NOT NULL
    """,
    "Schedules as they are now.",
)
SCHEDULE_RUNS = View(
    "schedule_runs",
    f"""
    SELECT r.schedule_id, r.workflow_id, {_time("r.scheduled_at")}, r.cause,
           COALESCE(CASE WHEN r.fired_at > 0 THEN w.status END, r.status) AS status, {_time("r.fired_at")},
           {_time("w.started_at")}, COALESCE({_timestamp("w.ended_at")}, {_timestamp("r.ended_at")}) AS ended_at,
           COALESCE(NULLIF(w.error, ''), NULLIF(r.error, '')) AS error,
           COALESCE(NULLIF(w.cause, ''), NULLIF(r.cause_of_error, '')) AS error_cause, {_text("r.command_id")},
           r.scheduled_at AS scheduled_at_ms
    FROM {{data}}.schedule_runs r LEFT JOIN {{data}}.workflows w ON w.workflow_id = r.workflow_id
    WHERE r.scheduled_at IS NOT NULL
    """,
    "What schedules have started, or mean to start, with how it goes.",
)
POSITIONS = View(
    "positions",
    f"""
    SELECT topic, partition, "offset", epoch, n, {_time("at")}, {_time("projected_at")}, at AS at_ms
    FROM {{data}}.positions
    """,
    "How far the projection has read each topic.",
)
INPUTS = View(
    "inputs",
    'SELECT shard, topic, partition, "offset" FROM {data}.inputs',
    "How far each decision shard has read its inputs, as far as the projection knows.",
)
FORWARDS = View(
    "forwards",
    "SELECT partition, command_offset, to_shard, journal_offset FROM {data}.forwards",
    "Commands that wait to be read by another shard than the one they landed on.",
)
REFUSED_ROWS = View(
    "refused_rows",
    f'SELECT {_time("at")}, table_name AS "table", row_key AS key, error FROM {{data}}.refused_rows',
    "Rows that Postgres refused; the projection went on without them.",
)
VIEWS: tuple[View, ...] = (
    WORKFLOWS,
    TASKS,
    HISTORY,
    DEFINITIONS,
    QUEUES,
    WORKERS,
    RESOURCES,
    LISTENERS,
    IO_STATS,
    IO_RUNS,
    REFUSALS,
    LOGS,
    NODES,
    PUBLISHED,
    SCHEDULES,
    SCHEDULE_RUNS,
    POSITIONS,
    INPUTS,
    FORWARDS,
    REFUSED_ROWS,
)
