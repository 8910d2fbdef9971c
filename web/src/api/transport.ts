/**
 * `fetch` with a deadline, and for GETs with retries while the server is away or busy.
 *
 * Invariant: resolves with a success only; everything else is thrown as ApiProblem, an abort by the caller as it is.
 */
import { locale } from '@/i18n/words';
import { apiConfig } from './config';
import { ApiProblem, problemOf } from './problem';
import { isOfSession, sessionRefused } from './session';

const FIRST_PAUSE_MS = 300;
const MAX_PAUSE_MS = 5000;

export interface Patience {
  readonly deadlineMs?: number;
  readonly retries?: number;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}

/** How long to wait before another attempt: the server's word, else growing and spread. */
export function pauseBefore(attempt: number, problem: ApiProblem, random: () => number): number {
  if (problem.retryAfter !== null) return Math.min(MAX_PAUSE_MS, problem.retryAfter * 1000);
  return Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt) * (0.5 + random() / 2);
}

async function once(request: Request, deadlineMs: number): Promise<Response> {
  const deadline = AbortSignal.timeout(deadlineMs);
  let response: Response;
  try {
    response = await fetch(request, { signal: AbortSignal.any([request.signal, deadline]) });
  } catch (cause) {
    if (request.signal.aborted) throw cause;
    if (deadline.aborted) throw new ApiProblem({ code: 'TIMED_OUT', message: `${deadlineMs} ms`, cause });
    throw new ApiProblem({ code: 'OFFLINE', message: String(cause), cause });
  }
  if (response.ok) return response;
  if (response.status === 401 && isOfSession(request.url)) sessionRefused(request.method !== 'GET');
  throw await problemOf(response);
}

export async function send(given: Request, patience: Patience = {}): Promise<Response> {
  const headers = new Headers(given.headers);
  headers.set('Accept-Language', locale());
  headers.set('X-Requested-With', 'fetch');
  const request = new Request(given, { headers });
  const deadlineMs = patience.deadlineMs ?? apiConfig().timeoutMs;
  const retries = request.method === 'GET' ? (patience.retries ?? apiConfig().retries) : 0;
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await once(attempt < retries ? request.clone() : request, deadlineMs);
    } catch (error) {
      if (!(error instanceof ApiProblem) || !error.isPassing || attempt >= retries) throw error;
      await pause(pauseBefore(attempt, error, Math.random), request.signal);
    }
  }
}

/** A request by path for what is not JSON: artifacts, text, files to download. */
export function fetchPath(path: string, init: RequestInit = {}, patience: Patience = {}): Promise<Response> {
  return send(new Request(new URL(apiConfig().root + path, window.location.href), init), patience);
}
