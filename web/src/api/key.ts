/** The API key of this tab: sent as a bearer with every request, forgotten when the tab closes. */
import { useSyncExternalStore } from 'react';

const STORAGE_KEY = 'lgma.api-key';
const listeners = new Set<() => void>();

function kept(): string {
  try {
    return sessionStorage.getItem(STORAGE_KEY) ?? '';
  } catch {
    return '';
  }
}

let key = typeof sessionStorage === 'undefined' ? '' : kept();

/** Empty: none. */
export function apiKey(): string {
  return key;
}

/** A header carries visible ASCII only; anything else cannot be a key. */
export function isKey(text: string): boolean {
  return /^[\x21-\x7e]{1,512}$/.test(text);
}

/** Empty takes it back. */
export function setApiKey(next: string): void {
  key = next;
  try {
    if (next === '') sessionStorage.removeItem(STORAGE_KEY);
    else sessionStorage.setItem(STORAGE_KEY, next);
  } catch {
    // Without storage it holds until the page is loaded anew.
  }
  for (const listener of listeners) listener();
}

export function useApiKey(): string {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    apiKey,
  );
}
