/** Names with bars beside each other: shares that are read from the top. */
import type { ReactNode } from 'react';

export interface BarRow {
  readonly key: string;
  readonly name: string;
  readonly value: ReactNode;
  /** Parts of the bar with their colours; `of` is the longest bar. */
  readonly parts: readonly { readonly amount: number; readonly colour: string }[];
}

export function BarList({ label, rows, of }: { readonly label: string; readonly rows: readonly BarRow[]; readonly of: number }) {
  return (
    <ul aria-label={label} className="space-y-3">
      {rows.map((row) => (
        <li key={row.key}>
          <div className="flex items-baseline justify-between gap-3">
            <span className="min-w-0 truncate">{row.name}</span>
            <span className="shrink-0 text-sm text-muted">{row.value}</span>
          </div>
          <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" className="mt-1 h-2 w-full overflow-hidden rounded-full bg-sunken">
            {row.parts.map((part, at) => (
              <rect
                key={part.colour}
                x={(100 * row.parts.slice(0, at).reduce((sum, one) => sum + one.amount, 0)) / Math.max(1, of)}
                width={(100 * part.amount) / Math.max(1, of)}
                height="4"
                fill={part.colour}
              />
            ))}
          </svg>
        </li>
      ))}
    </ul>
  );
}
