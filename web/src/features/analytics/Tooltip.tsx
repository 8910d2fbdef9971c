/** What stands beside the pointer, in the page's own form. */
import type { TooltipContentProps } from 'recharts';

interface HintProps extends Partial<Pick<TooltipContentProps<number, string>, 'active' | 'payload' | 'label'>> {
  readonly nameOf: (label: string) => string;
  readonly show: (value: number, key: string) => string;
}

export function Hint({ active, payload, label, nameOf, show }: HintProps) {
  if (active !== true || payload === undefined || payload.length === 0) return null;
  return (
    <div className="rounded-control border border-line bg-surface px-3 py-2 text-sm shadow-float">
      <p className="font-medium">{nameOf(String(label))}</p>
      {payload.map((item) => (
        <p key={String(item.dataKey)} className="flex items-center gap-2">
          <svg viewBox="0 0 8 8" width="8" height="8" aria-hidden="true">
            <rect width="8" height="8" rx="2" fill={item.color} />
          </svg>
          <span className="text-muted">{item.name}</span>
          <span className="ml-auto pl-3 font-medium">{show(Number(item.value), String(item.dataKey))}</span>
        </p>
      ))}
    </div>
  );
}
