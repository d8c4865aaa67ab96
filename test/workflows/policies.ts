import type { Client } from 'pg';

import type { Directory } from '../../domain/directory.ts';
import { policyDigest, type PolicySet, type Rule } from '../../domain/policy.ts';
import type { RuleRequirement } from '../../domain/requirement.ts';

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

/** Activates a policy as publishing it does. */
export async function activate(admin: Client, policy: PolicySet): Promise<void> {
  const digest = policyDigest(policy);
  await admin.query(
    `insert into keyturn.policy_set (digest, body, installed_by) values ($1, $2, 'test') on conflict do nothing`,
    [digest, JSON.stringify(policy)],
  );
  await admin.query('update keyturn.policy_active set generation = generation + 1, digest = $1', [digest]);
  await synchronise(admin, policy.directory);
}

/** Makes the file's part of the directory another one. */
export async function synchronise(admin: Client, directory: Directory): Promise<void> {
  await admin.query('select keyturn.synchronise_file_directory($1)', [JSON.stringify(directory)]);
}

/** Changes one rule. */
export function changeRule(id: string, change: (rule: Rule) => Rule): PolicyChange {
  return (policy) => ({
    ...policy,
    rules: policy.rules.map((rule) => (rule.id === id ? change(rule) : rule)),
  });
}

/** Changes what one rule demands. */
export function changeDemand(id: string, change: (demand: RuleRequirement) => RuleRequirement): PolicyChange {
  return changeRule(id, (rule) => {
    if (!rule.require) throw new Error(`The rule ${id} demands nothing.`);
    return { ...rule, require: change(rule.require) };
  });
}
