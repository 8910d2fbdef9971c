/** Verdicts of the reviewer: each criterion, whether it holds, and why. */
import { ShieldCheck } from 'lucide-react';
import { isOver } from '@/events/status';
import type { TaskView, VerdictView } from '@/events/view';
import { known, useWords } from '@/i18n/words';
import { EmptyState, StatusMark } from '@/parts';
import { words } from './words';

function statusOf(verdict: VerdictView): 'completed' | 'failed' | 'pending' {
  return verdict.passed === true ? 'completed' : verdict.passed === false ? 'failed' : 'pending';
}

export function ReviewTab({ view, nameOf }: { readonly view: TaskView; readonly nameOf: (agent: string | null) => string }) {
  const say = useWords(words);
  if (view.verdicts.length === 0) {
    return (
      <EmptyState icon={<ShieldCheck size={22} aria-hidden />} title={say('review.none')}>
        {say(isOver(view.status) ? 'review.noneEver' : 'review.none.text')}
      </EmptyState>
    );
  }
  const groups = new Map<string | null, VerdictView[]>();
  for (const one of view.verdicts) groups.set(one.subtaskId, [...(groups.get(one.subtaskId) ?? []), one]);
  const passed = view.verdicts.filter((one) => one.passed === true).length;
  const failed = view.verdicts.filter((one) => one.passed === false).length;
  const sum = view.review ?? { passed, criteria: view.verdicts.length, unchecked: view.verdicts.length - passed - failed };
  const failedNow = view.review ? view.review.criteria - view.review.passed - view.review.unchecked : failed;
  return (
    <div className="p-5">
      <p className="mb-4 flex flex-wrap items-center gap-2">
        <StatusMark
          status={failedNow > 0 ? 'failed' : sum.unchecked > 0 ? 'waiting_input' : 'completed'}
          show="chip"
          label={say('review.sum', { passed: sum.passed, criteria: sum.criteria })}
        />
        {failedNow > 0 && <span className="text-sm text-red">{say('review.failed', { count: failedNow })}</span>}
        {sum.unchecked > 0 && <span className="text-sm text-muted">{say('review.unchecked', { count: sum.unchecked })}</span>}
      </p>
      {[...groups].map(([id, verdicts]) => (
        <section key={id ?? ''} className="mb-4 last:mb-0">
          <h2 className="mb-1 flex items-baseline gap-2 font-medium">
            <span className="min-w-0">{id === null ? say('review.whole') : (view.subtaskById.get(id)?.title ?? id)}</span>
            <span className="shrink-0 text-xs font-normal text-muted">{id !== null && nameOf(view.subtaskById.get(id)?.agent ?? null)}</span>
          </h2>
          <ul className="rounded-card border border-line">
            {verdicts.map((one) => (
              <li key={one.criterion} className="flex flex-wrap gap-x-3 gap-y-0.5 border-b border-line px-3 py-2 last:border-b-0">
                <StatusMark
                  status={statusOf(one)}
                  show="word"
                  size={12}
                  className="w-20 text-sm"
                  label={say(one.passed === true ? 'review.pass' : one.passed === false ? 'review.fail' : 'review.unknown')}
                />
                <span className="min-w-0 flex-[1_1_14rem]">
                  <span title={one.criterion}>{known(words, `criterion.${one.criterion}`, one.criterion)}</span>
                  {one.reason !== '' && <span className="block text-sm text-muted">{one.reason}</span>}
                </span>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}
