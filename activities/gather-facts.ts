import type { EntityManager } from 'typeorm';

import type { JsonValue } from '../domain/crypto/canonical-json.ts';
import type { SignedRequest } from '../domain/crypto/envelope.ts';
import type { StoredPlan } from '../domain/request/plan.ts';
import { actionOf } from '../domain/policy/policy.ts';
import { planFacts, type PolicyFacts } from '../domain/policy/built-in-facts.ts';
import { factsOf, type PolicyQuery } from '../domain/policy/policy-query.ts';
import { unseal } from '../domain/crypto/sealing.ts';
import { historyOf, reserveWindows } from '../database/counted-facts.ts';
import type { Dependencies } from './dependencies.ts';

/**
 * Gathers everything that policy may know. Reserves what counting windows count, once the request is planned: before that
 * there is no plan.
 */
export async function gatherFacts(
  dependencies: Dependencies,
  manager: EntityManager,
  {
    signed,
    plan,
    ...seen
  }: Pick<PolicyQuery, 'policy' | 'directory' | 'target' | 'at'> & {
    readonly signed: SignedRequest;
    readonly plan: StoredPlan | null;
  },
): Promise<PolicyFacts> {
  const { id, lineage, action, mode, break_glass } = signed;
  const args = await openArguments(dependencies, signed);
  // Without a connector nothing was tried out: what stands in for a plan says nothing that a rule could ask about.
  const hasPlan = actionOf(seen.policy, action)?.connector !== null;
  const planned = plan && hasPlan ? planFacts(plan) : null;
  const query = { ...seen, id, lineage, action, mode, break_glass, args, plan: planned };
  const [history, windows] = await Promise.all([
    historyOf(manager, query),
    plan === null ? null : reserveWindows(manager, query),
  ]);
  return factsOf(query, { history, windows });
}

/** The arguments of a request whose signature was verified. */
export async function openArguments(
  { sealingKeys }: Dependencies,
  signed: SignedRequest,
): Promise<Readonly<Record<string, JsonValue>>> {
  const opened = await unseal(signed.arguments, `${signed.id}/arguments`, sealingKeys);
  return opened as Readonly<Record<string, JsonValue>>;
}
