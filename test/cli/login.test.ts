import { writeFileSync } from 'node:fs';
import { mkdtemp, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { clientOf } from '../../apps/cli/connection.ts';
import { writeSession } from '../../apps/cli/session.ts';
import type { Terminal } from '../../apps/cli/terminal.ts';
import { startServer, type AnsweringServer, type Reply } from '../sdk/server.ts';
import { requestView } from '../sdk/view.ts';
import { keyturn, type CommandResult } from './terminal.ts';

let folder: string;
let issuer: AnsweringServer;
const servers: AnsweringServer[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyturn-login-'));
});

afterEach(async () => {
  await Promise.all([issuer, ...servers.splice(0)].map((server) => server.stop()));
});

/** An issuer with the device flow, whose person needs one more poll to be done. */
async function startIssuer(lastAnswer: Reply | ((poll: number) => Reply), pending = 1): Promise<void> {
  let polls = 0;
  issuer = await startServer((call) => {
    const base = issuer.url;
    if (call.path === '/.well-known/openid-configuration') {
      const endpoints = {
        authorization_endpoint: `${base}/auth`,
        device_authorization_endpoint: `${base}/device`,
        token_endpoint: `${base}/token`,
      };
      return { status: 200, body: { issuer: base, ...endpoints } };
    }
    if (call.path === '/device') {
      const codes = {
        device_code: 'device-secret',
        user_code: 'ABCD-\u001bEFGH',
        verification_uri: `${base}/go`,
      };
      return { status: 200, body: { ...codes, expires_in: 60, interval: 1 } };
    }
    polls += 1;
    if (polls <= pending) return { status: 400, body: { error: 'authorization_pending' } };
    return typeof lastAnswer === 'function' ? lastAnswer(polls) : lastAnswer;
  });
}

const TOKENS = {
  status: 200,
  body: { access_token: 'token-secret', token_type: 'bearer', expires_in: 3600 },
};

function login(...args: readonly string[]): Promise<CommandResult> {
  const environment = {
    XDG_CONFIG_HOME: folder,
    KEYTURN_ISSUER: issuer.url,
    KEYTURN_API_URL: 'http://127.0.0.1:7080',
  };
  return keyturn(['login', ...args], { environment });
}

const OFFER = {
  issuer: 'https://a.example',
  client_id: '0oa1',
  scope: 'openid keyturn.decide',
  audience: null,
  resource: null,
};

const METADATA = {
  resource_name: 'Keyturn',
  authorization_servers: [],
  scopes_supported: [],
  bearer_methods_supported: ['header'],
};

