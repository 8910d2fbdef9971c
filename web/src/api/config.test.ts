import { describe, expect, it } from 'vitest';
import { parseConfig, withLanguage } from './config';

describe('the address of the socket', () => {
  const page = 'https://tasks.example/tasks?q=x';

  it('carries the chosen language, also where the configuration gives it a query of its own', () => {
    expect(withLanguage(parseConfig(undefined, page).socketUrl, 'en')).toBe('wss://tasks.example/api/v1/mvp2/ws?language=en');
    expect(withLanguage(parseConfig({ WS_URL: 'https://api.example/ws?tenant=a' }, page).socketUrl, 'zh')).toBe('wss://api.example/ws?tenant=a&language=zh');
  });
});
