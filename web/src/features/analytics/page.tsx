/** The dashboard: four numbers, then what they are made of. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { ChartNoAxesCombined, RefreshCw } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTitle } from '@/frame/title';
import { formatMoment, formatMoney, formatNumber, formatPercent } from '@/i18n/format';
import { useWords } from '@/i18n/words';
import { buttonClass, Card, EmptyState, ErrorNote, IconButton, PageHead, RelativeTime, Segmented, Skeleton } from '@/parts';
import { useCurrency } from '@/preferences/settings';
import { usePreferences } from '@/preferences/store';
import { BarList } from './BarList';
import { ChartCard } from './ChartCard';
import { classWord, CostChart, DurationChart, nameOfWhen, TrendChart } from './charts';
import { seconds } from './figures';
import { dashboardQuery, type Dashboard } from './query';
import { isQuiet, measureOf, RANGES, spendingOf, sumOf, trendOf, type Range } from './series';
import { words } from './words';

function Tile({ label, value, note }: { readonly label: string; readonly value: string; readonly note: string }) {
  return (
    <div className="card min-w-0 p-4">
      <dt className="text-sm text-muted">{label}</dt>
      <dd className="mt-1 text-2xl leading-tight font-semibold tracking-[-0.02em]">{value}</dd>
      <dd className="mt-1 text-sm text-muted">{note}</dd>
    </div>
  );
}

function Tiles({ dashboard }: { readonly dashboard: Dashboard }) {
  const say = useWords(words);
  const { task_stats: stats, window_days: days } = dashboard;
  return (
    <dl className="mb-4 grid grid-cols-2 gap-3 sm:gap-4 xl:grid-cols-4">
      <Tile label={say('total')} value={formatNumber(stats.total_tasks)} note={say('total.note', { completed: formatNumber(stats.completed_tasks) })} />
      <Tile label={say('rate')} value={formatPercent(stats.completion_rate / 100, 1)} note={say('rate.note')} />
      <Tile label={say('working')} value={formatNumber(stats.in_progress)} note={say('working.note')} />
      <Tile
        label={say('efficiency')}
        value={stats.efficiency_basis === 0 ? '–' : formatPercent(stats.efficiency_index / 100, 1)}
        note={
          stats.efficiency_basis === 0
            ? say('efficiency.none', { days })
            : say('efficiency.note', { days, basis: formatNumber(stats.efficiency_basis) })
        }
      />
    </dl>
  );
}

function Trend({ dashboard, range, choice }: { readonly dashboard: Dashboard; readonly range: Range; readonly choice: ReactNode }) {
  const say = useWords(words);
  const points = trendOf(dashboard, range);
  const isDaily = range !== '12m';
  const count = (key: 'created' | 'completed' | 'failed' | 'cancelled') => ({
    key,
    head: say(key),
    cell: (point: (typeof points)[number]) => formatNumber(point[key] ?? 0),
    isNumber: true,
  });
  return (
    <ChartCard
      title={say('trend')}
      aside={choice}
      {...(isQuiet(points) ? { empty: say('trend.none') } : {})}
      columns={[
        { key: 'when', head: say(isDaily ? 'date' : 'month'), cell: (point) => nameOfWhen(point.when) },
        ...(isDaily ? [count('created'), count('completed'), count('failed'), count('cancelled')] : [count('completed')]),
      ]}
      rows={points.toReversed()}
      keyOf={(point) => point.when}
      className="xl:col-span-2"
    >
      <TrendChart points={points} />
    </ChartCard>
  );
}

function Durations({ dashboard }: { readonly dashboard: Dashboard }) {
  const say = useWords(words);
  const { duration_data: found, window_days: days } = dashboard;
  return (
    <ChartCard
      title={say('duration')}
      {...(found.count === 0
        ? { empty: say('duration.none', { days }) }
        : { note: say('duration.note', { days, count: found.count }) })}
      aside={
        found.count > 0 && (
          <dl className="flex gap-4 text-right text-sm">
            <div>
              <dt className="text-xs text-muted">{say('duration.p50')}</dt>
              <dd className="font-medium">{seconds(found.p50_s)}</dd>
            </div>
            <div>
              <dt className="text-xs text-muted">{say('duration.p90')}</dt>
              <dd className="font-medium">{seconds(found.p90_s)}</dd>
            </div>
          </dl>
        )
      }
      columns={[
        { key: 'class', head: say('duration.class'), cell: (row) => classWord(row, say) },
        { key: 'count', head: say('tasks'), cell: (row) => formatNumber(row.count), isNumber: true },
      ]}
      rows={found.histogram}
      keyOf={(row) => String(row.from_s)}
    >
      <DurationChart duration={found} />
    </ChartCard>
  );
}

function Categories({ dashboard }: { readonly dashboard: Dashboard }) {
  const say = useWords(words);
  const rows = dashboard.category_data;
  return (
    <ChartCard
      title={say('category')}
      {...(rows.length === 0 ? { empty: say('category.none') } : {})}
      columns={[
        { key: 'team', head: say('team'), cell: (row) => row.category },
        { key: 'count', head: say('tasks'), cell: (row) => formatNumber(row.count), isNumber: true },
        { key: 'share', head: say('share'), cell: (row) => formatPercent(row.percentage / 100, 1), isNumber: true },
      ]}
      rows={rows}
      keyOf={(row) => row.team}
    >
      <BarList
        label={say('category')}
        of={dashboard.task_stats.total_tasks}
        rows={rows.map((row, at) => ({
          key: row.team,
          name: row.category,
          value: `${formatNumber(row.count)} · ${formatPercent(row.percentage / 100, 1)}`,
          parts: [{ amount: row.count, colour: `var(--series-${(at % 6) + 1})` }],
        }))}
      />
    </ChartCard>
  );
}

function Agents({ dashboard }: { readonly dashboard: Dashboard }) {
  const say = useWords(words);
  const { agent_data: rows, window_days: days } = dashboard;
  return (
    <ChartCard
      title={say('agent')}
      {...(rows.length === 0 ? { empty: say('agent.none', { days }) } : { note: say('agent.note', { days }) })}
      columns={[
        { key: 'agent', head: say('agent.name'), cell: (row) => row.title },
        { key: 'completed', head: say('completed'), cell: (row) => formatNumber(row.completed), isNumber: true },
        { key: 'failed', head: say('failed'), cell: (row) => formatNumber(row.failed), isNumber: true },
        { key: 'median', head: say('median'), cell: (row) => seconds(row.median_s), isNumber: true },
      ]}
      rows={rows}
      keyOf={(row) => row.agent}
    >
      <BarList
        label={say('agent')}
        of={Math.max(...rows.map((row) => row.completed + row.failed))}
        rows={rows.map((row) => ({
          key: row.agent,
          name: row.title,
          value: [
            `${say('completed')} ${formatNumber(row.completed)}`,
            ...(row.failed > 0 ? [`${say('failed')} ${formatNumber(row.failed)}`] : []),
            ...(row.median_s === null ? [] : [seconds(row.median_s)]),
          ].join(' · '),
          parts: [
            { amount: row.completed, colour: 'var(--green)' },
            { amount: row.failed, colour: 'var(--red)' },
          ],
        }))}
      />
    </ChartCard>
  );
}

function Costs({ dashboard, range }: { readonly dashboard: Dashboard; readonly range: Range }) {
  const say = useWords(words);
  const currency = useCurrency() ?? 'USD';
  const spending = spendingOf(dashboard, range);
  const measure = measureOf(spending);
  const sum = sumOf(spending);
  const money = (amount: number) => formatMoney(amount, currency);
  const days = spending.length;
  return (
    <ChartCard
      title={say('cost')}
      {...(measure === 'none'
        ? {
            empty: (
              <>
                <p>{say('cost.none')}</p>
                <p className="text-sm">{say('cost.none.text')}</p>
              </>
            ),
          }
        : { note: measure === 'tokens' ? say('cost.unpriced') : say(days === 7 ? 'range.7d' : 'range.30d') })}
      aside={
        measure !== 'none' && (
          <span className="text-right text-sm">
            <span className="block text-xs text-muted">{say('cost.sum')}</span>
            <span className="font-medium">
              {measure === 'cost' ? money(sum.cost) : formatNumber(sum.input_tokens + sum.output_tokens)}
            </span>
          </span>
        )
      }
      columns={[
        { key: 'date', head: say('date'), cell: (row) => nameOfWhen(row.date) },
        { key: 'calls', head: say('calls'), cell: (row) => formatNumber(row.calls), isNumber: true },
        { key: 'in', head: say('tokens.in'), cell: (row) => formatNumber(row.input_tokens), isNumber: true },
        { key: 'out', head: say('tokens.out'), cell: (row) => formatNumber(row.output_tokens), isNumber: true },
        { key: 'cost', head: say('cost'), cell: (row) => money(row.cost), isNumber: true },
      ]}
      rows={spending.toReversed()}
      keyOf={(row) => row.date}
    >
      {measure !== 'none' && <CostChart spending={spending} measure={measure} currency={currency} />}
    </ChartCard>
  );
}

function Activities({ dashboard }: { readonly dashboard: Dashboard }) {
  const say = useWords(words);
  return (
    <Card title={say('activity')} className="xl:col-span-1">
      {dashboard.recent_activities.length === 0 && <p className="text-muted">{say('activity.none')}</p>}
      <ul className="max-h-80 overflow-auto">
        {dashboard.recent_activities.map((one) => (
          <li key={`${one.task_id}/${one.type}/${one.timestamp}`} className="border-b border-line last:border-b-0">
            <Link
              to="/tasks/$taskId"
              params={{ taskId: one.task_id }}
              className="flex items-baseline justify-between gap-3 py-2 text-text no-underline hover:text-accent"
            >
              <span className="min-w-0">{one.message}</span>
              <RelativeTime at={one.timestamp} className="shrink-0 text-sm text-muted" />
            </Link>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Loading() {
  return (
    <>
      <div className="mb-4 grid grid-cols-2 gap-3 sm:gap-4 xl:grid-cols-4">
        {[1, 2, 3, 4].map((tile) => (
          <div key={tile} className="card p-4">
            <Skeleton className="h-3.5 w-16" />
            <Skeleton className="mt-3 h-7 w-24" />
            <Skeleton className="mt-3 h-3.5 w-32" />
          </div>
        ))}
      </div>
      <div className="grid gap-4 xl:grid-cols-3">
        <Skeleton className="h-80 xl:col-span-2" />
        <Skeleton className="h-80" />
      </div>
    </>
  );
}

export function AnalyticsPage() {
  const say = useWords(words);
  const { language } = usePreferences();
  const [range, setRange] = useState<Range>('30d');
  useTitle(say('title'));
  const found = useQuery(dashboardQuery(language));
  const dashboard = found.data;
  const isEmpty = dashboard?.task_stats.total_tasks === 0 && isQuiet(trendOf(dashboard, '30d'));
  const choice = (
    <Segmented
      label={say('range')}
      isLabelHidden
      value={range}
      onChange={setRange}
      choices={RANGES.map((one) => ({ value: one, label: say(`range.${one}`) }))}
    />
  );
  return (
    <>
      <PageHead
        title={say('title')}
        lead={say('lead', { timezone: dashboard?.timezone ?? 'UTC' })}
        actions={
          dashboard && (
            <>
              <span className="text-sm text-muted">{say('asOf', { time: formatMoment(dashboard.at) })}</span>
              <IconButton
                label={say('refresh')}
                disabled={found.isFetching}
                icon={<RefreshCw size={16} aria-hidden />}
                onClick={() => void found.refetch()}
              />
            </>
          )
        }
      />
      {found.isPending && <Loading />}
      {found.error && <ErrorNote error={found.error} onRetry={() => void found.refetch()} className="mb-4" />}
      {dashboard && isEmpty && (
        <EmptyState
          icon={<ChartNoAxesCombined size={22} aria-hidden />}
          title={say('empty.title')}
          actions={
            <Link to="/tasks/new" className={buttonClass('primary')}>
              {say('empty.action')}
            </Link>
          }
        >
          {say('empty.text')}
        </EmptyState>
      )}
      {dashboard && !isEmpty && (
        <>
          <Tiles dashboard={dashboard} />
          <div className="grid gap-4 xl:grid-cols-3">
            <Trend dashboard={dashboard} range={range} choice={choice} />
            <Durations dashboard={dashboard} />
            <Categories dashboard={dashboard} />
            <Agents dashboard={dashboard} />
            <Activities dashboard={dashboard} />
            <div className="min-w-0 xl:col-span-3">
              <Costs dashboard={dashboard} range={range} />
            </div>
          </div>
        </>
      )}
    </>
  );
}
