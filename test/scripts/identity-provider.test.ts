import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import * as oidc from 'openid-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../../scripts/servers/ports.ts';
import { startProcess, waitUntilReady, type RunningProcess } from '../../scripts/servers/process.ts';
import { root } from '../../scripts/servers/root.ts';

const DEMO_KEY = 'key-of-the-demo';

/** Takes requests as the API does. The browser of the test stops before it. */
const api = http.createServer((request, response) => void takeRequest(request, response));
const received: { readonly token: string; readonly body: string }[] = [];
let consoleUrl: string;

async function takeRequest(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  received.push({ token: request.headers.authorization?.slice(7) ?? '', body: await text(request) });
  response.end('{"id":"req_1"}');
}

let folder: string;
let issuer: string;
let provider: RunningProcess;

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keyturn-idp-'));
  issuer = `http://127.0.0.1:${await freePort()}`;
  await new Promise<void>((resolve) => api.listen(0, 'localhost', resolve));
  consoleUrl = `http://localhost:${(api.address() as AddressInfo).port}`;
  provider = await start();
});

afterAll(async () => {
  await provider.stop();
  api.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

it('gives a person who signs in by device flow a token, and not the scope to decide', async () => {
  const config = await discover('keyturn-cli', oidc.None());
  const device = await oidc.initiateDeviceAuthorization(config, { scope: 'openid keyturn:decide' });
  await signInAs('olga', device.user_code);
  const { access_token: token } = await oidc.pollDeviceAuthorizationGrant(config, device);
  expect(await verified(token)).toMatchObject({
    sub: 'olga',
    client_id: 'keyturn-cli',
    scope: expect.not.stringContaining('keyturn:decide'),
  });
});

it('has the demo’s agent make a request for the console alone, and leads back to it', async () => {
  const post = (query: string, method = 'POST') =>
    fetch(`${issuer}/demo/request${query}`, { method, redirect: 'manual' });
  for (const query of ['', '?key=', '?key=another-key-of-it']) expect((await post(query)).status).toBe(403);
  expect((await post(`?key=${DEMO_KEY}`, 'GET')).status).toBe(403);
  expect(received).toEqual([]);
  const made = await post(`?key=${DEMO_KEY}`);
  expect([made.status, made.headers.get('location')]).toEqual([303, `${consoleUrl}/requests/req_1`]);
  const [{ token, body } = { token: '', body: '' }] = received;
  expect(await verified(token)).toMatchObject({ sub: 'agent-billing', client_id: 'agent-billing' });
  expect(JSON.parse(body)).toMatchObject({ action: 'postgres.execute', target: 'shop-production' });
});

it('signs a person in with a browser, the one who is expected first in its list', async () => {
  const config = await discover('keyturn-console', oidc.None());
  const verifier = oidc.randomPKCECodeVerifier();
  const begun = oidc.buildAuthorizationUrl(config, {
    redirect_uri: `${consoleUrl}/sign-in/callback`,
    scope: 'openid',
    state: 'state',
    nonce: 'nonce',
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    login_hint: 'olga',
  });
  const browser = newBrowser();
  const people = await browser(`${begun.pathname}${begun.search}`);
  expect(/name="person" value="([^"]*)"/.exec(people.html)?.[1]).toBe('olga');
  const back = await browser(people.path, { person: 'olga' });
  const tokens = await oidc.authorizationCodeGrant(config, new URL(back.path), {
    pkceCodeVerifier: verifier,
    expectedState: 'state',
    expectedNonce: 'nonce',
  });
  expect(tokens.claims()).toMatchObject({ sub: 'olga', aud: 'keyturn-console' });
  // The next one at the same browser may be somebody else; `prompt=none` asks nobody.
  const again = await browser(`${begun.pathname}${begun.search}`);
  expect(again.html).toContain('name="person"');
  const silent = await browser(`${begun.pathname}${begun.search}&prompt=none`);
  expect(new URL(silent.path).searchParams.has('code')).toBe(true);
});

it('gives an agent a token by client credentials, never with the scope to decide', async () => {
  const config = await discover('agent-billing', oidc.ClientSecretBasic(secretOf('agent-billing')));
  const { access_token: token } = await oidc.clientCredentialsGrant(config, { scope: 'keyturn:decide' });
  const claims = await verified(token);
  expect(claims).toMatchObject({ sub: 'agent-billing', client_id: 'agent-billing' });
  expect(claims['scope'] ?? '').not.toContain('keyturn:decide');
});

it('names the person as subject and the agent as actor when an agent acts for somebody', async () => {
  const { body } = await demoToken({
    client_id: 'agent-assistant',
    client_secret: secretOf('agent-assistant'),
    on_behalf_of: 'ada',
  });
  expect(await verified(body.access_token)).toMatchObject({ sub: 'ada', act: { sub: 'agent-assistant' } });
});

it.each([
  ['an unknown person', { person: 'nobody' }],
  ['a wrong secret', { client_id: 'agent-billing', client_secret: 'guess' }],
  ['an agent that is none', { client_id: '__proto__', client_secret: 'x' }],
  ['no object', []],
])('refuses %s', async (_what, body) => {
  expect((await demoToken(body)).status).toBe(401);
});

it('keeps keys and secrets over a restart, so that old tokens stay good', async () => {
  const { body } = await demoToken({ person: 'olga' });
  const secret = secretOf('agent-billing');
  await provider.kill9();
  provider = await start();
  expect(await verified(body.access_token)).toMatchObject({ sub: 'olga' });
  expect(secretOf('agent-billing')).toBe(secret);
});

it('answers under no other name than its own', async () => {
  const other = await fetch(`${issuer.replace('127.0.0.1', 'localhost')}/demo/token`, { method: 'POST' });
  expect(other.status).toBe(421);
});

async function start(): Promise<RunningProcess> {
  const running = startProcess({
    name: 'identity provider',
    command: [process.execPath, path.join(root, 'scripts', 'identity-provider.mjs')],
    logFile: path.join(folder, 'log'),
    env: {
      ...process.env,
      KEYTURN_IDP_PORT: new URL(issuer).port,
      KEYTURN_IDP_FOLDER: folder,
      KEYTURN_IDP_CONSOLE: consoleUrl,
      KEYTURN_IDP_DEMO_KEY: DEMO_KEY,
      KEYTURN_IDP_POLICY: path.join(root, 'policies'),
    },
  });
  await waitUntilReady(running, async () => (await fetch(`${issuer}/healthz`)).ok);
  return running;
}

function discover(client: string, authentication: oidc.ClientAuth): Promise<oidc.Configuration> {
  const options = { execute: [oidc.allowInsecureRequests] };
  return oidc.discovery(new URL(issuer), client, undefined, authentication, options);
}

async function verified(token: string): Promise<Record<string, unknown>> {
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));
  const { payload } = await jwtVerify(token, keys, { issuer, audience: 'keyturn' });
  expect(payload.exp).toBe((decodeJwt(token).iat ?? 0) + 3600);
  return payload;
}

