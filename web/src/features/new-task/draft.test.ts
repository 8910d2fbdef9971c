import { afterEach, describe, expect, it, vi } from 'vitest';
import { emptyDraft, fieldsOf, isEmpty, keepDraft, momentOf, newKey, parseDraft, readDraft } from './draft';

function storage(): Map<string, string> {
  const kept = new Map<string, string>();
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  });
  return kept;
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('a draft', () => {
  it('comes back after a reload with the same key', () => {
    storage();
    const draft = { ...emptyDraft(), description: '分析', priority: 4, fileNames: ['a.csv'], tokens: '20,000', hasWeather: true } as const;
    keepDraft(draft);
    expect(readDraft()).toEqual(draft);
  });

  it('leaves nothing behind when it is empty', () => {
    const kept = storage();
    keepDraft({ ...emptyDraft(), title: 'x' });
    keepDraft(emptyDraft());
    expect(kept.size).toBe(0);
    expect(isEmpty(readDraft())).toBe(true);
  });

  it('begins anew where the storage is broken or refused', () => {
    expect(isEmpty(parseDraft('{"key":'))).toBe(true);
    expect(isEmpty(parseDraft('[1]'))).toBe(true);
    vi.stubGlobal('localStorage', {
      getItem: () => {
        throw new Error('refused');
      },
    });
    expect(isEmpty(readDraft())).toBe(true);
  });

  it('takes no key that is not its own', () => {
    const draft = parseDraft(JSON.stringify({ key: 'x y', description: 'a', language: 'fr', priority: 9 }));
    expect(draft.key).toMatch(/^[0-9a-f]{32}$/);
    expect(draft).toMatchObject({ description: 'a', language: '', priority: 2 });
    expect(newKey()).not.toBe(newKey());
  });
});

describe('the request', () => {
  it('leaves out what was left empty', () => {
    expect(fieldsOf({ ...emptyDraft(), description: 'a' })).toEqual({ description: 'a', priority: 2 });
  });

  it('says times with their offset and figures as numbers', () => {
    const fields = fieldsOf({ ...emptyDraft(), description: 'a', deadline: '2026-12-31T18:00', startAt: '2026-12-01T08:00', tokens: '20,000', cost: '1.5', assignee: ' 李四 ' });
    expect(fields).toEqual({
      description: 'a',
      priority: 2,
      assignee: '李四',
      deadline: new Date('2026-12-31T18:00').toISOString(),
      start_at: new Date('2026-12-01T08:00').toISOString(),
      budget: { tokens: 20_000, cost: 1.5 },
    });
  });

  it('leaves it to the server to say what is wrong with a figure', () => {
    expect(fieldsOf({ ...emptyDraft(), tokens: 'many' })['budget']).toEqual({ tokens: 'many' });
    expect(momentOf('soon')).toBeNull();
  });
});
