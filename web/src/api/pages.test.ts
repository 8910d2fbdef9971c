import { describe, expect, it } from 'vitest';
import { ApiProblem } from './problem';
import { whileReachable } from './pages';

const GONE = new TypeError('Failed to fetch dynamically imported module: /assets/page-1.js');
const failing = () => Promise.reject(GONE);

describe('the code of a page', () => {
  it('is what the import gives, and nobody is asked whether the server is there', async () => {
    let asked = 0;
    const load = whileReachable(() => Promise.resolve('page'), () => Promise.resolve((asked += 1) > 0));
    expect(await load()).toBe('page');
    expect(asked).toBe(0);
  });

  it('that the server has no more is told as it is: a new version took its place', async () => {
    await expect(whileReachable(failing, () => Promise.resolve(true))()).rejects.toBe(GONE);
  });

  it('that does not come while nobody answers is a lost connection, which reloads nothing', async () => {
    const problem = await whileReachable(failing, () => Promise.resolve(false))().catch((error: unknown) => error);
    expect(problem).toBeInstanceOf(ApiProblem);
    expect(problem).toMatchObject({ code: 'OFFLINE', status: 0, cause: GONE });
    expect((problem as ApiProblem).message).not.toMatch(/^Failed to fetch dynamically/);
  });

  it('is asked for again after it failed', async () => {
    let calls = 0;
    const load = whileReachable(() => ((calls += 1) === 1 ? failing() : Promise.resolve('page')), () => Promise.resolve(false));
    await expect(load()).rejects.toBeInstanceOf(ApiProblem);
    expect(await load()).toBe('page');
  });
});
