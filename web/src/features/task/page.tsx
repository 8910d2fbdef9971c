/** A task: header, plan, timeline and what it came to. Its state is the fold of its log. */
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { SearchX, Trash2 } from 'lucide-react';
import { useCallback, type ReactNode } from 'react';
import { useTaskView } from '@/events/hooks';
import { isOver } from '@/events/status';
import { useKeys } from '@/frame/keys';
import { useTitle } from '@/frame/title';
import { useWords } from '@/i18n/words';
import { buttonClass, cx, EmptyState, ErrorNote, Skeleton, SkeletonRows, Tabs, type Tab } from '@/parts';
import { ArtifactsTab } from './artifacts/ArtifactsTab';
import { CheckpointsTab } from './CheckpointsTab';
import { useAgentNames, useTaskDetail } from './data';
import { LogsTab } from './LogsTab';
import { PlanPane } from './plan/PlanPane';
import { ReportTab } from './report/ReportTab';
import { ReviewTab } from './ReviewTab';
import type { TaskSearch, TaskTab } from './search';
import { TaskHeader } from './TaskHeader';
import { Timeline } from './timeline/Timeline';
import { TraceTab } from './TraceTab';
import { useIsWide } from './wide';
import { words } from './words';

const RESULT_TABS = ['report', 'artifacts', 'review', 'trace', 'logs', 'checkpoints'] as const;
const NARROW_TABS = ['plan', 'timeline', ...RESULT_TABS] as const;

export function TaskPage() {
  const { taskId } = useParams({ from: '/tasks/$taskId' });
  // Another task begins anew: what was open in the one before is not open in this one.
  return <TaskWorkspace key={taskId} taskId={taskId} />;
}

function TaskWorkspace({ taskId }: { readonly taskId: string }) {
  const say = useWords(words);
  const search = useSearch({ from: '/tasks/$taskId' });
  const navigate = useNavigate({ from: '/tasks/$taskId' });
  const isWide = useIsWide();
  const { view, isLoading, problem, reload } = useTaskView(taskId);
  const detail = useTaskDetail(taskId, view);
  const nameOf = useAgentNames(detail.data?.team ?? view.team);
  useTitle(detail.data?.title ?? view.title ?? say('title'), view.seq > 0 ? view.status : null);

  const change = useCallback(
    (changes: { readonly [K in keyof TaskSearch]: TaskSearch[K] | undefined }) => {
      void navigate({
        search: (before) => Object.fromEntries(Object.entries({ ...before, ...changes }).filter(([, value]) => value !== undefined)),
        replace: true,
      });
    },
    [navigate],
  );
  const select = useCallback(
    (subtask: string | undefined) => change({ subtask, ...(!isWide && subtask !== undefined ? { tab: 'timeline' as const } : {}) }),
    [change, isWide],
  );
  useKeys({
    Escape: () => {
      if (search.file !== undefined) change({ file: undefined });
      else if (search.subtask !== undefined) change({ subtask: undefined });
    },
  });

  if (view.isDeleted) {
    return (
      <EmptyState
        icon={<Trash2 size={22} aria-hidden />}
        title={say('gone.title')}
        actions={
          <Link to="/tasks" className={buttonClass('primary')}>
            {say('gone.back')}
          </Link>
        }
      >
        {say('gone.text')}
      </EmptyState>
    );
  }
  if (problem?.status === 404 && view.seq === 0) {
    return (
      <EmptyState
        level={1}
        icon={<SearchX size={22} aria-hidden />}
        title={say('missing.title')}
        actions={
          <>
            <Link to="/tasks" className={buttonClass('primary')}>
              {say('gone.back')}
            </Link>
            <Link to="/tasks/new" className={buttonClass('plain')}>
              {say('missing.new')}
            </Link>
          </>
        }
      >
        {say('missing.text')}
      </EmptyState>
    );
  }
  if (problem && view.seq === 0) return <ErrorNote error={problem} onRetry={reload} />;
  if (isLoading && view.seq === 0) return <WorkspaceSkeleton />;

  const countOf: Partial<Record<TaskTab, number>> = { artifacts: view.artifacts.length + view.files.length, review: view.verdicts.length };
  const tabs = (isWide ? RESULT_TABS : NARROW_TABS).map((key): Tab<TaskTab> => {
    const label = key === 'plan' || key === 'timeline' ? say(key) : say(`tab.${key}`);
    const count = countOf[key];
    return count === undefined || count === 0 ? { key, label } : { key, label, count };
  });
  const fallback: TaskTab = isWide || isOver(view.status) ? 'report' : 'timeline';
  const tab: TaskTab = tabs.some((one) => one.key === search.tab) ? (search.tab ?? fallback) : fallback;
  const plan = (
    <PlanPane view={view} revision={search.revision} onRevision={(revision) => change({ revision })} selected={search.subtask} onSelect={select} nameOf={nameOf} isBare={!isWide} />
  );
  const timeline = <Timeline taskId={taskId} view={view} subtask={search.subtask} onSubtask={select} nameOf={nameOf} isBare={!isWide} />;
  const contents: Readonly<Record<TaskTab, () => ReactNode>> = {
    plan: () => <div className="h-[66dvh]">{plan}</div>,
    timeline: () => <div className="h-[72dvh]">{timeline}</div>,
    report: () => <ReportTab taskId={taskId} view={view} task={detail.data} />,
    artifacts: () => <ArtifactsTab taskId={taskId} view={view} selected={search.file} onSelect={(file) => change({ file })} />,
    review: () => <ReviewTab view={view} nameOf={nameOf} />,
    trace: () => <TraceTab taskId={taskId} view={view} />,
    logs: () => <LogsTab taskId={taskId} view={view} />,
    checkpoints: () => <CheckpointsTab taskId={taskId} view={view} />,
  };
  const results = (
    <Tabs label={say('panes')} tabs={tabs} selected={tab} onSelect={(key) => change({ tab: key, file: undefined })} className="card h-full overflow-hidden">
      {contents[tab]()}
    </Tabs>
  );
  return (
    <div className="flex flex-col gap-4 lg:h-[calc(100dvh-var(--bar)-3.75rem)] lg:min-h-[42rem]">
      <TaskHeader taskId={taskId} view={view} task={detail.data} />
      {problem && <ErrorNote error={problem} isCompact onRetry={reload} />}
      {isWide ? (
        <div
          className={cx(
            'grid min-h-0 flex-1 gap-4',
            isOver(view.status) ? 'grid-cols-[minmax(0,1fr)_minmax(0,1.1fr)]' : 'grid-cols-[minmax(0,1.15fr)_minmax(0,1fr)]',
          )}
        >
          <div
            className={cx(
              'grid min-h-0 gap-4',
              view.status === 'waiting_input' ? 'grid-rows-[minmax(0,0.55fr)_minmax(0,1fr)]' : 'grid-rows-[minmax(0,0.9fr)_minmax(0,1fr)]',
            )}
          >
            {plan}
            {timeline}
          </div>
          {results}
        </div>
      ) : (
        results
      )}
    </div>
  );
}

function WorkspaceSkeleton() {
  return (
    <div className="flex flex-col gap-4" aria-busy="true">
      <Skeleton className="h-7 w-2/3" />
      <Skeleton className="h-5 w-1/3" />
      <div className="grid gap-4 lg:grid-cols-2">
        <div className="flex flex-col gap-4">
          <Skeleton className="h-72 w-full" />
          <div className="card">
            <SkeletonRows rows={5} />
          </div>
        </div>
        <Skeleton className="hidden h-full min-h-96 w-full lg:block" />
      </div>
    </div>
  );
}
