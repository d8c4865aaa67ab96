import { CLOCK_TOLERANCE_MS } from '../../domain/calendar/clock-tolerance.ts';
import { SWITCHED_OFF } from '../../domain/execution/denial.ts';
import { checkDecision, type DecisionCheck, type DecisionFacts } from '../../domain/approval/decision.ts';
import type { JsonValue } from '../../domain/crypto/canonical-json.ts';
import { sha256 } from '../../domain/crypto/digest.ts';
import type { SignedDecision } from '../../domain/crypto/envelope.ts';
import { countingType } from '../../domain/audit/leaf.ts';
import { personPseudonym } from '../../domain/identity/ids.ts';
import type { CountedDecision } from '../../domain/approval/quorum.ts';
import { randomIn } from '../../domain/proof/decision-proof.ts';
import { switchesAgainst } from '../../domain/execution/kill-switch.ts';
import { decidableRequest, type ActivePolicy } from '../../database/readers.ts';
import { insertion } from '../../database/row-statements.ts';
import { directoriesOf, type StepSnapshot } from '../../database/step-snapshot.ts';
import { decisionTable, type DecisionRow } from '../../database/tables.ts';
import { accountActor, accountSubjects, personSubjects } from '../actors.ts';
import { returnToReview } from '../close-request.ts';
import { decisionDirectories } from '../../database/decision-directories.ts';
import type { Dependencies } from '../dependencies.ts';
import { activePolicy, stepSnapshot } from '../load-request.ts';
import type { StepTransaction } from '../step.ts';
import { isKeyAwaited, proofCheck } from './proofs.ts';
import { settleStanding } from './standing.ts';

/** The instant that a decision is checked by, and whether a ticket was used before it ran out. */
export interface Instant {
  readonly at: string;
  readonly isInTime: boolean;
}

/** A verified envelope with the instant that it is checked by. */
export interface DatedDecision {
  readonly signed: SignedDecision;
  readonly envelope: string;
  readonly instant: Instant;
}

/** Nothing is recorded of a decision whose proof is signed with a key that may still become known. */
export type AwaitsKey = 'awaits_key';

/**
 * Records one signed decision: counted when the person may decide now, refused with the reason otherwise. An envelope
 * seen before changes nothing. Ends or approves the request when that is what the tally says; what is approved goes back
 * to planning when somebody takes their approval back, also where others would be enough, so that all are asked again.
 */
export async function countDecision(
  dependencies: Dependencies,
  transaction: StepTransaction,
  dated: DatedDecision,
): Promise<CountedDecision | AwaitsKey | null> {
  const snapshot = await stepSnapshot(transaction);
  const { decisions: rows } = snapshot;
  const known = rows.find((row) => row.id === dated.signed.id);
  // Answered again: the workflow may have lost the first answer.
  if (known) return countedOf(transaction, known);
  // Without one it is tried again: an acknowledged decision is never dropped.
  const active = await activePolicy(dependencies, transaction.manager, snapshot);
  const check = await checkNow(dependencies, transaction, { dated, snapshot, active });
  if (check === 'awaits_key') return check;
  const row = decisionRow(transaction, dated, { check, rows });
  transaction.store(insertion(decisionTable, row));
  transaction.snapshot = { ...snapshot, decisions: withDecision(rows, row) };
  await appendDecision(dependencies, transaction, { dated, row, active });
  // Also after a refusal and a mere deferral: readers see that something changed.
  await transaction.update({});
  if (check.ok && row.verdict === 'take_back' && transaction.row.status === 'approved')
    await returnToReview(transaction, 'approval_taken_back');
  else if (check.ok) await settleStanding(dependencies, transaction, active);
  return countedOf(transaction, row);
}

/** In the order in which the database gives them. */
function withDecision(rows: readonly DecisionRow[], row: DecisionRow): readonly DecisionRow[] {
  const after = rows.findIndex(
    ({ recorded_at: at, id }) =>
      at > row.recorded_at || (at.getTime() === row.recorded_at.getTime() && id > row.id),
  );
  return rows.toSpliced(after === -1 ? rows.length : after, 0, row);
}

interface CheckInput {
  readonly dated: DatedDecision;
  readonly snapshot: StepSnapshot;
  readonly active: ActivePolicy;
}

async function checkNow(
  dependencies: Dependencies,
  { manager, row, now }: StepTransaction,
  { dated, snapshot, active }: CheckInput,
): Promise<DecisionCheck | AwaitsKey> {
  const { signed, instant } = dated;
  if (!instant.isInTime)
    return { ok: false, code: 'envelope_expired', message: 'The ticket was used too late.' };
  if (Date.parse(signed.issued_at) > now.getTime() + CLOCK_TOLERANCE_MS) {
    return { ok: false, code: 'envelope_invalid', message: 'The decision is dated in the future.' };
  }
  const request = decidableRequest(row, snapshot.decisions, active.policy);
  if (!request) return { ok: false, code: 'request_not_pending', message: `The request is ${row.status}.` };
  const known = await directoriesOf(dependencies.directories, manager, snapshot);
  const { now: directory, at_creation: atCreation } = known;
  const today = { policy: active.policy, directory };
  const check = checkDecision({
    request,
    attempt: attemptOf(dated),
    directories: await decisionDirectories(dependencies, manager, { row, today, atCreation }),
  });
  if (check.ok) {
    const proving = { dated, snapshot, person: check.person };
    const refusal = await refusalOfProof(dependencies, { manager, row, now }, proving);
    if (refusal !== null) return refusal;
  }
  const isStopped =
    check.ok &&
    signed.verdict === 'approve' &&
    wasStopped({ ...row, agents: directory.agents }, dated, snapshot);
  return isStopped
    ? { ok: false, code: SWITCHED_OFF, message: 'A kill switch stops this: it can be denied, not approved.' }
    : check;
}

