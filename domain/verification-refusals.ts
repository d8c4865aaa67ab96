import type { Leaf } from './audit.ts';
import type { SignedDecision } from './envelope.ts';
import { phaseBefore } from './verification-course.ts';
import { signedDecisionIn } from './verification-envelopes.ts';
import { nameOf, type PendingLeaf } from './verification-evidence.ts';
import type { Finding, Subject } from './verification-finding.ts';

/** No decision was refused for being late, or about something else, that was in time and about what was asked. */
export function refusalsRight(subject: Subject): Finding {
  const refused = subject.material.stream.filter((leaf) => leaf.type === 'decision.refused');
  const problems = refused.flatMap((leaf) => {
    const fault = faultOf(subject, leaf);
    return fault === null ? [] : [`${nameOf(leaf)} ${fault}`];
  });
  return {
    problems,
    checked: refused.length === 0 ? 'none was refused' : `${refused.length} refused rightly`,
  };
}

function faultOf(subject: Subject, leaf: Leaf): string | null {
  const signed = signedDecisionIn(subject.envelopes, leaf);
  if (!signed) return 'refuses a decision that is not among the envelopes';
  const asked = subject.material.pendings.findLast((pending) => pending.leaf.n < leaf.n);
  if (!asked) return null;
  const isOnDigest = signed.decision_digest === asked.leaf.decision_digest;
  if (phaseBefore(subject.material, leaf) === 'pending') return faultWhilePending(leaf, { signed, asked });
  return isOnDigest && isVoidedDenial(subject, leaf, signed) ? VOIDED : null;
}

function faultWhilePending(
  leaf: Leaf,
  { signed, asked }: { readonly signed: SignedDecision; readonly asked: PendingLeaf },
): string | null {
  const isOnDigest = signed.decision_digest === asked.leaf.decision_digest;
  const { code } = leaf.facts;
  if (code === 'decision_digest_stale')
    return isOnDigest ? 'refuses as outdated what is on the digest that was asked' : null;
  const isWrong = LATE.has(code) && isOnDigest && isInTime(signed, leaf, asked.expires_at);
  return isWrong ? 'refuses as late what was in time and on the digest that was asked' : null;
}

const VOIDED = 'refuses a denial that was signed before the request was approved';

/** True where the request stayed approved, or was executed, all the same. When a ticket was used nobody signed. */
function isVoidedDenial({ material }: Subject, leaf: Leaf, signed: SignedDecision): boolean {
  if (signed.verdict !== 'deny' || signed.ticket_expires_at !== null || !LATE.has(leaf.facts['code']))
    return false;
  const before = material.stream.filter(({ n }) => n < leaf.n);
  const approved = before.findLast(({ type }) => type === 'request.approved');
  if (!approved || Date.parse(signed.issued_at) >= Date.parse(approved.at)) return false;
  const isClaimed = before.some(({ n, type }) => n > approved.n && type === 'execution.claimed');
  return isClaimed || phaseBefore(material, leaf) === 'approved';
}

/** Codes that are right only of a decision that came too late. */
const LATE: ReadonlySet<unknown> = new Set(['request_expired', 'envelope_expired', 'request_not_pending']);

/** A ticket counts from its use: it was in time for sure only when it was recorded in time. */
function isInTime(signed: SignedDecision, leaf: Leaf, expiresAt: string): boolean {
  const { ticket_expires_at: ticketEnd, issued_at: issuedAt } = signed;
  if (ticketEnd === null) return Date.parse(issuedAt) < Date.parse(expiresAt);
  return Date.parse(leaf.at) < Math.min(Date.parse(expiresAt), Date.parse(ticketEnd));
}
