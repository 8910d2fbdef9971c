/** Makes a key, then shows its secret this once. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import type { Permission } from '@/api/access';
import { api, take } from '@/api/client';
import { asProblem } from '@/api/problem';
import { Field } from '@/features/new-task/Field';
import { useWords } from '@/i18n/words';
import { Button, CopyText, Dialog, ErrorNote, Segmented } from '@/parts';
import { daysOf, keysQuery, PERMISSIONS, type NewKey, type Role } from './data';
import { RoleChoice } from './RoleChoice';
import { words } from './words';

const FORM = 'new-key';
const FIRST_DAYS = '90';
const SHOWN: readonly string[] = ['name', 'expires_in_days'];

function Secret({ made, onClose }: { readonly made: NewKey; readonly onClose: () => void }) {
  const say = useWords(words);
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title={say('keys.secret.title', { name: made.name })}
      isCloseless
      actions={
        <Button kind="primary" onClick={onClose}>
          {say('keys.secret.done')}
        </Button>
      }
    >
      <p className="mb-3">{say('keys.secret.text')}</p>
      <CopyText text={made.secret} />
    </Dialog>
  );
}

export function NewKeyDialog({ onClose }: { readonly onClose: () => void }) {
  const say = useWords(words);
  const queries = useQueryClient();
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('user');
  const [isNarrow, setNarrow] = useState(false);
  const [scopes, setScopes] = useState<readonly Permission[]>(['tasks:read']);
  const [days, setDays] = useState(FIRST_DAYS);
  const lasts = daysOf(days);
  const making = useMutation({
    mutationFn: () =>
      take(api.POST('/api/v1/keys', { body: { name: name.trim(), role, scopes: isNarrow ? [...scopes] : null, expires_in_days: lasts ?? null } })),
    onSuccess: () => void queries.invalidateQueries({ queryKey: keysQuery.queryKey }),
  });
  if (making.data) return <Secret made={making.data} onClose={onClose} />;
  const problem = making.error ? asProblem(making.error) : null;
  const errorsOf = (field: string) => problem?.fields.filter((one) => one.field === field).map((one) => one.message) ?? [];
  const isShownAtField = problem !== null && problem.fields.length > 0 && problem.fields.every((one) => SHOWN.includes(one.field));
  const isScopeless = isNarrow && scopes.length === 0;
  const isWrong = isScopeless || lasts === undefined;
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (!isWrong && !making.isPending) making.mutate();
  };
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title={say('keys.new')}
      actions={
        <Button type="submit" form={FORM} kind="primary" isBusy={making.isPending} disabled={isWrong}>
          {say('keys.create')}
        </Button>
      }
    >
      <form id={FORM} noValidate onSubmit={onSubmit} className="space-y-4">
        <Field label={say('name')} hint={say('keys.name.hint')} errors={errorsOf('name')}>
          {(attributes) => <input {...attributes} value={name} autoComplete="off" onChange={(event) => setName(event.target.value)} className="field" />}
        </Field>
        <RoleChoice value={role} onChange={setRole} />
        <div>
          <Segmented
            label={say('keys.scopes')}
            value={isNarrow ? 'some' : 'all'}
            onChange={(choice) => setNarrow(choice === 'some')}
            choices={[
              { value: 'all', label: say('keys.scopes.all') },
              { value: 'some', label: say('keys.scopes.some') },
            ]}
          />
          {isNarrow && (
            <>
              <div role="group" aria-label={say('keys.scopes')} className="mt-2 grid gap-x-4 gap-y-1 sm:grid-cols-2">
                {PERMISSIONS.map((one) => (
                  <label key={one} className="flex items-baseline gap-2">
                    <input
                      type="checkbox"
                      checked={scopes.includes(one)}
                      onChange={(event) => setScopes(event.target.checked ? [...scopes, one] : scopes.filter((other) => other !== one))}
                      className="accent-accent"
                    />
                    <span className="min-w-0">
                      {say(`may.${one}`)} <code className="text-xs text-muted">{one}</code>
                    </span>
                  </label>
                ))}
              </div>
              <p role={isScopeless ? 'alert' : undefined} className={isScopeless ? 'mt-1 text-sm text-red' : 'mt-1 text-sm text-muted'}>
                {say(isScopeless ? 'keys.scopes.none' : 'keys.scopes.hint')}
              </p>
            </>
          )}
        </div>
        <Field label={say('keys.days')} hint={say('keys.days.hint')} errors={lasts === undefined ? [say('keys.days.hint')] : errorsOf('expires_in_days')}>
          {(attributes) => (
            <input {...attributes} inputMode="numeric" autoComplete="off" value={days} onChange={(event) => setDays(event.target.value)} className="field max-w-32" />
          )}
        </Field>
        {problem !== null && !isShownAtField && <ErrorNote error={problem} isCompact />}
      </form>
    </Dialog>
  );
}
