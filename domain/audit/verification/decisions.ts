import { counted } from '../../cards/counted.ts';
import type { Leaf } from '../leaf.ts';
import { mayAnswer } from '../../approval/decision.ts';
import { isStop } from '../../approval/take-back.ts';
import { isSameIdentity, identityKey } from '../../identity/identity.ts';
import {
  hasFurtherSeat,
  isFreshForAll,
  takenBack,
  tally,
  withoutTakenBack,
  type Tally,
} from '../../approval/quorum.ts';
import { phaseBefore } from './course.ts';
import { signedDecisionIn } from './envelopes.ts';
import {
  countedBefore,
  nameOf,
  opensRound,
  pendingBefore,
  type DecisionLeaf,
  type Material,
  type PendingLeaf,
} from './evidence.ts';
import { type Finding, type Subject } from './finding.ts';

/** Each decision is on exactly what was asked in its round. */
export function digestsAgree({ material }: Subject): Finding {
  return eachDecision(material, (decision, pending) => {
    const digest = pending.leaf.decision_digest;
    return digest !== null && decision.leaf.decision_digest === digest
      ? []
      : ['is on another digest than its round asked'];
  });
}

/** Nobody of the lineage decided: neither as a person (by pseudonym) nor with an account that the request names. */
export function nobodyOwn({ material, envelopes }: Subject): Finding {
  const lineage = envelopes.flatMap(({ payload }) => (payload?.kind === 'request' ? payload.lineage : []));
  return eachDecision(material, (decision, pending) => {
    const reviewer = signedDecisionIn(envelopes, decision.leaf)?.reviewer;
    const isOwnAccount = reviewer !== undefined && lineage.some((member) => isSameIdentity(member, reviewer));
    const isOwn = isOwnAccount || pending.lineage_persons.includes(decision.person);
    return isOwn ? ['was made by somebody behind the request'] : [];
  });
}

/** Nobody answers twice in a round while the first answer counts, but to stop what they approved; and no account stands for two people. */
export function distinctPeople({ material, envelopes }: Subject): Finding {
  const personByAccount = new Map<string, string>();
  return eachDecision(material, (decision, pending) => {
    const reviewer = signedDecisionIn(envelopes, decision.leaf)?.reviewer;
    const account = reviewer ? identityKey(reviewer) : decision.person;
    const known = personByAccount.get(account) ?? decision.person;
    personByAccount.set(account, known);
    const problems = known === decision.person ? [] : ['counts one account as another person than before'];
    return isSecondAnswer(material, decision, pending)
      ? [...problems, 'is a second answer of the same person']
      : problems;
  });
}

/** One that fills a seat which no answer before could is a further one: for it was asked anew. */
function isSecondAnswer(material: Material, decision: DecisionLeaf, pending: PendingLeaf): boolean {
  if (decision.verdict === 'take_back') return false;
  const answers = withoutTakenBack(countedBefore(material, decision.round, decision.leaf.n)).filter(
    (earlier) =>
      earlier.person === decision.person &&
      earlier.verdict !== 'defer' &&
      isFreshForAll(pending.requirement, earlier, decision.at),
  );
  if (mayAnswer(decision.verdict, answers)) return false;
  return decision.verdict !== 'approve' || !hasFurtherSeat(decision.seats, answers);
}

/** Who takes an approval back made it themselves, in the same round, and takes it back once. */
export function ownTakenBack({ material }: Subject): Finding {
  return eachDecision(material, ({ verdict, takes_back: id, person, round, leaf }) => {
    if (verdict !== 'take_back') return [];
    const before = countedBefore(material, round, leaf.n);
    const named = before.find((decision) => decision.id === id);
    if (named?.verdict !== 'approve') return ['takes back what is no approval of its round'];
    if (named.person !== person) return ['takes back the approval of another person'];
    return takenBack(before).has(named.id) ? ['takes back what was taken back before'] : [];
  });
}

/** Every decision was made before the request expired. */
export function beforeExpiry({ material }: Subject): Finding {
  return eachDecision(material, (decision, pending) => {
    // What is approved can be stopped as long as it is not claimed.
    const stops = isStop(decision.verdict) && phaseBefore(material, decision.leaf) === 'approved';
    const isInTime = Date.parse(decision.at) < Date.parse(pending.expires_at);
    return stops || isInTime ? [] : ['was made after the expiry'];
  });
}

/** The recorded standing follows from the recorded decisions, at every approval, denial and claim. */
export function tallyReplays({ material }: Subject): Finding {
  const milestones = material.stream.flatMap((leaf) => {
    const expected = expectedStanding(material, leaf);
    return expected === null ? [] : [{ leaf, expected }];
  });
  const problems = milestones.flatMap(({ leaf, expected }) => {
    const pending = pendingBefore(material, leaf.facts['round'], leaf.n);
    if (!pending) return [`${nameOf(leaf)}: nothing was asked in its round`];
    const { standing } = replay(material, pending, leaf);
    return standing === expected
      ? []
      : [`${nameOf(leaf)}: the decisions add up to ${standing}, not ${expected}`];
  });
  return { problems, checked: `${counted(milestones.length, 'result')} recomputed` };
}

/** What the decisions recorded before an entry come to when it was written. */
export function replay(material: Material, pending: PendingLeaf, leaf: Leaf): Tally {
  // By wall-clock time, which no business time is ahead of: what was seated by the one is seated by the other.
  const rules = pending.requirement.rules.map(({ clock: _clock, ...rule }) => rule);
  return tally({
    requirement: { ...pending.requirement, rules },
    pending_since: pending.pending_since,
    decisions: countedBefore(material, pending.round, leaf.n),
    now: leaf.at,
  });
}

/** What the decisions before an entry must add up to; null where the entry does not rest on decisions. */
function expectedStanding(material: Material, leaf: Leaf): Tally['standing'] | null {
  if (leaf.type === 'request.approved') return 'approved';
  if (leaf.type === 'execution.claimed') return isAllowedByPolicy(material, leaf) ? null : 'approved';
  return leaf.type === 'request.denied' && leaf.facts['by'] !== 'policy' ? 'denied' : null;
}

function isAllowedByPolicy(material: Material, leaf: Leaf): boolean {
  const opened = material.stream.findLast((other) => other.n < leaf.n && opensRound(other));
  return opened?.type === 'request.allowed';
}

/** Runs a check over each decision together with what was asked at that moment. */
function eachDecision(
  material: Material,
  check: (decision: DecisionLeaf, pending: PendingLeaf) => readonly string[],
): Finding {
  const problems = material.decisions.flatMap((decision) => {
    const pending = pendingBefore(material, decision.round, decision.leaf.n);
    const found = pending ? check(decision, pending) : ['answers a round in which nothing was asked'];
    return found.map((problem) => `${nameOf(decision.leaf)} ${problem}`);
  });
  return { problems, checked: counted(material.decisions.length, 'decision') };
}
