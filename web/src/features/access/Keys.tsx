/** API keys: who has which rights until when. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { useState } from 'react';
import { api, take } from '@/api/client';
import { words as loginWords } from '@/features/login/words';
import { formatDay } from '@/i18n/format';
import { useWords } from '@/i18n/words';
import { Button, Confirm, DataTable, ErrorNote, RelativeTime, SkeletonRows, StatusMark, toast } from '@/parts';
import { useNow } from '@/preferences/clock';
import { keysQuery, stateOf, type Key } from './data';
import { NewKeyDialog } from './NewKeyDialog';
import { words } from './words';

const MARKS = { valid: 'completed', expired: 'pending', revoked: 'cancelled' } as const;

export function Keys() {
  const say = useWords(words);
  const sayLogin = useWords(loginWords);
  const queries = useQueryClient();
  const now = useNow(60_000);
  const found = useQuery(keysQuery);
  const [isMaking, setMaking] = useState(false);
  const [asked, setAsked] = useState<Key | null>(null);
  const revoking = useMutation({
    mutationFn: (key: Key) => take(api.DELETE('/api/v1/keys/{key_id}', { params: { path: { key_id: key.id } } })),
    onSuccess: (key) => {
      setAsked(null);
      toast.done(say('keys.revoke.done', { name: key.name }));
      void queries.invalidateQueries({ queryKey: keysQuery.queryKey });
    },
  });
  const scopesOf = (key: Key) => (key.scopes === null ? say('keys.scopes.all') : key.scopes.map((one) => say(`may.${one}`)).join(' · '));
  return (
    <section aria-labelledby="access-keys">
      <header className="mb-2 flex flex-wrap items-end justify-between gap-x-4 gap-y-2">
        <div className="min-w-0">
          <h3 id="access-keys" className="font-semibold">
            {say('keys')}
          </h3>
          <p className="text-sm text-muted">{say('keys.note')}</p>
        </div>
        <Button size="small" icon={<Plus size={14} aria-hidden />} onClick={() => setMaking(true)}>
          {say('keys.new')}
        </Button>
      </header>
      <div className="card overflow-clip">
        {found.isPending && <SkeletonRows rows={2} />}
        {found.error && <ErrorNote error={found.error} isCompact className="m-3" onRetry={() => void found.refetch()} />}
        {found.data && (
          <DataTable
            caption={say('keys')}
            rows={found.data}
            keyOf={(key) => key.id}
            empty={<p className="px-4 py-5 text-muted">{say('keys.none')}</p>}
            columns={[
              {
                key: 'name',
                head: say('name'),
                className: 'min-w-32',
                cell: (key) => (
                  <span title={say('keys.by', { name: key.created_by })}>
                    <span className="font-medium">{key.name}</span>
                    <code className="block text-xs whitespace-nowrap text-muted">lgma_{key.id}_…</code>
                  </span>
                ),
              },
              {
                key: 'role',
                head: say('role'),
                className: 'min-w-32',
                cell: (key) => (
                  <>
                    {sayLogin(`role.${key.role}`)}
                    <span className="block text-xs text-muted">{scopesOf(key)}</span>
                  </>
                ),
              },
              {
                key: 'state',
                head: say('state'),
                className: 'whitespace-nowrap',
                cell: (key) => {
                  const state = stateOf(key, now);
                  return <StatusMark status={MARKS[state]} show="word" size={12} label={say(`keys.${state}`)} />;
                },
              },
              {
                key: 'expires',
                head: say('keys.expires'),
                className: 'whitespace-nowrap',
                cell: (key) => (
                  <>
                    {key.expires_at === null ? say('keys.never') : formatDay(key.expires_at)}
                    <span className="block text-xs text-muted">
                      {say('created')} <RelativeTime at={key.created_at} />
                    </span>
                  </>
                ),
              },
              {
                key: 'actions',
                head: say('actions'),
                cell: (key) =>
                  stateOf(key, now) !== 'revoked' && (
                    <Button
                      size="small"
                      kind="danger"
                      aria-label={say('keys.revoke.name', { name: key.name })}
                      onClick={() => {
                        revoking.reset();
                        setAsked(key);
                      }}
                    >
                      {say('keys.revoke')}
                    </Button>
                  ),
              },
            ]}
          />
        )}
      </div>
      {isMaking && <NewKeyDialog onClose={() => setMaking(false)} />}
      <Confirm
        isOpen={asked !== null}
        title={say('keys.revoke.title', { name: asked?.name ?? '' })}
        verb={say('keys.revoke')}
        isDanger
        isBusy={revoking.isPending}
        onConfirm={() => asked && revoking.mutate(asked)}
        onClose={() => setAsked(null)}
      >
        <p>{say('keys.revoke.text')}</p>
        {revoking.error && <ErrorNote error={revoking.error} isCompact className="mt-3" />}
      </Confirm>
    </section>
  );
}
