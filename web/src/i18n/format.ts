/** Numbers, amounts and times as people read them in the chosen language. Pure but for the locale. */
import { locale } from './words';

const formats = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>();

function kept<T extends Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>(key: string, make: () => T): T {
  const name = `${locale()}:${key}`;
  const found = formats.get(name);
  if (found) return found as T;
  const made = make();
  formats.set(name, made);
  return made;
}

export function formatNumber(value: number, digits = 0): string {
  return kept(`n${digits}`, () => new Intl.NumberFormat(locale(), { maximumFractionDigits: digits })).format(value);
}

/** `share` is 0 to 1. */
export function formatPercent(share: number, digits = 0): string {
  return kept(`p${digits}`, () => new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: digits })).format(share);
}

/** 12,345 stays; 1,234,567 becomes 1.2M or 123万. */
export function formatCompact(value: number): string {
  return kept('c', () => new Intl.NumberFormat(locale(), { notation: 'compact', maximumFractionDigits: 1 })).format(value);
}

/** Small amounts keep four digits, for a model call costs less than a cent. */
export function formatMoney(amount: number, currency: string): string {
  const digits = amount !== 0 && Math.abs(amount) < 0.1 ? 4 : 2;
  return kept(
    `m${currency}${digits}`,
    () =>
      new Intl.NumberFormat(locale(), {
        style: 'currency',
        currency,
        currencyDisplay: 'narrowSymbol',
        minimumFractionDigits: 2,
        maximumFractionDigits: digits,
      }),
  ).format(amount);
}

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${formatNumber(value, unit === 0 || value >= 100 ? 0 : 1)} ${BYTE_UNITS[unit] ?? ''}`;
}

/** Below a minute `0.4 s`, `12 s`; then `1:05`, `1:02:05`; from a day `2 d 3 h`. */
export function formatDuration(seconds: number): string {
  const s = Math.max(0, seconds);
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 60) return `${Math.floor(s)} s`;
  const pad = (n: number) => String(Math.floor(n)).padStart(2, '0');
  if (s < 3600) return `${Math.floor(s / 60)}:${pad(s % 60)}`;
  if (s < 86_400) return `${Math.floor(s / 3600)}:${pad((s % 3600) / 60)}:${pad(s % 60)}`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

export function formatMoment(at: string | Date): string {
  return kept('t', () => new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'medium' })).format(new Date(at));
}

/** To the minute, for what a person set. */
export function formatMinute(at: string | Date): string {
  return kept('h', () => new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'short' })).format(new Date(at));
}

export function formatDay(at: string | Date): string {
  return kept('d', () => new Intl.DateTimeFormat(locale(), { dateStyle: 'medium' })).format(new Date(at));
}

const SOON_S = 5;
const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];

export function formatRelative(at: string | Date, now: Date = new Date()): string {
  const seconds = (new Date(at).getTime() - now.getTime()) / 1000;
  const format = kept('r', () => new Intl.RelativeTimeFormat(locale(), { numeric: 'auto', style: 'short' }));
  for (const [unit, size] of STEPS) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit);
  }
  // A clock may be a little ahead of the server's; what is still to come is not over.
  if (seconds >= SOON_S) return format.format(1, 'minute');
  return locale().startsWith('zh') ? '刚刚' : 'just now';
}
