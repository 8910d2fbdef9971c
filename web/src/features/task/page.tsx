import { useParams } from '@tanstack/react-router';
import { doneOf } from '@/events/fold';
import { useTaskView } from '@/events/hooks';
import { useTitle } from '@/frame/title';
import { useWords } from '@/i18n/words';
import { Card, Duration, ErrorNote, PageHead, RelativeTime, SkeletonRows, StatusMark } from '@/parts';
import { words } from './words';

export function TaskPage() {
  const { taskId } = useParams({ from: '/tasks/$taskId' });
  const say = useWords(words);
  const { view, isLoading, problem, reload } = useTaskView(taskId);
  const done = doneOf(view);
  useTitle(view.title || say('title'), view.seq > 0 ? view.status : null);
  if (problem) return <ErrorNote error={problem} onRetry={reload} />;
  if (isLoading && view.seq === 0) {
    return (
      <Card isFlush>
        <SkeletonRows />
      </Card>
    );
  }
  return (
    <>
      <PageHead title={view.title} lead={<StatusMark status={view.status} show="chip" />} actions={done && <span>{say('done', done)}</span>} />
      <div className="grid gap-4 lg:grid-cols-2">
        <Card title={say('plan')}>
          {view.subtasks.length === 0 && <p className="text-muted">{say('plan.none')}</p>}
          <ul>
            {view.subtasks.map((one) => (
              <li key={one.id} data-subtask={one.id} className="flex items-center gap-2 py-1">
                <StatusMark status={one.status} />
                <span className="min-w-0 flex-1 truncate">{one.title}</span>
                <Duration seconds={one.durationS} since={one.status === 'running' ? one.startedAt : null} className="text-sm text-muted" />
              </li>
            ))}
          </ul>
        </Card>
        <Card title={say('timeline')}>
          <ol>
            {view.entries.map((entry) => (
              <li key={entry.key} data-entry={entry.key} className="flex items-center gap-2 py-1">
                <StatusMark status={entry.status} />
                <span className="min-w-0 flex-1 truncate">
                  {entry.subtaskId === null ? entry.said : (view.subtaskById.get(entry.subtaskId)?.title ?? entry.subtaskId)}
                </span>
                <RelativeTime at={entry.at} className="text-sm text-muted" />
              </li>
            ))}
          </ol>
        </Card>
      </div>
    </>
  );
}
