import { Link } from '@tanstack/react-router';
import { Bot, ChartNoAxesCombined, ListTodo, MessagesSquare, PanelLeftClose, PanelLeftOpen, ServerCog, Settings, type LucideIcon } from 'lucide-react';
import { useMemo } from 'react';
import { useMay, type Permission } from '@/api/access';
import { cx } from '@/parts/classes';
import { useWords } from '@/i18n/words';
import { setPreferences, usePreferences } from '@/preferences/store';
import { words } from './words';

interface Place {
  readonly to: '/tasks' | '/chat' | '/agents' | '/analytics' | '/system' | '/settings';
  readonly word: 'tasks' | 'chat' | 'agents' | 'analytics' | 'system' | 'settings';
  readonly Icon: LucideIcon;
  /** What one must be allowed to do there. */
  readonly needs: Permission | null;
}

const PLACES: readonly Place[] = [
  { to: '/tasks', word: 'tasks', Icon: ListTodo, needs: 'tasks:read' },
  { to: '/chat', word: 'chat', Icon: MessagesSquare, needs: 'chat' },
  { to: '/agents', word: 'agents', Icon: Bot, needs: 'system:read' },
  { to: '/analytics', word: 'analytics', Icon: ChartNoAxesCombined, needs: 'tasks:read' },
  { to: '/system', word: 'system', Icon: ServerCog, needs: 'system:read' },
  { to: '/settings', word: 'settings', Icon: Settings, needs: null },
];

/** Where the person may go. */
export function usePlaces(): readonly Place[] {
  const may = useMay();
  return useMemo(() => PLACES.filter(({ needs }) => needs === null || may(needs)), [may]);
}

export function Rail() {
  const say = useWords(words);
  const { isRailNarrow } = usePreferences();
  const places = usePlaces();
  return (
    <nav
      aria-label={say('nav')}
      className={cx(
        'fixed inset-x-0 bottom-0 z-30 flex border-t border-line bg-surface pb-[env(safe-area-inset-bottom)]',
        'md:sticky md:inset-auto md:top-0 md:h-dvh md:flex-col md:gap-0.5 md:border-t-0 md:border-r md:bg-bg md:p-3 md:pb-3',
        isRailNarrow ? 'md:w-[60px]' : 'md:w-[60px] lg:w-[208px]',
      )}
    >
      <Link to="/tasks" className="mb-4 hidden items-center gap-2.5 px-1 pt-0.5 font-semibold text-text no-underline md:flex">
        <img src="/icon.svg" alt="" width="28" height="28" className="shrink-0" />
        <span className={cx('hidden leading-tight', !isRailNarrow && 'lg:block')}>
          LangGraph
          <br />
          Multi-Agent
        </span>
      </Link>
      {places.map(({ to, word, Icon }) => (
        <Link
          key={to}
          to={to}
          title={say(word)}
          activeProps={{ className: 'bg-tint text-accent-strong font-semibold', 'aria-current': 'page' }}
          inactiveProps={{ className: 'text-muted hover:bg-hover hover:text-text' }}
          className="flex min-w-0 flex-1 flex-col items-center gap-0.5 py-1.5 text-xs no-underline transition-colors duration-100 md:flex-none md:flex-row md:gap-2.5 md:rounded-control md:px-2 md:py-2 md:text-base"
        >
          <Icon size={19} aria-hidden className="shrink-0" />
          <span className={cx('max-w-full truncate md:sr-only', !isRailNarrow && 'lg:not-sr-only')}>{say(word)}</span>
        </Link>
      ))}
      <button
        type="button"
        title={isRailNarrow ? say('widen') : say('narrow')}
        aria-label={isRailNarrow ? say('widen') : say('narrow')}
        aria-expanded={!isRailNarrow}
        onClick={() => setPreferences({ isRailNarrow: !isRailNarrow })}
        className="mt-auto hidden size-9 place-items-center rounded-control text-muted hover:bg-hover hover:text-text lg:grid"
      >
        {isRailNarrow ? <PanelLeftOpen size={18} aria-hidden /> : <PanelLeftClose size={18} aria-hidden />}
      </button>
    </nav>
  );
}
