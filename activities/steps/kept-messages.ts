import type { CountedDecision } from '../../domain/approval/quorum.ts';
import { keepMessage, markConsumed } from '../../database/kept-messages.ts';
import { KeyturnError } from '../../domain/errors.ts';
import type { Dependencies } from '../dependencies.ts';
import { stepSnapshot } from '../load-request.ts';
import { consumeOne, instantWithoutHistory, inTurn, openMessage, type Opened } from './messages.ts';
import type { StepTransaction } from '../step.ts';

/**
 * Records what the API has acknowledged for this request and nobody has consumed, in the order of its acknowledgement (`inTurn`),
 * before anything else is decided: so swallowed signals cannot void a denial or a withdrawal. What awaits a key stays kept.
 * Answers the decisions that count.
 */
export async function consumeKept(
  dependencies: Dependencies,
  transaction: StepTransaction,
): Promise<readonly CountedDecision[]> {
  return (await takeKept(dependencies, transaction)).counted;
}

/** The same before what is pending is closed, or for its own sake. Throws where all that is left awaits a key. */
export async function consumeKeptOrWait(
  dependencies: Dependencies,
  transaction: StepTransaction,
  waits: (taken: TakenKept) => boolean,
): Promise<void> {
  if (waits(await takeKept(dependencies, transaction)))
    throw new KeyturnError('unavailable', 'The key of an identity provider is not known yet.');
}

/** The outcome of taking the kept messages. */
export interface TakenKept {
  readonly counted: readonly CountedDecision[];
  /** How many were recorded, whatever came of them, and how many stay. */
  readonly taken: number;
  readonly left: number;
}

async function takeKept(dependencies: Dependencies, transaction: StepTransaction): Promise<TakenKept> {
  const { manager, row } = transaction;
  const { kept } = await stepSnapshot(transaction);
  if (kept.length === 0) return { counted: [], taken: 0, left: 0 };
  const opened: Opened[] = [];
  for (const { kind, envelope } of kept) {
    const message = await openMessage(dependencies, { kind, body: envelope }, row.id);
    if (message) opened.push(message);
  }
  const counted: CountedDecision[] = [];
  const left = new Set<string>();
  for (const message of inTurn(transaction, opened)) {
    const item = { ...message, instantOf: instantWithoutHistory };
    const outcome = await consumeOne(dependencies, transaction, item);
    if (outcome === 'awaits_key') left.add(message.envelope);
    if (typeof outcome === 'object' && outcome !== null) counted.push(outcome);
  }
  const taken = kept.filter(({ envelope }) => !left.has(envelope));
  await markConsumed(manager, taken);
  return { counted, taken: taken.length, left: kept.length - taken.length };
}

/** Keeps a message that came as a signal, as the API does with what no workflow took. Throws where too many are kept. */
export async function keepForLater(
  { manager, row }: StepTransaction,
  { signed, envelope }: Opened,
): Promise<void> {
  if (!(await keepMessage(manager, row.id, { id: signed.id, kind: 'decide', envelope })))
    throw new KeyturnError('unavailable', 'Too many messages are kept for this request.');
}
