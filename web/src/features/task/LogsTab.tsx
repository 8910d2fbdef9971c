/** The event log as it is, to be searched and copied. */
import { useQueryClient, useQuery } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { Copy, ScrollText, Search } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { api, take } from '@/api/client';
import { ApiProblem } from '@/api/problem';
import { asEvent, type TaskEvent } from '@/events/event';
import type { TaskView } from '@/events/view';
import { useWords } from '@/i18n/words';
import { Button, cx, EmptyState, ErrorNote, SkeletonRows, toast } from '@/parts';
import { filterLog, lineOf } from './log';
import { words } from './words';

const PAGE = 500;
const ROW_PX = 24;

/** The log, page by page; asked for what is new when the view moves on. */
function useLog(taskId: string, seq: number) {
  const queries = useQueryClient();
  const key = ['task-log', taskId];
  const log = useQuery({
    queryKey: key,
    queryFn: async ({ signal }) => {
      const known = queries.getQueryData<readonly TaskEvent[]>(key) ?? [];
      const found = [...known];
      for (let after = found.at(-1)?.seq ?? 0; ; ) {
        const page = await take(
          api.GET('/api/v1/tasks/{task_id}/events', { params: { path: { task_id: taskId }, query: { after, limit: PAGE } }, signal }),
        );
        found.push(...page.events.map(asEvent).filter((event) => event !== null));
        if (page.events.length < PAGE) return found;
        after = page.next;
      }
    },
    staleTime: 0,
  });
  const { refetch } = log;
  const last = log.data?.at(-1)?.seq;
  const isBehind = last !== undefined && last < seq && !log.isFetching && !log.isError;
  useEffect(() => {
    if (isBehind) void refetch();
  }, [isBehind, refetch]);
  return log;
}

export function LogsTab({ taskId, view }: { readonly taskId: string; readonly view: TaskView }) {
  const say = useWords(words);
  const log = useLog(taskId, view.seq);
  const [query, setQuery] = useState('');
  const [open, setOpen] = useState<number | null>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const shown = useMemo(() => filterLog(log.data ?? [], query), [log.data, query]);
  const rows = useVirtualizer({ count: shown.length, getScrollElement: () => scroller.current, estimateSize: () => ROW_PX, overscan: 20 });
  if (log.error && log.data === undefined) return <ErrorNote error={log.error} className="m-4" onRetry={() => void log.refetch()} />;
  if (log.data === undefined) return <SkeletonRows rows={8} />;
  const copy = () => {
    const whole = shown.map((event) => JSON.stringify(event)).join('\n');
    const refused = () => toast.failed(new ApiProblem({ code: 'COPY_REFUSED', message: say('logs.copyFailed') }));
    if (!navigator.clipboard) refused();
    else navigator.clipboard.writeText(whole).then(() => toast.done(say('logs.copied', { n: shown.length })), refused);
  };
  return (
    <div className="flex h-full min-h-80 flex-col">
      <div className="flex shrink-0 flex-wrap items-center gap-2 border-b border-line px-3 py-2">
        <label className="relative min-w-40 flex-1">
          <span className="sr-only">{say('logs.filter')}</span>
          <Search size={14} aria-hidden className="absolute top-2.5 left-2.5 text-muted" />
          <input type="search" className="field pl-8!" placeholder={say('logs.placeholder')} value={query} onChange={(event) => setQuery(event.target.value)} />
        </label>
        <span className="text-sm whitespace-nowrap text-muted">{say('logs.shown', { shown: shown.length, total: log.data.length })}</span>
        <Button size="small" icon={<Copy size={14} aria-hidden />} disabled={shown.length === 0} onClick={copy}>
          {say('logs.copy')}
        </Button>
      </div>
      {shown.length === 0 ? (
        <EmptyState
          icon={<ScrollText size={22} aria-hidden />}
          title={query === '' ? say('logs.none') : say('logs.noMatch', { query })}
          actions={query !== '' && <Button onClick={() => setQuery('')}>{say('logs.clear')}</Button>}
        />
      ) : (
        <div ref={scroller} role="region" tabIndex={0} aria-label={say('logs.label')} className="min-h-0 flex-1 overflow-auto font-mono text-xs leading-5">
          <ul className="relative" style={{ height: rows.getTotalSize() }}>
            {rows.getVirtualItems().map((row) => {
              const event = shown[row.index];
              if (!event) return null;
              const line = lineOf(event);
              return (
                <li
                  key={event.seq}
                  ref={rows.measureElement}
                  data-index={row.index}
                  className="absolute inset-x-0 top-0 flex gap-3 px-3 py-0.5 hover:bg-hover"
                  style={{ transform: `translateY(${row.start}px)` }}
                >
                  <span className="w-8 shrink-0 text-right text-muted">{event.seq}</span>
                  <span className="hidden shrink-0 text-muted sm:inline" title={event.at}>
                    {line.time}
                  </span>
                  <span
                    className={cx('min-w-0 flex-1 cursor-text', open === event.seq ? 'break-all whitespace-pre-wrap' : 'truncate')}
                    onClick={() => {
                      if (window.getSelection()?.isCollapsed !== false) setOpen(open === event.seq ? null : event.seq);
                    }}
                  >
                    <span className="text-accent-strong">{event.type}</span>
                    {line.who !== '' && <span className="text-muted"> {line.who}</span>} {open === event.seq ? JSON.stringify(event.data, null, 1) : line.data}
                  </span>
                </li>
              );
            })}
          </ul>
        </div>
      )}
    </div>
  );
}
