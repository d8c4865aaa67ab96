import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { compiled, createDatabases, type StackDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';
import { keyturn } from './terminal.ts';

const FOLDER = join(import.meta.dirname, '..', 'stack', 'policies');
const environment = {
  KEYTURN_IDP_ISSUER: 'https://one.example',
  KEYTURN_SECOND_ISSUER: 'https://two.example',
};
const CHECK = ['target', 'check', 'shop', '--policy', FOLDER];

let databases: StackDatabases;

beforeAll(async () => {
  databases = await createDatabases(`target_cli_${takeNumber()}`);
});

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('target check', () => {
  it('says that a target can be used, as JSON as well, and ends with 0', async () => {
    vi.stubEnv('KEYTURN_TARGET_SHOP_URL', databases.target);
    const text = await keyturn(CHECK, { environment });
    expect([text.code, text.error, text.out]).toEqual([
      0,
      '',
      expect.stringMatching(/ok +trial +an empty statement/),
    ]);
    const json = await keyturn([...CHECK, '--json'], { environment });
    expect(JSON.parse(json.out)).toMatchObject({ target: 'shop', ok: true });
  });

  it('as a program of its own writes nothing to standard error, no warning of a driver either', async () => {
    const env = { ...process.env, ...environment, KEYTURN_TARGET_SHOP_URL: databases.target };
    const said = await promisify(execFile)(process.execPath, [compiled('apps/cli/main.js'), ...CHECK], {
      env,
    });
    expect(said).toEqual({ stdout: expect.stringMatching(/ok +trial /), stderr: '' });
  });

  it('says why a target cannot be used, and ends with 1', async () => {
    vi.stubEnv('KEYTURN_TARGET_SHOP_URL', 'postgres://a:secret-5@127.0.0.1:1/b');
    const { code, out } = await keyturn(CHECK, { environment });
    expect([code, out]).toEqual([1, expect.stringMatching(/FAILED +connection +nothing listens/)]);
    expect(out).toContain('It cannot be used like this.');
    expect(out).not.toContain('secret-5');
  });

  it('prints what a missing set-up takes as psql runs it: who runs it, and stopping at the first error', async () => {
    const empty = new URL(databases.target);
    empty.pathname = '/postgres';
    vi.stubEnv('KEYTURN_TARGET_SHOP_URL', empty.href);
    const { code, out } = await keyturn(CHECK, { environment });
    expect(code).toBe(1);
    expect(out).toMatch(/To fix it, with psql, as a superuser .*CREATEROLE:\n\n\\set ON_ERROR_STOP on\n/);
    expect(out.match(/ON_ERROR_STOP/g)).toHaveLength(1);
  });

  it('asks whether another target was meant', async () => {
    const { code, error } = await keyturn(['target', 'check', 'shpo', '--policy', FOLDER], { environment });
    expect([code, error]).toEqual([1, expect.stringContaining("no target 'shpo', did you mean 'shop'?")]);
  });

  it('says how it is used, with its exit codes', async () => {
    const { code, out } = await keyturn(['target', 'check', '--help']);
    expect([code, out]).toEqual([0, expect.stringMatching(/Example[\s\S]*Exit codes:\n {2}0 /)]);
  });
});
