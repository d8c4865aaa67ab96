import { createHash } from 'node:crypto';

import type { Request, Response } from 'express';

import { KeyturnError } from '../../../domain/errors.ts';
import type { RequestView } from '../../../contract/requests.ts';

const KEY_LENGTH_MAX = 256;
const WAIT_DEFAULT_SECONDS = 5;
const WAIT_SECONDS_MAX = 60;

/**
 * The Idempotency-Key, read as UTF-8 (a client that can only send Latin-1 header values sends its bytes). Every byte counts:
 * nothing is trimmed beyond what HTTP itself does, nothing is normalised.
 */
export function idempotencyKey(request: Request): string {
  const values = request.headersDistinct['idempotency-key'] ?? [];
  const [value] = values;
  if (value === undefined || value === '' || values.length !== 1) {
    throw new KeyturnError('idempotency_key_missing', 'Send exactly one Idempotency-Key header.');
  }
  const key = decode(value);
  if (key === null || key.length > KEY_LENGTH_MAX || /\p{Cc}/u.test(key)) {
    throw new KeyturnError(
      'idempotency_key_invalid',
      `The Idempotency-Key has 1 to ${KEY_LENGTH_MAX} characters of UTF-8, none of them a control character.`,
    );
  }
  return key;
}

/** The same where a call needs none; null without one. */
export function optionalIdempotencyKey(request: Request): string | null {
  return request.headersDistinct['idempotency-key'] === undefined ? null : idempotencyKey(request);
}

function decode(value: string): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(value, 'latin1'));
  } catch {
    return null;
  }
}

/** How long the caller wants to wait (RFC 7240, `Prefer: wait=N`), in milliseconds. */
export function preferredWaitMs(request: Request): number {
  const match = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,6})"?\s*(?:$|[,;])/i.exec(
    String(request.headers['prefer'] ?? ''),
  );
  const seconds = match ? Math.min(Number(match[1]), WAIT_SECONDS_MAX) : WAIT_DEFAULT_SECONDS;
  return seconds * 1_000;
}

/** Aborts when the caller hangs up, so that nobody is waited for in vain. */
export function hangUpSignal(response: Response): AbortSignal {
  const controller = new AbortController();
  // After a whole answer nobody waits any more, and an abort is not free.
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}

/** The ETag of a request as one caller sees it now: others may see less, and who may decide changes with the hour. */
export function entityTag(view: RequestView): string {
  return `W/"${view.version}-${createHash('sha256').update(JSON.stringify(view)).digest('base64url').slice(0, 22)}"`;
}

/** True when the caller has this version already. */
export function hasVersion(request: Request, tag: string): boolean {
  const known = (request.headers['if-none-match'] ?? '').split(',');
  return known.some((name) => ['*', tag, tag.slice(2)].includes(name.trim()));
}
