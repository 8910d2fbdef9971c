// The plan as a layered graph: columns by longest path, rows by where the neighbours are.
import { duration, h, mark, secondsBetween, shapeOf, svg } from './dom.js';
import { say } from './words.js';

const ROW = 62;
const GAP = { x: 44, y: 12 };
const NARROW = 520;

/** Columns of subtasks; each comes after everything that it depends on. */
export function layers(subtasks) {
  const byId = new Map(subtasks.map((item) => [item.id, item]));
  const depth = new Map();
  const depthOf = (id) => {
    if (!depth.has(id)) {
      depth.set(id, 0);
      const before = byId.get(id).depends_on.filter((other) => byId.has(other));
      depth.set(id, before.length ? 1 + Math.max(...before.map(depthOf)) : 0);
    }
    return depth.get(id);
  };
  const columns = [];
  for (const item of subtasks) (columns[depthOf(item.id)] ??= []).push(item);
  const place = new Map();
  const settle = () => columns.forEach((column) => column.forEach((item, row) => place.set(item.id, row - column.length / 2)));
  settle();
  for (let sweep = 0; sweep < 3; sweep += 1) {
    for (const column of columns) {
      const mean = (item) => {
        const rows = item.depends_on.filter((id) => place.has(id)).map((id) => place.get(id));
        return rows.length ? rows.reduce((sum, row) => sum + row, 0) / rows.length : place.get(item.id);
      };
      column.sort((a, b) => mean(a) - mean(b));
      settle();
    }
  }
  return columns;
}

/**
 * The graph. On narrow screens the same nodes stand below each other.
 * @param {{subtasks: object[], width: number, selected: ?string, agentTitle: function, onSelect: function, frozen: boolean}} given
 */
export function graph({ subtasks, width, selected, agentTitle, onSelect, frozen }) {
  const node = (item) => {
    const status = frozen && item.status === 'running' ? 'paused' : item.status;
    const live = status === 'running' && item.started_at;
    const took = item.completed_at && item.started_at ? duration(secondsBetween(item.started_at, item.completed_at)) : live ? duration(secondsBetween(item.started_at)) : '';
    return h('button', {
      class: `node ${shapeOf(status)}`, type: 'button', 'aria-pressed': String(selected === item.id), title: item.title, 'data-subtask': item.id, 'data-status': status, onclick: () => onSelect(item.id),
    }, mark(status, say(`status.${status}`)), h('span.what', null, item.title),
    h('span.who', null, agentTitle(item.agent), took && ' · ', took && h('span', live ? { 'data-since': item.started_at } : {}, took), item.attempts > 1 && ` · ${say('plan.attempts', { n: item.attempts })}`));
  };
  const columns = layers(subtasks);
  if (width < NARROW) return h('div.graph.list', null, ...columns.flat().map(node));

  const count = columns.length;
  const nodeWidth = Math.max(150, Math.min(250, (width - GAP.x * (count - 1)) / count));
  const rows = Math.max(...columns.map((column) => column.length));
  const height = rows * (ROW + GAP.y) - GAP.y;
  const place = new Map();
  const box = h('div.graph');
  const lines = svg('svg', { class: 'edges', 'aria-hidden': 'true', width: count * (nodeWidth + GAP.x) - GAP.x, height });
  box.style.width = `${count * (nodeWidth + GAP.x) - GAP.x}px`;
  box.style.height = `${height}px`;
  box.append(lines);
  columns.forEach((column, x) => {
    const top = (height - (column.length * (ROW + GAP.y) - GAP.y)) / 2;
    column.forEach((item, y) => {
      const at = { left: x * (nodeWidth + GAP.x), top: top + y * (ROW + GAP.y) };
      place.set(item.id, at);
      const element = node(item);
      Object.assign(element.style, { left: `${at.left}px`, top: `${at.top}px`, width: `${nodeWidth}px`, height: `${ROW}px` });
      box.append(element);
    });
  });
  const status = new Map(subtasks.map((item) => [item.id, item.status]));
  for (const item of subtasks) {
    for (const id of item.depends_on.filter((other) => place.has(other))) {
      const [from, to] = [place.get(id), place.get(item.id)];
      const [x1, y1, x2, y2] = [from.left + nodeWidth, from.top + ROW / 2, to.left, to.top + ROW / 2];
      const bend = Math.max(18, Math.min(GAP.x, (x2 - x1) / 2));
      const kind = selected === id || selected === item.id ? 'near' : status.get(id) === 'completed' ? 'done' : '';
      lines.append(svg('path', { class: kind, d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}` }));
    }
  }
  return box;
}
