import { Link } from '@tanstack/react-router';
import { Bot, ChartNoAxesCombined, ListTodo, MessagesSquare, PanelLeftClose, PanelLeftOpen, ServerCog, Settings } from 'lucide-react';
import { cx } from '@/parts/classes';
import { useWords } from '@/i18n/words';
import { setPreferences, usePreferences } from '@/preferences/store';
import { words } from './words';

export const PLACES = [
  { to: '/tasks', word: 'tasks', Icon: ListTodo },
  { to: '/chat', word: 'chat', Icon: MessagesSquare },
  { to: '/agents', word: 'agents', Icon: Bot },
  { to: '/analytics', word: 'analytics', Icon: ChartNoAxesCombined },
  { to: '/system', word: 'system', Icon: ServerCog },
  { to: '/settings', word: 'settings', Icon: Settings },
] as const;

export function Rail() {
  const say = useWords(words);
  const { isRailNarrow } = usePreferences();
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
      {PLACES.map(({ to, word, Icon }) => (
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
