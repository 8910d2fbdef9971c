import { useWords } from '@/i18n/words';
import { cx } from './classes';
import { words } from './words';

/** A grey shape of what comes; give it the size of that by `className`. */
export function Skeleton({ className }: { readonly className?: string }) {
  return <div aria-hidden="true" className={cx('animate-pulse-slow rounded-control bg-sunken', className ?? 'h-4 w-full')} />;
}

/** Rows of a list that is being loaded. */
export function SkeletonRows({ rows = 6 }: { readonly rows?: number }) {
  const say = useWords(words);
  return (
    <div role="status" aria-label={say('loading')}>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className="flex h-row items-center gap-3 border-b border-line px-4 last:border-b-0">
          <Skeleton className="size-4 rounded-full" />
          <Skeleton className={cx('h-3.5', row % 3 === 0 ? 'w-2/5' : row % 3 === 1 ? 'w-1/2' : 'w-1/3')} />
          <Skeleton className="ml-auto h-3.5 w-16" />
          <Skeleton className="h-3.5 w-12" />
        </div>
      ))}
    </div>
  );
}
