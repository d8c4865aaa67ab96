import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { readApiKeys, readWorkerKeys } from '../../configuration/keys.ts';
import { readApiConfiguration, readWorkerConfiguration } from '../../configuration/programs.ts';
import { ensureKeys } from '../../scripts/start/keys.ts';

const folder = mkdtempSync(join(tmpdir(), 'keyturn-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));

const good = ensureKeys(join(folder, 'good'));

/** What no message may hold, in any of the forms that files hold secrets in. */
const SECRET = 'S3cretS3cretS3cretS3cretS3cretS3cretS3cretS';
const HEX = 'deadbeef'.repeat(8);

const pair = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }) as { d: string; x: string };
const named = { kty: 'OKP', crv: 'Ed25519', kid: 'one' };
const oct = { kty: 'oct', kid: 'one', k: SECRET };

let files = 0;

/** The environment of a process of which one file is broken. */
function environmentWith(variable: string, content: string | Buffer): NodeJS.ProcessEnv {
  files += 1;
  const file = join(folder, `broken-${files}`);
  writeFileSync(file, content);
  return {
    KEYTURN_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
    KEYTURN_VERIFICATION_KEYS: good.verification,
    KEYTURN_SEALING_KEYS: good.sealing,
    KEYTURN_IDENTITY_KEY: good.identity,
    KEYTURN_SIGNING_KEY: good.signing,
    KEYTURN_ISSUERS: join(folder, 'none'),
    [variable]: file,
  };
}

const apiReads = async (environment: NodeJS.ProcessEnv): Promise<unknown> =>
  readApiKeys(readApiConfiguration(environment));
const workerReads = async (environment: NodeJS.ProcessEnv): Promise<unknown> =>
  readWorkerKeys(readWorkerConfiguration(environment));

/** What a process would print. */
async function messageOf(reading: Promise<unknown>): Promise<string> {
  const error = await reading.then(
    () => expect.unreachable('it was read'),
    (reason: unknown) => reason,
  );
  return `${(error as Error).message}\n${(error as Error).stack ?? ''}\n${String((error as Error).cause ?? '')}`;
}

const BROKEN: readonly [what: string, variable: string, content: string | Buffer][] = [
  ['cut JSON', 'KEYTURN_SEALING_KEYS', `{"keys":[{"kty":"oct","kid":"one","k":"${SECRET}`],
  ['a bare secret', 'KEYTURN_SEALING_KEYS', SECRET],
  ['JSON after a comment', 'KEYTURN_SEALING_KEYS', `// ${SECRET}\n{"keys":[]}`],
  ['a secret as the name of a field', 'KEYTURN_SEALING_KEYS', JSON.stringify({ [SECRET]: [] })],
  ['a secret in place of the list', 'KEYTURN_SEALING_KEYS', JSON.stringify({ keys: SECRET })],
  [
    'a secret in place of a kind',
    'KEYTURN_SEALING_KEYS',
    JSON.stringify({ keys: [{ ...oct, kty: SECRET }] }),
  ],
  [
    'a key that is too short',
    'KEYTURN_SEALING_KEYS',
    JSON.stringify({ keys: [{ ...oct, k: SECRET.slice(1) }] }),
  ],
  ['a key that is too long', 'KEYTURN_SEALING_KEYS', JSON.stringify({ keys: [{ ...oct, k: `${SECRET}S` }] })],
  ['two keys of one name', 'KEYTURN_SEALING_KEYS', JSON.stringify({ keys: [oct, oct] })],
  ['no key', 'KEYTURN_SEALING_KEYS', JSON.stringify({ keys: [] })],
  ['nothing', 'KEYTURN_SEALING_KEYS', ''],
  [
    'bytes that are no text',
    'KEYTURN_SEALING_KEYS',
    Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(SECRET)]),
  ],
  ['hex that is too long', 'KEYTURN_IDENTITY_KEY', `${HEX}00`],
  ['hex that is too short', 'KEYTURN_IDENTITY_KEY', HEX.slice(2)],
  ['hex with another letter', 'KEYTURN_IDENTITY_KEY', `${HEX.slice(1)}g`],
  ['an environment file', 'KEYTURN_IDENTITY_KEY', `KEY=${HEX}`],
  [
    'a private key among public ones',
    'KEYTURN_VERIFICATION_KEYS',
    JSON.stringify({ keys: [{ ...named, x: pair.x, d: SECRET }] }),
  ],
  [
    'the private key as it is',
    'KEYTURN_VERIFICATION_KEYS',
    JSON.stringify({ ...named, x: pair.x, d: SECRET }),
  ],
  ['a shared secret among public keys', 'KEYTURN_VERIFICATION_KEYS', JSON.stringify({ keys: [oct] })],
];

