import { describe, expect, it } from 'vitest';
import { fold } from './fold';
import { viewOfTask } from './snapshot';

const TASK = {
  title: 'Count',
  team: 'default',
  status: 'completed',
  files: [{ name: 'a.csv' }],
  created_at: '2026-01-01T00:00:00Z',
  started_at: '2026-01-01T00:00:01Z',
  completed_at: '2026-01-01T00:00:09Z',
  cost: { input_tokens: 5, output_tokens: 2, cost: 0.01, model_calls: 1 },
  error: null,
  last_seq: 40,
};

describe('a task whose log is gone', () => {
  it('says what the task itself says, and no more', () => {
    const view = viewOfTask(TASK);
    expect(view).toMatchObject({ seq: 40, isLogGone: true, status: 'completed', title: 'Count', files: ['a.csv'], endedAt: TASK.completed_at });
    expect(view.spending).toEqual({ inputTokens: 5, outputTokens: 2, cost: 0.01, modelCalls: 1, toolCalls: 0 });
    expect([view.subtasks, view.plans, view.entries]).toEqual([[], [], []]);
  });

  it('goes on with what happens from now on', () => {
    const event = { seq: 41, type: 'task.reopened', at: '2026-03-01T00:00:00Z', agent: null, subtask_id: null, data: {} };
    expect(fold(viewOfTask(TASK), [event])).toMatchObject({ seq: 41, status: 'pending', endedAt: null });
  });
});
