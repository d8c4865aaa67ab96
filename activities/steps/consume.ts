import { unauthenticatedIn } from '../../database/audit-entries.ts';
import type { CountedDecision } from '../../domain/approval/quorum.ts';
import { isFinal, type RequestStatus } from '../../domain/request/status.ts';
import { sha256 } from '../../domain/crypto/digest.ts';
import { KeyturnError } from '../../domain/errors.ts';
import type { Dependencies } from '../dependencies.ts';
import { consumeKept, keepForLater } from './kept-messages.ts';
import {
  consumeOne,
  instantByHistory,
  instantWithoutHistory,
  inTurn,
  openMessage,
  type InstantOf,
  type Message,
  type Opened,
} from './messages.ts';
import { caller, stepReference } from '../caller.ts';
import { recordStep } from '../record.ts';
import type { StepTransaction } from '../step.ts';

/** The result of a batch of messages. */
export interface Consumed {
  readonly status: RequestStatus;
  /** Decisions of this batch that count, for the workflow's own tally. */
  readonly counted: readonly CountedDecision[];
  /** Tickets that look expired: only history shows whether they were used in time. */
  readonly late: readonly Message[];
  /** How many messages the API has not signed for this request: the operator should know of an attack. */
  readonly ignored?: number;
}

interface Batch {
  readonly messages: readonly Message[];
  /** Messages that were dropped at the door because they cannot be envelopes. */
  readonly junk: number;
  /** All that was dropped or ignored in this run so far, this batch's junk included. Older workflows do not tell. */
  readonly junk_total?: number;
  readonly step: number;
  readonly at: string;
}

/**
 * Verifies and records a batch of messages, in order of arrival (`inTurn`), in one transaction, after what the API has kept. What
 * the API did not sign for this very request is counted as junk: audited in aggregate, without effect.
 */
export async function consume(dependencies: Dependencies, batch: Batch): Promise<Consumed> {
  return consumeBatch(dependencies, { ...batch, name: 'consume', instantOf: instantWithoutHistory });
}

/** The same for tickets that came late to the worker: dated by when the server received the signal. */
export async function consumeLate(
  dependencies: Dependencies,
  { messages, step, at }: Batch,
): Promise<Consumed> {
  // Junk is counted where messages arrive.
  const tickets = new Set(messages.map((message) => message.body));
  const received = await dependencies.history.signalsReceivedAt(caller(), tickets);
  return consumeBatch(dependencies, {
    messages,
    step,
    at,
    junk: 0,
    name: 'consume-late',
    instantOf: (signed, envelope, limits) =>
      signed.ticket_expires_at === null
        ? instantWithoutHistory(signed, envelope, limits)
        : instantByHistory(signed.ticket_expires_at, received.get(envelope) ?? null),
  });
}

/** No history of a workflow holds so many signals. */
const JUNK_MAX = 1_000_000;

/** Who can schedule activities chooses these numbers: none may stand in the log that no workflow counts. */
function refuseForgedCounts({ junk, junk_total = junk, step }: Batch): void {
  const areCounts = [junk, junk_total].every(Number.isInteger) && junk >= 0 && junk_total <= JUNK_MAX;
  if (!areCounts || junk > junk_total || !Number.isSafeInteger(step))
    throw new KeyturnError('illegal_move', 'These are no counts of a workflow.');
}

async function consumeBatch(
  dependencies: Dependencies,
  batch: Batch & { readonly name: string; readonly instantOf: InstantOf },
): Promise<Consumed> {
  refuseForgedCounts(batch);
  // Named by its content too: when a workflow task is retried, the batch may have grown, and then it is another step.
  const named = [batch.messages, batch.junk, ...(batch.junk_total === undefined ? [] : [batch.junk_total])];
  const content = sha256(JSON.stringify(named)).slice('sha256:'.length);
  const reference = stepReference(`${batch.name}/${batch.step}/${content}`, batch.at);
  const opened: Opened[] = [];
  let junk = batch.junk;
  for (const message of batch.messages) {
    const envelope = await openMessage(dependencies, message, reference.request);
    if (envelope) opened.push(envelope);
    else junk += 1;
  }
  return recordStep(dependencies, reference, async (transaction): Promise<Consumed> => {
    const counted: CountedDecision[] = [...(await consumeKept(dependencies, transaction))];
    const late: Message[] = [];
    for (const { signed, envelope } of inTurn(transaction, opened)) {
      const item = { signed, envelope, instantOf: batch.instantOf };
      const outcome = await consumeOne(dependencies, transaction, item);
      if (outcome === 'unknown') late.push({ kind: 'decide', body: envelope });
      // It holds up nobody else: it is tried again from where it is kept.
      else if (outcome === 'awaits_key') await keepForLater(transaction, { signed, envelope });
      // Neither junk nor a decision: it leaves no trace under which a later use of it could be taken for known.
      else if (outcome !== null && outcome !== 'not_sent') counted.push(outcome);
    }
    const ignored = junk - batch.junk;
    if (junk > 0) await recordJunk(transaction, { ...batch, ignored });
    return { status: transaction.row.status, counted, late, ignored };
  });
}

/** After a lost task batches are consumed again, grown or divided otherwise: what is on record is not counted twice. */
async function recordJunk(
  transaction: StepTransaction,
  { junk, junk_total, ignored, name, step }: Batch & { readonly name: string; readonly ignored: number },
): Promise<void> {
  const { manager, row, reference } = transaction;
  const ofRun = `${reference.request}/${reference.run}/${name}/`;
  const steps = junk_total === undefined ? `${ofRun}${step}/` : ofRun;
  const count = (junk_total ?? junk) + ignored - (await unauthenticatedIn(manager, reference, steps));
  const facts = { count, was_final: isFinal(row.status) };
  if (count > 0) await transaction.append({ type: 'decision.unauthenticated', facts });
}
