import { givesItsReason } from '../reopening.ts';
import { counted } from '../../cards/counted.ts';
import type { Leaf, LeafType } from '../leaf.ts';
import type { RequestStatus } from '../../request/status.ts';
import { nameOf, opensRound, pendingBefore, type Material } from './evidence.ts';
import type { Finding, Subject } from './finding.ts';

/** Where a request stands between two entries, as far as the order of entries goes. */
type Phase =
  | 'new'
  | 'received'
  | 'planned'
  | 'pending'
  | 'approved'
  | 'reopened'
  | 'claimed'
  /** A claim was fenced off and another may follow: it executes, and nothing is claimed. */
  | 'unclaimed'
  | 'indeterminate'
  | 'ended';

interface Step {
  /** Phases in which the entry may stand; absent: in any. */
  readonly from?: readonly Phase[];
  /** The phase it leads to; absent: none other. */
  readonly to?: Phase;
  /** The status that it leaves the request in; absent: none other. */
  readonly status?: RequestStatus;
}

/** Entries of the streams that govern everybody stand in no request. */
const NOWHERE: Step = { from: [] };

const PLANNING: readonly Phase[] = ['received', 'planned', 'reopened'];
const UNDECIDED: readonly Phase[] = [...PLANNING, 'pending', 'approved'];
const CLAIMABLE: readonly Phase[] = ['approved', 'unclaimed'];

/**
 * Which entry may follow which: received → planned → pending or allowed → approved → claimed → outcome. A claim that was
 * fenced off may be followed by another; one that was given back, like a stale approval, needs a new plan and round.
 */
const STEPS: Readonly<Record<LeafType, Step>> = {
  'request.received': { from: ['new'], to: 'received', status: 'planning' },
  'request.planned': { from: ['received', 'reopened'], to: 'planned', status: 'planning' },
  'request.plan_failed': { from: PLANNING, to: 'ended', status: 'failed' },
  'request.pending': { from: ['planned'], to: 'pending', status: 'pending' },
  'request.allowed': { from: ['planned'], to: 'approved', status: 'approved' },
  'request.escalated': { from: ['pending'] },
  'request.approved': { from: ['pending'], to: 'approved', status: 'approved' },
  'request.denied': { from: UNDECIDED, to: 'ended', status: 'denied' },
  'request.expired': { from: UNDECIDED, to: 'ended', status: 'expired' },
  'request.withdrawn': { from: UNDECIDED, to: 'ended', status: 'cancelled' },
  'request.withdrawal_refused': {},
  'request.cancelled': { from: [], status: 'cancelled' },
  'request.drifted': { from: [...CLAIMABLE, 'pending'], to: 'reopened', status: 'planning' },
  'request.approval_stale': { from: CLAIMABLE, to: 'reopened', status: 'planning' },
  'request.approval_taken_back': { from: ['approved'], to: 'reopened', status: 'planning' },
  'request.orphaned': { from: [...UNDECIDED, 'unclaimed'], to: 'ended' },
  'request.held': { from: CLAIMABLE },
  'decision.counted': { from: ['pending', 'approved'] },
  'decision.deferred': { from: ['pending'] },
  'decision.taken_back': { from: ['pending', 'approved'] },
  'decision.refused': {},
  'decision.attempt_refused': {},
  'decision.unauthenticated': {},
  'question.asked': { from: ['pending', 'approved'] },
  'question.answered': { from: UNDECIDED },
  'execution.claimed': { from: CLAIMABLE, to: 'claimed', status: 'executing' },
  'execution.succeeded': { from: ['claimed', 'indeterminate'], to: 'ended', status: 'succeeded' },
  'execution.failed': { from: ['claimed', 'unclaimed', 'indeterminate'], to: 'ended', status: 'failed' },
  'execution.not_done': { from: ['claimed', 'indeterminate'], to: 'unclaimed', status: 'executing' },
  'execution.indeterminate': { from: ['claimed'], to: 'indeterminate', status: 'indeterminate' },
  'execution.released': { from: ['claimed'], to: 'reopened', status: 'planning' },
  'gate.allowed': { from: ['new'], to: 'ended', status: 'succeeded' },
  'policy.proposed': NOWHERE,
  'policy.installed': NOWHERE,
  'switch.thrown': NOWHERE,
  'switch.lift_confirmed': NOWHERE,
  'switch.lifted': NOWHERE,
  'directory.changed': NOWHERE,
  'session.started': NOWHERE,
  'session.ended': NOWHERE,
  'key.created': NOWHERE,
  'key.revoked': NOWHERE,
  'account.linked': NOWHERE,
  'account.unlinked': NOWHERE,
  'passkey.registered': NOWHERE,
  'passkey.revoked': NOWHERE,
  'passkey.link_made': NOWHERE,
  'passkey.recovery_agreed': NOWHERE,
};

