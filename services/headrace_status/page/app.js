// Routes by the address's hash; one view is alive at a time, and what it polls ends with it.

import { h, show } from "./dom.js";
import { listView } from "./list.js";
import { workflowView } from "./workflow.js";
import { scheduleView, schedulesView } from "./schedules.js";
import { systemView } from "./system.js";
import { definitionsView } from "./definitions.js";

const main = document.getElementById("main");
let alive = new AbortController();

function route() {
  const [path, query] = location.hash.replace(/^#/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decodeSafely);
  const parameters = new URLSearchParams(query ?? "");
  const name = parts[0] ?? "workflows";
  for (const link of document.querySelectorAll("[data-nav]")) {
    if (link.dataset.nav === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  alive.abort();
  alive = new AbortController();
  const signal = alive.signal;
  if (name === "workflows" && parts[1]) return workflowView(main, parts[1], parts[2] ?? "graph", signal);
  if (name === "workflows") return listView(main, parameters, signal);
  if (name === "schedules" && parts[1]) return scheduleView(main, parts[1], signal);
  if (name === "schedules") return schedulesView(main, signal);
  if (name === "system") return systemView(main, signal);
  if (name === "definitions") return definitionsView(main, signal);
  return show(main, h("p", { class: "notice" }, "There is no such page. ", h("a", { href: "#/workflows" }, "All workflows")));
}

function decodeSafely(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

// A tab of the same workflow changes the address without a new view.
let shown = "";
function changed() {
  if (location.hash === "#main") {
    main.focus();
    history.replaceState(null, "", shown || "#/workflows");
    return;
  }
  shown = location.hash;
  route();
}
addEventListener("hashchange", changed);

const root = document.documentElement;
const stored = localStorage.getItem("headrace-theme");
if (stored) root.dataset.theme = stored;
document.getElementById("theme").addEventListener("click", () => {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("headrace-theme", root.dataset.theme);
});

addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) return;
  const field = document.querySelector("[data-search]");
  if (field) {
    event.preventDefault();
    field.focus();
  }
});

shown = location.hash;
route();
