import http from 'node:http';

import { afterEach, expect, it } from 'vitest';

import { readApiConfiguration } from '../../../configuration/programs.ts';
import { startApi, type TestApi } from '../api.ts';

let api: TestApi | undefined;
afterEach(async () => {
  await api?.stop();
  api = undefined;
});

interface Answer {
  readonly status: number | undefined;
  readonly location: string | undefined;
  readonly hsts: string | undefined;
}

/** A call with headers that `fetch` would not send. */
async function get(path: string, headers: http.OutgoingHttpHeaders): Promise<Answer> {
  return new Promise((resolve, reject) => {
    http
      .get(`${api?.url}${path}`, { headers }, (response) => {
        response.resume();
        const { location, 'strict-transport-security': hsts } = response.headers;
        resolve({ status: response.statusCode, location, hsts });
      })
      .on('error', reject);
  });
}

it('pages are at one address: another name of this machine leads there', async () => {
  api = await startApi({ KEYTURN_PUBLIC_URL: 'http://localhost:7080' });
  const page = await get('/sign-in?login_hint=olga', { host: '127.0.0.1:7080' });
  expect(page).toMatchObject({ status: 307, location: 'http://localhost:7080/sign-in?login_hint=olga' });
  expect((await get('/', { host: 'localhost:7080' })).status).toBe(200);
  // Programs call by whatever name they have.
  expect((await get('/healthz', { host: '127.0.0.1:7080' })).status).toBe(200);
});

it('a proxy says under which name it was called, if it is trusted', async () => {
  const url = { KEYTURN_PUBLIC_URL: 'https://keyturn.example' };
  api = await startApi({ ...url, KEYTURN_TRUSTED_PROXIES: '10.0.0.0/8, 127.0.0.1' });
  const headers = { host: 'inside:7080' };
  const elsewhere = await get('/', { ...headers, 'x-forwarded-host': 'old.example' });
  expect(elsewhere).toMatchObject({ status: 307, location: 'https://keyturn.example/' });
  expect((await get('/', { ...headers, 'x-forwarded-host': 'keyturn.example' })).status).toBe(200);
  // One that changes the name and does not say so would send browsers round in circles.
  expect((await get('/', headers)).status).toBe(200);
  await api.stop();
  api = await startApi(url);
  expect((await get('/', { ...headers, 'x-forwarded-host': 'old.example' })).status).toBe(200);
});

it.each([
  ['https://keyturn.example', /^max-age=\d{8}/],
  ['http://localhost:7080', undefined],
])('at %s browsers are told to come by https: %s', async (url, wanted) => {
  api = await startApi({ KEYTURN_PUBLIC_URL: url });
  const { hsts } = await get('/healthz', {});
  if (wanted === undefined) expect(hsts).toBeUndefined();
  else expect(hsts).toMatch(wanted);
});

it.each(['all', '10.0.0.0/33', '10.0.0.1/', '::1/129', ','])(
  'proxies are addresses and networks, not %j',
  (list) => {
    const read = (): unknown => readApiConfiguration({ KEYTURN_TRUSTED_PROXIES: list });
    expect(read).toThrow(/KEYTURN_TRUSTED_PROXIES: must be addresses or networks/);
  },
);
