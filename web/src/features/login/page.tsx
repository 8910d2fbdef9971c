/** The way in. Nothing private is on it, and it stands outside of the frame. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { Languages } from 'lucide-react';
import { useEffect } from 'react';
import { accessQuery, isShut } from '@/api/access';
import { onOtherTab } from '@/api/session';
import { useTitle } from '@/frame/title';
import { useWords } from '@/i18n/words';
import { Button, CopyText, ErrorNote, Skeleton } from '@/parts';
import { setPreferences, usePreferences } from '@/preferences/store';
import { LoginForm } from './LoginForm';
import { nextPath } from './next';
import { words } from './words';

export function LoginPage() {
  const say = useWords(words);
  const { language } = usePreferences();
  const { next } = useSearch({ from: '/login' });
  const queries = useQueryClient();
  const access = useQuery(accessQuery);
  useTitle(say('title'));
  // Loaded anew, so that nothing of who was here before is left in memory.
  const goOn = () => location.replace(nextPath(next, location.origin));
  const isIn = access.data !== undefined && !isShut(access.data);
  useEffect(() => {
    if (isIn) location.replace(nextPath(next, location.origin));
  }, [isIn, next]);
  useEffect(
    () =>
      onOtherTab((turn) => {
        if (turn === 'in') void queries.invalidateQueries({ queryKey: accessQuery.queryKey });
      }),
    [queries],
  );
  return (
    <div className="flex min-h-dvh flex-col">
      <header className="flex justify-end px-gutter pt-3">
        <Button
          kind="quiet"
          size="small"
          lang={language === 'zh' ? 'en' : 'zh-CN'}
          icon={<Languages size={16} aria-hidden />}
          onClick={() => setPreferences({ language: language === 'zh' ? 'en' : 'zh' })}
        >
          {say('language')}
        </Button>
      </header>
      <main id="main" className="mx-auto flex w-full max-w-sm flex-1 flex-col justify-center px-gutter pt-6 pb-[14vh]">
        <div className="mb-5 flex items-center gap-3">
          <img src="/icon.svg" alt="" width="36" height="36" />
          <span className="text-lg leading-tight font-semibold">LangGraph Multi-Agent</span>
        </div>
        <div className="card p-5">
          <h1 className="text-xl font-semibold">{say('title')}</h1>
          <p className="mt-1 mb-4 text-muted">{say('lead')}</p>
          {access.isPending || isIn ? (
            <div role="status" aria-label={say('checking')} className="space-y-4">
              <Skeleton className="h-9" />
              <Skeleton className="h-9" />
              <Skeleton className="h-9 w-24" />
            </div>
          ) : access.error ? (
            <ErrorNote error={access.error} isCompact onRetry={() => void access.refetch()} />
          ) : (
            <LoginForm onDone={goOn} />
          )}
        </div>
        <div className="mt-4 text-sm text-muted">
          <p className="mb-1.5">{say('help')}</p>
          <CopyText text="lgma users --help" />
        </div>
      </main>
    </div>
  );
}
