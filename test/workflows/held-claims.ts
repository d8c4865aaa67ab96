import { Client } from 'pg';

import type { Stack } from '../stack/stack.ts';
import { activate, activePolicy, type PolicyChange } from './policies.ts';

/** What may be done while no execution can be claimed. Committed together when the claims are let go. */
export interface HeldClaims {
  /** The transaction that holds the claims, as superuser. */
  readonly admin: Client;
  /** Makes another policy the active one, as publishing it does. */
  changePolicy(change: PolicyChange): Promise<void>;
}

/**
 * Keeps every claim waiting at the lock of the active policy while `work` goes on: what it does lies between approval
 * and claim. The earlier policy is active again once `afterwards` is through.
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
    await admin.query('select 1 from keyturn.policy_active for update');
    const policy = await activePolicy(admin);
    await work({ admin, changePolicy: (change) => activate(admin, change(policy)) });
    await admin.query('commit');
    await afterwards();
    await activate(admin, policy);
  } finally {
    await admin.end();
  }
}
