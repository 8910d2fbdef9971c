/** Times, sizes and amounts, written once for all pages. */
import { formatBytes, formatDuration, formatMoment, formatMoney, formatRelative } from '@/i18n/format';
import { usePreferences } from '@/preferences/store';
import { useNow } from '@/preferences/clock';

const MINUTE_MS = 60_000;

/** Relative, with the absolute time on hover. */
export function RelativeTime({ at, className }: { readonly at: string; readonly className?: string }) {
  usePreferences();
  const now = useNow(MINUTE_MS / 2);
  return (
    <time dateTime={at} title={formatMoment(at)} className={className}>
      {formatRelative(at, now)}
    </time>
  );
}

interface DurationProps {
  readonly seconds?: number | null | undefined;
  /** Counts up from here while `seconds` is not given; ISO-8601. */
  readonly since?: string | null | undefined;
  readonly className?: string;
}

export function Duration({ seconds, since, className }: DurationProps) {
  const isLive = (seconds === null || seconds === undefined) && typeof since === 'string';
  const now = useNow(isLive ? 1000 : 0);
  const shown = isLive ? Math.floor((now.getTime() - new Date(since).getTime()) / 1000) : seconds;
  return <span className={className}>{shown === null || shown === undefined ? '–' : formatDuration(shown)}</span>;
}

export function Bytes({ bytes }: { readonly bytes: number }) {
  usePreferences();
  return <span className="whitespace-nowrap">{formatBytes(bytes)}</span>;
}

/** `currency` is the code that the server's settings name. */
export function Money({ amount, currency }: { readonly amount: number; readonly currency: string }) {
  usePreferences();
  return <span className="whitespace-nowrap">{formatMoney(amount, currency)}</span>;
}
