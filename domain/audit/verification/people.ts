import { counted } from '../../cards/counted.ts';
import type { Leaf } from '../leaf.ts';
import { personOf, type Directory, type Person } from '../../identity/directory.ts';
import type { SignedDecision, SignedRequest } from '../../crypto/envelope.ts';
import { standsBehind } from '../../identity/own-request.ts';
import { ownersByArguments } from '../../approval/owners.ts';
import type { PolicySet } from '../../policy/policy.ts';
import type { StoredFacts } from '../../policy/built-in-facts.ts';
import type { Selector } from '../../request/requirement.ts';
import { directoryOf } from './evaluation.ts';
import { receivedRequestOf, signedDecisionIn } from './envelopes.ts';
import { nameOf, pendingBefore, type DecisionLeaf, type PendingLeaf } from './evidence.ts';
import type { Finding, Subject } from './finding.ts';
import { isAcceptedReviewer, isSelected, type SelectorScope } from '../../approval/seats.ts';
import { NO_INPUTS, policyNamed } from './inputs.ts';
import type { EvaluationInputs } from '../../../contract/evidence.ts';

/** By what it is told who could decide. */
export interface DecisionInputs {
  readonly inputs: EvaluationInputs;
  readonly request: SignedRequest;
  readonly policies: { readonly now: PolicySet; readonly atCreation: PolicySet };
  /** The directory may have changed between the decision and its recording: any of these may be meant. */
  readonly directories: readonly Directory[];
  readonly atCreation: Directory;
}

/** What there is of it for an entry that counts or refuses a decision, or what is missing. */
export function decisionInputs(subject: Subject, leaf: Leaf): DecisionInputs | string {
  const { material } = subject;
  const { inputs } = material.evidence;
  if (!inputs) return NO_INPUTS;
  const request = receivedRequestOf(subject);
  if (!request) return 'the signed request is not in the evidence';
  const now = policyNamed(material, leaf.policy?.digest);
  const atCreation = policyNamed(material, request.policy_digest);
  if (!now || !atCreation) return 'the policy that says who may decide is not in the evidence';
  const known = inputs.decisions.find(({ decision }) => decision === leaf.facts['decision']);
  if (!known || known.directories.length === 0) return 'the directory of then is not in the evidence';
  return {
    inputs,
    request,
    policies: { now, atCreation },
    directories: known.directories.map(directoryOf),
    atCreation: directoryOf(inputs.directory_at_creation),
  };
}

/** A decision, and all that says who made it and what that person could decide. */
interface Entitlement extends Omit<DecisionInputs, 'inputs' | 'directories'> {
  readonly decision: DecisionLeaf;
  readonly pending: PendingLeaf;
  readonly signed: SignedDecision;
  /** The person that the pseudonym of the entry stands for. */
  readonly named: string | undefined;
  readonly directory: Directory;
  readonly args: StoredFacts['args'];
}

type Check = (entitlement: Entitlement, person: Person) => string | null;

/**
 * Each decision counts for the person whose account signed it, who was active, not behind the request, and in the groups
 * whose seats it fills: by the directory of then, and by that of the request's creation.
 */
export function decidersEntitled(subject: Subject): Finding {
  const notShown: string[] = [];
  const problems = subject.material.decisions.flatMap((decision) => {
    const candidates = entitlementsOf(subject, decision);
    if (typeof candidates === 'string') {
      notShown.push(`${nameOf(decision.leaf)}: ${candidates}`);
      return [];
    }
    // Any of the directories will do.
    const faults = candidates.map(faultOf);
    const [first] = faults;
    if (first === undefined || faults.includes(null)) return [];
    if (first === ON_CALL) notShown.push(`${nameOf(decision.leaf)}: ${ON_CALL}`);
    return first === ON_CALL ? [] : [`${nameOf(decision.leaf)} ${first}`];
  });
  return {
    problems,
    notShown,
    checked: `${counted(subject.material.decisions.length, 'decision')}: people and seats`,
  };
}

