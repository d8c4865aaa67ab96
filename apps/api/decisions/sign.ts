import { randomBytes } from 'node:crypto';

import { refuseWrongClock } from '../../../database/clock.ts';
import { signEnvelope, type SignedDecision } from '../../../domain/crypto/envelope.ts';
import { seal } from '../../../domain/crypto/sealing.ts';
import type { ApiContext } from '../context.ts';
import { takenBackIn, viewOf, type DecisionCall, type AuthorizedDecision } from './authorize.ts';

/** Signs an authorized decision. Its time of issue, by which the worker authorizes it, is now. */
export async function signDecision(
  context: Pick<ApiContext, 'source' | 'keys'>,
  { call, authorized }: { readonly call: DecisionCall; readonly authorized: AuthorizedDecision },
  { id, channel, ticket_expires_at }: Pick<SignedDecision, 'id' | 'channel' | 'ticket_expires_at'>,
): Promise<string> {
  await refuseWrongClock(context.source);
  const decision: SignedDecision = {
    kind: 'decision',
    id,
    request: call.id,
    decision_digest: call.body.decision_digest,
    verdict: call.body.verdict,
    ...takenBackIn(call.body),
    reviewer: { issuer: authorized.attempt.reviewer.issuer, subject: authorized.attempt.reviewer.subject },
    channel,
    grade: authorized.attempt.grade,
    reason: await sealReason(context, id, call.body.reason),
    defer: authorized.attempt.defer && { ...authorized.attempt.defer },
    ...viewOf(call.body),
    ...(authorized.proof && { proof: authorized.proof }),
    issued_at: new Date().toISOString(),
    ticket_expires_at,
  };
  return signEnvelope(decision, context.keys.signing);
}

/** A reason, sealed for the message with this id; null for none. */
export async function sealReason(
  { keys }: Pick<ApiContext, 'keys'>,
  id: string,
  reason: string | undefined,
): Promise<string | null> {
  const value = givenReason(reason);
  if (value === null) return null;
  return seal({ context: `${id}/reason`, value, initializationVector: randomBytes(12) }, keys.sealing);
}

/** A reason without surrounding blanks; null for none. */
export function givenReason(reason: string | undefined): string | null {
  return reason?.trim() || null;
}
