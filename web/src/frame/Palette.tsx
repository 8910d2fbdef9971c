import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { CornerDownLeft, Languages, Plus, Search, SunMoon } from 'lucide-react';
import { useDeferredValue, useEffect, useId, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { useMay } from '@/api/access';
import { api, take } from '@/api/client';
import { statusOf } from '@/events/status';
import { useWords } from '@/i18n/words';
import { cx } from '@/parts/classes';
import { Dialog } from '@/parts/Dialog';
import { ErrorNote } from '@/parts/ErrorNote';
import { StatusMark } from '@/parts/StatusMark';
import { setPreferences, usePreferences } from '@/preferences/store';
import { usePageCommands } from './commands';
import { usePlaces } from './Rail';
import { words } from './words';

interface Item {
  readonly key: string;
  readonly group: string;
  readonly label: string;
  readonly icon: ReactNode;
  readonly run: () => void;
}

const FOUND = 8;

function useItems(query: string): { readonly items: readonly Item[]; readonly isSearching: boolean; readonly error: unknown } {
  const say = useWords(words);
  const navigate = useNavigate();
  const { language } = usePreferences();
  const offered = usePageCommands();
  const places = usePlaces();
  const canWrite = useMay()('tasks:write');
  const wanted = useDeferredValue(query.trim());
  const found = useQuery({
    queryKey: ['palette', wanted],
    enabled: wanted.length > 0,
    queryFn: ({ signal }) => take(api.GET('/api/v1/tasks', { params: { query: { q: wanted, limit: FOUND } }, signal })),
    placeholderData: (before) => before,
  });
  const fixed = useMemo<readonly Item[]>(
    () => [
      ...offered.map((one) => ({
        key: `page:${one.key}`,
        group: say('palette.page'),
        label: one.label,
        icon: one.icon ?? <CornerDownLeft size={16} aria-hidden />,
        run: one.run,
      })),
      ...(canWrite
        ? [
            {
              key: 'new',
              group: say('palette.do'),
              label: say('new'),
              icon: <Plus size={16} aria-hidden />,
              run: () => void navigate({ to: '/tasks/new' }),
            },
          ]
        : []),
      ...places.map(({ to, word, Icon }) => ({
        key: to,
        group: say('palette.go'),
        label: say(word),
        icon: <Icon size={16} aria-hidden />,
        run: () => void navigate({ to }),
      })),
      {
        key: 'language',
        group: say('palette.do'),
        label: say('palette.language'),
        icon: <Languages size={16} aria-hidden />,
        run: () => setPreferences({ language: language === 'zh' ? 'en' : 'zh' }),
      },
      ...(['light', 'dark', 'system'] as const).map((theme) => ({
        key: `theme:${theme}`,
        group: say('palette.do'),
        label: say(`palette.theme.${theme}`),
        icon: <SunMoon size={16} aria-hidden />,
        run: () => setPreferences({ theme }),
      })),
    ],
    [say, navigate, language, offered, places, canWrite],
  );
  // What is offered fits what is typed now, or Enter would take what fitted before: tasks found by an
  // earlier wording stay only where their title says the new one too.
  const needle = query.trim().toLowerCase();
  const fits = (label: string) => label.toLowerCase().includes(needle);
  const items = fixed.filter((one) => fits(one.label));
  const isCurrent = wanted === query.trim() && !found.isPlaceholderData;
  const tasks = needle === '' ? [] : (found.data?.tasks ?? []).filter((task) => isCurrent || fits(task.title));
  return {
    error: found.error,
    isSearching: needle !== '' && !isCurrent,
    items: [
      ...items,
      ...tasks.map((task) => ({
        key: task.id,
        group: say('palette.tasks'),
        label: task.title,
        icon: <StatusMark status={statusOf(task.status)} />,
        run: () => void navigate({ to: '/tasks/$taskId', params: { taskId: task.id } }),
      })),
    ],
  };
}

function Content({ onClose }: { readonly onClose: () => void }) {
  const say = useWords(words);
  const id = useId();
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const { items, isSearching, error } = useItems(query);
  const chosen = items[Math.min(at, items.length - 1)];
  const groups = [...new Set(items.map((one) => one.group))].map((group) => [group, items.filter((one) => one.group === group)] as const);
  const ordered = groups.flatMap(([, members]) => members);

  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [at]);

  const run = (item: Item) => {
    onClose();
    item.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      const step = event.key === 'ArrowDown' ? 1 : -1;
      setAt((before) => (Math.min(before, ordered.length - 1) + step + ordered.length) % Math.max(1, ordered.length));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      const item = ordered[Math.min(at, ordered.length - 1)];
      if (item) run(item);
    }
  };
  const current = ordered[Math.min(at, ordered.length - 1)] ?? chosen;
  return (
    <div>
      <div className="flex items-center gap-2.5 border-b border-line px-4">
        <Search size={17} aria-hidden className="shrink-0 text-muted" />
        <input
          autoFocus
          role="combobox"
          aria-expanded="true"
          aria-controls={`${id}-list`}
          aria-activedescendant={current ? `${id}-${current.key}` : undefined}
          aria-label={say('palette.placeholder')}
          placeholder={say('palette.placeholder')}
          value={query}
          maxLength={200}
          onChange={(event) => {
            setQuery(event.target.value);
            setAt(0);
          }}
          onKeyDown={onKeyDown}
          className="h-12 min-w-0 flex-1 border-0 bg-transparent text-lg outline-none"
        />
      </div>
      <div ref={list} id={`${id}-list`} role="listbox" aria-label={say('palette.results')} className="max-h-[52vh] overflow-auto p-1.5">
        {groups.map(([group, members]) => (
          <div key={group} role="group" aria-label={group}>
            <div aria-hidden="true" className="px-2.5 pt-2 pb-1 text-xs text-muted">
              {group}
            </div>
            {members.map((item) => {
              const isChosen = item.key === current?.key;
              return (
                <div
                  key={item.key}
                  id={`${id}-${item.key}`}
                  role="option"
                  aria-selected={isChosen}
                  onPointerMove={() => setAt(ordered.indexOf(item))}
                  onClick={() => run(item)}
                  className={cx('flex cursor-pointer items-center gap-2.5 rounded-control px-2.5 py-1.5', isChosen && 'bg-tint')}
                >
                  <span className="grid w-5 shrink-0 place-items-center text-muted">{item.icon}</span>
                  <span className="min-w-0 truncate">{item.label}</span>
                </div>
              );
            })}
          </div>
        ))}
        {ordered.length === 0 && !isSearching && !error && <p className="px-3 py-6 text-center text-muted">{say('palette.none', { query: query.trim() })}</p>}
      </div>
      {error !== null && <ErrorNote error={error} isCompact className="m-2" />}
    </div>
  );
}

/** Go anywhere, do anything, find any task, from the keyboard. */
export function Palette({ isOpen, onClose }: { readonly isOpen: boolean; readonly onClose: () => void }) {
  const say = useWords(words);
  return (
    <Dialog isOpen={isOpen} onClose={onClose} title={say('palette.label')} isTitleHidden>
      <Content onClose={onClose} />
    </Dialog>
  );
}
