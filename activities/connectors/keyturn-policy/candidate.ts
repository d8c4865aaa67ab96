import type { DataSource } from 'typeorm';

import { readCandidate } from '../../../database/policy-candidates.ts';
import type { PolicyReader } from '../../../database/readers.ts';
import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { digestOf } from '../../../domain/crypto/digest.ts';
import type { PolicySet } from '../../../domain/policy/policy.ts';
import { digestSchema } from '../../../contract/policies.ts';
import type { ConnectorCall, PlanRefusal } from '../connector.ts';
import type { PolicyFindings } from '../../../policy-files/validation.ts';
import { unreadableReferences } from '../references.ts';
import type { Publication } from './plan-publication.ts';

/** More targets than these are not named: the first ones have to be mended anyway. */
const UNREADABLE_MAX = 20;

/** Where candidates and the active policy are, and what checks them. */
export interface CandidateGround {
  readonly source: DataSource;
  readonly policies: PolicyReader;
  /** Finds what is wrong with a policy. */
  readonly check: (candidate: JsonValue) => Promise<PolicyFindings>;
}

/** A policy and the one that it is to follow on. */
export interface PolicyPair {
  readonly base: PolicySet;
  readonly candidate: PolicySet;
}

/** A policy that may follow on the active one, with what those who decide should know of it, or why it may not. */
export type CheckedCandidate =
  (PolicyPair & { readonly kind: 'good'; readonly warnings: readonly string[] }) | PlanRefusal;

/** Which policy is to follow on which. The arguments were checked by their schema: anything else is a fault. */
export function publicationOf({ arguments: { candidate, base } }: ConnectorCall): Publication {
  return { candidate: digestSchema.parse(candidate), base: digestSchema.parse(base) };
}

/** Reads the candidate and checks all of it, as if it were loaded now, by this version. Nothing that was said of it is believed. */
export async function checkedCandidate(
  { source, policies, check }: CandidateGround,
  { candidate, base }: Publication,
): Promise<CheckedCandidate> {
  const active = await policies.active(source.manager);
  if (active?.digest !== base)
    return refuse('policy_base_changed', `The active policy is ${active?.digest ?? 'none'}, not ${base}.`);
  if (candidate === base) return refuse('policy_unchanged', 'This policy is the active one.');
  const body = await readCandidate(source.manager, candidate);
  if (body === null) return refuse('policy_unknown', 'Nobody proposed such a policy.');
  const { problems, warnings } = await findingsOf(check, candidate, body);
  if (problems.length > 0) return refuse('policy_invalid', problems.join('\n'));
  const policy = body as unknown as PolicySet;
  const unreadable = unreadableReferences(policy.targets);
  if (unreadable.length > 0) return refuse('policy_invalid', unreadable.slice(0, UNREADABLE_MAX).join('\n'));
  return goodSuccessor(active.policy, policy, warnings);
}

async function findingsOf(
  check: CandidateGround['check'],
  digest: string,
  body: JsonValue,
): Promise<PolicyFindings> {
  return digestOf(body) === digest
    ? check(body)
    : { problems: ['The stored policy is not the one that its digest names.'], warnings: [] };
}

/** Good on its own is not enough: nobody is left without anybody who could stop things, or publish again. */
function goodSuccessor(base: PolicySet, candidate: PolicySet, warnings: readonly string[]): CheckedCandidate {
  return base.operators !== undefined && candidate.operators === undefined
    ? refuse('policy_invalid', 'It names no operators: nobody could stop anything, or publish again.')
    : { kind: 'good', base, candidate, warnings };
}

function refuse(code: PlanRefusal['code'], detail: string): PlanRefusal {
  return { kind: 'refused', code, detail };
}