/** The text of an entry may name a type that there is not. */
function stepOf({ type }: Leaf): Step {
  return (STEPS as Readonly<Record<string, Step | undefined>>)[type] ?? NOWHERE;
}

/** The status that an entry leaves the request in; null where it does not change it. */
export function statusAfter(leaf: Leaf): unknown {
  return leaf.type === 'request.orphaned' ? leaf.facts['status'] : (stepOf(leaf).status ?? null);
}

/** The last entry that says how the request stands. */
export function lastStanding({ stream }: Pick<Material, 'stream'>): Leaf | undefined {
  return stream.findLast(saysHowItStands);
}

/** True for entries that move the request itself. What others add to its log, such as refused attempts, may leave its row. */
export function saysHowItStands(leaf: Leaf): boolean {
  return statusAfter(leaf) !== null;
}

/** Every entry stands where the course of a request allows it, and each round asks about a plan that was made. */
export function inOrder({ material }: Subject): Finding {
  const problems: string[] = [];
  let phase: Phase = 'new';
  let previous: Leaf | undefined;
  for (const leaf of material.stream) {
    const fault = faultOf(leaf, phase, previous);
    if (fault !== null) problems.push(`${nameOf(leaf)} ${fault}`);
    if (!isAside(leaf)) previous = leaf;
    phase = phaseAfter(phase, leaf);
  }
  return {
    problems: [...problems, ...plansMissing(material), ...roundsRepeated(material)],
    checked: phase === 'ended' ? 'it has ended' : `it is ${phase}`,
  };
}

/** True for what the API adds to the log of a request by itself: it comes between any two steps. */
function isAside({ type, facts }: Leaf): boolean {
  return (
    type === 'decision.attempt_refused' ||
    type === 'question.asked' ||
    type === 'question.answered' ||
    (type === 'request.withdrawal_refused' && facts['withdrawal'] === undefined)
  );
}

/** What is wrong with where an entry stands; null where it is right. */
function faultOf(leaf: Leaf, phase: Phase, previous: Leaf | undefined): string | null {
  const { from } = stepOf(leaf);
  if (from && !from.includes(phase)) return `cannot follow when the request is ${phase}`;
  if (!givesItsReason(leaf)) return 'does not say why people are asked again';
  if (!isEndOf(phase, leaf, previous)) return `does not end a request that is ${phase}`;
  return phase === 'approved' && !isAside(leaf) ? faultWhileApproved(leaf, previous) : null;
}

/** What is approved does not stay so once somebody takes their approval back, and goes back to people so for nothing else. */
function faultWhileApproved(leaf: Leaf, previous: Leaf | undefined): string | null {
  if (leaf.type === 'decision.counted' && !isDenial(leaf))
    return 'is counted after the approval, and is no denial';
  const isTakenBack = previous?.type === 'decision.taken_back';
  if ((leaf.type === 'request.approval_taken_back') === isTakenBack) return null;
  return isTakenBack
    ? 'follows an approval that was taken back, after which all must be asked again'
    : 'follows no approval that was taken back';
}

/** Of the ends that differ by where the request stands: whether this one says what that leads to. */
function isEndOf(phase: Phase, { type, facts }: Leaf, previous: Leaf | undefined): boolean {
  const { attempt, by, status } = facts;
  if (type === 'request.orphaned') return status === (phase === 'unclaimed' ? 'failed' : 'cancelled');
  // Only what was not claimed fails by policy, and only that names no attempt.
  if (type === 'execution.failed') return (phase === 'unclaimed') === (attempt === undefined);
  if (type !== 'request.denied' || by === 'policy') return true;
  return by === 'person' && (phase === 'pending' || (previous !== undefined && isDenial(previous)));
}

function isDenial({ type, facts }: Leaf): boolean {
  return type === 'decision.counted' && facts['verdict'] === 'deny';
}

function phaseAfter(phase: Phase, leaf: Leaf): Phase {
  return stepOf(leaf).to ?? phase;
}

