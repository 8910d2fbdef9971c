/** Recent failures in groups, each with what an operator would type next. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useWords } from '@/i18n/words';
import { Card, Chip, CopyText, ErrorNote, RelativeTime, SkeletonRows, StatusMark } from '@/parts';
import { usePreferences } from '@/preferences/store';
import { errorsQuery, type ErrorGroup } from './queries';
import { words } from './words';

const DAY_S = 86_400;

function Group({ group }: { readonly group: ErrorGroup }) {
  const say = useWords(words);
  return (
    <li className="border-b border-line px-4 py-3.5 last:border-b-0">
      <div className="flex flex-wrap items-baseline gap-x-3 gap-y-1">
        <StatusMark status="failed" className="self-center" />
        <span className="font-medium">{group.error.title}</span>
        <code className="text-muted">{group.code}</code>
        <Chip className="text-xs">{group.agent ?? say('errors.task')}</Chip>
        <span className="w-full text-sm text-muted sm:ml-auto sm:w-auto">
          <span className="font-medium text-text">{say('errors.times', { count: group.count })}</span>
          {' · '}
          {say('errors.last')} <RelativeTime at={group.last_at} />
        </span>
      </div>
      <div className="mt-1 sm:pl-6.5">
        <p>{group.error.detail}</p>
        {group.error.hint !== '' && <p className="text-muted">{group.error.hint}</p>}
        <div className="mt-2 flex flex-wrap items-center gap-x-3 gap-y-2">
          <Link to="/tasks/$taskId" params={{ taskId: group.task_id }} className="link max-w-full truncate text-sm">
            {group.task_title ?? group.task_id}
          </Link>
          <CopyText text={group.command} />
        </div>
      </div>
    </li>
  );
}

export function ErrorsCard() {
  const say = useWords(words);
  const { language } = usePreferences();
  const found = useQuery(errorsQuery(language));
  const days = Math.round((found.data?.window_s ?? 0) / DAY_S);
  return (
    <Card
      title={say('errors')}
      isFlush
      aside={found.data && found.data.errors.length > 0 && <span className="text-sm text-muted">{say('errors.window', { days })}</span>}
    >
      {found.isPending && <SkeletonRows rows={3} />}
      {found.error && (
        <div className="p-4">
          <ErrorNote error={found.error} isCompact onRetry={() => void found.refetch()} />
        </div>
      )}
      {found.data?.errors.length === 0 && (
        <p className="flex items-center gap-2 px-4 pt-1 pb-5">
          <StatusMark status="completed" />
          {say('errors.none', { days })}
        </p>
      )}
      {found.data && found.data.errors.length > 0 && (
        <ul>
          {found.data.errors.map((group) => (
            <Group key={`${group.code}/${group.agent ?? ''}`} group={group} />
          ))}
        </ul>
      )}
    </Card>
  );
}
