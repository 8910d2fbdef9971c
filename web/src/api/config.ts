/** `window.API_CONFIG` from `/config.js`: where the API is. Relative to this page unless said otherwise. */

export interface ApiConfig {
  /** What stands before `/api/v1`; empty for the same origin. */
  readonly root: string;
  readonly socketUrl: string;
  readonly timeoutMs: number;
  readonly retries: number;
}

declare global {
  interface Window {
    API_CONFIG?: Partial<Record<'BASE_URL' | 'WS_URL' | 'TIMEOUT' | 'RETRY_ATTEMPTS', unknown>>;
  }
}

const ADAPTER = '/api/v1/mvp2';

function text(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}

function count(value: unknown, otherwise: number): number {
  const number = Number(value);
  return value !== '' && value !== null && Number.isFinite(number) && number >= 0 ? number : otherwise;
}

/** A socket address may come as a path, as http(s) or as ws(s). */
export function socketUrl(value: string, page: string): string {
  const url = new URL(value, page);
  url.protocol = url.protocol.replace(/^http/, 'ws');
  return url.href;
}

/** A browser sends its own languages with a socket: the chosen one goes into the address. */
export function withLanguage(address: string, language: string): string {
  const url = new URL(address);
  url.searchParams.set('language', language);
  return url.href;
}

export function parseConfig(raw: Window['API_CONFIG'], page: string): ApiConfig {
  const base = text(raw?.BASE_URL, ADAPTER).replace(/\/+$/, '');
  return {
    root: base.endsWith(ADAPTER) ? base.slice(0, -ADAPTER.length) : base,
    socketUrl: socketUrl(text(raw?.WS_URL, `${ADAPTER}/ws`), page),
    timeoutMs: Math.max(1000, count(raw?.TIMEOUT, 10_000)),
    retries: Math.min(10, count(raw?.RETRY_ATTEMPTS, 3)),
  };
}

let parsed: ApiConfig | undefined;

export function apiConfig(): ApiConfig {
  parsed ??= parseConfig(window.API_CONFIG, window.location.href);
  return parsed;
}
