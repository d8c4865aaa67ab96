import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { createLocalJWKSet, importJWK, type CryptoKey, type JSONWebKeySet } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { readWorkerKeys } from '../../configuration/keys.ts';
import { readApiConfiguration, readWorkerConfiguration } from '../../configuration/programs.ts';
import { readMigration } from '../../configuration/migration.ts';
import { openEnvelope, signEnvelope } from '../../domain/crypto/envelope.ts';
import { seal, unseal } from '../../domain/crypto/sealing.ts';
import { root } from '../../scripts/servers/root.ts';
import { bindsOf, readComposeFile, type Bind } from './compose-file.ts';

const file = readComposeFile();
const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenssl) process.stderr.write('SKIPPED: compose/secrets.sh needs openssl, which is not on PATH.\n');

let folder: string;

describe.skipIf(!hasOpenssl)('compose/secrets.sh', () => {
  beforeAll(() => {
    folder = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'keyturn-secrets-')), 'secrets');
    makeSecrets();
  });

  afterAll(() => fs.rmSync(path.dirname(folder), { recursive: true, force: true }));

  it('makes every file that compose mounts', () => {
    for (const [name, secret] of Object.entries(file.secrets)) {
      expect(path.basename(secret.file)).toBe(name);
      expect(fs.statSync(path.join(folder, name)).size, name).toBeGreaterThan(0);
    }
  });

  it('shows the folder to its owner only', () => {
    expect(fs.statSync(folder).mode & 0o077).toBe(0);
  });

  it('changes nothing when it runs again', () => {
    const before = contents();
    makeSecrets();
    expect(contents()).toEqual(before);
  });

  it('tells which files it keeps with another address than it is given', () => {
    const run = (address: string): string =>
      spawnSync('sh', [path.join(root, 'compose/secrets.sh'), folder], {
        env: { ...process.env, KEYTURN_DATABASE: address },
        encoding: 'utf8',
      }).stderr;
    expect(run('postgres:5432/keyturn')).toBe('');
    const output = run('other.example:5432/keyturn?sslmode=verify-full');
    for (const name of ['migrate', 'api', 'worker'])
      expect(output).toContain(`${name}.env names another database than KEYTURN_DATABASE`);
  });

  it('makes the public key anew from the private one that is in place', () => {
    const before = contents();
    fs.rmSync(path.join(folder, 'verification.jwks.json'));
    makeSecrets();
    expect(contents()).toEqual(before);
  });

  it('makes a signing key whose signatures the verification keys accept', async () => {
    const key = json<{ kid: string }>('signing.jwk.json');
    const envelope = await signEnvelope(
      {
        kind: 'withdrawal',
        id: `wdr_${'a'.repeat(26)}`,
        request: 'req_one',
        by: { issuer: 'https://login.example.com', subject: 'ada' },
        reason: null,
        issued_at: '2026-11-22T12:00:00.000Z',
      },
      { kid: key.kid, key: (await importJWK(key, 'EdDSA', { extractable: true })) as CryptoKey },
    );
    const keys = createLocalJWKSet(json<JSONWebKeySet>('verification.jwks.json'));
    expect(await openEnvelope('withdrawal', envelope, keys)).toMatchObject({ request: 'req_one' });
    expect(JSON.stringify(json('verification.jwks.json'))).not.toContain('"d"');
  });

  it('makes keys that the worker can use', async () => {
    const { sealingKeys, identityKey } = await readWorkerKeys(
      readWorkerConfiguration(environmentOf('worker')),
    );
    const sealed = await seal(
      { context: 'req_one/arguments', value: { a: 1 }, initializationVector: new Uint8Array(12) },
      sealingKeys,
    );
    expect(await unseal(sealed, 'req_one/arguments', sealingKeys)).toEqual({ a: 1 });
    expect(identityKey).toHaveLength(32);
  });

  it('keeps nothing of an openssl that cannot make what is asked for, and says what is missing', () => {
    const where = path.join(folder, '..', 'unable');
    const bin = path.join(folder, '..', 'bin');
    fs.mkdirSync(bin, { recursive: true });
    const openssl = execFileSync('sh', ['-c', 'command -v openssl'], { encoding: 'utf8' }).trim();
    fs.writeFileSync(
      path.join(bin, 'openssl'),
      `#!/bin/sh\n[ "$1" = genpkey ] && { echo 'unknown algorithm' >&2; exit 1; }\nexec ${openssl} "$@"\n`,
      { mode: 0o755 },
    );
    const env = { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
    const made = spawnSync('sh', [path.join(root, 'compose/secrets.sh'), where], { env, encoding: 'utf8' });
    expect([made.status, made.stderr]).toEqual([1, expect.stringContaining('signing.jwk.json')]);
    expect(fs.readdirSync(where).filter((name) => name.includes('jwk'))).toEqual([]);
    makeSecrets(where);
    expect(fs.statSync(path.join(where, 'signing.jwk.json')).size).toBeGreaterThan(0);
  });

  it('makes one set of secrets where it runs twice at once', async () => {
    const where = path.join(folder, '..', 'raced');
    const runs = Array.from({ length: 4 }, () => spawn('sh', [path.join(root, 'compose/secrets.sh'), where]));
    const ends = await Promise.all(runs.map(async (run) => (await once(run, 'close'))[0] as number));
    expect(ends).toEqual([0, 0, 0, 0]);
    const read = (name: string): string => fs.readFileSync(path.join(where, name), 'utf8');
    for (const name of ['api', 'worker'])
      expect(read(`${name}.env`)).toContain(`:${read(`keyturn_${name}_password`)}@`);
    expect(read('migrate.env')).toContain(read('keyturn_api_password'));
    const { kid } = JSON.parse(read('signing.jwk.json')) as { kid: string };
    expect(read('verification.jwks.json')).toContain(kid);
    expect(fs.readdirSync(where).filter((name) => name.includes('.new'))).toEqual([]);
  });

  it('names the database that KEYTURN_DATABASE says, for one outside of compose', () => {
    const elsewhere = path.join(folder, '..', 'elsewhere');
    const address = 'db.example.com:5432/keyturn?sslmode=verify-full';
    makeSecrets(elsewhere, { KEYTURN_DATABASE: address });
    for (const name of ['api', 'worker', 'migrate']) {
      const { KEYTURN_DATABASE_URL: url } = parseEnv(
        fs.readFileSync(path.join(elsewhere, `${name}.env`), 'utf8'),
      );
      expect(url).toMatch(new RegExp(`^postgres://keyturn_\\w+:[0-9a-f]{48}@`));
      expect(url?.split('@')[1]).toBe(address);
    }
  });

  it('gives the API, the worker and the migrations all variables that they require', () => {
    expect(readApiConfiguration(environmentOf('api')).host).toBe('0.0.0.0');
    expect(readWorkerConfiguration(environmentOf('worker')).host).toBe('0.0.0.0');
    expect(readMigration(environmentOf('migrate'))).toHaveProperty('KEYTURN_DATABASE_URL');
  });

  it.each(['api', 'worker', 'migrate', 'policy', 'postgres', 'temporal', 'temporal-schema'])(
    'mounts into %s each secret that it is to read',
    (name) => {
      const service = file.services[name];
      const scripts = (service ? bindsOf(service) : []).flatMap(mountedScripts);
      const text = [JSON.stringify(service?.command ?? []), JSON.stringify(service?.environment ?? {})];
      const read = [...[...text, ...scripts].join('\n').matchAll(/\/run\/secrets\/([\w.]+)/g)].map((match) =>
        String(match[1]),
      );
      expect(read.length).toBeGreaterThan(0);
      expect([...new Set(read)].sort()).toEqual([...(service?.secrets ?? [])].sort());
    },
  );
});

