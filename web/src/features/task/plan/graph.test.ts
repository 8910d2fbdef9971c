import { describe, expect, it } from 'vitest';
import type { TaskEvent } from '@/events/event';
import { foldAll } from '@/events/fold';
import { graphOf, shapeOf } from './graph';
import { NODE, spread, type Place } from './layout';

type Line = readonly [type: string, data: Record<string, unknown>, subtask?: string];

function view(lines: readonly Line[]) {
  return foldAll(
    lines.map(([type, data, subtask], at): TaskEvent => ({ seq: at + 1, type, at: new Date(at * 1000).toISOString(), agent: null, subtask_id: subtask ?? null, data })),
  );
}
const node = (id: string, ...needs: string[]) => ({ id, title: id.replace(/-r\d$/, ''), agent: 'x', depends_on: needs });
const plan = (revision: number, ...subtasks: ReturnType<typeof node>[]): Line => [
  revision === 1 ? 'plan.created' : 'plan.revised',
  { revision, reason: '', count: subtasks.length, subtasks },
];
const done = (id: string): readonly Line[] => [
  ['subtask.started', { attempt: 1, run: 'r' }, id],
  ['subtask.completed', { summary: '', duration_s: 1 }, id],
];

describe('graphOf', () => {
  it('is null before there is a plan', () => {
    expect(graphOf(view([]), undefined)).toBeNull();
  });

  it('shows a part that the review did not accept beside its repair', () => {
    const seen = view([
      plan(1, node('a'), node('b', 'a')),
      ...done('a'),
      ...done('b'),
      ['review.verdict', { revision: 1, criteria: 2, passed: 1, failed: [{ subtask_id: 'b', criterion: 'c' }], unchecked: 0 }],
      plan(2, node('a'), node('b-r2', 'a')),
    ]);
    const graph = graphOf(seen, undefined);
    expect(graph?.nodes.map((one) => [one.subtask.id, one.isReplaced, one.repairs])).toEqual([
      ['a', false, null],
      ['b-r2', false, 'b'],
      ['b', true, null],
    ]);
    expect(graph?.edges.map((one) => [one.from, one.to, one.kind])).toEqual([
      ['a', 'b-r2', 'needs'],
      ['b', 'b-r2', 'repairs'],
    ]);
  });

  it('shows an earlier revision as it was planned', () => {
    const seen = view([plan(1, node('a'), node('b', 'a')), plan(2, node('a'))]);
    expect(graphOf(seen, 1)?.nodes.map((one) => one.subtask.id)).toEqual(['a', 'b']);
    expect(graphOf(seen, 7)?.revision.revision).toBe(2);
  });

  it('says that nothing stands in the place of a part that was left out', () => {
    const seen = view([
      plan(1, node('a'), node('b')),
      ['subtask.started', { attempt: 1, run: 'r' }, 'b'],
      ['subtask.failed', { error: { code: 'X' }, duration_s: 1 }, 'b'],
      plan(2, node('a')),
    ]);
    expect(graphOf(seen, undefined)?.nodes.map((one) => [one.subtask.id, one.isReplaced, one.isDropped])).toEqual([
      ['a', false, false],
      ['b', true, true],
    ]);
  });

  it('keeps its shape while subtasks only change their state', () => {
    const lines = [plan(1, node('a'), node('b', 'a'))];
    const before = graphOf(view(lines), undefined);
    const after = graphOf(view([...lines, ...done('a')]), undefined);
    expect(before && shapeOf(before)).toBe(after && shapeOf(after));
  });
});

describe('spread', () => {
  it('leaves small drawings alone', () => {
    const places = new Map([['a', { x: 0, y: 0 }]]);
    expect(spread(places)).toBe(places);
  });
  it('turns a tower into columns in which nothing overlaps', () => {
    const places = new Map(Array.from({ length: 63 }, (_, at): [string, Place] => [`s${at}`, at === 62 ? { x: 300, y: 0 } : { x: 0, y: at * 80 }]));
    const found = [...spread(places).values()];
    expect(Math.max(...found.map((one) => one.y)) - Math.min(...found.map((one) => one.y))).toBeLessThan(8 * (NODE.height + 20));
    for (const [at, one] of found.entries()) {
      for (const other of found.slice(at + 1)) {
        expect(Math.abs(one.x - other.x) >= NODE.width || Math.abs(one.y - other.y) >= NODE.height).toBe(true);
      }
    }
  });
});
