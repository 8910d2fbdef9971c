import { describe, expect, it } from 'vitest';
import { parseSheet } from './csv';
import { groupOf, GROUPS, previewKind } from './kind';

describe('parseSheet', () => {
  it('reads quotes, line breaks inside of them, CRLF and a byte order mark', () => {
    const sheet = parseSheet('\uFEFFa,b\r\n"x, ""y""","1\n2"\r\n3,\r\n', ',', 10, false);
    expect(sheet).toEqual({ head: ['a', 'b'], rows: [['x, "y"', '1\n2'], ['3', '']], isCut: false });
  });
  it('shows no more rows than asked for and says so', () => {
    const sheet = parseSheet(['n', ...Array.from({ length: 50 }, (_, at) => String(at))].join('\n'), ',', 5, false);
    expect([sheet.rows.length, sheet.isCut]).toEqual([5, true]);
  });
  it('leaves out a last row that is not whole', () => {
    expect(parseSheet('a\tb\n1\t2\n3\t', '\t', 10, true)).toEqual({ head: ['a', 'b'], rows: [['1', '2']], isCut: true });
  });
});

describe('previewKind', () => {
  it('goes by the media type', () => {
    expect(previewKind('text/markdown; charset=utf-8', 'a.md')).toBe('markdown');
    expect(previewKind('image/svg+xml', 'a.svg')).toBe('image');
    expect(previewKind('text/html', 'a.txt')).toBe('page');
    expect(previewKind('text/csv', 'a')).toBe('csv');
    expect(previewKind('application/octet-stream', 'a.log')).toBe('text');
    expect(previewKind('application/octet-stream', 'a.html')).toBe('none');
    expect(previewKind('application/vnd.apache.parquet', 'a.parquet')).toBe('none');
  });
});

describe('groupOf', () => {
  it('has a place in the list for a file of any kind', () => {
    for (const kind of GROUPS) expect(groupOf(kind)).toBe(kind);
    expect(groupOf('table of a team of one’s own')).toBe('result');
  });
});
