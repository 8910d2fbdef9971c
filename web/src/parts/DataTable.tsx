import type { ReactNode } from 'react';
import { cx } from './classes';

export interface Column<T> {
  readonly key: string;
  readonly head: string;
  readonly cell: (row: T) => ReactNode;
  /** Numbers stand at the right. */
  readonly isNumber?: boolean;
  readonly className?: string;
}

interface DataTableProps<T> {
  /** Says what the table shows; read aloud, not drawn. */
  readonly caption: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  /** Shown in place of rows. */
  readonly empty?: ReactNode;
}

/** A plain table that scrolls sideways where it must. For thousands of rows use a virtual list. */
export function DataTable<T>({ caption, columns, rows, keyOf, empty }: DataTableProps<T>) {
  return (
    <div role="region" aria-label={caption} tabIndex={0} className="overflow-x-auto">
      <table className="w-full border-collapse text-left">
        <caption className="sr-only">{caption}</caption>
        <thead>
          <tr className="border-b border-line">
            {columns.map((column) => (
              <th key={column.key} scope="col" className={cx('px-4 py-2 text-sm font-medium whitespace-nowrap text-muted', column.isNumber === true && 'text-right')}>
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)} className="border-b border-line last:border-b-0 hover:bg-hover">
              {columns.map((column) => (
                <td key={column.key} className={cx('px-4 py-2 align-top', column.isNumber === true && 'text-right whitespace-nowrap', column.className)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length === 0 && empty}
    </div>
  );
}
