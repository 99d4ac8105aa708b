"""Views of what tasks read and wrote."""

from __future__ import annotations

from headrace_status.model.view import View, as_text


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
    SELECT 'dataset' AS kind, {as_text("name")}, {as_text("version")}, workflow_id, run_id, {as_text("node")},
           {as_text("task")}, {as_text("dataset")}, count(*) AS attempts, {_sum("rows")} AS rows,
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
