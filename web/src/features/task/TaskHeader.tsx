/** The head of a task: what it is, how it stands, what it has used, what a person may do. */
import { Link } from '@tanstack/react-router';
import { ChevronLeft, FileText } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { doneOf, elapsedOf } from '@/events/fold';
import { isOver } from '@/events/status';
import type { TaskView } from '@/events/view';
import { formatCompact, formatDuration, formatMinute, formatMoment, formatMoney, formatNumber, formatRelative } from '@/i18n/format';
import { known, useWords } from '@/i18n/words';
import { Dialog, PriorityMark, priorityOf, ProgressBar, StatusMark } from '@/parts';
import { useCurrency } from '@/preferences/settings';
import { useNow } from '@/preferences/clock';
import { usePreferences } from '@/preferences/store';
import { Actions } from './Actions';
import type { TaskDetail } from './data';
import { remainingSeconds } from './estimates';
import { words } from './words';

/** What the server calls the one person where nobody logs in: no name to show. */
const NOBODY = 'local';

function Figure({ label, title, children }: { readonly label: string; readonly title?: string | undefined; readonly children: ReactNode }) {
  return (
    <div className="flex items-baseline gap-1.5 whitespace-nowrap" title={title}>
      <dt className="text-sm text-muted">{label}</dt>
      <dd className="font-medium">{children}</dd>
    </div>
  );
}

function Times({ view }: { readonly view: TaskView }) {
  const say = useWords(words);
  const isLive = view.status === 'running';
  const now = useNow(isLive ? 1000 : isOver(view.status) ? 0 : 10_000);
  const elapsed = elapsedOf(view, now);
  const left = remainingSeconds(view.status, view.subtasks, now);
  return (
    <>
      {elapsed !== null && <Figure label={say('elapsed')}>{formatDuration(isLive ? Math.floor(elapsed) : elapsed)}</Figure>}
      {left !== null && (
        <Figure label={say('eta')} title={say('eta.why')}>
          {say('eta.about', { time: formatDuration(Math.max(1, Math.round(left))) })}
        </Figure>
      )}
    </>
  );
}

function Spending({ view, task }: { readonly view: TaskView; readonly task: TaskDetail | undefined }) {
  const say = useWords(words);
  const currency = useCurrency();
  const tokens = view.spending.inputTokens + view.spending.outputTokens;
  const { tokens: tokenLimit = null, cost: costLimit = null } = task?.budget ?? {};
  const isAny = view.spending.modelCalls > 0 || tokenLimit !== null || costLimit !== null;
  if (!isAny) return null;
  const exact = `${formatNumber(view.spending.inputTokens)} + ${formatNumber(view.spending.outputTokens)}`;
  const money = (amount: number) => (currency === null ? formatNumber(amount, 4) : formatMoney(amount, currency));
  return (
    <>
      <Figure label={say('tokens')} title={exact}>
        {tokenLimit === null ? formatCompact(tokens) : say('tokens.of', { used: formatCompact(tokens), limit: formatCompact(tokenLimit) })}
      </Figure>
      <Figure label={say('cost')}>
        {costLimit === null ? money(view.spending.cost) : say('tokens.of', { used: money(view.spending.cost), limit: money(costLimit) })}
      </Figure>
    </>
  );
}

/** While the task may still miss it, how long it is away says more than the day. */
function Deadline({ at, isOpen }: { readonly at: string; readonly isOpen: boolean }) {
  const say = useWords(words);
  const now = useNow(isOpen ? 30_000 : 0);
  const isLate = isOpen && new Date(at) < now;
  return (
    <Figure label={say(isLate ? 'deadline.late' : 'deadline')} title={formatMoment(at)}>
      <span className={isLate ? 'text-red' : undefined}>{isOpen ? `${formatMinute(at)} · ${formatRelative(at, now)}` : formatMinute(at)}</span>
    </Figure>
  );
}

function Request({ task }: { readonly task: TaskDetail }) {
  const say = useWords(words);
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" className="inline-flex items-center gap-1 text-sm text-muted hover:text-text" onClick={() => setOpen(true)}>
        <FileText size={14} aria-hidden />
        {say('request.show')}
      </button>
      <Dialog isOpen={isOpen} onClose={() => setOpen(false)} title={say('request')}>
        <p className="whitespace-pre-wrap">{task.description}</p>
        <dl className="mt-4 grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-sm">
          <dt className="text-muted">{say('created')}</dt>
          <dd>{formatMoment(task.created_at)}</dd>
          {task.created_by && task.created_by !== NOBODY && (
            <>
              <dt className="text-muted">{say('created.by')}</dt>
              <dd>{task.created_by}</dd>
            </>
          )}
          <dt className="text-muted">{say('team')}</dt>
          <dd>{task.team}</dd>
          {task.files.length > 0 && (
            <>
              <dt className="text-muted">{say('files')}</dt>
              <dd>{task.files.map((file) => file.name).join(' · ')}</dd>
            </>
          )}
          <dt className="text-muted">ID</dt>
          <dd>
            <code>{task.id}</code>
          </dd>
        </dl>
      </Dialog>
    </>
  );
}

export function TaskHeader({ taskId, view, task }: { readonly taskId: string; readonly view: TaskView; readonly task: TaskDetail | undefined }) {
  const say = useWords(words);
  usePreferences();
  const done = doneOf(view);
  const title = task?.title ?? view.title;
  const detail = task?.status_detail ?? null;
  const isStopping = !isOver(view.status) && (detail === 'cancelling' || detail === 'pausing');
  const label = detail !== null && (isStopping || detail === 'imported' || detail === 'completed_by_person') ? known(words, `detail.${detail}`, '') : '';
  return (
    <header className="shrink-0">
      <Link to="/tasks" className="mb-1 inline-flex items-center gap-0.5 text-sm text-muted no-underline hover:text-text">
        <ChevronLeft size={14} aria-hidden />
        {say('back')}
      </Link>
      <div className="flex flex-wrap items-start justify-between gap-x-6 gap-y-2">
        <h1 className="line-clamp-2 max-w-[100ch] min-w-0 flex-[1_1_20rem] text-xl leading-snug font-semibold tracking-[-0.01em]" title={title}>
          {title}
        </h1>
        <Actions taskId={taskId} status={view.status} isStopping={isStopping} />
      </div>
      <div className="mt-2 flex flex-wrap items-center gap-x-5 gap-y-1.5">
        <StatusMark status={view.status} show="chip" {...(label === '' ? {} : { label })} />
        <dl className="contents">
          <Times view={view} />
          {done && (
            <Figure label={say('subtasks')}>
              <span className="inline-flex items-center gap-2">
                {done.done}/{done.total}
                {task && !isOver(view.status) && <ProgressBar percent={task.progress} status={view.status} className="w-20" />}
              </span>
            </Figure>
          )}
          <Spending view={view} task={task} />
          {task?.assignee && <Figure label={say('assignee')}>{task.assignee}</Figure>}
          {task?.deadline && (
            <Deadline at={task.deadline} isOpen={!isOver(view.status)} />
          )}
        </dl>
        {task && <PriorityMark priority={priorityOf(task.priority)} />}
        {task && <Request task={task} />}
      </div>
    </header>
  );
}
