import { counted } from '../../cards/counted.ts';
import { expiryMs } from '../../calendar/deadlines.ts';
import type { Leaf } from '../leaf.ts';
import { startWindowEndMs } from '../../execution/start.ts';
import { receivedRequestOf, signedDecisionIn, signedRequestOf } from './envelopes.ts';
import { nameOf, type Material, type PendingLeaf } from './evidence.ts';
import { CHECKER_APART_MS, CLOCKS_APART_MS, type Finding, type Subject } from './finding.ts';
import { policyNamed } from './inputs.ts';

/** No entry is older than the one before it, than what it records was signed, or in the future. */
export function timesRunForward(subject: Subject): Finding {
  const { stream } = subject.material;
  return {
    problems: [
      ...misdated(stream, subject.now),
      ...stream.flatMap((leaf) => signedLater(subject, leaf)),
      ...roundsBackdated(subject.material),
    ],
    checked: `${counted(stream.length, 'instant')} in order`,
  };
}

/** Which entries are older than one before them, or of the future. */
export function misdated(leaves: readonly Leaf[], now: string): string[] {
  let latestMs = -Infinity;
  return leaves.flatMap((leaf) => {
    const atMs = Date.parse(leaf.at);
    const isBefore = atMs < latestMs - CLOCKS_APART_MS;
    latestMs = Math.max(latestMs, atMs);
    if (isBefore) return [`${nameOf(leaf)} is dated before an entry that it follows`];
    return atMs > Date.parse(now) + CHECKER_APART_MS ? [`${nameOf(leaf)} is dated in the future`] : [];
  });
}

function signedLater({ material, envelopes }: Subject, leaf: Leaf): string[] {
  const isDecision = material.decisions.some((decision) => decision.leaf === leaf);
  const signed = isDecision ? signedDecisionIn(envelopes, leaf) : signedRequestOf(envelopes, leaf);
  const isLater = signed && Date.parse(signed.issued_at) > Date.parse(leaf.at) + CLOCKS_APART_MS;
  return isLater ? [`${nameOf(leaf)} is dated before what it records was signed`] : [];
}

/** A round that began earlier than it was opened would have escalated, and gone stale, too early. */
function roundsBackdated({ pendings }: Material): string[] {
  return pendings
    .filter(({ leaf, pending_since: since }) => Date.parse(since) < Date.parse(leaf.at) - CLOCKS_APART_MS)
    .map(({ leaf }) => `${nameOf(leaf)} opens its round earlier than it was written`);
}

/**
 * Each round expires when its requirement says, counted from the first one, or when its start window ends if that is
 * earlier, and never later than the round before.
 */
export function deadlinesFollow(subject: Subject): Finding {
  const { pendings } = subject.material;
  const notShown: string[] = [];
  const windowEndMs = startWindowEndMs(receivedRequestOf(subject) ?? {});
  const problems = pendings.flatMap((pending, index) => {
    const before = pendings[index - 1];
    const limit = expiryOf(subject, pending, pendings[0] ?? pending);
    if (limit === null) notShown.push(`${nameOf(pending.leaf)}: the calendars that its expiry counts by`);
    const fault = deadlineFault(pending, { limit, before, windowEndMs });
    return fault === null ? [] : [`${nameOf(pending.leaf)} ${fault}`];
  });
  return { problems, notShown, checked: `${counted(pendings.length, 'deadline')} recomputed` };
}

interface DeadlineBounds {
  /** What the requirement says; null where that cannot be told. */
  readonly limit: number | null;
  readonly before: PendingLeaf | undefined;
  readonly windowEndMs: number;
}

/** What is wrong with an expiry. */
function deadlineFault(
  { expires_at: expiresAt }: PendingLeaf,
  { limit, before, windowEndMs }: DeadlineBounds,
): string | null {
  const expiresMs = Date.parse(expiresAt);
  const earlierMs = before ? Date.parse(before.expires_at) : Infinity;
  if (expiresMs > earlierMs) return 'moves the expiry of the request';
  if (limit === null) return null;
  if (expiresMs > Math.min(limit, windowEndMs)) return 'expires later than its requirement says';
  const isEarly = expiresMs < Math.min(limit, windowEndMs, earlierMs);
  return isEarly ? 'expires earlier than its requirement says' : null;
}

/** Null where it cannot be told: rules count by calendars of a policy that is not in the evidence. */
function expiryOf(subject: Subject, pending: PendingLeaf, first: PendingLeaf): number | null {
  const { rules } = pending.requirement;
  const policy = policyNamed(subject.material, pending.leaf.policy?.digest);
  if (!policy && rules.some(({ clock }) => clock !== undefined)) return null;
  return expiryMs(rules, policy?.calendars ?? [], Date.parse(first.pending_since));
}
