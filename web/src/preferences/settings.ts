/**
 * A person's settings on the server, and this browser's copy of them.
 *
 * A browser that never chose takes what the server has; what is chosen here is sent there. Invariant: the choice
 * holds here at once, whether or not the server could be told; `useUnsaved` says where it could not.
 */
import { queryOptions, useQuery, type QueryClient } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';
import { api, take, type Schemas } from '@/api/client';
import { onPreferences, preferences, setPreferences, STORAGE_KEY, type Preferences } from './store';

export type Settings = Schemas['SettingsModel'];
type Shared = Pick<Settings, 'language' | 'theme' | 'density'>;

const PAUSE_MS = 600;

export const settingsQuery = queryOptions({
  queryKey: ['settings'],
  queryFn: ({ signal }) => take(api.GET('/api/v1/settings', { signal })),
  staleTime: 60_000,
});

/** What costs are shown in: the person's choice, or the server's default until it is known. */
export function useCurrency(): string | null {
  return useQuery(settingsQuery).data?.currency ?? null;
}

export function sharedOf({ language, theme, density }: Pick<Preferences, keyof Shared>): Shared {
  return { language, theme, density };
}

/** What differs, to be sent. */
export function changesOf(before: Shared, after: Shared): Partial<Shared> {
  return {
    ...(before.language === after.language ? {} : { language: after.language }),
    ...(before.theme === after.theme ? {} : { theme: after.theme }),
    ...(before.density === after.density ? {} : { density: after.density }),
  };
}

let problem: unknown = null;
const listeners = new Set<() => void>();

function setProblem(next: unknown): void {
  problem = next;
  for (const listener of listeners) listener();
}

/** Why the last choice was not saved on the server; null where it was. */
export function useUnsaved(): unknown {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => problem,
  );
}

export async function saveSettings(queries: QueryClient, changes: Partial<Settings>): Promise<void> {
  // What is absent stays as it is; the generated type wants every field.
  const body = changes as Schemas['SettingsRequest'];
  try {
    queries.setQueryData(settingsQuery.queryKey, await take(api.PUT('/api/v1/settings', { body })));
    setProblem(null);
  } catch (error) {
    setProblem(error);
    throw error;
  }
}

/** Take over what the server has, as after an import. */
export function adopt(settings: Settings): void {
  setPreferences(sharedOf(settings));
}

function hasChosen(): boolean {
  try {
    return localStorage.getItem(STORAGE_KEY) !== null;
  } catch {
    return false;
  }
}

/** Called once, at the start. */
export function startSettings(queries: QueryClient): void {
  let told = sharedOf(preferences());
  let timer: ReturnType<typeof setTimeout> | null = null;
  if (!hasChosen()) {
    queries.fetchQuery(settingsQuery).then(
      (settings) => {
        if (hasChosen()) return;
        told = sharedOf(settings);
        adopt(settings);
      },
      // The defaults hold; the connection's banner speaks of a server that is away.
      () => undefined,
    );
  }
  onPreferences(() => {
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(() => {
      const now = sharedOf(preferences());
      const changes = changesOf(told, now);
      if (Object.keys(changes).length === 0) return;
      saveSettings(queries, changes).then(
        () => {
          told = now;
        },
        () => undefined,
      );
    }, PAUSE_MS);
  });
}
