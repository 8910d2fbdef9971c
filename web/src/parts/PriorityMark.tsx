import { useWords } from '@/i18n/words';
import { cx } from './classes';
import { words } from './words';

export type PriorityLevel = 1 | 2 | 3 | 4;

const LEVELS: Readonly<Record<string, PriorityLevel>> = { 低: 1, 中: 2, 高: 3, 紧急: 4, low: 1, medium: 2, high: 3, urgent: 4 };

/** A priority of the API or of the adapter as 1 (low) to 4 (urgent). */
export function priorityOf(value: unknown): PriorityLevel {
  const found = typeof value === 'string' ? (LEVELS[value] ?? Number(value)) : value;
  return found === 1 || found === 3 || found === 4 ? found : 2;
}

/** Bars as high as the priority, with its word. */
export function PriorityMark({ priority, isWordShown = true }: { readonly priority: PriorityLevel; readonly isWordShown?: boolean }) {
  const say = useWords(words);
  const word = say(`priority.${priority}`);
  return (
    <span
      title={say('priority.label', { word })}
      className={cx('inline-flex shrink-0 items-center gap-1.5 whitespace-nowrap', priority === 4 ? 'text-red' : 'text-muted')}
    >
      <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
        {[1, 2, 3, 4].map((level) => (
          <rect
            key={level}
            x={1 + (level - 1) * 3.7}
            y={13 - level * 2.6}
            width="2.5"
            height={level * 2.6}
            rx="0.8"
            fill="currentColor"
            opacity={level <= priority ? 1 : 0.28}
          />
        ))}
      </svg>
      <span className={isWordShown ? 'text-sm' : 'sr-only'}>{word}</span>
    </span>
  );
}
