import { Client } from 'pg';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { createDataSource } from '../../database/data-source.ts';
import { DirectoryReader } from '../../database/directory-reader.ts';
import { Claims1764770000000 } from '../../database/migrations/10-claims.ts';
import { Directory1764100000000 } from '../../database/migrations/2-directory.ts';
import { leafText } from '../../domain/audit/leaf.ts';
import { membersOf } from '../../domain/identity/directory.ts';
import { policyDigest, type PolicySet } from '../../domain/policy/policy.ts';
import { policyOf } from '../domain/examples.ts';
import { createDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';

let source: DataSource;
let admin: Client;

beforeAll(async () => {
  const databases = await createDatabases(`history_${takeNumber()}`);
  source = createDataSource({ url: databases.keyturn.admin, applicationName: 'test' });
  await source.initialize();
  admin = new Client({ connectionString: databases.keyturn.admin });
  await admin.connect();
});

afterAll(async () => {
  await source.destroy();
  await admin.end();
});

/** As the database was before there were tables for the directory. */
async function forgetDirectory(): Promise<void> {
  await admin.query(`drop table keyturn.directory_state, keyturn.directory_change, keyturn.person_standing,
    keyturn.agent_standing, keyturn.account, keyturn.membership, keyturn.directory_group, keyturn.agent, keyturn.person,
    keyturn.claims_seen cascade`);
  await admin.query('drop function audit.tie_directory_change cascade');
  const { rows } = await admin.query<{ name: string }>(
    `select oid::regprocedure::text as name from pg_proc where pronamespace = 'keyturn'::regnamespace`,
  );
  for (const { name } of rows) await admin.query(`drop function ${name} cascade`);
}

function withDba(members: readonly string[]): PolicySet {
  const policy = policyOf([]);
  const groups = policy.directory.groups.map((group) => (group.id === 'dba' ? { ...group, members } : group));
  return { ...policy, directory: { ...policy.directory, groups } };
}

/** An installation as it was recorded at the time. */
async function recordInstallation(policy: PolicySet, n: number, at: string): Promise<void> {
  const digest = policyDigest(policy);
  await admin.query(
    'insert into keyturn.policy_set (digest, body, installed_by) values ($1, $2, $3) on conflict do nothing',
    [digest, JSON.stringify(policy), 'test'],
  );
  await admin.query(
    `insert into keyturn.policy_active (generation, digest) values ($1, $2)
     on conflict (singleton) do update set generation = excluded.generation, digest = excluded.digest`,
    [n + 1, digest],
  );
  const leaf = leafText(
    {
      type: 'policy.installed',
      at,
      actor: { pseudonym: 'sys_operator', kind: 'system', via: 'cli' },
      intent_digest: null,
      decision_digest: null,
      policy_digest: digest,
      facts: { digest, generation: n + 1, replaces: null },
      evidence: null,
      parts: {},
    },
    {
      id: `policy/policy/install/${n + 1}/1`,
      request: 'policy',
      run: 'policy',
      namespace: '',
      n,
      prev: null,
      nonce: '',
      salts: {},
    },
  );
  await admin.query('insert into audit.entry (leaf) values ($1)', [leaf]);
}

it('an open request is judged by who was in the groups when it was made, also from before the tables', async () => {
  await forgetDirectory();
  await recordInstallation(withDba(['olga']), 0, '2026-01-01T10:00:00.000Z');
  await recordInstallation(withDba(['olga', 'omar']), 1, '2026-01-02T10:00:00.000Z');
  // Installed again: the same set, later.
  await recordInstallation(withDba(['olga']), 2, '2026-01-03T10:00:00.000Z');
  await recordInstallation(withDba(['petra']), 3, '2026-01-04T10:00:00.000Z');
  const runner = source.createQueryRunner();
  await new Directory1764100000000().up(runner);
  await new Claims1764770000000().up(runner);
  await runner.release();
  const reader = new DirectoryReader();
  const dba = async (at: string): Promise<string[]> =>
    [...membersOf(await reader.at(source.manager, new Date(at)), 'dba')].sort();
  // Older than the first set: by the clock of a machine that ran ahead.
  expect(await dba('2025-12-31T10:00:00.000Z')).toEqual(['olga']);
  expect(await dba('2026-01-01T11:00:00.000Z')).toEqual(['olga']);
  expect(await dba('2026-01-02T11:00:00.000Z')).toEqual(['olga', 'omar']);
  expect(await dba('2026-01-03T11:00:00.000Z')).toEqual(['olga']);
  expect(await dba('2026-01-04T11:00:00.000Z')).toEqual(['petra']);
  const { directory } = await reader.now(source.manager);
  expect([...membersOf(directory, 'dba')]).toEqual(['petra']);
});
