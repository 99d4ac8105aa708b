// What has been deployed.

import { enc, get, poll } from "./api.js";
import { h, show, watcher } from "./dom.js";
import { when } from "./format.js";

const REFRESH_MS = 5000;

export function definitionsView(main, signal) {
  document.title = "Definitions · headrace";
  const problem = h("p", { class: "notice error", role: "alert", hidden: true });
  const body = h("tbody");
  const opened = new Set();
  const differs = watcher();
  show(main, h("div", { class: "heading" }, h("h1", {}, "Definitions")), problem, h("div", { class: "card table" }, h("table", { "aria-label": "Definitions" },
    h("thead", {}, h("tr", {}, ["Name", "Version", "Program", "Deployed", "File", ""].map((text) => h("th", { scope: "col" }, text)))), body)));
  const look = async (redraw = false) => {
    try {
      const found = await get("/definitions", { limit: 500 }, signal);
      problem.hidden = true;
      if (differs(found) || redraw === true) show(body, found.items.length ? found.items.map(row) : h("tr", {}, h("td", { colspan: 6, class: "empty" }, "Nothing is deployed. ", h("code", {}, "headrace deploy FILE"))));
    } catch (error) {
      if (error.name === "AbortError") throw error;
      problem.textContent = error.message;
      problem.hidden = false;
    }
  };
  const row = (item) => {
    const key = `${item.name}@${item.version}`;
    const line = h("tr", {},
      h("td", {}, h("button", { type: "button", class: "link", "data-key": key, "aria-expanded": String(opened.has(key)), onclick: () => { if (!opened.delete(key)) opened.add(key); look(true).catch(() => {}); } }, item.name)),
      h("td", { class: "mono" }, item.version.slice(0, 16), item.latest && h("span", { class: "tag" }, "latest")),
      h("td", {}, item.program), h("td", {}, when(item.deployed_at)), h("td", { class: "faint" }, item.file ?? ""),
      h("td", {}, h("a", { href: `#/workflows?name=${enc(item.name)}`, "data-key": `runs-${key}` }, "Workflows")));
    return opened.has(key) ? [line, h("tr", { class: "opened" }, h("td", { colspan: 6 }, h("pre", { tabindex: "0" }, source(item))))] : line;
  };
  poll(look, REFRESH_MS, signal);
}

function source(item) {
  try {
    return JSON.stringify(JSON.parse(item.source), null, 2);
  } catch {
    return item.source;
  }
}
