import { createLocalJWKSet, type JSONWebKeySet } from 'jose';

import { claimedOnce, executedAsApproved, inOrder } from './course.ts';
import {
  beforeExpiry,
  digestsAgree,
  distinctPeople,
  nobodyOwn,
  ownTakenBack,
  tallyReplays,
} from './decisions.ts';
import { directoriesRecorded } from './directories.ts';
import { digestsFollow } from './digests.ts';
import {
  decisionsSigned,
  envelopesRecorded,
  envelopesSigned,
  openEnvelopes,
  requestSigned,
} from './envelopes.ts';
import { evaluationsRepeat } from './evaluation.ts';
import { escalationsDue } from './escalations.ts';
import { notExpiredEarly } from './expiry.ts';
import { readMaterial, type Evidence } from './evidence.ts';
import { answersEnd } from './gate-answers.ts';
import { inputsUnaltered, plansUnaltered, policiesInstalled } from './inputs.ts';
import { keptRecorded } from './kept.ts';
import { chainUnbroken, commitmentsMatch, factsComplete, leavesCanonical, singleRun } from './log.ts';
import { decidersEntitled } from './people.ts';
import { gradesProven } from './proofs.ts';
import { questionsInOrder } from './questions.ts';
import { refusalsRight } from './refusals.ts';
import type { TrustedProvider } from '../../proof/decision-proof.ts';
import { lineOf, reportOf, type Report } from './report.ts';
import { decisionRowsMatch } from './decision-rows.ts';
import { shownAsRecorded } from './shown.ts';
import { claimsClosed, stateMatches } from './state.ts';
import { refusalsShown, switchesObeyed } from './stopped.ts';
import { deadlinesFollow, timesRunForward } from './times.ts';
import { unsignedEntries } from './unsigned.ts';
import { withdrawalsSigned } from './withdrawals.ts';
import type { Finding, Subject } from './finding.ts';

export { evidenceSchema, type Evidence } from './evidence.ts';

/** The keys of the deployment, and what is trusted of identity providers: without that no sign-in for a decision is shown. */
export interface TrustedKeys extends JSONWebKeySet {
  readonly providers?: ReadonlyMap<string, TrustedProvider>;
}

/** What the verification of a request found. */
export interface VerificationReport extends Report {
  readonly request: string;
}

/** Every check, in the order a reader follows: the log, the signatures, the decisions, the course. */
const CHECKS: readonly (readonly [name: string, check: (subject: Subject) => Finding])[] = [
  ['leaves_canonical', leavesCanonical],
  ['facts_complete', factsComplete],
  ['chain_unbroken', ({ material }) => chainUnbroken(material)],
  ['single_run', singleRun],
  ['commitments_match', commitmentsMatch],
  ['envelopes_signed', envelopesSigned],
  ['envelopes_recorded', envelopesRecorded],
  ['request_signed', requestSigned],
  ['decisions_signed', decisionsSigned],
  ['grades_proven', gradesProven],
  ['withdrawals_signed', withdrawalsSigned],
  ['kept_messages_recorded', keptRecorded],
  ['unsigned_entries', unsignedEntries],
  ['steps_in_order', inOrder],
  ['questions_in_order', questionsInOrder],
  ['times_run_forward', timesRunForward],
  ['state_matches', stateMatches],
  ['shown_as_recorded', shownAsRecorded],
  ['decision_rows_match', decisionRowsMatch],
  ['digests_agree', digestsAgree],
  ['digests_follow', digestsFollow],
  ['plans_unaltered', plansUnaltered],
  ['inputs_unaltered', inputsUnaltered],
  ['policies_installed', policiesInstalled],
  ['directories_recorded', directoriesRecorded],
  ['evaluations_repeat', evaluationsRepeat],
  ['policy_refusals_shown', refusalsShown],
  ['switches_obeyed', switchesObeyed],
  ['nobody_decided_own_request', nobodyOwn],
  ['deciders_entitled', decidersEntitled],
  ['distinct_people', distinctPeople],
  ['own_taken_back', ownTakenBack],
  ['decided_before_expiry', beforeExpiry],
  ['refusals_right', refusalsRight],
  ['deadlines_follow', deadlinesFollow],
  ['escalations_due', escalationsDue],
  ['not_expired_early', notExpiredEarly],
  ['tally_replays', tallyReplays],
  ['claimed_once', claimedOnce],
  ['claims_closed', claimsClosed],
  ['executed_as_approved', executedAsApproved],
  ['answers_end', answersEnd],
];

/** Parts of the evidence are of no form until a check looks at them: one that cannot read them has found something. */
function findingOf(check: (subject: Subject) => Finding, subject: Subject): Finding {
  try {
    return check(subject);
  } catch {
    return { problems: ['what it looks at does not have the form that Keyturn gives it'], checked: '' };
  }
}

/**
 * Checks the evidence of one request against the keys of its deployment: that the log of the request is whole and says
 * what the database says, that policy said what it says, that people decided what it says they decided and were entitled
 * to, and that what ran was what was approved. Never throws for what the evidence holds: every fault is a line of the
 * report, and so is what the evidence is not enough for. `now` is the clock of who checks.
 */
export async function verifyRequest(
  evidence: Evidence,
  { providers = new Map(), ...keys }: TrustedKeys,
  now: string,
): Promise<VerificationReport> {
  const keySet = createLocalJWKSet(keys);
  const envelopes = await openEnvelopes(evidence.envelopes, keySet);
  const kept = await openEnvelopes(evidence.state?.kept?.map(({ envelope }) => envelope) ?? [], keySet);
  const subject: Subject = { material: readMaterial(evidence), envelopes, kept, providers, now };
  const checks = CHECKS.map(([name, check]) => lineOf(name, findingOf(check, subject)));
  return { request: evidence.request, ...reportOf(checks) };
}
