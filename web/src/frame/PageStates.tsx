/** What stands in a page's place: while it loads, when it failed, when there is none. */
import { Link, useRouter, type ErrorComponentProps } from '@tanstack/react-router';
import { Compass } from 'lucide-react';
import { useWords } from '@/i18n/words';
import { Button, buttonClass } from '@/parts/Button';
import { EmptyState } from '@/parts/EmptyState';
import { ErrorNote } from '@/parts/ErrorNote';
import { Skeleton, SkeletonRows } from '@/parts/Skeleton';
import { useTitle } from './title';
import { words } from './words';

export function PageLoading() {
  return (
    <div>
      <Skeleton className="mb-6 h-7 w-48" />
      <div className="card">
        <SkeletonRows />
      </div>
    </div>
  );
}

/** A part of the page that is not on the server any more: a new version stands there. */
function isStale(error: unknown): boolean {
  return error instanceof Error && /dynamically imported module|module script failed|preload CSS/i.test(error.message);
}

export function PageError({ error, reset }: ErrorComponentProps) {
  const say = useWords(words);
  const router = useRouter();
  useTitle(say('broken.title'));
  if (isStale(error)) {
    return (
      <EmptyState title={say('broken.title')} actions={<Button onClick={() => location.reload()}>{say('banner.retry')}</Button>}>
        {say('broken.stale')}
      </EmptyState>
    );
  }
  return (
    <ErrorNote
      error={error}
      onRetry={() => {
        reset();
        void router.invalidate();
      }}
    />
  );
}

export function NotFound() {
  const say = useWords(words);
  useTitle(say('missing.title'));
  return (
    <EmptyState
      level={1}
      icon={<Compass size={22} aria-hidden />}
      title={say('missing.title')}
      actions={
        <Link to="/tasks" className={buttonClass('primary')}>
          {say('missing.back')}
        </Link>
      }
    >
      {say('missing.text')}
    </EmptyState>
  );
}
