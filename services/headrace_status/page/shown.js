// What a workflow shows of itself: the attributes that it is found by, what it has published, what it waits for.

import { enc } from "./api.js";
import { h } from "./dom.js";
import { pretty, when } from "./format.js";

// The list of tasks has them all.
const MOST_WAITS = 6;
// What is longer stands below its name.
const LONGEST_INLINE = 60;

export function shown(workflow) {
  return [attributes(workflow.search), published(workflow.published ?? {}), waits(workflow.waiting_for ?? [])];
}

// The first attributes in one line, as in the list of workflows.
export function attributesLine(search, most = 3) {
  const all = sorted(search);
  const parts = all.slice(0, most).map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`);
  return parts.join(", ") + (all.length > most ? ", …" : "");
}

function sorted(search) {
  return Object.entries(search ?? {}).sort(([one], [other]) => (one < other ? -1 : 1));
}

function attributes(search) {
  const all = sorted(search);
  return all.length > 0 && h("section", { class: "shown", "aria-label": "Attributes" }, h("h2", {}, "Attributes"),
    h("ul", { class: "attributes" }, all.map(([name, value]) =>
      h("li", {}, h("span", { class: "faint" }, name), " ", h("span", { class: "mono" }, typeof value === "string" ? value : JSON.stringify(value))))));
}

function published(found) {
  const all = Object.entries(found);
  return all.length > 0 && h("section", { class: "shown", "aria-label": "Published" }, h("h2", {}, "Published"),
    h("dl", { class: "published" }, all.map(([name, { data, at }]) => {
      const text = pretty(data);
      const inline = JSON.stringify(data) ?? "null";
      return h("div", {}, h("dt", {}, name, " · ", when(at)),
        h("dd", {}, inline.length <= LONGEST_INLINE ? h("code", {}, inline) : h("pre", { tabindex: "0" }, text)));
    })));
}

function waits(all) {
  const outside = all.filter((wait) => wait.kind !== "task" || wait.status === "UNSERVED");
  if (outside.length === 0) return false;
  const more = outside.length - MOST_WAITS;
  return h("section", { class: "shown", "aria-label": "Waits for" }, h("h2", {}, "Waits for"),
    h("ul", { class: "waits" }, outside.slice(0, MOST_WAITS).map(wait), more > 0 && h("li", { class: "faint" }, `and ${more} more`)));
}

function wait(found) {
  const name = found.name && h("strong", {}, found.name, found.index !== null && ` [${found.index}]`);
  const target = found.target && h("a", { href: `#/workflows/${enc(found.target)}`, "data-key": `wait-${found.step}` }, found.target);
  const what = {
    timer: ["sleeps"],
    child: ["child workflow ", target],
    attach: ["the end of ", target],
    signal: target ? ["that ", target, " takes the signal"] : [found.reason],
    callback: ["the completion of its token"],
    task: [found.reason ?? "a worker"],
  }[found.kind] ?? [found.reason];
  return h("li", {}, name, name && " · ", what, found.due_at && [", until ", when(found.due_at)],
    found.kind === "callback" && found.reason?.includes("; ") && h("span", { class: "under faint" }, found.reason.split("; ").at(-1)));
}
