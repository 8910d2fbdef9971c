/** The plan: its drawing, and a slider over its revisions. */
import { Info } from 'lucide-react';
import { lazy, Suspense, useId, useMemo, useState } from 'react';
import { isOver } from '@/events/status';
import type { TaskView } from '@/events/view';
import { useWords } from '@/i18n/words';
import { Chip, cx, Dialog, IconButton, Skeleton } from '@/parts';
import { words } from '../words';
import { graphOf, revisionOf } from './graph';

const PlanGraph = lazy(() => import('./PlanGraph'));

interface PlanPaneProps {
  readonly view: TaskView;
  readonly revision: number | undefined;
  readonly onRevision: (revision: number | undefined) => void;
  readonly selected: string | undefined;
  readonly onSelect: (id: string | undefined) => void;
  readonly nameOf: (agent: string | null) => string;
  /** Stands in a tab that is its frame and has its name. */
  readonly isBare?: boolean;
}

export function PlanPane({ view, revision, onRevision, selected, onSelect, nameOf, isBare = false }: PlanPaneProps) {
  const say = useWords(words);
  const id = useId();
  const [isWhyOpen, setWhyOpen] = useState(false);
  const graph = useMemo(() => graphOf(view, revision), [view, revision]);
  const plan = revisionOf(view, revision);
  const newest = view.plans.at(-1);
  const at = view.plans.findIndex((one) => one === plan);
  return (
    <section aria-label={say('plan')} className={cx('flex h-full min-h-0 flex-col overflow-hidden', !isBare && 'card')}>
      <header className="flex min-h-10 shrink-0 flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-3 py-1">
        <h2 className={isBare ? 'sr-only' : 'text-sm font-semibold'}>{say('plan')}</h2>
        {view.plans.length > 1 && plan && (
          <label htmlFor={id} className="flex min-w-0 flex-1 items-center gap-2 text-sm text-muted">
            <span className="sr-only">{say('plan.slide')}</span>
            <input
              id={id}
              type="range"
              className="w-28 accent-accent"
              min={0}
              max={view.plans.length - 1}
              step={1}
              value={at}
              aria-valuetext={say('plan.revision', { revision: plan.revision, count: view.plans.length })}
              onChange={(event) => {
                const next = view.plans[Number(event.target.value)];
                onRevision(next === undefined || next === newest ? undefined : next.revision);
              }}
            />
            <span className="whitespace-nowrap">{say('plan.revision', { revision: plan.revision, count: view.plans.length })}</span>
            {plan !== newest && <Chip>{say('plan.old')}</Chip>}
          </label>
        )}
        {plan && plan.reason !== '' && (
          <span className="ml-auto">
            <IconButton size="small" label={say('plan.why')} icon={<Info size={15} aria-hidden />} onClick={() => setWhyOpen(true)} />
          </span>
        )}
      </header>
      <div className="relative min-h-0 flex-1">
        {graph ? (
          <Suspense fallback={<PlanSkeleton />}>
            <PlanGraph graph={graph} label={say('plan')} selected={selected} onSelect={onSelect} nameOf={nameOf} />
          </Suspense>
        ) : (
          <p className="grid h-full place-items-center p-6 text-center text-muted">
            {say(view.isLogGone ? 'line.gone' : isOver(view.status) ? 'plan.never' : view.status === 'pending' ? 'plan.pending' : 'plan.none')}
          </p>
        )}
      </div>
      <Dialog isOpen={isWhyOpen} onClose={() => setWhyOpen(false)} title={say('plan.why')}>
        <p className="whitespace-pre-wrap">{plan?.reason}</p>
      </Dialog>
    </section>
  );
}

function PlanSkeleton() {
  return (
    <div className="flex h-full items-center gap-10 px-8" aria-busy="true">
      <div className="flex flex-col gap-4">
        <Skeleton className="h-14 w-52" />
        <Skeleton className="h-14 w-52" />
        <Skeleton className="h-14 w-52" />
      </div>
      <Skeleton className="h-14 w-52" />
    </div>
  );
}
