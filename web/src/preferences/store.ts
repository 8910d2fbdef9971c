/** What a person chose for this browser: language, theme, density, the width of the rail. Kept in localStorage. */
import { useSyncExternalStore } from 'react';

export type Language = 'zh' | 'en';
export type Theme = 'light' | 'dark' | 'system';
export type Density = 'comfortable' | 'compact';

export interface Preferences {
  readonly language: Language;
  readonly theme: Theme;
  readonly density: Density;
  readonly isRailNarrow: boolean;
}

/** `public/first.js` reads the same key before the first paint. */
export const STORAGE_KEY = 'lgma.preferences';
const DEFAULTS: Preferences = { language: 'zh', theme: 'system', density: 'comfortable', isRailNarrow: false };

function oneOf<T extends string>(value: unknown, known: readonly T[], otherwise: T): T {
  return known.find((item) => item === value) ?? otherwise;
}

export function parsePreferences(raw: string | null): Preferences {
  let kept: Record<string, unknown> = {};
  try {
    const value: unknown = JSON.parse(raw ?? '{}');
    if (typeof value === 'object' && value !== null) kept = value as Record<string, unknown>;
  } catch {
    return DEFAULTS;
  }
  return {
    language: oneOf(kept['language'], ['zh', 'en'], DEFAULTS.language),
    theme: oneOf(kept['theme'], ['light', 'dark', 'system'], DEFAULTS.theme),
    density: oneOf(kept['density'], ['comfortable', 'compact'], DEFAULTS.density),
    isRailNarrow: kept['isRailNarrow'] === true,
  };
}

function readStorage(): string | null {
  try {
    return localStorage.getItem(STORAGE_KEY);
  } catch {
    return null;
  }
}

let current = parsePreferences(readStorage());
const listeners = new Set<() => void>();

function apply(): void {
  const root = document.documentElement;
  if (current.theme === 'system') delete root.dataset['theme'];
  else root.dataset['theme'] = current.theme;
  if (current.density === 'compact') root.dataset['density'] = 'compact';
  else delete root.dataset['density'];
  root.lang = current.language === 'zh' ? 'zh-CN' : 'en';
}

function take(next: Preferences): void {
  current = next;
  apply();
  for (const listener of listeners) listener();
}

export function preferences(): Preferences {
  return current;
}

export function setPreferences(changes: Partial<Preferences>): void {
  take({ ...current, ...changes });
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(current));
  } catch {
    // Without storage the choice holds until the tab closes.
  }
}

export function onPreferences(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function usePreferences(): Preferences {
  return useSyncExternalStore(onPreferences, preferences);
}

/** Follow what other tabs choose. Called once, at the start. */
export function startPreferences(): void {
  apply();
  addEventListener('storage', (event) => {
    if (event.key === STORAGE_KEY) take(parsePreferences(event.newValue));
  });
}
