import { clocksBetween } from '../calendar/deadlines.ts';
import { unchangedDirectories, type PolicyPeople } from './decision.ts';
import { seatsOf, type DecidableRequest } from './seats.ts';
import type { Evaluation } from '../policy/evaluation.ts';
import type { PolicySet } from '../policy/policy.ts';
import { tally, type CountedDecision } from './quorum.ts';

/** Approvals that were given, in the order they were made, and under what they were given. */
type GivenApprovals = Pick<DecidableRequest, 'lineage' | 'pending_since' | 'owners' | 'decisions'>;

/**
 * True when these approvals would satisfy another evaluation: each takes the seats that its person could have filled
 * at its time, by the given directory and rotations. Judged at the time of the last approval, when none has grown old since.
 */
export function wouldSuffice(
  { effect, requirement }: Pick<Evaluation, 'effect' | 'requirement'>,
  given: GivenApprovals,
  policy: PolicyPeople & Pick<PolicySet, 'calendars'>,
): boolean {
  if (requirement === null) return effect === 'allow';
  const now = given.decisions.at(-1)?.at ?? given.pending_since;
  const clocks = clocksBetween(requirement.rules, policy.calendars, {
    fromMs: Date.parse(given.pending_since),
    toMs: Date.parse(now),
  });
  const request: Omit<DecidableRequest, 'decisions'> = {
    status: 'pending',
    decision_digest: null,
    lineage: given.lineage,
    requirement,
    pending_since: given.pending_since,
    expires_at: given.pending_since,
    owners: given.owners,
    ...(clocks === null ? {} : { clocks }),
  };
  const decisions: CountedDecision[] = [];
  for (const decision of given.decisions) {
    const facts = {
      request: { ...request, decisions },
      directories: unchangedDirectories(policy, given.owners),
      at: decision.at,
    };
    decisions.push({ ...decision, seats: seatsOf(facts, decision.person) });
  }
  return tally({ requirement, pending_since: given.pending_since, decisions, now }).standing === 'approved';
}
