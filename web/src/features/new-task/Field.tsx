import { useId, type ReactNode } from 'react';
import { cx } from '@/parts';

export interface FieldProps {
  readonly label: string;
  readonly hint?: ReactNode;
  /** What the server says of it; it stands in place of the hint. */
  readonly errors?: readonly string[];
  readonly className?: string;
  readonly children: (attributes: { readonly id: string; readonly 'aria-describedby': string | undefined; readonly 'aria-invalid': boolean }) => ReactNode;
}

/** A field with its name, a hint and what is wrong with it, tied together for people who hear the page. */
export function Field({ label, hint, errors = [], className, children }: FieldProps) {
  const id = useId();
  const note = errors.length > 0 || hint !== undefined;
  return (
    <div className={cx('min-w-0', className)}>
      <label htmlFor={id} className="mb-1 block text-sm font-medium">
        {label}
      </label>
      {children({ id, 'aria-describedby': note ? `${id}-note` : undefined, 'aria-invalid': errors.length > 0 })}
      {note && (
        <p id={`${id}-note`} role={errors.length > 0 ? 'alert' : undefined} className={cx('mt-1 text-sm', errors.length > 0 ? 'text-red' : 'text-muted')}>
          {errors.length > 0 ? errors.join(' ') : hint}
        </p>
      )}
    </div>
  );
}
