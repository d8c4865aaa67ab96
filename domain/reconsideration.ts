import { requirementDigest } from './digest.ts';
import type { Directory } from './directory.ts';
import { combinedRequirement, evaluate } from './evaluation.ts';
import type { Lineage } from './identity.ts';
import type { PolicySet } from './policy.ts';
import { recalledFacts, requestFacts, type PolicyFacts, type StoredFacts } from './policy-facts.ts';
import { mayStillAsk } from './requester.ts';
import type { Requirement } from './requirement.ts';

/** A request that waits for people, as it was last evaluated. */
export interface WaitingRequest {
  readonly id: string;
  readonly lineage: Lineage;
  readonly requirement: Requirement | null;
  /** Null when the facts were erased. */
  readonly facts: StoredFacts | null;
}

/** What holds now. */
export interface Today {
  readonly policy: PolicySet;
  readonly directory: Directory;
  /** RFC 3339 UTC. */
  readonly at: string;
}

/**
 * Whether a waiting request must be looked at again: today's rules or people would end it, or ask for more than it asks
 * for. In doubt it must. A hint only: whoever looks decides from the facts of that moment.
 */
export function mustReconsider({ lineage, requirement, facts }: WaitingRequest, today: Today): boolean {
  const recalled = facts && factsOfToday(facts, lineage, today);
  if (!recalled || !requirement) return true;
  // Who is not known any more is told by the claim, which knows whom the directory knew.
  const directories = { now: today.directory, at_creation: today.directory };
  if (!mayStillAsk(directories, { action: recalled.action, lineage })) return true;
  const evaluation = evaluate(today.policy, { ...recalled, at: today.at }, 'planned');
  if (evaluation.effect === 'forbid') return true;
  const demanded = combinedRequirement(requirement, evaluation);
  return demanded === null || requirementDigest(demanded) !== requirementDigest(requirement);
}

/** The same request, asked by the same identities, in the directory of today. */
function factsOfToday(
  facts: StoredFacts,
  lineage: Lineage,
  { policy, directory }: Today,
): PolicyFacts | null {
  const { mode, break_glass } = facts.request;
  const request = requestFacts(directory, { mode, break_glass, lineage });
  return recalledFacts(policy, { ...facts, request }, directory);
}
