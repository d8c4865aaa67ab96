import { mkdtemp, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { startServer, type AnsweringServer, type Reply } from '../sdk/server.ts';
import { keyturn, type CommandResult } from './terminal.ts';

let folder: string;
let issuer: AnsweringServer;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyturn-login-'));
});

afterEach(async () => {
  await issuer.stop();
});

/** An issuer with the device flow, whose person needs one more poll to be done. */
async function startIssuer(lastAnswer: Reply): Promise<void> {
  let polls = 0;
  issuer = await startServer((call) => {
    const base = issuer.url;
    if (call.path === '/.well-known/openid-configuration') {
      const endpoints = { device_authorization_endpoint: `${base}/device`, token_endpoint: `${base}/token` };
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
    return polls === 1 ? { status: 400, body: { error: 'authorization_pending' } } : lastAnswer;
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

  it('asks as the public client for the scope to decide', async () => {
    await startIssuer(TOKENS);
    await login();
    const asked = new URLSearchParams(issuer.received.find((call) => call.path === '/device')?.body);
    expect(Object.fromEntries(asked)).toEqual({ client_id: 'keyturn-cli', scope: 'openid keyturn:decide' });
  });

  it('keeps nothing when the person says no', async () => {
    await startIssuer({ status: 400, body: { error: 'access_denied' } });
    const result = await login();
    expect([result.code, result.out]).toEqual([1, '']);
    expect(result.error).toContain('the issuer answered access_denied');
    await expect(stat(join(folder, 'keyturn'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('does not sign in at an issuer elsewhere without https', async () => {
    await startIssuer(TOKENS);
    const result = await login('--issuer', 'http://id.example');
    expect([result.code, result.error]).toEqual([1, expect.stringContaining('https')]);
  });
});
