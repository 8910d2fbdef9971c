import { useNavigate, useSearch } from '@tanstack/react-router';
import { SearchX } from 'lucide-react';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useMay } from '@/api/access';
import { useKeys } from '@/frame/keys';
import { useTitle } from '@/frame/title';
import { formatNumber } from '@/i18n/format';
import { useWords } from '@/i18n/words';
import { Button, Card, EmptyState, ErrorNote, SkeletonRows } from '@/parts';
import { BulkBar } from './BulkBar';
import { Filters, SearchField } from './Filters';
import { Lines } from './Lines';
import type { TaskList } from './list';
import { isFiltered, keyOf, type TasksSearch } from './search';
import { useTaskList } from './useTaskList';
import { Views } from './Views';
import { Welcome } from './Welcome';
import { words } from './words';

function Count({ list }: { readonly list: TaskList }) {
  const say = useWords(words);
  const { total } = list;
  const shown = formatNumber(total ?? list.ids.length);
  const said = total === null ? say('count.loaded', { count: list.ids.length, shown }) : list.isCapped ? say('count.capped', { shown }) : say('count', { count: total, shown });
  return <span className="text-base font-normal text-muted">{said}</span>;
}

/** Which tasks are selected; those that are gone, or of other filters, are not. */
function useSelection(list: TaskList, key: string) {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const anchor = useRef<string | null>(null);
  useEffect(() => setChosen(new Set()), [key]);
  const rows = useMemo(() => [...chosen].map((id) => list.rows.get(id)).filter((row) => row !== undefined), [chosen, list.rows]);
  const ids = useRef(list.ids);
  ids.current = list.ids;
  const toggle = useCallback((id: string, isRange: boolean) => {
    const from = anchor.current === null ? -1 : ids.current.indexOf(anchor.current);
    const to = ids.current.indexOf(id);
    anchor.current = id;
    setChosen((before) => {
      const next = new Set(before);
      if (isRange && from >= 0 && to >= 0) {
        for (const one of ids.current.slice(Math.min(from, to), Math.max(from, to) + 1)) if (one !== undefined) next.add(one);
      } else if (!next.delete(id)) next.add(id);
      return next;
    });
  }, []);
  return { chosen, rows, toggle, set: setChosen };
}

/** There is nothing that the person may do to what is selected. */
const ignore = () => undefined;

export function TasksPage() {
  const say = useWords(words);
  const navigate = useNavigate();
  const search: TasksSearch = useSearch({ from: '/tasks' });
  const { list, isFirst, problem, loader } = useTaskList(search);
  const selection = useSelection(list, keyOf(search));
  useEffect(() => loader.pin(selection.chosen), [loader, selection.chosen]);
  useTitle(say('title'));
  const canWrite = useMay()('tasks:write');
  const filter = (next: TasksSearch) => void navigate({ to: '/tasks', search: next, replace: true, resetScroll: true });
  useKeys({
    Escape: () => selection.set(new Set()),
  });
  const isNone = !isFirst && list.ids.length === 0 && !list.hasMore;
  const isWelcome = isNone && !isFiltered(search) && problem === null;
  const toggleAll = () => {
    const loaded = list.ids.filter((id) => id !== undefined);
    selection.set(selection.chosen.size >= loaded.length ? new Set() : new Set(loaded));
  };
  return (
    <>
      <header className="mb-3 flex min-w-0 flex-col gap-x-6 gap-y-2 lg:min-h-9 lg:flex-row lg:items-center">
        <h1 className="flex shrink-0 items-baseline gap-2.5 text-xl leading-snug font-semibold tracking-[-0.01em]">
          {say('title')} {!isFirst && !isWelcome && <Count list={list} />}
        </h1>
        {!isWelcome && <Views search={search} />}
      </header>
      {!isWelcome && (
        <div className="mb-3 flex flex-col-reverse gap-x-4 gap-y-2 md:flex-row md:items-center md:justify-between">
          <Filters search={search} onChange={filter} />
          <SearchField search={search} onChange={filter} />
        </div>
      )}
      {problem !== null && <ErrorNote error={problem} isCompact={!isFirst} className="mb-3" onRetry={() => loader.reload()} />}
      {isFirst && problem === null && (
        <Card isFlush>
          <SkeletonRows rows={10} />
        </Card>
      )}
      {isWelcome && <Welcome />}
      {isNone && isFiltered(search) && (
        <EmptyState
          icon={<SearchX size={22} aria-hidden />}
          title={say('none.title')}
          actions={<Button onClick={() => filter({})}>{say('filter.clear')}</Button>}
        >
          {say('none.text')}
        </EmptyState>
      )}
      {!isNone && !isFirst && (
        <Lines list={list} loader={loader} selected={selection.chosen} onToggle={canWrite ? selection.toggle : ignore} onToggleAll={toggleAll} />
      )}
      {canWrite && <BulkBar rows={selection.rows} loader={loader} onSelect={(ids) => selection.set(new Set(ids))} />}
    </>
  );
}
