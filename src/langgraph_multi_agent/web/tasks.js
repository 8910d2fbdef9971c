// The list of tasks: filters, search, live rows.
import { get, paced } from './api.js';
import { ago, duration, h, mark, number, problemNotice, secondsBetween, show, skeleton } from './dom.js';
import { say } from './words.js';

const STATUSES = ['in_progress', 'waiting_input', 'pending', 'paused', 'completed', 'failed', 'cancelled'];
const PAGE = 50;
const MOST = 500;
const RUNNING = ['cancelling', 'pausing'];
const seen = { status: '', query: '' };

export const shownStatus = (task) =>
  RUNNING.includes(task.status_detail) ? say(`status.${task.status_detail}`) : say(`status.${task.status}`);
export const isOver = (task) => ['completed', 'failed', 'cancelled'].includes(task.status);

function row(task) {
  const end = isOver(task) ? task.completed_at : null;
  const priority = say(`priority.${task.priority}`);
  const took = task.started_at ? duration(secondsBetween(task.started_at, end)) : '';
  const files = task.files.map((file) => file.name).join(', ');
  const live = task.started_at && !end ? { 'data-since': task.started_at } : {};
  return h(
    'li',
    h(
      'a.task',
      { href: `#/tasks/${encodeURIComponent(task.id)}`, 'data-id': task.id },
      mark(task.status, shownStatus(task)),
      h(
        'div.grow',
        h('div.name', { title: task.title }, task.title),
        h('div.sub', h('span.word', [shownStatus(task), took].filter(Boolean).join(' · '), files && ' · '), files),
      ),
      h('span.meta.mid', shownStatus(task)),
      h(
        'span.meta.wide',
        task.status === 'in_progress' || task.status === 'paused'
          ? h('progress.bar', {
              class: task.status === 'paused' ? 'bar quiet' : 'bar',
              max: 100,
              value: task.progress,
              'aria-label': `${number(task.progress)}%`,
            })
          : h('span', { class: task.priority === 4 ? 'urgent' : task.priority === 3 ? 'high' : '' }, priority),
      ),
      h('span.meta.end.mid', live, took),
      h('span.meta.end.wide', ago(task.created_at)),
      h('span.sr', `${say('priority')}: ${priority}`),
    ),
  );
}

export function tasksPage({ live, templates }) {
  let shown = PAGE;
  let asked = 0;
  const holder = h('div', skeleton());
  const search = h('input', {
    type: 'search',
    id: 'search',
    'aria-label': say('search'),
    placeholder: say('search'),
    value: seen.query,
    autocomplete: 'off',
  });
  const chips = h('div.chips.scroll', { role: 'group', 'aria-label': say('filter') });

  function drawChips() {
    show(
      chips,
      ...['', ...STATUSES].map((status) =>
        h(
          'button.chip',
          {
            type: 'button',
            'aria-pressed': String(seen.status === status),
            onclick: () => {
              seen.status = status;
              shown = PAGE;
              drawChips();
              load();
            },
          },
          status && mark(status),
          status ? say(`status.${status}`) : say('all'),
        ),
      ),
    );
  }

  function draw(page) {
    const focused = document.activeElement?.dataset?.id;
    if (page.tasks.length === 0) {
      const narrowed = seen.status || seen.query;
      show(
        holder,
        narrowed
          ? h(
              'div.card.empty',
              h('strong', say('none.match')),
              h('p', say('none.match.detail')),
              h(
                'button.button',
                {
                  type: 'button',
                  onclick: () => {
                    seen.status = '';
                    seen.query = '';
                    search.value = '';
                    drawChips();
                    load();
                  },
                },
                say('clear'),
              ),
            )
          : h('div.card.empty', h('strong', say('none.title')), h('p', say('none.detail')), templates()),
      );
      return;
    }
    show(holder, h('ul.card.tasks', { 'aria-label': say('tasks') }, ...page.tasks.map(row)));
    if (page.next && shown < MOST) {
      holder.append(
        h(
          'p.empty',
          h(
            'button.button',
            {
              type: 'button',
              onclick: () => {
                shown += PAGE;
                load();
              },
            },
            say('more'),
          ),
        ),
      );
    }
    if (focused) holder.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
  }

  async function load() {
    const mine = (asked += 1);
    const query = new URLSearchParams({ limit: String(shown) });
    if (seen.status) query.set('status', seen.status);
    if (seen.query) query.set('q', seen.query);
    try {
      const page = await get(`/api/v1/tasks?${query}`);
      if (mine === asked) draw(page);
    } catch (problem) {
      if (mine === asked)
        show(holder, problemNotice(problem, h('button.button', { type: 'button', onclick: load }, say('again'))));
    }
  }

  let typing;
  search.addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(() => {
      seen.query = search.value.trim();
      shown = PAGE;
      load();
    }, 200);
  });
  const refresh = paced(load, 500);
  const stop = live.listen((news) => news.type !== 'connection' && refresh());
  drawChips();
  load();
  return {
    title: say('tasks'),
    close: stop,
    element: h(
      'div',
      h(
        'div.top',
        h('h1', say('tasks')),
        h('a.button.primary', { href: '#/new' }, say('new_task'), h('kbd', { 'aria-hidden': 'true' }, 'n')),
      ),
      h('div.filters', h('div.search', search), chips),
      holder,
    ),
    key(event) {
      if (event.key === '/') {
        event.preventDefault();
        search.focus();
      }
      if (event.key !== 'j' && event.key !== 'k') return;
      const rows = [...holder.querySelectorAll('a.task')];
      const at = rows.indexOf(document.activeElement);
      rows[Math.max(0, Math.min(rows.length - 1, at + (event.key === 'j' ? 1 : at < 0 ? 1 : -1)))]?.focus();
    },
  };
}
