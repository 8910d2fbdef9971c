import { describe, expect, it } from 'vitest';
import { agentOf, byTeam, joined, titleOf, withAgent } from './agents';

const raw = {
  name: 'data_analyst',
  team: 'default',
  titles: { zh: '数据分析', en: 'Data analyst' },
  capabilities: ['table_analysis'],
  state: 'busy',
  current: [{ task_id: 't1', subtask_id: 's1', since: '2026-11-22T09:00:00Z' }],
  completed: 3,
  failed: 1,
  success_rate: 0.75,
  last_activity: '2026-11-22T09:00:01Z',
  last_reset: null,
};

describe('agents', () => {
  it('are read from what the server says', () => {
    expect(agentOf(raw)).toMatchObject({
      isBusy: true,
      successRate: 0.75,
      lastReset: null,
      current: [{ taskId: 't1', subtaskId: 's1' }],
    });
  });

  it('have no success rate before their first subtask', () => {
    expect(agentOf({ ...raw, success_rate: null }).successRate).toBeNull();
  });

  it('with two places in a team are one, with what they can in both', () => {
    const lead = { ...raw, name: 'lead', current: [] };
    const found = joined([agentOf({ ...lead, capabilities: ['understanding'] }), agentOf({ ...lead, capabilities: ['planning'] })]);
    expect(found.map((one) => one.capabilities)).toEqual([['understanding', 'planning']]);
  });

  it('change alone, and keep what they can do', () => {
    const before = joined([agentOf({ ...raw, capabilities: ['a', 'b'] }), agentOf({ ...raw, name: 'writer' })]);
    const after = withAgent(before, agentOf({ ...raw, capabilities: ['a'], state: 'idle', current: [] }));
    expect(after[0]).toMatchObject({ isBusy: false, capabilities: ['a', 'b'] });
    expect(after[1]).toBe(before[1]);
  });

  it('of a team that is not in the list are not added', () => {
    const before = joined([agentOf(raw)]);
    expect(withAgent(before, agentOf({ ...raw, team: 'other' }))).toEqual(before);
  });

  it('stand by team in the order of the server', () => {
    const teams = byTeam([agentOf(raw), agentOf({ ...raw, team: 'b' }), agentOf({ ...raw, name: 'writer' })]);
    expect(teams.map(({ name, agents }) => [name, agents.length])).toEqual([['default', 2], ['b', 1]]);
  });

  it('have a title in the language, else in Chinese, else their name', () => {
    expect(titleOf(agentOf(raw), 'en')).toBe('Data analyst');
    expect(titleOf(agentOf({ ...raw, titles: { zh: '数据分析' } }), 'en')).toBe('数据分析');
    expect(titleOf(agentOf({ ...raw, titles: {} }), 'en')).toBe('data_analyst');
  });
});
