import type { SignedRequest } from '../../../domain/crypto/envelope.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { CreateBody } from '../../../contract/requests.ts';

/** When the action may start, as it is signed. Refuses (`start_invalid`) a window that is empty or over already. */
export function startOf(body: Pick<CreateBody, 'start'>): SignedRequest['start'] {
  const window = windowOf(body);
  if (window === undefined) return undefined;
  const { not_before: notBefore, not_after: notAfter } = window;
  const earliest = Math.max(notBefore === null ? 0 : Date.parse(notBefore), Date.now());
  if (notAfter !== null && Date.parse(notAfter) <= earliest) {
    throw new KeyturnError(
      'start_invalid',
      'The action could never start: not_after has passed, or is not after not_before.',
    );
  }
  return window;
}

/** The same, without the check against the clock. */
export function windowOf({ start }: Pick<CreateBody, 'start'>): SignedRequest['start'] {
  const notBefore = instantOf(start?.not_before);
  const notAfter = instantOf(start?.not_after);
  if (notBefore === null && notAfter === null) return undefined;
  return { not_before: notBefore, not_after: notAfter };
}

/** In UTC. With an offset the year can leave the range of four digits. */
function instantOf(text: string | undefined): string | null {
  if (text === undefined) return null;
  const instant = new Date(text).toISOString();
  if (/^\d{4}-/.test(instant)) return instant;
  throw new KeyturnError('start_invalid', 'The start window is outside the years 0 to 9999 (UTC).');
}
