import { describe, expect, it } from 'vitest';
import type { Dashboard } from './query';
import { isQuiet, measureOf, noonOf, spendingOf, sumOf, trendOf } from './series';

const day = (n: number) => `2026-11-${String(n).padStart(2, '0')}`;
const dashboard = {
  trend_data: Array.from({ length: 14 }, (_, n) => ({ month: `m${n}`, completed: n })),
  daily_data: Array.from({ length: 30 }, (_, n) => ({ date: day(n + 1), created: n, completed: n, failed: 1, cancelled: 0 })),
  cost_data: Array.from({ length: 30 }, (_, n) => ({ date: day(n + 1), input_tokens: 10, output_tokens: n, cost: 0, calls: 1 })),
} as unknown as Dashboard;

describe('the trend', () => {
  it('ends with today in every range', () => {
    expect(trendOf(dashboard, '7d').map((one) => one.when)).toEqual([24, 25, 26, 27, 28, 29, 30].map(day));
    expect(trendOf(dashboard, '30d')).toHaveLength(30);
    expect(trendOf(dashboard, '12m').at(-1)).toEqual({ when: 'm13', completed: 13 });
    expect(trendOf(dashboard, '12m')).toHaveLength(12);
  });

  it('keeps the numbers as the server gave them', () => {
    expect(trendOf(dashboard, '7d').at(-1)).toEqual({ when: day(30), created: 29, completed: 29, failed: 1, cancelled: 0 });
  });

  it('is quiet where nothing came and nothing ended', () => {
    expect(isQuiet([{ when: day(1), completed: 0, created: 0, failed: 0, cancelled: 0 }])).toBe(true);
    expect(isQuiet([{ when: day(1), completed: 0, created: 0, failed: 1, cancelled: 0 }])).toBe(false);
    expect(isQuiet([])).toBe(true);
  });
});

describe('spending', () => {
  it('is told in money where there are prices, else in tokens', () => {
    const free = spendingOf(dashboard, '7d');
    expect(measureOf(free)).toBe('tokens');
    expect(measureOf(free.map((one) => ({ ...one, cost: 0.1 })))).toBe('cost');
    expect(measureOf(free.map((one) => ({ ...one, calls: 0 })))).toBe('none');
  });

  it('adds up over the range that is shown', () => {
    expect(sumOf(spendingOf(dashboard, '7d'))).toEqual({ input_tokens: 70, output_tokens: 23 + 24 + 25 + 26 + 27 + 28 + 29, cost: 0, calls: 7 });
  });
});

it('a day of UTC is shown as that day', () => {
  expect(noonOf('2026-11-22').toISOString()).toBe('2026-11-22T12:00:00.000Z');
  expect(noonOf('2026-11').toISOString()).toBe('2026-11-15T12:00:00.000Z');
});
