import { ChevronDown, X } from 'lucide-react';
import type { ReactNode } from 'react';
import { useWords } from '@/i18n/words';
import { cx } from './classes';
import { Menu, type MenuItem } from './Menu';
import { words } from './words';

/** A small fact. */
export function Chip({ children, icon, className }: { readonly children: ReactNode; readonly icon?: ReactNode; readonly className?: string }) {
  return (
    <span className={cx('inline-flex max-w-full items-center gap-1 rounded-full bg-sunken px-2.5 py-0.5 text-sm text-muted', className)}>
      {icon}
      <span className="truncate">{children}</span>
    </span>
  );
}

export interface Choice<T extends string | number> {
  readonly value: T;
  readonly label: string;
  readonly icon?: ReactNode;
}

interface FilterChipProps<T extends string | number> {
  readonly label: string;
  readonly choices: readonly Choice<T>[];
  /** undefined: no filter. */
  readonly value: T | undefined;
  readonly onChange: (value: T | undefined) => void;
}

/** One filter of a list: shows what is chosen, opens its choices, and can be cleared. */
export function FilterChip<T extends string | number>({ label, choices, value, onChange }: FilterChipProps<T>) {
  const say = useWords(words);
  const chosen = choices.find((one) => one.value === value);
  const items: MenuItem[] = choices.map((one) => ({
    key: String(one.value),
    label: one.label,
    icon: one.icon,
    isChecked: one.value === value,
    onSelect: () => onChange(one.value === value ? undefined : one.value),
  }));
  return (
    <span
      className={cx(
        'inline-flex items-stretch overflow-hidden rounded-full border text-sm',
        chosen ? 'border-accent bg-tint text-accent-strong' : 'border-line bg-surface text-muted',
      )}
    >
      <Menu
        label={label}
        items={items}
        trigger={
          <>
            {chosen ? `${label}: ${chosen.label}` : label}
            {!chosen && <ChevronDown size={14} aria-hidden />}
          </>
        }
        triggerClass="inline-flex min-h-7 items-center gap-1 px-3 hover:text-text"
      />
      {chosen && (
        <button type="button" aria-label={`${say('clear')}: ${label}`} className="grid w-7 place-items-center hover:bg-hover" onClick={() => onChange(undefined)}>
          <X size={13} aria-hidden />
        </button>
      )}
    </span>
  );
}
