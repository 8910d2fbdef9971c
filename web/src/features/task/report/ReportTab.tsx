/** The report: what the task came to, or what is concluded so far. */
import { useQuery } from '@tanstack/react-query';
import { FileText } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import { fetchPath } from '@/api/transport';
import { text, number } from '@/events/event';
import { isOver } from '@/events/status';
import type { TaskView } from '@/events/view';
import { useWords } from '@/i18n/words';
import { buttonClass, cx, EmptyState, ErrorNote, Skeleton, StatusMark } from '@/parts';
import { DownloadLink } from '../artifacts/DownloadLink';
import { addressOf, useArtifacts, type Artifact, type TaskDetail } from '../data';
import { ErrorWords } from '../timeline/StepDetails';
import { words } from '../words';

const Markdown = lazy(() => import('@/parts/Markdown'));

interface ReportTabProps {
  readonly taskId: string;
  readonly view: TaskView;
  readonly task: TaskDetail | undefined;
}

export function TextSkeleton() {
  return (
    <div aria-busy="true" className="flex flex-col gap-3">
      <Skeleton className="h-5 w-1/2" />
      <Skeleton className="h-3.5 w-full" />
      <Skeleton className="h-3.5 w-11/12" />
      <Skeleton className="h-3.5 w-4/5" />
      <Skeleton className="mt-3 h-40 w-full" />
    </div>
  );
}