/** Why it cannot be told, or one for each directory that may be meant. */
function entitlementsOf(subject: Subject, decision: DecisionLeaf): string | readonly Entitlement[] {
  const { leaf, round, person } = decision;
  const found = decisionInputs(subject, leaf);
  if (typeof found === 'string') return found;
  const signed = signedDecisionIn(subject.envelopes, leaf);
  const pending = pendingBefore(subject.material, round, leaf.n);
  if (!signed || !pending) return 'what was signed or asked is not there';
  const { inputs, directories, ...words } = found;
  const [named, args] = [inputs.people[person], argumentsOf(inputs, pending)];
  return directories.map((directory) => ({ ...words, decision, pending, signed, named, directory, args }));
}

function argumentsOf({ facts }: EvaluationInputs, { leaf }: PendingLeaf): StoredFacts['args'] {
  const found = facts.find(({ digest }) => digest === leaf.facts['facts_digest']);
  return (found?.body as unknown as StoredFacts | undefined)?.args ?? {};
}

function faultOf(entitlement: Entitlement): string | null {
  const person = personOf(entitlement.directory, entitlement.signed.reviewer);
  if (!person) return 'was made by an account of nobody in the directory';
  for (const check of CHECKS) {
    const fault = check(entitlement, person);
    if (fault !== null) return fault;
  }
  return null;
}

const CHECKS: readonly Check[] = [
  ({ named }, person) =>
    named === person.id ? null : 'counts for another person than whose account signed it',
  (_entitlement, person) => (person.active ? null : 'was made by somebody who was deactivated'),
  ({ atCreation, signed }, person) =>
    personOf(atCreation, signed.reviewer)?.id === person.id
      ? null
      : "was made by an account that was not the person's when the request was made",
  ({ request, signed, directory, atCreation }, person) =>
    standsBehind(request.lineage, { account: signed.reviewer, person }, [directory, atCreation])
      ? 'was made by somebody behind the request'
      : null,
  unseated,
];

/** What services said of rotations is not in the evidence. */
const ON_CALL = 'who was on call by a service is not in the evidence';

function unseated(entitlement: Entitlement, person: Person): string | null {
  const { decision, pending, policies } = entitlement;
  if (decision.verdict === 'take_back') return null;
  if (decision.seats.length === 0) return 'fills no seat';
  for (const seat of decision.seats) {
    const rule = pending.requirement.rules[seat.rule];
    const selectors = selectorsOf(entitlement, seat);
    if (!rule || selectors === null) return 'fills a seat that nobody was asked for';
    const directories = { now: entitlement.directory, at_creation: entitlement.atCreation };
    if (!isAcceptedReviewer(rule, directories, person.id))
      return 'fills a seat whose rule accepts others only';
    if (selectors.some((selector) => isSeated(entitlement, selector, person.id))) continue;
    const isPolled = selectors.some((selector) => isKeptByService(policies.now, selector));
    return isPolled ? ON_CALL : 'fills a seat of a group that the person was not in';
  }
  return null;
}

/** Those of the stage, and of its escalations that were due by the clock on the wall, which no other clock is ahead of. */
function selectorsOf(
  { decision, pending }: Entitlement,
  seat: DecisionLeaf['seats'][number],
): readonly Selector[] | null {
  const stage = pending.requirement.rules[seat.rule]?.stages[seat.stage];
  if (!stage) return null;
  const elapsedMs = seat.after_ms ?? Date.parse(decision.at) - Date.parse(pending.pending_since);
  const due = stage.escalate.filter(({ after_ms }) => after_ms <= elapsedMs).map(({ to }) => to);
  return [...stage.any, ...due];
}

function isSeated(entitlement: Entitlement, selector: Selector, person: string): boolean {
  const { policies, directory, atCreation, request, args, decision } = entitlement;
  const scope = (policy: PolicySet, one: Directory, onCallAt: string | null): SelectorScope => ({
    directory: one,
    owners: ownersByArguments(policy, { ...request, args }),
    rotations: policy.rotations,
    duty_at: onCallAt,
  });
  return (
    isSelected(scope(policies.now, directory, decision.at), selector, person) &&
    isSelected(scope(policies.atCreation, atCreation, null), selector, person)
  );
}

function isKeptByService({ polled_rotations: polled = [] }: PolicySet, selector: Selector): boolean {
  return polled.some(({ id }) => selector === `oncall:${id}`);
}
