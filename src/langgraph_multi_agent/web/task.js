// One task: its state, plan, timeline, report, files and review; all of it from the server and the event log.
import { Log, call, get, paced, taskPath } from './api.js';
import { ago, bytes, confirmed, duration, h, mark, moment, number, problemNotice, secondsBetween, show, skeleton, statusChip, toast } from './dom.js';
import { Fold } from './fold.js';
import { graph } from './plan.js';
import { isOver, shownStatus } from './tasks.js';
import { has, say } from './words.js';

const TABS = ['plan', 'timeline', 'report', 'files', 'review'];
const LEFT = ['plan', 'timeline'];
const isPage = (file) => file.media_type.startsWith('text/html');
const wide = matchMedia('(min-width: 1180px)');
const ACTIONS = {
  pending: ['pause', 'cancel'], in_progress: ['pause', 'cancel'], waiting_input: ['pause', 'cancel'], paused: ['resume', 'cancel'],
  completed: ['remove'], failed: ['retry', 'remove'], cancelled: ['retry', 'remove'],
};

export function taskPage({ id, live, titleOf, onState }) {
  const state = { task: null, plan: null, artifacts: [], questions: [], fold: new Fold(), revision: null, selected: null, tab: null, problem: null };
  const element = h('div', null, skeleton(6));
  const part = Object.fromEntries(['head', 'notes', 'plan', 'detail', 'timeline', 'report', 'files', 'review', 'tabs'].map((name) => [name, h('div')]));
  part.notes.className = 'stack';
  part.tabs.className = 'tabs';
  const drawn = new Map();
  let closed = false;
  let log = null;
  let frameUrl = null;

  const panel = (name, ...children) => h('section.panel', { id: `panel-${name}`, role: 'tabpanel', 'aria-labelledby': `tab-${name}`, class: `panel card ${name}-panel` }, h('h2', null, say(`tab.${name}`)), ...children);
  const panels = { plan: panel('plan', part.plan, part.detail), timeline: panel('timeline', part.timeline) };
  for (const name of ['report', 'files', 'review']) panels[name] = h('section', { id: `panel-${name}`, role: 'tabpanel', 'aria-labelledby': `tab-${name}`, class: 'card' }, part[name]);

  function chosenTab() {
    const tab = state.tab ?? (state.task.status === 'completed' ? 'report' : wide.matches ? 'report' : 'plan');
    return wide.matches && LEFT.includes(tab) ? 'report' : tab;
  }

  function drawTabs() {
    const chosen = chosenTab();
    const made = state.artifacts.length;
    const focused = document.activeElement?.id;
    part.tabs.setAttribute('role', 'tablist');
    part.tabs.setAttribute('aria-label', say('views'));
    show(part.tabs, ...TABS.map((name) => h('button', {
      type: 'button', role: 'tab', id: `tab-${name}`, class: LEFT.includes(name) ? 'narrow' : '', 'aria-selected': String(name === chosen), 'aria-controls': `panel-${name}`, tabindex: name === chosen ? 0 : -1,
      onclick: () => { state.tab = name; drawTabs(); drawPlan(); },
      onkeydown: (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        const shown = TABS.filter((other) => !wide.matches || !LEFT.includes(other));
        state.tab = shown[(shown.indexOf(name) + step + shown.length) % shown.length];
        drawTabs();
        document.getElementById(`tab-${state.tab}`).focus();
      },
    }, say(`tab.${name}`), name === 'files' && made > 0 && h('span.count', null, number(made)))));
    if (focused?.startsWith('tab-')) document.getElementById(focused)?.focus();
    for (const name of TABS) panels[name].hidden = !(name === chosen || (wide.matches && LEFT.includes(name)));
  }

  // Header -----------------------------------------------------------------------------------------
  async function act(name) {
    if (name === 'cancel' && !await confirmed(say('cancel.ask'), say('cancel.detail'), say('cancel'))) return;
    if (name === 'remove' && !await confirmed(say('remove.ask'), say('remove.detail'), say('remove'))) return;
    try {
      const task = name === 'remove' ? await call('DELETE', taskPath(id)) : await call('POST', taskPath(id, `/${name}`));
      state.problem = null;
      if (name === 'remove') { toast(say('did.remove')); location.hash = '#/tasks'; return; }
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
    const fact = (name, ...value) => h('span', null, `${say(name)} `, h('b', null, ...value));
    const end = isOver(task) ? task.completed_at : null;
    const done = plan?.subtasks.length ? plan.subtasks.filter((item) => item.status === 'completed').length : null;
    const tokens = task.cost.input_tokens + task.cost.output_tokens || fold.tokens;
    return h('div.facts', null, statusChip(task.status, shownStatus(task)),
      task.started_at && fact('elapsed', h('span', end ? {} : { 'data-since': task.started_at }, duration(secondsBetween(task.started_at, end)))),
      done !== null && fact('steps', say('of', { n: done, of: plan.subtasks.length })),
      tokens > 0 && fact('tokens', task.budget.tokens ? say('of', { n: number(tokens), of: number(task.budget.tokens) }) : number(tokens)),
      task.cost.cost > 0 && fact('cost', task.budget.cost ? say('of', { n: number(task.cost.cost), of: number(task.budget.cost) }) : number(task.cost.cost)),
      fact('priority', say(`priority.${task.priority}`)), task.deadline && fact('deadline', h('time', { datetime: task.deadline }, moment(task.deadline))),
      task.generation > 1 && h('span', null, say('generation', { n: task.generation })), h('span', null, `${say('created')} `, ago(task.created_at)));
  }

  function drawHead() {
    const { task } = state;
    const verbs = ['cancelling', 'pausing'].includes(task.status_detail) ? [] : ACTIONS[task.status];
    const buttons = verbs.map((name) => h('button.button', { type: 'button', class: `button ${name === 'retry' || name === 'resume' ? 'primary' : ''} ${name === 'cancel' ? 'danger' : name === 'remove' ? 'plain' : ''}`, 'data-act': name, onclick: () => act(name) }, say(name)));
    const share = task.status === 'completed' ? 'done' : task.status === 'in_progress' ? '' : 'quiet';
    const held = document.activeElement?.dataset?.act;
    part.head.className = 'head';
    show(part.head, h('div.title', null, h('h1', null, task.title), h('div.row', null, ...buttons)), facts(),
      h('progress', { class: `bar ${share}`, max: 100, value: task.progress, 'aria-label': `${number(task.progress)}%` }),
      task.description.trim() !== task.title.trim() && h('p.muted.small', null, task.description.length > 600 ? `${task.description.slice(0, 600)}…` : task.description));
    if (held) part.head.querySelector(`[data-act="${held}"]`)?.focus();
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
    const body = item.kind === 'approval'
      ? h('div.row', null, h('button.button.primary', { type: 'button', onclick: () => answer({ approved: true }) }, say('ask.approve')), h('button.button', { type: 'button', onclick: () => answer({ approved: false }) }, say('ask.reject')))
      : item.options.length > 0
        ? h('div.chips', null, ...item.options.map((option) => h('button.chip', { type: 'button', onclick: () => answer({ text: option }) }, option)))
        : h('form.row', { onsubmit: (event) => { event.preventDefault(); if (text.value.trim()) answer({ text: text.value.trim() }); } }, h('div.grow', null, text), h('button.button.primary', { type: 'submit' }, say('ask.send')));
    return h('div.notice.ask', { 'data-question': item.id }, mark('waiting_input'), h('strong', null, say('ask.title')), h('p', null, item.text), body);
  }

  function drawNotes() {
    const { task, problem } = state;
    const known = new Map([...part.notes.querySelectorAll('[data-question]')].map((node) => [node.dataset.question, node]));
    show(part.notes, ...[problem && problemNotice(problem), task.status === 'failed' && task.error && problemNotice(task.error),
      ...(isOver(task) ? [] : state.questions.map((item) => known.get(item.id) ?? question(item)))].filter(Boolean));
  }

  // Plan -------------------------------------------------------------------------------------------
  function drawPlan() {
    const { plan } = state;
    if (!plan || panels.plan.hidden) return;
    if (plan.subtasks.length === 0) {
      show(part.plan, h('div.empty', null, h('strong', null, say('plan.none')), h('p', null, say(isOver(state.task) ? 'plan.never' : 'plan.none.detail'))));
      show(part.detail);
      return;
    }
    const revisions = plan.revisions.length > 1 ? plan.revisions.map((n) => h('button.chip', { type: 'button', 'aria-pressed': String(n === plan.revision), onclick: () => { state.revision = n === plan.revisions.at(-1) ? null : n; refresh(); } }, say('plan.revision', { n }))) : [];
    const focused = document.activeElement?.dataset?.subtask;
    const scrolled = part.plan.querySelector('.plan')?.scrollLeft ?? 0;
    const width = panels.plan.clientWidth - 32;
    show(part.plan, revisions.length ? h('div.lead.chips', null, ...revisions) : '', plan.reason && h('p.lead.folded', { title: plan.reason }, plan.reason), h('div.plan', { role: 'group', 'aria-label': say('tab.plan') },
      graph({ subtasks: plan.subtasks, width, selected: state.selected, agentTitle: titleOf, frozen: state.task.status !== 'in_progress', onSelect: (one) => { state.selected = state.selected === one ? null : one; drawPlan(); drawTimeline(true); } })));
    part.plan.querySelector('.plan').scrollLeft = scrolled;
    if (focused) part.plan.querySelector(`[data-subtask="${CSS.escape(focused)}"]`)?.focus();
    drawDetail();
  }

  function drawDetail() {
    const item = state.plan.subtasks.find((one) => one.id === state.selected);
    if (!item) { show(part.detail); return; }
    const names = item.depends_on.map((one) => state.plan.subtasks.find((other) => other.id === one)?.title ?? one);
    show(part.detail, h('div.detail', null, h('div.row', null, h('strong.grow', null, item.title), statusChip(item.status), h('button.button.plain.close', { type: 'button', 'aria-label': say('close'), onclick: () => { state.selected = null; drawPlan(); drawTimeline(true); } }, '×')),
      item.summary && h('p', null, item.summary), item.error && h('p', null, `${item.error.title} · ${item.error.detail}`), item.reason && h('p.muted', null, item.reason),
      item.inputs.length > 0 && h('p.muted', null, say('plan.reads', { names: item.inputs.join(', ') })), names.length > 0 && h('p.muted', null, say('plan.after', { names: names.join(', ') }))));
  }

  // Timeline ---------------------------------------------------------------------------------------
  function lineOf(entry) {
    const who = entry.agent ? titleOf(entry.agent) : '';
    switch (entry.kind) {
      case 'plan': return [who, say(entry.revision > 1 ? 'event.replan' : 'event.plan', { n: entry.count, r: entry.revision })];
      case 'review': return [who, say('event.review', { passed: entry.data.passed, n: entry.data.criteria })];
      case 'recovery': return [who, say('event.recovery', { what: has(`recovery.${entry.data.decision}`) ? say(`recovery.${entry.data.decision}`) : entry.data.decision })];
      case 'subtask': return [who, entry.title + (entry.attempt > 1 ? `（${say('event.attempt', { n: entry.attempt })}）` : '')];
      default: return ['', say(`event.${entry.word}`)];
    }
  }

  function partLine({ type, data }) {
    const took = data.duration_s === undefined ? '' : ` · ${duration(data.duration_s)}`;
    if (type === 'tool.called') return [mark(data.outcome === 'ok' ? 'completed' : 'failed'), ' ', h('code', null, data.tool), data.outcome === 'ok' ? took : ` · ${data.outcome}${took}`];
    if (type === 'model.called') return [mark('completed'), ' ', say('event.model', { model: data.model, n: number((data.input_tokens ?? 0) + (data.output_tokens ?? 0)) })];
    if (type === 'artifact.created') return [mark('completed'), ' ', h('a', { href: taskPath(id, `/artifacts/${encodeURIComponent(data.name)}`), target: '_blank', rel: 'noopener' }, data.name), ` · ${bytes(data.size_bytes)}`];
    return [type];
  }

  function entryElement(entry, before) {
    const [who, what] = lineOf(entry);
    const live = entry.status === 'running' ? { 'data-since': entry.at } : {};
    const took = entry.took !== undefined ? duration(entry.took) : entry.status === 'running' ? duration(secondsBetween(entry.at)) : '';
    const extra = [entry.reused && say('event.reused'), entry.found > 0 && say('event.found', { n: entry.found }), entry.quoted > 0 && say('event.quoted', { n: entry.quoted })].filter(Boolean);
    const offset = state.task ? duration(Math.max(0, secondsBetween(state.task.created_at, entry.at))) : '';
    const line = [h('time.when', { datetime: entry.at, title: moment(entry.at) }, offset), mark(entry.status, say(`status.${entry.status}`)), h('span', null, who && h('span.muted', null, `${who} `), what, extra.length > 0 && h('span.muted.small', null, ` · ${extra.join(' · ')}`)), h('span.took', live, took), entry.said && h('span.said', null, entry.said)];
    const faults = entry.kind === 'review' ? entry.data.failed.map((one) => h('div', null, mark('failed'), ` ${one.criterion}: ${one.reason}`)) : [];
    if (entry.parts.length + faults.length === 0 && (entry.said ?? '').length < 80) return h('div.entry.flat', null, ...line);
    return h('details.entry', { open: before?.open }, h('summary', null, ...line), entry.parts.length + faults.length > 0 && h('div.inner', null, ...faults, ...entry.parts.map((one) => h('div', null, ...partLine(one)))));
  }

  const list = h('div.events', { role: 'log', 'aria-label': say('tab.timeline'), tabindex: 0 });
  const only = h('div');
  function drawTimeline(all) {
    const tail = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    if (all) { drawn.clear(); show(list); }
    for (const entry of state.fold.entries.values()) {
      if (state.selected && entry.subtask !== state.selected) continue;
      const before = drawn.get(entry.key);
      if (before?.version === entry.version) continue;
      const element = entryElement(entry, before?.element);
      if (before) before.element.replaceWith(element);
      else list.append(element);
      drawn.set(entry.key, { element, version: entry.version });
    }
    if (tail && !all && !isOver(state.task)) list.scrollTop = list.scrollHeight;
    show(only, state.selected ? h('p.lead', null, say('filter.one', { name: state.fold.titles.get(state.selected) ?? state.selected }), ' ', h('button.button.plain', { type: 'button', onclick: () => { state.selected = null; drawPlan(); drawTimeline(true); } }, say('filter.all'))) : '');
  }
  part.timeline.append(only, list);

  // Report, files, review --------------------------------------------------------------------------
  function drawReport() {
    const { task, artifacts } = state;
    const name = task.result?.report;
    const page = artifacts.findLast((item) => item.name === name) ?? artifacts.findLast((item) => item.kind === 'report' && isPage(item));
    if (!page) {
      frameUrl = null;
      const now = state.plan?.subtasks.filter((item) => item.status === 'running' && task.status === 'in_progress') ?? [];
      show(part.report, h('div.empty', null, h('strong', null, say('report.none')), h('p', null, say(isOver(task) ? 'report.never' : 'report.soon')), task.status === 'completed' && task.result?.summary && h('p', null, task.result.summary),
        now.length > 0 && h('ul', { 'aria-label': say('report.now') }, ...now.map((item) => h('li', null, mark('running'), ` ${titleOf(item.agent)} · ${item.title}`)))));
      return;
    }
    const url = `${page.url}?v=${page.digest.slice(0, 12)}`;
    if (url === frameUrl) return; // the frame keeps where the reader was
    frameUrl = url;
    show(part.report, h('div.report', null, h('div.tools', null, h('span.grow.muted', null, page.name), h('a.button.plain', { href: `${page.url}?download=true`, download: page.name }, say('report.download')), h('a.button.plain', { href: page.url, target: '_blank', rel: 'noopener' }, say('report.open'))),
      h('iframe', { sandbox: '', src: url, title: say('report.frame'), referrerpolicy: 'no-referrer' })));
  }

  function drawFiles() {
    if (state.artifacts.length === 0) { show(part.files, h('div.empty', null, h('strong', null, say('files.none')))); return; }
    const order = ['report', 'chart', 'result', 'plan', 'input'];
    const sorted = state.artifacts.toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
    show(part.files, h('ul.list', null, ...sorted.map((item) => h('li', null, item.kind === 'chart' && item.media_type.startsWith('image/') && h('img.thumb', { src: item.url, alt: '', loading: 'lazy' }),
      h('div.grow', null, h('a', { href: item.url, target: '_blank', rel: 'noopener' }, item.name), h('div.muted.small', null, `${say(`kind.${item.kind}`)} · ${bytes(item.size_bytes)}`)),
      h('a.button.plain', { href: `${item.url}?download=true`, download: item.name, 'aria-label': `${say('report.download')} ${item.name}` }, say('report.download'))))));
  }

  function drawReview() {
    const { fold } = state;
    const verdicts = [...fold.verdicts.values()];
    if (!fold.review && verdicts.length === 0) { show(part.review, h('div.empty', null, h('strong', null, say('review.none')), h('p', null, say('review.none.detail')))); return; }
    const rank = (one) => (one.passed === false ? 0 : one.passed === null ? 1 : 2);
    const sum = fold.review && h('p.lead', null, say('review.sum', { passed: fold.review.passed, failed: fold.review.failed.length, unchecked: fold.review.unchecked }));
    show(part.review, sum || '', h('ul.list', null, ...verdicts.sort((a, b) => rank(a) - rank(b)).map((one) => h('li', null, mark({ true: 'completed', false: 'failed', null: 'pending' }[one.passed], say(`verdict.${one.passed}`)),
      h('div.grow', null, h('div', null, has(`criterion.${one.criterion}`) ? say(`criterion.${one.criterion}`) : one.criterion, h('span.muted', null, ` · ${fold.titles.get(one.subtask) ?? one.subtask}`)), one.reason && h('div.muted.small', null, one.reason)), h('span.small.muted', null, say(`verdict.${one.passed}`))))));
  }

  // Life -------------------------------------------------------------------------------------------
  async function load() {
    const revision = state.revision ? `?revision=${state.revision}` : '';
    const [task, plan, files, asked] = await Promise.all([get(taskPath(id)), get(taskPath(id, `/plan${revision}`)), get(taskPath(id, '/artifacts')), get(taskPath(id, '/questions'))]);
    Object.assign(state, { task, plan, artifacts: files.artifacts, questions: asked.questions });
  }

  function draw() {
    drawHead(); drawNotes(); drawTabs(); drawPlan(); drawTimeline(); drawReport(); drawFiles(); drawReview();
  }

  async function refresh() {
    try {
      await load();
      if (!closed && part.head.isConnected) draw();
    } catch (problem) {
      if (closed || live.state !== 'open') return; // the banner says so already, and it will come back
      if (problem.status === 404) show(element, problemNotice(problem, h('a.button', { href: '#/tasks' }, say('back'))));
      else { state.problem = problem; drawNotes(); }
    }
  }

  const later = paced(refresh, 250);
  let planned = false;
  function soon() {
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => { planned = false; if (!closed && state.task) { drawTimeline(); drawReview(); } });
  }

  async function begin() {
    try {
      await load();
    } catch (problem) {
      if (!closed) show(element, problemNotice(problem, problem.status === 404 ? h('a.button', { href: '#/tasks' }, say('back')) : h('button.button', { type: 'button', onclick: begin }, say('again'))));
      return;
    }
    if (closed) return;
    show(element, part.head, part.notes, h('div.work', null, h('div.left', null, panels.plan, panels.timeline), h('div.side', null, part.tabs, panels.report, panels.files, panels.review)));
    draw();
    resized.observe(part.notes);
    log = new Log(id, {
      onEvent: (event) => { state.fold.add(event); soon(); if (event.seq > state.task.last_seq) later(); },
      onProblem: (problem) => { state.problem = problem; drawNotes(); },
    });
  }

  const stop = live.listen((news) => {
    if (!log) { if (news.type === 'again') begin(); return; }
    if (news.type === 'task' && news.id === id) { log.wake(news.seq); if (news.seq > (state.task?.last_seq ?? 0)) later(); }
    if (news.type === 'again') { log.wake(); refresh(); }
  });
  const resized = new ResizeObserver(() => { if (state.task) { drawTabs(); drawPlan(); } });
  begin();
  return {
    title: '', element,
    close() { closed = true; stop(); log?.close(); resized.disconnect(); },
    key(event) { if (event.key === 'Escape') location.hash = '#/tasks'; },
  };
}
