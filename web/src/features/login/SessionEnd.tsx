/** A session that ended, over the page that it ended on: nothing that was begun there is lost. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { accessQuery, isShut, lastIdentity, type Access } from '@/api/access';
import { onOtherTab, onSessionRefused } from '@/api/session';
import { useConnection, useConnectionStatus } from '@/connection/hooks';
import { useWords } from '@/i18n/words';
import { buttonClass, Dialog } from '@/parts';
import { LoginForm } from './LoginForm';
import { loginPath } from './next';
import { words } from './words';

function here(): string {
  return location.pathname + location.search + location.hash;
}

export function SessionEnd() {
  const say = useWords(words);
  const queries = useQueryClient();
  const connection = useConnection();
  const { attempts } = useConnectionStatus();
  const { data: access } = useQuery(accessQuery);
  const [isPutOff, setPutOff] = useState(false);
  const isEnded = isShut(access);
  const isAsked = access?.is_required !== false;

  useEffect(() => {
    const look = (isChange: boolean) => {
      // Put off, it comes back when it is in the way of something that the person does.
      if (isChange) setPutOff(false);
      void queries.invalidateQueries({ queryKey: accessQuery.queryKey });
    };
    const stops = [
      onSessionRefused(look),
      onOtherTab((turn) => {
        if (turn === 'in') look(false);
        else location.replace(loginPath(here()));
      }),
    ];
    return () => stops.forEach((stop) => stop());
  }, [queries]);
  // A socket that does not come up may have been refused: a browser is not told why.
  useEffect(() => {
    if (attempts > 0 && isAsked) void queries.invalidateQueries({ queryKey: accessQuery.queryKey });
  }, [attempts, isAsked, queries]);
  // Nobody was here before: there is nothing on the page to be kept.
  const isStranger = isEnded && lastIdentity() === null;
  useEffect(() => {
    if (isStranger) location.replace(loginPath(here()));
  }, [isStranger]);

  const onDone = (now: Access) => {
    if (now.identity?.id !== lastIdentity()?.id) {
      location.reload();
      return;
    }
    queries.setQueryData(accessQuery.queryKey, now);
    void queries.invalidateQueries();
    connection.retryNow();
  };
  return (
    <Dialog isOpen={isEnded && !isStranger && !isPutOff} onClose={() => setPutOff(true)} title={say('ended.title')} width="small">
      <p className="mb-4 text-muted">{say('ended.text')}</p>
      <LoginForm onDone={onDone} />
      <p className="mt-4 border-t border-line pt-3">
        <a href={loginPath(here())} className={buttonClass('quiet', 'small')}>
          {say('ended.other')}
        </a>
      </p>
    </Dialog>
  );
}
