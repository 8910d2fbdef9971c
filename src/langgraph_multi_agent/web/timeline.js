// The timeline of a task: one folded line a step, drawn again only where something changed.
import { taskPath } from './api.js';
import { bytes, duration, h, mark, moment, number, secondsBetween, show } from './dom.js';
import { isOver } from './tasks.js';
import { has, say } from './words.js';

const FOLDED_CHARS = 80;
const known = (key, word) => (has(key) ? say(key) : word);

function partLine(id, { type, data }) {
  const took = data.duration_s === undefined ? '' : ` · ${duration(data.duration_s)}`;
  if (type === 'tool.called') {
    const worked = data.outcome === 'ok';
    return [mark(worked ? 'completed' : 'failed'), ' ', h('code', data.tool), worked ? took : ` · ${data.outcome}${took}`];
  }
  if (type === 'model.called') {
    const tokens = number((data.input_tokens ?? 0) + (data.output_tokens ?? 0));
    return [mark('completed'), ' ', say('event.model', { model: data.model, n: tokens })];
  }
  if (type === 'artifact.created') {
    const href = taskPath(id, `/artifacts/${encodeURIComponent(data.name)}`);
    return [
      mark('completed'),
      ' ',
      h('a', { href, target: '_blank', rel: 'noopener' }, data.name),
      ` · ${bytes(data.size_bytes)}`,
    ];
  }
  return [type];
}

/** What an entry says, without its agent. */
function lineOf(entry) {
  switch (entry.kind) {
    case 'plan':
      return say(entry.revision > 1 ? 'event.replan' : 'event.plan', { n: entry.count, r: entry.revision });
    case 'review':
      return say('event.review', { passed: entry.data.passed, n: entry.data.criteria });
    case 'recovery':
      return say('event.recovery', { what: known(`recovery.${entry.data.decision}`, entry.data.decision) });
    case 'subtask':
      return entry.attempt > 1 ? `${entry.title} · ${say('event.attempt', { n: entry.attempt })}` : entry.title;
    default:
      return say(`event.${entry.word}`);
  }
}

/**
 * @param {{id: string, titleOf: function(string): string, onAll: function()}} given `onAll` lifts the selection
 */
export function timelineView({ id, titleOf, onAll }) {
  const list = h('div.events', { role: 'log', 'aria-label': say('tab.timeline'), tabindex: 0 });
  const only = h('div');
  const drawn = new Map();

  function entryElement(entry, task, isOpen) {
    const isLive = entry.status === 'running';
    const took = entry.took ?? (isLive ? secondsBetween(entry.at) : null);
    const extra = [
      entry.reused && say('event.reused'),
      entry.found > 0 && say('event.found', { n: entry.found }),
      entry.quoted > 0 && say('event.quoted', { n: entry.quoted }),
    ].filter(Boolean);
    const line = [
      h('time.when', { datetime: entry.at, title: moment(entry.at) }, duration(secondsBetween(task.created_at, entry.at))),
      mark(entry.status, say(`status.${entry.status}`)),
      h(
        'span',
        entry.agent && h('span.muted', `${titleOf(entry.agent)} `),
        lineOf(entry),
        extra.length > 0 && h('span.muted.small', ` · ${extra.join(' · ')}`),
      ),
      h('span.took', isLive ? { 'data-since': entry.at } : {}, took === null ? '' : duration(took)),
      entry.said && h('span.said', entry.said),
    ];
    const failed = entry.kind === 'review' ? entry.data.failed : [];
    const inner = [
      ...failed.map((one) => h('div', mark('failed'), ` ${known(`criterion.${one.criterion}`, one.criterion)}: ${one.reason}`)),
      ...entry.parts.map((one) => h('div', partLine(id, one))),
    ];
    if (inner.length === 0 && (entry.said ?? '').length < FOLDED_CHARS) return h('div.entry.flat', line);
    return h('details.entry', { open: isOpen }, h('summary', line), inner.length > 0 && h('div.inner', inner));
  }

  /** `all` draws every entry anew: another selection, another language. */
  function draw({ fold, selected, task }, all) {
    const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    if (all) {
      drawn.clear();
      show(list);
    }
    for (const entry of fold.entries.values()) {
      if (selected && entry.subtask !== selected) continue;
      const before = drawn.get(entry.key);
      if (before?.version === entry.version) continue;
      const element = entryElement(entry, task, before?.element.open);
      if (before) before.element.replaceWith(element);
      else list.append(element);
      drawn.set(entry.key, { element, version: entry.version });
    }
    if (isAtEnd && !all && !isOver(task)) list.scrollTop = list.scrollHeight;
    const name = fold.titles.get(selected) ?? selected;
    show(
      only,
      selected &&
        h(
          'p.lead',
          say('filter.one', { name }),
          ' ',
          h('button.button.plain', { type: 'button', onclick: onAll }, say('filter.all')),
        ),
    );
  }

  return { element: h('div', only, list), draw };
}
