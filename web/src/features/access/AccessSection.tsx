/** Settings → Access: keys and users, for who may manage them. */
import { useQuery } from '@tanstack/react-query';
import { accessQuery, useMay } from '@/api/access';
import { Section } from '@/features/settings/Section';
import { useWords } from '@/i18n/words';
import { Keys } from './Keys';
import { Users } from './Users';
import { words } from './words';

export function AccessSection() {
  const say = useWords(words);
  const may = useMay();
  const { data } = useQuery(accessQuery);
  if (data === undefined || !may('access:manage')) return null;
  return (
    <Section id="access" title={say('title')} note={say('note')}>
      {!data.is_required && <p className="rounded-card border border-line bg-sunken px-3.5 py-2.5 text-sm">{say('off')}</p>}
      <Users />
      <Keys />
    </Section>
  );
}
