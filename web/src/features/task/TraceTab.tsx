/** When each step ran, as bars over time. */
import { useQuery } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { ChartGantt, ChevronDown, ChevronRight } from 'lucide-react';
import { useMemo, useRef, useState } from 'react';
import { api, take, type Schemas } from '@/api/client';
import { isOver, statusOf, type Status } from '@/events/status';
import type { TaskView } from '@/events/view';
import { formatDuration } from '@/i18n/format';
import { known, useWords } from '@/i18n/words';
import { cx, EmptyState, ErrorNote, SkeletonRows, StatusMark } from '@/parts';
import { useNow } from '@/preferences/clock';
import { usePreferences } from '@/preferences/store';
import { chartOf, ticksOf, withoutSoleAttempts, type Bar } from './spans';
import { words } from './words';

type Span = Schemas['SpanModel'];

const ROW_PX = 28;
const EVERY_MS = 2000;
const FILLS: Readonly<Record<Status, string>> = {
  pending: 'bg-grey/60',
  running: 'bg-blue',
  waiting_input: 'bg-amber',
  paused: 'bg-grey/60',
  completed: 'bg-green/75',
  failed: 'bg-red',
  cancelled: 'bg-grey/60',
};
const RENAMED: Readonly<Record<string, Status>> = { reused: 'completed', interrupted: 'cancelled' };

function spanStatus(status: string): Status {
  return RENAMED[status] ?? statusOf(status);
}

export function TraceTab({ taskId, view }: { readonly taskId: string; readonly view: TaskView }) {
  const say = useWords(words);
  usePreferences();
  const isLive = !isOver(view.status);
  const line = useQuery({
    queryKey: ['task', taskId, 'spans', isLive ? 'live' : view.seq],
    queryFn: ({ signal }) => take(api.GET('/api/v1/tasks/{task_id}/spans', { params: { path: { task_id: taskId } }, signal })),
    placeholderData: (before) => before,
    refetchInterval: view.status === 'running' ? EVERY_MS : false,
  });
  const [folded, setFolded] = useState<ReadonlySet<string>>(() => new Set());
  const hasOpen = line.data?.spans.some((one) => one.end === null) === true && isLive;
  const now = useNow(hasOpen ? 1000 : 0);
  const chart = useMemo(() => chartOf(withoutSoleAttempts(line.data?.spans ?? []), now, folded), [line.data, now, folded]);
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: chart.bars.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  });
  if (line.error) return <ErrorNote error={line.error} className="m-4" onRetry={() => void line.refetch()} />;
  if (line.isPending) return <SkeletonRows rows={8} />;
  if (line.data.spans.length < 2) {
    return (
      <EmptyState icon={<ChartGantt size={22} aria-hidden />} title={say('trace.none')}>
        {say('trace.none.text')}
      </EmptyState>
    );
  }
  const toggle = (id: string) => {
    setFolded((before) => {
      const next = new Set(before);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  };
  return (
    <div className="flex h-full min-h-80 flex-col">
      {!line.data.is_complete && <p className="px-4 py-2 text-sm text-muted">{say('trace.part', { first: line.data.first_seq, last: line.data.last_seq })}</p>}
      <div className="relative grid h-8 shrink-0 grid-cols-[minmax(9rem,40%)_1fr] border-b border-line text-xs text-muted">
        <span />
        <div className="relative mr-12">
          {ticksOf(chart.totalS, 5).map((tick) => (
            <span key={tick} className="absolute bottom-1 border-l border-line pl-1 whitespace-nowrap" style={{ left: `${(tick / chart.totalS) * 100}%` }}>
              {tick === 0 ? '0' : formatDuration(tick)}
            </span>
          ))}
        </div>
      </div>
      <div ref={scroller} role="region" tabIndex={0} aria-label={say('trace.label')} className="min-h-0 flex-1 overflow-auto">
        <ul className="relative" style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map((row) => {
            const bar = chart.bars[row.index];
            if (!bar) return null;
            return (
              <li key={bar.span.id} className="absolute inset-x-0 top-0 hover:bg-hover" style={{ height: ROW_PX, transform: `translateY(${row.start}px)` }}>
                <SpanRow bar={bar} isFolded={folded.has(bar.span.id)} onToggle={toggle} />
              </li>
            );
          })}
        </ul>
      </div>
    </div>
  );
}

function SpanRow({ bar, isFolded, onToggle }: { readonly bar: Bar<Span>; readonly isFolded: boolean; readonly onToggle: (id: string) => void }) {
  const say = useWords(words);
  const { span } = bar;
  const status = spanStatus(span.status);
  const kind = known(words, `span.${span.kind}`, span.kind);
  const attempt = Number(span.detail['attempt'] ?? 1);
  const names: Readonly<Record<string, string>> = {
    plan: kind,
    recovery: known(words, `say.recovery.${span.name}`, kind, { title: '' }).trim(),
    review: kind,
    run: `${kind} ${span.name}`,
    attempt: say('step.attempt', { n: attempt }),
  };
  const name = names[span.kind] ?? (span.name || kind);
  const word = known(words, `spanStatus.${span.status}`, '');
  const title = [kind, span.name, word, formatDuration(bar.durationS)].filter(Boolean).join(' · ');
  return (
    <div className="grid h-full grid-cols-[minmax(9rem,40%)_1fr] items-center" title={title}>
      <div className="flex min-w-0 items-center gap-1.5 pr-3 text-sm" style={{ paddingLeft: 8 + Math.min(bar.depth, 5) * 14 }}>
        {bar.childCount > 0 ? (
          <button
            type="button"
            aria-expanded={!isFolded}
            aria-label={`${say(isFolded ? 'trace.unfold' : 'trace.fold')}: ${name}`}
            onClick={() => onToggle(span.id)}
            className="grid size-6 shrink-0 place-items-center text-muted hover:text-text"
          >
            {isFolded ? <ChevronRight size={13} aria-hidden /> : <ChevronDown size={13} aria-hidden />}
          </button>
        ) : (
          <span className="w-6 shrink-0" />
        )}
        <StatusMark status={status} size={10} {...(word === '' ? {} : { label: word })} />
        <span className={cx('truncate', (span.kind === 'tool' || span.kind === 'skill' || span.kind === 'model') && 'font-mono text-xs')}>{name}</span>
      </div>
      <div className="relative mr-12 h-full">
        <div
          className={cx('absolute top-2 h-3 min-w-[3px] rounded-[3px]', FILLS[status], bar.isOpen && status === 'running' && 'animate-pulse-slow')}
          style={{ left: `${bar.left * 100}%`, width: `${bar.width * 100}%` }}
        />
        <span
          className="absolute top-1 text-xs whitespace-nowrap text-muted"
          style={{ left: `calc(${Math.min(1, bar.left + bar.width) * 100}% + 5px)` }}
        >
          {bar.durationS > 0 ? formatDuration(bar.durationS) : ''}
        </span>
      </div>
    </div>
  );
}
