// The tabs of a workflow that are tables: tasks, history, logs.

import { enc, get } from "./api.js";
import { h, show, watcher } from "./dom.js";
import { badge, between, bytes, payload, when } from "./format.js";

const PAGE = 200;

// Reads a list from its beginning, page by page as more is asked for, and shows it.
function table(panel, id, signal, path, parameters, columns, row, empty) {
  const body = h("tbody");
  const more = h("button", { type: "button", class: "more", hidden: true }, "Load more");
  let pages = 1;
  const differs = watcher();
  // `redraw`: somebody opened or closed a row.
  const look = async (redraw = false) => {
    const items = [];
    let cursor = "";
    for (let page = 0; page < pages; page += 1) {
      const found = await get(`/workflows/${enc(id)}/${path}`, { ...parameters(), limit: PAGE, cursor }, signal);
      items.push(...found.items);
      cursor = found.next_cursor;
      if (!cursor) break;
    }
    more.hidden = !cursor;
    const running = items.some((item) => item.status === "RUNNING");
    if (differs(items) || running || redraw === true) show(body, items.length ? items.map(row) : h("tr", {}, h("td", { colspan: columns.length, class: "empty" }, empty)));
  };
  more.addEventListener("click", () => { pages += 1; look().catch(() => {}); });
  const shell = h("div", { class: "card table" }, h("table", {}, h("thead", {}, h("tr", {}, columns.map((text) => h("th", { scope: "col" }, text)))), body));
  return { look, parts: [shell, more] };
}

const MOST_RUNS = 100;

// A choice among the runs of a workflow, the latest first; there is none to see while it has one run only.
function runChoice(id, signal, changed) {
  const select = h("select", { "data-key": "run" });
  const label = h("label", { class: "field", hidden: true }, "Run", select);
  select.addEventListener("change", changed);
  let known;
  const update = async (workflow) => {
    if (workflow.run_id === known || !(workflow.continued || workflow.attempt > 1)) return;
    const { items } = await get(`/workflows/${enc(id)}/runs`, { limit: MOST_RUNS }, signal);
    const chosen = select.value;
    known = workflow.run_id;
    show(select, items.map((run, at) => h("option", { value: at === 0 ? "" : run.run_id },
      `${run.run_id} · ${run.status.replaceAll("_", " ").toLowerCase()}${at === 0 ? ", the latest" : ""}`)));
    select.value = chosen;
    label.hidden = items.length < 2;
  };
  return { label, update, value: () => select.value };
}

export function tasksTab(panel, id, signal) {
  const every = h("input", { type: "checkbox" });
  const opened = new Set();
  const row = (task) => {
    const key = `${task.step}/${task.attempt}`;
    const line = h("tr", {},
      h("td", {}, badge(task.status, task.reason)),
      h("td", {}, h("button", {
        type: "button", class: "link", "data-key": `task-${key}`, "aria-expanded": String(opened.has(key)),
        onclick: () => { if (!opened.delete(key)) opened.add(key); view.look(true).catch(() => {}); },
      }, task.name ?? `step ${task.step}`, task.index !== null && h("span", { class: "faint" }, ` [${task.index}]`)),
      task.error ? h("span", { class: "under error-text" }, task.error) : task.reason && h("span", { class: "under faint" }, task.reason)),
      h("td", { class: "number" }, task.attempt || ""),
      h("td", {}, linked(task, key)),
      h("td", {}, task.queue ?? ""),
      h("td", {}, when(task.started_at ?? task.scheduled_at)),
      h("td", { class: "number" }, between(task.started_at, task.ended_at)),
      h("td", { class: "number" }, task.output_bytes === null ? "" : bytes(task.output_bytes)));
    return opened.has(key) ? [line, h("tr", { class: "opened" }, h("td", { colspan: 8 }, details(task)))] : line;
  };
  const runs = runChoice(id, signal, () => view.look().catch(() => {}));
  const view = table(panel, id, signal, "tasks", () => ({ attempts: every.checked ? "all" : "latest", run: runs.value() }),
    ["Status", "Task", "Attempt", "Worker", "Queue", "Started", "Duration", "Output"], row, "No task has been scheduled yet.");
  every.addEventListener("change", () => view.look().catch(() => {}));
  show(panel, h("div", { class: "filters" }, h("label", { class: "check" }, every, " Show every attempt"), runs.label), view.parts);
  return async (workflow) => {
    await runs.update(workflow);
    await view.look();
  };
}

// Where a step runs: in another workflow, or on a worker.
function linked(task, key) {
  const target = task.child_id ?? task.target;
  return target ? h("a", { href: `#/workflows/${enc(target)}`, "data-key": `child-${key}` }, target) : task.worker ?? "";
}

