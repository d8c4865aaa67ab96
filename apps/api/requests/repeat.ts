import type { JsonValue } from '../../../domain/canonical-json.ts';
import { intentDigest } from '../../../domain/digest.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { CreateCall } from './create-call.ts';

/** The same key may only repeat the same intent, judged in the terms of the first call. */
export function refuseOtherIntent(
  { body }: Pick<CreateCall, 'body'>,
  first: { readonly schema_version: number; readonly intent_digest: string },
): void {
  const values = body.arguments as Readonly<Record<string, JsonValue>>;
  const intent = { ...body, arguments: values, schema_version: first.schema_version };
  if (intentDigest(intent) === first.intent_digest) return;
  throw keyReused();
}

/** The refusal of a key that belongs to something else. */
export function keyReused(): KeyturnError {
  return new KeyturnError(
    'idempotency_key_reused',
    'This Idempotency-Key was used for another request: take a new one.',
  );
}
