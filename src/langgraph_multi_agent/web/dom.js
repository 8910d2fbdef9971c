// Building the page. Text only ever becomes a text node; markup is never parsed, so no name or message can run.
import { language, say } from './words.js';

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'value') element.value = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  return put(element, ...children);
}

const isShown = (child) => child !== null && child !== undefined && child !== false && child !== '';

function put(element, ...children) {
  element.append(...children.flat().filter(isShown));
  return element;
}

/** Put these in place of what an element holds; what is false or null is left out. */
export const show = (element, ...children) => element.replaceChildren(...children.flat().filter(isShown));

/** An element: `h('p.muted', {title: 'x'}, 'text', child)`; the properties may be left out. */
export function h(tag, ...rest) {
  const [name, ...classes] = tag.split('.');
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(' ');
  const [first] = rest;
  const hasProps = first && typeof first === 'object' && !(first instanceof Node) && !Array.isArray(first);
  return fill(element, hasProps ? first : {}, hasProps ? rest.slice(1) : rest);
}

export function svg(name, props, ...children) {
  return fill(document.createElementNS(SVG, name), props, children);
}

const ROUND = { cx: 8, cy: 8, r: 5.75, fill: 'none', stroke: 'currentColor', 'stroke-width': 1.5 };
const SHAPES = {
  pending: () => [svg('circle', ROUND)],
  running: () => [svg('circle', ROUND), svg('path', { d: 'M8 2.5a5.5 5.5 0 0 0 0 11z', fill: 'currentColor' })],
  waiting: () => [svg('path', { d: 'M8 1.4 14.6 8 8 14.6 1.4 8z', fill: 'currentColor' })],
  paused: () => [svg('path', { d: 'M4.5 3h2.4v10H4.5zm4.6 0h2.4v10H9.1z', fill: 'currentColor' })],
  done: () => [
    svg('circle', { cx: 8, cy: 8, r: 6.5, fill: 'currentColor' }),
    svg('path', { d: 'm5 8.2 2.1 2.1L11 6', fill: 'none', stroke: 'var(--surface)', 'stroke-width': 1.6 }),
  ],
  failed: () => [
    svg('path', { d: 'M8 1.6 15 14H1z', fill: 'currentColor' }),
    svg('path', { d: 'M8 6v4m0 1.2v1.4', stroke: 'var(--surface)', 'stroke-width': 1.5 }),
  ],
  cancelled: () => [svg('circle', ROUND), svg('path', { d: 'm4 12 8-8', stroke: 'currentColor', 'stroke-width': 1.5 })],
};
const SHAPE_OF = {
  in_progress: 'running',
  waiting_input: 'waiting',
  completed: 'done',
  skipped: 'cancelled',
  busy: 'running',
  idle: 'pending',
  ok: 'done',
  degraded: 'waiting',
  down: 'failed',
  healthy: 'done',
  unhealthy: 'failed',
};

export const shapeOf = (status) => SHAPE_OF[status] ?? (SHAPES[status] ? status : 'pending');

/** The shape and colour of a status; the word stands beside it or in a label. */
export function mark(status, label) {
  const shape = shapeOf(status);
  const named = label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': 'true' };
  return svg('svg', { class: `mark ${shape}`, viewBox: '0 0 16 16', ...named }, ...SHAPES[shape]());
}

export const statusChip = (status, word = say(`status.${status}`)) =>
  h('span.status', { 'data-status': status }, mark(status), word);

