/** What people said of the product, newest first. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { api, take } from '@/api/client';
import { useWords } from '@/i18n/words';
import { Button, Card, Chip, ErrorNote, RelativeTime, SkeletonRows } from '@/parts';
import { words } from './words';

const PAGE = 10;
/** What the server calls the one person where nobody logs in: no name to show. */
const NOBODY = 'local';

export function FeedbackCard() {
  const say = useWords(words);
  const found = useInfiniteQuery({
    queryKey: ['feedback'],
    queryFn: ({ signal, pageParam }) => take(api.GET('/api/v1/feedback', { params: { query: { limit: PAGE, offset: pageParam } }, signal })),
    initialPageParam: 0,
    getNextPageParam: (page) => (page.offset + page.feedback.length < page.total && page.feedback.length > 0 ? page.offset + page.limit : undefined),
  });
  const items = found.data?.pages.flatMap((page) => page.feedback) ?? [];
  return (
    <Card title={say('feedback')} isFlush aside={items.length > 0 && <span className="text-sm text-muted">{found.data?.pages[0]?.total}</span>}>
      {found.isPending && <SkeletonRows rows={2} />}
      {found.error && (
        <div className="p-4">
          <ErrorNote error={found.error} isCompact onRetry={() => void found.refetch()} />
        </div>
      )}
      {found.data && items.length === 0 && <p className="px-4 pt-1 pb-5 text-muted">{say('feedback.none')}</p>}
      <ul>
        {items.map((one) => (
          <li key={one.id} className="border-b border-line px-4 py-3 last:border-b-0">
            <p className="flex flex-wrap items-baseline gap-x-3 text-sm text-muted">
              <Chip className="text-xs">{say(`feedback.${one.type}`)}</Chip>
              {one.rating !== null && <span>{say('feedback.rating', { rating: one.rating })}</span>}
              {one.sender !== NOBODY && <span>{one.sender}</span>}
              <RelativeTime at={one.created_at} className="ml-auto" />
            </p>
            <p className="mt-1 whitespace-pre-wrap">{one.message}</p>
          </li>
        ))}
      </ul>
      {found.hasNextPage && (
        <p className="px-4 py-2">
          <Button size="small" kind="quiet" isBusy={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
            {say('feedback.more')}
          </Button>
        </p>
      )}
    </Card>
  );
}
