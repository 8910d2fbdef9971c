/** The system itself: is it well, what waits, who works, what went wrong. */
import { useQuery } from '@tanstack/react-query';
import { useMay } from '@/api/access';
import { NotAllowed } from '@/features/access/NotAllowed';
import { useTitle } from '@/frame/title';
import type { Status } from '@/events/status';
import { formatDuration, formatMoment } from '@/i18n/format';
import { useWords } from '@/i18n/words';
import { Card, cx, ErrorNote, PageHead, Skeleton, SkeletonRows, StatusMark } from '@/parts';
import { Dependencies } from './Dependencies';
import { ErrorsCard } from './ErrorsCard';
import { FeedbackCard } from './FeedbackCard';
import { healthQuery, isStuck, queueQuery, workersQuery, type Health } from './queries';
import { QueueCard } from './QueueCard';
import { QuotaCard } from './QuotaCard';
import { RetentionCard } from './RetentionCard';
import { WorkersCard } from './WorkersCard';
import { words } from './words';

const MARKS: Readonly<Record<Health['status'], Status>> = { healthy: 'completed', degraded: 'waiting_input', unhealthy: 'failed' };

function Head({ health, isStale }: { readonly health: Health | undefined; readonly isStale: boolean }) {
  const say = useWords(words);
  return (
    <PageHead
      title={say('title')}
      lead={say('lead')}
      actions={
        health && (
          <div className="text-sm text-muted sm:text-right">
            <StatusMark show="chip" status={isStale ? 'pending' : MARKS[health.status]} label={say(isStale ? 'unknown' : health.status)} />
            <p className="mt-1">
              {say('version', { version: health.version })} · {say('uptime', { time: formatDuration(health.uptime_s) })}
            </p>
            <p className={isStale ? 'text-red' : undefined}>{say(isStale ? 'stale' : 'asOf', { time: formatMoment(health.timestamp) })}</p>
          </div>
        )
      }
    />
  );
}

export function SystemPage() {
  const say = useWords(words);
  useTitle(say('title'));
  const health = useQuery(healthQuery);
  const queue = useQuery(queueQuery);
  const workers = useQuery(workersQuery);
  const may = useMay();
  const canOperate = may('system:operate');
  const problem = health.error ?? queue.error ?? workers.error;
  const again = () => {
    for (const one of [health, queue, workers]) if (one.error) void one.refetch();
  };
  return (
    <>
      <Head health={health.data} isStale={health.error !== null} />
      {problem && <ErrorNote error={problem} onRetry={again} className="mb-4" />}
      {health.data?.draining === true && <p className="mb-4 rounded-card bg-amber-tint px-4 py-3">{say('draining')}</p>}
      {health.isPending && (
        <div className="mb-4 grid grid-cols-[repeat(auto-fill,minmax(min(100%,200px),1fr))] gap-4">
          {[1, 2, 3].map((tile) => (
            <Skeleton key={tile} className="h-21 rounded-card" />
          ))}
        </div>
      )}
      <div className={cx('transition-opacity duration-150', problem !== null && 'opacity-60')}>
        {health.data && <Dependencies health={health.data} />}
        <div className="grid items-start gap-4 xl:grid-cols-3 xl:grid-rows-[auto_1fr]">
          {queue.data ? (
            <QueueCard queue={queue.data} isStuck={workers.data !== undefined && isStuck(queue.data, workers.data)} />
          ) : (
            queue.isPending && <Skeleton className="h-64 rounded-card" />
          )}
          <div className="min-w-0 space-y-4 xl:col-span-2 xl:row-span-2">
            {workers.data ? (
              <WorkersCard workers={workers.data} />
            ) : (
              workers.isPending && (
                <Card title={say('workers')} isFlush>
                  <SkeletonRows rows={2} />
                </Card>
              )
            )}
            <ErrorsCard />
          </div>
          <div className="min-w-0 space-y-4">
            {may('access:manage') && <QuotaCard />}
            {canOperate ? (
              <>
                <RetentionCard />
                <FeedbackCard />
              </>
            ) : (
              <NotAllowed permission="system:operate" className="px-1" />
            )}
          </div>
        </div>
      </div>
    </>
  );
}
