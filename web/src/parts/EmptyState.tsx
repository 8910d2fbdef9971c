import type { ReactNode } from 'react';

interface EmptyStateProps {
  readonly icon?: ReactNode;
  readonly title: string;
  readonly children?: ReactNode;
  readonly actions?: ReactNode;
  /** 1 where this is all there is on the page. */
  readonly level?: 1 | 2;
}

/** Says why there is nothing, and what a person may do about it. */
export function EmptyState({ icon, title, children, actions, level = 2 }: EmptyStateProps) {
  const Heading = level === 1 ? 'h1' : 'h2';
  return (
    <div className="mx-auto flex max-w-lg flex-col items-center px-4 py-14 text-center">
      {icon !== undefined && <div className="mb-4 grid size-12 place-items-center rounded-card bg-tint text-accent">{icon}</div>}
      <Heading className="text-lg font-semibold">{title}</Heading>
      {children !== undefined && <div className="mt-1 text-muted">{children}</div>}
      {actions !== undefined && <div className="mt-5 flex flex-wrap justify-center gap-2">{actions}</div>}
    </div>
  );
}
