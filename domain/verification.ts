import { createLocalJWKSet, type JSONWebKeySet } from 'jose';

import { claimedOnce, executedAsApproved, inOrder, notExpiredEarly } from './verification-course.ts';
import {
  beforeExpiry,
  digestsAgree,
  distinctPeople,
  nobodyOwn,
  tallyReplays,
} from './verification-decisions.ts';
import { digestsFollow } from './verification-digests.ts';
import {
  decisionsSigned,
  envelopesRecorded,
  envelopesSigned,
  openEnvelopes,
  requestSigned,
} from './verification-envelopes.ts';
import { readMaterial, type Evidence } from './verification-evidence.ts';
import {
  chainUnbroken,
  commitmentsMatch,
  factsComplete,
  leavesCanonical,
  singleRun,
} from './verification-log.ts';
import type { Finding, Subject } from './verification-finding.ts';

export { evidenceSchema, type Evidence } from './verification-evidence.ts';

/** One check, by a name that never changes. */
export interface VerificationLine {
  readonly name: string;
  readonly ok: boolean;
  /** What was checked, or everything that is wrong. */
  readonly detail: string;
}

/** What a verification found. */
export interface VerificationReport {
  readonly request: string;
  readonly ok: boolean;
  readonly checks: readonly VerificationLine[];
}

/** Every check, in the order a reader follows: the log, the signatures, the decisions, the course. */
const CHECKS: readonly (readonly [name: string, check: (subject: Subject) => Finding])[] = [
  ['leaves_canonical', leavesCanonical],
  ['facts_complete', factsComplete],
  ['chain_unbroken', chainUnbroken],
  ['single_run', singleRun],
  ['commitments_match', commitmentsMatch],
  ['envelopes_signed', envelopesSigned],
  ['envelopes_recorded', envelopesRecorded],
  ['request_signed', requestSigned],
  ['decisions_signed', decisionsSigned],
  ['steps_in_order', inOrder],
  ['digests_agree', digestsAgree],
  ['digests_follow', digestsFollow],
  ['nobody_decided_own_request', nobodyOwn],
  ['distinct_people', distinctPeople],
  ['decided_before_expiry', beforeExpiry],
  ['not_expired_early', notExpiredEarly],
  ['tally_replays', tallyReplays],
  ['claimed_once', claimedOnce],
  ['executed_as_approved', executedAsApproved],
];

/**
 * Checks the evidence of one request against the keys of its deployment: that the log of the request is whole, that
 * people decided what it says they decided, that they were entitled to by its own facts, and that what ran was what
 * they approved. Never throws for what the evidence holds: every fault is a line of the report. What it cannot see from
 * one request alone: entries removed from the end of its log.
 */
export async function verifyRequest(evidence: Evidence, keys: JSONWebKeySet): Promise<VerificationReport> {
  const envelopes = await openEnvelopes(evidence.envelopes, createLocalJWKSet(keys));
  const subject: Subject = { material: readMaterial(evidence), envelopes };
  const checks = CHECKS.map(([name, check]) => lineOf(name, check(subject)));
  return { request: evidence.request, ok: checks.every((check) => check.ok), checks };
}

function lineOf(name: string, finding: Finding): VerificationLine {
  const ok = finding.problems.length === 0;
  return { name, ok, detail: ok ? finding.checked : finding.problems.join('; ') };
}
