/** The agents' timeline: one folded line a step, only those in sight are drawn, the newest in sight unless scrolled. */
import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown, ChevronRight, X } from 'lucide-react';
import { memo, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { isOver } from '@/events/status';
import type { Entry, TaskView } from '@/events/view';
import { formatDuration, formatMoment } from '@/i18n/format';
import { useWords } from '@/i18n/words';
import { Button, cx, Duration, StatusMark } from '@/parts';
import { usePreferences } from '@/preferences/store';
import { Questions } from '../Questions';
import { words } from '../words';
import { doerOf, sentenceOf, titleOf } from './sentence';
import { StepDetails } from './StepDetails';

interface TimelineProps {
  readonly taskId: string;
  readonly view: TaskView;
  readonly subtask: string | undefined;
  readonly onSubtask: (id: string | undefined) => void;
  readonly nameOf: (agent: string | null) => string;
  /** Stands in a tab that is its frame and has its name. */
  readonly isBare?: boolean;
}

const ROW_PX = 38;
const NEAR_PX = 48;

interface LineProps {
  readonly taskId: string;
  readonly view: TaskView;
  readonly entry: Entry;
  readonly isOpen: boolean;
  readonly onToggle: (key: string) => void;
  readonly nameOf: (agent: string | null) => string;
  readonly startMs: number;
}

function Line({ taskId, view, entry, isOpen, onToggle, nameOf, startMs }: LineProps) {
  const say = useWords(words);
  const isLive = entry.kind === 'subtask' && entry.status === 'running';
  const since = (Date.parse(entry.at) - startMs) / 1000;
  return (
    <div data-entry={entry.key} className={cx('border-b border-line', isOpen && 'bg-surface')}>
      <button
        type="button"
        aria-expanded={isOpen}
        onClick={() => onToggle(entry.key)}
        className="flex min-h-[37px] w-full items-center gap-2 px-3 py-1 text-left hover:bg-hover"
      >
        <ChevronRight size={14} aria-hidden className={cx('shrink-0 text-muted transition-transform duration-100', isOpen && 'rotate-90')} />
        <StatusMark status={lineStatus(entry)} size={12} />
        <span className="min-w-0 flex-1 truncate">
          <span className="mr-1.5 font-medium">{nameOf(doerOf(entry))}</span>
          <span className="text-text/85">{sentenceOf(say, view, entry)}</span>
          {entry.kind === 'subtask' && entry.attempt > 1 && <span className="ml-1.5 text-xs text-muted">{say('step.attempt', { n: entry.attempt })}</span>}
        </span>
        {(isLive || entry.durationS !== null) && (
          <Duration seconds={entry.durationS} since={isLive ? entry.at : null} className="shrink-0 text-sm whitespace-nowrap text-muted" />
        )}
        <time dateTime={entry.at} title={formatMoment(entry.at)} className="hidden w-14 shrink-0 text-right text-xs text-muted sm:block">
          +{formatDuration(Math.max(0, since))}
        </time>
      </button>
      {isOpen && <StepDetails taskId={taskId} view={view} entry={entry} />}
    </div>
  );
}

const MemoLine = memo(
  Line,
  // An entry is replaced when it changes; a closed line needs nothing else of the view but titles, which do not change.
  (before, after) =>
    before.entry === after.entry &&
    before.isOpen === after.isOpen &&
    before.nameOf === after.nameOf &&
    before.startMs === after.startMs &&
    (!after.isOpen || before.view === after.view),
);

function lineStatus(entry: Entry): Entry['status'] {
  return entry.kind === 'task' && entry.status === 'pending' ? 'completed' : entry.status;
}

export function Timeline({ taskId, view, subtask, onSubtask, nameOf, isBare = false }: TimelineProps) {
  const say = useWords(words);
  usePreferences();
  const scroller = useRef<HTMLDivElement>(null);
  const lastTop = useRef(0);
  const [isFollowing, setFollowing] = useState(!isOver(view.status));
  const [open, setOpen] = useState<ReadonlySet<string>>(() => new Set());
  const entries = useMemo(
    () => (subtask === undefined ? view.entries : view.entries.filter((entry) => entry.subtaskId === subtask)),
    [view.entries, subtask],
  );
  const startMs = Date.parse(view.startedAt ?? view.submittedAt ?? view.entries[0]?.at ?? '');
  const rows = useVirtualizer({
    count: entries.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    getItemKey: (at) => entries[at]?.key ?? at,
    overscan: 8,
  });
  const toggle = useCallback((key: string) => {
    setOpen((before) => {
      const next = new Set(before);
      if (!next.delete(key)) next.add(key);
      return next;
    });
  }, []);
  const count = entries.length;
  const height = rows.scrollRect?.height ?? 0;
  useEffect(() => {
    if (isFollowing && count > 0) rows.scrollToIndex(count - 1, { align: 'end' });
  }, [rows, isFollowing, count, height]);
  const onScroll = () => {
    const element = scroller.current;
    if (!element) return;
    const isNear = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_PX;
    if (isNear) setFollowing(!isOver(view.status) || element.scrollTop > 0);
    else if (element.scrollTop < lastTop.current) setFollowing(false);
    lastTop.current = element.scrollTop;
  };
  return (
    <section aria-label={say('timeline')} className={cx('flex h-full min-h-0 flex-col overflow-hidden', !isBare && 'card')}>
      <header className="flex min-h-10 shrink-0 items-center gap-3 border-b border-line px-3 py-1">
        <h2 className={isBare ? 'sr-only' : 'text-sm font-semibold'}>{say('timeline')}</h2>
        {subtask !== undefined && (
          <button
            type="button"
            onClick={() => onSubtask(undefined)}
            aria-label={`${say('line.only', { title: titleOf(view, subtask) })} · ${say('line.all')}`}
            className="inline-flex max-w-[60%] items-center gap-1 rounded-full border border-accent bg-tint px-2.5 py-px text-sm text-accent-strong"
          >
            <span className="truncate">{say('line.only', { title: titleOf(view, subtask) })}</span>
            <X size={13} aria-hidden className="shrink-0" />
          </button>
        )}
        <span className="ml-auto text-sm text-muted">{say('log.shown', { count: entries.length })}</span>
      </header>
      <div className="relative min-h-0 flex-1">
        <div ref={scroller} onScroll={onScroll} tabIndex={0} role="log" aria-label={say('timeline')} aria-live="off" className="relative h-full overflow-auto [overflow-anchor:none]">
          {entries.length === 0 && <p className="p-6 text-center text-muted">{say(view.isLogGone ? 'line.gone' : subtask === undefined ? 'line.empty' : 'line.emptyOne')}</p>}
          <div className="relative w-full" style={{ height: rows.getTotalSize() }}>
            {rows.getVirtualItems().map((row) => {
              const entry = entries[row.index];
              if (!entry) return null;
              return (
                <div
                  key={row.key}
                  ref={rows.measureElement}
                  data-index={row.index}
                  className="absolute inset-x-0 top-0"
                  style={{ transform: `translateY(${row.start}px)` }}
                >
                  <MemoLine taskId={taskId} view={view} entry={entry} isOpen={open.has(entry.key)} onToggle={toggle} nameOf={nameOf} startMs={startMs} />
                </div>
              );
            })}
          </div>
        </div>
        {!isFollowing && !isOver(view.status) && (
          <Button
            size="small"
            className="absolute right-3 bottom-3 shadow-float"
            icon={<ArrowDown size={14} aria-hidden />}
            onClick={() => setFollowing(true)}
          >
            {say('line.latest')}
          </Button>
        )}
      </div>
      {(view.status === 'waiting_input' || view.status === 'paused') && (
        <div className="relative max-h-[78%] shrink-0 overflow-auto border-t border-line p-3 empty:hidden">
          <Questions taskId={taskId} view={view} />
        </div>
      )}
    </section>
  );
}