/** Where the request stood before an entry. */
export function phaseBefore({ stream }: Material, leaf: Leaf): Phase {
  return stream.filter((other) => other.n < leaf.n).reduce<Phase>(phaseAfter, 'new');
}

/** True where nothing was executed yet, and nothing ended it: it can still be withdrawn. */
export function isUndecided(phase: Phase): boolean {
  return UNDECIDED.includes(phase);
}

function plansMissing(material: Material): string[] {
  return material.stream
    .filter(opensRound)
    .filter((leaf) => !planOf(material, leaf))
    .map((leaf) => `${nameOf(leaf)} is about a plan that was not made before it`);
}

/** The `request.planned` entry whose plan an entry is about. */
export function planOf(material: Material, leaf: Leaf): Leaf | undefined {
  return material.stream.findLast(
    (other) =>
      other.type === 'request.planned' &&
      other.n < leaf.n &&
      other.facts['plan_digest'] === leaf.facts['plan_digest'],
  );
}

/** Rounds only count up: a decision can never be taken for one of another round. */
function roundsRepeated(material: Material): string[] {
  return material.pendings
    .filter((pending) =>
      material.pendings.some((other) => other.leaf.n < pending.leaf.n && other.round >= pending.round),
    )
    .map((pending) => `${nameOf(pending.leaf)} opens round ${pending.round} again`);
}

/** While a claim is open, done or unknown there is no second one; a claim given back may be followed by another. */
export function claimedOnce({ material }: Subject): Finding {
  const problems: string[] = [];
  const keys = new Set<unknown>();
  let isOpen = false;
  for (const leaf of material.stream) {
    if (leaf.type === 'execution.released' || leaf.type === 'execution.not_done') isOpen = false;
    if (leaf.type !== 'execution.claimed') continue;
    if (isOpen) problems.push(`${nameOf(leaf)} claims what is already claimed`);
    if (keys.has(leaf.facts['idempotency_key']))
      problems.push(`${nameOf(leaf)} uses an idempotency key again`);
    keys.add(leaf.facts['idempotency_key']);
    isOpen = true;
  }
  return {
    problems,
    checked: keys.size === 0 ? 'never claimed' : counted(keys.size, 'claim'),
  };
}

const EXECUTIONS: ReadonlySet<LeafType> = new Set([
  'execution.claimed',
  'execution.succeeded',
  'execution.failed',
  'execution.indeterminate',
]);

/** What was claimed, and what came of it, is what was approved last: same decision digest, same effect. */
export function executedAsApproved({ material }: Subject): Finding {
  const executions = material.stream.filter((leaf) => EXECUTIONS.has(leaf.type));
  const problems = executions.flatMap((leaf) => {
    const approval = approvalBefore(material, leaf);
    if (!approval) return [`${nameOf(leaf)} was never approved`];
    const isSame = approval.decision_digest !== null && leaf.decision_digest === approval.decision_digest;
    return [
      ...(isSame ? [] : [`${nameOf(leaf)} has another decision digest than the approval`]),
      ...(isApprovedEffect(material, approval, leaf)
        ? []
        : [`${nameOf(leaf)} did something else than was planned`]),
    ];
  });
  return {
    problems,
    checked: executions.length === 0 ? 'nothing was executed' : executedText(material),
  };
}

/** Of what others perform the record says which decision was given out, and nothing of what they did. */
function executedText({ stream }: Material): string {
  const isGate = stream.some(({ type, facts }) => type === 'request.received' && facts['mode'] === 'gate');
  return isGate ? 'the decision given out has the digest of the approval' : 'same digest as the approval';
}

/** The entry by which people or policy agreed last before an entry. */
export function approvalBefore({ stream }: Material, leaf: Leaf): Leaf | undefined {
  return stream.findLast(
    (other) => other.n < leaf.n && (other.type === 'request.approved' || other.type === 'request.allowed'),
  );
}

/** The fingerprint of the effect, where the entry has one: a probe after a crash only knows that it happened. */
function isApprovedEffect(material: Material, approval: Leaf, leaf: Leaf): boolean {
  const done = leaf.facts['fingerprint'];
  if (leaf.type !== 'execution.succeeded' || typeof done !== 'string') return true;
  const plannedFor =
    approval.type === 'request.allowed'
      ? approval
      : pendingBefore(material, approval.facts['round'], approval.n)?.leaf;
  return plannedFor !== undefined && planOf(material, plannedFor)?.facts['fingerprint'] === done;
}
