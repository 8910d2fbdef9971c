// The smaller pages: agents and system.
import { call, get, paced } from './api.js';
import { ago, confirmed, duration, h, mark, number, problemNotice, show, skeleton, statusChip, toast } from './dom.js';
import { has, say } from './words.js';

/** A page that shows what one request answers, again whenever there is news or a while has passed. */
function room({ title, load, draw, live, everyMs }) {
  const body = h('div', null, skeleton());
  let closed = false;
  const refresh = paced(async () => {
    try {
      const answer = await load();
      if (!closed) show(body, ...draw(answer, refresh));
    } catch (problem) {
      if (!closed) show(body, problemNotice(problem, h('button.button', { type: 'button', onclick: refresh }, say('again'))));
    }
  }, 700);
  const stop = live.listen((news) => news.type !== 'connection' && refresh());
  const timer = setInterval(() => !document.hidden && refresh(), everyMs);
  refresh();
  return { title, element: h('div', null, h('div.top', null, h('h1', null, title)), body), close() { closed = true; stop(); clearInterval(timer); } };
}

export function agentsPage({ live }) {
  async function reset(agent, refresh) {
    if (!await confirmed(say('agents.reset.ask', { name: agent.title }), say('agents.reset.detail'), say('agents.reset'))) return;
    try {
      await call('POST', '/api/v1/system/agents/reset', { agent: agent.name });
      toast(say('agents.reset.done', { name: agent.title }));
    } catch (problem) {
      toast(`${problem.title}: ${problem.detail}`);
    }
    refresh();
  }

  const card = (agent, refresh) => h('article.card.agent', null,
    h('header', null, h('h2', null, agent.title || agent.name), statusChip(agent.state, say(`agents.${agent.state}`))),
    h('p.muted.small', null, h('code', null, agent.name)),
    h('dl.numbers', null, ...[['rate', agent.success_rate === null ? '–' : number(agent.success_rate, { style: 'percent', maximumFractionDigits: 1 })], ['completed', number(agent.completed)], ['failed', number(agent.failed)]]
      .map(([name, value]) => h('div', null, h('dt', null, say(`agents.${name}`)), h('dd', null, value)))),
    agent.current.length > 0 && h('ul', { 'aria-label': say('agents.now') }, ...agent.current.slice(0, 5).map((work) => h('li', null, mark('running'), ' ', h('a', { href: `#/tasks/${encodeURIComponent(work.task_id)}` }, work.subtask_id), ' ', h('span.muted', { 'data-since': work.since }, duration((Date.now() - new Date(work.since)) / 1000))))),
    h('div.row', null, h('span.muted.small.grow', null, agent.last_activity ? [`${say('agents.last')} `, ago(agent.last_activity)] : say('agents.never'), agent.last_reset && [' · ', `${say('agents.since')} `, ago(agent.last_reset)]),
      h('button.button.plain', { type: 'button', 'aria-label': say('agents.reset.name', { name: agent.title }), onclick: () => reset(agent, refresh) }, say('agents.reset'))));

  return room({
    title: say('agents'), live, everyMs: 10000,
    load: () => get('/api/v1/system/agents/status'),
    draw: ({ agents }, refresh) => [h('div.grid', null, ...agents.map((agent) => card(agent, refresh)))],
  });
}

const COMMANDS = () => ['lgma doctor', 'lgma tasks list --status failed', `curl ${location.origin}/api/v1/system/health`];

export function systemPage({ live }) {
  const command = (text) => h('div.card.command', null, h('code', null, text), h('button.button.plain', {
    type: 'button', 'aria-label': `${say('copy')}: ${text}`,
    onclick: async () => { try { await navigator.clipboard.writeText(text); toast(say('copied')); } catch (error) { toast(String(error.message)); } },
  }, say('copy')));
  const detail = (part) => {
    if (part.name === 'model') return say(part.detail === 'configured' ? 'model.configured' : 'model.none');
    return [part.detail, `${number(part.latency_ms, { maximumFractionDigits: 1 })} ms`].filter(Boolean).join(' · ');
  };
  return room({
    title: say('system'), live, everyMs: 10000,
    load: () => get('/api/v1/system/health', { accept: [503] }),
    draw: (health) => [
      h('div.card.pad', null, h('div.row', null, statusChip(health.status, say(`system.${health.status}`)), h('span.grow'), h('span.muted', null, `${say('system.version')} ${health.version} · ${say('system.uptime')} ${duration(health.uptime_s)}`)), health.draining && h('p', null, say('system.draining'))),
      h('section.block', null, h('h2', null, say('system.tasks')), h('div.grid.counts', null, ...Object.entries(health.tasks).map(([status, count]) => h('div.card.tile', null, statusChip(status), h('span.value', null, number(count)))))),
      h('section.block', null, h('h2', null, say('system.parts')), h('div.grid', null, ...health.dependencies.map((part) => h('div.card.tile', null, h('div.row', null, h('strong.grow', null, has(`part.${part.name}`) ? say(`part.${part.name}`) : part.name), statusChip(part.status, say(`part.${part.status}`))), h('p.muted.small', null, detail(part)))))),
      h('section.block', null, h('h2', null, say('system.next')), h('div.stack', null, ...COMMANDS().map(command))),
      h('p.row', null, h('a', { href: '/docs' }, say('system.api')), h('a', { href: '/metrics' }, say('system.metrics')), h('a', { href: '/openapi.json' }, 'OpenAPI')),
    ],
  });
}
