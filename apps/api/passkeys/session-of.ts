import { isFreshSession } from '../../../database/sessions.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { reviewerOf, type Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';

/** What somebody does who signed in too long ago. */
export const STALE =
  'This is done within ten minutes after a sign-in at which the identity provider asked you: open /sign-in?prompt=login and repeat. If you just did, its ID tokens lack `auth_time`: have that claim added.';

/** The session in which the caller calls. Refuses tokens (`sign_in_again`): what outlasts a session is made in one. */
export function sessionOf({ principal: { session } }: Caller): string {
  if (session) return session.id;
  throw new KeyturnError(
    'sign_in_again',
    'Passkeys are managed with the session of a browser, not with a token: sign in at /sign-in?prompt=login.',
  );
}

/**
 * The same, of somebody who signed in just before. The database refuses all others once more where it counts: this spares
 * people a passkey that is good for nothing.
 */
export async function freshSessionOf(
  { source }: Pick<ApiContext, 'source'>,
  caller: Caller,
): Promise<string> {
  const id = sessionOf(caller);
  const { id: person } = reviewerOf(caller);
  if (await isFreshSession(source.manager, { id, person })) return id;
  throw new KeyturnError('sign_in_again', STALE);
}
