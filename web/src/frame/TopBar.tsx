import { Link } from '@tanstack/react-router';
import { CircleHelp, Languages, Plus, Search } from 'lucide-react';
import { useMay } from '@/api/access';
import { useConnectionStatus } from '@/connection/hooks';
import { PersonMenu } from '@/features/login/PersonMenu';
import { useWords } from '@/i18n/words';
import { buttonClass, IconButton } from '@/parts/Button';
import { cx } from '@/parts/classes';
import { Kbd } from '@/parts/Kbd';
import { setPreferences, usePreferences } from '@/preferences/store';
import { words } from './words';

const DOTS = { online: 'text-green', connecting: 'text-blue', offline: 'text-red' } as const;

function ConnectionMark() {
  const say = useWords(words);
  const { state } = useConnectionStatus();
  return (
    <span role="status" data-connection={state} title={say(state)} className={cx('inline-flex items-center gap-1.5 px-1 text-sm', DOTS[state])}>
      <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true">
        {state === 'online' && <circle cx="8" cy="8" r="5" fill="currentColor" />}
        {state === 'connecting' && <circle cx="8" cy="8" r="5" fill="none" stroke="currentColor" strokeWidth="2" strokeDasharray="6 4" />}
        {state === 'offline' && <path d="m3.5 3.5 9 9m0-9-9 9" stroke="currentColor" strokeWidth="2.5" strokeLinecap="round" />}
      </svg>
      <span className="sr-only lg:not-sr-only">{say(state)}</span>
    </span>
  );
}

export function TopBar({ onSearch, onHelp }: { readonly onSearch: () => void; readonly onHelp: () => void }) {
  const say = useWords(words);
  const { language } = usePreferences();
  const may = useMay();
  return (
    <header className="sticky top-0 z-20 flex h-[52px] items-center gap-2 border-b border-line bg-bg px-gutter">
      <button
        type="button"
        onClick={onSearch}
        aria-keyshortcuts="Meta+K Control+K /"
        className="flex h-[34px] min-w-0 flex-1 items-center gap-2 rounded-control border border-line bg-surface px-2.5 text-left text-muted hover:border-line-strong sm:max-w-md"
      >
        <Search size={15} aria-hidden className="shrink-0" />
        <span className="min-w-0 flex-1 truncate">
          <span className="sm:hidden">{say('search.short')}</span>
          <span className="hidden sm:inline">{say('search')}</span>
        </span>
        <span className="hidden sm:inline">
          <Kbd keys="Mod+K" />
        </span>
      </button>
      <span className="ml-auto" />
      <ConnectionMark />
      <IconButton
        label={say('language.switch')}
        icon={<Languages size={17} aria-hidden />}
        lang={language === 'zh' ? 'en' : 'zh-CN'}
        onClick={() => setPreferences({ language: language === 'zh' ? 'en' : 'zh' })}
      />
      <span className="hidden md:inline">
        <IconButton label={say('help')} icon={<CircleHelp size={17} aria-hidden />} onClick={onHelp} />
      </span>
      <PersonMenu />
      {may('tasks:write') && (
        <Link to="/tasks/new" aria-label={say('new')} aria-keyshortcuts="n" className={buttonClass('primary')}>
          <Plus size={16} aria-hidden />
          <span className="hidden sm:inline">{say('new')}</span>
        </Link>
      )}
    </header>
  );
}
