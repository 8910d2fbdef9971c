import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { useKeys } from '@/frame/keys';
import { useWords } from '@/i18n/words';
import { useCurrency } from '@/preferences/settings';
import { usePreferences } from '@/preferences/store';
import type { TaskList } from './list';
import type { TaskLoader } from './loader';
import { HeadLine, PendingLine, TaskLine } from './TaskLine';
import { teamsQuery, titleOf } from './teams';
import { words } from './words';

const TWO_LINES = '(max-width: 767px)';
const ROW_PX = { comfortable: 44, compact: 36, twoLines: 64 } as const;
/** Top bar and head stand over the list, the bulk bar and on phones the rail under it. */
const TOP_PX = 96;
const BOTTOM_PX = 96;
const OVERSCAN = 8;
/** Shapes of rows at the end while it is not known how many follow. */
const MORE_ROWS = 4;

function useIsNarrow(): boolean {
  return useSyncExternalStore(
    (listener) => {
      const query = matchMedia(TWO_LINES);
      query.addEventListener('change', listener);
      return () => query.removeEventListener('change', listener);
    },
    () => matchMedia(TWO_LINES).matches,
  );
}

interface LinesProps {
  readonly list: TaskList;
  readonly loader: TaskLoader;
  readonly selected: ReadonlySet<string>;
  readonly onToggle: (id: string, isRange: boolean) => void;
  readonly onToggleAll: () => void;
}

/** The rows: only those in sight are in the document, whatever their number. */
export function Lines({ list, loader, selected, onToggle, onToggleAll }: LinesProps) {
  const say = useWords(words);
  const navigate = useNavigate();
  const currency = useCurrency();
  const { density, language } = usePreferences();
  const isNarrow = useIsNarrow();
  const teams = useQuery(teamsQuery).data?.teams;
  const titles = useMemo(() => new Map(teams?.map((team) => [team.name, titleOf(team, language)])), [teams, language]);
  const box = useRef<HTMLUListElement>(null);
  const [margin, setMargin] = useState(0);
  const size = isNarrow ? ROW_PX.twoLines : ROW_PX[density];
  const count = list.ids.length + (list.hasMore ? MORE_ROWS : 0);

  useLayoutEffect(() => {
    const top = box.current ? Math.round(box.current.getBoundingClientRect().top + scrollY) : 0;
    if (top !== margin) setMargin(top);
  });
  const { ids } = list;
  // A new function each time would have all ten thousand places measured anew each time.
  const keyAt = useCallback((at: number) => ids[at] ?? at, [ids]);
  const virtual = useWindowVirtualizer({
    count,
    estimateSize: () => size,
    overscan: OVERSCAN,
    useFlushSync: false,
    scrollMargin: margin,
    scrollPaddingStart: TOP_PX,
    scrollPaddingEnd: BOTTOM_PX,
    getItemKey: keyAt,
  });
  useEffect(() => virtual.measure(), [virtual, size]);
  const items = virtual.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => loader.look(first, last), [loader, first, last, count]);

  /** The row that has the focus; where none has, the one before the first in sight. */
  const here = useCallback(() => {
    const id = document.activeElement?.closest('li')?.querySelector<HTMLElement>('[data-task]')?.dataset['task'];
    return id === undefined ? null : list.ids.indexOf(id);
  }, [list.ids]);
  const go = (step: number) => {
    const from = here();
    const inSight = Math.max(0, Math.ceil((scrollY + TOP_PX - margin) / size));
    const to = Math.max(0, Math.min(list.ids.length - 1, from === null || from < 0 ? inSight : from + step));
    virtual.scrollToIndex(to, { align: 'auto' });
    // The row may have to be drawn first.
    let tries = 12;
    const focus = () => {
      const id = list.ids[to];
      const link = id === undefined ? null : box.current?.querySelector<HTMLElement>(`[data-task="${CSS.escape(id)}"]`);
      if (link) link.focus({ preventScroll: true });
      else if ((tries -= 1) > 0) requestAnimationFrame(focus);
    };
    requestAnimationFrame(focus);
  };
  const idHere = () => {
    const at = here();
    return at === null ? undefined : list.ids[at];
  };
  useKeys({
    j: () => go(1),
    k: () => go(-1),
    x: (event) => {
      const id = idHere();
      if (id !== undefined) onToggle(id, event.shiftKey);
    },
    o: () => {
      const id = idHere();
      if (id !== undefined) void navigate({ to: '/tasks/$taskId', params: { taskId: id } });
    },
  });

  const loaded = list.rows.size;
  const state = selected.size === 0 ? false : selected.size >= loaded ? true : 'mixed';
  return (
    <section className="card overflow-clip" aria-label={say('list.label')}>
      <div className="sticky top-[52px] z-20 hidden bg-surface md:block">
        <HeadLine state={state} onToggle={onToggleAll} />
      </div>
      <ul ref={box} className="relative -mb-px" style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => {
          const id = list.ids[item.index];
          const row = id === undefined ? undefined : list.rows.get(id);
          return (
            <li
              key={item.key}
              aria-setsize={list.total !== null && !list.isCapped ? list.total : -1}
              aria-posinset={item.index + 1}
              className="absolute inset-x-0 top-0"
              style={{ height: item.size, transform: `translateY(${item.start - margin}px)` }}
            >
              {row ? (
                <TaskLine row={row} team={titles.get(row.team) ?? row.team} currency={currency} isSelected={selected.has(row.id)} onToggle={onToggle} />
              ) : (
                <PendingLine at={item.index} />
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