const ICONS = {
  tasks: 'M4 6h2m3 0h11M4 12h2m3 0h11M4 18h2m3 0h11',
  agents: 'M12 4v3M6 7h12v11H6zM3 11v4m18-4v4M9.5 12v1m5-1v1',
  system: 'M4 5h16v6H4zm0 8h16v6H4zm3-5h1m-1 8h1',
  language: 'M4 5h9M8.5 3v2c0 4-2 7-5 8m2-5c1 3 3 5 6 6m0 6 4.500-10 4.500 10m-7.500-3h6',
  theme: 'M12 4a8 8 0 1 0 8 8 6 6 0 0 1-8-8z',
  help: 'M9 9a3 3 0 1 1 4 2.800c-.800.400-1 .900-1 2.200m0 3v.500',
};
export function icon(name) {
  return svg(
    'svg',
    {
      class: 'icon',
      viewBox: '0 0 24 24',
      'aria-hidden': 'true',
      fill: 'none',
      stroke: 'currentColor',
      'stroke-width': 1.6,
      'stroke-linecap': 'round',
      'stroke-linejoin': 'round',
    },
    svg('path', { d: ICONS[name] }),
  );
}

/** A number of seconds as people read it: 0.8 s, 12 s, 3:05, 1:02:03. */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (seconds < 9.95) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (whole < 60) return `${whole} s`;
  const two = (n) => String(n).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

export const secondsBetween = (from, to) => (new Date(to ?? Date.now()) - new Date(from)) / 1000;
export const number = (value, options) => new Intl.NumberFormat(language(), options).format(value);
export const moment = (at) => new Date(at).toLocaleString(language(), { dateStyle: 'medium', timeStyle: 'medium' });

export function bytes(size) {
  const step = size < 1024 ? 0 : Math.min(3, Math.floor(Math.log(size) / Math.log(1024)));
  return `${number(size / 1024 ** step, { maximumFractionDigits: step ? 1 : 0 })} ${['B', 'KiB', 'MiB', 'GiB'][step]}`;
}

const UNITS = [
  ['day', 86400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];
export function relative(at) {
  const seconds = -secondsBetween(at);
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? UNITS[3];
  return new Intl.RelativeTimeFormat(language(), { numeric: 'auto', style: 'short' }).format(Math.trunc(seconds / size), unit);
}

/** A relative time with the absolute one on hover. `tick` keeps it right. */
export const ago = (at) => h('time', { datetime: at, title: moment(at), 'data-ago': at }, relative(at));

/** What went wrong, what it means, what to do: the words of the server's problem. */
export function problemNotice(problem, ...actions) {
  const fields = (problem.errors ?? []).map((item) => h('li', item.field ? `${item.field}: ` : '', item.message));
  return h(
    'div.notice',
    { role: 'alert' },
    mark('failed'),
    h('strong', problem.title ?? problem.message),
    h('p', problem.detail),
    fields.length > 0 && h('ul', ...fields),
    problem.hint && h('p.muted', problem.hint),
    problem.code && h('p.muted.small', h('code', problem.code), problem.request_id ? ` · ${problem.request_id}` : ''),
    actions.length > 0 && h('div.row', ...actions),
  );
}

export function toast(message) {
  const box = document.querySelector('.toasts');
  const item = h('div.toast', message);
  box.append(item);
  setTimeout(() => item.remove(), 5000);
}

/** Ask before something that cannot be taken back. Resolves to whether the person agreed. */
export function confirmed(title, detail, verb) {
  return new Promise((resolve) => {
    const dialog = h(
      'dialog',
      { 'aria-label': title },
      h('h2', title),
      h('p.muted', detail),
      h(
        'form.row',
        { method: 'dialog' },
        h('button.button', { value: 'no' }, say('keep')),
        h('button.button.danger', { value: 'yes' }, verb),
      ),
    );
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

export const skeleton = (rows = 5) =>
  h(
    'div.card.pad',
    { 'aria-busy': 'true', 'aria-label': say('loading') },
    h('div.stack', ...Array.from({ length: rows }, () => h('span.skeleton'))),
  );

export const stored = {
  get(key) {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
  },
  set(key, value) {
    try {
      if (value === null) localStorage.removeItem(key);
      else localStorage.setItem(key, JSON.stringify(value));
    } catch {
      /* private windows may keep nothing */
    }
  },
};
