import type { Leaf } from '../leaf.ts';
import { RECEIVED_WITHIN_MS, STILL_MS } from '../../request/overdue.ts';
import { approvalBefore, phaseBefore, saysHowItStands } from './course.ts';
import { signedRequestOf } from './envelopes.ts';
import { nameOf, type Material, type PendingLeaf } from './evidence.ts';
import { CLOCKS_APART_MS, type Finding, type Subject } from './finding.ts';

/** A request expires by its deadline only: an approved one not while its approvals carry, or it is held. */
export function notExpiredEarly(subject: Subject): Finding {
  const expiries = subject.material.stream.filter((leaf) => leaf.type === 'request.expired');
  const problems = expiries
    .filter((leaf) => Date.parse(leaf.at) < dueAt(subject, leaf))
    .map((leaf) => `${nameOf(leaf)} is earlier than the deadline`);
  return { problems, checked: expiries.length === 0 ? 'did not expire' : 'expired at its deadline' };
}

function dueAt(subject: Subject, leaf: Leaf): number {
  const { material } = subject;
  const pending = material.pendings.findLast((pending) => pending.leaf.n < leaf.n);
  const phase = phaseBefore(material, leaf);
  if (phase === 'pending' && pending) return Date.parse(pending.expires_at);
  if (phase === 'approved') return approvedUntil(material, leaf, pending);
  if (leaf.facts['code'] === 'envelope_expired') return unseenFrom(subject, leaf);
  const stillUntil = standsStillFrom(material, leaf) + STILL_MS - CLOCKS_APART_MS;
  return pending ? Math.min(Date.parse(pending.expires_at), stillUntil) : stillUntil;
}

/** From when it was moved last. What is only added to its log does not make it wait longer: anybody may knock. */
function standsStillFrom({ stream }: Material, leaf: Leaf): number {
  const before = stream.findLast((other) => other.n < leaf.n && saysHowItStands(other));
  return before ? Date.parse(before.at) : Infinity;
}

/** Only the first entry after its arrival can say that nobody has seen it. */
function unseenFrom({ material, envelopes }: Subject, leaf: Leaf): number {
  const before = material.stream.findLast(({ n }) => n < leaf.n);
  const signed = before?.type === 'request.received' ? signedRequestOf(envelopes, before) : undefined;
  return signed ? Date.parse(signed.issued_at) + RECEIVED_WITHIN_MS - CLOCKS_APART_MS : Infinity;
}

/** What says no instant holds for ever. */
function readInstant(value: unknown): number {
  const readMs = typeof value === 'string' ? Date.parse(value) : NaN;
  return Number.isNaN(readMs) ? Infinity : readMs;
}

function approvedUntil(material: Material, leaf: Leaf, pending?: PendingLeaf): number {
  const { stream, decisions } = material;
  const approval = approvalBefore(material, leaf);
  if (!approval) return Infinity;
  const heldUntil = stream
    .filter(({ n, type }) => type === 'request.held' && n > approval.n && n < leaf.n)
    .map(({ facts: { until } }) => readInstant(until));
  if (approval.type === 'request.allowed' || !pending)
    return Math.max(Date.parse(approval.at) - CLOCKS_APART_MS, ...heldUntil) + STILL_MS;
  const ages = pending.requirement.rules.map(({ maximum_age_ms: age }) => age);
  const approvedAt = decisions
    .filter(
      ({ round, verdict, leaf: { n } }) => round === pending.round && verdict === 'approve' && n < leaf.n,
    )
    .map(({ at }) => Date.parse(at));
  const carriesUntil = Math.max(...approvedAt) + Math.max(0, ...ages);
  return Math.max(Date.parse(pending.expires_at), carriesUntil, ...heldUntil);
}
