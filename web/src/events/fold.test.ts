import { describe, expect, it } from 'vitest';
import type { Data, TaskEvent } from './event';
import { doneOf, elapsedOf, fold, foldAll, missingPlan, withPlan } from './fold';
import { statusOf } from './status';
import { EMPTY_VIEW } from './view';

type Line = readonly [type: string, data?: Data, subtask?: string | undefined, agent?: string];

function log(lines: readonly Line[]): TaskEvent[] {
  return lines.map(([type, data = {}, subtask, agent], at) => ({
    seq: at + 1,
    type,
    at: new Date(Date.UTC(2026, 0, 1, 0, 0, at)).toISOString(),
    agent: agent ?? null,
    subtask_id: subtask ?? null,
    data,
  }));
}

const PLAN = [
  { id: 'read', title: 'Read', agent: 'desk', depends_on: [] },
  { id: 'write', title: 'Write', agent: 'desk', depends_on: ['read'] },
];
const START: readonly Line[] = [
  ['task.submitted', { title: 'Count', team: 'default', priority: 2, files: ['a.csv'] }],
  ['task.started', { run: 'r1', epoch: 1, generation: 0, worker: 'w' }],
  ['model.called', { model: 'm', outcome: 'ok', input_tokens: 5, output_tokens: 2, cost: 0.01 }, undefined, 'meta_agent'],
  ['plan.created', { revision: 1, reason: 'because', count: 2, subtasks: PLAN }],
  ['subtask.started', { run: 'r1', attempt: 1, title: 'Read' }, 'read', 'desk'],
  ['tool.called', { tool: 'count', kind: 'skill', outcome: 'ok', duration_s: 0.2 }, 'read', 'desk'],
  ['model.called', { model: 'm', outcome: 'ok', input_tokens: 10, output_tokens: 5, cost: 0.02 }, 'read', 'desk'],
];
const FAILS: readonly Line[] = [
  ...START,
  ['subtask.failed', { error: { code: 'TOOL_FAILED', title: 'T', detail: 'D', hint: 'H' }, duration_s: 2 }, 'read', 'desk'],
  ['recovery.attempted', { decision: 'retry', attempt: 1, wait_s: 0, code: 'TOOL_FAILED' }, 'read', 'desk'],
  ['subtask.retried', { attempt: 2, after: 'TOOL_FAILED' }, 'read', 'desk'],
  ['subtask.started', { run: 'r1', attempt: 2, title: 'Read' }, 'read', 'desk'],
];
const WHOLE: readonly Line[] = [
  ...FAILS,
  ['artifact.created', { name: 'a.md', kind: 'result', media_type: 'text/markdown', size_bytes: 9 }, 'read', 'desk'],
  ['subtask.completed', { summary: 'read it', findings: 1, passages: 2, duration_s: 3, reused: false }, 'read', 'desk'],
  ['subtask.started', { run: 'r1', attempt: 1, title: 'Write' }, 'write', 'desk'],
  ['task.waiting_input', { questions: [{ id: 'q', kind: 'choice', text: 'Which?', options: ['a', 'b'] }] }],
  ['task.updated', { answered: 'q' }],
  ['task.resumed', { by: 'person' }],
  ['task.resumed', { run: 'r2', epoch: 2, generation: 0, worker: 'w' }],
  ['subtask.started', { run: 'r2', attempt: 1, title: 'Write' }, 'write', 'desk'],
  ['subtask.completed', { summary: 'wrote it', findings: 0, passages: 0, duration_s: 1, reused: false }, 'write', 'desk'],
  ['review.verdict', { criterion: 'c', passed: true, reason: 'ok' }, 'write', 'reviewer'],
  ['review.verdict', { revision: 1, criteria: 1, passed: 1, failed: [], unchecked: 0 }],
  ['task.completed', { result: { summary: 'done' } }],
];

