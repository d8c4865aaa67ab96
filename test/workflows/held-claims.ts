import { Client } from 'pg';

import { policyDigest, type PolicySet } from '../../domain/policy.ts';
import type { Stack } from '../stack/stack.ts';

/** What may be done while no execution can be claimed. Committed together when the claims are let go. */
export interface HeldClaims {
  /** The transaction that holds the claims, as superuser. */
  readonly admin: Client;
  /** Makes another policy the active one, as publishing it does. */
  changePolicy(change: (policy: PolicySet) => PolicySet): Promise<void>;
}

/**
 * Keeps every claim waiting at the lock of the active policy while `work` goes on: what it does lies between approval
 * and claim. The policy of before is active again once `afterwards` is through.
 */
export async function withHeldClaims(
  stack: Stack,
  work: (held: HeldClaims) => Promise<void>,
  afterwards: () => Promise<void>,
): Promise<void> {
  const admin = new Client({ connectionString: stack.databases.keyturn.admin });
  await admin.connect();
  try {
    await admin.query('begin');
    const active = await lockActive(admin);
    await work({
      admin,
      changePolicy: async (change) => activate(admin, change(await readPolicy(admin, active))),
    });
    await admin.query('commit');
    await afterwards();
    await admin.query('update keyturn.policy_active set generation = generation + 1, digest = $1', [active]);
  } finally {
    await admin.end();
  }
}

async function lockActive(admin: Client): Promise<string> {
  const { rows } = await admin.query<{ digest: string }>(
    'select digest from keyturn.policy_active for update',
  );
  return rows[0]?.digest ?? '';
}

async function readPolicy(admin: Client, digest: string): Promise<PolicySet> {
  const { rows } = await admin.query<{ body: PolicySet }>(
    'select body from keyturn.policy_set where digest = $1',
    [digest],
  );
  if (!rows[0]) throw new Error('There is no policy.');
  return rows[0].body;
}

async function activate(admin: Client, policy: PolicySet): Promise<void> {
  const digest = policyDigest(policy);
  await admin.query(
    `insert into keyturn.policy_set (digest, body, installed_by) values ($1, $2, 'test') on conflict do nothing`,
    [digest, JSON.stringify(policy)],
  );
  await admin.query('update keyturn.policy_active set generation = generation + 1, digest = $1', [digest]);
}