const BROKEN_OF_API: typeof BROKEN = [
  ['cut JSON', 'KEYTURN_SIGNING_KEY', `{"kty":"OKP","d":"${SECRET}`],
  [
    'no key of that kind',
    'KEYTURN_SIGNING_KEY',
    JSON.stringify({ ...named, crv: 'X25519', x: pair.x, d: SECRET }),
  ],
  ['a public key', 'KEYTURN_SIGNING_KEY', JSON.stringify({ ...named, x: pair.x })],
  [
    'halves that do not belong together',
    'KEYTURN_SIGNING_KEY',
    JSON.stringify({ ...named, x: pair.x, d: SECRET }),
  ],
  ['a key that nobody verifies', 'KEYTURN_SIGNING_KEY', JSON.stringify({ ...named, ...pair })],
  ['a key set', 'KEYTURN_SIGNING_KEY', JSON.stringify({ keys: [{ ...named, x: pair.x, d: SECRET }] })],
];

describe('a broken key file', () => {
  it.each([
    ...BROKEN.map((row) => ['the API', ...row, apiReads] as const),
    ...BROKEN.map((row) => ['the worker', ...row, workerReads] as const),
    ...BROKEN_OF_API.map((row) => ['the API', ...row, apiReads] as const),
  ])('stops %s with variable and file, and not a byte of the secret: %s', async (...row) => {
    const [, , variable, content, reads] = row;
    const environment = environmentWith(variable, content);
    const message = await messageOf(reads(environment));
    expect(message).toContain(variable);
    expect(message).toContain(environment[variable]);
    for (const secret of [SECRET, HEX, pair.d])
      for (let at = 0; at + 8 <= secret.length; at += 1)
        expect(message.toLowerCase()).not.toContain(secret.slice(at, at + 8).toLowerCase());
  });

  it('that is not there is named, with why', async () => {
    for (const [path, why] of [
      [join(folder, 'absent'), 'cannot be read (ENOENT)'],
      [folder, 'is a folder, not a file.'],
    ] as const) {
      const environment = { ...environmentWith('KEYTURN_ISSUERS', ''), KEYTURN_SEALING_KEYS: path };
      for (const reads of [apiReads, workerReads])
        expect(await messageOf(reads(environment))).toContain(`KEYTURN_SEALING_KEYS: ${path} ${why}`);
    }
  });
});

describe('keys', () => {
  it('that sign are read by the API alone: to the worker that file is nothing', async () => {
    const environment = environmentWith('KEYTURN_SIGNING_KEY', SECRET);
    expect(Object.keys((await workerReads(environment)) as object)).toEqual([
      'verificationKeys',
      'sealingKeys',
      'identityKey',
    ]);
    expect(JSON.stringify(readWorkerConfiguration(environment))).not.toContain('KEYTURN_SIGNING_KEY');
    expect(JSON.stringify(readWorkerConfiguration(environment))).not.toContain(
      environment['KEYTURN_SIGNING_KEY'],
    );
  });

  it('are taken by API and worker alike: hex of either case, with a line end or without', async () => {
    const hex = randomBytes(32).toString('hex');
    for (const text of [hex, hex.toUpperCase(), `${hex}\n`, ` ${hex}\r\n`]) {
      const environment = environmentWith('KEYTURN_IDENTITY_KEY', text);
      expect(await apiReads(environment)).toMatchObject({ identity: Buffer.from(hex, 'hex') });
      expect(await workerReads(environment)).toMatchObject({ identityKey: Buffer.from(hex, 'hex') });
    }
  });

  it('of variables that are set to nothing are as if they were not set, for both', () => {
    const environment = {
      ...environmentWith('KEYTURN_ISSUERS', ''),
      TEMPORAL_NAMESPACE: '',
      KEYTURN_SEALING_KEYS: '',
    };
    for (const read of [readApiConfiguration, readWorkerConfiguration])
      expect(() => read(environment)).toThrow(/KEYTURN_SEALING_KEYS: is missing/);
    const complete = { ...environment, KEYTURN_SEALING_KEYS: good.sealing };
    expect(readApiConfiguration(complete).temporal.namespace).toBe('default');
    expect(readWorkerConfiguration(complete).temporal.namespace).toBe('default');
  });
});
