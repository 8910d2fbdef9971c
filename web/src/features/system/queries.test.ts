// @vitest-environment happy-dom
import { describe, expect, it } from 'vitest';
import { ApiProblem } from '@/api/problem';
import { isLate, isStuck, readHealth, shareOf, type Queue, type Workers } from './queries';

const health = { status: 'unhealthy', dependencies: [{ name: 'database', status: 'down', latency_ms: 2000, detail: 'no answer' }] };

describe('the health', () => {
  it('is read from a success', async () => {
    expect(await readHealth(Promise.resolve(Response.json(health)))).toEqual(health);
  });

  it('is read from a refusal that carries it', async () => {
    const refusal = new ApiProblem({ code: 'UNREADABLE_ANSWER', message: 'HTTP 503', status: 503, details: health });
    expect(await readHealth(Promise.reject(refusal))).toEqual(health);
  });

  it('is not made up where there is none', async () => {
    await expect(readHealth(Promise.reject(new ApiProblem({ code: 'OFFLINE', message: 'x' })))).rejects.toMatchObject({ code: 'OFFLINE' });
    await expect(readHealth(Promise.resolve(Response.json({ ok: true })))).rejects.toMatchObject({ code: 'UNREADABLE_ANSWER' });
  });
});

describe('what is used of a limit', () => {
  it('is shown as far from it, near it or at it', () => {
    expect(shareOf({ used: 1, limit: 4 })).toEqual({ percent: 25, mark: 'far' });
    expect(shareOf({ used: 8, limit: 10 })).toEqual({ percent: 80, mark: 'near' });
    expect(shareOf({ used: 10, limit: 10 })).toEqual({ percent: 100, mark: 'reached' });
    expect(shareOf({ used: 12, limit: 10 })).toEqual({ percent: 100, mark: 'reached' });
  });

  it('is no share where there is no limit, and all of it where nothing is allowed', () => {
    expect(shareOf({ used: 7, limit: null })).toBeNull();
    expect(shareOf({ used: 0, limit: 0 })).toEqual({ percent: 100, mark: 'reached' });
  });
});

describe('a worker', () => {
  const worker = { running: 1, last_beat_age_s: 7 } as Workers['workers'][number];
  it('is late when it holds tasks and its beat is older than a lease', () => {
    expect(isLate(worker, 6)).toBe(true);
    expect(isLate({ ...worker, last_beat_age_s: 5 }, 6)).toBe(false);
    expect(isLate({ ...worker, running: 0, last_beat_age_s: 500 }, 6)).toBe(false);
  });
});

it('the queue is stuck when tasks wait on and on, and no worker was seen', () => {
  const queue = { oldest_wait_s: 60 } as Queue;
  const none = { workers: [] } as unknown as Workers;
  expect(isStuck(queue, none)).toBe(true);
  expect(isStuck(queue, { workers: [{}] } as unknown as Workers)).toBe(false);
  expect(isStuck({ ...queue, oldest_wait_s: 1 }, none)).toBe(false);
  expect(isStuck({ ...queue, oldest_wait_s: null }, none)).toBe(false);
});
