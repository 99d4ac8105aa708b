// All schedules, and one of them: its next times, what it has started, what can be done about it.

import { enc, get, poll } from "./api.js";
import { copyButton, h, show, watcher } from "./dom.js";
import { badge, between, duration, payload, when } from "./format.js";

const REFRESH_MS = 2000;

export function schedulesView(main, signal) {
  document.title = "Schedules · headrace";
  const problem = h("p", { class: "notice error", role: "alert", hidden: true });
  const body = h("tbody");
  show(main, h("div", { class: "heading" }, h("h1", {}, "Schedules")), problem, table("Schedules", ["Id", "Starts", "When", "Next", "Last", "While one runs"], body));
  follow(problem, signal, async (differs) => {
    const found = await get("/schedules", { limit: 500 }, signal);
    if (differs(found)) show(body, found.items.length ? found.items.map(row) : nothing(6, "No schedule yet. ", h("code", {}, "headrace schedule set ID WORKFLOW --cron '0 2 * * *'")));
  });
}

export function scheduleView(main, id, signal) {
  document.title = `${id} · headrace`;
  const problem = h("p", { class: "notice error", role: "alert", hidden: true });
  const body = h("div", { class: "sections" });
  show(main, h("p", { class: "crumbs" }, h("a", { href: "#/schedules" }, "← All schedules")), problem, body);
  follow(problem, signal, async (differs) => {
    const schedule = await get(`/schedules/${enc(id)}`, {}, signal);
    const running = schedule.last_runs.some((run) => run.status === "RUNNING");
    if (differs(schedule) || running) show(body, heading(schedule), next(schedule), runs(schedule), input(schedule), commands(schedule));
  });
}

function follow(problem, signal, look) {
  const differs = watcher();
  poll(async () => {
    try {
      await look(differs);
      problem.hidden = true;
    } catch (error) {
      if (error.name === "AbortError") throw error;
      problem.textContent = error.message;
      problem.hidden = false;
    }
  }, REFRESH_MS, signal);
}

function row(item) {
  return h("tr", {},
    h("td", {}, h("a", { href: `#/schedules/${enc(item.id)}`, "data-key": `schedule-${item.id}` }, item.id)),
    h("td", {}, definition(item)), h("td", {}, times(item)),
    h("td", {}, item.paused ? badge("PAUSED", item.reason) : when(item.next_at)), h("td", {}, when(item.last_fired_at)), h("td", {}, item.overlap));
}

function heading(item) {
  const facts = [
    ["Starts", definition(item)],
    ["When", times(item)],
    ["While one runs", item.overlap],
    ["Late by up to", item.jitter_ms ? duration(item.jitter_ms) : "–"],
    ["Catches up", duration(item.catch_up_ms)],
    ["Set", when(item.set_at)],
  ];
  return [
    h("div", { class: "heading" }, h("h1", { class: "mono" }, item.id), item.paused && badge("PAUSED"), copyButton(item.id, "the id")),
    h("dl", { class: "facts" }, facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    item.paused && h("p", { class: "notice" }, h("strong", {}, "Paused. "), item.reason ?? ""),
    item.skipped_at && h("p", { class: "notice" }, "Passed over last: ", when(item.skipped_at), " until ", when(item.skipped_until), ", ", item.skipped_reason ?? ""),
    item.backfill_next_at && h("p", { class: "notice" }, "A backfill is under way: next ", when(item.backfill_next_at), ", until ", when(item.backfill_until)),
    item.refusals.map((refusal) => h("p", { class: "notice" }, refusal.command, " was refused and changed nothing: ", h("strong", {}, refusal.error), " ", refusal.cause ?? "")),
  ];
}

function next(item) {
  return h("section", {}, h("h2", {}, "Next times"),
    item.next_times.length ? h("ol", { "aria-label": "Next times" }, item.next_times.map((time) => h("li", {}, when(time)))) : h("p", { class: "faint" }, "None."));
}

function runs(item) {
  const lines = item.last_runs.map((run) => h("tr", {},
    h("td", {}, badge(run.status, run.error && `${run.error}: ${run.error_cause ?? ""}`)),
    h("td", {}, h("a", { href: `#/workflows/${enc(run.workflow_id)}`, "data-key": `run-${run.workflow_id}` }, run.workflow_id)),
    h("td", {}, when(run.scheduled_at)), h("td", {}, run.cause), h("td", {}, when(run.started_at)), h("td", {}, between(run.started_at, run.ended_at))));
  return h("section", {}, h("h2", {}, "Last runs"), table("Last runs", ["Status", "Workflow", "For", "Because of", "Started", "Duration"],
    h("tbody", {}, lines.length ? lines : nothing(6, "It has started nothing yet."))));
}

function input(item) {
  return h("section", {}, h("h2", {}, "Input"), payload("Of each workflow", item.input, item.input_bytes));
}

// The API changes nothing: what can be done is a command to copy.
function commands(item) {
  const verbs = [item.paused ? "resume" : "pause", "trigger", "get", "delete"];
  return h("details", { class: "commands", open: item.paused }, h("summary", { "data-key": "commands" }, "Commands"),
    h("ul", {}, verbs.map((verb) => `headrace schedule ${verb} ${item.id}`).map((text) => h("li", {}, h("code", {}, text), copyButton(text)))));
}

function definition(item) {
  return [item.name, " ", h("span", { class: "faint mono" }, item.version ? item.version.slice(0, 12) : "latest")];
}

function times(item) {
  return item.cron ? [h("code", {}, item.cron), " ", h("span", { class: "faint" }, item.timezone)] : `every ${duration(item.every_ms)}`;
}

function table(label, columns, body) {
  return h("div", { class: "card table" }, h("table", { "aria-label": label },
    h("thead", {}, h("tr", {}, columns.map((text) => h("th", { scope: "col" }, text)))), body));
}

function nothing(columns, ...text) {
  return h("tr", {}, h("td", { colspan: columns, class: "empty" }, text));
}
