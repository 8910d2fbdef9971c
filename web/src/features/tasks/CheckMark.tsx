import { Check, Minus } from 'lucide-react';
import { useMay } from '@/api/access';
import { cx } from '@/parts';

interface CheckMarkProps {
  readonly label: string;
  readonly state: boolean | 'mixed';
  readonly onToggle: (isRange: boolean) => void;
  readonly className?: string;
}

/** A checkbox that leaves single keys to the page, as a field would not; its place only for who may change nothing. */
export function CheckMark({ label, state, onToggle, className }: CheckMarkProps) {
  const canWrite = useMay()('tasks:write');
  if (!canWrite) return <span className={cx('size-7', className)} />;
  return (
    <button
      type="button"
      role="checkbox"
      aria-checked={state}
      aria-label={label}
      onClick={(event) => onToggle(event.shiftKey)}
      className={cx('group/check relative z-10 grid size-7 shrink-0 place-items-center rounded-control', className)}
    >
      <span
        className={cx(
          'grid size-4 place-items-center rounded-[4px] border',
          state === false ? 'border-line-strong bg-surface group-hover/check:border-accent' : 'border-accent bg-accent text-on-accent',
        )}
      >
        {state === true && <Check size={12} strokeWidth={3} aria-hidden />}
        {state === 'mixed' && <Minus size={12} strokeWidth={3} aria-hidden />}
      </span>
    </button>
  );
}
