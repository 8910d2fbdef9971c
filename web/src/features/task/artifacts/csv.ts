/** Rows of delimited text, quoted fields included. Pure. */

export interface Sheet {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** There is more than is shown. */
  readonly isCut: boolean;
}

/** The first `maxRows` rows. `isPart`: the text ends in the middle, so its last row may not be whole. */
export function parseSheet(text: string, delimiter: ',' | '\t', maxRows: number, isPart: boolean): Sheet {
  const rows: string[][] = [];
  let row: string[] = [];
  let field = '';
  let isQuoted = false;
  let isCut = false;
  const source = text.replace(/^\uFEFF/, '');
  const endRow = () => {
    row.push(field);
    field = '';
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
  };
  for (let at = 0; at < source.length; at += 1) {
    const char = source.charAt(at);
    if (isQuoted) {
      if (char !== '"') field += char;
      else if (source.charAt(at + 1) === '"') {
        field += '"';
        at += 1;
      } else isQuoted = false;
    } else if (char === '"' && field === '') isQuoted = true;
    else if (char === delimiter) {
      row.push(field);
      field = '';
    } else if (char === '\n' || char === '\r') {
      if (char === '\r' && source.charAt(at + 1) === '\n') at += 1;
      endRow();
      if (rows.length > maxRows) {
        isCut = true;
        break;
      }
    } else field += char;
  }
  if (!isCut && !isPart && (field !== '' || row.length > 0)) endRow();
  const [head = [], ...rest] = rows;
  return { head, rows: rest.slice(0, maxRows), isCut: isCut || isPart || rest.length > maxRows };
}
