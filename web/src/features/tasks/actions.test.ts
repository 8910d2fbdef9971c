// @vitest-environment happy-dom
import { describe, expect, it } from 'vitest';
import { canDo, forEach } from './actions';
import { rowOfAdapter, type TaskRow } from './row';
import { parseViews, withView } from './views';

const rows = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => rowOfAdapter({ id, status: 'pending' })).filter((row): row is TaskRow => row !== null);

describe('actions on many', () => {
  it('go on when one fails, a few at a time', async () => {
    let now = 0;
    let most = 0;
    const outcome = await forEach(rows, async (row) => {
      now += 1;
      most = Math.max(most, now);
      await Promise.resolve();
      now -= 1;
      if (row.id === 'b') throw new Error('no');
    });
    expect(outcome.done).toHaveLength(5);
    expect(outcome.failed.map((one) => one.row.id)).toEqual(['b']);
    expect(most).toBeLessThanOrEqual(4);
  });

  it('are offered where the server would take them', () => {
    expect(canDo('cancel', 'paused')).toBe(true);
    expect(canDo('cancel', 'completed')).toBe(false);
    expect(canDo('retry', 'cancelled')).toBe(true);
    expect(canDo('retry', 'completed')).toBe(false);
    expect(canDo('delete', 'running')).toBe(true);
  });
});

describe('saved views', () => {
  it('keep what is known, whatever the storage holds', () => {
    expect(parseViews('{')).toEqual([]);
    expect(parseViews('{"a":1}')).toEqual([]);
    expect(parseViews(JSON.stringify([{ name: ' Mine ', search: { status: 'failed', junk: 1 } }, { name: '' }, 3]))).toEqual([{ name: 'Mine', search: { status: 'failed' } }]);
  });

  it('give way to a newer one of the same name', () => {
    const views = withView([{ name: 'a', search: {} }], { name: 'a', search: { q: 'x' } });
    expect(views).toEqual([{ name: 'a', search: { q: 'x' } }]);
  });
});
