import { describe, expect, it } from 'vitest';
import { criticalPath, heaviestChain, remainingSeconds, typicalDuration, type Work } from './estimates';

const START = '2026-01-01T00:00:00Z';
const now = (seconds: number) => new Date(Date.parse(START) + seconds * 1000);

function work(id: string, values: Partial<Work> = {}): Work {
  return { id, agent: 'a', status: 'pending', dependsOn: [], startedAt: null, durationS: null, isReused: false, ...values };
}
const done = (id: string, durationS: number, values: Partial<Work> = {}) => work(id, { status: 'completed', durationS, ...values });

describe('typicalDuration', () => {
  it('is unknown before two subtasks finished, and kept results do not count', () => {
    expect(typicalDuration([done('x', 3)])('a')).toBeNull();
    expect(typicalDuration([done('x', 3), done('y', 0, { isReused: true })])('a')).toBeNull();
  });
  it('is the median of the agent, or of all for an agent that finished none', () => {
    const typical = typicalDuration([done('x', 2), done('y', 4), done('z', 30, { agent: 'b' })]);
    expect([typical('a'), typical('b'), typical('c')]).toEqual([3, 30, 4]);
  });
});

describe('remainingSeconds', () => {
  const finished = [done('x', 4), done('y', 6)];
  it('adds up the longest chain that is left', () => {
    const left = [...finished, work('p', { dependsOn: ['x'] }), work('q', { dependsOn: ['p'] }), work('r')];
    expect(remainingSeconds('running', left, now(0))).toBe(10);
  });
  it('takes off what a running subtask has done', () => {
    const left = [...finished, work('p', { status: 'running', startedAt: START }), work('q', { dependsOn: ['p'] })];
    expect(remainingSeconds('running', left, now(2))).toBe(8);
  });
  it('says nothing when a subtask takes longer than its like, too few finished, or nothing runs', () => {
    const late = [...finished, work('p', { status: 'running', startedAt: START })];
    expect(remainingSeconds('running', late, now(60))).toBeNull();
    expect(remainingSeconds('running', [done('x', 4), work('p')], now(0))).toBeNull();
    expect(remainingSeconds('paused', [...finished, work('p')], now(0))).toBeNull();
    expect(remainingSeconds('running', finished, now(0))).toBeNull();
  });
});

describe('criticalPath', () => {
  it('is the chain that takes longest', () => {
    const plan = [done('a', 1), done('b', 9, { dependsOn: ['a'] }), done('c', 2, { dependsOn: ['a'] }), work('d', { dependsOn: ['b', 'c'] })];
    expect([...criticalPath(plan)]).toEqual(['a', 'b', 'd']);
  });
  it('is empty where nothing depends on anything', () => {
    expect(criticalPath([work('a'), work('b')]).size).toBe(0);
  });
  it('ends on a cycle and on parents that are not there', () => {
    const chain = heaviestChain([work('a', { dependsOn: ['b', 'gone'] }), work('b', { dependsOn: ['a'] })], () => 1);
    expect(chain.ids.length).toBeLessThanOrEqual(2);
  });
  it('takes 500 subtasks in a chain', () => {
    const chain = Array.from({ length: 500 }, (_, at) => work(`s${at}`, { dependsOn: at === 0 ? [] : [`s${at - 1}`] }));
    expect(criticalPath(chain).size).toBe(500);
  });
});
