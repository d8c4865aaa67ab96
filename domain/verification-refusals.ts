import type { Leaf } from './audit.ts';
import { phaseBefore } from './verification-course.ts';
import { signedDecisionIn } from './verification-envelopes.ts';
import { nameOf } from './verification-evidence.ts';
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
  const isAsked = phaseBefore(subject.material, leaf) === 'pending';
  if (!asked || !isAsked) return null;
  // A ticket counts from its use: in time for sure only when it was recorded in time.
  const madeAt = signed.ticket_expires_at === null ? signed.issued_at : leaf.at;
  const isInTime =
    Date.parse(madeAt) < Date.parse(asked.expires_at) &&
    (signed.ticket_expires_at === null || Date.parse(madeAt) < Date.parse(signed.ticket_expires_at));
  const isOnDigest = signed.decision_digest === asked.leaf.decision_digest;
  const isRight = isInTime && isOnDigest;
  switch (leaf.facts['code']) {
    case 'decision_digest_stale':
      return isOnDigest ? 'refuses as outdated what is on the digest that was asked' : null;
    case 'request_expired':
    case 'envelope_expired':
      return isRight ? 'refuses as late what was in time and on the digest that was asked' : null;
    case 'request_not_pending':
      return isRight ? 'refuses what was in time and on the digest that was asked' : null;
    default:
      return null;
  }
}
