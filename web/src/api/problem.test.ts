import { describe, expect, it } from 'vitest';
import { parseConfig, socketUrl } from './config';
import { ApiProblem, problemOf } from './problem';

function answer(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers });
}

describe('problemOf', () => {
  it('reads problem+json', async () => {
    const problem = await problemOf(
      answer(
        422,
        { code: 'INVALID_REQUEST', title: 'T', detail: 'D', hint: 'H', errors: [{ field: 'title', code: 'missing', message: 'M' }] },
        { 'x-request-id': 'r1' },
      ),
    );
    expect(problem).toMatchObject({ code: 'INVALID_REQUEST', status: 422, title: 'T', message: 'D', hint: 'H', requestId: 'r1' });
    expect(problem.fields).toEqual([{ field: 'title', code: 'missing', message: 'M' }]);
    expect(problem.isPassing).toBe(false);
  });

  it('reads the envelope of the adapter', async () => {
    const body = { success: false, error_code: 'RATE_LIMITED', message: '太多', details: { limit: 5 } };
    const problem = await problemOf(answer(429, body, { 'retry-after': '7' }));
    expect(problem).toMatchObject({ code: 'RATE_LIMITED', message: '太多', details: { limit: 5 }, retryAfter: 7, isPassing: true });
  });

  it('does not choke on the page of a proxy', async () => {
    const problem = await problemOf(answer(502, '<html>Bad gateway</html>'));
    expect(problem).toBeInstanceOf(ApiProblem);
    expect(problem).toMatchObject({ code: 'UNREADABLE_ANSWER', status: 502, isPassing: true });
  });
});

describe('parseConfig', () => {
  const page = 'https://here.test/tasks';
  it('is relative to the page where nothing is said', () => {
    expect(parseConfig(undefined, page)).toEqual({
      root: '',
      socketUrl: 'wss://here.test/api/v1/mvp2/ws',
      timeoutMs: 10_000,
      retries: 3,
    });
  });
  it('takes another host, with and without the path of the adapter', () => {
    const given = { BASE_URL: 'http://api.test:8000/api/v1/mvp2/', WS_URL: 'ws://api.test/ws', TIMEOUT: '5000', RETRY_ATTEMPTS: 0 };
    expect(parseConfig(given, page)).toEqual({ root: 'http://api.test:8000', socketUrl: 'ws://api.test/ws', timeoutMs: 5000, retries: 0 });
    expect(parseConfig({ BASE_URL: 'http://api.test' }, page).root).toBe('http://api.test');
  });
  it('knows that a socket may be named by an http address', () => {
    expect(socketUrl('http://api.test/ws', page)).toBe('ws://api.test/ws');
  });
});
