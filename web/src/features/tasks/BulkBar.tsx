import { Ban, RotateCcw, SignalHigh, Trash2, X } from 'lucide-react';
import { useState } from 'react';
import { useWords } from '@/i18n/words';
import { Button, buttonClass, Confirm, ErrorNote, IconButton, Menu, PriorityMark, toast, type PriorityLevel } from '@/parts';
import { words as partWords } from '@/parts/words';
import { canDo, cancelTask, deleteTask, forEach, retryTask, setPriority, type BulkAction, type Outcome } from './actions';
import type { TaskLoader } from './loader';
import type { TaskRow } from './row';
import { words } from './words';

interface BulkBarProps {
  readonly rows: readonly TaskRow[];
  readonly loader: TaskLoader;
  /** Which stay selected. */
  readonly onSelect: (ids: readonly string[]) => void;
}

/** What can be done to all selected tasks. What fails stays selected, and is said. */
export function BulkBar({ rows, loader, onSelect }: BulkBarProps) {
  const say = useWords(words);
  const sayPart = useWords(partWords);
  const [busy, setBusy] = useState<BulkAction | 'priority' | null>(null);
  const [isAsking, setAsking] = useState(false);
  const [failed, setFailed] = useState<Outcome['failed']>([]);

  const perform = async (name: BulkAction | 'priority', wanted: readonly TaskRow[], call: (row: TaskRow) => Promise<unknown>) => {
    setBusy(name);
    setFailed([]);
    const outcome = await forEach(wanted, call);
    setBusy(null);
    setFailed(outcome.failed);
    onSelect(outcome.failed.map((one) => one.row.id));
    return outcome.done;
  };
  const put = async (told: Promise<TaskRow>) => loader.put(await told);
  const retry = async (wanted: readonly TaskRow[]) => {
    const done = await perform('retry', wanted, (row) => put(retryTask(row.id)));
    if (done.length > 0) toast.done(say('bulk.retried', { count: done.length }));
  };
  const cancel = async () => {
    const wanted = rows.filter((row) => canDo('cancel', row.status));
    const done = await perform('cancel', wanted, (row) => put(cancelTask(row.id)));
    if (done.length > 0) {
      toast.done(say('bulk.cancelled', { count: done.length }), { action: { label: say('bulk.again'), run: () => void retry(done) } });
    }
  };
  const remove = async () => {
    setAsking(false);
    const done = await perform('delete', rows, async (row) => {
      await deleteTask(row.id);
      loader.drop(row.id);
    });
    if (done.length > 0) toast.done(say('bulk.deleted', { count: done.length }));
  };
  const prioritise = async (priority: PriorityLevel) => {
    const before = rows.filter((row) => row.priority !== priority);
    const done = await perform('priority', before, (row) => put(setPriority(row.id, priority)));
    if (done.length === 0) return;
    toast.done(say('bulk.prioritised', { count: done.length, word: sayPart(`priority.${priority}`) }), {
      undo: () =>
        void perform('priority', done, (row) => put(setPriority(row.id, row.priority))).then((restored) => {
          if (restored.length > 0) toast.done(say('bulk.restored', { count: restored.length }));
        }),
    });
  };

  const first = failed[0];
  if (rows.length === 0 && first === undefined) return null;
  const cancellable = rows.filter((row) => canDo('cancel', row.status));
  const retriable = rows.filter((row) => canDo('retry', row.status));
  const isBusy = busy !== null;
  return (
    <>
      <div className="pointer-events-none fixed inset-x-3 bottom-17 z-40 flex flex-col items-center gap-2 md:bottom-5">
        {first !== undefined && (
          <div className="pointer-events-auto w-full max-w-2xl rounded-card bg-surface shadow-float">
            <p className="px-3 pt-2 text-sm font-medium">{say('bulk.partly', { count: failed.length })}</p>
            <ErrorNote error={first.problem} isCompact className="m-2" />
          </div>
        )}
        {rows.length > 0 && (
          <div
            role="toolbar"
            aria-label={say('bulk.label')}
            className="appear pointer-events-auto flex max-w-full flex-wrap items-center justify-center gap-1.5 rounded-card border border-line bg-surface p-1.5 pl-3.5 shadow-float"
          >
            <span role="status" className="mr-2 font-medium whitespace-nowrap">
              {say('select.count', { count: rows.length })}
            </span>
            <Menu
              label={say('bulk.priority')}
              triggerClass={buttonClass('plain', 'small')}
              trigger={
                <>
                  <SignalHigh size={14} aria-hidden />
                  {say('bulk.priority')}
                </>
              }
              items={([4, 3, 2, 1] as const).map((priority) => ({
                key: String(priority),
                label: sayPart(`priority.${priority}`),
                icon: (
                  <span aria-hidden="true">
                    <PriorityMark priority={priority} isWordShown={false} />
                  </span>
                ),
                isDisabled: isBusy,
                onSelect: () => void prioritise(priority),
              }))}
            />
            {cancellable.length > 0 && (
              <Button size="small" icon={<Ban size={14} aria-hidden />} isBusy={busy === 'cancel'} disabled={isBusy} onClick={() => void cancel()}>
                {say('bulk.cancel')}
                {cancellable.length < rows.length && ` (${cancellable.length})`}
              </Button>
            )}
            {retriable.length > 0 && (
              <Button size="small" icon={<RotateCcw size={14} aria-hidden />} isBusy={busy === 'retry'} disabled={isBusy} onClick={() => void retry(retriable)}>
                {say('bulk.retry')}
                {retriable.length < rows.length && ` (${retriable.length})`}
              </Button>
            )}
            <Button size="small" kind="danger" icon={<Trash2 size={14} aria-hidden />} isBusy={busy === 'delete'} disabled={isBusy} onClick={() => setAsking(true)}>
              {say('bulk.delete')}
            </Button>
            <IconButton
              size="small"
              label={say('select.none')}
              icon={<X size={15} aria-hidden />}
              onClick={() => {
                setFailed([]);
                onSelect([]);
              }}
            />
          </div>
        )}
      </div>
      <Confirm
        isOpen={isAsking}
        title={say('delete.title', { count: rows.length })}
        verb={say('delete.verb')}
        isDanger
        onConfirm={() => void remove()}
        onClose={() => setAsking(false)}
      >
        <p>{say('delete.text')}</p>
        <ul className="mt-2 max-h-40 overflow-auto text-muted">
          {rows.slice(0, 5).map((row) => (
            <li key={row.id} className="truncate">
              {row.title}
            </li>
          ))}
          {rows.length > 5 && <li>…</li>}
        </ul>
      </Confirm>
    </>
  );
}
