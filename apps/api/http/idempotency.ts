import { randomBytes } from 'node:crypto';

import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';

import { KeyturnError } from '../../../domain/errors.ts';
import { base32, keyedId } from '../../../domain/identity/ids.ts';
import type { Identity } from '../../../domain/identity/identity.ts';

const KEY_LENGTH_MAX = 256;

/**
 * The Idempotency-Key, read as UTF-8 (a client that can only send Latin-1 header values sends its bytes). Every byte counts:
 * nothing is trimmed beyond what HTTP itself trims, nothing is normalised.
 */
function idempotencyKey(request: Request): string {
  const values = request.headersDistinct['idempotency-key'] ?? [];
  const [value] = values;
  if (value === undefined || value === '' || values.length !== 1) {
    throw new KeyturnError('idempotency_key_missing', 'Send exactly one Idempotency-Key header.');
  }
  const key = strictUtf8(Buffer.from(value, 'latin1'));
  if (key === null || key.length > KEY_LENGTH_MAX || /\p{Cc}/u.test(key)) {
    throw new KeyturnError(
      'idempotency_key_invalid',
      `An Idempotency-Key has 1 to ${KEY_LENGTH_MAX} UTF-8 characters and no control characters.`,
    );
  }
  return key;
}

/** The Idempotency-Key, as a parameter of a handler. */
export const IdempotencyKey = createParamDecorator((_: unknown, context: ExecutionContext): string =>
  idempotencyKey(context.switchToHttp().getRequest()),
);

/** The same for calls that need no key; null without one. */
export const OptionalIdempotencyKey = createParamDecorator(
  (_: unknown, context: ExecutionContext): string | null => {
    const request = context.switchToHttp().getRequest<Request>();
    return request.headersDistinct['idempotency-key'] === undefined ? null : idempotencyKey(request);
  },
);

/** The text of bytes, or null where they are not UTF-8. */
export function strictUtf8(bytes: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

type CallPrefix = 'dec' | 'wdr' | 'swi' | 'qst';

/**
 * The id of what a call creates. The same caller and key lead to the same one, so that a repeated call counts once; without
 * a key it is a new one.
 */
export function callId(
  prefix: CallPrefix,
  identityKey: Uint8Array,
  call: { readonly by: Identity; readonly about?: string; readonly idempotencyKey: string | null },
): string {
  const { by, about, idempotencyKey: key } = call;
  if (key === null) return freshId(prefix);
  const parts = ['call', by.issuer, by.subject, ...(about === undefined ? [] : [about]), key];
  return keyedId(prefix, identityKey, parts);
}

/** A new id of 128 random bits. */
export function freshId(prefix: CallPrefix): string {
  return `${prefix}_${base32(randomBytes(16))}`;
}

/** The refusal of a key that belongs to another call. */
export function keyReused(): KeyturnError {
  return new KeyturnError(
    'idempotency_key_reused',
    'This Idempotency-Key was already used for a different call. Use a new one.',
  );
}
