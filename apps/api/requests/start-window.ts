import type { SignedRequest } from '../../../domain/envelope.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { CreateBody } from '../../../domain/wire.ts';

/** When the action may start, as it is signed. Refuses (`start_invalid`) a window that is empty or over already. */
export function startOf({ start }: CreateBody): SignedRequest['start'] {
  if (!start || (start.not_before === undefined && start.not_after === undefined)) return undefined;
  const notBefore = start.not_before === undefined ? null : new Date(start.not_before);
  const notAfter = start.not_after === undefined ? null : new Date(start.not_after);
  if (notAfter !== null && notAfter.getTime() <= Math.max(Date.now(), notBefore?.getTime() ?? 0)) {
    throw new KeyturnError(
      'start_invalid',
      'The action could never start: not_after has passed, or is not after not_before.',
    );
  }
  return {
    not_before: notBefore?.toISOString() ?? null,
    not_after: notAfter?.toISOString() ?? null,
  };
}
