// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiProblem } from '@/api/problem';
import type { Delivery } from '@/connection/connection';
import type { Page } from './list';
import { TaskLoader } from './loader';
import { rowOfAdapter } from './row';
import { adapterStatuses, PAGE_SIZE, type Source } from './source';

function task(at: number, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { id: `t${at}`, name: `t${at}`, status: 'completed', priority: '中', created_at: new Date(2026, 1, 1, 0, 0, 0, 100_000 - at).toISOString(), last_event_id: 1, ...more };
}

function pageOf(number: number, total: number): Page {
  const from = number * PAGE_SIZE;
  const rows = Array.from({ length: Math.max(0, Math.min(PAGE_SIZE, total - from)) }, (_, at) => rowOfAdapter(task(from + at))).filter((row) => row !== null);
  return { rows, total, isCapped: false, hasMore: from + rows.length < total };
}

function sourceOf(total: number, asked: number[], isJumping = true): Source {
  return {
    isJumping,
    page: (number) => {
      asked.push(number);
      return Promise.resolve(isJumping ? pageOf(number, total) : { ...pageOf(number, total), total: null });
    },
  };
}

function heard(type: string, id: string): Delivery {
  return { taskId: id, type, task: type === 'task_deleted' ? { id } : { ...task(0), id, created_at: new Date(2027, 1, 1).toISOString() }, event: { seq: 1, type: '', at: '', agent: null, subtask_id: null, data: {} } };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the loader', () => {
  it('loads the page that is looked at, and no other', async () => {
    const asked: number[] = [];
    const loader = new TaskLoader({}, () => sourceOf(10_000, asked));
    loader.start();
    await settle();
    loader.look(5010, 5040);
    await settle();
    expect(asked).toEqual([0, 50]);
    expect(loader.shown.list.ids).toHaveLength(10_000);
    expect(loader.shown.list.ids[5010]).toBe('t5010');
    loader.look(5020, 5050);
    await settle();
    expect(asked).toEqual([0, 50]);
  });

  it('walks to a place where pages follow each other', async () => {
    const asked: number[] = [];
    const loader = new TaskLoader({ team: 'data' }, () => sourceOf(250, asked, false));
    loader.start();
    await settle();
    loader.look(90, 104);
    await settle();
    loader.look(190, 204);
    await settle();
    expect(asked).toEqual([0, 1, 2]);
    expect(loader.shown.list.hasMore).toBe(false);
    expect(loader.shown.list.ids).toHaveLength(250);
  });

  it('asks the server once, however many events it cannot place', async () => {
    const asked: number[] = [];
    const loader = new TaskLoader({ q: 'x' }, () => sourceOf(10, asked));
    loader.start();
    await settle();
    for (let at = 0; at < 300; at += 1) {
      loader.hear(heard('task_created', `n${at}`));
      await vi.advanceTimersByTimeAsync(5);
    }
    expect(asked).toEqual([0]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(asked).toEqual([0, 0]);
  });

  it('draws many events at once', async () => {
    const loader = new TaskLoader({}, () => sourceOf(10, []));
    loader.start();
    await settle();
    const drawn = vi.fn();
    loader.subscribe(drawn);
    for (let at = 0; at < 100; at += 1) loader.hear(heard('task_created', `n${at}`));
    await vi.advanceTimersByTimeAsync(60);
    expect(drawn).toHaveBeenCalledOnce();
    expect(loader.shown.list.total).toBe(110);
  });

  it('keeps the rows when the server is away, and says so', async () => {
    let isAway = false;
    const loader = new TaskLoader({}, () => ({
      isJumping: true,
      page: (number) => (isAway ? Promise.reject(new ApiProblem({ code: 'OFFLINE', message: '' })) : Promise.resolve(pageOf(number, 3))),
    }));
    loader.start();
    await settle();
    isAway = true;
    loader.reload();
    await settle();
    expect(loader.shown.problem?.code).toBe('OFFLINE');
    expect(loader.shown.list.ids).toHaveLength(3);
    isAway = false;
    loader.reload();
    await settle();
    expect(loader.shown.problem).toBeNull();
  });

  it('hears nothing of an answer that came after it stopped', async () => {
    let answer: (page: Page) => void = () => undefined;
    const loader = new TaskLoader({}, () => ({ isJumping: true, page: () => new Promise((resolve) => (answer = resolve)) }));
    loader.start();
    loader.stop();
    answer(pageOf(0, 3));
    await settle();
    expect(loader.shown.isFirst).toBe(true);
  });
});

describe('the words of the adapter', () => {
  it('stand for exactly the chosen statuses, or for none', () => {
    expect(adapterStatuses([])).toEqual([]);
    expect(adapterStatuses(['pending', 'completed'])).toEqual(['pending', 'completed']);
    expect(adapterStatuses(['pending', 'running', 'waiting_input', 'paused'])).toEqual(['in_progress', 'pending']);
    expect(adapterStatuses(['failed', 'cancelled'])).toEqual(['failed']);
    expect(adapterStatuses(['failed'])).toBeNull();
    expect(adapterStatuses(['running'])).toBeNull();
    expect(adapterStatuses(['cancelled'])).toEqual(['cancelled']);
  });
});
