import { describe, expect, it } from 'vitest';
import type { Delivery } from '@/connection/connection';
import { EMPTY_LIST, withDeliveries, withDelivery, withoutRow, withPage, withRow, type TaskList } from './list';
import { rowOfAdapter, type TaskRow } from './row';

function told(id: string, minute: number, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { id, name: id, status: 'in_progress', priority: '中', created_at: `2026-11-22T10:${String(minute).padStart(2, '0')}:00Z`, last_event_id: 1, progress: 0, ...more };
}

function row(id: string, minute: number, more: Record<string, unknown> = {}): TaskRow {
  const made = rowOfAdapter(told(id, minute, more));
  if (made === null) throw new Error('no row');
  return made;
}

function heard(type: string, id: string, minute: number, more: Record<string, unknown> = {}): Delivery {
  const task = type === 'task_deleted' ? { id } : told(id, minute, more);
  return { taskId: id, type, task, event: { seq: 1, type: 'task.updated', at: '', agent: null, subtask_id: null, data: {} } };
}

function listOf(...rows: readonly TaskRow[]): TaskList {
  return withPage(EMPTY_LIST, 0, { rows, total: rows.length, isCapped: false, hasMore: false });
}

const all = () => true;
const unknown = () => null;

describe('pages', () => {
  it('fill their places among those that are not loaded', () => {
    const list = withPage(EMPTY_LIST, 2, { rows: [row('c', 7), row('d', 6)], total: 6, isCapped: false, hasMore: true });
    expect(list.ids).toEqual([undefined, undefined, 'c', 'd', undefined, undefined]);
    expect(list.hasMore).toBe(false);
  });

  it('move a task that stands elsewhere by now', () => {
    const before = listOf(row('a', 9), row('b', 8), row('c', 7));
    const list = withPage(before, 0, { rows: [row('n', 10), row('a', 9)], total: 4, isCapped: false, hasMore: true });
    expect(list.ids).toEqual(['n', 'a', 'c', undefined]);
    expect(new Set(list.ids).size).toBe(list.ids.length);
  });

  it('do not bring back what events have overtaken', () => {
    const list = withPage(listOf(row('a', 9, { last_event_id: 5, progress: 60 })), 0, { rows: [row('a', 9)], total: 1, isCapped: false, hasMore: false });
    expect(list.rows.get('a')?.progress).toBe(60);
  });

  it('shrink the list when there are fewer', () => {
    expect(withPage(listOf(row('a', 9), row('b', 8)), 0, { rows: [row('b', 8)], total: 1, isCapped: false, hasMore: false }).ids).toEqual(['b']);
  });

  it('say that more follows where the count is capped', () => {
    const list = withPage(EMPTY_LIST, 0, { rows: [row('a', 9)], total: 1, isCapped: true, hasMore: true });
    expect(list).toMatchObject({ total: 1, isCapped: true, hasMore: true });
  });

  it('grow one by one where nobody counts', () => {
    const first = withPage(EMPTY_LIST, 0, { rows: [row('a', 9)], total: null, isCapped: false, hasMore: true });
    expect(first).toMatchObject({ ids: ['a'], hasMore: true });
    expect(withPage(first, 1, { rows: [row('b', 8)], total: 2, isCapped: false, hasMore: false })).toMatchObject({ ids: ['a', 'b'], hasMore: false, total: 2 });
  });
});

