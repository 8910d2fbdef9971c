/** Each dependency with its state and latency, and the command that looks closer. */
import type { Status } from '@/events/status';
import { formatNumber } from '@/i18n/format';
import { known, useWords } from '@/i18n/words';
import { CopyText, cx, StatusMark } from '@/parts';
import type { Health } from './queries';
import { words } from './words';

const MARKS: Readonly<Record<string, Status>> = { ok: 'completed', degraded: 'waiting_input', down: 'failed' };

export function Dependencies({ health }: { readonly health: Health }) {
  const say = useWords(words);
  const isWell = health.dependencies.every((one) => one.status === 'ok');
  return (
    <section aria-label={say('dependencies')} className="mb-4">
      <ul className="grid grid-cols-[repeat(auto-fill,minmax(min(100%,200px),1fr))] gap-3 sm:gap-4">
        {health.dependencies.map((one) => {
          const isModel = one.name === 'model';
          const isUnset = isModel && one.detail !== 'configured';
          return (
            <li key={one.name} data-dependency={one.name} className={cx('card min-w-0 p-4', one.status === 'down' && 'border-red')}>
              <div className="flex items-center justify-between gap-2">
                <span className="min-w-0 truncate font-medium">{known(words, `dep.${one.name}`, one.name)}</span>
                <StatusMark
                  show="word"
                  className="text-sm"
                  status={isUnset ? 'pending' : (MARKS[one.status] ?? 'pending')}
                  label={isUnset ? say('unset') : known(words, one.status, one.status)}
                />
              </div>
              <p className="mt-1 text-sm text-muted">
                {isModel ? say(isUnset ? 'model.none' : 'model.configured') : say('latency', { ms: formatNumber(one.latency_ms, one.latency_ms < 10 ? 1 : 0) })}
              </p>
              {!isModel && one.detail !== '' && <p className="mt-1 text-sm text-red">{one.detail}</p>}
            </li>
          );
        })}
      </ul>
      {!isWell && (
        <div className="mt-3 flex flex-wrap items-center gap-2 text-sm">
          <span className="text-muted">{say('do.doctor')}</span>
          <CopyText text="lgma doctor" />
        </div>
      )}
    </section>
  );
}
