/** Says why something is not offered, and what to do about it. */
import { Lock } from 'lucide-react';
import { lastIdentity, type Permission } from '@/api/access';
import { words as loginWords } from '@/features/login/words';
import { useWords } from '@/i18n/words';
import { cx, EmptyState } from '@/parts';
import { words } from './words';

function useReason(permission: Permission): string {
  const say = useWords(words);
  const sayLogin = useWords(loginWords);
  const identity = lastIdentity();
  const what = say(`may.${permission}`);
  return identity === null ? say('not.nobody', { what }) : say('not.text', { what, role: sayLogin(`role.${identity.role}`) });
}

/** A line in the place of actions. */
export function NotAllowed({ permission, className }: { readonly permission: Permission; readonly className?: string }) {
  const reason = useReason(permission);
  return (
    <p className={cx('flex items-start gap-1.5 text-sm text-muted', className)}>
      <Lock size={14} aria-hidden className="mt-[3px] shrink-0" />
      <span>{reason}</span>
    </p>
  );
}

/** In the place of a whole page. */
export function Denied({ title, permission }: { readonly title: string; readonly permission: Permission }) {
  const reason = useReason(permission);
  return (
    <EmptyState level={1} icon={<Lock size={22} aria-hidden />} title={title}>
      {reason}
    </EmptyState>
  );
}
