import { describe, expect, it } from 'vitest';
import { safeLink } from './links';

describe('safeLink', () => {
  it('lets through http, https, mailto and places in the text', () => {
    for (const one of ['https://a.test/x?y=1#z', 'http://a.test', 'mailto:a@b.test', '#f1', 'HTTPS://A.TEST/']) expect(safeLink(one)).toBe(one);
  });
  it('stops all that could run or read something', () => {
    const hostile = [
      'javascript:alert(1)',
      'JaVaScRiPt:alert(1)',
      ' javascript:alert(1)',
      'java\tscript:alert(1)',
      'java\nscript:alert(1)',
      '\u0001javascript:alert(1)',
      'data:text/html,<script>alert(1)</script>',
      'vbscript:x',
      'file:///etc/passwd',
      'blob:https://a.test/1',
      '//evil.test',
      '/relative',
      'https:',
      '',
      null,
      undefined,
    ];
    for (const one of hostile) expect(safeLink(one), String(one)).toBeNull();
  });
});
