import { Loader2 } from 'lucide-react';
import type { ComponentPropsWithRef, ReactNode } from 'react';
import { cx } from './classes';

export type ButtonKind = 'primary' | 'plain' | 'quiet' | 'danger';

const KINDS: Readonly<Record<ButtonKind, string>> = {
  primary: 'border-transparent bg-accent text-on-accent hover:bg-accent-strong',
  plain: 'border-line-strong bg-surface text-text hover:bg-hover',
  quiet: 'border-transparent bg-transparent text-muted hover:bg-hover hover:text-text',
  danger: 'border-red bg-surface text-red hover:bg-red-tint',
};

interface ButtonProps extends ComponentPropsWithRef<'button'> {
  readonly kind?: ButtonKind;
  readonly size?: 'normal' | 'small';
  readonly icon?: ReactNode;
  /** Its action is under way: it cannot be pressed again. */
  readonly isBusy?: boolean;
}

export function buttonClass(kind: ButtonKind = 'plain', size: 'normal' | 'small' = 'normal'): string {
  return cx(
    'inline-flex items-center justify-center gap-1.5 rounded-control border font-medium whitespace-nowrap no-underline transition-colors duration-100',
    'disabled:opacity-55',
    size === 'small' ? 'min-h-7 px-2.5 text-sm' : 'min-h-[34px] px-3.5',
    KINDS[kind],
  );
}

export function Button({ kind = 'plain', size = 'normal', icon, isBusy = false, className, children, disabled, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      disabled={disabled === true || isBusy}
      aria-busy={isBusy || undefined}
      className={cx(buttonClass(kind, size), className)}
    >
      {isBusy ? <Loader2 size={15} aria-hidden className="animate-spin" /> : icon}
      {children}
    </button>
  );
}

interface IconButtonProps extends Omit<ComponentPropsWithRef<'button'>, 'aria-label' | 'children'> {
  /** Its name for people who do not see the icon; also the tooltip. */
  readonly label: string;
  readonly icon: ReactNode;
  readonly kind?: ButtonKind;
  readonly size?: 'normal' | 'small';
}

export function IconButton({ label, icon, kind = 'quiet', size = 'normal', className, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      title={label}
      {...rest}
      aria-label={label}
      className={cx(
        'inline-grid shrink-0 place-items-center rounded-control border transition-colors duration-100 disabled:opacity-55',
        size === 'small' ? 'size-7' : 'size-[34px]',
        KINDS[kind],
        className,
      )}
    >
      {icon}
    </button>
  );
}
