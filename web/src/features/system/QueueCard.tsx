/** What waits, for how long, and what an operator may do about it. */
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { formatDuration, formatMoment, formatNumber, formatRelative } from '@/i18n/format';
import { useWords } from '@/i18n/words';
import { Card, CopyText, cx, PriorityMark, priorityOf, RelativeTime } from '@/parts';
import type { Queue } from './queries';
import { words } from './words';

function Figure({ label, value, note, title, isBad = false }: { readonly label: string; readonly value: ReactNode; readonly note?: string; readonly title?: string; readonly isBad?: boolean }) {
  return (
    <div className="min-w-0" title={title}>
      <dt className="text-sm text-muted">{label}</dt>
      <dd className={cx('text-xl leading-snug font-semibold tracking-[-0.01em]', isBad && 'text-red')}>{value}</dd>
      {note !== undefined && <dd className="text-xs text-muted">{note}</dd>}
    </div>
  );
}

export function QueueCard({ queue, isStuck }: { readonly queue: Queue; readonly isStuck: boolean }) {
  const say = useWords(words);
  const { delayed, dead_letters: dead } = queue;
  return (
    <Card title={say('queue')}>
      <dl className="grid grid-cols-2 gap-x-4 gap-y-3 sm:grid-cols-3">
        <Figure label={say('waiting')} value={formatNumber(queue.waiting)} />
        <Figure label={say('running')} value={formatNumber(queue.running)} />
        <Figure label={say('wait')} value={queue.oldest_wait_s === null ? '–' : formatDuration(queue.oldest_wait_s)} />
        <Figure
          label={say('delayed')}
          value={formatNumber(delayed.count)}
          {...(delayed.next_at === null
            ? {}
            : { note: say('delayed.next', { time: formatRelative(delayed.next_at, new Date(queue.at)) }), title: formatMoment(delayed.next_at) })}
        />
        <Figure label={say('suspects')} value={formatNumber(queue.suspects)} note={say('suspects.note')} isBad={queue.suspects > 0} />
        <Figure label={say('dead')} value={formatNumber(dead.count)} note={say('dead.note')} isBad={dead.count > 0} />
      </dl>
      {isStuck && (
        <div role="alert" className="mt-4 rounded-control bg-amber-tint p-3 text-sm">
          <p className="mb-2">{say('queue.stuck')}</p>
          <CopyText text="lgma worker" />
        </div>
      )}
      <h3 className="mt-4 mb-1 border-t border-line pt-3 text-sm text-muted">{say('by.priority')}</h3>
      {queue.by_priority.length === 0 ? (
        <p className="text-sm">{say('by.none')}</p>
      ) : (
        <ul>
          {queue.by_priority.map((one) => (
            <li key={one.priority} className="flex items-center justify-between gap-3 py-1">
              <PriorityMark priority={priorityOf(one.priority)} />
              <span className="text-sm">
                {formatNumber(one.count)}
                <span className="ml-3 inline-block min-w-16 text-right text-muted">{formatDuration(one.oldest_wait_s)}</span>
              </span>
            </li>
          ))}
        </ul>
      )}
      {dead.tasks.length > 0 && (
        <>
          <h3 className="mt-4 mb-1 border-t border-line pt-3 text-sm text-muted">{say('dead.title')}</h3>
          <ul className="space-y-2">
            {dead.tasks.map((task) => (
              <li key={task.task_id}>
                <div className="flex items-baseline justify-between gap-3">
                  <Link to="/tasks/$taskId" params={{ taskId: task.task_id }} className="link min-w-0 truncate">
                    {task.title}
                  </Link>
                  {task.at !== null && <RelativeTime at={task.at} className="shrink-0 text-sm text-muted" />}
                </div>
                <div className="mt-1">
                  <CopyText text={`lgma tasks retry ${task.task_id}`} />
                </div>
              </li>
            ))}
          </ul>
        </>
      )}
    </Card>
  );
}
