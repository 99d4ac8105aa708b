"""Views of what workflows run on: definitions, queues, workers, resources, listeners, and of the projection itself."""

from __future__ import annotations

from headrace_status.model.view import View, as_text, as_time

# Fairness keys of a queue that a view tells: those for which most waits. There may be as many as there are tenants.
_FAIRNESS_KEYS = 20

DEFINITIONS = View(
    "definitions",
    f"""
    SELECT d.name, d.version, d.program, d.interpreter, {as_time("d.deployed_at")},
           COALESCE(l.version = d.version, false) AS latest, {as_text("d.file")}, d.options, d.source
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
           CASE WHEN backlog > 0 THEN when_full END AS when_full, {as_time("full_since")},
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
    SELECT l.worker AS name, l.status, {as_text("l.reason")}, o.slots, COALESCE(h.running, 0) AS running,
           o.offers, l.labels, {as_text("l.host")}, NULLIF(l.pid, 0) AS pid, l.session, {as_time("l.joined_at")},
           {as_time("l.changed_at")}, m.gauges, {as_time("m.measured_at")}
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
           COALESCE(l.holders, '[]') AS holders, {as_text("r.declared_by")}, {as_time("r.changed_at")}
    FROM {{data}}.resources r LEFT JOIN leases l ON l.resource = r.resource
    """,
    "Shared resources with who holds them.",
)
LISTENERS = View(
    "listeners",
    f"""
    SELECT name, kind, source, {as_text("consumer_group", '"group"')}, process, NULLIF(lag, -1) AS lag,
           handled, failures, dead_letters, {as_text("last_error")}, {as_time("last_error_at")}, positions,
           {as_time("changed_at")}
    FROM {{data}}.listeners
    """,
    "Listeners, triggers and the relay, as the listener service last told of them.",
)


POSITIONS = View(
    "positions",
    f"""
    SELECT topic, partition, "offset", epoch, n, {as_time("at")}, {as_time("projected_at")}, at AS at_ms
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
    f'SELECT {as_time("at")}, table_name AS "table", row_key AS key, error FROM {{data}}.refused_rows',
    "Rows that Postgres refused; the projection went on without them.",
)
