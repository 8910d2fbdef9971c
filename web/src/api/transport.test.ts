// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from 'vitest';
import { setPreferences } from '@/preferences/store';
import { send } from './transport';

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('a request', () => {
  it('asks for the chosen language, whatever the browser speaks', async () => {
    const heard: (string | null)[] = [];
    vi.stubGlobal('fetch', (request: Request) => {
      heard.push(request.headers.get('Accept-Language'));
      return Promise.resolve(new Response('{}'));
    });
    for (const language of ['en', 'zh'] as const) {
      setPreferences({ language });
      await send(new Request('http://here.example/api', { headers: { 'Accept-Language': 'fr' } }));
    }
    expect(heard).toEqual(['en', 'zh-CN']);
  });
});
