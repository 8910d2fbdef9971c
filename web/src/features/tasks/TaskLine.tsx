import { Link } from '@tanstack/react-router';
import { CalendarClock } from 'lucide-react';
import { memo } from 'react';
import { formatMoment, formatRelative } from '@/i18n/format';
import { useWords, type Area } from '@/i18n/words';
import { isOver } from '@/events/status';
import { cx, Duration, Money, PriorityMark, ProgressBar, RelativeTime, Skeleton, StatusMark } from '@/parts';
import { useNow } from '@/preferences/clock';
import { CheckMark } from './CheckMark';
import { isImported, type TaskRow } from './row';
import { useSteps } from './useTaskList';
import { words } from './words';

/** The columns of head and rows: everything on wide screens, less on narrower ones, two lines on a phone. */
export const COLUMNS = cx(
  'grid items-center gap-x-3 grid-cols-[28px_16px_minmax(0,1fr)_auto]',
  'md:grid-cols-[28px_16px_minmax(0,1fr)_72px_minmax(0,200px)_60px]',
  'xl:grid-cols-[28px_16px_minmax(0,1fr)_72px_minmax(0,228px)_56px_64px_112px]',
  '2xl:grid-cols-[28px_16px_minmax(0,1fr)_80px_minmax(0,300px)_72px_84px_120px_92px]',
);

type SayTask = ReturnType<typeof useWords<typeof words extends Area<infer K> ? K : never>>;

interface PartProps {
  readonly row: TaskRow;
  readonly say: SayTask;
}

function Due({ say, at }: { readonly say: SayTask; readonly at: string }) {
  const now = useNow(60_000);
  const isLate = new Date(at) < now;
  const when = formatRelative(at, now);
  const word = say(isLate ? 'row.overdue' : 'row.due', { when });
  return (
    <span
      title={`${word} · ${formatMoment(at)}`}
      className={cx('inline-flex shrink-0 items-center gap-1 text-xs', isLate ? 'text-red' : 'text-muted')}
    >
      <CalendarClock size={13} aria-hidden />
      <span className="sr-only">{word}</span>
      <span aria-hidden="true" className="hidden lg:inline">
        {when}
      </span>
    </span>
  );
}

const LINE = 'flex min-w-0 items-center gap-1.5 text-sm text-muted';

function Dot() {
  return <span aria-hidden="true">·</span>;
}

/** A row of a task at work: the only ones that ask how far it is. */
function AtWork({ row, say, team }: PartProps & { readonly team: string }) {
  const steps = useSteps(row);
  const count = steps && <span className="shrink-0 whitespace-nowrap">{say('row.steps', { done: steps.done, all: steps.all })}</span>;
  const bar = <ProgressBar percent={row.progress} status={row.status} className="w-14 shrink-0 2xl:w-24" />;
  if (row.status === 'waiting_input') {
    return (
      <span className={cx(LINE, 'justify-between gap-3')}>
        <span className="min-w-0 truncate font-medium text-amber">{say('row.waiting')}</span>
        {count}
      </span>
    );
  }
  if (row.status === 'paused') {
    return (
      <span className={cx(LINE, 'justify-between gap-3')}>
        <span className="min-w-0 truncate">{isImported(row) ? say('row.imported') : say('row.paused')}</span>
        {row.progress > 0 && bar}
      </span>
    );
  }
  return (
    <span className={cx(LINE, 'justify-between gap-3')}>
      <span className="flex min-w-0 items-center gap-1.5">
        <span className="hidden min-w-0 items-center gap-1.5 sm:flex">
          <span className="min-w-0 truncate">{team}</span>
          <Dot />
        </span>
        {count ?? <span className="shrink-0">{row.progress === 0 && say('row.planning')}</span>}
      </span>
      {bar}
    </span>
  );
}

function Work({ row, say, team }: PartProps & { readonly team: string }) {
  if (row.detail === 'cancelling' || row.detail === 'pausing') return <span className={LINE}>{say(`row.${row.detail}`)}</span>;
  switch (row.status) {
    case 'running':
    case 'waiting_input':
    case 'paused':
      return <AtWork row={row} say={say} team={team} />;
    case 'pending':
      return (
        <span className={LINE}>
          <span className="min-w-0 truncate">{team}</span>
          <Dot />
          <span className="shrink-0">{row.startAt === null ? say('row.queued') : say('row.starts', { when: formatRelative(row.startAt) })}</span>
        </span>
      );
    case 'failed':
      return (
        <span className={LINE}>
          <span title={row.errorTitle} className="min-w-0 truncate text-red">
            {row.errorTitle || say('row.failed')}
          </span>
        </span>
      );
    case 'cancelled':
      return <span className={LINE}>{say('row.cancelled')}</span>;
    case 'completed':
      return (
        <span className={LINE}>
          <span className="min-w-0 truncate">{team}</span>
        </span>
      );
  }
}

