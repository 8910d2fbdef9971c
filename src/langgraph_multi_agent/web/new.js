// The form of a new task. What was typed survives a reload; a second submit of the same draft makes no second task.
import { get, randomKey, send } from './api.js';
import { bytes, h, problemNotice, show, stored, toast } from './dom.js';
import { say } from './words.js';

const DRAFT = 'lgma.draft';
const FIELDS = ['description', 'title', 'priority', 'deadline', 'tokens', 'cost', 'team'];
let files = [];

/** Real requests to begin with; one of them needs no file. */
export function templates() {
  return h(
    'div.chips',
    ...['data', 'groups', 'handbook'].map((name) =>
      h(
        'button.chip',
        {
          type: 'button',
          onclick: () => {
            stored.set(DRAFT, { ...stored.get(DRAFT), description: say(`try.${name}`), key: randomKey() });
            location.hash = '#/new';
          },
        },
        say(`try.${name}`),
      ),
    ),
  );
}

export function newPage() {
  const draft = stored.get(DRAFT) ?? {};
  const input = {
    description: h('textarea', {
      id: 'description',
      required: true,
      placeholder: say('description.example'),
      'aria-describedby': 'description-hint',
    }),
    title: h('input', { id: 'title', maxlength: 500, placeholder: say('title.hint') }),
    priority: h(
      'select',
      { id: 'priority' },
      ...[1, 2, 3, 4].map((n) => h('option', { value: String(n) }, say(`priority.${n}`))),
    ),
    deadline: h('input', { id: 'deadline', type: 'datetime-local' }),
    tokens: h('input', { id: 'tokens', type: 'number', min: 0, step: 1, inputmode: 'numeric' }),
    cost: h('input', { id: 'cost', type: 'number', min: 0, step: 'any', inputmode: 'decimal' }),
    team: h('select', { id: 'team' }, h('option', { value: draft.team ?? 'default' }, draft.team ?? 'default')),
  };
  for (const name of FIELDS) input[name].value = draft[name] ?? (name === 'priority' ? '2' : name === 'team' ? 'default' : '');
  const label = (name, text, ...more) =>
    h('div.field', { 'data-field': name }, h('label', { for: name }, text), input[name], ...more);
  const faults = h('div.stack');
  const list = h('ul.files');
  const lost = h('p.muted.small');
  const kept = h('span.muted.small', { role: 'status' });
  const button = h('button.button.primary', { type: 'submit' }, say('submit'));
  const picker = h('input.sr', {
    type: 'file',
    multiple: true,
    id: 'files',
    tabindex: -1,
    'aria-label': say('files'),
    onchange: () => {
      add(picker.files);
      picker.value = '';
    },
  });
  const drop = h(
    'div.drop',
    {
      ondragover: (event) => {
        event.preventDefault();
        drop.classList.add('over');
      },
      ondragleave: () => drop.classList.remove('over'),
      ondrop: (event) => {
        event.preventDefault();
        drop.classList.remove('over');
        add(event.dataTransfer.files);
      },
    },
    h('div.row', say('files.drop'), h('button.button', { type: 'button', onclick: () => picker.click() }, say('files.choose'))),
    h('span.small', say('files.kinds')),
    picker,
  );
  const teamField = label('team', say('team'));
  teamField.hidden = true;
  let key = draft.key ?? randomKey();

  function keep() {
    key = randomKey(); // another content is another request
    const values = Object.fromEntries(FIELDS.map((name) => [name, input[name].value]));
    const isEmpty = !values.description && !values.title && files.length === 0;
    stored.set(DRAFT, isEmpty ? null : { ...values, key, files: files.map((file) => file.name) });
    kept.textContent = isEmpty ? '' : say('draft.kept');
  }

  function drawFiles() {
    show(
      list,
      ...files.map((file) =>
        h(
          'li',
          h('span.grow', file.name),
          h('span.muted.small', bytes(file.size)),
          h(
            'button.button.plain',
            {
              type: 'button',
              'aria-label': say('files.remove', { name: file.name }),
              onclick: () => {
                files = files.filter((other) => other !== file);
                drawFiles();
                keep();
              },
            },
            '×',
          ),
        ),
      ),
    );
  }

  function add(chosen) {
    const names = new Set([...chosen].map((file) => file.name));
    files = [...files.filter((file) => !names.has(file.name)), ...chosen];
    lost.textContent = '';
    drawFiles();
    keep();
  }

  function form() {
    const body = new FormData();
    const at = input.deadline.value && new Date(input.deadline.value);
    const budget = Object.fromEntries(
      ['tokens', 'cost'].filter((name) => input[name].value !== '').map((name) => [name, Number(input[name].value)]),
    );
    const values = {
      description: input.description.value,
      title: input.title.value.trim(),
      priority: input.priority.value,
      team: input.team.value,
    };
    for (const [name, value] of Object.entries(values)) if (value) body.append(name, value);
    if (at && !Number.isNaN(at.getTime())) body.append('deadline', at.toISOString());
    if (Object.keys(budget).length) body.append('budget', JSON.stringify(budget));
    for (const file of files) body.append('files', file, file.name);
    return body;
  }

  function wrong(problem) {
    const own = (problem.errors ?? []).filter((item) => element.querySelector(`[data-field="${CSS.escape(item.field)}"]`));
    for (const item of own) {
      element.querySelector(`[data-field="${CSS.escape(item.field)}"]`).append(h('span.wrong', item.message));
      input[item.field]?.setAttribute('aria-invalid', 'true');
    }
    show(faults, problemNotice(problem));
    faults.scrollIntoView({ block: 'nearest' });
  }

  async function submit(event) {
    event.preventDefault();
    show(faults);
    for (const old of element.querySelectorAll('.wrong')) old.remove();
    for (const field of Object.values(input)) field.removeAttribute('aria-invalid');
    if (!input.description.value.trim()) {
      element.querySelector('[data-field="description"]').append(h('span.wrong', { role: 'alert' }, say('description.missing')));
      input.description.focus();
      return;
    }
    button.disabled = true;
    try {
      const onProgress = (share) => {
        if (files.length) button.textContent = say('submit.uploading', { n: Math.round(share * 100) });
      };
      const task = await send('/api/v1/tasks', form(), key, onProgress);
      stored.set(DRAFT, null);
      files = [];
      toast(say('submit.done'));
      location.hash = `#/tasks/${encodeURIComponent(task.id)}`;
    } catch (problem) {
      wrong(problem);
    } finally {
      button.disabled = false;
      button.textContent = say('submit');
    }
  }

  const more = h(
    'details.more',
    { open: Boolean(draft.title || draft.tokens || draft.cost) },
    h('summary', say('options')),
    h(
      'div.form',
      label('title', say('title')),
      h('div.fields', { 'data-field': 'budget' }, label('tokens', say('budget.tokens')), label('cost', say('budget.cost'))),
      h('p.muted.small', say('budget.hint')),
    ),
  );
  const element = h(
    'div',
    h('div.top', h('h1', say('new_task'))),
    h(
      'form.form',
      { onsubmit: submit, oninput: keep, novalidate: true },
      faults,
      label('description', say('description'), h('span.hint', { id: 'description-hint' }, say('description.hint'))),
      templates(),
      h('div.field', { 'data-field': 'files' }, h('span.label', say('files')), drop, lost, list),
      h('div.fields', label('priority', say('priority')), label('deadline', say('deadline')), teamField),
      more,
      h(
        'div.row',
        button,
        h(
          'button.button.plain',
          {
            type: 'button',
            onclick: () => {
              for (const name of FIELDS) input[name].value = name === 'priority' ? '2' : name === 'team' ? 'default' : '';
              files = [];
              drawFiles();
              show(faults);
              keep();
            },
          },
          say('discard'),
        ),
        kept,
      ),
    ),
  );

  drawFiles();
  const gone = (draft.files ?? []).filter((name) => !files.some((file) => file.name === name));
  if (gone.length) lost.textContent = say('files.lost', { names: gone.join(', ') });
  get('/api/v1/teams').then(
    ({ teams }) => {
      if (teams.length < 2) return;
      show(input.team, ...teams.map((team) => h('option', { value: team.name }, team.title || team.name)));
      input.team.value = draft.team ?? 'default';
      teamField.hidden = false;
    },
    () => {},
  );
  return { title: say('new_task'), element, close() {}, focus: () => input.description };
}
