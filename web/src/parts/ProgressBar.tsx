import type { Status } from '@/events/status';
import { formatPercent } from '@/i18n/format';
import { useWords } from '@/i18n/words';
import { STATUS_TEXT } from './StatusMark';
import { cx } from './classes';
import { words } from './words';

interface ProgressBarProps {
  /** 0 to 100, from the server. */
  readonly percent: number;
  readonly status?: Status;
  readonly className?: string;
}

export function ProgressBar({ percent, status = 'running', className }: ProgressBarProps) {
  const say = useWords(words);
  const value = Math.max(0, Math.min(100, percent));
  return (
    <div
      role="progressbar"
      aria-valuenow={value}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-label={say('progress', { percent: formatPercent(value / 100) })}
      className={cx('h-1.5 overflow-hidden rounded-full bg-sunken', className ?? 'w-full')}
    >
      <div
        className={cx('h-full rounded-full bg-current transition-[width] duration-150', STATUS_TEXT[status])}
        style={{ width: `${value}%` }}
      />
    </div>
  );
}
