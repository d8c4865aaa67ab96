import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import { pino } from 'pino';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { keepIssuerKeys } from '../../apps/worker/loops/issuer-keys.ts';
import { createDataSource } from '../../database/data-source.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';

let stack: Stack;
let source: DataSource;
let server: http.Server;
/** What the issuer publishes; null: it is away. */
let published: readonly object[] | null = [];

beforeAll(async () => {
  stack = await startStack({ apis: 0 });
  const url = stack.databases.keyturn.worker;
  source = await createDataSource({ url, applicationName: 'test', poolSize: 2 }).initialize();
  server = http.createServer((_, response) => {
    if (published === null) response.writeHead(503).end();
    else response.end(JSON.stringify({ keys: published }));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
});
afterAll(async () => {
  server?.close();
  await source?.destroy();
  await stack?.stop();
});

function issuerUrl(): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function jwkOf(kid: string): Promise<Readonly<Record<string, unknown>>> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid, use: 'sig' };
}

interface KeptKey {
  readonly kid: string;
  readonly jwk: Readonly<Record<string, unknown>>;
  readonly first_seen: Date;
  readonly last_seen: Date;
}

async function kept(issuer: string): Promise<readonly KeptKey[]> {
  const { rows } = await stack.keyturnDb.query<KeptKey>(
    'select kid, jwk, first_seen, last_seen from keyturn.issuer_key where issuer = $1 order by first_seen, kid',
    [issuer],
  );
  return rows;
}

/** One pass over an issuer that is away, and over this one. */
async function pass(): Promise<readonly string[]> {
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const entry = (issuer: string) => ({
    issuer,
    audience: 'keyturn',
    algorithms: ['ES256' as const],
    jwks_uri: `${issuer}/jwks`,
    clock_tolerance_seconds: 60,
    console: { client_id: 'c', authentication: 'none', scope: 'openid', trust: 'human' } as const,
  });
  const away = 'http://127.0.0.1:9';
  const issuers = new Map([away, issuerUrl()].map((issuer) => [issuer, entry(issuer)]));
  const stopping = new AbortController();
  const running = keepIssuerKeys({ source, issuers, log, signal: stopping.signal });
  await waitFor({ what: 'a pass', check: async () => (lines.length > 0 ? true : undefined) });
  stopping.abort();
  await running;
  return lines;
}

it('are those of the issuers at which people sign in, from the start of a worker on', async () => {
  const first = await waitFor({
    what: 'the keys of the issuer',
    check: async () => {
      const keys = await kept(stack.issuer.url);
      return keys.length > 0 ? keys : undefined;
    },
  });
  expect(first.map(({ kid }) => kid).sort()).toEqual(['other', 'test']);
  expect(await kept(stack.secondIssuer.url)).toEqual([]);
});

it('stay when the issuer publishes them no more, with when they were seen, and hold nothing private', async () => {
  const [old, newer] = [await jwkOf('old'), await jwkOf('old')];
  published = [old, { kty: 'oct', k: 'c2VjcmV0', kid: 'shared' }, { kty: 'EC', kid: 'broken' }];
  const lines = await pass();
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { issuer: 'http://127.0.0.1:9', msg: 'the keys of an issuer cannot be kept' },
  ]);
  const [before] = await kept(issuerUrl());
  // The same name again, for another key.
  published = [newer];
  await pass();
  const [after, next, ...others] = await kept(issuerUrl());
  expect([after?.last_seen, others]).toEqual([before?.last_seen, []]);
  expect([after?.jwk, next?.jwk].map((jwk) => [jwk?.['x'], jwk?.['d']])).toEqual([
    [old['x'], undefined],
    [newer['x'], undefined],
  ]);
  await pass();
  const again = await kept(issuerUrl());
  expect(again[1]?.first_seen).toEqual(next?.first_seen);
  expect(Number(again[1]?.last_seen)).toBeGreaterThan(Number(next?.last_seen));
  published = null;
  await pass();
  expect(await kept(issuerUrl())).toEqual(again);
});

it.each([
  ['deletes', 'delete from keyturn.issuer_key'],
  ['changes', `update keyturn.issuer_key set jwk = '{}'`],
])('no program %s them', async (_what, statement) => {
  await expect(source.query(statement)).rejects.toThrow('permission denied');
});
