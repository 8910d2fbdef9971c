/** Worker processes as their leases show them. */
import { Link } from '@tanstack/react-router';
import { formatDuration, formatNumber } from '@/i18n/format';
import { useWords } from '@/i18n/words';
import { Card, Chip, StatusMark } from '@/parts';
import { isLate, type Workers } from './queries';
import { words } from './words';

const SHOWN = 5;

function Worker({ worker, leaseS }: { readonly worker: Workers['workers'][number]; readonly leaseS: number }) {
  const say = useWords(words);
  const late = isLate(worker, leaseS);
  return (
    <li className="border-b border-line px-4 py-3 last:border-b-0" data-worker={worker.name}>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <code className="min-w-0 font-medium">{worker.name}</code>
        <StatusMark
          status={late ? 'failed' : worker.running > 0 ? 'running' : 'pending'}
          show={late ? 'mark' : 'word'}
          size={12}
          label={late ? say('late', { lease: leaseS }) : say(worker.running > 0 ? 'running' : 'idle')}
          className="text-sm"
        />
        {worker.is_alone && <Chip className="text-xs">{say('worker.alone')}</Chip>}
        <dl className="ml-auto flex flex-wrap gap-x-5 gap-y-1 text-sm">
          {worker.last_beat_age_s !== null && (
            <div className="flex gap-1.5">
              <dt className="text-muted">{say('beat')}</dt>
              <dd>{say('beat.ago', { s: formatNumber(Math.max(0, worker.last_beat_age_s), 1) })}</dd>
            </div>
          )}
          <div className="flex gap-1.5">
            <dt className="text-muted">{say('lease')}</dt>
            <dd>
              {formatNumber(worker.running)}
              {worker.oldest_lease_s !== null && <span className="ml-1.5 text-muted">{say('lease.age', { time: formatDuration(worker.oldest_lease_s) })}</span>}
            </dd>
          </div>
          <div className="flex gap-1.5">
            <dt className="text-muted">{say('ended')}</dt>
            <dd>{formatNumber(worker.runs_ended)}</dd>
          </div>
        </dl>
      </div>
      {late && <p className="mt-1 text-sm text-red">{say('late', { lease: leaseS })}</p>}
      {worker.tasks.length > 0 && (
        <ul aria-label={say('tasks')} className="mt-1.5 flex flex-wrap gap-x-4 gap-y-1 text-sm">
          {worker.tasks.slice(0, SHOWN).map((task) => (
            <li key={task.task_id} className="max-w-full min-w-0">
              <Link to="/tasks/$taskId" params={{ taskId: task.task_id }} className="link block max-w-72 truncate">
                {task.title}
              </Link>
            </li>
          ))}
          {worker.tasks.length > SHOWN && <li className="text-muted">{say('tasks.more', { count: worker.tasks.length - SHOWN })}</li>}
        </ul>
      )}
    </li>
  );
}

export function WorkersCard({ workers }: { readonly workers: Workers }) {
  const say = useWords(words);
  return (
    <Card title={say('workers')} isFlush>
      {workers.workers.length === 0 ? (
        <div className="px-4 pt-2 pb-5">
          <p className="font-medium">{say('workers.none')}</p>
          <p className="text-muted">{say('workers.none.text')}</p>
        </div>
      ) : (
        <ul className="mt-1">
          {workers.workers.map((worker) => (
            <Worker key={worker.name} worker={worker} leaseS={workers.lease_s} />
          ))}
        </ul>
      )}
    </Card>
  );
}
