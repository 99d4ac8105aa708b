// The graph of a workflow, drawn as SVG, with the node that was chosen explained beside it.

import { enc, get } from "./api.js";
import { h, s, say, show, watcher } from "./dom.js";
import { TASK_ORDER, badge, between, progress, when } from "./format.js";
import { NODE, layered, path, sequence } from "./layout.js";

// Beyond this a drawing tells nothing any more; the tasks tab lists them all.
const MOST_NODES = 400;
const LONGEST_NAME = 24;
// A graph that is a little too wide is drawn smaller; below this its texts could not be read, and it scrolls instead.
const SMALLEST = 0.72;

export function graphTab(panel, id, signal) {
  const canvas = h("div", { class: "canvas card", tabindex: "-1" });
  const side = h("aside", { class: "side card", "aria-label": "The chosen task", hidden: true });
  const legend = h("div", { class: "legend" });
  show(panel, h("div", { class: "graph-area" }, canvas, side), legend);
  let chosen = null;
  let found = null;
  const choose = (name) => {
    chosen = chosen === name ? null : name;
    draw();
    explain().catch(() => {});
  };
  const draw = () => {
    if (!found || found.nodes.length === 0) {
      show(canvas, h("p", { class: "empty" }, "Nothing to draw: no task has been scheduled yet."));
      return;
    }
    show(canvas, picture(found, chosen, choose, canvas.clientWidth || 900));
    const seen = new Set(found.nodes.flatMap((node) => [node.status]));
    show(legend, TASK_ORDER.filter((status) => seen.has(status)).map((status) => badge(status)),
      found.nodes.length > MOST_NODES && h("span", { class: "faint" }, `The first ${MOST_NODES} of ${found.nodes.length} are drawn.`));
  };
  const explain = async () => {
    const node = found?.nodes.find((item) => item.name === chosen);
    side.hidden = !node;
    if (!node) return;
    const where = `name = '${node.name.replaceAll("'", "''")}'`;
    const tasks = (await get(`/workflows/${enc(id)}/tasks`, { where, limit: 100 }, signal)).items;
    if (chosen === node.name) show(side, about(node, tasks, id));
  };
  const differs = watcher();
  return async () => {
    found = await get(`/workflows/${enc(id)}/graph`, {}, signal);
    if (!differs(found) && !found.nodes.some((node) => node.status === "RUNNING")) return;
    draw();
    await explain();
  };
}

function picture(graph, chosen, choose, available) {
  const nodes = graph.nodes.slice(0, MOST_NODES);
  const drawn = graph.layout === "sequence" ? sequence(nodes, graph.edges, available) : layered(nodes, graph.edges);
  const state = new Map(nodes.map((node) => [node.name, node.status]));
  const edges = drawn.edges.filter((edge) => drawn.places.has(edge.from) && drawn.places.has(edge.to)).map((edge) =>
    s("path", { class: "edge", "data-kind": edge.kind, "data-from": state.get(edge.from), d: path(drawn.places.get(edge.from), drawn.places.get(edge.to)), "marker-end": "url(#arrow)" }));
  const scale = Math.max(SMALLEST, Math.min(1, available / drawn.width));
  return s("svg", { width: drawn.width * scale, height: drawn.height * scale, viewBox: `0 0 ${drawn.width} ${drawn.height}`, role: "group", "aria-label": "Graph of the workflow" },
    s("defs", {}, s("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 6, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" }, s("path", { class: "arrow", d: "M0 0.5L8 4L0 7.5z" }))),
    edges,
    nodes.map((node) => box(node, drawn.places.get(node.name), node.name === chosen, choose)));
}

