import { openEnvelope, type SignedDecision, type SignedWithdrawal } from '../../domain/crypto/envelope.ts';
import { isKeyturnError } from '../../domain/errors.ts';
import type { CountedDecision } from '../../domain/approval/quorum.ts';
import { countDecision, type AwaitsKey, type Instant } from './count-decision.ts';
import type { Dependencies } from '../dependencies.ts';
import type { StepTransaction } from '../step.ts';
import { withdrawRequest } from './withdraw.ts';

/** A message as it arrived: unverified. */
export interface Message {
  readonly kind: 'decide' | 'withdraw';
  readonly body: string;
}

/** A message that the API has signed for the request that it was sent to. */
export interface Opened {
  readonly signed: SignedDecision | SignedWithdrawal;
  readonly envelope: string;
}

/** The instant that a decision is checked by: known, not before its signal's time is known, or nobody has sent it. */
type DecisionInstant = Instant | 'unknown' | 'not_sent';
/** How the instant of a decision is found. */
export type InstantOf = (signed: SignedDecision, envelope: string, limits: Limits) => DecisionInstant;

interface Limits {
  readonly now: Date;
  readonly deadline: Date | null;
}

/** A decision of the API is dated by its signed time of issue; a ticket by its use, which is now while it is in time. */
export function instantWithoutHistory(
  signed: SignedDecision,
  _envelope: string,
  { now, deadline }: Limits,
): DecisionInstant {
  if (signed.ticket_expires_at === null) return { at: signed.issued_at, isInTime: true };
  const isInTime = now < new Date(signed.ticket_expires_at) && (deadline === null || now < deadline);
  return isInTime ? { at: now.toISOString(), isInTime } : 'unknown';
}

/** Only of tickets. One that is not in history was not used: who schedules this step must not use it up. */
export function instantByHistory(expiresAt: string, receivedAt: string | null): DecisionInstant {
  if (receivedAt === null) return 'not_sent';
  return { at: receivedAt, isInTime: new Date(receivedAt) < new Date(expiresAt) };
}

/** The envelope inside a message, or null for anything that was not signed as this kind for this request. */
export async function openMessage(
  { verificationKeys }: Dependencies,
  { kind, body }: Message,
  request: string,
): Promise<Opened | null> {
  try {
    const signed = await openEnvelope(kind === 'decide' ? 'decision' : 'withdrawal', body, verificationKeys);
    return signed.request === request ? { signed, envelope: body } : null;
  } catch (error) {
    if (isKeyturnError(error)) return null;
    throw error;
  }
}

/**
 * Messages as they came; but of what is approved by then an approval is taken back last. It would void a denial that was
 * acknowledged as well, which ends the request.
 */
export function* inTurn<Item extends Opened>(
  transaction: StepTransaction,
  items: readonly Item[],
): Generator<Item> {
  for (let left = items; left.length > 0;) {
    const isApproved = transaction.row.status === 'approved';
    const next = (isApproved && left.find(({ signed }) => !takesBack(signed))) || left[0];
    if (!next) return;
    left = left.filter((one) => one !== next);
    yield next;
  }
}

function takesBack(signed: Opened['signed']): boolean {
  return signed.kind === 'decision' && signed.verdict === 'take_back';
}

/** Records one message: counted, refused, or left for later. */
export async function consumeOne(
  dependencies: Dependencies,
  transaction: StepTransaction,
  { signed, envelope, instantOf }: Opened & { readonly instantOf: InstantOf },
): Promise<CountedDecision | 'unknown' | 'not_sent' | AwaitsKey | null> {
  if (signed.kind === 'withdrawal') {
    await withdrawRequest(dependencies, transaction, { signed, envelope });
    return null;
  }
  const { now, row } = transaction;
  const instant = instantOf(signed, envelope, { now, deadline: row.expires_at });
  if (instant === 'unknown' || instant === 'not_sent') return instant;
  return countDecision(dependencies, transaction, { signed, envelope, instant });
}
