import type { ComponentPropsWithRef, ReactNode } from 'react';
import { cx } from './classes';

interface CardProps extends Omit<ComponentPropsWithRef<'section'>, 'title'> {
  readonly title?: ReactNode;
  /** Stands at the right of the title. */
  readonly aside?: ReactNode;
  /** Without inner space, for tables and lists that reach the border. */
  readonly isFlush?: boolean;
}

export function Card({ title, aside, isFlush = false, className, children, ...rest }: CardProps) {
  return (
    <section {...rest} className={cx('card min-w-0', className)}>
      {(title !== undefined || aside !== undefined) && (
        <header className="flex min-h-11 flex-wrap items-center justify-between gap-2 px-4 pt-3 pb-1">
          <h2 className="text-sm font-semibold text-muted">{title}</h2>
          {aside}
        </header>
      )}
      <div className={isFlush ? undefined : title === undefined ? 'p-4' : 'px-4 pt-1 pb-4'}>{children}</div>
    </section>
  );
}

/** A page's heading with its actions. */
export function PageHead({ title, lead, actions }: { readonly title: ReactNode; readonly lead?: ReactNode; readonly actions?: ReactNode }) {
  return (
    <header className="mb-5 flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
      <div className="min-w-0">
        <h1 className="text-xl leading-snug font-semibold tracking-[-0.01em]">{title}</h1>
        {lead !== undefined && <p className="mt-1 max-w-prose text-muted">{lead}</p>}
      </div>
      {actions !== undefined && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
    </header>
  );
}
