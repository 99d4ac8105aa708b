// One workflow: what it is and how it stands, and tabs for its graph, tasks, history, payloads and logs.

import { enc, get, poll } from "./api.js";
import { copyButton, h, show, watcher } from "./dom.js";
import { CLOSED, badge, between, payload, progress, when } from "./format.js";
import { graphTab } from "./graph_tab.js";
import { shown } from "./shown.js";
import { historyTab, logsTab, tasksTab } from "./tabs.js";

const REFRESH_MS = 1000;
// Ends that somebody asked for are no errors.
const WANTED = new Set(["CANCELLED", "TERMINATED"]);
// They go on only when somebody does something.
const OPEN = new Set(["STUCK", "PAUSED"]);
const TABS = {
  graph: ["Graph", graphTab],
  tasks: ["Tasks", tasksTab],
  history: ["History", historyTab],
  data: ["Input and output", dataTab],
  logs: ["Logs", logsTab],
};

export function workflowView(main, id, tab, signal) {
  document.title = `${id} · headrace`;
  const chosen = TABS[tab] ? tab : "graph";
  const head = h("div");
  const panel = h("div", { role: "tabpanel", id: "panel", "aria-labelledby": `tab-${chosen}`, tabindex: "-1" });
  const problem = h("p", { class: "notice error", role: "alert", hidden: true });
  show(main, head, problem, tabs(id, chosen), panel);
  const render = TABS[chosen][1](panel, id, signal);
  let status;
  const differs = watcher();
  poll(async () => {
    try {
      const workflow = await get(`/workflows/${enc(id)}`, {}, signal);
      if (differs(workflow) || workflow.status === "RUNNING") show(head, heading(workflow));
      await render(workflow);
      problem.hidden = true;
      // One look more after the end: the last rows of other journals may come a moment later.
      const over = CLOSED.has(workflow.status) && status === workflow.status;
      status = workflow.status;
      return !over;
    } catch (error) {
      if (error.name === "AbortError") throw error;
      problem.textContent = error.message;
      problem.hidden = false;
      return true;
    }
  }, REFRESH_MS, signal);
}

function tabs(id, chosen) {
  const names = Object.keys(TABS);
  const list = h("div", { class: "tabs", role: "tablist", "aria-label": "Views of the workflow" }, names.map((name) =>
    h("a", {
      role: "tab", id: `tab-${name}`, href: `#/workflows/${enc(id)}/${name}`, "aria-selected": String(name === chosen),
      "aria-controls": "panel", tabindex: name === chosen ? "0" : "-1", "data-key": `tab-${name}`,
    }, TABS[name][0])));
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = names[(names.indexOf(chosen) + step + names.length) % names.length];
    location.hash = `#/workflows/${enc(id)}/${next}`;
    requestAnimationFrame(() => document.getElementById(`tab-${next}`)?.focus());
  });
  return list;
}

function heading(workflow) {
  const facts = [
    ["Definition", workflow.name ? [workflow.name, " ", h("span", { class: "faint mono" }, (workflow.version ?? "").slice(0, 12))] : "–"],
    ["Started", when(workflow.started_at)],
    ["Ended", when(workflow.ended_at)],
    ["Duration", between(workflow.started_at, workflow.ended_at) || "–"],
    ["Run", `${workflow.attempt}`],
    ["Tasks", progress(workflow.tasks)],
  ];
  if (workflow.continued) facts.push(["Continued", h("span", { title: `as run ${workflow.run_id}` }, workflow.continued === 1 ? "once" : `${workflow.continued} times`)]);
  if (workflow.parent_id) facts.push(["Parent", h("a", { href: `#/workflows/${enc(workflow.parent_id)}`, "data-key": "parent" }, workflow.parent_id)]);
  if (workflow.schedule_id) facts.push(["Schedule", h("a", { href: `#/schedules/${enc(workflow.schedule_id)}`, "data-key": "schedule" }, workflow.schedule_id)]);
  return [
    h("p", { class: "crumbs" }, h("a", { href: "#/workflows", "data-key": "all" }, "← All workflows")),
    h("div", { class: "heading" }, h("h1", { class: "mono" }, workflow.id), badge(workflow.status), copyButton(workflow.id, "the id")),
    h("dl", { class: "facts" }, facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    trouble(workflow),
    h("div", { class: "columns" }, shown(workflow)),
    commands(workflow),
  ];
}

function trouble(workflow) {
  const refused = (workflow.refusals ?? []).filter((refusal) => refusal.existing);
  return [
    workflow.status === "STUCK" && h("p", { class: "notice stuck" }, h("strong", {}, "Needs a human. "), "Nothing is lost: ", workflow.reason ?? ""),
    workflow.status !== "STUCK" && workflow.error && h("div", { class: WANTED.has(workflow.status) ? "notice" : "notice error" }, h("strong", {}, workflow.error),
      workflow.cause && h("pre", { class: "cause" }, workflow.cause)),
    !CLOSED.has(workflow.status) && workflow.status !== "STUCK" && workflow.reason && h("p", { class: workflow.status === "PAUSED" ? "notice stuck" : "notice" }, workflow.reason),
    refused.map((refusal) => h("p", { class: "notice" }, refusal.command === "StartWorkflow" ? "A start" : refusal.command ?? "A command", " was refused and changed nothing: ",
      h("strong", {}, refusal.error), " ", refusal.cause ?? "")),
  ];
}

// The API changes nothing: what can be done is a command to copy.
function commands(workflow) {
  const id = /^[A-Za-z0-9._:@=+-]+$/.test(workflow.id) ? workflow.id : `'${workflow.id.replaceAll("'", "'\\''")}'`;
  const actions = [...(ACTIONS[workflow.status] ?? []).map((text) => text.replace("ID", () => id)), `headrace get ${id} --json`];
  return h("details", { class: "commands", open: OPEN.has(workflow.status) || commandsOpen, ontoggle: (event) => { commandsOpen = event.target.open; } },
    h("summary", { "data-key": "commands" }, "Commands"),
    h("ul", {}, actions.map((text) => h("li", {}, h("code", {}, text), copyButton(text)))));
}
let commandsOpen = false;
const END = ["headrace cancel ID", "headrace terminate ID"];
const AGAIN = ["headrace retry ID"];
const ACTIONS = {
  RUNNING: ["headrace signal ID NAME --data JSON", "headrace pause ID", ...END],
  PAUSED: ["headrace resume ID", ...END],
  STUCK: ["headrace resume ID", "headrace migrate ID --dry-run", ...END],
  FAILED: AGAIN, TIMED_OUT: AGAIN, CANCELLED: AGAIN,
};

function dataTab(panel) {
  const differs = watcher();
  return async (workflow) => differs(workflow) && show(panel, h("div", { class: "columns" },
    payload("Input", workflow.input, workflow.input_bytes), payload("Output", workflow.output, workflow.output_bytes)));
}
