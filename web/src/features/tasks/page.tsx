import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { ListTodo } from 'lucide-react';
import { api, take } from '@/api/client';
import { useAllTasks } from '@/connection/hooks';
import { statusOf } from '@/events/status';
import { useTitle } from '@/frame/title';
import { useWords } from '@/i18n/words';
import { buttonClass, Card, EmptyState, ErrorNote, PageHead, PriorityMark, priorityOf, RelativeTime, SkeletonRows, StatusMark } from '@/parts';
import { words } from './words';

export function TasksPage() {
  const say = useWords(words);
  const queries = useQueryClient();
  useTitle(say('title'));
  const list = useQuery({
    queryKey: ['tasks'],
    queryFn: ({ signal }) => take(api.GET('/api/v1/tasks', { params: { query: { limit: 50 } }, signal })),
  });
  const refresh = () => void queries.invalidateQueries({ queryKey: ['tasks'] });
  useAllTasks({ onEvent: refresh, onGap: refresh });
  return (
    <>
      <PageHead title={say('title')} />
      {list.isPending && (
        <Card isFlush>
          <SkeletonRows />
        </Card>
      )}
      {list.error && <ErrorNote error={list.error} onRetry={() => void list.refetch()} />}
      {list.data?.tasks.length === 0 && (
        <EmptyState
          icon={<ListTodo size={22} aria-hidden />}
          title={say('empty.title')}
          actions={
            <Link to="/tasks/new" className={buttonClass('primary')}>
              {say('new')}
            </Link>
          }
        >
          {say('empty.text')}
        </EmptyState>
      )}
      {list.data && list.data.tasks.length > 0 && (
        <Card isFlush>
          <ul>
            {list.data.tasks.map((task) => (
              <li key={task.id} className="border-b border-line last:border-b-0">
                <Link
                  to="/tasks/$taskId"
                  params={{ taskId: task.id }}
                  className="flex min-h-row items-center gap-3 px-4 text-text no-underline hover:bg-hover"
                >
                  <StatusMark status={statusOf(task.status)} />
                  <span className="min-w-0 flex-1 truncate">{task.title}</span>
                  <PriorityMark priority={priorityOf(task.priority)} />
                  <RelativeTime at={task.created_at} className="text-sm whitespace-nowrap text-muted" />
                </Link>
              </li>
            ))}
          </ul>
        </Card>
      )}
    </>
  );
}
