import type { Status } from '@/events/status';
import { useWords } from '@/i18n/words';
import { cx } from './classes';
import { words } from './words';

export const STATUS_TEXT: Readonly<Record<Status, string>> = {
  pending: 'text-grey',
  running: 'text-blue',
  waiting_input: 'text-amber',
  paused: 'text-grey',
  completed: 'text-green',
  failed: 'text-red',
  cancelled: 'text-grey',
};
export const STATUS_TINT: Readonly<Record<Status, string>> = {
  pending: 'bg-grey-tint',
  running: 'bg-blue-tint',
  waiting_input: 'bg-amber-tint',
  paused: 'bg-grey-tint',
  completed: 'bg-green-tint',
  failed: 'bg-red-tint',
  cancelled: 'bg-grey-tint',
};

/** The shape alone, 16 units wide; for places that draw their own SVG it is exported as content. */
export function StatusShape({ status }: { readonly status: Status }) {
  switch (status) {
    case 'pending':
      return <circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" strokeWidth="1.75" />;
    case 'running':
      return (
        <>
          <circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" strokeWidth="1.75" />
          <path d="M8 2.5a5.5 5.5 0 0 0 0 11Z" fill="currentColor" className="animate-pulse-slow" />
        </>
      );
    case 'waiting_input':
      return <path d="M8 1.5 14.5 8 8 14.5 1.5 8Z" fill="currentColor" />;
    case 'paused':
      return <path d="M5.75 3v10M10.25 3v10" fill="none" stroke="currentColor" strokeWidth="2.25" strokeLinecap="round" />;
    case 'completed':
      return <circle cx="8" cy="8" r="6.25" fill="currentColor" />;
    case 'failed':
      return <path d="M8 1.75 15 14H1Z" fill="currentColor" strokeLinejoin="round" />;
    case 'cancelled':
      return (
        <g fill="none" stroke="currentColor" strokeWidth="1.75">
          <circle cx="8" cy="8" r="5.5" />
          <path d="m4.1 11.9 7.8-7.8" />
        </g>
      );
  }
}

interface StatusMarkProps {
  readonly status: Status;
  /** `mark`: shape, the word for screen readers and on hover; `word`: both; `chip`: both on a tinted ground. */
  readonly show?: 'mark' | 'word' | 'chip';
  readonly size?: number;
  /** Stands in place of the usual word. */
  readonly label?: string;
  readonly className?: string;
}

/** One of the seven statuses: shape, colour and word, never colour alone. */
export function StatusMark({ status, show = 'mark', size = 14, label, className }: StatusMarkProps) {
  const say = useWords(words);
  const word = label ?? say(`status.${status}`);
  return (
    <span
      data-status={status}
      title={show === 'mark' ? word : undefined}
      className={cx(
        'inline-flex shrink-0 items-center gap-1.5 whitespace-nowrap',
        STATUS_TEXT[status],
        show === 'chip' && `rounded-full px-2.5 py-0.5 text-sm font-medium ${STATUS_TINT[status]}`,
        className,
      )}
    >
      <svg viewBox="0 0 16 16" width={size} height={size} aria-hidden="true" className="shrink-0">
        <StatusShape status={status} />
      </svg>
      <span className={show === 'mark' ? 'sr-only' : undefined}>{word}</span>
    </span>
  );
}
