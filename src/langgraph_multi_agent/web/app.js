// The frame: sections, address, keyboard, language, theme, connection. Each page is made anew when its address changes.
import { Live, get } from './api.js';
import { duration, h, icon, relative, secondsBetween, shapeOf, show, toast } from './dom.js';
import { newPage, templates } from './new.js';
import { agentsPage, systemPage } from './rooms.js';
import { taskPage } from './task.js';
import { tasksPage } from './tasks.js';
import { has, language, say } from './words.js';

const SECTIONS = { tasks: '#/tasks', agents: '#/agents', system: '#/system' };
const BADGES = { running: '#2563eb', waiting: '#d97706', done: '#16a34a', failed: '#dc2626' };
const live = new Live();
const agentTitles = new Map();
let page = null;
let help = null;

const main = h('main', { id: 'content', tabindex: -1 });
const banner = h('div.banner', { role: 'status', hidden: true });
const rail = h('nav.rail');

const titleOf = (name) => agentTitles.get(name) ?? (has(`agent.${name}`) ? say(`agent.${name}`) : name);

async function learnAgents() {
  try {
    const { agents } = await get('/api/v1/system/agents/status');
    for (const agent of agents) agentTitles.set(agent.name, agent.title || agent.name);
  } catch {
    /* names stand in for titles */
  }
}

function drawRail() {
  const [, section] = location.hash.split('/');
  const link = (name) =>
    h(
      'a',
      {
        href: SECTIONS[name],
        'aria-current': section === name || (name === 'tasks' && ['new', '', undefined].includes(section)) ? 'page' : null,
      },
      icon(name),
      say(name),
    );
  rail.setAttribute('aria-label', say('sections'));
  show(
    rail,
    h('img.logo', { src: '/icon.svg', alt: '' }),
    ...Object.keys(SECTIONS).map(link),
    h('span.spring'),
    h(
      'button',
      { type: 'button', id: 'language', lang: language() === 'en' ? 'zh-CN' : 'en', onclick: switchLanguage },
      icon('language'),
      say('other_language'),
    ),
    h('button', { type: 'button', id: 'theme', onclick: switchTheme }, icon('theme'), say('theme')),
    h('button.help', { type: 'button', onclick: showHelp }, icon('help'), say('help')),
  );
}

function keepChoice(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    /* it lasts as long as the page */
  }
}

async function switchLanguage() {
  const next = language() === 'en' ? 'zh-CN' : 'en';
  document.documentElement.lang = next;
  keepChoice('lgma.language', next === 'en' ? 'en' : 'zh');
  agentTitles.clear();
  await learnAgents();
  open();
  document.getElementById('language').focus();
}

function switchTheme() {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = isDark ? 'light' : 'dark';
  keepChoice('lgma.theme', root.dataset.theme);
  toast(say(`theme.${root.dataset.theme}`));
}

function showHelp() {
  if (help) return;
  help = h(
    'dialog',
    { 'aria-label': say('keys') },
    h('h2', say('keys')),
    h('dl.keys', ...['n', '/', 'j', 'k', '?', 'Esc'].flatMap((key) => [h('dt', h('kbd', key)), h('dd', say(`key.${key}`))])),
    h('form.row', { method: 'dialog' }, h('button.button', say('close'))),
  );
  help.addEventListener('close', () => {
    help.remove();
    help = null;
  });
  document.body.append(help);
  help.showModal();
}

/** The tab says how the task does, also when another tab is in front. */
function badge(status) {
  const colour = status && BADGES[shapeOf(status)];
  const dot = colour ? `<circle cx="26" cy="26" r="6" fill="${colour}" stroke="white" stroke-width="1.5"/>` : '';
  document.getElementById('favicon').href = colour
    ? `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#4f46e5"/>${dot}</svg>`)}`
    : '/icon.svg';
}

function setTitle(...parts) {
  document.title = [...parts.filter(Boolean), 'LangGraph multi-agent'].join(' · ');
}

const lost = () => ({
  title: say('missing'),
  element: h('div.empty', h('strong', say('missing')), h('a.button', { href: '#/tasks' }, say('back'))),
  close() {},
});

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function open() {
  const [, section = '', id] = location.hash.split('/');
  page?.close();
  badge(null);
  const context = { live, titleOf, templates };
  if ((section === '' || section === 'tasks') && !id) page = tasksPage(context);
  else if (section === 'tasks')
    page = taskPage({
      ...context,
      id: decoded(id),
      onState: (task) => {
        setTitle(say(`status.${task.status}`), task.title);
        badge(task.status);
      },
    });
  else if (section === 'new') page = newPage();
  else if (section === 'agents') page = agentsPage(context);
  else if (section === 'system') page = systemPage(context);
  else page = lost();
  setTitle(page.title);
  show(main, page.element);
  drawRail();
}

function arrive() {
  open();
  window.scrollTo(0, 0);
  (page.focus?.() ?? main).focus({ preventScroll: true });
}

function drawBanner() {
  const isWaiting = live.state === 'waiting';
  banner.hidden = live.state === 'open' || (!isWaiting && banner.hidden);
  if (banner.hidden) return;
  const left = Math.max(1, Math.ceil((live.until - Date.now()) / 1000));
  show(
    banner,
    h('span', isWaiting ? say('offline', { n: left }) : say('connecting')),
    isWaiting ? h('button.button', { type: 'button', onclick: () => live.now() }, say('connect_now')) : '',
  );
}

/** Times that grow: once a second, and only while somebody looks. */
function tick() {
  if (live.state === 'waiting') drawBanner();
  if (document.hidden) return;
  for (const node of document.querySelectorAll('[data-since]')) node.textContent = duration(secondsBetween(node.dataset.since));
  for (const node of document.querySelectorAll('[data-ago]')) {
    const text = relative(node.dataset.ago);
    if (node.textContent !== text) node.textContent = text;
  }
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) {
    if (event.key === 'Escape') event.target.blur();
    return;
  }
  if (event.key === 'n') {
    event.preventDefault();
    location.hash = '#/new';
  } else if (event.key === '?') showHelp();
  else if (event.key === '/' && !page?.key) {
    event.preventDefault();
    location.hash = '#/tasks';
  } else page?.key?.(event);
});

document.body.append(
  h(
    'a.skip',
    {
      href: '#content',
      onclick: (event) => {
        event.preventDefault();
        main.focus();
      },
    },
    say('skip'),
  ),
  h('div.frame', rail, h('div', banner, main)),
  h('div.toasts', { role: 'status', 'aria-live': 'polite' }),
);
live.listen((news) => news.type === 'connection' && drawBanner());
window.addEventListener('hashchange', arrive);
setInterval(tick, 1000);
drawRail();
await learnAgents();
open();
