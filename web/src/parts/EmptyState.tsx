import type { ReactNode } from 'react';

interface EmptyStateProps {
  readonly icon?: ReactNode;
  readonly title: string;
  readonly children?: ReactNode;
  readonly actions?: ReactNode;
}

/** Says why there is nothing, and what a person may do about it. */
export function EmptyState({ icon, title, children, actions }: EmptyStateProps) {
  return (
    <div className="mx-auto flex max-w-lg flex-col items-center px-4 py-14 text-center">
      {icon !== undefined && <div className="mb-4 grid size-12 place-items-center rounded-card bg-tint text-accent">{icon}</div>}
      <h2 className="text-lg font-semibold">{title}</h2>
      {children !== undefined && <div className="mt-1 text-muted">{children}</div>}
      {actions !== undefined && <div className="mt-5 flex flex-wrap justify-center gap-2">{actions}</div>}
    </div>
  );
}
