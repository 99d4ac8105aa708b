// All workflows: filters that stand in the address, a table that keeps itself fresh.

import { enc, get, poll } from "./api.js";
import { h, show, watcher } from "./dom.js";
import { badge, between, progress, when } from "./format.js";
import { attributesLine } from "./shown.js";

const STATUSES = ["RUNNING", "SUCCEEDED", "FAILED", "STUCK", "TIMED_OUT", "CANCELLED", "TERMINATED", "PAUSED"];
const REFRESH_MS = 2000;
const TYPING_MS = 300;

export function listView(main, parameters, signal) {
  document.title = "Workflows · headrace";
  const filters = { status: parameters.get("status") ?? "", name: parameters.get("name") ?? "", where: parameters.get("where") ?? "" };
  const problem = h("p", { class: "notice error", role: "alert", hidden: true });
  const body = h("tbody");
  const more = h("button", { type: "button", class: "more", hidden: true }, "Load more");
  const total = h("span", { class: "faint" });
  let pages = 1;
  const differs = watcher();

  const look = async () => {
    try {
      const found = await firstPages(filters, pages, signal);
      problem.hidden = true;
      more.hidden = !found.cursor;
      total.textContent = found.items.length === 0 ? "" : `${found.items.length}${found.cursor ? "+" : ""} shown`;
      const running = found.items.some((item) => item.status === "RUNNING");
      if (differs(found) || running) show(body, found.items.length ? found.items.map(row) : emptyRow(filters));
    } catch (error) {
      if (error.name === "AbortError") throw error;
      problem.textContent = error.message;
      problem.hidden = false;
      if (error.status === 400) show(body);
    }
  };
  const filtered = () => {
    const query = new URLSearchParams(Object.entries(filters).filter(([, value]) => value));
    history.replaceState(null, "", `#/workflows${query.size ? `?${query}` : ""}`);
    pages = 1;
    look().catch(() => {});
  };
  more.addEventListener("click", () => { pages += 1; look().catch(() => {}); });
  show(main,
    h("div", { class: "heading" }, h("h1", {}, "Workflows"), total),
    filterBar(filters, filtered),
    problem,
    h("div", { class: "card table" }, h("table", { "aria-label": "Workflows" },
      h("thead", {}, h("tr", {}, ["Status", "Id", "Definition", "Started", "Duration", "Tasks"].map((text) => h("th", { scope: "col" }, text)))),
      body)),
    more);
  poll(look, REFRESH_MS, signal);
}

async function firstPages(filters, pages, signal) {
  const items = [];
  let cursor = "";
  for (let page = 0; page < pages; page += 1) {
    const found = await get("/workflows", { ...filters, cursor }, signal);
    items.push(...found.items);
    cursor = found.next_cursor;
    if (!cursor) break;
  }
  return { items, cursor };
}

function filterBar(filters, filtered) {
  const chosen = new Set(filters.status.split(",").filter(Boolean));
  const chips = STATUSES.map((status) => {
    const chip = h("button", { type: "button", class: "chip", "data-status": status, "aria-pressed": String(chosen.has(status)) }, status.replaceAll("_", " ").toLowerCase());
    chip.addEventListener("click", () => {
      if (!chosen.delete(status)) chosen.add(status);
      chip.setAttribute("aria-pressed", String(chosen.has(status)));
      filters.status = [...chosen].join(",");
      filtered();
    });
    return chip;
  });
  return h("form", { class: "filters", role: "search", onsubmit: (event) => { event.preventDefault(); filtered(); } },
    h("div", { class: "chips", role: "group", "aria-label": "Status" }, chips),
    field("Name", "name", "census", filters, filtered),
    field("Where", "where", "error = 'ValueError' and search.customer = 7", filters, filtered));
}

function field(label, name, placeholder, filters, filtered) {
  const input = h("input", { type: "search", placeholder, value: filters[name], spellcheck: "false", autocomplete: "off", "data-search": name === "where" });
  let timer;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { filters[name] = input.value.trim(); filtered(); }, TYPING_MS);
  });
  return h("label", { class: `field ${name}` }, h("span", {}, label), input);
}

function row(item) {
  const href = `#/workflows/${enc(item.id)}`;
  return h("tr", {},
    h("td", {}, badge(item.status, item.reason ?? item.error)),
    h("td", { class: "id" }, h("a", { href, "data-key": item.id }, item.id), item.search && h("span", { class: "under faint" }, attributesLine(item.search)), item.error && h("span", { class: "under error-text" }, item.error)),
    h("td", {}, item.name ?? "", item.version && h("span", { class: "under faint mono" }, item.version.slice(0, 12))),
    h("td", {}, when(item.started_at)),
    h("td", { class: "number" }, between(item.started_at, item.ended_at)),
    h("td", {}, progress(item.tasks)));
}

function emptyRow(filters) {
  const filtered = Object.values(filters).some(Boolean);
  return h("tr", {}, h("td", { colspan: 6, class: "empty" }, filtered
    ? "No workflow matches these filters."
    : ["No workflow yet. Start one: ", h("code", {}, "headrace start NAME --input '{}'")]));
}
