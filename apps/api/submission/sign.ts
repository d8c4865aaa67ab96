import { randomBytes } from 'node:crypto';

import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { intentDigest } from '../../../domain/request/digests.ts';
import type { SignedRequest } from '../../../domain/crypto/envelope.ts';
import { memberOf, type Lineage } from '../../../domain/identity/identity.ts';
import type { ActionDefinition } from '../../../domain/policy/policy.ts';
import { seal } from '../../../domain/crypto/sealing.ts';
import type { ApiContext } from '../context.ts';
import type { CreateCall } from './create-call.ts';

/** What is signed beside the words of the caller. */
export interface SigningFacts {
  readonly id: string;
  readonly lineage: Lineage;
  readonly action: ActionDefinition;
  readonly start: SignedRequest['start'];
}

/** What is asked for, and under which policy. */
export interface Signable {
  readonly body: Pick<
    CreateCall['body'],
    'action' | 'target' | 'mode' | 'arguments' | 'claims' | 'break_glass'
  >;
  readonly caller: { readonly policy: Pick<CreateCall['caller']['policy'], 'digest'> };
}

/** A request as the API signs it, its sensitive fields sealed. The caller has compared the clock with the database's. */
export async function signedRequest(
  context: ApiContext,
  { body, caller }: Signable,
  facts: SigningFacts,
): Promise<SignedRequest> {
  const { id, lineage, action } = facts;
  const values = body.arguments as Readonly<Record<string, JsonValue>>;
  const sealed = (part: string, value: JsonValue): Promise<string> =>
    seal({ context: `${id}/${part}`, value, initializationVector: randomBytes(12) }, context.keys.sealing);
  return {
    kind: 'request',
    id,
    action: action.action,
    schema_version: action.schema_version,
    target: body.target,
    mode: body.mode,
    arguments: await sealed('arguments', values),
    claims: body.claims ? await sealed('claims', definedClaims(body.claims)) : null,
    lineage: lineage.map(memberOf),
    intent_digest: intentDigest({ ...body, arguments: values, schema_version: action.schema_version }),
    policy_digest: caller.policy.digest,
    ...(body.break_glass ? { break_glass: true } : {}),
    ...(facts.start ? { start: facts.start } : {}),
    issued_at: new Date().toISOString(),
  };
}

/** The claims of a call as they are sealed. */
export function definedClaims(claims: Readonly<Record<string, JsonValue | undefined>>): JsonValue {
  return Object.fromEntries(
    Object.entries(claims).filter((entry): entry is [string, JsonValue] => entry[1] !== undefined),
  );
}
