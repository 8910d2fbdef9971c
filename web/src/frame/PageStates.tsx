/** What stands in a page's place: while it loads, when it failed, when there is none. */
import { Link, useRouter, type ErrorComponentProps } from '@tanstack/react-router';
import { Compass } from 'lucide-react';
import { useCallback, useEffect, useRef, useState } from 'react';
import { isServerThere, unreachable } from '@/api/pages';
import { ApiProblem } from '@/api/problem';
import { useConnectionStatus } from '@/connection/hooks';
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
  return error instanceof Error && !(error instanceof ApiProblem) && /dynamically imported module|module script failed|preload CSS/i.test(error.message);
}

/** Loading anew helps as soon as there is somebody to load from. */
function Stale() {
  const say = useWords(words);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const look = useCallback(async (thenDo: () => void) => {
    if (await isServerThere()) thenDo();
    else setProblem(unreachable());
  }, []);
  const reload = () => void look(() => location.reload());
  useEffect(() => void look(() => undefined), [look]);
  if (problem !== null) return <ErrorNote error={problem} onRetry={reload} />;
  return (
    <EmptyState title={say('broken.title')} actions={<Button onClick={reload}>{say('banner.retry')}</Button>}>
      {say('broken.stale')}
    </EmptyState>
  );
}

export function PageError({ error, reset }: ErrorComponentProps) {
  const say = useWords(words);
  const router = useRouter();
  const { state } = useConnectionStatus();
  useTitle(say('broken.title'));
  const retry = useCallback(() => {
    reset();
    void router.invalidate();
  }, [reset, router]);
  // What failed for want of a connection comes by itself when there is one again.
  const wasAway = useRef(state !== 'online');
  const isPassing = error instanceof ApiProblem && error.status === 0;
  useEffect(() => {
    if (state === 'online' && wasAway.current && isPassing) retry();
    wasAway.current = state !== 'online';
  }, [state, isPassing, retry]);
  return isStale(error) ? <Stale /> : <ErrorNote error={error} onRetry={retry} />;
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
