import { describe, expect, it } from 'vitest';
import type { TaskRow } from './row';
import { changed, fits, isFiltered, keyOf, parseTasksSearch, startOf, statusesOf } from './search';

const NOW = new Date('2026-11-22T10:00:00');

function row(given: Partial<TaskRow> = {}): TaskRow {
  return {
    id: 'a',
    title: 'Harbour',
    status: 'running',
    detail: null,
    priority: 3,
    team: 'default',
    progress: 0,
    assignee: '李四',
    createdAt: NOW.toISOString(),
    startedAt: null,
    endedAt: null,
    startAt: null,
    deadlineAt: null,
    tokens: 0,
    cost: 0,
    errorTitle: '',
    seq: 1,
    ...given,
  };
}

describe('filters in the address', () => {
  it('come back as they were written', () => {
    const search = { q: 'port', status: 'running,failed', priority: 4, assignee: '李', team: 'data', when: 'week' } as const;
    expect(parseTasksSearch({ ...search })).toEqual(search);
  });

  it('keep what is known of a mistyped address, in the order of the statuses', () => {
    expect(parseTasksSearch({ status: 'failed,nonsense,pending', priority: '9', when: 'never', q: ' ', page: 3 })).toEqual({ status: 'pending,failed' });
  });

  it('read a number as words to look for', () => {
    expect(parseTasksSearch({ q: 42 })).toEqual({ q: '42' });
  });

  it('filter by nothing where all statuses are chosen', () => {
    expect(parseTasksSearch({ status: 'pending,running,waiting_input,paused,completed,failed,cancelled' })).toEqual({});
  });

  it('lose what is cleared', () => {
    const left = changed({ q: 'x', status: 'failed' }, { status: undefined });
    expect(left).toEqual({ q: 'x' });
    expect(isFiltered(changed(left, { q: '' }))).toBe(false);
    expect(keyOf(left)).toBe(keyOf({ q: 'x' }));
  });
});

describe('fits', () => {
  it('knows by itself where no words are looked for', () => {
    expect(fits(row(), { status: 'running,paused', priority: 3, assignee: '李', team: 'default', when: 'today' }, NOW)).toBe(true);
    expect(fits(row(), { status: 'completed' }, NOW)).toBe(false);
    expect(fits(row({ assignee: null }), { assignee: '李' }, NOW)).toBe(false);
    expect(fits(row({ createdAt: '2026-11-01T00:00:00Z' }), { when: 'week' }, NOW)).toBe(false);
  });

  it('leaves words to the server, but not what rules a task out', () => {
    expect(fits(row(), { q: 'port' }, NOW)).toBe(null);
    expect(fits(row(), { q: 'port', priority: 1 }, NOW)).toBe(false);
  });

  it('counts days from midnight here', () => {
    expect(startOf('today', NOW)).toEqual(new Date(2026, 10, 22));
    expect(startOf('week', NOW)).toEqual(new Date(2026, 10, 16));
  });

  it('takes statuses apart', () => {
    expect(statusesOf({ status: 'failed,running' })).toEqual(['running', 'failed']);
  });
});
