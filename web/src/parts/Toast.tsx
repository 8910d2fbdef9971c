/** Tells the result of the person's own action, with a way back where there is one. */
import { X } from 'lucide-react';
import { useSyncExternalStore } from 'react';
import { asProblem } from '@/api/problem';
import { useWords } from '@/i18n/words';
import { Button, IconButton } from './Button';
import { explain } from './ErrorNote';
import { StatusMark } from './StatusMark';
import { words } from './words';

interface Toast {
  readonly id: number;
  readonly kind: 'done' | 'failed';
  readonly text: string;
  readonly action: { readonly label: string | null; readonly run: () => void } | null;
}

const SHOWN_MS = 6000;
const SHOWN_FAILED_MS = 12_000;
const MAX_SHOWN = 3;

let toasts: readonly Toast[] = [];
let newest = 0;
const listeners = new Set<() => void>();

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

function drop(id: number): void {
  set(toasts.filter((one) => one.id !== id));
}

function add(toast: Omit<Toast, 'id'>): void {
  newest += 1;
  const id = newest;
  set([...toasts, { ...toast, id }].slice(-MAX_SHOWN));
  setTimeout(() => drop(id), toast.kind === 'failed' ? SHOWN_FAILED_MS : SHOWN_MS);
}

export const toast = {
  /** `undo` offers the way back; `action` another next step. */
  done(text: string, more: { readonly undo?: () => void; readonly action?: { readonly label: string; readonly run: () => void } } = {}): void {
    const action = more.action ?? (more.undo ? { label: null, run: more.undo } : null);
    add({ kind: 'done', text, action });
  },
  /** What failed, in the words of the problem. */
  failed(error: unknown): void {
    const { title, toDo } = explain(asProblem(error));
    add({ kind: 'failed', text: [title, toDo].filter(Boolean).join(' '), action: null });
  },
};

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function ToastArea() {
  const say = useWords(words);
  const shown = useSyncExternalStore(subscribe, () => toasts);
  return (
    <div aria-live="polite" className="pointer-events-none fixed inset-x-3 bottom-20 z-60 flex flex-col items-center gap-2 md:bottom-5">
      {shown.map((one) => (
        <div
          key={one.id}
          role={one.kind === 'failed' ? 'alert' : 'status'}
          className="appear pointer-events-auto flex max-w-xl items-center gap-2.5 rounded-card border border-line bg-surface py-2 pr-2 pl-3.5 shadow-float"
        >
          <StatusMark status={one.kind === 'done' ? 'completed' : 'failed'} />
          <span className="min-w-0">{one.text}</span>
          {one.action && (
            <Button
              size="small"
              kind="quiet"
              className="text-accent"
              onClick={() => {
                one.action?.run();
                drop(one.id);
              }}
            >
              {one.action.label ?? say('undo')}
            </Button>
          )}
          <IconButton size="small" label={say('dismiss')} icon={<X size={15} aria-hidden />} onClick={() => drop(one.id)} />
        </div>
      ))}
    </div>
  );
}