function box(node, place, chosen, choose) {
  const total = Object.values(node.counts).reduce((sum, count) => sum + count, 0);
  const label = `${node.name}: ${node.status.replaceAll("_", " ").toLowerCase()}${node.foreach ? `, ${total} items` : ""}`;
  const key = `node-${node.name}`;
  return s("g", {
    class: "node", "data-status": node.status, "data-chosen": chosen, transform: `translate(${place.x} ${place.y})`, tabindex: 0, role: "button",
    "aria-label": label, "aria-pressed": String(chosen), "data-key": key,
    onclick: () => { choose(node.name); say(label); },
    onkeydown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(node.name); } },
  },
  s("title", {}, `${label}${node.error ? `\n${node.error}` : ""}${node.reason ? `\n${node.reason}` : ""}`),
  node.foreach && s("rect", { class: "behind", x: 5, y: 5, width: NODE.width, height: NODE.height, rx: 10 }),
  s("rect", { class: "box", width: NODE.width, height: NODE.height, rx: 10 }),
  s("rect", { class: "stripe", x: 0, y: 12, width: 4, height: NODE.height - 24, rx: 2 }),
  s("text", { class: "name", x: 16, y: 26 }, shortened(node.name)),
  s("text", { class: "task", x: 16, y: 44 }, shortened(subtitle(node))),
  node.foreach ? counts(node.counts, total) : s("text", { class: "state", x: 16, y: 62 }, stateText(node)));
}

function subtitle(node) {
  if (node.kind === "child") return `workflow ${node.task ?? ""}`;
  if (node.kind === "timer") return node.task ?? "sleep";
  if (node.kind === "callback") return "callback";
  if (node.kind === "attach") return "waits for its end";
  if (node.kind === "signal") return `signal ${node.task ?? ""}`;
  return node.task && node.task !== node.name ? node.task : "";
}

function stateText(node) {
  const took = node.started_at ? ` · ${between(node.started_at, node.ended_at)}` : "";
  const again = node.attempts > 1 ? ` · attempt ${node.attempts}` : "";
  return `${node.status.replaceAll("_", " ").toLowerCase()}${took}${again}`;
}

function counts(found, total) {
  const width = NODE.width - 84;
  let x = 16;
  const parts = TASK_ORDER.filter((status) => found[status]).map((status) => {
    const part = (found[status] / total) * width;
    const bar = s("rect", { class: "part", "data-status": status, x, y: 55, width: Math.max(part, 1), height: 7 });
    x += part;
    return bar;
  });
  const done = TASK_ORDER.filter((status) => !["RUNNING", "SCHEDULED", "UNSERVED", "WAITING"].includes(status)).reduce((sum, status) => sum + (found[status] ?? 0), 0);
  return [total > 0 && s("rect", { class: "track", x: 16, y: 55, width, height: 7, rx: 2 }), parts,
    s("text", { class: "state count", x: NODE.width - 14, y: 62, "text-anchor": "end" }, total ? `${done}/${total}` : "no items")];
}

function shortened(text) {
  return text.length > LONGEST_NAME ? `${text.slice(0, LONGEST_NAME - 1)}…` : text;
}

function about(node, tasks, id) {
  const one = tasks.length === 1 ? tasks[0] : null;
  return [
    h("h2", {}, node.name, " ", badge(node.status)),
    h("dl", { class: "facts small" },
      [["Runs", subtitle(node) || node.task || "–"], ["Started", when(node.started_at)], ["Ended", when(node.ended_at)], ["Needs", node.needs.join(", ") || null], ["Worker", one?.worker], ["Attempt", one?.attempt || null]]
        .filter(([, value]) => value !== null && value !== undefined).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    node.foreach && progress(node.counts),
    node.child_id && h("p", {}, h("a", { href: `#/workflows/${enc(node.child_id)}`, "data-key": "child" }, "Open the child workflow")),
    node.reason && h("p", { class: "faint" }, node.reason),
    node.error && h("div", { class: "notice error" }, h("strong", {}, node.error), node.cause && h("pre", { class: "cause" }, node.cause)),
    one && one.output !== null && [h("h3", {}, "Output"), h("pre", { tabindex: "0" }, JSON.stringify(one.output, null, 2))],
    h("p", {}, h("a", { href: `#/workflows/${enc(id)}/tasks`, "data-key": "tasks" }, "All tasks")),
  ];
}
