/** Runs of the task by workers, and its saved states. */
import { useQuery } from '@tanstack/react-query';
import { DatabaseBackup } from 'lucide-react';
import { useState } from 'react';
import { api, take, type Schemas } from '@/api/client';
import { statusOf } from '@/events/status';
import type { TaskView } from '@/events/view';
import { known, useWords } from '@/i18n/words';
import { Bytes, DataTable, Dialog, Duration, EmptyState, ErrorNote, RelativeTime, SkeletonRows, StatusMark, type Column } from '@/parts';
import { usePreferences } from '@/preferences/store';
import { TextSkeleton } from './report/ReportTab';
import { words } from './words';

type Checkpoint = Schemas['CheckpointModel'];
type Execution = Schemas['ExecutionModel'];

function State({ taskId, checkpoint }: { readonly taskId: string; readonly checkpoint: Checkpoint }) {
  const say = useWords(words);
  const state = useQuery({
    queryKey: ['checkpoint', taskId, checkpoint.namespace, checkpoint.id],
    queryFn: ({ signal }) =>
      take(
        api.GET('/api/v1/tasks/{task_id}/checkpoints/{checkpoint_id}', {
          params: { path: { task_id: taskId, checkpoint_id: checkpoint.id }, query: { namespace: checkpoint.namespace } },
          signal,
        }),
      ),
    staleTime: Infinity,
  });
  if (state.error) return <ErrorNote error={state.error} isCompact onRetry={() => void state.refetch()} />;
  if (!state.data) return <TextSkeleton />;
  return (
    <ul className="flex flex-col gap-2">
      {state.data.values.map((one) => (
        <li key={one.name}>
          <details className="rounded-control border border-line">
            <summary className="flex items-center gap-3 px-3 py-1.5 hover:bg-hover">
              <code className="flex-1">{one.name}</code>
              {one.is_shortened && <span className="text-sm text-amber">{say('saved.shortened')}</span>}
              <span className="text-sm text-muted">
                <Bytes bytes={one.size_bytes} />
              </span>
            </summary>
            {!one.is_shortened && (
              <pre tabIndex={0} className="max-h-80 overflow-auto border-t border-line bg-sunken p-3 text-xs whitespace-pre-wrap">
                {JSON.stringify(one.value, null, 2)}
              </pre>
            )}
          </details>
        </li>
      ))}
    </ul>
  );
}

export function CheckpointsTab({ taskId, view }: { readonly taskId: string; readonly view: TaskView }) {
  const say = useWords(words);
  const { language } = usePreferences();
  const [open, setOpen] = useState<Checkpoint | null>(null);
  const mark = `${view.status}:${view.runs.length}:${view.subtasks.filter((one) => one.endedAt !== null).length}`;
  const params = { path: { task_id: taskId } };
  const runs = useQuery({
    queryKey: ['task', taskId, 'executions', mark, language],
    queryFn: ({ signal }) => take(api.GET('/api/v1/tasks/{task_id}/executions', { params, signal })),
    placeholderData: (before) => before,
  });
  const saved = useQuery({
    queryKey: ['task', taskId, 'checkpoints', mark],
    queryFn: ({ signal }) => take(api.GET('/api/v1/tasks/{task_id}/checkpoints', { params, signal })),
    placeholderData: (before) => before,
  });
  const runColumns: readonly Column<Execution>[] = [
    {
      key: 'status',
      head: say('saved.status'),
      cell: (run) => (
        <span title={run.error ? `${run.error.title} ${run.error.detail}` : undefined}>
          <StatusMark status={statusOf(run.status)} show="word" size={12} label={known(words, `run.${run.status}`, run.status)} />
        </span>
      ),
    },
    {
      key: 'worker',
      head: say('saved.worker'),
      cell: (run) => (
        <code className="block max-w-36 truncate" title={run.worker}>
          {run.worker}
        </code>
      ),
    },
    { key: 'epoch', head: say('saved.epoch'), isNumber: true, cell: (run) => `${run.generation} / ${run.epoch}` },
    { key: 'start', head: say('saved.start'), className: 'whitespace-nowrap', cell: (run) => <RelativeTime at={run.started_at} /> },
    {
      key: 'took',
      head: say('saved.took'),
      isNumber: true,
      cell: (run) => (
        <Duration
          seconds={run.completed_at === null ? null : (Date.parse(run.completed_at) - Date.parse(run.started_at)) / 1000}
          since={run.completed_at === null ? run.started_at : null}
        />
      ),
    },
  ];
  const columns: readonly Column<Checkpoint>[] = [
    {
      key: 'step',
      head: say('saved.step'),
      cell: (one) => (
        <button type="button" className="link" aria-label={say('saved.open', { step: one.step ?? '–' })} onClick={() => setOpen(one)}>
          {one.step ?? '–'}
        </button>
      ),
    },
    { key: 'at', head: say('saved.at'), className: 'whitespace-nowrap', cell: (one) => <RelativeTime at={one.at} /> },
    { key: 'source', head: say('saved.by'), cell: (one) => (one.source === null ? '–' : known(words, `saved.source.${one.source}`, one.source)) },
    { key: 'next', head: say('saved.next'), cell: (one) => (one.next.length === 0 ? say('saved.end') : <code>{one.next.join(', ')}</code>) },
    { key: 'size', head: say('saved.size'), isNumber: true, cell: (one) => <Bytes bytes={one.size_bytes} /> },
  ];
  return (
    <div className="py-2">
      <h2 className="px-4 pt-2 text-sm font-semibold">{say('saved.runs')}</h2>
      {runs.error ? (
        <ErrorNote error={runs.error} className="m-4" onRetry={() => void runs.refetch()} />
      ) : runs.data ? (
        <DataTable
          caption={say('saved.runs')}
          columns={runColumns}
          rows={runs.data.executions}
          keyOf={(run) => run.id}
          empty={<p className="px-4 py-3 text-muted">{say('saved.noRuns')}</p>}
        />
      ) : (
        <SkeletonRows rows={2} />
      )}
      <h2 className="px-4 pt-5 text-sm font-semibold">{say('saved.states')}</h2>
      {saved.error ? (
        <ErrorNote error={saved.error} className="m-4" onRetry={() => void saved.refetch()} />
      ) : saved.data ? (
        <DataTable
          caption={say('saved.states')}
          columns={columns}
          rows={saved.data.checkpoints}
          keyOf={(one) => `${one.namespace}:${one.id}`}
          empty={
            <EmptyState icon={<DatabaseBackup size={22} aria-hidden />} title={say('saved.none')}>
              {say('saved.none.text')}
            </EmptyState>
          }
        />
      ) : (
        <SkeletonRows rows={3} />
      )}
      <Dialog isOpen={open !== null} onClose={() => setOpen(null)} title={say('saved.state', { step: open?.step ?? '–' })} width="wide">
        {open && <State taskId={taskId} checkpoint={open} />}
      </Dialog>
    </div>
  );
}
