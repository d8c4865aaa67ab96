import { randomBytes } from 'node:crypto';

import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { intentDigest } from '../../../domain/request/digests.ts';
import { signEnvelope, type SignedRequest } from '../../../domain/crypto/envelope.ts';
import { memberOf, type Lineage } from '../../../domain/identity/identity.ts';
import type { ActionDefinition } from '../../../domain/policy/policy.ts';
import { seal } from '../../../domain/crypto/sealing.ts';
import type { ApiContext } from '../context.ts';
import type { CreateCall } from './submission.ts';

/** What is requested, by whom, and under which policy. */
export interface Signable {
  readonly id: string;
  readonly lineage: Lineage;
  readonly action: ActionDefinition;
  readonly start: SignedRequest['start'];
  readonly body: Pick<CreateCall['body'], 'target' | 'mode' | 'arguments' | 'claims' | 'break_glass'>;
  readonly caller: { readonly policy: Pick<CreateCall['caller']['policy'], 'digest'> };
}

/** Signs a request, its sensitive fields sealed. The caller has compared the clock with the database's. */
export async function signRequest(
  keys: Pick<ApiContext['keys'], 'sealing' | 'signing'>,
  { id, lineage, action: { action, schema_version }, start, body, caller }: Signable,
): Promise<{ readonly signed: SignedRequest; readonly envelope: string }> {
  const { target, mode } = body;
  const values = body.arguments as Readonly<Record<string, JsonValue>>;
  const sealed = (part: string, value: JsonValue): Promise<string> =>
    seal({ context: `${id}/${part}`, value, initializationVector: randomBytes(12) }, keys.sealing);
  const signed: SignedRequest = {
    kind: 'request',
    id,
    action,
    schema_version,
    target,
    mode,
    arguments: await sealed('arguments', values),
    claims: body.claims ? await sealed('claims', body.claims as JsonValue) : null,
    lineage: lineage.map(memberOf),
    intent_digest: intentDigest({ action, target, mode, arguments: values, schema_version }),
    policy_digest: caller.policy.digest,
    ...(body.break_glass ? { break_glass: true } : {}),
    ...(start ? { start } : {}),
    issued_at: new Date().toISOString(),
  };
  return { signed, envelope: await signEnvelope(signed, keys.signing) };
}
