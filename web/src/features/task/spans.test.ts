import { describe, expect, it } from 'vitest';
import { chartOf, ticksOf, withoutSoleAttempts, type SpanLike } from './spans';

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString();

function span(id: string, from: number, to: number | null, parent: string | null = null, kind = 'subtask'): SpanLike {
  return { id, kind, name: id, start: at(from), end: to === null ? null : at(to), status: 'completed', parent, agent: null, subtask_id: null };
}

describe('chartOf', () => {
  it('places bars as shares of the whole, children under their parents', () => {
    const chart = chartOf([span('task', 0, 10, null, 'task'), span('b', 5, 10, 'task'), span('a', 0, 5, 'task'), span('x', 6, 7, 'b')], new Date(at(10)));
    expect(chart.bars.map((bar) => [bar.span.id, bar.depth, bar.left, bar.width])).toEqual([
      ['task', 0, 0, 1],
      ['b', 1, 0.5, 0.5],
      ['x', 2, 0.6, 0.1],
      ['a', 1, 0, 0.5],
    ]);
    expect(chart.totalS).toBe(10);
  });
  it('lets what goes on reach to now, and a moment have no width', () => {
    const chart = chartOf([span('task', 0, null), span('moment', 2, 2, 'task')], new Date(at(4)));
    expect(chart.bars.map((bar) => [bar.isOpen, bar.durationS])).toEqual([
      [true, 4],
      [false, 0],
    ]);
  });
  it('hides what is folded, shows what has no parent in sight, and never shows a row twice', () => {
    const spans = [span('task', 0, 1), span('a', 0, 1, 'task'), span('lost', 0, 1, 'gone'), span('self', 0, 1, 'self')];
    expect(chartOf(spans, new Date(at(1)), new Set(['task'])).bars.map((bar) => bar.span.id)).toEqual(['task', 'lost', 'self']);
  });
  it('is empty without spans', () => {
    expect(chartOf([], new Date()).bars).toEqual([]);
  });
});

describe('withoutSoleAttempts', () => {
  it('keeps attempts only where there are several', () => {
    const one = [span('s', 0, 1), span('t', 0, 1, 's', 'attempt'), span('call', 0, 1, 't', 'tool')];
    expect(withoutSoleAttempts(one).map((bar) => [bar.id, bar.parent])).toEqual([
      ['s', null],
      ['call', 's'],
    ]);
    const two = [...one, span('u', 0, 1, 's', 'attempt')];
    expect(withoutSoleAttempts(two)).toEqual(two);
  });
});

describe('ticksOf', () => {
  it('are round and few', () => {
    expect(ticksOf(7.8, 5)).toEqual([0, 2, 4, 6]);
    for (const total of [0.3, 1, 61, 4000, 86_400, 10_000_000]) expect(ticksOf(total, 6).length).toBeLessThanOrEqual(7);
  });
});
