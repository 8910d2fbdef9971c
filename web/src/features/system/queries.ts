/** What the system page asks for, and how often. */
import { queryOptions } from '@tanstack/react-query';
import { api, take, type Schemas } from '@/api/client';
import { ApiProblem } from '@/api/problem';
import { fetchPath } from '@/api/transport';

export type Health = Schemas['SystemHealth'];
export type Queue = Schemas['QueueModel'];
export type Workers = Schemas['WorkerList'];
export type Allowance = Schemas['AllowanceModel'];
export type ErrorGroup = Schemas['ErrorGroup'];

const OFTEN_MS = 5000;
const SELDOM_MS = 30_000;

function isHealth(value: unknown): value is Health {
  return typeof value === 'object' && value !== null && 'dependencies' in value && Array.isArray(value.dependencies);
}

/** The health in an answer: with a dependency down it comes with 503, and says which. Raises ApiProblem. */
export async function readHealth(answer: Promise<Response>): Promise<Health> {
  let found: unknown;
  try {
    found = await (await answer).json();
  } catch (error) {
    if (!(error instanceof ApiProblem) || !isHealth(error.details)) throw error;
    found = error.details;
  }
  if (!isHealth(found)) throw new ApiProblem({ code: 'UNREADABLE_ANSWER', message: 'HTTP 200' });
  return found;
}

export const healthQuery = queryOptions({
  queryKey: ['system', 'health'],
  queryFn: ({ signal }) => readHealth(fetchPath('/api/v1/system/health', { signal }, { retries: 0 })),
  refetchInterval: OFTEN_MS,
});

export const queueQuery = queryOptions({
  queryKey: ['system', 'queue'],
  queryFn: ({ signal }) => take(api.GET('/api/v1/system/queue', { signal })),
  refetchInterval: OFTEN_MS,
});

export const workersQuery = queryOptions({
  queryKey: ['system', 'workers'],
  queryFn: ({ signal }) => take(api.GET('/api/v1/system/workers', { signal })),
  refetchInterval: OFTEN_MS,
});

/** In words, so it is another answer in another language. */
export function errorsQuery(language: string) {
  return queryOptions({
    queryKey: ['system', 'errors', language],
    queryFn: ({ signal }) => take(api.GET('/api/v1/system/errors', { signal })),
    refetchInterval: SELDOM_MS,
  });
}

export const quotaQuery = queryOptions({
  queryKey: ['system', 'quota'],
  queryFn: ({ signal }) => take(api.GET('/api/v1/quota', { signal })),
  refetchInterval: OFTEN_MS,
});

export const retentionQuery = queryOptions({
  queryKey: ['system', 'retention'],
  queryFn: ({ signal }) => take(api.GET('/api/v1/admin/retention', { signal })),
});

const NEAR_SHARE = 0.8;

/** How much of a limit is used, 0 to 100, and whether it is far, near or reached; null: there is no limit. */
export function shareOf({ used, limit }: Allowance['tasks_in_flight']): { readonly percent: number; readonly mark: 'far' | 'near' | 'reached' } | null {
  if (limit === null) return null;
  const share = limit > 0 ? Math.min(1, used / limit) : 1;
  return { percent: 100 * share, mark: share >= 1 ? 'reached' : share >= NEAR_SHARE ? 'near' : 'far' };
}

/** Whether others may take its tasks: its last beat is older than a lease. */
export function isLate(worker: Workers['workers'][number], leaseS: number): boolean {
  return worker.running > 0 && (worker.last_beat_age_s ?? 0) > leaseS;
}

/** A worker that hears of a task takes it within a second or so. */
const PATIENCE_S = 10;

/** Tasks wait longer than any worker would let them, and none holds a task or did lately. */
export function isStuck(queue: Queue, workers: Workers): boolean {
  return (queue.oldest_wait_s ?? 0) > PATIENCE_S && workers.workers.length === 0;
}