export function details(task) {
  const facts = [["Function", task.task], ["Kind", task.kind === "task" ? null : task.kind], ["Taken over from run", task.reused_from], ["Idempotency key", task.idempotency_key], ["Priority", task.priority], ["Resource", task.resource && `${task.units} of ${task.resource}`],
    ["Fencing token", task.fencing_token], ["Workers lost", task.losses || null], ["Next attempt", task.status === "WAITING" ? task.retry_at : null], ["Ended", task.ended_at]];
  return [
    h("dl", { class: "facts small" }, facts.filter(([, value]) => value !== null && value !== undefined).map(([name, value]) =>
      h("div", {}, h("dt", {}, name), h("dd", { class: "mono" }, String(value))))),
    task.cause && h("pre", { class: "cause" }, task.cause),
    h("div", { class: "columns" }, payload("Input", task.input, task.input_bytes), payload("Output", task.output, task.output_bytes)),
  ];
}

export function historyTab(panel, id, signal) {
  const opened = new Set();
  const row = (event) => {
    const key = `${event.journal}/${event.partition}/${event.offset}/${event.seq}`;
    const text = summary(event.detail);
    const line = h("tr", {},
      h("td", { class: "nowrap" }, when(event.at)),
      h("td", {}, h("span", { class: "event", "data-event": event.type }, event.type)),
      h("td", { class: "number" }, event.step ?? ""),
      h("td", { class: "detail" }, h("button", {
        type: "button", class: "link mono", "data-key": key, "aria-expanded": String(opened.has(key)),
        onclick: () => { if (!opened.delete(key)) opened.add(key); view.look(true).catch(() => {}); },
      }, text.length > 160 ? `${text.slice(0, 160)}…` : text || "…")));
    return opened.has(key) ? [line, h("tr", { class: "opened" }, h("td", { colspan: 4 }, h("pre", { tabindex: "0" }, JSON.stringify(event.detail, null, 2)),
      h("p", { class: "faint mono" }, `${event.journal}[${event.partition}] offset ${event.offset}, event ${event.seq}`)))] : line;
  };
  const view = table(panel, id, signal, "history", () => ({}), ["At", "Event", "Step", "Detail"], row, "No event yet.");
  show(panel, view.parts);
  return view.look;
}

// What of an event is worth a line; all of it opens below.
function summary(detail) {
  const parts = Object.entries(detail ?? {}).filter(([name, value]) => !QUIET.has(name) && !(name === "index" && value === -1) && (value !== 0 || name === "index") && value !== false);
  return parts.map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ");
}
const QUIET = new Set(["step", "attempt", "content_type", "interpreter", "session", "shard", "to_shard", "command_id", "priority", "queue", "started_at", "ended_at"]);

export function logsTab(panel, id, signal) {
  const text = h("input", { type: "search", spellcheck: "false", autocomplete: "off" });
  const level = h("select", {}, [["", "every level"], ["warning,error,critical", "warnings and errors"], ["error,critical", "errors"], ["output", "printed"]]
    .map(([value, name]) => h("option", { value }, name)));
  const service = h("select", {}, [["", "tasks and services"], ["worker", "tasks and workers"], ["decision", "decision"], ["dispatcher", "dispatcher"], ["resources", "resources"], ["listener", "listener"], ["status", "status"]]
    .map(([value, name]) => h("option", { value }, name)));
  const row = (line) => h("tr", { class: "log", "data-level": line.level },
    h("td", { class: "nowrap" }, when(line.at)), h("td", {}, line.level),
    h("td", { class: "nowrap" }, line.node ?? line.task ?? line.service, line.index !== null && h("span", { class: "faint" }, ` [${line.index}]`),
      h("span", { class: "under faint" }, line.source, line.attempt !== null && `, attempt ${line.attempt}`)),
    h("td", { class: "mono message" }, line.message, line.fields?.exception && h("pre", { class: "cause" }, line.fields.exception)));
  const chosen = () => Object.fromEntries(Object.entries({ text: text.value.trim(), level: level.value, service: service.value }).filter(([, value]) => value));
  const view = table(panel, id, signal, "logs", chosen, ["At", "Level", "From", "Line"], row, "No line: no task of this workflow has logged or printed such a thing, and no service about it.");
  for (const field of [text, level, service]) field.addEventListener("input", () => view.look().catch(() => {}));
  show(panel, h("div", { class: "filters" }, [["Text", text], ["Level", level], ["From", service]].map(([name, field]) => h("label", { class: "field" }, name, field))), view.parts);
  return view.look;
}