describe('signing in', () => {
  it('keeps the token where only its owner can read it, and prints everything but the token', async () => {
    await startIssuer(TOKENS);
    const result = await login('--json');
    expect(result.code).toBe(0);
    expect(JSON.parse(result.out)).toMatchObject({ issuer: issuer.url, api: 'http://127.0.0.1:7080' });
    expect(result.error).toContain(`Open ${issuer.url}/go`);
    expect(result.error).toContain('ABCD-<U+001B>EFGH');
    expect(result.out + result.error).not.toMatch(/token-secret|device-secret/);
    const file = join(folder, 'keyturn', 'session.json');
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ access_token: 'token-secret' });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'keyturn'))).mode & 0o777).toBe(0o700);
  });

  it('asks as the public client, and not for the scope to decide', async () => {
    await startIssuer(TOKENS);
    await login();
    const form = new URLSearchParams(issuer.received.find((call) => call.path === '/device')?.body);
    expect(Object.fromEntries(form)).toEqual({ client_id: 'keyturn-cli', scope: 'openid' });
  });

  it('keeps nothing when the person says no', async () => {
    await startIssuer({ status: 400, body: { error: 'access_denied' } });
    const result = await login();
    expect([result.code, result.out]).toEqual([1, '']);
    expect(result.error).toContain('the issuer says access_denied');
    await expect(stat(join(folder, 'keyturn'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('does not sign in at an issuer elsewhere without https', async () => {
    await startIssuer(TOKENS);
    const result = await login('--issuer', 'http://id.example');
    expect([result.code, result.error]).toEqual([1, expect.stringContaining('https')]);
  });
});

it('an issuer that calls itself otherwise is shown with both names', async () => {
  issuer = await startServer(() => ({ status: 200, body: { issuer: 'https://id.example/realm' } }));
  const { code, error } = await login();
  expect(code).toBe(1);
  expect(error).toContain(`${issuer.url}/ calls itself https://id.example/realm`);
});

describe('the API says how to sign in', () => {
  it('where, as which client, and what for', async () => {
    await startIssuer(TOKENS);
    const audience = 'https://keyturn.example.com';
    const api = await startApi([{ ...OFFER, issuer: issuer.url, audience }]);
    const result = await loginAt(api);
    expect([result.code, result.error]).toEqual([
      0,
      expect.stringContaining(`Signing in at ${issuer.url} as client 0oa1, for ${api}.`),
    ]);
    const form = new URLSearchParams(issuer.received.find((call) => call.path === '/device')?.body);
    expect(Object.fromEntries(form)).toEqual({
      client_id: '0oa1',
      scope: 'openid keyturn.decide',
      audience,
    });
  });

  it.each([
    [
      'several issuers',
      [OFFER, { ...OFFER, issuer: 'https://b.example' }],
      'one of https://a.example, https://b.example',
    ],
    ['no issuer', [], 'does not say where people sign in'],
  ])('and is not guessed at: %s', async (_what, offers, said) => {
    await startIssuer(TOKENS);
    const result = await loginAt(await startApi(offers));
    expect([result.code, result.error]).toEqual([1, expect.stringContaining(said)]);
    expect(result.error).toContain('give --issuer');
  });

  it('of several the one that is meant, with what the command line says instead', async () => {
    await startIssuer(TOKENS);
    const api = await startApi([OFFER, { ...OFFER, issuer: issuer.url }]);
    expect((await loginAt(api, '--issuer', issuer.url, '--scope', 'openid')).code).toBe(0);
    const form = new URLSearchParams(issuer.received.find((call) => call.path === '/device')?.body);
    expect(Object.fromEntries(form)).toEqual({ client_id: '0oa1', scope: 'openid' });
  });

  it('but is not asked where the answer could be changed on the way', async () => {
    await startIssuer(TOKENS);
    const result = await loginAt('http://keyturn.example');
    expect([result.code, result.error]).toEqual([1, expect.stringContaining('https')]);
  });
});

describe('signing in with a browser', () => {
  it('comes back to a free port of this machine, with proof that it is the same sign-in', async () => {
    await startIssuer(TOKENS, 0);
    const api = await startApi([{ ...OFFER, issuer: issuer.url }]);
    const seen: { answers: readonly number[]; query: URLSearchParams | null } = { answers: [], query: null };
    const browse = async (address: string): Promise<void> => {
      const query = new URL(address).searchParams;
      const back = query.get('redirect_uri') ?? '';
      // Somebody else on this machine, then the browser.
      const states = ['made-up', query.get('state') ?? ''];
      for (const state of states) {
        const response = await fetch(`${back}?code=the-code&state=${encodeURIComponent(state)}`);
        seen.answers = [...seen.answers, response.status];
      }
      seen.query = query;
    };
    const result = await keyturn(['login', '--api', api, '--browser'], {
      environment: { XDG_CONFIG_HOME: folder },
      onError: (text) => {
        const [, address] = /^Open (\S+)/.exec(text) ?? [];
        if (address !== undefined) void browse(address);
      },
    });
    expect([result.code, result.error]).toEqual([0, expect.stringContaining('Waiting for you')]);
    expect(seen.answers[0]).toBe(404);
    const { query } = seen;
    expect(query?.get('redirect_uri')).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    const exchanged = new URLSearchParams(issuer.received.find((call) => call.path === '/token')?.body);
    expect(exchanged.get('code')).toBe('the-code');
    expect(exchanged.get('redirect_uri')).toBe(query?.get('redirect_uri'));
    expect(exchanged.get('code_verifier')).toMatch(/^[\w~.-]{43,}$/);
  });
});

describe('a sign-in that has ended', () => {
  const REFRESHED = {
    access_token: 'token-2',
    token_type: 'bearer',
    expires_in: 3600,
    refresh_token: 'refresh-2',
  };

  it('goes on with its refresh token, used once however many commands run, and keeps the new one', async () => {
    await startIssuer({ status: 200, body: REFRESHED }, 0);
    const api = await startApi([]);
    await store(api, 'https://keyturn.example.com');
    const results = await Promise.all([inbox(api), inbox(api), inbox(api)]);
    expect(results.map(({ code }) => code)).toEqual([0, 0, 0]);
    const refreshed = issuer.received.filter((call) => call.path === '/token');
    expect(refreshed.map(({ body }) => Object.fromEntries(new URLSearchParams(body)))).toEqual([
      {
        grant_type: 'refresh_token',
        refresh_token: 'refresh-1',
        resource: 'https://keyturn.example.com',
        client_id: '0oa1',
      },
    ]);
    const called = servers
      .flatMap(({ received }) => received)
      .filter((call) => call.path.startsWith('/v1/inbox'));
    expect(called.map(({ headers }) => headers.authorization)).toEqual(results.map(() => 'Bearer token-2'));
    const file = await readFile(join(folder, 'keyturn', 'session.json'), 'utf8');
    expect(JSON.parse(file)).toMatchObject({ access_token: 'token-2', refresh_token: 'refresh-2' });
  });

  it('goes on while a command waits, and never as somebody else who signs in meanwhile', async () => {
    const tokenOf = (sub: string, poll: number): string =>
      `${base64url({ alg: 'none' })}.${base64url({ sub, poll })}.`;
    await startIssuer((poll) => {
      // Shorter than any call may take: each one needs another token.
      const body = { ...REFRESHED, access_token: tokenOf('olga', poll), expires_in: 5 };
      return { status: 200, body };
    }, 0);
    let looks = 0;
    const server = await startServer(({ path }) => {
      if (path.endsWith('/timeline')) return { status: 200, body: { items: [] } };
      looks += 1;
      if (looks === 3) writeSessionOf('dmitri', server.url, tokenOf('dmitri', 0));
      return {
        status: 200,
        body: requestView({ version: looks, status: looks > 5 ? 'succeeded' : 'executing' }),
      };
    });
    servers.push(server);
    await store(server.url);
    const environment = { XDG_CONFIG_HOME: folder, KEYTURN_TOKEN: '' };
    const result = await keyturn(['watch', 'req_1', '--api', server.url], { environment });
    expect([result.code, result.error]).toEqual([1, expect.stringContaining('Your sign-in has expired')]);
    const tokens = server.received.map(({ headers }) => headers.authorization);
    expect(new Set(tokens).size).toBe(tokens.length);
    expect(tokens.length).toBeGreaterThanOrEqual(5);
    expect(tokens).not.toContain(`Bearer ${tokenOf('dmitri', 0)}`);
  });

  it('is over where somebody signs in for another server meanwhile: no token goes to a server it is not for', async () => {
    await startIssuer({ status: 200, body: REFRESHED }, 0);
    const api = await startApi([]);
    await store(api);
    const file = join(folder, 'keyturn', 'session.json');
    const other = {
      issuer: issuer.url,
      api: 'https://elsewhere.example.com',
      access_token: 'token-elsewhere',
    };
    let looks = 0;
    const environment = {
      // Read when the session is, and again before the second look at it.
      get XDG_CONFIG_HOME() {
        looks += 1;
        const end = new Date(Date.now() + 3_600_000).toISOString();
        if (looks === 2) writeFileSync(file, JSON.stringify({ ...other, expires_at: end }));
        return folder;
      },
    };
    const terminal = { environment } as Partial<Terminal> as Terminal;
    await expect(clientOf({ api }, terminal)).rejects.toThrow('Your sign-in has expired');
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject(other);
  });

  it('is over when the issuer does not take the refresh token any more', async () => {
    await startIssuer({ status: 400, body: { error: 'invalid_grant' } }, 0);
    const api = await startApi([]);
    await store(api);
    const result = await inbox(api);
    expect([result.code, result.error]).toEqual([1, expect.stringContaining('Your sign-in has expired')]);
  });
});

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function writeSessionOf(client: string, api: string, token: string): void {
  const end = new Date(Date.now() + 3_600_000).toISOString();
  const session = { issuer: issuer.url, api, client, access_token: token, expires_at: end };
  writeFileSync(join(folder, 'keyturn', 'session.json'), JSON.stringify(session));
}

async function store(api: string, resource?: string) {
  const expired = new Date(Date.now() - 1_000).toISOString();
  const session = {
    issuer: issuer.url,
    api,
    access_token: 'token-1',
    expires_at: expired,
    client: '0oa1',
    resource,
  };
  await writeSession({ XDG_CONFIG_HOME: folder }, { ...session, refresh_token: 'refresh-1' });
}

function inbox(api: string): Promise<CommandResult> {
  return keyturn(['inbox', '--api', api], { environment: { XDG_CONFIG_HOME: folder, KEYTURN_TOKEN: '' } });
}

/** An API that says how to sign in, and has an empty inbox. */
async function startApi(offers: readonly object[]): Promise<string> {
  const server = await startServer(({ path }) =>
    path === '/.well-known/oauth-protected-resource'
      ? { status: 200, body: { ...METADATA, resource: server.url, keyturn_sign_in: offers } }
      : { status: 200, body: { items: [], next_cursor: null } },
  );
  servers.push(server);
  return server.url;
}

function loginAt(api: string, ...args: readonly string[]): Promise<CommandResult> {
  return keyturn(['login', '--api', api, ...args], { environment: { XDG_CONFIG_HOME: folder } });
}
