// What came of a task: the report in a frame without rights, the files, the verdicts of the review.
import { bytes, h, mark, show } from './dom.js';
import { isOver } from './tasks.js';
import { has, say } from './words.js';

const KINDS = ['report', 'chart', 'result', 'plan', 'input'];
const MARKS = { true: 'completed', false: 'failed', null: 'pending' };
const RANKS = ['false', 'null', 'true'];
const isPage = (file) => file.media_type.startsWith('text/html');
const empty = (title, ...more) => h('div.empty', h('strong', title), more);

export function reportView({ titleOf }) {
  const element = h('div');
  let shown = null;

  function drawNone({ task, plan }) {
    const busy = task.status === 'in_progress' ? plan.subtasks.filter((item) => item.status === 'running') : [];
    show(
      element,
      empty(
        say('report.none'),
        task.status !== 'completed' && h('p', say(isOver(task) ? 'report.never' : 'report.soon')),
        task.status === 'completed' && task.result?.summary && h('p', task.result.summary),
        busy.length > 0 &&
          h(
            'ul',
            { 'aria-label': say('report.now') },
            busy.map((item) => h('li', mark('running'), ` ${titleOf(item.agent)} · ${item.title}`)),
          ),
      ),
    );
  }

  function draw(state) {
    const { task, artifacts } = state;
    const page =
      artifacts.findLast((file) => file.name === task.result?.report) ??
      artifacts.findLast((file) => file.kind === 'report' && isPage(file));
    const url = page ? `${page.url}?v=${page.digest.slice(0, 12)}` : null;
    if (!page) drawNone(state);
    else if (url !== shown) {
      // the same report keeps where its reader was
      show(
        element,
        h(
          'div.report',
          h(
            'div.tools',
            h('span.grow.muted', page.name),
            h('a.button.plain', { href: `${page.url}?download=true`, download: page.name }, say('report.download')),
            h('a.button.plain', { href: page.url, target: '_blank', rel: 'noopener' }, say('report.open')),
          ),
          h('iframe', { sandbox: true, src: url, title: say('report.frame'), referrerpolicy: 'no-referrer' }),
        ),
      );
    }
    shown = url;
  }

  return { element, draw };
}

export function filesView() {
  const element = h('div');

  function row(file) {
    const isPicture = file.kind === 'chart' && file.media_type.startsWith('image/');
    return h(
      'li',
      isPicture && h('img.thumb', { src: file.url, alt: '', loading: 'lazy' }),
      h(
        'div.grow',
        h('a', { href: file.url, target: '_blank', rel: 'noopener' }, file.name),
        h('div.muted.small', `${say(`kind.${file.kind}`)} · ${bytes(file.size_bytes)}`),
      ),
      h(
        'a.button.plain',
        { href: `${file.url}?download=true`, download: file.name, 'aria-label': `${say('report.download')} ${file.name}` },
        say('report.download'),
      ),
    );
  }

  function draw({ artifacts }) {
    const sorted = [...artifacts].sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind));
    show(element, sorted.length ? h('ul.list', sorted.map(row)) : empty(say('files.none')));
  }

  return { element, draw };
}

export function reviewView() {
  const element = h('div');

  function draw({ fold }) {
    const { review } = fold;
    const verdicts = [...fold.verdicts.values()].sort(
      (a, b) => RANKS.indexOf(String(a.passed)) - RANKS.indexOf(String(b.passed)),
    );
    if (!review?.criteria && verdicts.length === 0) {
      show(element, empty(say('review.none'), h('p', say('review.none.detail'))));
      return;
    }
    const row = ({ criterion, passed, reason, subtask }) =>
      h(
        'li',
        mark(MARKS[passed]),
        h(
          'div.grow',
          h(
            'div',
            has(`criterion.${criterion}`) ? say(`criterion.${criterion}`) : criterion,
            h('span.muted', ` · ${fold.titles.get(subtask) ?? subtask}`),
          ),
          reason && h('div.muted.small', reason),
        ),
        h('span.small.muted', say(`verdict.${passed}`)),
      );
    show(
      element,
      review &&
        h('p.lead', say('review.sum', { passed: review.passed, failed: review.failed.length, unchecked: review.unchecked })),
      h('ul.list', verdicts.map(row)),
    );
  }

  return { element, draw };
}
