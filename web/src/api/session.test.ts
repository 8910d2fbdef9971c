// @vitest-environment happy-dom
import { afterEach, expect, it, vi } from 'vitest';
import { onSessionRefused } from './session';
import { send } from './transport';

afterEach(() => {
  vi.unstubAllGlobals();
});

it.each([
  ['GET', '/api/v1/tasks', 401, [false]],
  ['POST', '/api/v1/tasks', 401, [true]],
  ['POST', '/api/v1/auth/login', 401, []],
  ['POST', '/api/v1/tasks', 403, []],
])('an ended session is told of: %s %s with %i', async (method, path, status, told) => {
  const heard: boolean[] = [];
  const stop = onSessionRefused((isChange) => heard.push(isChange));
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('{}', { status })));
  await expect(send(new Request(`http://here.example${path}`, { method }))).rejects.toMatchObject({ status });
  stop();
  expect(heard).toEqual(told);
});
