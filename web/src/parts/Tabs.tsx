import { useId, useRef, type KeyboardEvent, type ReactNode } from 'react';
import { cx } from './classes';

export interface Tab<K extends string> {
  readonly key: K;
  readonly label: string;
  /** A number beside the label. */
  readonly count?: number;
}

interface TabsProps<K extends string> {
  readonly label: string;
  readonly tabs: readonly Tab<K>[];
  readonly selected: K;
  readonly onSelect: (key: K) => void;
  /** The content of the selected tab. */
  readonly children: ReactNode;
  readonly className?: string;
}

/** Tabs after the WAI-ARIA pattern: arrows move and select. */
export function Tabs<K extends string>({ label, tabs, selected, onSelect, children, className }: TabsProps<K>) {
  const id = useId();
  const row = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    const at = tabs.findIndex((one) => one.key === selected);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = tabs.at(to % tabs.length);
    if (!next) return;
    onSelect(next.key);
    row.current?.querySelector<HTMLElement>(`[data-key="${next.key}"]`)?.focus();
  };
  return (
    <div className={cx('flex min-h-0 min-w-0 flex-col', className)}>
      <div ref={row} role="tablist" aria-label={label} onKeyDown={onKeyDown} className="flex shrink-0 gap-1 overflow-x-auto overflow-y-hidden border-b border-line px-2 pb-px [scrollbar-width:none]">
        {tabs.map((tab) => {
          const isSelected = tab.key === selected;
          return (
            <button
              key={tab.key}
              type="button"
              role="tab"
              id={`${id}-${tab.key}`}
              data-key={tab.key}
              aria-selected={isSelected}
              aria-controls={`${id}-panel`}
              tabIndex={isSelected ? 0 : -1}
              onClick={() => onSelect(tab.key)}
              className={cx(
                '-mb-px border-b-2 px-2.5 py-2 whitespace-nowrap',
                isSelected ? 'border-accent font-medium text-text' : 'border-transparent text-muted hover:text-text',
              )}
            >
              {tab.label}
              {tab.count !== undefined && <span className="ml-1.5 rounded-full bg-sunken px-1.5 text-xs text-muted">{tab.count}</span>}
            </button>
          );
        })}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${selected}`} tabIndex={0} className="relative min-h-0 flex-1 overflow-auto">
        {children}
      </div>
    </div>
  );
}
