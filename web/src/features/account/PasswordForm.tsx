/** One's own new password; the server asks for the one of now and ends the other log-ins. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef, useState, type FormEvent } from 'react';
import { accessQuery } from '@/api/access';
import { api, take } from '@/api/client';
import { asProblem } from '@/api/problem';
import { Field } from '@/features/new-task/Field';
import { useWords } from '@/i18n/words';
import { Button, ErrorNote, toast } from '@/parts';
import { words } from './words';

const EMPTY = { old_password: '', password: '', again: '' };
type Typed = typeof EMPTY;
const FIELDS = ['old_password', 'password', 'again'] as const;

export function PasswordForm({ name }: { readonly name: string }) {
  const say = useWords(words);
  const queries = useQueryClient();
  const form = useRef<HTMLFormElement>(null);
  const [typed, setTyped] = useState<Typed>(EMPTY);
  const [isTried, setTried] = useState(false);
  const { mutate, isPending, error, reset } = useMutation({
    mutationFn: ({ old_password, password }: Typed) => take(api.POST('/api/v1/auth/password', { body: { old_password, password } })),
    onSuccess: (access) => {
      queries.setQueryData(accessQuery.queryKey, access);
      setTyped(EMPTY);
      setTried(false);
      toast.done(say('saved'));
    },
    // A session that ended meanwhile is asked for by the page itself.
    onError: (failed) => asProblem(failed).status === 401 && void queries.invalidateQueries({ queryKey: accessQuery.queryKey }),
  });
  const problem = error === null ? null : asProblem(error);
  const missing: Record<keyof Typed, string | null> = {
    old_password: typed.old_password === '' ? say('need.old') : null,
    password: typed.password === '' ? say('need.next') : null,
    again: typed.again === typed.password ? null : say('differ'),
  };
  const errorsOf = (field: keyof Typed): readonly string[] => {
    const own = isTried ? missing[field] : null;
    return own !== null ? [own] : (problem?.fields.filter((one) => one.field === field).map((one) => one.message) ?? []);
  };
  const isSaid = problem !== null && problem.fields.length > 0 && problem.fields.every((one) => one.field !== 'again' && one.field in EMPTY);
  const change = (field: keyof Typed, value: string) => setTyped((before) => ({ ...before, [field]: value }));
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (isPending) return;
    setTried(true);
    reset();
    const first = FIELDS.find((field) => missing[field] !== null);
    if (first === undefined) mutate(typed);
    else form.current?.querySelector<HTMLInputElement>(`input[name=${first}]`)?.focus();
  };
  const labels = { old_password: say('old'), password: say('next'), again: say('again') };
  return (
    <form ref={form} noValidate onSubmit={onSubmit} aria-label={say('password')} className="max-w-sm space-y-4">
      {/* For password managers: whose password it is. */}
      <input type="text" name="username" autoComplete="username" value={name} readOnly hidden />
      {FIELDS.map((field) => (
        <Field key={field} label={labels[field]} hint={field === 'password' ? say('next.hint') : undefined} errors={errorsOf(field)}>
          {(attributes) => (
            <input
              {...attributes}
              name={field}
              type="password"
              autoComplete={field === 'old_password' ? 'current-password' : 'new-password'}
              maxLength={256}
              value={typed[field]}
              onChange={(event) => change(field, event.target.value)}
              className="field"
            />
          )}
        </Field>
      ))}
      {problem !== null && !isSaid && <ErrorNote error={problem} isCompact />}
      <Button type="submit" isBusy={isPending}>
        {say('save')}
      </Button>
    </form>
  );
}
