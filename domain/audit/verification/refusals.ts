import type { Leaf } from '../leaf.ts';
import { isStop } from '../../approval/take-back.ts';
import type { Verdict } from '../../approval/quorum.ts';
import { CLOCK_TOLERANCE_MS } from '../../calendar/clock-tolerance.ts';
import type { SignedDecision } from '../../crypto/envelope.ts';
import { approvalBefore, phaseBefore } from './course.ts';
import { isSignedView, signedDecisionIn } from './envelopes.ts';
import { nameOf } from './evidence.ts';
import { found, type Answer, type Finding, type Subject } from './finding.ts';
import { isProofWrong } from './proofs.ts';
import { repeatedRefusal, type Refusal } from './repeated-refusal.ts';

/** No decision was refused that counts: neither as late or about something else, nor as of somebody who may not decide. */
export function refusalsRight(subject: Subject): Finding {
  const refused = subject.material.stream.filter((leaf) => leaf.type === 'decision.refused');
  const answers = refused.map((leaf) => [nameOf(leaf), answerOf(subject, leaf)] as const);
  const checked = refused.length === 0 ? 'none was refused' : `${refused.length} refused rightly`;
  return { ...found(answers), checked };
}

function answerOf(subject: Subject, leaf: Leaf): Answer {
  const signed = signedDecisionIn(subject.envelopes, leaf);
  if (!signed) return { problem: 'refuses a decision that is not among the envelopes' };
  if (!isSignedView(leaf, signed))
    return { problem: 'says of what was shown something else than was signed' };
  const pending = subject.material.pendings.findLast((pending) => pending.leaf.n < leaf.n);
  if (!pending) return {};
  if (phaseBefore(subject.material, leaf) === 'pending')
    return answerWhileOpen(subject, { leaf, signed, pending, status: 'pending' });
  if (signed.decision_digest !== pending.leaf.decision_digest) return {};
  if (isVoidedStop(subject, leaf, signed)) return { problem: VOIDED[signed.verdict] ?? '' };
  return isStop(signed.verdict) && isApprovedByPeople(subject, leaf)
    ? answerWhileApproved(subject, { leaf, signed, pending, status: 'approved' })
    : {};
}

function isApprovedByPeople({ material }: Subject, leaf: Leaf): boolean {
  const isByPeople = approvalBefore(material, leaf)?.type === 'request.approved';
  return isByPeople && phaseBefore(material, leaf) === 'approved';
}

/** A denial, or taking an approval back, stops what is approved, whenever it was signed, until the action is claimed. */
function answerWhileApproved(subject: Subject, refusal: Refusal): Answer {
  const { leaf, signed } = refusal;
  if (!LATE.has(leaf.facts['code'])) return answerWhileOpen(subject, refusal);
  return signed.ticket_expires_at === null
    ? { problem: 'refuses as late what stops a request that is not executed' }
    : {};
}

function answerWhileOpen(subject: Subject, refusal: Refusal): Answer {
  const { leaf, signed, pending } = refusal;
  const { code } = leaf.facts;
  const isOnDigest = signed.decision_digest === pending.leaf.decision_digest;
  if (code === 'decision_digest_stale')
    return isOnDigest ? { problem: 'refuses as outdated what is on the digest that was asked' } : {};
  if (LATE.has(code))
    return isOnDigest && isInTime(signed, leaf, pending.expires_at)
      ? { problem: 'refuses as late what was in time and on the digest that was asked' }
      : {};
  return answerByCheck(subject, refusal);
}

function answerByCheck(subject: Subject, refusal: Refusal): Answer {
  const { code } = refusal.leaf.facts;
  if (code === 'switched_off') return refusal.signed.verdict === 'approve' ? {} : { problem: UNOPPOSED };
  if (code === 'proof_invalid')
    return isProofWrong(subject, refusal.leaf, refusal.signed) ? {} : { notShown: UNPROVEN };
  if (code === 'envelope_invalid') return isAhead(refusal) ? { notShown: AHEAD } : { problem: UNOPPOSED };
  const repeated = repeatedRefusal(subject, refusal);
  if (repeated === 'refused') return {};
  return repeated === 'counts'
    ? { problem: 'refuses what counts: its person could decide' }
    : { notShown: repeated.notShown };
}

const BEFORE = 'that was signed before the request was approved';
const VOIDED: Readonly<Partial<Record<Verdict, string>>> = {
  deny: `refuses a denial ${BEFORE}`,
  take_back: `refuses the taking back of an approval ${BEFORE}`,
};

/** True where the request stayed approved, or was executed, all the same. When a ticket was used nobody signed. */
function isVoidedStop({ material }: Subject, leaf: Leaf, signed: SignedDecision): boolean {
  if (!isStop(signed.verdict) || signed.ticket_expires_at !== null || !LATE.has(leaf.facts['code']))
    return false;
  const before = material.stream.filter(({ n }) => n < leaf.n);
  const approved = before.findLast(({ type }) => type === 'request.approved');
  if (!approved || Date.parse(signed.issued_at) >= Date.parse(approved.at)) return false;
  const isClaimed = before.some(({ n, type }) => n > approved.n && type === 'execution.claimed');
  return isClaimed || phaseBefore(material, leaf) === 'approved';
}

/** Codes that are right only of a decision that came too late. */
const LATE: ReadonlySet<unknown> = new Set([
  'request_expired',
  'envelope_expired',
  'request_not_pending',
  'request_executing',
]);

const UNOPPOSED = 'refuses what nothing stood against';

/** Whose a refused decision was, and which proofs were used before, its entry does not say. */
const UNPROVEN = 'that its proof was of somebody else, or of another decision, is in no evidence';

/** Entries say when they were written: one that is dated back makes any decision look like one of the future. */
const AHEAD = 'that the decision was dated ahead of the clock of the database is in no evidence';

function isAhead({ leaf, signed }: Refusal): boolean {
  return Date.parse(signed.issued_at) > Date.parse(leaf.at) + CLOCK_TOLERANCE_MS;
}

/** A ticket counts from its use: it was in time for sure only when it was recorded in time. */
function isInTime(signed: SignedDecision, leaf: Leaf, expiresAt: string): boolean {
  const { ticket_expires_at: ticketEnd, issued_at: issuedAt } = signed;
  if (ticketEnd === null) return Date.parse(issuedAt) < Date.parse(expiresAt);
  return Date.parse(leaf.at) < Math.min(Date.parse(expiresAt), Date.parse(ticketEnd));
}
