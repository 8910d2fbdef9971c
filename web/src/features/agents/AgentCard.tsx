/** One agent: its state, its work, its record, and setting it back. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { RotateCcw } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useMay } from '@/api/access';
import { api, take } from '@/api/client';
import { formatNumber, formatPercent } from '@/i18n/format';
import { known, useWords } from '@/i18n/words';
import { Button, Chip, Confirm, Duration, ErrorNote, RelativeTime, StatusMark, cx, toast } from '@/parts';
import { seconds } from '@/features/analytics/figures';
import { usePreferences } from '@/preferences/store';
import { agentOf, titleOf, type Agent, type CurrentWork } from './agents';
import { words } from './words';

const SHOWN = 3;

function Work({ work }: { readonly work: CurrentWork }) {
  const task = useQuery({
    queryKey: ['agents', 'task-title', work.taskId],
    queryFn: ({ signal }) => take(api.GET('/api/v1/tasks/{task_id}', { params: { path: { task_id: work.taskId } }, signal })),
    staleTime: Infinity,
    select: (found) => found.title,
  });
  return (
    <li>
      <Link
        to="/tasks/$taskId"
        params={{ taskId: work.taskId }}
        search={{ subtask: work.subtaskId }}
        className="-mx-2 flex items-baseline gap-2 rounded-control px-2 py-1 text-text no-underline hover:bg-hover"
      >
        <span className="min-w-0 flex-1">
          <span className="block truncate">{task.data ?? work.taskId.slice(0, 8)}</span>
          <span className="block truncate text-xs text-muted">{work.subtaskId}</span>
        </span>
        <Duration since={work.since} className="shrink-0 text-sm text-muted" />
      </Link>
    </li>
  );
}

function Fact({ label, title, children }: { readonly label: string; readonly title?: string; readonly children: ReactNode }) {
  return (
    <div title={title} className="min-w-0">
      <dt className="truncate text-xs text-muted">{label}</dt>
      <dd className="truncate">{children}</dd>
    </div>
  );
}

interface AgentCardProps {
  readonly agent: Agent;
  /** Seconds, of the window; undefined while it is not known. */
  readonly median: number | null | undefined;
  readonly windowDays: number | undefined;
  readonly onReset: (agent: Agent) => void;
}

export function AgentCard({ agent, median, windowDays, onReset }: AgentCardProps) {
  const say = useWords(words);
  const queries = useQueryClient();
  const { language } = usePreferences();
  const [isAsking, setAsking] = useState(false);
  const canReset = useMay()('system:operate');
  const name = titleOf(agent, language);
  const reset = useMutation({
    mutationFn: () => take(api.POST('/api/v1/system/agents/reset', { body: { agent: agent.name } })),
    onSuccess: (answer) => {
      setAsking(false);
      onReset(agentOf(answer));
      toast.done(say('reset.done', { name }));
      void queries.invalidateQueries({ queryKey: ['agents', 'list'] });
    },
  });
  const ended = agent.completed + agent.failed;
  return (
    <article className="card flex min-w-0 flex-col p-4" aria-label={name} data-agent={agent.name}>
      <header className="flex items-start justify-between gap-3">
        <div className="min-w-0">
          <h3 className="truncate text-lg leading-snug font-semibold">{name}</h3>
          <code className="block truncate text-muted">{agent.name}</code>
        </div>
        <StatusMark show="chip" status={agent.isBusy ? 'running' : 'pending'} label={agent.isBusy ? say('busy') : say('idle')} />
      </header>
      <div className="mt-2 flex flex-wrap gap-1">
        {agent.capabilities.map((one) => (
          <Chip key={one} className="text-xs">
            {known(words, `can.${one}`, one)}
          </Chip>
        ))}
      </div>
      <div className="mt-3 min-h-12 flex-1 border-t border-line pt-2">
        {agent.current.length === 0 ? (
          <p className="py-1 text-sm text-muted">{say('now.none')}</p>
        ) : (
          <ul aria-label={say('now')}>
            {agent.current.slice(0, SHOWN).map((work) => (
              <Work key={`${work.taskId}/${work.subtaskId}`} work={work} />
            ))}
            {agent.current.length > SHOWN && <li className="py-1 text-sm text-muted">{say('more', { count: agent.current.length - SHOWN })}</li>}
          </ul>
        )}
      </div>
      <dl className="mt-2 grid grid-cols-2 gap-x-4 gap-y-2 border-t border-line pt-3">
        <Fact label={say('success')} title={say('success.title')}>
          {agent.successRate === null ? (
            <span className="text-muted">{say('success.none')}</span>
          ) : (
            <span className="flex items-center gap-2">
              <span className="font-medium">{formatPercent(agent.successRate, 1)}</span>
              <Meter share={agent.successRate} />
            </span>
          )}
        </Fact>
        <Fact label={say('ended')}>
          {ended === 0 ? (
            <span className="text-muted">–</span>
          ) : (
            <>
              {formatNumber(agent.completed)} <span className="text-muted">/</span>{' '}
              <span className={cx(agent.failed > 0 && 'text-red')}>{formatNumber(agent.failed)}</span>
            </>
          )}
        </Fact>
        <Fact label={say('median')} {...(windowDays === undefined ? {} : { title: say('median.title', { days: windowDays }) })}>
          <span className={cx(typeof median !== 'number' && 'text-muted')}>{seconds(median)}</span>
        </Fact>
        <Fact label={say('activity')}>
          {agent.lastActivity === null ? <span className="text-muted">{say('activity.none')}</span> : <RelativeTime at={agent.lastActivity} />}
        </Fact>
      </dl>
      <footer className="-mb-1.5 mt-2 flex min-h-7 items-center justify-between gap-3">
        <span className="min-w-0 truncate text-xs text-muted">
          {agent.lastReset !== null && (
            <>
              {say('reset.at')} <RelativeTime at={agent.lastReset} />
            </>
          )}
        </span>
        {canReset && (
          <Button
            size="small"
            kind="quiet"
            aria-label={say('reset.name', { name })}
            icon={<RotateCcw size={14} aria-hidden />}
            onClick={() => {
              reset.reset();
              setAsking(true);
            }}
          >
            {say('reset')}
          </Button>
        )}
      </footer>
      <Confirm
        isOpen={isAsking}
        title={say('reset.ask', { name })}
        verb={say('reset')}
        isDanger={agent.isBusy}
        isBusy={reset.isPending}
        onConfirm={() => reset.mutate()}
        onClose={() => setAsking(false)}
      >
        <p>{say('reset.what')}</p>
        <p className="mt-2 text-muted">{say('reset.team')}</p>
        {reset.error && <ErrorNote error={reset.error} isCompact className="mt-3" />}
      </Confirm>
    </article>
  );
}

function Meter({ share }: { readonly share: number }) {
  return (
    <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" className="h-1 w-14 max-w-full rounded-full bg-sunken">
      <rect width={100 * share} height="4" className={share >= 0.9 ? 'fill-green' : share >= 0.6 ? 'fill-amber' : 'fill-red'} />
    </svg>
  );
}