/** Text of a file that the task made, as Markdown; pictures are its own charts. */
export function MarkdownFile({ file, files }: { readonly file: Artifact; readonly files: readonly Artifact[] }) {
  const content = useQuery({
    queryKey: ['file', file.url, file.digest],
    queryFn: async ({ signal }) => (await fetchPath(file.url, { signal })).text(),
    staleTime: Infinity,
  });
  if (content.error) return <ErrorNote error={content.error} onRetry={() => void content.refetch()} />;
  if (content.data === undefined) return <TextSkeleton />;
  const pictureOf = (name: string) => {
    const found = files.find((one) => one.name === decoded(name) && one.media_type.startsWith('image/'));
    return found ? addressOf(found.url) : null;
  };
  return (
    <Suspense fallback={<TextSkeleton />}>
      <Markdown text={content.data} pictureOf={pictureOf} />
    </Suspense>
  );
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** A page that the task made: no scripts, no origin, nothing from elsewhere. */
export function PageFile({ file, title }: { readonly file: Artifact; readonly title: string }) {
  return <iframe title={title} src={addressOf(file.url)} sandbox="" referrerPolicy="no-referrer" className="h-full min-h-[60vh] w-full rounded-control border border-line bg-white" />;
}

function Parts({ view }: { readonly view: TaskView }) {
  const say = useWords(words);
  const done = view.subtasks.filter((one) => one.status === 'completed' && one.summary !== '');
  return (
    <ol className="flex flex-col gap-3">
      {done.map((one) => (
        <li key={one.id} className="appear rounded-card border border-line p-3.5">
          <h3 className="flex items-center gap-2 font-medium">
            <StatusMark status={one.status} size={12} />
            <span className="min-w-0">{one.title}</span>
          </h3>
          <p className="mt-1 whitespace-pre-wrap">{one.summary}</p>
          {one.findings + one.passages > 0 && (
            <p className="mt-1 text-sm text-muted">
              {[one.findings > 0 ? say('step.findings', { count: one.findings }) : '', one.passages > 0 ? say('step.passages', { count: one.passages }) : '']
                .filter(Boolean)
                .join(' · ')}
            </p>
          )}
        </li>
      ))}
    </ol>
  );
}

function Charts({ files }: { readonly files: readonly Artifact[] }) {
  const say = useWords(words);
  const charts = files.filter((one) => one.kind === 'chart' && one.media_type.startsWith('image/'));
  if (charts.length === 0) return null;
  return (
    <section className="mt-6">
      <h2 className="mb-2 text-sm font-semibold text-muted">{say('report.charts')}</h2>
      <div className="grid gap-3 sm:grid-cols-2">
        {charts.map((chart) => (
          <figure key={chart.name} className="rounded-card border border-line bg-white p-2">
            <img src={addressOf(chart.url)} alt={chart.name} loading="lazy" className="h-auto w-full" />
          </figure>
        ))}
      </div>
    </section>
  );
}

export function ReportTab({ taskId, view, task }: ReportTabProps) {
  const say = useWords(words);
  const files = useArtifacts(taskId, view);
  const [form, setForm] = useState<'text' | 'page'>('text');
  const all = files.data ?? [];
  const result = view.status === 'completed' ? (task?.result ?? null) : null;
  const textFile = all.find((one) => one.name === text(result?.['report_markdown']));
  const pageFile = all.find((one) => one.name === text(result?.['report']) && one.media_type.startsWith('text/html'));
  const summary = text(result?.['summary']);
  const unchecked = number(result?.['unchecked']) ?? 0;
  const hasParts = view.subtasks.some((one) => one.status === 'completed' && one.summary !== '');

  if (files.error && view.status === 'completed') return <ErrorNote error={files.error} className="m-4" onRetry={() => void files.refetch()} />;
  if (view.status === 'completed' && (files.isPending || task === undefined || task.status !== 'completed')) {
    return (
      <div className="p-5">
        <TextSkeleton />
      </div>
    );
  }
  if (textFile || pageFile) {
    const isPage = pageFile !== undefined && (form === 'page' || textFile === undefined);
    return (
      <article className="flex min-h-full flex-col">
        <div className="flex flex-wrap items-center gap-2 px-5 pt-3">
          {textFile && pageFile && (
            <div role="group" aria-label={say('tab.report')} className="flex rounded-control border border-line p-0.5">
              {(['text', 'page'] as const).map((one) => (
                <button
                  key={one}
                  type="button"
                  aria-pressed={form === one}
                  onClick={() => setForm(one)}
                  className={cx('rounded-[6px] px-2.5 py-0.5 text-sm', form === one ? 'bg-tint font-medium text-accent-strong' : 'text-muted hover:text-text')}
                >
                  {say(one === 'text' ? 'report.asText' : 'report.asPage')}
                </button>
              ))}
            </div>
          )}
          {unchecked > 0 && <StatusMark status="waiting_input" show="chip" label={say('report.unverified', { count: unchecked })} />}
          <span className="ml-auto flex gap-2">
            {[textFile, pageFile].flatMap((file) =>
              file ? (
                <DownloadLink key={file.name} url={file.url} name={file.name} className={buttonClass('quiet', 'small')}>
                  {file.name}
                </DownloadLink>
              ) : (
                []
              ),
            )}
          </span>
        </div>
        <div className={cx('flex-1 px-5 py-4', isPage && 'flex flex-col')}>
          {isPage ? <PageFile file={pageFile} title={say('report.frame')} /> : textFile && <MarkdownFile file={textFile} files={all} />}
        </div>
      </article>
    );
  }
  if (summary !== '') {
    return (
      <article className="p-5">
        <h2 className="mb-2 text-sm font-semibold text-muted">{say('report.summary')}</h2>
        <Suspense fallback={<TextSkeleton />}>
          <Markdown text={summary} />
        </Suspense>
        {unchecked > 0 && <StatusMark status="waiting_input" show="chip" className="mt-4" label={say('report.unverified', { count: unchecked })} />}
        {hasParts && (
          <section className="mt-6">
            <h2 className="mb-2 text-sm font-semibold text-muted">{say('report.bySubtask')}</h2>
            <Parts view={view} />
          </section>
        )}
        <Charts files={all} />
      </article>
    );
  }
  return (
    <div className="p-5">
      {view.status === 'failed' && view.error && (
        <div className="mb-5">
          <h2 className="mb-2 font-semibold">{say('report.failed')}</h2>
          <ErrorWords error={view.error} />
        </div>
      )}
      {hasParts ? (
        <>
          <h2 className="font-semibold">{say('report.parts')}</h2>
          <p className="mb-3 text-sm text-muted">{say(isOver(view.status) ? 'report.partsLeft' : 'report.parts.text')}</p>
          <Parts view={view} />
          <Charts files={all} />
        </>
      ) : (
        view.status !== 'failed' && (
          <EmptyState
            icon={<FileText size={22} aria-hidden />}
            title={say(view.status === 'cancelled' ? 'report.cancelled' : view.status === 'completed' ? 'report.byPerson' : 'report.none')}
          >
            {view.status === 'cancelled' && say('report.cancelled.text')}
            {!isOver(view.status) && say(view.status === 'waiting_input' ? 'report.waiting' : 'report.none.text')}
          </EmptyState>
        )
      )}
    </div>
  );
}