describe('events', () => {
  it('change a row in its place', () => {
    const { list, isStale } = withDelivery(listOf(row('a', 9), row('b', 8)), heard('task_update', 'b', 8, { last_event_id: 2, progress: 40 }), all, false);
    expect(list.ids).toEqual(['a', 'b']);
    expect(list.rows.get('b')?.progress).toBe(40);
    expect(isStale).toBe(false);
  });

  it('change nothing when they are older than the row', () => {
    const before = listOf(row('a', 9, { last_event_id: 7 }));
    expect(withDelivery(before, heard('task_update', 'a', 9, { last_event_id: 3 }), all, false).list).toBe(before);
  });

  it('put a new task on top and count it', () => {
    const { list } = withDelivery(listOf(row('a', 9)), heard('task_created', 'n', 10), all, false);
    expect(list).toMatchObject({ ids: ['n', 'a'], total: 2 });
  });

  it('take a task out that does not belong any more', () => {
    const { list } = withDelivery(listOf(row('a', 9), row('b', 8)), heard('task_completed', 'a', 9, { last_event_id: 9 }), () => false, true);
    expect(list).toMatchObject({ ids: ['b'], total: 1 });
  });

  it('put a task in that belongs by now, at its place', () => {
    const { list, isStale } = withDelivery(listOf(row('a', 9), row('c', 7)), heard('task_update', 'b', 8), all, true);
    expect(list.ids).toEqual(['a', 'b', 'c']);
    expect(isStale).toBe(false);
  });

  it('leave alone what stands on a page that nobody looked at', () => {
    const before = withPage(EMPTY_LIST, 0, { rows: [row('a', 9)], total: 3, isCapped: false, hasMore: true });
    expect(withDelivery(before, heard('task_update', 'z', 1), all, false)).toEqual({ list: before, isStale: false });
  });

  it('ask the server where words are looked for', () => {
    const before = listOf(row('a', 9));
    expect(withDelivery(before, heard('task_created', 'n', 10), unknown, true)).toEqual({ list: before, isStale: true });
    expect(withDelivery(before, heard('task_update', 'a', 9, { last_event_id: 2 }), unknown, true).isStale).toBe(false);
  });

  it('remove deleted tasks, and ask where the deleted one was not in sight', () => {
    const before = listOf(row('a', 9), row('b', 8));
    expect(withDelivery(before, heard('task_deleted', 'b', 8), all, false).list).toMatchObject({ ids: ['a'], total: 1 });
    expect(withDelivery(before, heard('task_deleted', 'z', 8), all, false).isStale).toBe(true);
  });

  it('come to one picture however many there are', () => {
    const events = Array.from({ length: 500 }, (_, at) => heard('task_update', 'a', 9, { last_event_id: at + 2, progress: at % 100 }));
    const { list, isStale } = withDeliveries(listOf(row('a', 9)), [...events, heard('task_created', 'n', 10)], all, false);
    expect(list.ids).toEqual(['n', 'a']);
    expect(list.rows.get('a')?.seq).toBe(501);
    expect(isStale).toBe(false);
  });
});

describe('many events', () => {
  it('come to the same picture together as one after another', () => {
    let seed = 7;
    const chance = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      return seed % below;
    };
    const types = ['task_update', 'task_update', 'task_update', 'task_completed', 'task_created', 'task_deleted'];
    for (let round = 0; round < 200; round += 1) {
      const isFiltered = chance(2) === 0;
      const fits = (one: TaskRow) => (isFiltered && one.progress % 3 === 0 ? (one.progress % 2 === 0 ? false : null) : true);
      const rows = [row('t9', 9), row('t8', 8), row('t7', 7)];
      const before = withPage(EMPTY_LIST, 0, { rows, total: 3 + chance(2), isCapped: false, hasMore: chance(2) === 0 });
      const events = Array.from({ length: 12 }, () => {
        const minute = 5 + chance(6);
        return heard(types[chance(types.length)] ?? '', `t${minute}`, minute, { last_event_id: 1 + chance(9), progress: chance(12) });
      });
      const one = events.reduce(
        (so, event) => {
          const next = withDelivery(so.list, event, fits, isFiltered);
          return { list: next.list, isStale: so.isStale || next.isStale };
        },
        { list: before, isStale: false },
      );
      expect(withDeliveries(before, events, fits, isFiltered)).toEqual(one);
    }
  });
});

describe('what a person did', () => {
  it('shows at once, but never over something newer', () => {
    const list = listOf(row('a', 9, { last_event_id: 4 }));
    expect(withRow(list, row('a', 9, { last_event_id: 5, priority: '紧急' })).rows.get('a')?.priority).toBe(4);
    expect(withRow(list, row('a', 9, { last_event_id: 3, priority: '低' })).rows.get('a')?.priority).toBe(2);
    expect(withoutRow(list, 'a').ids).toEqual([]);
  });
});
