/**
 * The typed client over our OpenAPI document. Answers are successes or a thrown ApiProblem.
 *
 *     const page = await take(api.GET('/api/v1/tasks', { params: { query: { limit: 50 } } }));
 *     const task = await takeData(api.POST('/api/v1/mvp2/tasks', { body }));
 */
import createClient from 'openapi-fetch';
import { apiConfig } from './config';
import { ApiProblem } from './problem';
import type { components, paths } from './schema';
import { send } from './transport';

export type Schemas = components['schemas'];

export const api = createClient<paths>({
  baseUrl: new URL(apiConfig().root || '/', window.location.href).href,
  fetch: (request) => send(request),
});

const UPLOAD_DEADLINE_MS = 10 * 60_000;

/** Pass as `fetch` where a body is large: `api.POST(path, { …, fetch: patient })`. */
export function patient(request: Request): Promise<Response> {
  return send(request, { deadlineMs: UPLOAD_DEADLINE_MS });
}

/** The body of an answer. Raises ApiProblem. */
export async function take<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<NonNullable<T>> {
  const { data, response } = await call;
  if (data === undefined || data === null) {
    throw new ApiProblem({ code: 'UNREADABLE_ANSWER', message: `HTTP ${response.status}`, status: response.status });
  }
  return data;
}

/** `data` of the adapter's envelope. Raises ApiProblem. */
export async function takeData<T>(call: Promise<{ data?: { data: T }; error?: unknown; response: Response }>): Promise<T> {
  return (await take(call)).data;
}
