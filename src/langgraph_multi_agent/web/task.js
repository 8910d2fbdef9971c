// One task: its state, plan, timeline, report, files and review; all of it from the server and the event log.
import { Log, call, get, paced, taskPath } from './api.js';
import {
  ago,
  confirmed,
  duration,
  h,
  mark,
  moment,
  number,
  problemNotice,
  secondsBetween,
  show,
  skeleton,
  statusChip,
  toast,
} from './dom.js';
import { Fold } from './fold.js';
import { planView } from './plan.js';
import { filesView, reportView, reviewView } from './results.js';
import { isOver, shownStatus } from './tasks.js';
import { timelineView } from './timeline.js';
import { say } from './words.js';

const TABS = ['plan', 'timeline', 'report', 'files', 'review'];
const LEFT = ['plan', 'timeline'];
const wide = matchMedia('(min-width: 1180px)');
const ACTIONS = {
  pending: ['pause', 'cancel'],
  in_progress: ['pause', 'cancel'],
  waiting_input: ['pause', 'cancel'],
  paused: ['resume', 'cancel'],
  completed: ['remove'],
  failed: ['retry', 'remove'],
  cancelled: ['retry', 'remove'],
};

export function taskPage({ id, live, titleOf, onState }) {
  const state = {
    task: null,
    plan: null,
    artifacts: [],
    questions: [],
    fold: new Fold(),
    revision: null,
    selected: null,
    tab: null,
    problem: null,
  };
  const element = h('div', skeleton(6));
  const head = h('div.head');
  const notes = h('div.stack');
  const tabs = h('div.tabs', { role: 'tablist', 'aria-label': say('views') });
  let closed = false;
  let log = null;

  function select(one) {
    state.selected = one;
    views.plan.draw(state);
    views.timeline.draw(state, true);
  }

  const views = {
    plan: planView({
      titleOf,
      onSelect: select,
      onRevision: (n) => {
        state.revision = n === state.plan.revisions.at(-1) ? null : n;
        refresh();
      },
    }),
    timeline: timelineView({ id, titleOf, onAll: () => select(null) }),
    report: reportView({ titleOf }),
    files: filesView(),
    review: reviewView(),
  };
  const panel = (name) =>
    h(
      'section.card',
      {
        id: `panel-${name}`,
        role: 'tabpanel',
        'aria-labelledby': `tab-${name}`,
        class: LEFT.includes(name) ? 'card panel' : 'card',
      },
      LEFT.includes(name) && h('h2', say(`tab.${name}`)),
      views[name].element,
    );
  const panels = Object.fromEntries(TABS.map((name) => [name, panel(name)]));

  function chosenTab() {
    const tab = state.tab ?? (state.task.status === 'completed' ? 'report' : wide.matches ? 'report' : 'plan');
    return wide.matches && LEFT.includes(tab) ? 'report' : tab;
  }

  function drawTabs() {
    const chosen = chosenTab();
    const made = state.artifacts.length;
    const focused = document.activeElement?.id;
    show(
      tabs,
      ...TABS.map((name) =>
        h(
          'button',
          {
            type: 'button',
            role: 'tab',
            id: `tab-${name}`,
            class: LEFT.includes(name) ? 'narrow' : '',
            'aria-selected': String(name === chosen),
            'aria-controls': `panel-${name}`,
            tabindex: name === chosen ? 0 : -1,
            onclick: () => {
              state.tab = name;
              drawTabs();
              views[name].draw(state);
            },
            onkeydown: (event) => {
              const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
              if (!step) return;
              const shown = TABS.filter((other) => !wide.matches || !LEFT.includes(other));
              state.tab = shown[(shown.indexOf(name) + step + shown.length) % shown.length];
              drawTabs();
              document.getElementById(`tab-${state.tab}`).focus();
            },
          },
          say(`tab.${name}`),
          name === 'files' && made > 0 && h('span.count', number(made)),
        ),
      ),
    );
    if (focused?.startsWith('tab-')) document.getElementById(focused)?.focus();
    for (const name of TABS) panels[name].hidden = !(name === chosen || (wide.matches && LEFT.includes(name)));
  }

  async function act(name) {
    const mustAsk = name === 'cancel' || name === 'remove';
    if (mustAsk && !(await confirmed(say(`${name}.ask`), say(`${name}.detail`), say(name)))) {
      drawHead();
      return;
    }
    try {
      const task = name === 'remove' ? await call('DELETE', taskPath(id)) : await call('POST', taskPath(id, `/${name}`));
      state.problem = null;
      if (name === 'remove') {
        toast(say('did.remove'));
        location.hash = '#/tasks';
        return;
      }
      const settled = { cancel: 'cancelled', pause: 'paused' }[name];
      toast(say(settled && task.status !== settled ? 'did.wish' : `did.${name}`));
      state.task = task;
      log.wake();
    } catch (problem) {
      state.problem = problem;
    }
    await refresh();
  }

  function facts() {
    const { task, plan, fold } = state;
    const fact = (name, ...value) => h('span', `${say(name)} `, h('b', ...value));
    const end = isOver(task) ? task.completed_at : null;
    const done = plan.subtasks.length ? plan.subtasks.filter((item) => item.status === 'completed').length : null;
    const tokens = task.cost.input_tokens + task.cost.output_tokens || fold.tokens;
    return h(
      'div.facts',
      statusChip(task.status, shownStatus(task)),
      task.started_at &&
        fact('elapsed', h('span', end ? {} : { 'data-since': task.started_at }, duration(secondsBetween(task.started_at, end)))),
      done !== null && fact('steps', say('of', { n: done, of: plan.subtasks.length })),
      tokens > 0 &&
        fact('tokens', task.budget.tokens ? say('of', { n: number(tokens), of: number(task.budget.tokens) }) : number(tokens)),
      task.cost.cost > 0 &&
        fact(
          'cost',
          task.budget.cost ? say('of', { n: number(task.cost.cost), of: number(task.budget.cost) }) : number(task.cost.cost),
        ),
      fact('priority', say(`priority.${task.priority}`)),
      task.deadline && fact('deadline', h('time', { datetime: task.deadline }, moment(task.deadline))),
      task.generation > 1 && h('span', say('generation', { n: task.generation })),
      h('span', `${say('created')} `, ago(task.created_at)),
    );
  }

  function drawHead() {
    const { task } = state;
    const verbs = ['cancelling', 'pausing'].includes(task.status_detail) ? [] : ACTIONS[task.status];
    const buttons = verbs.map((name) =>
      h(
        'button.button',
        {
          type: 'button',
          class: `button ${name === 'retry' || name === 'resume' ? 'primary' : ''} ${name === 'cancel' ? 'danger' : name === 'remove' ? 'plain' : ''}`,
          'data-act': name,
          onclick: (event) => {
            event.currentTarget.disabled = true;
            act(name);
          },
        },
        say(name),
      ),
    );
    const share = task.status === 'completed' ? 'done' : task.status === 'in_progress' ? '' : 'quiet';
    const held = document.activeElement?.dataset?.act;
    show(
      head,
      h('div.title', h('h1', task.title), h('div.row', ...buttons)),
      facts(),
      h('progress', { class: `bar ${share}`, max: 100, value: task.progress, 'aria-label': `${number(task.progress)}%` }),
      task.description.trim() !== task.title.trim() &&
        h('p.muted.small', task.description.length > 600 ? `${task.description.slice(0, 600)}…` : task.description),
    );
    if (held) head.querySelector(`[data-act="${held}"]`)?.focus();
    onState(task);
  }

  function question(item) {
    const answer = async (body) => {
      try {
        await call('POST', taskPath(id, '/answer'), { question_id: item.id, ...body });
        toast(say('ask.done'));
        state.problem = null;
        log.wake();
      } catch (problem) {
        state.problem = problem;
      }
      await refresh();
    };
    const text = h('input', { 'aria-label': say('ask.text'), required: true });
    const body =
      item.kind === 'approval'
        ? h(
            'div.row',
            h('button.button.primary', { type: 'button', onclick: () => answer({ approved: true }) }, say('ask.approve')),
            h('button.button', { type: 'button', onclick: () => answer({ approved: false }) }, say('ask.reject')),
          )
        : item.options.length > 0
          ? h(
              'div.chips',
              ...item.options.map((option) =>
                h('button.chip', { type: 'button', onclick: () => answer({ text: option }) }, option),
              ),
            )
          : h(
              'form.row',
              {
                onsubmit: (event) => {
                  event.preventDefault();
                  if (text.value.trim()) answer({ text: text.value.trim() });
                },
              },
              h('div.grow', text),
              h('button.button.primary', { type: 'submit' }, say('ask.send')),
            );
    return h(
      'div.notice.ask',
      { 'data-question': item.id },
      mark('waiting_input'),
      h('strong', say('ask.title')),
      h('p', item.text),
      body,
    );
  }

  function drawNotes() {
    const { task, problem } = state;
    const known = new Map([...notes.querySelectorAll('[data-question]')].map((node) => [node.dataset.question, node]));
    show(
      notes,
      ...[
        problem && problemNotice(problem),
        task.status === 'failed' && task.error && problemNotice(task.error),
        ...(isOver(task) ? [] : state.questions.map((item) => known.get(item.id) ?? question(item))),
      ].filter(Boolean),
    );
  }

  async function load() {
    const revision = state.revision ? `?revision=${state.revision}` : '';
    const [task, plan, files, asked] = await Promise.all([
      get(taskPath(id)),
      get(taskPath(id, `/plan${revision}`)),
      get(taskPath(id, '/artifacts')),
      get(taskPath(id, '/questions')),
    ]);
    Object.assign(state, { task, plan, artifacts: files.artifacts, questions: asked.questions });
  }

  function draw() {
    drawHead();
    drawNotes();
    drawTabs();
    for (const view of Object.values(views)) view.draw(state);
  }

  async function refresh() {
    try {
      await load();
      if (!closed && head.isConnected) draw();
    } catch (problem) {
      if (closed || live.state !== 'open') return; // the banner says so already, and it will come back
      if (problem.status === 404) show(element, problemNotice(problem, h('a.button', { href: '#/tasks' }, say('back'))));
      else {
        state.problem = problem;
        drawNotes();
      }
    }
  }

  const later = paced(refresh, 250);
  let planned = false;
  function soon() {
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => {
      planned = false;
      if (!closed && state.task) {
        views.timeline.draw(state);
        views.review.draw(state);
      }
    });
  }

  async function begin() {
    try {
      await load();
    } catch (problem) {
      if (!closed)
        show(
          element,
          problemNotice(
            problem,
            problem.status === 404
              ? h('a.button', { href: '#/tasks' }, say('back'))
              : h('button.button', { type: 'button', onclick: begin }, say('again')),
          ),
        );
      return;
    }
    if (closed) return;
    show(
      element,
      head,
      notes,
      h('div.work', h('div.left', panels.plan, panels.timeline), h('div.side', tabs, panels.report, panels.files, panels.review)),
    );
    draw();
    resized.observe(notes);
    log = new Log(id, {
      onEvent: (event) => {
        state.fold.add(event);
        soon();
        if (event.seq > state.task.last_seq) later();
      },
      onProblem: (problem) => {
        state.problem = problem;
        drawNotes();
      },
    });
  }

  const stop = live.listen((news) => {
    if (!log) {
      if (news.type === 'again') begin();
      return;
    }
    if (news.type === 'task' && news.id === id) {
      log.wake(news.seq);
      if (news.seq > (state.task?.last_seq ?? 0)) later();
    }
    if (news.type === 'again') {
      log.wake();
      refresh();
    }
  });
  const resized = new ResizeObserver(() => {
    if (state.task) {
      drawTabs();
      views.plan.draw(state);
    }
  });
  begin();
  return {
    title: '',
    element,
    close() {
      closed = true;
      stop();
      log?.close();
      resized.disconnect();
    },
    key(event) {
      if (event.key === 'Escape') location.hash = '#/tasks';
    },
  };
}
