/**
 * The code of a page, which the server has as a file of its own.
 *
 * The router answers a file that does not come by loading the whole site anew, which is right where a new version
 * took its place. Invariant: it does so only while the server answers; else the person would be left with the
 * browser's own error page, and what stands on this one would be gone.
 */
import { ApiProblem } from './problem';

const PATIENCE_MS = 5000;

/** Whether the server would answer a reload now. */
export async function isServerThere(): Promise<boolean> {
  try {
    return (await fetch(new URL('/config.js', location.origin), { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE_MS) })).ok;
  } catch {
    return false;
  }
}

export function unreachable(cause?: unknown): ApiProblem {
  return new ApiProblem({ code: 'OFFLINE', message: 'a part of the page did not come', cause });
}

/** `load`, a dynamic import, with ApiProblem OFFLINE in the place of its error while nobody answers. */
export function whileReachable<T>(load: () => Promise<T>, isThere: () => Promise<boolean> = isServerThere): () => Promise<T> {
  return async () => {
    try {
      return await load();
    } catch (cause) {
      if (await isThere()) throw cause;
      throw unreachable(cause);
    }
  };
}
