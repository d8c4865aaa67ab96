import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { cookieValues } from '../../../apps/api/auth/session-cookie.ts';
import { createLimits } from '../../../apps/api/http/limits.ts';
import { startApi, type TestApi } from '../api.ts';
import { Browser, signIn } from './browser.ts';

const COOKIE = 'keyturn-7080';

let api: TestApi;
let browser: Browser;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});
beforeEach(async () => {
  browser = await signIn(api, 'olga');
});

it('pages let browsers send the Origin of their forms: with `no-referrer` it would be null', async () => {
  expect((await browser.get('/')).headers.get('referrer-policy')).toBe('same-origin');
});

describe('a post to /sign-out', () => {
  it('without the cookie, which other sites cannot send along, takes none away', async () => {
    const answer = await fetch(`${api.url}/sign-out`, {
      method: 'POST',
      body: new URLSearchParams(),
      redirect: 'manual',
      headers: { origin: 'https://evil.example' },
    });
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([303, []]);
  });
});

describe('a cookie', () => {
  // A neighbouring domain may set it: to a browser it has no prefix.
  it('whose name starts with a space that HTTP does not know is another one', async () => {
    const secret = browser.cookies.get(COOKIE) ?? '';
    const answer = await fetch(`${api.url}/v1/me`, { headers: { cookie: `\u00a0${COOKIE}=${secret}` } });
    expect(answer.status).toBe(401);
  });

  it('is found between others, with spaces and tabs around it', () => {
    const headers = { cookie: 'a=1; \tb=2 ;\u00a0b=3;b' };
    expect(cookieValues({ headers } as Parameters<typeof cookieValues>[0], 'b')).toEqual(['2']);
  });
});

describe('callers whom nobody knows', () => {
  const posts = [
    ['GET', '/sign-in'],
    ['POST', '/sign-out'],
    ['POST', '/sign-in/back-channel-logout'],
  ] as const;

  it.each(posts)('are counted by address before anything is read of them: %s %s', async (method, path) => {
    const limits = { ...api.context.limits };
    Object.assign(api.context.limits, createLimits({ ...api.context.settings, ratePerSecond: 0.5 }));
    try {
      // A form is none of this type, which is seen before it is read.
      const form = { body: 'a=b', headers: { 'content-type': 'text/plain' } };
      const send = (): Promise<Response> =>
        fetch(`${api.url}${path}`, { method, redirect: 'manual', ...(method === 'POST' && form) });
      await send();
      const { status, headers } = await send();
      expect([status, headers.get('retry-after')]).toEqual([429, expect.stringMatching(/^\d+$/)]);
    } finally {
      Object.assign(api.context.limits, limits);
    }
  });
});
