/** What the page that is open adds to the command palette. */
import type { ReactNode } from 'react';
import { useEffect, useSyncExternalStore } from 'react';

export interface Command {
  readonly key: string;
  readonly label: string;
  readonly icon?: ReactNode;
  readonly run: () => void;
}

let commands: readonly Command[] = [];
const listeners = new Set<() => void>();

function set(next: readonly Command[]): void {
  commands = next;
  for (const listener of listeners) listener();
}

/** Offer commands while the component stands. Keep the array stable (useMemo). */
export function useCommands(offered: readonly Command[]): void {
  useEffect(() => {
    set([...commands, ...offered]);
    return () => set(commands.filter((one) => !offered.includes(one)));
  }, [offered]);
}

export function usePageCommands(): readonly Command[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => commands,
  );
}
