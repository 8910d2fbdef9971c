import { useId } from 'react';
import { words as loginWords } from '@/features/login/words';
import { useWords } from '@/i18n/words';
import { ROLES, type Role } from './data';
import { words } from './words';

/** One of the roles, each with what it is for. */
export function RoleChoice({ value, onChange }: { readonly value: Role; readonly onChange: (role: Role) => void }) {
  const say = useWords(words);
  const sayLogin = useWords(loginWords);
  const name = useId();
  return (
    <fieldset>
      <legend className="mb-1 text-sm font-medium">{say('role')}</legend>
      <div className="divide-y divide-line rounded-control border border-line">
        {ROLES.map((role) => (
          <label key={role} className="flex items-baseline gap-2.5 px-3 py-1.5">
            <input type="radio" name={name} value={role} checked={role === value} onChange={() => onChange(role)} className="accent-accent" />
            <span className="w-16 shrink-0 font-medium">{sayLogin(`role.${role}`)}</span>
            <span className="min-w-0 text-sm text-muted">{say(`role.${role}.about`)}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
