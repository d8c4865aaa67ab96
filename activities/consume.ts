import type { CountedDecision } from '../domain/quorum.ts';
import { isFinal, type RequestStatus } from '../domain/request.ts';
import { sha256 } from '../domain/digest.ts';
import { openEnvelope, type SignedDecision, type SignedWithdrawal } from '../domain/envelope.ts';
import { isKeyturnError } from '../domain/errors.ts';
import { SYSTEM_ACTOR } from './actors.ts';
import { countDecision, type Instant } from './count-decision.ts';
import type { Dependencies } from './dependencies.ts';
import { caller, placeOf } from './place.ts';
import { recordStep, type StepTransaction } from './record.ts';
import { withdrawRequest } from './withdraw.ts';

/** A message as it arrived: unverified. */
export interface Message {
  readonly kind: 'decide' | 'withdraw';
  readonly body: string;
}

/** What became of a batch of messages. */
export interface Consumed {
  readonly status: RequestStatus;
  /** Decisions of this batch that count, for the workflow's own tally. */
  readonly counted: readonly CountedDecision[];
  /** Tickets that look expired: only history can tell whether they were used in time. */
  readonly late: readonly Message[];
}

interface Batch {
  readonly messages: readonly Message[];
  /** Messages that were dropped at the door because they cannot be envelopes. */
  readonly junk: number;
  readonly step: number;
  readonly at: string;
}

type Opened =
  | {
      readonly kind: 'decision';
      readonly signed: SignedDecision;
      readonly envelope: string;
      readonly message: Message;
    }
  | { readonly kind: 'withdrawal'; readonly signed: SignedWithdrawal; readonly envelope: string };

/**
 * Verifies and records a batch of messages, in order of arrival, in one transaction. What the API did not sign for this
 * very request is counted as junk: audited in aggregate, without effect.
 */
export async function consume(dependencies: Dependencies, batch: Batch): Promise<Consumed> {
  return consumeBatch(dependencies, { ...batch, name: 'consume', instantOf: instantWithoutHistory });
}

/** The same for tickets that came late to the worker: judged by when the server received the signal. */
export async function consumeLate(dependencies: Dependencies, batch: Batch): Promise<Consumed> {
  const tickets = new Set(batch.messages.map((message) => message.body));
  const received = await dependencies.history.signalsReceivedAt(caller(), tickets);
  return consumeBatch(dependencies, {
    ...batch,
    name: 'consume-late',
    instantOf: (signed, envelope) => instantByHistory(signed, received.get(envelope) ?? null),
  });
}

/** When a decision is judged: at an instant, never (refused as expired), or not before its signal's time is known. */
type Judgement = Instant | 'unknown';
type InstantOf = (signed: SignedDecision, envelope: string, deadline: Date | null) => Judgement;

/** A decision of the API is judged by its signed time of issue; a ticket by its use, which is now while it is in time. */
function instantWithoutHistory(signed: SignedDecision, _envelope: string, deadline: Date | null): Judgement {
  if (signed.ticket_expires_at === null) return { at: signed.issued_at, isInTime: true };
  const now = new Date();
  const isInTime = now < new Date(signed.ticket_expires_at) && (deadline === null || now < deadline);
  return isInTime ? { at: now.toISOString(), isInTime } : 'unknown';
}

function instantByHistory(signed: SignedDecision, receivedAt: string | null): Judgement {
  if (receivedAt === null || signed.ticket_expires_at === null)
    return { at: signed.issued_at, isInTime: false };
  return { at: receivedAt, isInTime: new Date(receivedAt) < new Date(signed.ticket_expires_at) };
}

async function consumeBatch(
  dependencies: Dependencies,
  batch: Batch & { readonly name: string; readonly instantOf: InstantOf },
): Promise<Consumed> {
  // Named by its content too: when a workflow task is retried, the batch may have grown, and then it is another step.
  const content = sha256(JSON.stringify([batch.messages, batch.junk])).slice(-16);
  const place = placeOf(`${batch.name}/${batch.step}/${content}`, batch.at);
  const opened: Opened[] = [];
  let junk = batch.junk;
  for (const message of batch.messages) {
    const envelope = await openMessage(dependencies, message, place.request);
    if (envelope) opened.push(envelope);
    else junk += 1;
  }
  const batchPrefix = `${place.request}/${place.run}/${batch.name}/${batch.step}/`;
  return recordStep(dependencies, place, async (transaction): Promise<Consumed> => {
    const counted: CountedDecision[] = [];
    const late: Message[] = [];
    for (const item of opened) {
      const outcome = await consumeOne(dependencies, transaction, { item, instantOf: batch.instantOf });
      if (outcome === 'late' && item.kind === 'decision') late.push(item.message);
      else if (outcome !== null && outcome !== 'late') counted.push(outcome);
    }
    const fresh = junk > 0 ? junk - (await junkRecorded(transaction, batchPrefix)) : 0;
    if (fresh > 0) await appendJunk(transaction, fresh);
    return { status: transaction.row.status, counted, late };
  });
}

/** The envelope inside a message, or null for anything that was not signed as this kind for this request. */
async function openMessage(
  { verificationKeys }: Dependencies,
  message: Message,
  request: string,
): Promise<Opened | null> {
  try {
    if (message.kind === 'decide') {
      const signed = await openEnvelope('decision', message.body, verificationKeys);
      return signed.request === request
        ? { kind: 'decision', signed, envelope: message.body, message }
        : null;
    }
    const signed = await openEnvelope('withdrawal', message.body, verificationKeys);
    return signed.request === request ? { kind: 'withdrawal', signed, envelope: message.body } : null;
  } catch (error) {
    if (isKeyturnError(error)) return null;
    throw error;
  }
}

async function consumeOne(
  dependencies: Dependencies,
  transaction: StepTransaction,
  { item, instantOf }: { readonly item: Opened; readonly instantOf: InstantOf },
): Promise<CountedDecision | 'late' | null> {
  if (item.kind === 'withdrawal') {
    await withdrawRequest(dependencies, transaction, item);
    return null;
  }
  const instant = instantOf(item.signed, item.envelope, transaction.row.expires_at);
  if (instant === 'unknown') return 'late';
  return countDecision(dependencies, transaction, { signed: item.signed, envelope: item.envelope, instant });
}

/** A batch that is consumed again has grown: what was recorded of it the first time is not counted twice. */
async function junkRecorded({ manager, place }: StepTransaction, batchPrefix: string): Promise<number> {
  const rows: { count: string }[] = await manager.query(
    `select coalesce(sum((leaf::jsonb -> 'facts' ->> 'count')::int), 0) as count from audit.entry
     where request = $1 and run_id = $2 and type = 'decision.unauthenticated' and starts_with(event_id, $3)`,
    [place.request, place.run, batchPrefix],
  );
  return Number(rows[0]?.count ?? 0);
}

async function appendJunk(transaction: StepTransaction, count: number): Promise<void> {
  const { row, place } = transaction;
  await transaction.append({
    type: 'decision.unauthenticated',
    at: place.at,
    actor: SYSTEM_ACTOR,
    intent_digest: row.intent_digest,
    decision_digest: row.decision_digest,
    policy_digest: null,
    facts: { count, was_final: isFinal(row.status) },
    evidence: null,
    parts: {},
  });
}
