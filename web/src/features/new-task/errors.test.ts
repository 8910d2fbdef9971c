// @vitest-environment happy-dom
import { describe, expect, it } from 'vitest';
import { ApiProblem } from '@/api/problem';
import { placed, sentences } from './errors';

describe('the words of the server', () => {
  it('stand at the fields that they are about', () => {
    const { at, rest } = placed(
      new ApiProblem({ code: 'INVALID_REQUEST', message: 'M', status: 422, fields: [{ field: 'budget.tokens', code: 'negative', message: 'too small' }] }),
    );
    expect(at.get('budget.tokens')).toEqual(['too small']);
    expect(rest).toBeNull();
  });

  it('stand below the form where they are about something else', () => {
    const problem = new ApiProblem({ code: 'INVALID_REQUEST', message: 'M', status: 422, fields: [{ field: 'Idempotency-Key', code: 'invalid', message: 'no' }] });
    expect(placed(problem).rest).toBe(problem);
    expect(placed(new ApiProblem({ code: 'QUEUE_FULL', message: 'full', status: 503 })).rest?.code).toBe('QUEUE_FULL');
    expect(placed(null)).toEqual({ at: new Map(), rest: null });
  });

  it('belong to the files or the team by their code', () => {
    const { at, rest } = placed(new ApiProblem({ code: 'INPUT_TOO_LARGE', title: 'Too large', message: 'big.csv has 2 GB', hint: 'Send less.', status: 413 }));
    expect(at.get('files')).toEqual(['big.csv has 2 GB. Send less.']);
    expect(rest).toBeNull();
    expect([...placed(new ApiProblem({ code: 'TEAM_UNKNOWN', message: 'no team', status: 422 })).at.keys()]).toEqual(['team']);
  });

  it('are two sentences in either language, whether or not the first has its full stop', () => {
    expect(sentences('不支持这种文件，支持：csv, xlsx', '请另存为 CSV。')).toBe('不支持这种文件，支持：csv, xlsx。请另存为 CSV。');
    expect(sentences('太大。', '请拆分。')).toBe('太大。请拆分。');
    expect(sentences('Too large!', 'Split it.')).toBe('Too large! Split it.');
    expect(sentences('', 'Split it.')).toBe('Split it.');
    expect(sentences('Too large', '')).toBe('Too large');
  });
});
