import { describe, expect, it } from 'vitest';
import { loginPath, nextPath } from './next';

const HERE = 'https://here.example';

describe('a log-in', () => {
  it.each(['/tasks', '/tasks?status=running', '/tasks/0198#report', '/settings#access'])('leads back to %s', (path) => {
    expect(nextPath(path, HERE)).toBe(path);
  });

  it.each([
    undefined,
    null,
    7,
    '',
    'tasks',
    'https://evil.example/tasks',
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    '/./\\evil.example',
    '/.//evil.example',
    '/x/..//evil.example',
    'javascript:alert(1)',
    ' /tasks',
    '/login?next=/login',
    '/api/v1/tasks',
    '/%',
  ])('never leads elsewhere: %s', (path) => {
    const found = new URL(nextPath(path, HERE), HERE);
    expect(found.origin).toBe(HERE);
    expect(found.pathname.startsWith('//')).toBe(false);
    expect(found.pathname).not.toBe('/login');
  });

  it('is asked for with the way back', () => {
    expect(loginPath('/tasks/x?tab=report')).toBe('/login?next=%2Ftasks%2Fx%3Ftab%3Dreport');
    expect(loginPath('/')).toBe('/login');
  });
});
