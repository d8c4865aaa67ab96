import { canonicalJson } from '../crypto/canonical-json.ts';
import { unchangedDirectories } from '../approval/decision.ts';
import { requirementDigest } from '../request/digests.ts';
import type { Directory } from '../identity/directory.ts';
import { combinedRequirement } from '../policy/combined-requirement.ts';
import { evaluate } from '../policy/evaluation.ts';
import type { Lineage } from '../identity/identity.ts';
import { ownersOf, type OwnedRequest } from '../approval/owners.ts';
import type { PolicySet } from '../policy/policy.ts';
import { recalledFacts, type PolicyFacts, type StoredFacts } from '../policy/built-in-facts.ts';
import { requestFacts } from '../policy/request-facts.ts';
import type { CountedDecision } from '../approval/quorum.ts';
import { mayStillAsk } from './requester.ts';
import { selectorsOfRule, type Requirement } from '../request/requirement.ts';
import { EligiblePeople, shortagesOf, type Shortage } from '../approval/satisfiable.ts';
import { standingSeats } from '../approval/seats.ts';

/** A request that waits for people, as it was last evaluated and decided. */
export interface WaitingRequest extends OwnedRequest {
  readonly id: string;
  readonly lineage: Lineage;
  readonly requirement: Requirement | null;
  /** Null when the facts were erased. */
  readonly facts: StoredFacts | null;
  readonly shortage: readonly Shortage[] | null;
  /** The approvals of the round. */
  readonly approvals: readonly Pick<CountedDecision, 'person' | 'seats' | 'at'>[];
}

/** What holds now. */
export interface Today {
  readonly policy: PolicySet;
  readonly directory: Directory;
  /** RFC 3339 UTC. */
  readonly at: string;
}

/**
 * Whether a waiting request must be looked at again: today's rules or people would end it, require more than it does,
 * or need other people. In doubt it must. A hint only: the workflow decides from the facts of that moment. Who is eligible may be
 * shared by all requests that are held against the same policy and directory.
 */
export function mustReconsider(
  request: WaitingRequest,
  today: Today,
  eligible = new EligiblePeople(),
): boolean {
  const { lineage, requirement, facts } = request;
  const recalled = facts && factsOfToday(facts, lineage, today);
  if (!recalled || !requirement) return true;
  // Who is not known any more is told by the claim, which knows whom the directory knew.
  const directories = { now: today.directory, at_creation: today.directory };
  if (!mayStillAsk(directories, { action: recalled.action, lineage })) return true;
  const evaluation = evaluate(today.policy, { ...recalled, at: today.at }, 'planned');
  if (evaluation.effect === 'forbid') return true;
  const required = combinedRequirement(requirement, evaluation);
  if (required === null || requirementDigest(required) !== requirementDigest(requirement)) return true;
  return asksOthers({ request, requirement, eligible }, today);
}

interface Waiting {
  readonly request: WaitingRequest;
  readonly requirement: Requirement;
  readonly eligible: EligiblePeople;
}

/**
 * Whether other people can decide it than could: somebody's approval is worth less, or there are too few, or enough
 * again. As if everybody of today had been there when it was made: the later check knows who was.
 */
function asksOthers({ request, requirement, eligible }: Waiting, { policy, directory }: Today): boolean {
  const owners = ownersOf(policy, request);
  // Only their services know these, and the later check reads the last answers.
  if (namesPolled(policy, requirement, owners)) return false;
  const directories = unchangedDirectories({ directory, rotations: policy.rotations }, owners);
  const { lineage, approvals, shortage } = request;
  const decidable = { lineage, requirement, owners, decisions: approvals };
  const standing = standingSeats(decidable, directories);
  if (approvals.some(({ seats }, index) => standing[index]?.length !== seats.length)) return true;
  const facts = { requirement, owners, directories };
  const shortages = shortagesOf({ ...facts, lineage }, eligible.of(facts));
  return canonicalJson(shortages) !== canonicalJson(shortage ?? []);
}

function namesPolled(
  { polled_rotations: polled = [] }: PolicySet,
  { rules }: Requirement,
  owners: readonly string[],
): boolean {
  const selectors = rules.flatMap(selectorsOfRule);
  return polled.some(({ id }) => [...selectors, ...owners].includes(`oncall:${id}`));
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
