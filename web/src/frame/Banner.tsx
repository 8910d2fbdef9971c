import { useEffect, useState } from 'react';
import { useConnection, useConnectionStatus } from '@/connection/hooks';
import { useWords } from '@/i18n/words';
import { Button } from '@/parts/Button';
import { useNow } from '@/preferences/clock';
import { words } from './words';

/** Short losses repair themselves before anybody needs to know. */
const PATIENCE_MS = 1500;

/** Says that the page may be old, when the next attempt is, and offers to make it now. */
export function Banner() {
  const say = useWords(words);
  const connection = useConnection();
  const { state, retryAt, wasOnline, attempts, isRefused } = useConnectionStatus();
  const isAway = isRefused || (state !== 'online' && (state === 'offline' || attempts > 0));
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    if (!isAway) {
      setShown(false);
      return;
    }
    const timer = setTimeout(() => setShown(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [isAway]);
  const now = useNow(isShown ? 1000 : 0);
  if (!isShown) return null;
  const seconds = retryAt === null ? null : Math.max(1, Math.ceil((retryAt - now.getTime()) / 1000));
  const isThere = state === 'online';
  const lead = isThere ? 'banner.refused' : !navigator.onLine ? 'banner.network' : wasOnline ? 'banner.lost' : 'banner.never';
  return (
    <div className="sticky top-[52px] z-20 flex flex-wrap items-center justify-center gap-x-3 gap-y-1 border-b border-line bg-amber-tint px-gutter py-1.5 text-sm">
      <span role="alert">{say(lead)}</span>
      <span className="text-muted">{isThere ? '' : state === 'connecting' ? say('banner.now') : seconds !== null ? say('banner.in', { seconds }) : ''}</span>
      <Button size="small" disabled={state === 'connecting'} onClick={() => connection.retryNow()}>
        {say('banner.retry')}
      </Button>
    </div>
  );
}
