import { isFreshSession } from '../../../database/sessions.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { LiveSession } from '../../../database/sessions.ts';
import type { ApiContext } from '../context.ts';
import { reviewerOf, type Caller } from './caller.ts';

/** What somebody does who signed in too long ago. */
export const STALE =
  'This is done within ten minutes after a sign-in at which the identity provider asked you: open /sign-in?prompt=login and repeat. If you just did, its ID tokens lack `auth_time`: have that claim added.';

/**
 * The session of a browser in which a person calls. Refuses machines, and tokens of people (`sign_in_again`): programs can
 * read those, and what is done here decides later, or outlasts the token.
 */
export function sessionOf(caller: Caller): LiveSession {
  reviewerOf(caller);
  const { session } = caller.principal;
  if (session) return session;
  throw new KeyturnError(
    'sign_in_again',
    'This is done in the session of a browser, never with a token: sign in at /sign-in.',
  );
}

/**
 * The id of the same, of somebody who signed in just before. The database refuses all others once more where it counts:
 * this spares people a passkey that is good for nothing.
 */
export async function freshSessionOf(
  { source }: Pick<ApiContext, 'source'>,
  caller: Caller,
): Promise<string> {
  const { id } = sessionOf(caller);
  const { id: person } = reviewerOf(caller);
  if (await isFreshSession(source.manager, { id, person })) return id;
  throw new KeyturnError('sign_in_again', STALE);
}
