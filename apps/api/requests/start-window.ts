import type { SignedRequest } from '../../../domain/envelope.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { CreateBody } from '../../../domain/wire.ts';

/** When the action may start, as it is signed. Refuses (`start_invalid`) a window that is empty or over already. */
export function startOf(body: Pick<CreateBody, 'start'>): SignedRequest['start'] {
  const window = windowOf(body);
  if (window === undefined) return undefined;
  const { not_before: notBefore, not_after: notAfter } = window;
  const isEmpty = notAfter !== null && notAfter <= (notBefore ?? '');
  if (isEmpty || (notAfter !== null && notAfter <= new Date().toISOString())) {
    throw new KeyturnError(
      'start_invalid',
      'The action could never start: not_after has passed, or is not after not_before.',
    );
  }
  return window;
}

/** The same without looking at the clock. */
export function windowOf({ start }: Pick<CreateBody, 'start'>): SignedRequest['start'] {
  const notBefore = instantOf(start?.not_before);
  const notAfter = instantOf(start?.not_after);
  if (notBefore === null && notAfter === null) return undefined;
  return { not_before: notBefore, not_after: notAfter };
}

/** In one form, so that instants compare as text. */
function instantOf(text: string | undefined): string | null {
  return text === undefined ? null : new Date(text).toISOString();
}
