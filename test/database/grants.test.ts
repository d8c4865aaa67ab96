import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { createDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';

let admin: Client;

beforeAll(async () => {
  const { keyturn } = await createDatabases(`grants_${takeNumber()}`);
  admin = new Client({ connectionString: keyturn.admin });
  await admin.connect();
});
afterAll(async () => {
  await admin.end();
});

/** What a role may do to tables, views and sequences, or to columns of them, beside reading. */
async function writesOf(role: string): Promise<readonly string[]> {
  const { rows } = await admin.query<{ right: string }>(
    `select format('%s %s', lower(privilege_type), oid::regclass) as right
       from pg_class, aclexplode(relacl)
       where relnamespace in ('keyturn'::regnamespace, 'audit'::regnamespace)
         and grantee in (0, $1::regrole) and privilege_type <> 'SELECT'
     union all
     select format('%s %s (%s)', lower(privilege_type), attrelid::regclass, string_agg(attname, ', ' order by attname))
       from pg_attribute join pg_class on pg_class.oid = attrelid, aclexplode(attacl)
       where relnamespace in ('keyturn'::regnamespace, 'audit'::regnamespace) and grantee in (0, $1::regrole)
       group by attrelid, privilege_type
     order by 1`,
    [role],
  );
  return rows.map(({ right }) => right);
}

it('the role of the API writes no table', async () => {
  expect(await writesOf('keyturn_api')).toEqual([]);
});

it('the role of the worker adds rows, changes how they stand, and deletes none', async () => {
  expect(await writesOf('keyturn_worker')).toEqual([
    'insert audit.entry',
    'insert audit.payload',
    'insert audit.subject',
    'insert keyturn.decision',
    'insert keyturn.evaluation',
    'insert keyturn.execution',
    'insert keyturn.fact_set',
    'insert keyturn.issuer_key',
    'insert keyturn.plan',
    'insert keyturn.policy_activation',
    'insert keyturn.request',
    'insert keyturn.step',
    'insert keyturn.sweep',
    'insert keyturn.target_trouble',
    'update keyturn.directory_state (singleton)',
    'update keyturn.execution (outcome, settled_at, state, transaction_id, unanswered_at, unanswered_since)',
    'update keyturn.issuer_key (last_seen)',
    'update keyturn.kept_message (consumed_at)',
    'update keyturn.kill_switch_state (singleton)',
    'update keyturn.policy_active (singleton)',
    'update keyturn.reconsideration',
    'update keyturn.request (clocks, decision_digest, denied_by, expires_at, failure, first_pending_at, held_until, ' +
      'is_break_glass, matched_rules, open_selectors, pending_since, plan_digest, requirement, result, risk, ' +
      'risk_reasons, round, shortage, status, summary, updated_at, version)',
    'update keyturn.sweep',
    'update keyturn.target_trouble',
    'update keyturn.window_reservation (claimed_at, released_at)',
  ]);
});

it('nobody else has any right, and no role may make objects', async () => {
  const { rows } = await admin.query(
    `select distinct grantee::regrole::text as role from pg_class, aclexplode(relacl)
       where relnamespace in ('keyturn'::regnamespace, 'audit'::regnamespace)
     union
     select grantee::regrole::text from pg_namespace, aclexplode(nspacl)
       where nspname in ('keyturn', 'audit') and privilege_type <> 'USAGE'
     order by 1`,
  );
  expect(rows).toEqual([{ role: 'keyturn_api' }, { role: 'keyturn_owner' }, { role: 'keyturn_worker' }]);
  const { rows: makers } = await admin.query(
    `select distinct grantee::regrole::text as role from pg_namespace, aclexplode(nspacl)
       where nspname in ('keyturn', 'audit') and privilege_type = 'CREATE'`,
  );
  expect(makers).toEqual([{ role: 'keyturn_owner' }]);
});
