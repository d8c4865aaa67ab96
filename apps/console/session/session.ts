import { queryOptions, useQuery, useQueryClient, type QueryClient } from '@tanstack/react-query';
import { createContext, useContext } from 'react';

import type { OwnSession } from '../../../contract/sessions.ts';
import { get, isProblem, isSignedOut, post, type Post, type Posted } from '../api/calls.ts';

/** Who is signed in with this browser. */
export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: ({ signal }) => get<OwnSession>('/v1/session', {}, signal),
  staleTime: Number.POSITIVE_INFINITY,
});

/** True once a call was refused because the session is over. What was typed stays on the page. */
const endedQuery = queryOptions({
  queryKey: ['session-ended'],
  queryFn: () => false,
  initialData: false,
  staleTime: Number.POSITIVE_INFINITY,
});

export const SessionContext = createContext<OwnSession | null>(null);

/** The session of the person who looks at the page. */
export function useSession(): OwnSession {
  const session = useContext(SessionContext);
  if (!session) throw new Error('There is a page only for somebody who signed in.');
  return session;
}

export function useSessionEnded(): boolean {
  return useQuery(endedQuery).data;
}

/** Notes that nobody is signed in any more, whichever call learns of it. */
export function noteRefusal(client: QueryClient, error: unknown): void {
  if (isSignedOut(error)) client.setQueryData(endedQuery.queryKey, true);
}

/** Asks whether the session still is: for what ends without saying why. */
export async function checkSession(client: QueryClient): Promise<void> {
  await get<OwnSession>('/v1/session').catch((error: unknown) => noteRefusal(client, error));
}

/** Another person signed in with this browser while the page was open. */
export class OtherPerson extends Error {
  constructor(name: string) {
    super(
      `${name} has signed in with this browser since this page was opened. Nothing was done. Reload the page.`,
    );
    this.name = 'OtherPerson';
  }
}

/**
 * Changes something as the person whom the page shows. A sign-in in another tab gives the browser another session: its
 * token is taken if it is of the same person, and nothing is done if it is not.
 */
export function usePost(): <Answer>(path: string, call?: Omit<Post, 'csrfToken'>) => Promise<Posted<Answer>> {
  const client = useQueryClient();
  const { person } = useSession();
  return async <Answer>(path: string, call: Omit<Post, 'csrfToken'> = {}) => {
    const { csrf_token } = await client.ensureQueryData(sessionQuery);
    try {
      return await post<Answer>(path, { ...call, csrfToken: csrf_token });
    } catch (error) {
      if (!isProblem(error, 'csrf_refused')) throw error;
      const now = await client.fetchQuery({ ...sessionQuery, staleTime: 0 });
      if (now.person !== person) throw new OtherPerson(now.name);
      return post<Answer>(path, { ...call, csrfToken: now.csrf_token });
    }
  };
}