interface DemoReply {
  readonly status: number;
  readonly body: { readonly access_token: string };
}

async function demoToken(body: object): Promise<DemoReply> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${issuer}/demo/token`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  return { status: response.status, body: JSON.parse(await response.text()) };
}

function secretOf(agent: string): string {
  const secrets: Record<string, string> = JSON.parse(
    fs.readFileSync(path.join(folder, 'agents.json'), 'utf8'),
  );
  return secrets[agent] ?? '';
}

/** What a browser does: enters the code, confirms it, picks a person. */
async function signInAs(person: string, userCode: string): Promise<void> {
  const browser = newBrowser();
  const entered = await browser('/device');
  const confirm = await browser('/device', { ...fieldsOf(entered.html), user_code: userCode });
  expect(confirm.html).toContain(userCode);
  const people = await browser('/device', fieldsOf(confirm.html));
  expect(people.html).toContain('Who are you today?');
  const done = await browser(people.path, { person });
  expect(done.html).toContain('You are signed in');
}

interface Page {
  readonly path: string;
  readonly html: string;
}

function newBrowser(): (where: string, form?: Record<string, string>) => Promise<Page> {
  const cookies = new Map<string, string>();
  return async (where, form) => {
    let url = new URL(where, issuer);
    let body = form ? new URLSearchParams(form) : undefined;
    for (;;) {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const request = { redirect: 'manual', headers: { cookie } } as const;
      const response = await fetch(url, body ? { ...request, method: 'POST', body } : request);
      for (const line of response.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        cookies.set(name, value);
      }
      const next = response.headers.get('location');
      if (!next) return { path: url.pathname, html: await response.text() };
      url = new URL(next, url);
      if (url.origin === consoleUrl) return { path: url.href, html: '' };
      body = undefined;
    }
  };
}

function fieldsOf(html: string): Record<string, string> {
  const inputs = html.matchAll(/<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"/g);
  return Object.fromEntries([...inputs].map(([, name = '', value = '']) => [name, value]));
}
