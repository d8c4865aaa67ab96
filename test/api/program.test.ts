import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startStack, type Stack } from '../stack/stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ workers: 0 });
});
afterAll(async () => {
  await stack.stop();
});

describe('the API program', () => {
  it('ends well and soon when asked to, also with an event stream and a long poll open', async () => {
    const [api] = stack.apis;
    const token = await stack.issuer.humanToken('olga');
    const headers = { authorization: `Bearer ${token}` };
    const stream = await fetch(`${api?.url}/v1/events`, { headers });
    const agent = await stack.issuer.agentToken('agent-billing');
    const waiting = stack
      .request(agent, { action: 'postgres.execute', target: 'shop', arguments: { statement: 'select 1' } })
      .catch(() => null);
    expect(stream.status).toBe(200);
    const started = performance.now();
    expect(await api?.stop()).toBe('exit code 0');
    expect(performance.now() - started).toBeLessThan(8_000);
    await stream.text().catch(() => '');
    await waiting;
    await api?.start();
  });

  it('listens on both addresses of loopback', async () => {
    const port = new URL(stack.apis[0]?.url ?? '').port;
    expect((await fetch(`http://[::1]:${port}/healthz`)).status).toBe(200);
  });

  it.each<[string, () => Record<string, string>]>([
    ['as a superuser of the database', () => ({ KEYTURN_DATABASE_URL: stack.databases.keyturn.admin })],
    ['without a database', () => ({ KEYTURN_DATABASE_URL: 'postgres://keyturn_api:x@127.0.0.1:1/x' })],
    [
      'with a key that nobody could verify',
      () => ({ KEYTURN_VERIFICATION_KEYS: stack.env['KEYTURN_SEALING_KEYS'] ?? '' }),
    ],
    ['without issuers', () => ({ KEYTURN_ISSUERS: '/nowhere/issuers.yaml' })],
    ['with a port that is none', () => ({ KEYTURN_API_PORT: '99999' })],
  ])('refuses to run %s', async (_name, environment) => {
    const [api] = stack.apis;
    await api?.stop();
    await expect(api?.start(environment())).rejects.toThrow(/exit code 1/);
    await api?.start();
  });
});
