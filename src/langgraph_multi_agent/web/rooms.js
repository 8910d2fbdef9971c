// The smaller pages: agents and system.
import { call, get, paced } from './api.js';
import { ago, confirmed, duration, h, mark, number, problemNotice, show, skeleton, statusChip, toast } from './dom.js';
import { has, say } from './words.js';

/** A page that shows what one request answers, again whenever there is news or a while has passed. */
function room({ title, load, draw, live, everyMs }) {
  const body = h('div', skeleton());
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
  return {
    title,
    element: h('div', h('div.top', h('h1', title)), body),
    close() {
      closed = true;
      stop();
      clearInterval(timer);
    },
  };
}

export function agentsPage({ live }) {
  async function reset(agent, refresh) {
    if (!(await confirmed(say('agents.reset.ask', { name: agent.title }), say('agents.reset.detail'), say('agents.reset'))))
      return;
    try {
      await call('POST', '/api/v1/system/agents/reset', { agent: agent.name });
      toast(say('agents.reset.done', { name: agent.title }));
    } catch (problem) {
      toast(`${problem.title}: ${problem.detail}`);
    }
    refresh();
  }

  const card = (agent, refresh) =>
    h(
      'article.card.agent',
      h('header', h('h2', agent.title || agent.name), statusChip(agent.state, say(`agents.${agent.state}`))),
      h('p.muted.small', h('code', agent.name)),
      h(
        'dl.numbers',
        ...[
          [
            'rate',
            agent.success_rate === null ? '–' : number(agent.success_rate, { style: 'percent', maximumFractionDigits: 1 }),
          ],
          ['completed', number(agent.completed)],
          ['failed', number(agent.failed)],
        ].map(([name, value]) => h('div', h('dt', say(`agents.${name}`)), h('dd', value))),
      ),
      agent.current.length > 0 &&
        h(
          'ul',
          { 'aria-label': say('agents.now') },
          ...agent.current
            .slice(0, 5)
            .map((work) =>
              h(
                'li',
                mark('running'),
                ' ',
                h('a', { href: `#/tasks/${encodeURIComponent(work.task_id)}` }, work.subtask_id),
                ' ',
                h('span.muted', { 'data-since': work.since }, duration((Date.now() - new Date(work.since)) / 1000)),
              ),
            ),
        ),
      h(
        'div.row',
        h(
          'span.muted.small.grow',
          agent.last_activity ? [`${say('agents.last')} `, ago(agent.last_activity)] : say('agents.never'),
          agent.last_reset && [' · ', `${say('agents.since')} `, ago(agent.last_reset)],
        ),
        h(
          'button.button.plain',
          { type: 'button', 'aria-label': say('agents.reset.name', { name: agent.title }), onclick: () => reset(agent, refresh) },
          say('agents.reset'),
        ),
      ),
    );

  return room({
    title: say('agents'),
    live,
    everyMs: 10000,
    load: () => get('/api/v1/system/agents/status'),
    draw: ({ agents }, refresh) => [h('div.grid', ...agents.map((agent) => card(agent, refresh)))],
  });
}

const COMMANDS = () => ['lgma doctor', 'lgma tasks list --status failed', `curl ${location.origin}/api/v1/system/health`];

export function systemPage({ live }) {
  const command = (text) =>
    h(
      'div.card.command',
      h('code', text),
      h(
        'button.button.plain',
        {
          type: 'button',
          'aria-label': `${say('copy')}: ${text}`,
          onclick: async () => {
            try {
              await navigator.clipboard.writeText(text);
              toast(say('copied'));
            } catch (error) {
              toast(String(error.message));
            }
          },
        },
        say('copy'),
      ),
    );
  const detail = (part) => {
    if (part.name === 'model') return say(part.detail === 'configured' ? 'model.configured' : 'model.none');
    return [part.detail, `${number(part.latency_ms, { maximumFractionDigits: 1 })} ms`].filter(Boolean).join(' · ');
  };
  return room({
    title: say('system'),
    live,
    everyMs: 10000,
    load: () => get('/api/v1/system/health', { accept: [503] }),
    draw: (health) => [
      h(
        'div.card.pad',
        h(
          'div.row',
          statusChip(health.status, say(`system.${health.status}`)),
          h('span.grow'),
          h('span.muted', `${say('system.version')} ${health.version} · ${say('system.uptime')} ${duration(health.uptime_s)}`),
        ),
        health.draining && h('p', say('system.draining')),
      ),
      h(
        'section.block',
        h('h2', say('system.tasks')),
        h(
          'div.grid.counts',
          ...Object.entries(health.tasks).map(([status, count]) =>
            h('div.card.tile', statusChip(status), h('span.value', number(count))),
          ),
        ),
      ),
      h(
        'section.block',
        h('h2', say('system.parts')),
        h(
          'div.grid',
          ...health.dependencies.map((part) =>
            h(
              'div.card.tile',
              h(
                'div.row',
                h('strong.grow', has(`part.${part.name}`) ? say(`part.${part.name}`) : part.name),
                statusChip(part.status, say(`part.${part.status}`)),
              ),
              h('p.muted.small', detail(part)),
            ),
          ),
        ),
      ),
      h('section.block', h('h2', say('system.next')), h('div.stack', ...COMMANDS().map(command))),
      h(
        'p.row',
        h('a', { href: '/docs' }, say('system.api')),
        h('a', { href: '/metrics' }, say('system.metrics')),
        h('a', { href: '/openapi.json' }, 'OpenAPI'),
      ),
    ],
  });
}