function makeSecrets(where = folder, env: Readonly<Record<string, string>> = {}): void {
  execFileSync('sh', [path.join(root, 'compose/secrets.sh'), where], { env: { ...process.env, ...env } });
}

function contents(): Record<string, string> {
  return Object.fromEntries(
    fs.readdirSync(folder).map((name) => [name, fs.readFileSync(path.join(folder, name), 'utf8')]),
  );
}

function json<Value>(name: string): Value {
  return JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8')) as Value;
}

/** What a service of docker-compose.yml finds in its environment, with the secrets where the test made them. */
function environmentOf(name: string): NodeJS.ProcessEnv {
  const service = file.services[name];
  const envFile = /--env-file=\/run\/secrets\/([\w.]+)/.exec(service?.command?.[0] ?? '')?.[1] ?? '';
  const fromFile = parseEnv(fs.readFileSync(path.join(folder, envFile), 'utf8'));
  const output = Object.entries(service?.environment ?? {}).map(([key, value]) => [
    key,
    value.replace('/run/secrets', folder),
  ]);
  return { ...(Object.fromEntries(output) as NodeJS.ProcessEnv), ...fromFile };
}

/** The scripts of a folder of ours that a service mounts, as text. */
function mountedScripts({ source }: Bind): string[] {
  const mounted = path.join(root, source);
  if (!source.startsWith('./compose/') || !fs.statSync(mounted).isDirectory()) return [];
  return fs.readdirSync(mounted).map((name) => fs.readFileSync(path.join(mounted, name), 'utf8'));
}
