import type { EntityManager } from 'typeorm';

import { readCandidate } from '../../../database/policy-candidates.ts';
import type { ActivePolicy } from '../../../database/readers.ts';
import { digestOf } from '../../../domain/digest.ts';
import type { PolicySet } from '../../../domain/policy.ts';
import { digestSchema } from '../../../domain/wire-policies.ts';
import type { ConnectorCall, PlanRefusal } from '../connector.ts';
import { checkCandidate } from './candidate-checker.ts';
import type { Publication } from './plan-publication.ts';

/** A policy that may follow on the active one, or why it may not. */
export type CheckedCandidate =
  { readonly kind: 'good'; readonly base: PolicySet; readonly candidate: PolicySet } | PlanRefusal;

/** Which policy is to follow on which. The arguments were checked by their schema: anything else is a fault. */
export function publicationOf({ arguments: { candidate, base } }: ConnectorCall): Publication {
  return { candidate: digestSchema.parse(candidate), base: digestSchema.parse(base) };
}

/** Reads the candidate and checks all of it, as if it were loaded now, by this version. Nothing that was said of it is believed. */
export async function checkedCandidate(
  manager: EntityManager,
  { candidate, base }: Publication,
  active: ActivePolicy | null,
): Promise<CheckedCandidate> {
  if (active?.digest !== base)
    return refuse('policy_base_changed', `The active policy is ${active?.digest ?? 'none'}, not ${base}.`);
  if (candidate === base) return refuse('policy_unchanged', 'This policy is the active one.');
  const body = await readCandidate(manager, candidate);
  if (body === null) return refuse('policy_unknown', 'Nobody proposed such a policy.');
  if (digestOf(body) !== candidate)
    return refuse('policy_invalid', 'The stored policy is not the one that its digest names.');
  const problems = await checkCandidate(body);
  if (problems.length > 0) return refuse('policy_invalid', problems.join('\n'));
  const policy = body as unknown as PolicySet;
  if (active.policy.operators !== undefined && policy.operators === undefined)
    return refuse('policy_invalid', 'It names no operators: nobody could stop anything, or publish again.');
  return { kind: 'good', base: active.policy, candidate: policy };
}

function refuse(code: PlanRefusal['code'], detail: string): PlanRefusal {
  return { kind: 'refused', code, detail };
}
