// The plan as a layered graph: columns by longest path, rows by where the neighbours are.
import { duration, h, mark, secondsBetween, shapeOf, show, statusChip, svg } from './dom.js';
import { isOver } from './tasks.js';
import { say } from './words.js';

const GAP = { x: 36, y: 10 };
const NODE = { narrowest: 140, widest: 260, beside: 44, line: 18, around: 36, most: 3 };
const NARROW = 520;

/** Columns of subtasks; each comes after everything that it depends on. */
function layers(subtasks) {
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

/** About how wide a title is at 13 px: Chinese characters are square, others about half of that. */
const textWidth = (text) => [...text].reduce((sum, char) => sum + (char > '\u2e7f' ? 13 : 7.4), 0);

/** What titles want, within what there is: the widest columns give way first. */
function columnWidths(columns, room) {
  const widths = columns.map((column) => {
    const longest = Math.max(...column.map((item) => textWidth(item.title)));
    return Math.max(NODE.narrowest, Math.min(NODE.widest, longest + NODE.beside));
  });
  for (let over = widths.reduce((sum, one) => sum + one, 0) - room; over > 0; over -= 1) {
    const widest = widths.indexOf(Math.max(...widths));
    if (widths[widest] <= NODE.narrowest) break;
    widths[widest] -= 1;
  }
  return widths;
}

/**
 * The graph. On narrow screens the same nodes stand below each other.
 * @param {{subtasks: object[], width: number, selected: ?string, agentTitle: function, onSelect: function, frozen: boolean}} given
 */
function graph({ subtasks, width, selected, agentTitle, onSelect, frozen }) {
  const node = (item) => {
    const status = frozen && item.status === 'running' ? 'paused' : item.status;
    const live = status === 'running' && item.started_at;
    const took =
      item.completed_at && item.started_at
        ? duration(secondsBetween(item.started_at, item.completed_at))
        : live
          ? duration(secondsBetween(item.started_at))
          : '';
    return h(
      'button',
      {
        class: `node ${shapeOf(status)}`,
        type: 'button',
        'aria-pressed': String(selected === item.id),
        title: item.title,
        'data-subtask': item.id,
        'data-status': status,
        onclick: () => onSelect(item.id),
      },
      mark(status, say(`status.${status}`)),
      h('span.what', item.title),
      h(
        'span.who',
        agentTitle(item.agent),
        took && ' · ',
        took && h('span', live ? { 'data-since': item.started_at } : {}, took),
        item.attempts > 1 && ` · ${say('plan.attempts', { n: item.attempts })}`,
      ),
    );
  };
  const columns = layers(subtasks);
  if (width < NARROW) return h('div.graph.list', ...columns.flat().map(node));

  const widths = columnWidths(columns, width - GAP.x * (columns.length - 1));
  const lines = Math.max(
    ...columns.map((column, x) => Math.max(...column.map((item) => textWidth(item.title) / (widths[x] - NODE.beside)))),
  );
  const row = NODE.around + NODE.line * Math.min(NODE.most, Math.ceil(lines * 1.15));
  const height = Math.max(...columns.map((column) => column.length)) * (row + GAP.y) - GAP.y;
  const total = widths.reduce((sum, one) => sum + one + GAP.x, -GAP.x);
  const place = new Map();
  const box = h('div.graph');
  const edges = svg('svg', { class: 'edges', 'aria-hidden': 'true', width: total, height });
  Object.assign(box.style, { width: `${total}px`, height: `${height}px` });
  box.append(edges);
  let left = 0;
  columns.forEach((column, x) => {
    const top = (height - (column.length * (row + GAP.y) - GAP.y)) / 2;
    column.forEach((item, y) => {
      const at = { left, right: left + widths[x], top: top + y * (row + GAP.y) };
      place.set(item.id, at);
      const element = node(item);
      Object.assign(element.style, { left: `${at.left}px`, top: `${at.top}px`, width: `${widths[x]}px`, height: `${row}px` });
      box.append(element);
    });
    left += widths[x] + GAP.x;
  });
  const status = new Map(subtasks.map((item) => [item.id, item.status]));
  for (const item of subtasks) {
    for (const id of item.depends_on.filter((other) => place.has(other))) {
      const [from, to] = [place.get(id), place.get(item.id)];
      const [x1, y1, x2, y2] = [from.right, from.top + row / 2, to.left, to.top + row / 2];
      const bend = Math.max(18, Math.min(GAP.x, (x2 - x1) / 2));
      const kind = selected === id || selected === item.id ? 'near' : status.get(id) === 'completed' ? 'done' : '';
      edges.append(svg('path', { class: kind, d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}` }));
    }
  }
  return box;
}

/**
 * The panel: why this plan, its revisions, the graph, and the chosen subtask.
 * @param {{titleOf: function, onSelect: function(?string), onRevision: function(number)}} given
 */
export function planView({ titleOf, onSelect, onRevision }) {
  const element = h('div');

  function detail({ subtasks }, selected) {
    const item = subtasks.find((one) => one.id === selected);
    if (!item) return null;
    const names = item.depends_on.map((id) => subtasks.find((one) => one.id === id)?.title ?? id);
    return h(
      'div.detail',
      h(
        'div.row',
        h('strong.grow', item.title),
        statusChip(item.status),
        h('button.button.plain.close', { type: 'button', 'aria-label': say('close'), onclick: () => onSelect(null) }, '×'),
      ),
      item.summary && h('p', item.summary),
      item.error && h('p', `${item.error.title} · ${item.error.detail}`),
      item.reason && h('p.muted', item.reason),
      item.inputs.length > 0 && h('p.muted', say('plan.reads', { names: item.inputs.join(', ') })),
      names.length > 0 && h('p.muted', say('plan.after', { names: names.join(', ') })),
    );
  }

  function draw({ plan, task, selected }) {
    const width = element.clientWidth - 32;
    if (width <= 0) return; // behind another tab
    if (plan.subtasks.length === 0) {
      show(element, h('div.empty', h('strong', say('plan.none')), h('p', say(isOver(task) ? 'plan.never' : 'plan.none.detail'))));
      return;
    }
    const revision = (n) =>
      h(
        'button.chip',
        { type: 'button', 'aria-pressed': String(n === plan.revision), onclick: () => onRevision(n) },
        say('plan.revision', { n }),
      );
    const focused = element.contains(document.activeElement) && document.activeElement.dataset.subtask;
    const scrolled = element.querySelector('.plan')?.scrollLeft ?? 0;
    const scroller = h(
      'div.plan',
      { role: 'group', 'aria-label': say('tab.plan') },
      graph({
        subtasks: plan.subtasks,
        width,
        selected,
        agentTitle: titleOf,
        frozen: task.status !== 'in_progress',
        onSelect: (id) => onSelect(id === selected ? null : id),
      }),
    );
    show(
      element,
      plan.revisions.length > 1 && h('div.lead.chips', plan.revisions.map(revision)),
      plan.reason && h('p.lead.folded', { title: plan.reason }, plan.reason),
      scroller,
      detail(plan, selected),
    );
    scroller.scrollLeft = scrolled;
    if (focused) element.querySelector(`[data-subtask="${CSS.escape(focused)}"]`)?.focus();
  }

  return { element, draw };
}