function Elapsed({ row }: { readonly row: TaskRow }) {
  if (row.startedAt === null) return <span className="text-muted">–</span>;
  if (row.endedAt !== null) return <Duration seconds={(Date.parse(row.endedAt) - Date.parse(row.startedAt)) / 1000} />;
  if (row.status === 'running' || row.status === 'waiting_input') return <Duration since={row.startedAt} />;
  return <span className="text-muted">–</span>;
}

interface RowProps {
  readonly row: TaskRow;
  readonly team: string;
  readonly currency: string | null;
  readonly isSelected: boolean;
  readonly onToggle: (id: string, isRange: boolean) => void;
}

export const TaskLine = memo(function TaskLine({ row, team, currency, isSelected, onToggle }: RowProps) {
  const say = useWords(words);
  return (
    <div
      className={cx(
        COLUMNS,
        'relative h-full border-b border-line px-2 transition-colors duration-100 md:px-3',
        isSelected ? 'bg-tint' : 'hover:bg-hover has-[a:focus-visible]:bg-hover',
      )}
    >
      <CheckMark label={say('row.select', { title: row.title })} state={isSelected} onToggle={(isRange) => onToggle(row.id, isRange)} className="row-span-2 md:row-span-1" />
      <StatusMark status={row.status} className="mb-[5px] self-end md:mb-0 md:self-center" />
      <span className="flex min-w-0 items-center gap-2 self-end md:self-center">
        <Link
          to="/tasks/$taskId"
          params={{ taskId: row.id }}
          title={row.title}
          data-task={row.id}
          preload={false}
          className="min-w-0 truncate text-text no-underline after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:rounded-control focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
        >
          {row.title}
        </Link>
        {row.deadlineAt !== null && !isOver(row.status) && <Due say={say} at={row.deadlineAt} />}
      </span>
      <span className="justify-self-end self-end md:order-none md:justify-self-start md:self-center">
        <PriorityMark priority={row.priority} />
      </span>
      <span className="col-start-3 row-start-2 min-w-0 self-start md:col-start-auto md:row-start-auto md:self-center">
        <Work row={row} say={say} team={team} />
      </span>
      <span className="col-start-4 row-start-2 justify-self-end self-start text-sm whitespace-nowrap text-muted md:col-start-auto md:row-start-auto md:self-center md:text-base md:text-text">
        <Elapsed row={row} />
      </span>
      <span className="hidden justify-self-end xl:inline">{currency === null ? '' : <Money amount={row.cost} currency={currency} />}</span>
      <span title={row.assignee ?? undefined} className="hidden min-w-0 truncate pl-2 xl:inline">
        {row.assignee ?? <span className="text-muted">–</span>}
      </span>
      <RelativeTime at={row.createdAt} className="hidden justify-self-end text-sm whitespace-nowrap text-muted 2xl:inline" />
    </div>
  );
});

/** The shape of a row that is on its way. */
export function PendingLine({ at }: { readonly at: number }) {
  return (
    <div aria-hidden="true" className={cx(COLUMNS, 'h-full border-b border-line px-2 md:px-3')}>
      <span />
      <Skeleton className="size-3.5 rounded-full" />
      <Skeleton className={cx('h-3.5', ['w-2/5', 'w-3/5', 'w-1/3', 'w-1/2'][at % 4])} />
      <Skeleton className="h-3.5 w-10" />
      <Skeleton className="hidden h-3.5 w-32 md:block" />
      <Skeleton className="hidden h-3.5 w-10 justify-self-end md:block" />
    </div>
  );
}

export function HeadLine({ state, onToggle }: { readonly state: boolean | 'mixed'; readonly onToggle: () => void }) {
  const say = useWords(words);
  const head = 'hidden text-sm text-muted';
  return (
    <div className={cx(COLUMNS, 'h-9 border-b border-line px-2 md:px-3')}>
      <CheckMark label={say('select.all')} state={state} onToggle={onToggle} />
      <span />
      <span className="text-sm text-muted">{say('column.title')}</span>
      <span className={cx(head, 'md:inline')}>{say('column.priority')}</span>
      <span className={cx(head, 'md:inline')}>{say('column.work')}</span>
      <span className={cx(head, 'justify-self-end md:inline')}>{say('column.elapsed')}</span>
      <span className={cx(head, 'justify-self-end xl:inline')}>{say('column.cost')}</span>
      <span className={cx(head, 'pl-2 xl:inline')}>{say('column.assignee')}</span>
      <span className={cx(head, 'justify-self-end 2xl:inline')}>{say('column.created')}</span>
    </div>
  );
}
