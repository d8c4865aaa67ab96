import type { Leaf } from '../leaf.ts';
import { checkDecision, type DecisionFacts } from '../../approval/decision.ts';
import type { SignedDecision, SignedRequest } from '../../crypto/envelope.ts';
import { ownersByArguments } from '../../approval/owners.ts';
import type { PolicySet } from '../../policy/policy.ts';
import type { StoredFacts } from '../../policy/built-in-facts.ts';
import type { CountedDecision } from '../../approval/quorum.ts';
import type { Requirement } from '../../request/requirement.ts';
import { directoryOf } from './evaluation.ts';
import { receivedRequestOf } from './envelopes.ts';
import { countedBefore, type PendingLeaf } from './evidence.ts';
import type { Subject } from './finding.ts';
import { NO_INPUTS, policyNamed } from './inputs.ts';
import type { EvaluationInputs } from '../../../contract/evidence.ts';

/** A decision that an entry refuses, while people could decide. */
export interface Refusal {
  readonly leaf: Leaf;
  readonly signed: SignedDecision;
  readonly pending: PendingLeaf;
  readonly status: 'pending' | 'approved';
}

/** Everything that the check of a decision is repeated with, except the directory. */
interface Repetition extends Refusal {
  readonly inputs: EvaluationInputs;
  readonly request: SignedRequest;
  readonly policies: { readonly now: PolicySet; readonly atCreation: PolicySet };
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
  const repetition = repetitionOf(subject, refused);
  if (typeof repetition === 'string') return { notShown: repetition };
  const known = repetition.inputs.decisions.find(({ decision }) => decision === refused.signed.id);
  if (!known || known.directories.length === 0)
    return { notShown: 'the directory of then is not in the evidence' };
  const checks = known.directories.map((part) => checkDecision(factsOf(repetition, part)));
  return checks.every(({ ok }) => ok) ? 'counts' : 'refused';
}

/** Or why it cannot be repeated. */
function repetitionOf(subject: Subject, refused: Refusal): Repetition | string {
  const { material } = subject;
  const { inputs } = material.evidence;
  if (!inputs) return NO_INPUTS;
  const { leaf, pending } = refused;
  const request = receivedRequestOf(subject);
  if (!request) return 'the signed request is not in the evidence';
  const now = policyNamed(material, leaf.policy?.digest);
  const atCreation = policyNamed(material, request.policy_digest);
  if (!now || !atCreation) return 'the policy that says who may decide is not in the evidence';
  const stored = inputs.facts.find(({ digest }) => digest === pending.leaf.facts['facts_digest']);
  const counted = countedBefore(material, pending.round, leaf.n);
  const decisions = counted.flatMap((decision) => {
    const person = inputs.people[decision.person];
    return person === undefined ? [] : [{ ...decision, person }];
  });
  if (!stored || decisions.length < counted.length) return 'who could decide is erased';
  const { args } = stored.body as unknown as StoredFacts;
  return { ...refused, inputs, request, policies: { now, atCreation }, args, decisions };
}

function factsOf(
  { inputs, request, policies, args, decisions, leaf, signed, pending, status }: Repetition,
  part: EvaluationInputs['directory_at_creation'],
): DecisionFacts {
  const { now, atCreation } = policies;
  const { defer, verdict, reviewer, grade, decision_digest, reason } = signed;
  const { lineage } = request;
  return {
    request: {
      status,
      decision_digest: pending.leaf.decision_digest,
      lineage,
      requirement: withoutClocks(pending.requirement),
      pending_since: pending.pending_since,
      expires_at: pending.expires_at,
      owners: ownersByArguments(now, { ...request, args }),
      decisions,
    },
    attempt: {
      decision_digest,
      verdict,
      reviewer,
      grade,
      defer,
      is_human: true,
      has_reason: reason !== null,
      // A ticket is dated by its use, which is no later than its entry.
      at: signed.ticket_expires_at === null ? signed.issued_at : leaf.at,
    },
    directories: {
      now: directoryOf(part),
      at_creation: directoryOf(inputs.directory_at_creation),
      rotations: { now: now.rotations, at_creation: atCreation.rotations },
      owners_at_creation: ownersByArguments(atCreation, { ...request, args }),
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
