/** What the charts draw, from the server's numbers: cut to a range, named, never changed. */
import type { Dashboard } from './query';

export const RANGES = ['7d', '30d', '12m'] as const;
export type Range = (typeof RANGES)[number];

export interface TrendPoint {
  /** A day `2026-11-22` or a month `2026-11`, of UTC. */
  readonly when: string;
  readonly completed: number;
  /** Known by day only. */
  readonly created?: number;
  readonly failed?: number;
  readonly cancelled?: number;
}

function last<T>(items: readonly T[], count: number): readonly T[] {
  return items.slice(Math.max(0, items.length - count));
}

function daysOf(range: Range): number {
  return range === '7d' ? 7 : 30;
}

export function trendOf(dashboard: Dashboard, range: Range): readonly TrendPoint[] {
  if (range === '12m') return last(dashboard.trend_data, 12).map(({ month, completed }) => ({ when: month, completed }));
  return last(dashboard.daily_data, daysOf(range)).map(({ date, ...counts }) => ({ when: date, ...counts }));
}

export type Spending = Dashboard['cost_data'][number];

export function spendingOf(dashboard: Dashboard, range: Range): readonly Spending[] {
  return last(dashboard.cost_data, daysOf(range));
}

/** Prices may be unset: then tokens are what there is to show. */
export function measureOf(spending: readonly Spending[]): 'cost' | 'tokens' | 'none' {
  if (spending.some((day) => day.cost > 0)) return 'cost';
  return spending.some((day) => day.calls > 0) ? 'tokens' : 'none';
}

export function sumOf(spending: readonly Spending[]): Omit<Spending, 'date'> {
  return spending.reduce(
    (sum, day) => ({
      input_tokens: sum.input_tokens + day.input_tokens,
      output_tokens: sum.output_tokens + day.output_tokens,
      cost: sum.cost + day.cost,
      calls: sum.calls + day.calls,
    }),
    { input_tokens: 0, output_tokens: 0, cost: 0, calls: 0 },
  );
}

export function isQuiet(points: readonly TrendPoint[]): boolean {
  return points.every((one) => one.completed + (one.created ?? 0) + (one.failed ?? 0) + (one.cancelled ?? 0) === 0);
}

/** `2026-11-22` as a moment that shows that day in every time zone west or east of UTC. */
export function noonOf(when: string): Date {
  return new Date(`${when.length === 7 ? `${when}-15` : when}T12:00:00Z`);
}
