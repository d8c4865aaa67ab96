import type { GateAnswer } from '../../../database/gate-answers.ts';
import { newRequest } from '../../../database/new-request.ts';
import { openEnvelope, type SignedRequest } from '../../../domain/crypto/envelope.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { GATE_RUN, type GateResult } from '../../../domain/execution/gate-validity.ts';
import { targetOf } from '../../../domain/policy/policy.ts';
import type { ApiContext } from '../context.ts';
import type { ShownRow } from './shown-row.ts';

/** The row of a request that was answered on the spot. Its content comes from the signed envelope. */
export async function answeredRow(
  context: Pick<ApiContext, 'keys' | 'policies' | 'source'>,
  answer: GateAnswer,
): Promise<ShownRow> {
  const signed = await openEnvelope('request', answer.envelope, context.keys.verification);
  if (signed.id !== answer.request || signed.intent_digest !== answer.intent_digest)
    throw new KeyturnError('envelope_invalid', 'The stored answer does not match what was signed.');
  const policy = await context.policies.byDigest(context.source.manager, answer.policy_digest);
  return rowOfAnswer(answer, signed, targetOf(policy, signed.target)?.environment ?? '');
}

/** The row of such an answer: over at once. */
export function rowOfAnswer(answer: GateAnswer, signed: SignedRequest, environment: string): ShownRow {
  const result: GateResult = {
    decision: 'allowed',
    performed_by_keyturn: false,
    valid_until: answer.valid_until.toISOString(),
  };
  return {
    ...newRequest(signed, { envelope: answer.envelope, environment }),
    run_id: GATE_RUN,
    requester_issuer: answer.requester_issuer,
    requester_subject: answer.requester_subject,
    status: 'succeeded',
    risk: answer.risk,
    risk_reasons: answer.risk_reasons,
    // Only an allow by every matched rule is answered on the spot.
    matched_rules: answer.matched_rules.map((rule) => ({ ...rule, effect: 'allow' as const })),
    summary: `a decision on ${signed.action} for ${signed.target} (${environment})`,
    result,
    created_at: answer.at,
    updated_at: answer.at,
    version: '1',
  };
}
