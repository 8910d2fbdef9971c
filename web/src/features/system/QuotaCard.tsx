/** What the tenant may use, and has used. */
import { useQuery } from '@tanstack/react-query';
import { formatMoney, formatNumber } from '@/i18n/format';
import { useWords } from '@/i18n/words';
import { Card, Chip, CopyText, cx, ErrorNote, ProgressBar, SkeletonRows } from '@/parts';
import { useCurrency } from '@/preferences/settings';
import type { Status } from '@/events/status';
import { quotaQuery, shareOf, type Allowance } from './queries';
import { words } from './words';

const KINDS = ['tasks_in_flight', 'tokens_today', 'cost_today'] as const;
const MARKS: Readonly<Record<'far' | 'near' | 'reached', Status>> = { far: 'running', near: 'waiting_input', reached: 'failed' };

function Use({ label, one, show }: { readonly label: string; readonly one: Allowance['tasks_in_flight']; readonly show: (value: number) => string }) {
  const say = useWords(words);
  const share = shareOf(one);
  return (
    <div className="grid grid-cols-[1fr_auto] items-baseline gap-x-3">
      <dt className="text-sm text-muted">
        {label}
        {share?.mark === 'reached' && <span className="ml-2 font-medium text-red">{say('quota.reached')}</span>}
      </dt>
      <dd className={cx('text-right font-medium tabular-nums', share?.mark === 'reached' && 'text-red')}>
        {one.limit === null ? say('quota.unlimited', { used: show(one.used) }) : say('quota.of', { used: show(one.used), limit: show(one.limit) })}
      </dd>
      {share !== null && (
        <dd className="col-span-2 mt-1.5">
          <ProgressBar percent={share.percent} status={MARKS[share.mark]} />
        </dd>
      )}
    </div>
  );
}

export function QuotaCard() {
  const say = useWords(words);
  const currency = useCurrency();
  const found = useQuery(quotaQuery);
  const allowance = found.data;
  const money = (amount: number) => (currency === null ? formatNumber(amount, 4) : formatMoney(amount, currency));
  return (
    <Card title={say('quota')} aside={allowance && <Chip className="text-xs">{allowance.tenant}</Chip>}>
      {found.isPending && <SkeletonRows rows={3} />}
      {found.error && <ErrorNote error={found.error} isCompact onRetry={() => void found.refetch()} />}
      {allowance && (
        <>
          <p className="mb-3 text-muted">{say('quota.lead')}</p>
          <dl className="space-y-3">
            {KINDS.map((kind) => (
              <Use key={kind} label={say(`quota.${kind}`)} one={allowance[kind]} show={kind === 'cost_today' ? money : (value) => formatNumber(value)} />
            ))}
          </dl>
          <p className="mt-3 text-xs text-muted">{say('quota.day')}</p>
          <div className="mt-3 flex flex-wrap items-center gap-2 border-t border-line pt-3 text-sm">
            <span className="text-muted">{say('quota.set')}</span>
            <CopyText text={`lgma quota set ${allowance.tenant} --tasks N --tokens N --cost N`} />
          </div>
        </>
      )}
    </Card>
  );
}