/** The refusal of a decision that is not of the grade that it claims. What was signed once is no second decision. */
async function refusalOfProof(
  dependencies: Dependencies,
  subject: Pick<StepTransaction, 'manager' | 'row' | 'now'>,
  { dated, snapshot, person }: Pick<CheckInput, 'dated' | 'snapshot'> & { readonly person: string },
): Promise<DecisionCheck | AwaitsKey | null> {
  const { signed } = dated;
  const fault = (await proofCheck(dependencies, subject, [signed]))(signed, person);
  if (await isKeyAwaited(subject, signed, fault)) return 'awaits_key';
  const isRepeated =
    signed.proof !== undefined &&
    snapshot.decisions.some(({ envelope }) => randomIn(envelope) === signed.proof?.random);
  const why = fault ?? (isRepeated ? 'has the proof of another decision' : null);
  return why === null ? null : { ok: false, code: 'proof_invalid', message: `The decision ${why}.` };
}

/** By when the approval was made: one from before the switch counts, and is stopped at the claim. */
function wasStopped(
  subject: Parameters<typeof switchesAgainst>[1],
  { instant }: DatedDecision,
  { switches }: StepSnapshot,
): boolean {
  const before = switches.filter((engaged) => Date.parse(engaged.thrown_at) <= Date.parse(instant.at));
  return switchesAgainst(before, subject).length > 0;
}

/** The API signs decisions of people only, so a valid signature is the proof that the credential was human. */
export function attemptOf({ signed, instant }: DatedDecision): DecisionFacts['attempt'] {
  return {
    decision_digest: signed.decision_digest,
    verdict: signed.verdict,
    ...(signed.takes_back === undefined ? {} : { takes_back: signed.takes_back }),
    reviewer: signed.reviewer,
    is_human: true,
    grade: signed.grade,
    has_reason: signed.reason !== null,
    defer: signed.defer,
    at: instant.at,
  };
}

function decisionRow(
  { row, now }: StepTransaction,
  { signed, envelope, instant }: DatedDecision,
  { check, rows }: { readonly check: DecisionCheck; readonly rows: readonly DecisionRow[] },
): DecisionRow {
  const person = check.ok ? check.person : null;
  return {
    id: signed.id,
    request: row.id,
    round: row.round,
    renewal: rows.filter(
      (other) => other.round === row.round && other.person === person && other.verdict !== 'defer',
    ).length,
    person,
    verdict: signed.verdict,
    takes_back: signed.takes_back ?? null,
    at: new Date(instant.at),
    grade: signed.grade,
    seats: check.ok ? check.seats : [],
    reviewer_issuer: signed.reviewer.issuer,
    reviewer_subject: signed.reviewer.subject,
    channel: signed.channel,
    envelope,
    reason: signed.reason,
    defer_until: signed.defer?.until ? new Date(signed.defer.until) : null,
    defer_to: signed.defer?.to ?? null,
    outcome: check.ok ? 'counted' : 'refused',
    refusal: check.ok ? null : check.code,
    recorded_at: now,
  };
}

interface RecordedDecision {
  readonly dated: DatedDecision;
  readonly row: DecisionRow;
  readonly active: ActivePolicy;
}

async function appendDecision(
  { identityKey }: Dependencies,
  transaction: StepTransaction,
  { dated, row, active }: RecordedDecision,
): Promise<void> {
  const { signed } = dated;
  transaction.remember(accountSubjects(identityKey, [signed.reviewer]));
  if (row.person !== null) transaction.remember(personSubjects(identityKey, [row.person]));
  await transaction.append({
    type: row.outcome === 'refused' ? 'decision.refused' : countingType(row.verdict),
    actor: { ...accountActor(identityKey, signed.reviewer, 'person'), via: signed.channel },
    decision_digest: signed.decision_digest,
    policy_digest: active.digest,
    facts: { ...leafFacts(identityKey, row), ...viewFacts(signed) },
    evidence: { grade: signed.grade, refs: [sha256(dated.envelope)] },
  });
}

function leafFacts(key: Uint8Array, row: DecisionRow): Record<string, JsonValue> {
  if (row.outcome === 'refused') return { decision: row.id, code: row.refusal, round: row.round };
  const facts: Record<string, JsonValue> = {
    decision: row.id,
    person: personPseudonym(key, row.person ?? ''),
    verdict: row.verdict,
    ...(row.takes_back === null ? {} : { takes_back: row.takes_back }),
    at: row.at.toISOString(),
    seats: row.seats.map((seat) => ({ ...seat })),
    round: row.round,
    channel: row.channel,
  };
  if (row.verdict !== 'defer') return facts;
  return { ...facts, defer: { until: row.defer_until?.toISOString() ?? null, to: row.defer_to } };
}

/** What was shown; nothing where the client did not say that it showed a card. */
function viewFacts({ view }: SignedDecision): Record<string, JsonValue> {
  return view === undefined ? {} : { view: { ...view } };
}

/** For the workflow's own tally; null for what does not count in this round. */
function countedOf(
  { row }: StepTransaction,
  { id, person, verdict, takes_back, at, grade, seats, ...decision }: DecisionRow,
): CountedDecision | null {
  if (decision.outcome !== 'counted' || decision.round !== row.round || person === null) return null;
  const taken = takes_back === null ? {} : { takes_back };
  return { id, person, verdict, ...taken, at: at.toISOString(), grade, seats };
}
