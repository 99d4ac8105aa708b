// Times, sizes and payloads for people.

import { h } from "./dom.js";

export const CLOSED = new Set(["SUCCEEDED", "FAILED", "CANCELLED", "TERMINATED", "TIMED_OUT"]);
export const TASK_ORDER = ["SUCCEEDED", "RUNNING", "SCHEDULED", "UNSERVED", "WAITING", "FAILED", "TIMED_OUT", "UPSTREAM_FAILED", "CANCELLED", "SKIPPED"];
// More than this in one element makes the browser slow; the API has all of it.
const LONGEST_TEXT = 200_000;

export function duration(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "";
  if (ms < 0) ms = 0;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function between(start, end) {
  return start ? duration((end ? Date.parse(end) : Date.now()) - Date.parse(start)) : "";
}

export function when(iso) {
  if (!iso) return h("span", { class: "faint" }, "–");
  const date = new Date(iso);
  const today = date.toDateString() === new Date().toDateString();
  const clock = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const day = date.toLocaleDateString([], { year: "numeric", month: "short", day: "numeric" });
  return h("time", { datetime: iso, title: iso }, today ? clock : `${day}, ${clock}`);
}

export function bytes(count) {
  if (count === null || count === undefined) return "";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (count >= 1024 && at < units.length - 1) { count /= 1024; at += 1; }
  return `${at === 0 ? count : count.toFixed(1)} ${units[at]}`;
}

export function badge(status, title, text) {
  return h("span", { class: "badge", "data-status": status, title }, text ?? (status ?? "UNKNOWN").replaceAll("_", " ").toLowerCase());
}

export function pretty(value) {
  const text = typeof value === "string" ? JSON.stringify(value) : JSON.stringify(value, null, 2);
  if (text === undefined) return "null";
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}\n… cut here; the API has all ${text.length} characters` : text;
}

export function payload(title, value, size) {
  const empty = value === null || value === undefined;
  return h("section", { class: "payload" },
    h("h3", {}, title, " ", h("span", { class: "faint" }, size === null || size === undefined ? "" : bytes(size))),
    empty ? h("p", { class: "faint" }, "None.") : h("pre", { tabindex: "0" }, pretty(value)));
}

// Tasks by status as one bar.
export function progress(tasks) {
  const total = Object.values(tasks ?? {}).reduce((sum, count) => sum + count, 0);
  if (total === 0) return h("span", { class: "faint" }, "–");
  const parts = TASK_ORDER.filter((status) => tasks[status]);
  const text = parts.map((status) => `${tasks[status]} ${status.replaceAll("_", " ").toLowerCase()}`).join(", ");
  const done = parts.filter((status) => !["RUNNING", "SCHEDULED", "UNSERVED", "WAITING"].includes(status)).reduce((sum, status) => sum + tasks[status], 0);
  return h("div", { class: "progress", title: text },
    h("div", { class: "bar", role: "img", "aria-label": text },
      parts.map((status) => h("i", { "data-status": status, style: { flexGrow: String(tasks[status]) } }))),
    h("span", { class: "faint" }, `${done}/${total}`));
}
