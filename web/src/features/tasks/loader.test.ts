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

/** A server's tasks, newest first, and what it says of each change. */
class Tasks {
  readonly all: Record<string, unknown>[] = [];
  asked = 0;
  #made = 0;
  constructor(
    readonly isJumping: boolean,
    count: number,
  ) {
    for (let at = 0; at < count; at += 1) this.create();
  }
  create(): Delivery {
    const at = (this.#made += 1);
    const made = { ...task(0), id: `n${at}`, name: `n${at}`, created_at: new Date(2027, 1, 1, 0, 0, 0, at).toISOString() };
    this.all.unshift(made);
    return { ...heard('task_created', `n${at}`), task: made };
  }
  remove(at: number): Delivery | null {
    const [gone] = this.all.splice(at, 1);
    return gone ? heard('task_deleted', String(gone['id'])) : null;
  }
  source(): Source {
    const after: (string | null)[] = [null];
    return {
      isJumping: this.isJumping,
      page: (number) => {
        this.asked += 1;
        const place = after[number] ?? null;
        // A cursor is a time: what was removed since leaves it where it was.
        const from = this.isJumping ? number * PAGE_SIZE : place === null ? 0 : this.all.findIndex((one) => String(one['created_at']) < place);
        const told = from < 0 ? [] : this.all.slice(from, from + PAGE_SIZE);
        const end = from + told.length;
        const hasMore = from >= 0 && end < this.all.length;
        after[number + 1] = String(told.at(-1)?.['created_at']);
        const rows = told.map(rowOfAdapter).filter((row) => row !== null);
        const isCapped = this.isJumping && this.all.length > 10_000;
        const total = this.isJumping ? Math.min(10_000, this.all.length) : hasMore ? null : number * PAGE_SIZE + rows.length;
        return Promise.resolve({ rows, total, isCapped, hasMore: isCapped ? told.length === PAGE_SIZE : hasMore });
      },
    };
  }
  ids(): string[] {
    return this.all.map((one) => String(one['id']));
  }
}

describe('a list that stands for days', { timeout: 300_000 }, () => {
  it.each([true, false])('keeps what is looked at and a few pages, whatever comes (jumping: %s)', async (isJumping) => {
    const tasks = new Tasks(isJumping, 300);
    const loader = new TaskLoader({}, () => tasks.source());
    loader.start();
    loader.look(0, 30);
    await settle();
    let most = 0;
    for (let at = 0; at < 50_000; at += 1) {
      loader.hear(tasks.create());
      if (at % 500 === 499) {
        await vi.advanceTimersByTimeAsync(50);
        most = Math.max(most, loader.shown.list.rows.size);
      }
    }
    expect(most).toBeLessThanOrEqual(31 + 1000 + 200 + 500);
    expect(loader.shown.list.ids.length).toBeLessThanOrEqual(10_000 + 700);
    expect(loader.shown.list.ids.slice(0, 31)).toEqual(tasks.ids().slice(0, 31));
    if (isJumping) expect(loader.shown.list).toMatchObject({ total: 10_000, isCapped: true, hasMore: true });
    for (const first of [500, 1000, 1500, 2000]) {
      loader.look(first, first + 40);
      for (let page = 0; page < 8; page += 1) await settle();
    }
    expect(loader.shown.list.ids.slice(2000, 2041)).toEqual(tasks.ids().slice(2000, 2041));
    expect(loader.shown.list.rows.has(tasks.ids()[2040] ?? '')).toBe(true);
    loader.stop();
  });

  it('asks anew after a night of events that came at once', async () => {
    const tasks = new Tasks(true, 10);
    const loader = new TaskLoader({}, () => tasks.source());
    loader.start();
    await settle();
    for (let at = 0; at < 6000; at += 1) loader.hear(tasks.create());
    await vi.advanceTimersByTimeAsync(2100);
    expect(loader.shown.list.total).toBe(6010);
    expect(loader.shown.list.ids.slice(0, 100)).toEqual(tasks.ids().slice(0, 100));
    loader.stop();
  });

  it('keeps what is selected, wherever one scrolls', async () => {
    const tasks = new Tasks(true, 9000);
    const loader = new TaskLoader({}, () => tasks.source());
    loader.start();
    loader.look(0, 30);
    await settle();
    const chosen = tasks.ids()[3] ?? '';
    loader.pin(new Set([chosen]));
    for (let first = 0; first < 9000; first += 100) {
      loader.look(first, first + 40);
      await settle();
    }
    expect(loader.shown.list.rows.size).toBeLessThan(1500);
    expect(loader.shown.list.ids.indexOf(chosen)).toBe(3);
    expect(loader.shown.list.rows.has(chosen)).toBe(true);
    loader.stop();
  });

  it.each([true, false])('shows what the server has at every place, after any changes (jumping: %s)', async (isJumping) => {
    let seed = 11;
    const chance = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      return Math.floor((seed / 2 ** 31) * below);
    };
    for (let round = 0; round < 12; round += 1) {
      const tasks = new Tasks(isJumping, 400 + chance(2500));
      const loader = new TaskLoader({}, () => tasks.source());
      loader.start();
      await settle();
      let first = 0;
      for (let step = 0; step < 60; step += 1) {
        const move = chance(4);
        if (move === 0) first = isJumping ? chance(tasks.all.length) : Math.max(0, Math.min(first + 200 - chance(300), tasks.all.length - 1));
        loader.look(first, first + 30);
        if (move === 1) for (let at = 0; at < 40; at += 1) loader.hear(tasks.create());
        const gone = move === 2 ? tasks.remove(chance(tasks.all.length)) : null;
        if (gone) loader.hear(gone);
        await vi.advanceTimersByTimeAsync(chance(2) * 60);
      }
      await vi.advanceTimersByTimeAsync(5000);
      for (let at = 0; at < tasks.all.length; at += 30) {
        loader.look(at, at + 30);
        for (let page = 0; page < 6; page += 1) await settle();
        expect(loader.shown.list.ids.slice(at, at + 31)).toEqual(tasks.ids().slice(at, at + 31));
      }
      expect(loader.shown.list.total).toBe(tasks.all.length);
      loader.stop();
    }
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
