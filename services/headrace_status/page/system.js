// Queues, workers, resources, listeners, figures, and how far the projection is.

import { enc, get, poll } from "./api.js";
import { h, show, watcher } from "./dom.js";
import { badge, bytes, duration, when } from "./format.js";

const REFRESH_MS = 2000;

export function systemView(main, signal) {
  document.title = "System · headrace";
  const problem = h("p", { class: "notice error", role: "alert", hidden: true });
  const body = h("div", { class: "sections" });
  show(main, h("div", { class: "heading" }, h("h1", {}, "System")), problem, body);
  const differs = watcher();
  poll(async () => {
    try {
      const [queues, workers, resources, listeners, io, lag] = await Promise.all(
        ["/queues", "/workers", "/resources", "/listeners", "/stats/io", "/lag"].map((path) => get(path, path === "/lag" ? {} : path === "/stats/io" ? { limit: 500, kind: "dataset" } : { limit: 500 }, signal)));
      problem.hidden = true;
      if (differs(queues, workers, resources, listeners, io, lag)) show(body, queueTable(queues.items), workerTable(workers.items), resourceTable(resources.items), listenerTable(listeners.items), ioTable(io.items), lagTable(lag));
    } catch (error) {
      if (error.name === "AbortError") throw error;
      problem.textContent = error.message;
      problem.hidden = false;
    }
  }, REFRESH_MS, signal);
}

function section(title, columns, rows, empty) {
  return h("section", {}, h("h2", {}, title), h("div", { class: "card table" }, h("table", { "aria-label": title },
    h("thead", {}, h("tr", {}, columns.map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, rows.length ? rows : h("tr", {}, h("td", { colspan: columns.length, class: "empty" }, empty))))));
}

function cells(...values) {
  return h("tr", {}, values.map((value) => h("td", { class: typeof value === "number" ? "number" : null }, value ?? "")));
}

function queueTable(items) {
  return section("Queues", ["Queue", "Waiting", "Held back", "Running", "No worker", "Oldest wait", "Limits", "Canaries", "Waiting by fairness key", "Workers", "Slots"], items.map((item) =>
    cells(item.name, item.waiting, item.held, item.running, item.unserved ? badge("UNSERVED", "No living worker offers these tasks", `${item.unserved} unserved`) : 0, duration(item.oldest_wait_ms),
      limits(item), item.canaries.map(canary), item.fairness.map((each) => h("div", {}, each.key, " ", h("span", { class: "faint" }, each.waiting))), item.workers, item.slots)),
  "No queue yet: no worker is there, and no task waits.");
}

function limits(item) {
  const set = [
    item.backlog && `${item.backlog} may wait, more ${item.when_full === "refuse" ? "starts are refused" : "is held back"}`,
    item.at_once && `${item.at_once} at once`,
    item.per_period && `${item.per_period} in ${duration(item.period_ms)}`,
  ].filter(Boolean).map((text) => h("div", {}, text));
  return item.full_since ? [badge("WAITING", `Since ${item.full_since}`, "full"), h("div", { class: "faint" }, "since ", when(item.full_since)), set] : set;
}

function canary(each) {
  const title = `${each.issued_by ? `By ${each.issued_by}, ` : ""}since ${each.since}`;
  return h("div", { title }, h("strong", {}, `${Math.round(each.share * 10000) / 100} %`), ` of ${each.task} to version ${each.version}`);
}

function workerTable(items) {
  return section("Workers", ["Worker", "Status", "Busy", "Queues and tasks", "Host", "Since"], items.map((item) =>
    cells(item.name, badge(item.status, item.reason), meter(item.running, item.slots),
      (item.offers ?? []).map((offer) => h("div", {}, h("strong", {}, offer.queue), " ", h("span", { class: "faint" }, offer.tasks.map((task) => offer.versions?.[task] ? `${task} ${offer.versions[task]}` : task).join(", ")))),
      h("span", { class: "mono faint" }, `${item.host ?? ""}${item.pid ? `:${item.pid}` : ""}`), when(item.changed_at))),
  "No worker has said hello. Start one: headrace service worker --app FILE");
}

function resourceTable(items) {
  return section("Resources", ["Resource", "In use", "Waiting", "Held by"], items.map((item) =>
    cells(item.name, meter(item.in_use, item.capacity), item.waiting, h("details", {}, h("summary", { "data-key": `holders-${item.name}` }, `${item.holders.length}`),
      item.holders.map((holder) => h("div", {}, h("a", { href: `#/workflows/${enc(holder.workflow_id)}` }, holder.workflow_id), ` ${holder.node}${holder.index === null ? "" : ` [${holder.index}]`}, ${holder.units}`))))),
  "No resource is declared.");
}

function listenerTable(items) {
  return section("Listeners", ["Name", "Kind", "Reads", "Behind", "Handled", "Failures", "Given up", "Last error"], items.map((item) =>
    cells(item.name, item.kind, h("span", { class: "faint" }, item.source), item.lag ?? "", item.handled, item.failures, item.dead_letters,
      item.last_error && h("span", { class: "error-text", title: item.last_error }, item.last_error.slice(0, 120)))),
  "No listener has reported yet.");
}

function ioTable(items) {
  return section("Reads and writes", ["Dataset", "Workflow", "Task", "Runs", "Rows", "a run", "last", "Bytes", "a run", "last", "At"], items.map((item) =>
    cells(item.dataset ?? "–", [item.name, " ", h("span", { class: "faint mono" }, (item.version ?? "").slice(0, 8))], item.task, item.runs,
      item.rows, item.rows_mean, item.rows_last, bytes(item.bytes), bytes(item.bytes_mean), bytes(item.bytes_last), when(item.last_at))),
  "No task has called current().record_io().");
}

function lagTable(lag) {
  return section(`Read model (${lag.role})`, ["Topic", "Partition", "Last record", "End", "Behind"], lag.items.map((item) =>
    cells(item.topic, item.partition, item.offset, item.end ?? "?", item.records ?? "?")), "Nothing has been read yet.");
}

function meter(used, capacity) {
  const share = capacity ? Math.min(used / capacity, 1) : 0;
  return h("div", { class: "progress" }, h("div", { class: "bar", role: "img", "aria-label": `${used} of ${capacity}` },
    h("i", { "data-status": "RUNNING", style: { flexGrow: String(share) } }), h("i", { style: { flexGrow: String(1 - share) } })), h("span", { class: "faint" }, `${used}/${capacity ?? "?"}`));
}
