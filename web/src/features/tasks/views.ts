/** Views: filters with a name. Some come with the product, others a person keeps in this browser. */
import { useSyncExternalStore } from 'react';
import { isData, list, text } from '@/events/event';
import { keyOf, parseTasksSearch, type TasksSearch } from './search';

export interface SavedView {
  readonly name: string;
  readonly search: TasksSearch;
}

const STORAGE_KEY = 'lgma.views';
const MAX_VIEWS = 20;
export const MAX_NAME_CHARS = 40;

export const BUILT_IN = [
  { key: 'all', search: {} },
  { key: 'active', search: { status: 'pending,running,waiting_input,paused' } },
  { key: 'waiting', search: { status: 'waiting_input' } },
  { key: 'failed', search: { status: 'failed' } },
  { key: 'done', search: { status: 'completed' } },
] as const satisfies readonly { readonly key: string; readonly search: TasksSearch }[];

export function parseViews(raw: string | null): readonly SavedView[] {
  try {
    const kept: unknown = JSON.parse(raw ?? '[]');
    return list(kept)
      .map((one) => ({ name: text(one['name']).trim().slice(0, MAX_NAME_CHARS), search: parseTasksSearch(isData(one['search']) ? { ...one['search'] } : {}) }))
      .filter((one) => one.name !== '')
      .slice(0, MAX_VIEWS);
  } catch {
    return [];
  }
}

/** With another view; one of the same name gives way to it. */
export function withView(views: readonly SavedView[], view: SavedView): readonly SavedView[] {
  return [...views.filter((one) => one.name !== view.name), view].slice(-MAX_VIEWS);
}

function read(): readonly SavedView[] {
  try {
    return parseViews(localStorage.getItem(STORAGE_KEY));
  } catch {
    return [];
  }
}

let current: readonly SavedView[] | null = null;
const listeners = new Set<() => void>();

function set(views: readonly SavedView[]): void {
  current = views;
  for (const listener of listeners) listener();
}

function onStorage(event: StorageEvent): void {
  if (event.key === STORAGE_KEY) set(parseViews(event.newValue));
}

export function keepViews(views: readonly SavedView[]): void {
  set(views);
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(views));
  } catch {
    // Without storage the view holds until the tab closes.
  }
}

export function useSavedViews(): readonly SavedView[] {
  return useSyncExternalStore(
    (listener) => {
      if (listeners.size === 0) addEventListener('storage', onStorage);
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) removeEventListener('storage', onStorage);
      };
    },
    () => (current ??= read()),
  );
}

export function isSameView(a: TasksSearch, b: TasksSearch): boolean {
  return keyOf(a) === keyOf(b);
}
