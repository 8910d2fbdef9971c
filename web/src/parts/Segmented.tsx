import { useId } from 'react';
import type { Choice } from './Chip';
import { cx } from './classes';

interface SegmentedProps<T extends string | number> {
  readonly label: string;
  /** The label is for screen readers only, where text beside it says the same. */
  readonly isLabelHidden?: boolean;
  readonly choices: readonly Choice<T>[];
  readonly value: T;
  readonly onChange: (value: T) => void;
  readonly className?: string;
}

/** One of a few, all in sight. Radio buttons to the keyboard and to screen readers. */
export function Segmented<T extends string | number>({ label, isLabelHidden = false, choices, value, onChange, className }: SegmentedProps<T>) {
  const name = useId();
  return (
    <fieldset className={cx('min-w-0', className)}>
      <legend className={isLabelHidden ? 'sr-only' : 'mb-1 text-sm font-medium text-muted'}>{label}</legend>
      <div className="inline-flex max-w-full flex-wrap gap-0.5 rounded-control border border-line bg-sunken p-0.5">
        {choices.map((choice) => (
          <label
            key={choice.value}
            className={cx(
              'relative inline-flex min-h-7 items-center gap-1.5 rounded-[6px] px-3 text-sm whitespace-nowrap has-focus-visible:outline-2 has-focus-visible:outline-offset-1 has-focus-visible:outline-accent',
              choice.value === value ? 'bg-surface font-medium text-text ring-1 ring-line' : 'text-muted hover:text-text',
            )}
          >
            <input
              type="radio"
              name={name}
              value={choice.value}
              checked={choice.value === value}
              onChange={() => onChange(choice.value)}
              className="absolute inset-0 size-full cursor-pointer opacity-0"
            />
            {choice.icon}
            {choice.label}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
