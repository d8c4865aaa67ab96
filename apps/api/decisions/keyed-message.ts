import { keepMessage, readKeptMessage, type KeptMessage } from '../../../database/kept-messages.ts';
import { canonicalJson } from '../../../domain/crypto/canonical-json.ts';
import { openEnvelope, type SignedDecision, type SignedWithdrawal } from '../../../domain/crypto/envelope.ts';
import type { Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { keyReused } from '../http/idempotency.ts';
import { holdsSealed } from '../requests/decision-view.ts';
import { tooMuchWaits } from './deliver.ts';
import { givenReason } from './sign.ts';

/** A call that may be repeated with its Idempotency-Key. */
export interface KeyedCall {
  readonly caller: Caller;
  /** The request that it is about. */
  readonly id: string;
  readonly idempotencyKey: string | null;
}

/** What an earlier call with this key made, or null. */
export async function madeBefore(
  { source }: Pick<ApiContext, 'source'>,
  call: KeyedCall,
  id: string,
): Promise<KeptMessage | null> {
  return call.idempotencyKey === null ? null : readKeptMessage(source.manager, id);
}

/**
 * Stores the message of a call with a key before anything is sent: from now on the key leads to it. Answers the message that
 * counts: where the same call was made twice at once, the first.
 */
export async function firstMade(
  context: Pick<ApiContext, 'source' | 'log'>,
  call: KeyedCall,
  message: KeptMessage,
): Promise<KeptMessage> {
  if (call.idempotencyKey === null) return message;
  if (await keepMessage(context.source.manager, call.id, message)) return message;
  const first = await readKeptMessage(context.source.manager, message.id);
  if (!first) throw tooMuchWaits(context, call.id);
  return first;
}

type DecisionWords = Pick<SignedDecision, 'decision_digest' | 'verdict' | 'takes_back' | 'defer' | 'view'>;

/** Refuses (`idempotency_key_reused`) a decision that differs from the one that was made with the key. */
export async function refuseOtherDecision(
  context: Pick<ApiContext, 'keys'>,
  { envelope }: KeptMessage,
  wanted: DecisionWords & { readonly reason: string | undefined },
): Promise<void> {
  const first = await openEnvelope('decision', envelope, context.keys.verification);
  const isSame =
    canonicalJson(wordsOf(first)) === canonicalJson(wordsOf(wanted)) &&
    (await hasReason(context, first, wanted.reason));
  if (!isSame) throw keyReused();
}

function wordsOf({ decision_digest, verdict, takes_back, defer, view }: DecisionWords) {
  const named = { takes_back: takes_back ?? null };
  return { decision_digest, verdict, ...named, defer: defer && { ...defer }, view: view ?? null };
}

/** The same of a withdrawal. */
export async function refuseOtherWithdrawal(
  context: Pick<ApiContext, 'keys'>,
  { envelope }: KeptMessage,
  reason: string | undefined,
): Promise<void> {
  const first = await openEnvelope('withdrawal', envelope, context.keys.verification);
  if (!(await hasReason(context, first, reason))) throw keyReused();
}

function hasReason(
  context: Pick<ApiContext, 'keys'>,
  { id, reason: sealed }: Pick<SignedDecision | SignedWithdrawal, 'id' | 'reason'>,
  reason: string | undefined,
): Promise<boolean> {
  return holdsSealed(context, sealed, { field: `${id}/reason`, value: givenReason(reason) });
}