describe('fold', () => {
  it('gives the same view in one piece, in many pieces, and with events that come twice', () => {
    const events = log(WHOLE);
    const once = foldAll(events);
    for (const size of [1, 2, 3, 7]) {
      let view = EMPTY_VIEW;
      for (let at = 0; at < events.length; at += size) {
        view = fold(view, events.slice(Math.max(0, at - 2), at + size));
        view = fold(view, events.slice(0, at));
      }
      expect(view).toEqual(once);
    }
  });

  it('leaves the view before as it was', () => {
    const events = log(WHOLE);
    for (let at = 1; at < events.length; at += 1) {
      const before = foldAll(events.slice(0, at));
      const copy = structuredClone(before);
      fold(before, events.slice(at));
      expect(before).toEqual(copy);
    }
  });

  it('answers the same object when nothing is new', () => {
    const view = foldAll(log(START));
    expect(fold(view, log(START))).toBe(view);
  });

  it('tells attempts, calls, artifacts, spending and the review', () => {
    const view = foldAll(log(WHOLE));
    expect(view.status).toBe('completed');
    expect(view.title).toBe('Count');
    const [read, write] = view.subtasks;
    expect(read?.attempts.map((one) => one.status)).toEqual(['failed', 'completed']);
    expect(read?.attempts[0]?.error).toEqual({ code: 'TOOL_FAILED', title: 'T', detail: 'D', hint: 'H' });
    expect([read?.summary, read?.findings, read?.passages, read?.tokens]).toEqual(['read it', 1, 2, 15]);
    expect(write?.attempts.map((one) => [one.run, one.status])).toEqual([
      ['r1', 'waiting_input'],
      ['r2', 'completed'],
    ]);
    expect(view.spending).toEqual({ inputTokens: 15, outputTokens: 7, cost: 0.03, modelCalls: 2, toolCalls: 1 });
    expect(view.artifacts.map((one) => one.name)).toEqual(['a.md']);
    expect(view.verdicts).toHaveLength(1);
    expect(view.review?.passed).toBe(1);
    expect(view.questions).toEqual([]);
    expect(view.runs.map((one) => one.run)).toEqual(['r1', 'r2']);
    expect(doneOf(view)).toEqual({ done: 2, total: 2 });
    expect(elapsedOf(view, new Date())).toBe(WHOLE.length - 2);
    const first = view.entries.find((one) => one.kind === 'subtask');
    expect(first?.parts.map((one) => one.kind)).toEqual(['tool', 'model']);
    expect(view.entries.filter((one) => one.kind === 'calls')).toHaveLength(1);
  });

  it('shows open questions and who waits', () => {
    const waiting = WHOLE.findIndex(([type]) => type === 'task.waiting_input') + 1;
    const view = foldAll(log(WHOLE.slice(0, waiting)));
    expect(view.status).toBe('waiting_input');
    expect(view.questions.map((one) => [one.id, one.options])).toEqual([['q', ['a', 'b']]]);
    expect(view.subtasks.map((one) => one.status)).toEqual(['completed', 'waiting_input']);
    expect(view.entries.some((one) => one.status === 'running')).toBe(false);
  });

  it('cancels what has not begun when the task is cancelled', () => {
    const view = foldAll(log([...START, ['task.cancelled', { by: 'person' }]]));
    expect(view.subtasks.map((one) => one.status)).toEqual(['cancelled', 'cancelled']);
    expect(view.entries.filter((one) => one.status === 'running')).toEqual([]);
  });

  it('begins anew when another worker takes the task over', () => {
    const view = foldAll(log([...START, ['task.resumed', { run: 'r2', epoch: 2, generation: 0, worker: 'x' }]]));
    expect(view.status).toBe('running');
    expect(view.subtasks[0]?.status).toBe('pending');
    expect(view.subtasks[0]?.attempts[0]?.status).toBe('cancelled');
  });

  it('keeps failed parts readable beside their repair', () => {
    const repaired = [{ id: 'read2', title: 'Read again', agent: 'desk', depends_on: [] }, PLAN[1] ?? {}];
    const view = foldAll(log([...FAILS, ['plan.revised', { revision: 2, reason: 'repair', count: 2, subtasks: repaired }]]));
    expect(view.plans.map((one) => one.revision)).toEqual([1, 2]);
    expect(view.subtasks.map((one) => one.id)).toEqual(['read2', 'write']);
    expect(view.subtaskById.get('read')?.attempts).toHaveLength(2);
  });

  it('opens every subtask again with a new generation', () => {
    const view = foldAll(log([...WHOLE, ['task.reopened', { generation: 1 }]]));
    expect(view.subtasks.map((one) => one.status)).toEqual(['pending', 'pending']);
    expect([view.status, view.review, view.verdicts.length, view.endedAt]).toEqual(['pending', null, 0, null]);
  });

  it('asks for a plan that was too large for its event and takes it later', () => {
    const small = START.map((line): Line => (line[0] === 'plan.created' ? [line[0], { revision: 1, reason: '', count: 2 }] : line));
    const view = foldAll(log(small));
    expect(missingPlan(view)).toBe(1);
    const whole = withPlan(
      view,
      1,
      PLAN.map((one) => ({ id: one.id, title: one.title, agent: one.agent, dependsOn: one.depends_on })),
    );
    expect(missingPlan(whole)).toBeNull();
    expect(whole.subtasks.map((one) => one.status)).toEqual(['running', 'pending']);
  });

  it('costs what the number of events says, and one more costs a part of all', () => {
    const lines: Line[] = [...START.slice(0, 2)];
    const nodes = Array.from({ length: 64 }, (_, at) => ({ id: `s${at}`, title: `S${at}`, agent: 'desk', depends_on: [] }));
    lines.push(['plan.created', { revision: 1, reason: '', count: 64, subtasks: nodes }]);
    for (let at = 0; lines.length < 5000; at += 1) {
      const id = `s${at % 64}`;
      const attempt = Math.floor(at / 64) + 1;
      lines.push(['subtask.started', { run: 'r', attempt, title: id }, id, 'desk']);
      for (let call = 0; call < 5; call += 1) lines.push(['tool.called', { tool: 't', outcome: 'ok', duration_s: 0.1 }, id, 'desk']);
      lines.push(['model.called', { model: 'm', input_tokens: 1, output_tokens: 1, cost: 0 }, id, 'desk']);
      lines.push(['artifact.created', { name: `${id}-${attempt}.md`, kind: 'result', media_type: 'text/markdown', size_bytes: 1 }, id, 'desk']);
      lines.push(['review.verdict', { criterion: `c${attempt}`, passed: true, reason: '' }, id, 'reviewer']);
      lines.push(['subtask.completed', { summary: 's', findings: 0, passages: 0, duration_s: 1, reused: false }, id, 'desk']);
    }
    const events = log(lines);
    const timed = (run: () => void) => {
      const before = performance.now();
      run();
      return performance.now() - before;
    };
    // Machines under load pause: the best of a few runs is the cost of the work itself.
    const best = (run: () => void) => Math.min(...Array.from({ length: 15 }, () => timed(run)));
    const [part, whole] = [best(() => foldAll(events.slice(0, 625))), best(() => foldAll(events))];
    expect(whole / part).toBeLessThan(24); // eight times the events: 8 where each costs the same, 64 where all are looked at again
    const view = foldAll(events.slice(0, -1));
    expect(best(() => fold(view, events.slice(-1)))).toBeLessThan(whole / 4);
  });
});

describe('statusOf', () => {
  it('sees through the four statuses of the adapter', () => {
    expect(statusOf('failed', 'cancelled')).toBe('cancelled');
    expect(statusOf('in_progress', 'waiting_input')).toBe('waiting_input');
    expect(statusOf('in_progress', 'cancelling')).toBe('running');
    expect(statusOf('skipped')).toBe('cancelled');
    expect(statusOf('paused')).toBe('paused');
  });
});
