// @vitest-environment happy-dom
import { afterEach, describe, expect, it } from 'vitest';
import { setPreferences } from '@/preferences/store';
import { formatRelative } from './format';

const NOW = new Date('2026-11-23T00:00:00Z');
const at = (seconds: number) => formatRelative(new Date(NOW.getTime() + 1000 * seconds), NOW);

describe('formatRelative', () => {
  afterEach(() => setPreferences({ language: 'zh' }));

  it('says that something has just happened, also by a clock that is a little ahead', () => {
    setPreferences({ language: 'zh' });
    expect([at(-59), at(-1), at(0), at(2)]).toEqual(['刚刚', '刚刚', '刚刚', '刚刚']);
    setPreferences({ language: 'en' });
    expect(at(-20)).toBe('just now');
  });

  it('never calls over what is still to come', () => {
    setPreferences({ language: 'zh' });
    expect(at(30)).toBe('1分钟后');
    setPreferences({ language: 'en' });
    expect(at(30)).toBe('in 1 min.');
    expect(at(-120)).toBe('2 min. ago');
  });
});
