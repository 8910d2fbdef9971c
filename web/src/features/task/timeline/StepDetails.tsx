/** What an opened step shows: why, input, output, calls with tokens, attempts, errors. */
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { number, text } from '@/events/event';
import type { Entry, EventError, TaskView } from '@/events/view';
import { formatBytes, formatDuration, formatMoment } from '@/i18n/format';
import { useWords } from '@/i18n/words';
import { StatusMark } from '@/parts';
import { usePlan } from '../data';
import { words } from '../words';
import { Calls, Verdicts } from './Parts';
import { titleOf } from './sentence';

function Row({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    <div className="grid gap-x-4 gap-y-0.5 sm:grid-cols-[5.5rem_minmax(0,1fr)]">
      <dt className="text-sm text-muted">{label}</dt>
      <dd className="min-w-0">{children}</dd>
    </div>
  );
}

export function ErrorWords({ error }: { readonly error: EventError }) {
  return (
    <div className="rounded-control border border-red/40 bg-red-tint px-3 py-2">
      <p className="font-medium">{error.title || error.code}</p>
      {error.detail !== '' && error.detail !== error.title && <p className="whitespace-pre-wrap">{error.detail}</p>}
      {error.hint !== '' && <p className="text-muted">{error.hint}</p>}
      <code className="text-xs text-muted">{error.code}</code>
    </div>
  );
}

function PlannedInput({ taskId, view, id }: { readonly taskId: string; readonly view: TaskView; readonly id: string }) {
  const say = useWords(words);
  const revision = view.plans.findLast((plan) => plan.nodes?.some((node) => node.id === id) === true)?.revision;
  const plan = usePlan(taskId, revision);
  const planned = plan.data?.subtasks.find((one) => one.id === id);
  if (!planned) return null;
  const parameters = Object.entries(planned.parameters).filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0));
  return (
    <>
      {planned.reason !== '' && <Row label={say('step.why')}>{planned.reason}</Row>}
      {planned.inputs.length > 0 && (
        <Row label={say('step.inputFiles')}>
          {planned.inputs.map((name) => (
            <FileLink key={name} taskId={taskId} name={name} />
          ))}
        </Row>
      )}
      {planned.depends_on.length > 0 && <Row label={say('step.after')}>{planned.depends_on.map((one) => titleOf(view, one)).join(' · ')}</Row>}
      {parameters.length > 0 && (
        <Row label={say('step.params')}>
          <pre tabIndex={0} className="max-h-40 overflow-auto rounded-control bg-sunken px-2.5 py-1.5 text-sm whitespace-pre-wrap">
            {JSON.stringify(Object.fromEntries(parameters), null, 1)}
          </pre>
        </Row>
      )}
    </>
  );
}

function FileLink({ taskId, name, size }: { readonly taskId: string; readonly name: string; readonly size?: number | undefined }) {
  return (
    <Link
      to="/tasks/$taskId"
      params={{ taskId }}
      search={(before) => ({ ...before, tab: 'artifacts', file: name })}
      className="link mr-3 inline-flex max-w-full items-baseline gap-1.5"
    >
      <span className="truncate">{name}</span>
      {size !== undefined && <span className="text-xs whitespace-nowrap text-muted">{formatBytes(size)}</span>}
    </Link>
  );
}

function SubtaskOutput({ taskId, view, entry }: { readonly taskId: string; readonly view: TaskView; readonly entry: Entry }) {
  const say = useWords(words);
  const made = entry.parts.filter((part) => part.kind === 'artifact');
  const files = made.length > 0 ? made.map((part) => ({ name: text(part.data['name']), size: number(part.data['size_bytes']) ?? undefined })) : [];
  const counts = [
    ...(number(entry.data['findings']) ? [say('step.findings', { count: number(entry.data['findings']) ?? 0 })] : []),
    ...(number(entry.data['passages']) ? [say('step.passages', { count: number(entry.data['passages']) ?? 0 })] : []),
  ];
  const attempts = entry.subtaskId === null ? [] : (view.subtaskById.get(entry.subtaskId)?.attempts ?? []);
  return (
    <>
      {entry.status === 'completed' && entry.said !== '' && (
        <Row label={say('step.output')}>
          <p className="whitespace-pre-wrap">{entry.said}</p>
          {counts.length > 0 && <p className="text-sm text-muted">{counts.join(' · ')}</p>}
        </Row>
      )}
      {files.length > 0 && (
        <Row label={say('files')}>
          {files.map((file) => (
            <FileLink key={file.name} taskId={taskId} {...file} />
          ))}
        </Row>
      )}
      {attempts.length > 1 && (
        <Row label={say('step.attempts')}>
          <ol>
            {attempts.map((one) => (
              <li key={`${one.run}:${one.attempt}:${one.startedAt}`} className="flex flex-wrap items-center gap-x-2">
                <StatusMark status={one.status} size={12} />
                <span>{say('step.attempt', { n: one.attempt })}</span>
                {one.durationS !== null && <span className="text-sm text-muted">{formatDuration(one.durationS)}</span>}
                {one.error && <span className="text-sm text-red">{one.error.title || one.error.code}</span>}
              </li>
            ))}
          </ol>
        </Row>
      )}
    </>
  );
}

export function StepDetails({ taskId, view, entry }: { readonly taskId: string; readonly view: TaskView; readonly entry: Entry }) {
  const say = useWords(words);
  const calls = entry.parts.filter((part) => part.kind === 'tool' || part.kind === 'model');
  const verdicts = entry.parts.filter((part) => part.kind === 'verdict');
  const wait = number(entry.data['wait_s']);
  const code = text(entry.data['code']);
  return (
    <dl className="flex flex-col gap-2 border-t border-line bg-sunken/50 px-4 py-3">
      {entry.kind === 'subtask' && entry.subtaskId !== null && <PlannedInput taskId={taskId} view={view} id={entry.subtaskId} />}
      {entry.kind === 'subtask' && <SubtaskOutput taskId={taskId} view={view} entry={entry} />}
      {entry.error && (
        <Row label={say('step.error')}>
          <ErrorWords error={entry.error} />
        </Row>
      )}
      {entry.kind !== 'subtask' && entry.error === null && entry.said !== '' && (
        <Row label={say('step.note')}>
          <p className="whitespace-pre-wrap">{entry.said}</p>
        </Row>
      )}
      {entry.kind === 'recovery' && (code !== '' || wait !== null) && (
        <Row label={say('step.why')}>
          {code !== '' && <code>{code}</code>} {wait !== null && wait > 0 && say('step.wait', { time: formatDuration(wait) })}
        </Row>
      )}
      {calls.length > 0 && (
        <Row label={say('step.calls')}>
          <Calls parts={calls} />
        </Row>
      )}
      {verdicts.length > 0 && (
        <Row label={say('step.verdicts')}>
          <Verdicts parts={verdicts} />
        </Row>
      )}
      <Row label={say('step.started')}>
        <span className="text-sm">{formatMoment(entry.at)}</span>
      </Row>
    </dl>
  );
}
