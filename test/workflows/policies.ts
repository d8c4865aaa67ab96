import type { Client } from 'pg';
import type { EntityManager } from 'typeorm';

import { SYSTEM_ACTOR } from '../../activities/actors.ts';
import { activatePolicy } from '../../activities/policy-install.ts';
import { lockActiveSet } from '../../database/policy-activation.ts';
import type { Directory } from '../../domain/identity/directory.ts';
import { policyDigest, type PolicySet, type Rule } from '../../domain/policy/policy.ts';
import type { RuleRequirement } from '../../domain/request/requirement.ts';

/** Another policy made of one. */
export type PolicyChange = (policy: PolicySet) => PolicySet;

/** Makes a changed policy the active one for the time of `work`. */
export async function withPolicy(
  admin: Client,
  change: PolicyChange,
  work: () => Promise<void>,
): Promise<void> {
  const policy = await activePolicy(admin);
  await activate(admin, change(policy));
  try {
    await work();
  } finally {
    await activate(admin, policy);
  }
}

export async function activePolicy(admin: Client): Promise<PolicySet> {
  const { rows } = await admin.query<{ body: PolicySet }>(
    'select body from keyturn.policy_set join keyturn.policy_active using (digest)',
  );
  if (!rows[0]) throw new Error('There is no policy.');
  return rows[0].body;
}

/** Makes a policy the active one together with its entry, as publishing does. */
export async function activate(admin: Client, policy: PolicySet): Promise<void> {
  const manager = managerOf(admin);
  const active = await lockActiveSet(manager);
  const digest = policyDigest(policy);
  if (active?.digest === digest) return;
  await activatePolicy(manager, active, {
    policy,
    sources: { files: {}, environment: {} },
    digest,
    at: new Date().toISOString(),
    installedBy: 'test',
    actor: { ...SYSTEM_ACTOR, pseudonym: 'sys_operator', via: 'cli' },
    facts: active ? { recovery: true } : {},
  });
}

/** Activation only asks questions, which a connection that is in a transaction of the test answers as well. */
function managerOf(admin: Client): EntityManager {
  const query = async (text: string, values: unknown[]): Promise<unknown> =>
    (await admin.query(text, values)).rows;
  return { query } as unknown as EntityManager;
}

/** Makes the file's part of the directory another one past the log, as only the owner of the database could. */
export async function synchronise(admin: Client, directory: Directory): Promise<void> {
  await admin.query('select keyturn.apply_file_directory($1, keyturn.next_directory_instant())', [
    JSON.stringify(directory),
  ]);
}

/** Changes one rule. */
export function changeRule(id: string, change: (rule: Rule) => Rule): PolicyChange {
  return (policy) => ({
    ...policy,
    rules: policy.rules.map((rule) => (rule.id === id ? change(rule) : rule)),
  });
}

/** Changes what one rule requires. */
export function changeRequirement(
  id: string,
  change: (requirement: RuleRequirement) => RuleRequirement,
): PolicyChange {
  return changeRule(id, (rule) => {
    if (!rule.require) throw new Error(`The rule ${id} requires nothing.`);
    return { ...rule, require: change(rule.require) };
  });
}
