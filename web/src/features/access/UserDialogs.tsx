/** Forms on one user: a new one, their role, their password. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent, type ReactNode } from 'react';
import { api, take } from '@/api/client';
import { asProblem } from '@/api/problem';
import { Field } from '@/features/new-task/Field';
import { useWords } from '@/i18n/words';
import { Button, Dialog, ErrorNote, toast } from '@/parts';
import { usersQuery, useUserChange, type Role, type User } from './data';
import { RoleChoice } from './RoleChoice';
import { words } from './words';

interface FormProps {
  readonly title: string;
  readonly verb: string;
  readonly isBusy: boolean;
  readonly error: unknown;
  /** Fields that show what is wrong with them by themselves. */
  readonly own: readonly string[];
  readonly onSubmit: () => void;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

function FormDialog({ title, verb, isBusy, error, own, onSubmit, onClose, children }: FormProps) {
  const problem = error === null ? null : asProblem(error);
  const isSaid = problem !== null && problem.fields.length > 0 && problem.fields.every((one) => own.includes(one.field));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!isBusy) onSubmit();
  };
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title={title}
      width="small"
      actions={
        <Button type="submit" form="user-form" kind="primary" isBusy={isBusy}>
          {verb}
        </Button>
      }
    >
      <form id="user-form" noValidate onSubmit={submit} className="space-y-4">
        {children}
        {problem !== null && !isSaid && <ErrorNote error={problem} isCompact />}
      </form>
    </Dialog>
  );
}

function errorsOf(error: unknown, field: string): readonly string[] {
  return error === null ? [] : asProblem(error).fields.filter((one) => one.field === field).map((one) => one.message);
}

interface PasswordProps {
  readonly value: string;
  readonly error: unknown;
  readonly onChange: (value: string) => void;
}

function Password({ value, error, onChange }: PasswordProps) {
  const say = useWords(words);
  return (
    <Field label={say('users.pass')} hint={say('users.pass.hint')} errors={errorsOf(error, 'password')}>
      {(attributes) => (
        <input
          {...attributes}
          type="password"
          autoComplete="new-password"
          value={value}
          onChange={(event) => onChange(event.target.value)}
          className="field"
        />
      )}
    </Field>
  );
}

export function NewUserDialog({ onClose }: { readonly onClose: () => void }) {
  const say = useWords(words);
  const queries = useQueryClient();
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('user');
  const [password, setPassword] = useState('');
  const { mutate, isPending, error } = useMutation({
    mutationFn: () => take(api.POST('/api/v1/users', { body: { name: name.trim(), role, password } })),
    onSuccess: (user) => {
      onClose();
      toast.done(say('users.added', { name: user.name }));
      void queries.invalidateQueries({ queryKey: usersQuery.queryKey });
    },
  });
  return (
    <FormDialog title={say('users.new')} verb={say('users.add')} isBusy={isPending} error={error} own={['name', 'password']} onSubmit={() => mutate()} onClose={onClose}>
      <Field label={say('users.name')} errors={errorsOf(error, 'name')}>
        {(attributes) => <input {...attributes} autoComplete="off" value={name} onChange={(event) => setName(event.target.value)} className="field" />}
      </Field>
      <Password value={password} error={error} onChange={setPassword} />
      <RoleChoice value={role} onChange={setRole} />
    </FormDialog>
  );
}

function useSaving(onClose: () => void) {
  const say = useWords(words);
  return useUserChange((user) => {
    onClose();
    toast.done(say('users.changed', { name: user.name }));
  });
}

export function RoleDialog({ user, onClose }: { readonly user: User; readonly onClose: () => void }) {
  const say = useWords(words);
  const [role, setRole] = useState(user.role);
  const { mutate, isPending, error } = useSaving(onClose);
  return (
    <FormDialog
      title={say('users.role.title', { name: user.name })}
      verb={say('users.save')}
      isBusy={isPending}
      error={error}
      own={[]}
      onSubmit={() => (role === user.role ? onClose() : mutate({ user, role }))}
      onClose={onClose}
    >
      <RoleChoice value={role} onChange={setRole} />
      <p className="text-sm text-muted">{say('users.ends')}</p>
    </FormDialog>
  );
}

export function PasswordDialog({ user, onClose }: { readonly user: User; readonly onClose: () => void }) {
  const say = useWords(words);
  const [password, setPassword] = useState('');
  const { mutate, isPending, error } = useSaving(onClose);
  return (
    <FormDialog
      title={say('users.password.title', { name: user.name })}
      verb={say('users.save')}
      isBusy={isPending}
      error={error}
      own={['password']}
      onSubmit={() => mutate({ user, password })}
      onClose={onClose}
    >
      <Password value={password} error={error} onChange={setPassword} />
      <p className="text-sm text-muted">{say('users.ends')}</p>
    </FormDialog>
  );
}
