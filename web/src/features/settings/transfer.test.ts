// @vitest-environment happy-dom
import { describe, expect, it } from 'vitest';
import { changesOf } from '@/preferences/settings';
import { countsOf, nameOfDownload } from './transfer';

describe('an import', () => {
  it('tells how much was new', () => {
    const answer = { success: true, data: { imported_counts: { tasks: 3, messages: 0, settings: 1 } } };
    expect(countsOf(answer)).toEqual({ tasks: 3, messages: 0, settings: 1 });
  });

  it('is not called done by an answer that says nothing', () => {
    expect(() => countsOf({ success: true, data: {} })).toThrow();
    expect(() => countsOf(null)).toThrow();
  });
});

it('an export is named as the server says, and never as a path', () => {
  expect(nameOfDownload('attachment; filename="lgma-export-2026-11-22.json"')).toBe('lgma-export-2026-11-22.json');
  expect(nameOfDownload('attachment; filename="../../x"')).toBe('lgma-export.json');
  expect(nameOfDownload(null)).toBe('lgma-export.json');
});

it('only settings that changed are sent', () => {
  const before = { language: 'zh', theme: 'system', density: 'comfortable' } as const;
  expect(changesOf(before, before)).toEqual({});
  expect(changesOf(before, { ...before, theme: 'dark' })).toEqual({ theme: 'dark' });
});
