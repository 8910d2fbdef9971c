/** A task that the conversation made, live: its status and how far it is. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { ArrowUpRight } from 'lucide-react';
import { useEffect, useState } from 'react';
import { api, takeData } from '@/api/client';
import { asProblem } from '@/api/problem';
import { useConnection } from '@/connection/hooks';
import { isData, number, text, type Data } from '@/events/event';
import { isOver, statusOf } from '@/events/status';
import { useWords } from '@/i18n/words';
import { ErrorNote, ProgressBar, Skeleton, StatusMark } from '@/parts';
import { words } from './words';

interface Shown {
  readonly name: string;
  readonly status: string;
  readonly detail: string | null;
  readonly progress: number;
  readonly seq: number;
}

function shownOf(task: Data): Shown {
  return {
    name: text(task['name']),
    status: text(task['status']),
    detail: text(task['status_detail']) || null,
    progress: number(task['progress']) ?? 0,
    seq: number(task['last_event_id']) ?? 0,
  };
}

function useLiveTask(taskId: string) {
  const connection = useConnection();
  const found = useQuery({
    queryKey: ['task', taskId, 'card'],
    queryFn: async ({ signal }) => {
      const task: unknown = await takeData(api.GET('/api/v1/mvp2/tasks/{task_id}', { params: { path: { task_id: taskId } }, signal }));
      return shownOf(isData(task) ? task : {});
    },
  });
  const [live, setLive] = useState<Shown | 'deleted' | null>(null);
  const loaded = found.data;
  const isLive = loaded !== undefined && !isOver(statusOf(loaded.status, loaded.detail));
  const after = loaded?.seq ?? 0;
  const { refetch } = found;
  useEffect(() => {
    if (!isLive) return;
    return connection.followTask(taskId, after, {
      onEvent: ({ type, task }) => setLive(type === 'task_deleted' ? 'deleted' : shownOf(task)),
      onRefused: () => void refetch(),
    });
  }, [connection, taskId, isLive, after, refetch]);
  const shown = live !== null && live !== 'deleted' && loaded !== undefined && live.seq < loaded.seq ? loaded : (live ?? loaded);
  return { found, shown };
}

export function TaskCard({ taskId }: { readonly taskId: string }) {
  const say = useWords(words);
  const { found, shown } = useLiveTask(taskId);
  const isGone = shown === 'deleted' || (found.error !== null && asProblem(found.error).status === 404);
  if (isGone) return <p className="card px-3 py-2.5 text-sm text-muted">{say('task.gone')}</p>;
  if (found.error) return <ErrorNote error={found.error} isCompact onRetry={() => void found.refetch()} />;
  if (shown === undefined) return <Skeleton className="h-[72px] rounded-card" />;
  const status = statusOf(shown.status, shown.detail);
  return (
    <Link
      to="/tasks/$taskId"
      params={{ taskId }}
      className="card block px-3.5 py-3 text-text no-underline transition-colors duration-100 hover:border-line-strong"
    >
      <span className="flex items-start justify-between gap-3">
        <span className="line-clamp-2 min-w-0 font-medium">{shown.name}</span>
        <ArrowUpRight size={16} aria-hidden className="mt-1 shrink-0 text-muted" />
      </span>
      <span className="mt-2 flex items-center gap-3 text-sm">
        <StatusMark status={status} show="word" />
        <ProgressBar percent={shown.progress} status={status} className="min-w-16 flex-1" />
        <span className="w-10 text-right text-muted">{say('task.progress', { percent: shown.progress })}</span>
      </span>
    </Link>
  );
}
