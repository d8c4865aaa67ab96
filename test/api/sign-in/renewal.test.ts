import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';

import { startApi, type TestApi } from '../api.ts';
import { begin, Browser, comeBack, ORIGIN, signIn } from './browser.ts';

/** With `prompt=none` a page has the groups of a session seen again without asking the person. */
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

const RENEWAL = { prompt: 'none', return_to: '/v1/me' };

it('makes a new session of the same person, by whom the provider still knows', async () => {
  const { id } = await browser.session();
  const begun = await begin(browser, api.issuer, RENEWAL);
  expect(begun.get('prompt')).toBe('none');
  const page = await comeBack(browser, { issuer: api.issuer, begun, subject: 'olga' });
  expect(page).toMatchObject({ status: 303, location: `${ORIGIN}/v1/me` });
  const after = await browser.session();
  expect([after.status, after.id === id]).toEqual([200, false]);
});

it.each([
  [
    'the provider asks for a sign-in',
    async (begun: URLSearchParams) =>
      browser.get(`/sign-in/callback?error=login_required&state=${begun.get('state')}`),
  ],
  [
    'another person is signed in there',
    async (begun: URLSearchParams) => comeBack(browser, { issuer: api.issuer, begun, subject: 'dmitri' }),
  ],
])('leaves the session as it is where %s', async (_why, answer) => {
  const { id } = await browser.session();
  const page = await answer(await begin(browser, api.issuer, RENEWAL));
  expect(page).toMatchObject({ status: 303, location: `${ORIGIN}/v1/me` });
  expect(await browser.session()).toMatchObject({ status: 200, id });
});

it('signs nobody in silently who is not signed in', async () => {
  expect((await begin(new Browser(api.url), api.issuer, RENEWAL)).get('prompt')).toBeNull();
});

it('with `prompt=login` has the provider ask the person, and say when it did', async () => {
  const begun = await begin(browser, api.issuer, { prompt: 'login' });
  expect([begun.get('prompt'), begun.get('max_age')]).toEqual(['login', '0']);
  const usual = await begin(browser, api.issuer);
  expect([usual.get('prompt'), usual.get('max_age')]).toEqual([null, null]);
  expect((await browser.get('/sign-in?prompt=login')).text).toContain('prompt=login');
});
