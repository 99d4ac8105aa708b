// Where the nodes of a graph stand: in layers from left to right, or, for a sequence of steps, in lines like text. Pure.

export const NODE = { width: 208, height: 74, gapX: 72, gapY: 26, pad: 20 };
// Passes over the layers that move each node towards its neighbours; more change nothing that anybody sees.
const PASSES = 6;

export function layered(nodes, edges) {
  const names = new Set(nodes.map((node) => node.name));
  const known = edges.filter((edge) => names.has(edge.from) && names.has(edge.to));
  const layers = layersOf(nodes.map((node) => node.name), known);
  order(layers, known);
  const columns = layers.map((layer) => layer.length * (NODE.height + NODE.gapY) - NODE.gapY);
  const height = Math.max(...columns, NODE.height);
  const places = new Map();
  layers.forEach((layer, column) => layer.forEach((name, line) => places.set(name, {
    x: NODE.pad + column * (NODE.width + NODE.gapX),
    y: NODE.pad + (height - columns[column]) / 2 + line * (NODE.height + NODE.gapY),
  })));
  return { places, edges: known, width: 2 * NODE.pad + layers.length * (NODE.width + NODE.gapX) - NODE.gapX, height: 2 * NODE.pad + height };
}

// A node's layer is one more than the highest of those that it needs.
function layersOf(names, edges) {
  const needs = new Map(names.map((name) => [name, []]));
  for (const edge of edges) needs.get(edge.to).push(edge.from);
  const depth = new Map();
  const visit = (name, above) => {
    if (depth.has(name)) return depth.get(name);
    if (above.has(name)) return 0; // a cycle cannot be deployed; whatever this is, show it
    above.add(name);
    const found = needs.get(name).reduce((most, need) => Math.max(most, visit(need, above) + 1), 0);
    above.delete(name);
    depth.set(name, found);
    return found;
  };
  const layers = [];
  for (const name of names) (layers[visit(name, new Set())] ??= []).push(name);
  return [...layers].map((layer) => layer ?? []);
}

function order(layers, edges) {
  for (let pass = 0; pass < PASSES; pass += 1) {
    const down = pass % 2 === 0;
    const sequence = down ? layers.slice(1) : layers.slice(0, -1).reverse();
    const place = new Map();
    layers.forEach((layer) => layer.forEach((name, at) => place.set(name, (at + 0.5) / layer.length)));
    for (const layer of sequence) {
      const weight = new Map(layer.map((name) => {
        const near = edges.filter((edge) => (down ? edge.to : edge.from) === name).map((edge) => place.get(down ? edge.from : edge.to));
        return [name, near.length ? near.reduce((sum, value) => sum + value, 0) / near.length : place.get(name)];
      }));
      layer.sort((a, b) => weight.get(a) - weight.get(b));
      layer.forEach((name, at) => place.set(name, (at + 0.5) / layer.length));
    }
  }
}

export function sequence(nodes, edges, available) {
  const perLine = Math.max(1, Math.floor((available - 2 * NODE.pad + NODE.gapX) / (NODE.width + NODE.gapX)));
  const places = new Map(nodes.map((node, at) => [node.name, {
    x: NODE.pad + (at % perLine) * (NODE.width + NODE.gapX),
    y: NODE.pad + Math.floor(at / perLine) * (NODE.height + 2 * NODE.gapY),
  }]));
  const lines = Math.ceil(nodes.length / perLine);
  return {
    places, edges,
    width: 2 * NODE.pad + Math.min(nodes.length, perLine) * (NODE.width + NODE.gapX) - NODE.gapX,
    height: 2 * NODE.pad + lines * (NODE.height + 2 * NODE.gapY) - 2 * NODE.gapY,
  };
}

export function path(from, to) {
  const start = { x: from.x + NODE.width, y: from.y + NODE.height / 2 };
  const end = { x: to.x, y: to.y + NODE.height / 2 };
  if (end.x > start.x) {
    const bend = Math.max((end.x - start.x) / 2, 24);
    return `M${start.x} ${start.y}C${start.x + bend} ${start.y} ${end.x - bend} ${end.y} ${end.x - 7} ${end.y}`;
  }
  const middle = from.y + NODE.height + NODE.gapY;
  return `M${start.x} ${start.y}h14v${middle - start.y}H${end.x - 20}V${end.y}h13`;
}
