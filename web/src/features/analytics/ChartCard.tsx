/** A chart with its table: the same numbers, one or the other. */
import { ChartColumn, Table2 } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useWords } from '@/i18n/words';
import { cx, DataTable, type Column } from '@/parts';
import { words } from './words';

interface ChartCardProps<T> {
  readonly title: string;
  readonly note?: ReactNode;
  /** Stands in place of both where there is nothing to draw. */
  readonly empty?: ReactNode;
  /** Controls beside the title. */
  readonly aside?: ReactNode;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  readonly className?: string;
  readonly children: ReactNode;
}

export function ChartCard<T>({ title, note, empty, aside, columns, rows, keyOf, className, children }: ChartCardProps<T>) {
  const say = useWords(words);
  const [isTable, setTable] = useState(false);
  const verb = say(isTable ? 'as.chart' : 'as.table');
  return (
    <section className={cx('card flex min-w-0 flex-col', className)} aria-label={title}>
      <header className="flex flex-wrap items-start justify-between gap-x-4 gap-y-2 px-4 pt-3.5">
        <div className="min-w-0">
          <h2 className="leading-7 font-semibold">{title}</h2>
          {note !== undefined && <p className="text-sm text-muted">{note}</p>}
        </div>
        <div className="flex items-center gap-1.5">
          {aside}
          {empty === undefined && (
            <button
              type="button"
              aria-label={`${title}: ${verb}`}
              aria-pressed={isTable}
              title={verb}
              onClick={() => setTable(!isTable)}
              className="grid size-8 place-items-center rounded-control text-muted hover:bg-hover hover:text-text"
            >
              {isTable ? <ChartColumn size={16} aria-hidden /> : <Table2 size={16} aria-hidden />}
            </button>
          )}
        </div>
      </header>
      {empty !== undefined ? (
        <div className="grid min-h-32 flex-1 place-content-center px-4 py-6 text-center text-muted">{empty}</div>
      ) : isTable ? (
        <div className="mt-2 max-h-80 overflow-auto">
          <DataTable caption={`${title} · ${say('as.table')}`} columns={columns} rows={rows} keyOf={keyOf} />
        </div>
      ) : (
        <div className="min-w-0 flex-1 px-4 pt-3 pb-4">{children}</div>
      )}
    </section>
  );
}
