/** Settings → Your account: for who logged in with a password. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { LogOut } from 'lucide-react';
import { useState } from 'react';
import { accessQuery } from '@/api/access';
import { asProblem } from '@/api/problem';
import { logOutEverywhere } from '@/features/login/session';
import { Section } from '@/features/settings/Section';
import { useWords } from '@/i18n/words';
import { Button, Confirm, ErrorNote } from '@/parts';
import { PasswordForm } from './PasswordForm';
import { words } from './words';

export function AccountSection() {
  const say = useWords(words);
  const queries = useQueryClient();
  const { data } = useQuery(accessQuery);
  const [isAsking, setAsking] = useState(false);
  const leaving = useMutation({
    mutationFn: logOutEverywhere,
    onError: (failed) => {
      if (asProblem(failed).status !== 401) return;
      setAsking(false);
      void queries.invalidateQueries({ queryKey: accessQuery.queryKey });
    },
  });
  const name = data?.is_required === true && data.identity?.means === 'session' ? data.identity.name : null;
  if (name === null) return null;
  return (
    <Section id="account" title={say('title')} note={say('note')}>
      <p>{say('who', { name })}</p>
      <div>
        <h3 className="mb-2 font-semibold">{say('password')}</h3>
        <PasswordForm name={name} />
      </div>
      <div>
        <Button
          icon={<LogOut size={15} aria-hidden />}
          onClick={() => {
            leaving.reset();
            setAsking(true);
          }}
        >
          {say('out')}
        </Button>
        <p className="mt-1 text-sm text-muted">{say('out.note')}</p>
      </div>
      <Confirm isOpen={isAsking} title={say('out.title')} verb={say('out')} isDanger isBusy={leaving.isPending || leaving.isSuccess} onConfirm={() => leaving.mutate()} onClose={() => setAsking(false)}>
        <p>{say('out.text')}</p>
        {leaving.error && <ErrorNote error={leaving.error} isCompact className="mt-3" />}
      </Confirm>
    </Section>
  );
}
