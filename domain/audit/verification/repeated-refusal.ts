import type { Leaf } from '../leaf.ts';
import { checkDecision, type DecisionFacts } from '../../approval/decision.ts';
import type { SignedDecision } from '../../crypto/envelope.ts';
import { ownersByArguments } from '../../approval/owners.ts';
import type { StoredFacts } from '../../policy/built-in-facts.ts';
import type { CountedDecision } from '../../approval/quorum.ts';
import type { Directory } from '../../identity/directory.ts';
import type { Requirement } from '../../request/requirement.ts';
import { countedBefore, type PendingLeaf } from './evidence.ts';
import type { Subject } from './finding.ts';
import { decisionInputs, type DecisionInputs } from './people.ts';

/** A decision that an entry refuses, while people could decide. */
export interface Refusal {
  readonly leaf: Leaf;
  readonly signed: SignedDecision;
  readonly pending: PendingLeaf;
  readonly status: 'pending' | 'approved';
}

/** Everything that the check of a decision is repeated with, except the directory. */
interface Repetition extends Refusal, Omit<DecisionInputs, 'inputs' | 'directories'> {
  readonly args: StoredFacts['args'];
  readonly decisions: readonly CountedDecision[];
}

/**
 * Checks a refused decision once more, with the directories of when it was made and recorded. It counts only where it
 * does by each of them; what services said of who is on call, and clocks of rules, can only have seated more people.
 */
export function repeatedRefusal(
  subject: Subject,
  refused: Refusal,
): 'counts' | 'refused' | { readonly notShown: string } {
  const known = decisionInputs(subject, refused.leaf);
  if (typeof known === 'string') return { notShown: known };
  const repetition = repetitionOf(subject, refused, known);
  if (!repetition) return { notShown: 'who could decide is erased' };
  const checks = known.directories.map((directory) => checkDecision(factsOf(repetition, directory)));
  return checks.every(({ ok }) => ok) ? 'counts' : 'refused';
}

function repetitionOf(
  { material }: Subject,
  refused: Refusal,
  { inputs, directories: _each, ...known }: DecisionInputs,
): Repetition | null {
  const { leaf, pending } = refused;
  const stored = inputs.facts.find(({ digest }) => digest === pending.leaf.facts['facts_digest']);
  const counted = countedBefore(material, pending.round, leaf.n);
  const decisions = counted.flatMap((decision) => {
    const person = inputs.people[decision.person];
    return person === undefined ? [] : [{ ...decision, person }];
  });
  if (!stored || decisions.length < counted.length) return null;
  const { args } = stored.body as unknown as StoredFacts;
  return { ...refused, ...known, args, decisions };
}

function factsOf(
  { request, policies, atCreation, args, decisions, leaf, signed, pending, status }: Repetition,
  directory: Directory,
): DecisionFacts {
  const { defer, verdict, takes_back, reviewer, grade, decision_digest, reason } = signed;
  const { lineage } = request;
  return {
    request: {
      status,
      decision_digest: pending.leaf.decision_digest,
      lineage,
      requirement: withoutClocks(pending.requirement),
      pending_since: pending.pending_since,
      expires_at: pending.expires_at,
      owners: ownersByArguments(policies.now, { ...request, args }),
      decisions,
    },
    attempt: {
      decision_digest,
      verdict,
      ...(takes_back === undefined ? {} : { takes_back }),
      reviewer,
      grade,
      defer,
      is_human: true,
      has_reason: reason !== null,
      // A ticket is dated by its use, which is no later than its entry.
      at: signed.ticket_expires_at === null ? signed.issued_at : leaf.at,
    },
    directories: {
      now: directory,
      at_creation: atCreation,
      rotations: { now: policies.now.rotations, at_creation: policies.atCreation.rotations },
      owners_at_creation: ownersByArguments(policies.atCreation, { ...request, args }),
    },
  };
}

/** By a clock of its own a rule escalates later than the wall says: nobody is taken for seated because of it. */
function withoutClocks({ rules, ...rest }: Requirement): Requirement {
  return {
    ...rest,
    rules: rules.map(({ clock, stages, ...rule }) => ({
      ...rule,
      stages: clock === undefined ? stages : stages.map((stage) => ({ ...stage, escalate: [] })),
    })),
  };
}
