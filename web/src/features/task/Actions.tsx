/** What a person may do to a task; what cannot be undone is asked about first. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { CheckCheck, CircleSlash, Ellipsis, Pause, Play, RotateCcw, RotateCw, Trash2 } from 'lucide-react';
import { useId, useMemo, useState, type ReactNode } from 'react';
import { useMay } from '@/api/access';
import { api, take } from '@/api/client';
import type { Status } from '@/events/status';
import { NotAllowed } from '@/features/access/NotAllowed';
import { useCommands } from '@/frame/commands';
import { useWords } from '@/i18n/words';
import { Button, buttonClass, Confirm, ErrorNote, Menu, toast, type MenuItem } from '@/parts';
import { words } from './words';

export type Action = 'pause' | 'resume' | 'cancel' | 'retry' | 'reopen' | 'complete' | 'delete';

/** What the server allows in each status, the main ones first. */
export const ALLOWED: Readonly<Record<Status, readonly Action[]>> = {
  pending: ['pause', 'cancel', 'complete', 'delete'],
  running: ['pause', 'cancel', 'complete', 'delete'],
  waiting_input: ['pause', 'cancel', 'complete', 'delete'],
  paused: ['resume', 'cancel', 'complete', 'delete'],
  completed: ['reopen', 'delete'],
  failed: ['retry', 'reopen', 'complete', 'delete'],
  cancelled: ['retry', 'reopen', 'delete'],
};
const NOTHING: readonly Action[] = [];
const SHOWN: readonly Action[] = ['pause', 'resume', 'cancel', 'retry', 'reopen'];
const ASKED = ['cancel', 'reopen', 'complete', 'delete'] as const;
type Asked = (typeof ASKED)[number];

const ICONS: Readonly<Record<Action, ReactNode>> = {
  pause: <Pause size={15} aria-hidden />,
  resume: <Play size={15} aria-hidden />,
  cancel: <CircleSlash size={15} aria-hidden />,
  retry: <RotateCw size={15} aria-hidden />,
  reopen: <RotateCcw size={15} aria-hidden />,
  complete: <CheckCheck size={15} aria-hidden />,
  delete: <Trash2 size={15} aria-hidden />,
};

async function perform(taskId: string, action: Action, note: string): Promise<boolean> {
  const params = { path: { task_id: taskId } };
  switch (action) {
    case 'pause':
      return (await take(api.POST('/api/v1/tasks/{task_id}/pause', { params }))).status === 'paused';
    case 'cancel':
      return (await take(api.POST('/api/v1/tasks/{task_id}/cancel', { params }))).status === 'cancelled';
    case 'resume':
      await take(api.POST('/api/v1/tasks/{task_id}/resume', { params }));
      return true;
    case 'retry':
      await take(api.POST('/api/v1/tasks/{task_id}/retry', { params }));
      return true;
    case 'reopen':
      await take(api.POST('/api/v1/tasks/{task_id}/reopen', { params }));
      return true;
    case 'complete':
      await take(api.POST('/api/v1/tasks/{task_id}/complete', { params, body: { note: note.trim() || null } }));
      return true;
    case 'delete':
      await api.DELETE('/api/v1/tasks/{task_id}', { params });
      return true;
  }
}

interface ActionsProps {
  readonly taskId: string;
  readonly status: Status;
  /** A wish to stop is recorded already. */
  readonly isStopping: boolean;
}

export function Actions({ taskId, status, isStopping }: ActionsProps) {
  const say = useWords(words);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const noteId = useId();
  const [asked, setAsked] = useState<Asked | null>(null);
  const [note, setNote] = useState('');
  const { mutate, isPending, variables, error, reset } = useMutation({
    mutationFn: (action: Action) => perform(taskId, action, note),
    onSuccess: (isSettled, action) => {
      if (action === 'delete') {
        toast.done(say('did.delete'));
        void navigate({ to: '/tasks' });
        return;
      }
      if (!isSettled && action === 'pause') toast.done(say('did.pausing'));
      else if (!isSettled && action === 'cancel') toast.done(say('did.cancelling'));
      else toast.done(say(`did.${action}`));
    },
    onSettled: (_isSettled, _error, action) => {
      setAsked(null);
      if (action !== 'delete') void queries.invalidateQueries({ queryKey: ['task', taskId] });
    },
  });
  const isMine = useMay()('tasks:write');
  const allowed = isMine ? ALLOWED[status] : NOTHING;
  const start = useMemo(
    () => (action: Action) => {
      reset();
      const one = ASKED.find((item) => item === action);
      if (one) setAsked(one);
      else mutate(action);
    },
    [mutate, reset],
  );
  useCommands(
    useMemo(
      () => allowed.map((action) => ({ key: `task-${action}`, label: say(`act.${action}`), icon: ICONS[action], run: () => start(action) })),
      [allowed, say, start],
    ),
  );
  const more: MenuItem[] = allowed
    .filter((action) => !SHOWN.includes(action))
    .map((action) => ({
      key: action,
      label: say(`act.${action}`),
      icon: ICONS[action],
      isDanger: action === 'delete',
      onSelect: () => start(action),
    }));
  if (!isMine) return <NotAllowed permission="tasks:write" />;
  return (
    <>
      <div className="flex flex-wrap items-center gap-2">
        {allowed
          .filter((action) => SHOWN.includes(action))
          .map((action, at) => (
            <Button
              key={action}
              kind={at === 0 && (action === 'resume' || action === 'retry') ? 'primary' : 'plain'}
              icon={ICONS[action]}
              isBusy={isPending && variables === action}
              disabled={isPending || (isStopping && (action === 'pause' || action === 'cancel'))}
              onClick={() => start(action)}
            >
              {say(`act.${action}`)}
            </Button>
          ))}
        <Menu label={say('act.more')} items={more} align="end" trigger={<Ellipsis size={17} aria-hidden />} triggerClass={`${buttonClass('plain')} px-2!`} />
      </div>
      {error && (
        <ErrorNote
          error={error}
          isCompact
          className="w-full"
          onRetry={() => {
            reset();
            void queries.invalidateQueries({ queryKey: ['task', taskId] });
          }}
        />
      )}
      {ASKED.map((action) => (
        <Confirm
          key={action}
          isOpen={asked === action}
          title={say(`${action}.title`)}
          verb={say(`act.${action}`)}
          isDanger={action === 'cancel' || action === 'delete'}
          isBusy={isPending}
          onConfirm={() => mutate(action)}
          onClose={() => setAsked(null)}
        >
          <p className="text-muted">{say(`${action}.text`)}</p>
          {action === 'complete' && (
            <div className="mt-3">
              <label htmlFor={noteId} className="mb-1 block text-sm font-medium">
                {say('complete.note')}
              </label>
              <input id={noteId} className="field" value={note} maxLength={500} onChange={(event) => setNote(event.target.value)} />
            </div>
          )}
        </Confirm>
      ))}
    </>
  );
}
