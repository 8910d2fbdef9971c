/** What has passed its time: asked for only when somebody looks, for it counts rows. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { formatNumber } from '@/i18n/format';
import { useWords } from '@/i18n/words';
import { Button, Card, CopyText, DataTable, ErrorNote, RelativeTime, SkeletonRows } from '@/parts';
import { retentionQuery } from './queries';
import { words } from './words';

export function RetentionCard() {
  const say = useWords(words);
  const [isOpen, setOpen] = useState(false);
  const found = useQuery({ ...retentionQuery, enabled: isOpen });
  const rowsOf = (row: { rows: number; is_at_least: boolean; is_at_most: boolean }) => {
    const rows = formatNumber(row.rows);
    if (row.rows > 0 && row.is_at_least) return say('retention.at_least', { rows });
    return row.rows > 0 && row.is_at_most ? say('retention.at_most', { rows }) : rows;
  };
  return (
    <Card title={say('retention')} isFlush>
      <p className="px-4 pb-3 text-muted">{say('retention.lead')}</p>
      {!isOpen && (
        <div className="px-4 pb-4">
          <Button size="small" onClick={() => setOpen(true)}>
            {say('retention.show')}
          </Button>
        </div>
      )}
      {isOpen && found.isPending && <SkeletonRows rows={4} />}
      {found.error && (
        <div className="p-4">
          <ErrorNote error={found.error} isCompact onRetry={() => void found.refetch()} />
        </div>
      )}
      {isOpen && found.data && (
        <>
          <DataTable
            caption={say('retention')}
            columns={[
              { key: 'table', head: say('retention.table'), cell: (row) => <code>{row.table}</code> },
              { key: 'age', head: say('retention.age'), cell: (row) => formatNumber(row.older_than_days, 1), isNumber: true },
              { key: 'rows', head: say('retention.rows'), cell: rowsOf, isNumber: true },
              { key: 'oldest', head: say('retention.oldest'), cell: (row) => (row.oldest === null ? '–' : <RelativeTime at={row.oldest} />), isNumber: true },
            ]}
            rows={found.data.tables}
            keyOf={(row) => row.table}
          />
          <div className="flex flex-wrap items-center gap-2 border-t border-line px-4 py-3 text-sm">
            <span className="text-muted">{say('retention.run')}</span>
            <CopyText text="lgma db retention run" />
          </div>
        </>
      )}
    </Card>
  );
}
