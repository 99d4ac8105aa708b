"""Views of workflows, and of what happened in them."""

from __future__ import annotations

from headrace_status.model.view import View, as_text, as_time, as_timestamp

WORKFLOWS = View(
    "workflows",
    f"""
    SELECT workflow_id AS id, {as_text("name")}, {as_text("version")}, {as_text("program")}, {as_text("key")}, status,
           {as_text("reason")}, input, input_bytes, output, output_bytes, {as_text("error")}, {as_text("cause")},
           {as_time("started_at")}, {as_time("ended_at")}, {as_time("changed_at")}, attempt, {as_text("run_id")},
           CASE WHEN parent_step >= 0 THEN parent_id END AS parent_id,
           CASE WHEN parent_step >= 0 THEN parent_run_id END AS parent_run_id,
           CASE WHEN parent_step >= 0 THEN parent_step END AS parent_step, NULLIF(timeout_ms, 0) AS timeout_ms,
           {as_text("correlation_id")}, {as_text("trace")}, shard, started_at AS started_at_ms,
           search, COALESCE(continued, 0) AS continued, {as_text("origin", "first_run_id")},
           CASE WHEN parent_step = -1 THEN parent_id END AS schedule_id
    FROM {{data}}.workflows WHERE status IS NOT NULL
    """,
    "Workflows by id, each with its latest run.",
)
TASKS = View(
    "tasks",
    f"""
    SELECT workflow_id, run_id, step, node AS name, NULLIF("index", -1) AS index, {as_text("task")}, kind,
           attempt, status,
           NULLIF(CASE WHEN status IN ('SCHEDULED', 'UNSERVED', 'RUNNING') AND dispatch_reason <> ''
             THEN dispatch_reason ELSE reason END, '') AS reason,
           COALESCE(NULLIF(result_worker, ''), NULLIF(assigned_worker, '')) AS worker, {as_text("queue")}, priority,
           {as_time("scheduled_at")},
           to_timestamp(COALESCE(NULLIF(started_at, 0), NULLIF(assigned_at, 0))::float8 / 1000) AS started_at,
           {as_time("ended_at")}, {as_time("retry_at")}, input, input_bytes, output, output_bytes, {as_text("error")},
           {as_text("cause")}, run_id || '/' || step || '/' || attempt AS idempotency_key, {as_text("resource")},
           NULLIF(units, 0) AS units, NULLIF(fencing_token, 0) AS fencing_token, COALESCE(losses, 0) AS losses,
           {as_text("child_id")},
           NULLIF(timeout_ms, 0) AS timeout_ms, {as_text("target")}, {as_text("reused_from")}
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
NODES = View(
    "nodes",
    f"""
    SELECT workflow_id, run_id, node AS name, status, {as_text("error")}, {as_text("cause")}, {as_time("ended_at")}
    FROM {{data}}.nodes
    """,
    "How graph nodes ended that stand for several tasks, or for none.",
)
PUBLISHED = View(
    "published",
    f"""
    SELECT workflow_id, name, data, data_bytes, {as_time("at")}, run_id, step, origin AS first_run_id
    FROM {{data}}.published
    """,
    "What workflows published, the last of each name.",
)
REFUSALS = View(
    "refusals",
    f"""
    SELECT workflow_id, {as_time("at")}, {as_text("command_id")}, {as_text("name")}, error, {as_text("cause")},
           COALESCE(existing, false) AS existing, partition, "offset", seq, {as_text("command")}
    FROM {{data}}.refusals
    """,
    "Commands that were refused.",
)
LOGS = View(
    "logs",
    f"""
    SELECT workflow_id, {as_time("at")}, level, service, source, {as_text("task")}, NULLIF(step, -1) AS step,
           NULLIF(attempt, 0) AS attempt, message, {as_text("run_id")}, {as_text("trace")}, partition, "offset",
           at AS at_ms, {as_text("node")}, NULLIF("index", -1) AS index, {as_text("logger")}, fields
    FROM {{data}}.logs
    """,
    "What tasks and services wrote.",
)
SCHEDULES = View(
    "schedules",
    f"""
    SELECT schedule_id AS id, name, {as_text("version")}, {as_text("cron")},
           CASE WHEN cron <> '' THEN timezone END AS timezone, NULLIF(every_ms, 0) AS every_ms,
           CASE WHEN every_ms > 0 THEN offset_ms END AS offset_ms, jitter_ms, overlap, catch_up_ms, {as_text("key")},
           input, input_bytes, COALESCE(paused, false) AS paused, {as_text("reason")},
           CASE WHEN NOT COALESCE(paused, false) THEN {as_timestamp("next_at")} END AS next_at,
           CASE WHEN NOT COALESCE(paused, false) THEN {as_timestamp("due_at")} END AS due_at,
           {as_time("set_at")}, {as_time("changed_at")}, {as_time("fired_at", "last_fired_at")},
           {as_time("backfill_next_at")},
           CASE WHEN backfill_next_at > 0 THEN {as_timestamp("backfill_until")} END AS backfill_until,
           {as_time("skipped_at")}, {as_time("skipped_until")}, {as_text("skipped_reason")}, shard
    FROM {{data}}.schedules WHERE generation IS NOT NULL
    """,
    "Schedules as they are now.",
)
SCHEDULE_RUNS = View(
    "schedule_runs",
    f"""
    SELECT r.schedule_id, r.workflow_id, {as_time("r.scheduled_at")}, r.cause,
           COALESCE(CASE WHEN r.fired_at > 0 THEN w.status END, r.status) AS status, {as_time("r.fired_at")},
           {as_time("w.started_at")}, COALESCE({as_timestamp("w.ended_at")}, {as_timestamp("r.ended_at")}) AS ended_at,
           COALESCE(NULLIF(w.error, ''), NULLIF(r.error, '')) AS error,
           COALESCE(NULLIF(w.cause, ''), NULLIF(r.cause_of_error, '')) AS error_cause, {as_text("r.command_id")},
           r.scheduled_at AS scheduled_at_ms
    FROM {{data}}.schedule_runs r LEFT JOIN {{data}}.workflows w ON w.workflow_id = r.workflow_id
    WHERE r.scheduled_at IS NOT NULL
    """,
    "What schedules have started, or mean to start, with how it goes.",
)
# A run is there from the event that begins it to the next one that begins or ends one; the last one is as its workflow.
_ENDS = ("Succeeded", "Failed", "Cancelled", "Terminated", "TimedOut")
_STATUS_OF = " ".join(f"WHEN 'Workflow{end}' THEN '{end.upper().replace('TIMEDOUT', 'TIMED_OUT')}'" for end in _ENDS)
_LIVES = ", ".join(f"'Workflow{kind}'" for kind in ("Started", "Continued", *_ENDS))
RUNS = View(
    "runs",
    f"""
    WITH lives AS (
      SELECT workflow_id, type, at,
             CASE type WHEN 'WorkflowContinued' THEN detail ->> 'next_run_id' ELSE run_id END AS run_id,
             (detail ->> 'kept_steps')::int AS kept_steps, detail -> 'retried' ->> 'run_id' AS retried,
             sum(CASE type WHEN 'WorkflowStarted' THEN 1 ELSE 0 END) OVER beginnings AS attempt,
             lead(type) OVER beginnings AS next, lead(at) OVER beginnings AS next_at
      FROM {{data}}.history WHERE source = 0 AND type IN ({_LIVES})
      WINDOW beginnings AS (PARTITION BY workflow_id ORDER BY at, partition, "offset", seq)
    )
    SELECT l.workflow_id, l.run_id, l.attempt, {as_time("l.at", "started_at")}, {as_time("l.next_at", "ended_at")},
           CASE l.next WHEN 'WorkflowContinued' THEN 'CONTINUED' {_STATUS_OF} ELSE w.status END AS status,
           split_part(l.run_id, '.', 1) AS first_run_id,
           CASE WHEN l.type = 'WorkflowContinued' THEN COALESCE(l.kept_steps, 0) END AS kept_steps,
           l.retried AS retried_run_id, l.at AS started_at_ms
    FROM lives l LEFT JOIN {{data}}.workflows w ON w.workflow_id = l.workflow_id AND w.run_id = l.run_id
    WHERE l.type IN ('WorkflowStarted', 'WorkflowContinued')
    """,
    "Every run of every workflow: each start, and each time that a run went on as another.",
)
