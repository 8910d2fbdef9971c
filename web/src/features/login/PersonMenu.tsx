/** Who is logged in, and the way out. Nothing where the server asks nobody. */
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { CircleUserRound, KeyRound, LogOut } from 'lucide-react';
import { accessQuery, lastIdentity, type Identity } from '@/api/access';
import { useWords } from '@/i18n/words';
import { Menu, toast, type MenuItem } from '@/parts';
import { logOut } from './session';
import { words } from './words';

const KEY = /^key:/;

export function PersonMenu() {
  const say = useWords(words);
  const navigate = useNavigate();
  const { data } = useQuery(accessQuery);
  const identity: Identity | null = data?.identity ?? lastIdentity();
  if (data?.is_required !== true || identity === null) return null;
  const name = identity.means === 'key' ? say('menu.key', { name: identity.name.replace(KEY, '') }) : identity.name;
  const items: MenuItem[] = [
    ...(identity.permissions.includes('access:manage')
      ? [
          {
            key: 'access',
            label: say('menu.access'),
            icon: <KeyRound size={15} aria-hidden />,
            onSelect: () => void navigate({ to: '/settings', hash: 'access' }),
          },
        ]
      : []),
    // A token that a gateway adds to every request is not ours to end.
    ...(identity.means === 'token'
      ? []
      : [
          {
            key: 'out',
            label: say('out'),
            icon: <LogOut size={15} aria-hidden />,
            onSelect: () => void logOut().catch((error: unknown) => toast.failed(error)),
          },
        ]),
  ];
  return (
    <Menu
      label={say('menu', { name })}
      align="end"
      triggerClass="inline-flex h-[34px] max-w-40 shrink-0 items-center gap-1.5 rounded-control px-1.5 text-muted hover:bg-hover hover:text-text"
      trigger={
        <>
          <CircleUserRound size={19} aria-hidden className="shrink-0" />
          <span className="hidden min-w-0 truncate lg:inline">{name}</span>
        </>
      }
      head={
        <div className="max-w-64 px-2.5 pt-1.5 pb-2">
          <p className="truncate font-medium" title={name}>
            {name}
          </p>
          <dl className="mt-1 grid grid-cols-[max-content_minmax(0,1fr)] gap-x-3 text-sm">
            <dt className="text-muted">{say('menu.role')}</dt>
            <dd>{say(`role.${identity.role}`)}</dd>
            <dt className="text-muted">{say('menu.tenant')}</dt>
            <dd className="truncate" title={identity.tenant}>
              {identity.tenant}
            </dd>
          </dl>
        </div>
      }
      items={items}
    />
  );
}
