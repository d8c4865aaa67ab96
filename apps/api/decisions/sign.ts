import { randomBytes } from 'node:crypto';

import { refuseWrongClock } from '../../../database/clock.ts';
import { signEnvelope, type SignedDecision } from '../../../domain/crypto/envelope.ts';
import { seal } from '../../../domain/crypto/sealing.ts';
import type { ApiContext } from '../context.ts';
import { SESSION_GRADE, type DecisionCall, type JudgedDecision } from './authorize.ts';

/** How a decision goes on its way. */
export interface Carriage {
  readonly id: string;
  readonly channel: SignedDecision['channel'];
  readonly ticketExpiresAt: string | null;
}

/** Signs a judged decision. Its time of issue, by which it will be judged, is now. */
export async function signDecision(
  context: Pick<ApiContext, 'source' | 'keys'>,
  { call, judged }: { readonly call: DecisionCall; readonly judged: JudgedDecision },
  carriage: Carriage,
): Promise<string> {
  await refuseWrongClock(context.source);
  const { id } = carriage;
  const decision: SignedDecision = {
    kind: 'decision',
    id,
    request: call.id,
    decision_digest: call.body.decision_digest,
    verdict: call.body.verdict,
    reviewer: { issuer: judged.attempt.reviewer.issuer, subject: judged.attempt.reviewer.subject },
    channel: carriage.channel,
    grade: SESSION_GRADE,
    reason: await sealReason(context, id, call.body.reason),
    defer: judged.attempt.defer && { ...judged.attempt.defer },
    issued_at: new Date().toISOString(),
    ticket_expires_at: carriage.ticketExpiresAt,
  };
  return signEnvelope(decision, context.keys.signing);
}

/** A reason, sealed for its place; null for none. */
export async function sealReason(
  { keys }: Pick<ApiContext, 'keys'>,
  id: string,
  reason: string | undefined,
): Promise<string | null> {
  const value = reason?.trim() ?? '';
  if (value === '') return null;
  return seal({ context: `${id}/reason`, value, initializationVector: randomBytes(12) }, keys.sealing);
}
