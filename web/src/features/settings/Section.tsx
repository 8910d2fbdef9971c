import type { ReactNode } from 'react';

interface SectionProps {
  readonly id: string;
  readonly title: string;
  readonly note?: ReactNode;
  readonly children: ReactNode;
}

/** One part of the settings; the address can name it. */
export function Section({ id, title, note, children }: SectionProps) {
  return (
    <section id={id} aria-labelledby={`${id}-title`} className="scroll-mt-18 border-t border-line py-6 first:border-t-0 first:pt-0 lg:grid lg:grid-cols-[260px_minmax(0,1fr)] lg:gap-x-10">
      <div className="mb-4 lg:mb-0">
        <h2 id={`${id}-title`} className="text-lg font-semibold">
          {title}
        </h2>
        {note !== undefined && <p className="mt-1 max-w-prose text-sm text-muted">{note}</p>}
      </div>
      <div className="max-w-2xl min-w-0 space-y-5">{children}</div>
    </section>
  );
}
