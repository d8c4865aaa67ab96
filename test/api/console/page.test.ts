import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { OPERATIONS } from '../../../contract/operations.ts';
import type { Operation } from '../../../contract/operation.ts';
import type { TestApi } from '../api.ts';
import { ask, HTML, startConsoleApi, type Answer } from './fixture.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startConsoleApi('console-page');
});
afterAll(async () => {
  await api.stop();
});

function directives({ headers }: Answer): readonly string[] {
  return String(headers['content-security-policy']).split('; ');
}

function nonceOf(answer: Answer): string {
  return /'nonce-([\w-]+)'/.exec(directives(answer).join())?.[1] ?? '';
}

describe('the page', () => {
  it.each([
    '/',
    '/inbox',
    '/requests',
    '/requests/req_aaaaaaaaaaaaaaaaaaaaaaaaaa',
    '/mine/',
    '/v1x',
    '/documents',
  ])('is at %s for a browser', async (path) => {
    const answer = await ask(api, path, { headers: HTML });
    expect(answer).toMatchObject({ status: 200, isPage: true });
    expect(answer.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'permissions-policy': 'publickey-credentials-get=(self), publickey-credentials-create=(self)',
    });
  });

  it('is at / for everybody, with a query as well', async () => {
    expect(await ask(api, '/', { headers: { accept: '*/*' } })).toMatchObject({ status: 200, isPage: true });
    expect(await ask(api, '/?q=/v1', {})).toMatchObject({ status: 200, isPage: true });
  });

  it('lets in scripts of its own origin alone, styles with its nonce, and no markup from strings', async () => {
    const answer = await ask(api, '/inbox', { headers: HTML });
    expect(directives(answer)).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      `style-src 'self' 'nonce-${nonceOf(answer)}'`,
      "img-src 'self' data:",
      "font-src 'self'",
      "connect-src 'self'",
      `form-action 'self' ${api.issuer.url} ${api.secondIssuer.url}`,
      "base-uri 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      'trusted-types default',
    ]);
  });

  it('has another nonce in every response, in all places that want it', async () => {
    const answers = await Promise.all([1, 2, 3].map(() => ask(api, '/', { headers: HTML })));
    const nonces = answers.map(nonceOf);
    expect(new Set(nonces).size).toBe(3);
    for (const [index, { bytes }] of answers.entries()) {
      expect(nonces[index]).toMatch(/^[\w-]{22}$/);
      expect(bytes.toString().split(`nonce="${nonces[index]}"`)).toHaveLength(3);
      expect(bytes.toString()).not.toContain('__NONCE__');
    }
  });

  it('cannot be framed, and shares its window with no other site', async () => {
    const { headers } = await ask(api, '/requests', { headers: HTML });
    expect(headers).toMatchObject({
      'x-frame-options': 'DENY',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'same-origin',
    });
  });

  it('has a HEAD without a body', async () => {
    const answer = await ask(api, '/inbox', { method: 'HEAD', headers: HTML });
    expect([answer.status, answer.bytes.length]).toEqual([200, 0]);
    expect(answer.headers['content-type']).toMatch(/^text\/html/);
  });
});

describe('no page, but what there was before', () => {
  it.each([
    ['POST', '/inbox', 404],
    ['DELETE', '/', 405],
    ['GET', '/v1', 404],
    ['GET', '/v1/nothing', 404],
    ['GET', '/V1/requests/x/y', 404],
    ['GET', '/scim', 404],
    ['GET', '/docs/nothing', 404],
    ['GET', '/openapi.json/', 200],
    ['GET', '/sign-in/nothing', 404],
    ['GET', '/sign-out', 405],
    ['GET', '/metrics', 404],
    ['GET', '/readyz/x', 404],
    ['GET', '/.well-known/nothing', 404],
    ['GET', '/assets', 404],
    ['GET', '/assets/', 404],
    ['GET', '/assets/nothing.js', 404],
  ])('for a browser: %s %s is answered %i', async (method, path, status) => {
    expect(await ask(api, path, { method, headers: HTML })).toMatchObject({ status, isPage: false });
  });

  it.each(['application/json', '*/*', 'text/plain, text/htmlx'])(
    'for a program that wants %s',
    async (accept) => {
      expect(await ask(api, '/inbox', { headers: { accept } })).toMatchObject({ status: 404, isPage: false });
    },
  );

  it.each([
    '//evil.example/inbox',
    '/inbox//x',
    '/../inbox',
    '/inbox/../v1/me',
    '/inbox/..',
    '/%2e%2e/inbox',
    '/inbox%2f..%2fv1',
    '/inbox%00',
    '/\\evil.example',
    '/inbox\\..\\v1',
    '/%76%31/me',
    '/inbox;v1',
    '/.env',
    '/requests/.git/config',
  ])('an address that a client could read in two ways is none: %s', async (path) => {
    expect(await ask(api, path, { headers: HTML })).toMatchObject({ status: 404, isPage: false });
  });

  it('a raw control character is no HTTP', async () => {
    const { hostname: host, port } = new URL(api.url);
    const { connect } = await import('node:net');
    const said = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connect(Number(port), host, () =>
        socket.write('GET /in\0box HTTP/1.1\r\nHost: x\r\n\r\n'),
      );
      socket.on('data', (chunk) => (text += String(chunk))).on('close', () => resolve(text));
    });
    expect(said).toMatch(/^HTTP\/1.1 400 /);
  });
});

const operations = Object.values<Operation>(OPERATIONS).map(({ method, path }) => [method, path] as const);

it.each(operations)('takes no answer of the API: %s %s', async (method, path) => {
  const target = path.replaceAll(/\{\w+\}/g, 'x');
  const own = await ask(api, target, { method: method.toUpperCase(), headers: HTML });
  expect(own.isPage).toBe(false);
  expect(own.status).not.toBe(405);
  // Nor does a browser get the page where the API answers another method only.
  expect(await ask(api, target, { headers: HTML })).toMatchObject({ isPage: false });
});

it.each(['/sign-in', '/sign-in/callback', '/docs', '/scim/v2/Users', '/healthz'])(
  'takes no other page, nor what providers and supervisors ask: %s',
  async (path) => {
    expect(await ask(api, path, { headers: HTML })).toMatchObject({ isPage: false });
  },
);

it('is at one address: another name of this machine leads there, from every page of it', async () => {
  const named = await startConsoleApi('console-named', { KEYTURN_PUBLIC_URL: 'http://localhost:7080' });
  try {
    const at = (path: string, host: string): Promise<Answer> =>
      ask(named, path, { headers: { ...HTML, host } });
    const elsewhere = await at('/requests/req_x?tab=plan', '127.0.0.1:7080');
    expect(elsewhere.status).toBe(307);
    expect(elsewhere.headers.location).toBe('http://localhost:7080/requests/req_x?tab=plan');
    expect(await at('/requests/req_x', 'localhost:7080')).toMatchObject({ status: 200, isPage: true });
    // The page has asked for them by their own address.
    expect((await at('/assets/index-A1.js', '127.0.0.1:7080')).status).toBe(200);
    expect((await at('/v1/keys', '127.0.0.1:7080')).status).toBe(200);
  } finally {
    await named.stop();
  }
});
