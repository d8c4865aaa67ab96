import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { leafHash, type Leaf } from '../../domain/audit/leaf.ts';
import { canonicalJson } from '../../domain/crypto/canonical-json.ts';
import { policyDigest, type PolicySet } from '../../domain/policy/policy.ts';
import { createDatabases, type StackDatabases } from '../stack/databases.ts';
import { keyturn, type CommandResult } from './terminal.ts';

const SAMPLE = join(import.meta.dirname, '../stack/policies');

let databases: StackDatabases;
let database: Client | undefined;
let edited: string;

beforeAll(async () => {
  databases = await createDatabases('cli_policy');
  database = new Client({ connectionString: databases.keyturn.admin });
  await database.connect();
  edited = join(await mkdtemp(join(tmpdir(), 'keyturn-policy-')), 'policies');
  await cp(SAMPLE, edited, { recursive: true });
  const directory = join(edited, 'directory.yaml');
  await writeFile(directory, (await readFile(directory, 'utf8')).replace('Ada Lindqvist', 'Ada L.'));
});

afterAll(async () => {
  await database?.end();
});

const RECOVERY = { KEYTURN_POLICY_RECOVERY: 'true' };

async function policy(
  args: readonly string[],
  url = databases.keyturn.worker,
  more: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const environment = {
    ...more,
    KEYTURN_DATABASE_URL: url,
    KEYTURN_IDP_ISSUER: 'http://127.0.0.1:1',
    KEYTURN_SECOND_ISSUER: 'http://127.0.0.1:2',
  };
  return keyturn(['policy', ...args], { environment });
}

async function rows<Row>(sql: string): Promise<Row[]> {
  return ((await database?.query(sql))?.rows ?? []) as Row[];
}

describe('keyturn policy', () => {
  it('accepts a good folder and names its digest', async () => {
    const result = await policy(['check', SAMPLE, '--json']);
    expect([result.code, JSON.parse(result.out)]).toEqual([
      0,
      {
        ok: true,
        digest: expect.stringMatching(/^sha256:/),
        warnings: [
          expect.objectContaining({ code: 'people_short', rule: null, file: 'keyturn.yaml' }),
          ...['two-people', 'stale'].map((rule) =>
            expect.objectContaining({ code: 'own_team_only', rule, column: 23 }),
          ),
        ],
      },
    ]);
  });

  it('refuses a bad folder with the place of each mistake, and installs nothing', async () => {
    const bad = await mkdtemp(join(tmpdir(), 'keyturn-bad-'));
    await cp(SAMPLE, bad, { recursive: true });
    await writeFile(join(bad, 'keyturn.yaml'), 'version: keyturn/v2\n');
    for (const command of ['check', 'install']) {
      const text = await policy([command, bad]);
      expect([text.code, text.out]).toEqual([1, '']);
      expect(text.error).toMatch(/^keyturn\.yaml:\d+:\d+ /m);
      const json = await policy([command, bad, '--json']);
      expect(JSON.parse(json.out)).toMatchObject({
        ok: false,
        problems: expect.arrayContaining([expect.objectContaining({ file: 'keyturn.yaml', line: 1 })]),
      });
    }
    expect(await rows('select 1 from keyturn.policy_active')).toEqual([]);
  });

  it('refuses to work as a database superuser', async () => {
    const result = await policy(['install', SAMPLE], databases.keyturn.admin);
    expect([result.code, result.error]).toEqual([1, expect.stringContaining('superuser')]);
    expect(await rows('select 1 from keyturn.policy_active')).toEqual([]);
  });

  it('installs a set once, also when two operators do it at the same time', async () => {
    const results = await Promise.all([
      policy(['install', SAMPLE, '--json']),
      policy(['install', SAMPLE, '--json']),
    ]);
    const installed = results.map(
      (result) => JSON.parse(result.out) as { is_new: boolean; generation: number; warnings: unknown[] },
    );
    expect(installed.map(({ warnings }) => warnings.length)).toEqual([3, 3]);
    expect(installed.map(({ generation }) => generation)).toEqual([1, 1]);
    expect(installed.filter(({ is_new }) => is_new)).toHaveLength(1);
    expect(await rows(`select 1 from audit.entry where type = 'policy.installed'`)).toHaveLength(1);
  });

  it('keeps the set so that its digest can be computed again', async () => {
    const [stored] = await rows<{ digest: string; body: PolicySet }>(
      'select digest, body from keyturn.policy_set natural join keyturn.policy_active',
    );
    expect(stored && policyDigest(stored.body)).toBe(stored?.digest);
  });

  it('does not replace an active set: that is published', async () => {
    const refused = await policy(['install', edited]);
    expect([refused.code, refused.error]).toEqual([1, expect.stringContaining('keyturn policy publish')]);
    const left = await policy(['install', '--first', edited]);
    expect([left.code, left.out]).toEqual([0, expect.stringContaining('differs from the active policy')]);
    expect(await rows(`select 1 from audit.entry where type = 'policy.installed'`)).toHaveLength(1);
  });

  it('as a recovery replaces it, on record; generations count and entries chain, also back', async () => {
    await policy(['install', edited], undefined, RECOVERY);
    const back = await policy(['install', SAMPLE], undefined, RECOVERY);
    expect(back.out).toContain('is now active, generation 3');
    const entries = await rows<{ leaf: string }>(
      `select leaf from audit.entry where request = 'policy' order by n`,
    );
    const leaves = entries.map(({ leaf }) => JSON.parse(leaf) as Leaf);
    expect(leaves.map((leaf) => leaf.facts['generation'])).toEqual([1, 2, 3]);
    expect(leaves.map((leaf) => leaf.facts['recovery'])).toEqual([undefined, true, true]);
    expect(leaves.map((leaf) => leaf.facts['replaces'])).toEqual([
      null,
      leaves[0]?.facts['digest'],
      leaves[1]?.facts['digest'],
    ]);
    expect(leaves.map((leaf) => leaf.prev)).toEqual([
      null,
      leafHash(entries[0]?.leaf ?? ''),
      leafHash(entries[1]?.leaf ?? ''),
    ]);
    expect(entries.every(({ leaf }) => canonicalJson(JSON.parse(leaf)) === leaf)).toBe(true);
  });

  it('says when the set was active already', async () => {
    const { out, error } = await policy(['install', SAMPLE]);
    expect(out).toContain('was active already, generation 3');
    expect(error).toMatch(/^rules\/by-environment\.yaml:18:23 warning own_team_only: /m);
  });

  it('needs to know the database', async () => {
    expect((await policy(['install', SAMPLE], '')).error).toContain('KEYTURN_DATABASE_URL is not set');
  });
});
