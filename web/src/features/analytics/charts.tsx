/** The drawings. Colours are the tokens', so both themes are right without drawing anew. */
import { Bar, BarChart, CartesianGrid, Line, ComposedChart, LabelList, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import { formatCompact, formatMoney, formatNumber } from '@/i18n/format';
import { locale, useWords, type Say } from '@/i18n/words';
import type { Dashboard } from './query';
import { noonOf, type Spending, type TrendPoint } from './series';
import { Hint } from './Tooltip';
import { words } from './words';

const HEIGHT = 240;
const AXIS = { fill: 'var(--muted)', fontSize: 12 } as const;
const MARGIN = { top: 8, right: 4, bottom: 0, left: 0 } as const;
const COLOURS = {
  created: 'var(--series-1)',
  completed: 'var(--green)',
  failed: 'var(--red)',
  cancelled: 'var(--series-6)',
  input: 'var(--series-1)',
  output: 'var(--series-2)',
} as const;

export function nameOfWhen(when: string): string {
  const format: Intl.DateTimeFormatOptions =
    when.length === 7 ? { year: 'numeric', month: 'short' } : { month: 'short', day: 'numeric' };
  return new Intl.DateTimeFormat(locale(), { ...format, timeZone: 'UTC' }).format(noonOf(when));
}

function tickOfWhen(when: string): string {
  const format: Intl.DateTimeFormatOptions = when.length === 7 ? { year: '2-digit', month: 'numeric' } : { month: 'numeric', day: 'numeric' };
  return new Intl.DateTimeFormat(locale(), { ...format, timeZone: 'UTC' }).format(noonOf(when));
}

type Analytics = typeof words extends infer A ? (A extends { keys?: infer K extends string } ? K : never) : never;

const UNITS = [
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

/** A bound of a class in its largest whole unit: `5 min`. */
function boundWord(seconds: number): string {
  const [unit, size] = UNITS.find(([, one]) => seconds >= one && seconds % one === 0) ?? ['second', 1];
  return new Intl.NumberFormat(locale(), { style: 'unit', unit, unitDisplay: 'short' }).format(seconds / size);
}

/** A class of durations in words. */
export function classWord({ from_s, to_s }: { readonly from_s: number; readonly to_s: number | null }, say: Say<Analytics>): string {
  if (to_s === null) return say('class.from', { from: boundWord(from_s) });
  if (from_s === 0) return say('class.to', { to: boundWord(to_s) });
  return say('class.between', { from: boundWord(from_s), to: boundWord(to_s) });
}

interface KeyProps {
  readonly items: readonly { readonly label: string; readonly colour: string; readonly isLine?: boolean }[];
}

export function Key({ items }: KeyProps) {
  return (
    <ul className="mb-2 flex flex-wrap gap-x-4 gap-y-1 text-sm text-muted">
      {items.map(({ label, colour, isLine }) => (
        <li key={label} className="inline-flex items-center gap-1.5">
          <svg viewBox="0 0 12 8" width="12" height="8" aria-hidden="true">
            {isLine === true ? <path d="M0 4h12" stroke={colour} strokeWidth="2" /> : <rect x="2" width="8" height="8" rx="2" fill={colour} />}
          </svg>
          {label}
        </li>
      ))}
    </ul>
  );
}

export function TrendChart({ points }: { readonly points: readonly TrendPoint[] }) {
  const say = useWords(words);
  const isDaily = points.some((one) => one.created !== undefined);
  const show = (value: number) => formatNumber(value);
  return (
    <figure aria-label={say('trend')}>
      {isDaily && (
        <Key
          items={[
            { label: say('completed'), colour: COLOURS.completed },
            { label: say('failed'), colour: COLOURS.failed },
            { label: say('cancelled'), colour: COLOURS.cancelled },
            { label: say('created'), colour: COLOURS.created, isLine: true },
          ]}
        />
      )}
      <ResponsiveContainer width="100%" height={HEIGHT + 24}>
        <ComposedChart data={[...points]} margin={MARGIN} barCategoryGap="28%" accessibilityLayer>
          <CartesianGrid vertical={false} stroke="var(--line)" />
          <XAxis dataKey="when" tickFormatter={tickOfWhen} tick={AXIS} tickLine={false} axisLine={{ stroke: 'var(--line)' }} interval="equidistantPreserveStart" minTickGap={18} />
          <YAxis allowDecimals={false} tick={AXIS} tickLine={false} axisLine={false} width={34} tickFormatter={show} />
          <Tooltip cursor={{ fill: 'var(--hover)' }} isAnimationActive={false} content={<Hint nameOf={nameOfWhen} show={show} />} />
          <Bar dataKey="completed" name={say('completed')} stackId="ended" fill={COLOURS.completed} maxBarSize={28} isAnimationActive={false} />
          {isDaily && <Bar dataKey="failed" name={say('failed')} stackId="ended" fill={COLOURS.failed} maxBarSize={28} isAnimationActive={false} />}
          {isDaily && <Bar dataKey="cancelled" name={say('cancelled')} stackId="ended" fill={COLOURS.cancelled} maxBarSize={28} isAnimationActive={false} />}
          {isDaily && (
            <Line dataKey="created" name={say('created')} type="linear" stroke={COLOURS.created} strokeWidth={2} dot={false} activeDot={{ r: 4 }} isAnimationActive={false} />
          )}
        </ComposedChart>
      </ResponsiveContainer>
    </figure>
  );
}

export function DurationChart({ duration }: { readonly duration: Dashboard['duration_data'] }) {
  const say = useWords(words);
  const rows = duration.histogram.map((one) => ({ name: classWord(one, say), count: one.count }));
  const show = (value: number) => formatNumber(value);
  return (
    <figure aria-label={say('duration')}>
      <ResponsiveContainer width="100%" height={HEIGHT + 24}>
        <BarChart data={rows} layout="vertical" margin={{ ...MARGIN, right: 28 }} barCategoryGap="22%" accessibilityLayer>
          <XAxis type="number" hide allowDecimals={false} />
          <YAxis type="category" dataKey="name" tick={AXIS} tickLine={false} axisLine={{ stroke: 'var(--line)' }} width={104} interval={0} />
          <Tooltip cursor={{ fill: 'var(--hover)' }} isAnimationActive={false} content={<Hint nameOf={(name) => name} show={show} />} />
          <Bar dataKey="count" name={say('tasks')} fill={COLOURS.created} radius={[0, 3, 3, 0]} isAnimationActive={false}>
            <LabelList dataKey="count" position="right" fill="var(--muted)" fontSize={12} formatter={(value) => (Number(value) > 0 ? show(Number(value)) : '')} />
          </Bar>
        </BarChart>
      </ResponsiveContainer>
    </figure>
  );
}

interface CostChartProps {
  readonly spending: readonly Spending[];
  readonly measure: 'cost' | 'tokens';
  readonly currency: string;
}

export function CostChart({ spending, measure, currency }: CostChartProps) {
  const say = useWords(words);
  const show = (value: number) => (measure === 'cost' ? formatMoney(value, currency) : formatNumber(value));
  const tick = (value: number) =>
    measure === 'cost'
      ? new Intl.NumberFormat(locale(), { style: 'currency', currency, currencyDisplay: 'narrowSymbol', minimumFractionDigits: 0, maximumSignificantDigits: 3 }).format(value)
      : formatCompact(value);
  const bar = { stackId: 'spent', maxBarSize: 28, isAnimationActive: false } as const;
  return (
    <figure aria-label={say('cost')}>
      {measure === 'tokens' && (
        <Key
          items={[
            { label: say('tokens.in'), colour: COLOURS.input },
            { label: say('tokens.out'), colour: COLOURS.output },
          ]}
        />
      )}
      <ResponsiveContainer width="100%" height={HEIGHT}>
        <BarChart data={[...spending]} margin={MARGIN} barCategoryGap="28%" accessibilityLayer>
          <CartesianGrid vertical={false} stroke="var(--line)" />
          <XAxis dataKey="date" tickFormatter={tickOfWhen} tick={AXIS} tickLine={false} axisLine={{ stroke: 'var(--line)' }} interval="equidistantPreserveStart" minTickGap={18} />
          <YAxis tick={AXIS} tickLine={false} axisLine={false} width={52} tickFormatter={tick} />
          <Tooltip cursor={{ fill: 'var(--hover)' }} isAnimationActive={false} content={<Hint nameOf={nameOfWhen} show={show} />} />
          {measure === 'cost' ? (
            <Bar dataKey="cost" name={say('cost')} fill={COLOURS.input} {...bar} />
          ) : (
            <>
              <Bar dataKey="input_tokens" name={say('tokens.in')} fill={COLOURS.input} {...bar} />
              <Bar dataKey="output_tokens" name={say('tokens.out')} fill={COLOURS.output} {...bar} />
            </>
          )}
        </BarChart>
      </ResponsiveContainer>
    </figure>
  );
}
