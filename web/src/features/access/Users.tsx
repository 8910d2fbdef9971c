/** People who may log in. */
import { useQuery } from '@tanstack/react-query';
import { Ellipsis, Plus } from 'lucide-react';
import { useState } from 'react';
import { lastIdentity } from '@/api/access';
import { words as loginWords } from '@/features/login/words';
import { useWords } from '@/i18n/words';
import { Button, buttonClass, Chip, Confirm, DataTable, ErrorNote, Menu, RelativeTime, SkeletonRows, StatusMark, toast } from '@/parts';
import { usersQuery, useUserChange, type User } from './data';
import { NewUserDialog, PasswordDialog, RoleDialog } from './UserDialogs';
import { words } from './words';

type Open = { readonly what: 'new' } | { readonly what: 'role' | 'password' | 'disable'; readonly user: User } | null;

export function Users() {
  const say = useWords(words);
  const sayLogin = useWords(loginWords);
  const found = useQuery(usersQuery);
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const change = useUserChange((user) => {
    close();
    toast.done(say('users.changed', { name: user.name }));
  });
  const enable = (user: User) => change.mutate({ user, is_enabled: true }, { onError: (error) => toast.failed(error) });
  return (
    <section aria-labelledby="access-users">
      <header className="mb-2 flex flex-wrap items-end justify-between gap-x-4 gap-y-2">
        <div className="min-w-0">
          <h3 id="access-users" className="font-semibold">
            {say('users')}
          </h3>
          <p className="text-sm text-muted">{say('users.note')}</p>
        </div>
        <Button size="small" icon={<Plus size={14} aria-hidden />} onClick={() => setOpen({ what: 'new' })}>
          {say('users.new')}
        </Button>
      </header>
      <div className="card overflow-clip">
        {found.isPending && <SkeletonRows rows={2} />}
        {found.error && <ErrorNote error={found.error} isCompact className="m-3" onRetry={() => void found.refetch()} />}
        {found.data && (
          <DataTable
            caption={say('users')}
            rows={found.data}
            keyOf={(user) => user.id}
            empty={<p className="px-4 py-5 text-muted">{say('users.none')}</p>}
            columns={[
              {
                key: 'name',
                head: say('users.name'),
                className: 'min-w-28',
                cell: (user) => (
                  <span className="inline-flex items-center gap-2 font-medium">
                    {user.name}
                    {user.id === lastIdentity()?.id && <Chip className="text-xs">{say('users.you')}</Chip>}
                  </span>
                ),
              },
              { key: 'role', head: say('role'), className: 'whitespace-nowrap', cell: (user) => sayLogin(`role.${user.role}`) },
              {
                key: 'state',
                head: say('state'),
                className: 'whitespace-nowrap',
                cell: (user) => (
                  <StatusMark
                    status={user.is_enabled ? 'completed' : 'cancelled'}
                    show="word"
                    size={12}
                    label={say(user.is_enabled ? 'users.enabled' : 'users.disabled')}
                  />
                ),
              },
              { key: 'created', head: say('created'), className: 'whitespace-nowrap', cell: (user) => <RelativeTime at={user.created_at} /> },
              {
                key: 'actions',
                head: say('actions'),
                cell: (user) => (
                  <Menu
                    label={say('users.menu', { name: user.name })}
                    align="end"
                    trigger={<Ellipsis size={16} aria-hidden />}
                    triggerClass={`${buttonClass('quiet', 'small')} px-1.5!`}
                    items={[
                      { key: 'role', label: say('users.role'), onSelect: () => setOpen({ what: 'role', user }) },
                      { key: 'password', label: say('users.password'), onSelect: () => setOpen({ what: 'password', user }) },
                      user.is_enabled
                        ? {
                            key: 'disable',
                            label: say('users.disable'),
                            isDanger: true,
                            onSelect: () => {
                              change.reset();
                              setOpen({ what: 'disable', user });
                            },
                          }
                        : { key: 'enable', label: say('users.enable'), onSelect: () => enable(user) },
                    ]}
                  />
                ),
              },
            ]}
          />
        )}
      </div>
      {open?.what === 'new' && <NewUserDialog onClose={close} />}
      {open?.what === 'role' && <RoleDialog user={open.user} onClose={close} />}
      {open?.what === 'password' && <PasswordDialog user={open.user} onClose={close} />}
      <Confirm
        isOpen={open?.what === 'disable'}
        title={say('users.disable.title', { name: open?.what === 'disable' ? open.user.name : '' })}
        verb={say('users.disable')}
        isDanger
        isBusy={change.isPending}
        onConfirm={() => {
          if (open?.what === 'disable') change.mutate({ user: open.user, is_enabled: false });
        }}
        onClose={close}
      >
        <p>{say('users.disable.text')}</p>
        {change.error && <ErrorNote error={change.error} isCompact className="mt-3" />}
      </Confirm>
    </section>
  );
}
