import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';

import { KeyturnProblem } from '../../../sdk/problem.ts';
import { noteRefusal } from '../session/session.ts';

const ATTEMPTS_MAX = 3;

/** What is read is kept for a moment; changes make it stale at once (see live/). */
export function createQueryClient(): QueryClient {
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({ onError: (error) => noteRefusal(client, error) }),
    mutationCache: new MutationCache({ onError: (error) => noteRefusal(client, error) }),
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        networkMode: 'always',
        retry: (count, error) => count < ATTEMPTS_MAX && isWorthRetrying(error),
        retryDelay: (count, error) =>
          (error instanceof KeyturnProblem ? error.retryAfterMs : null) ?? 500 * 2 ** count,
      },
      // What changes something is repeated by the person who wants it.
      mutations: { retry: false, networkMode: 'always' },
    },
  });
  return client;
}

/** A refusal stays one; a server that is away or busy may be back. */
function isWorthRetrying(error: unknown): boolean {
  return !(error instanceof KeyturnProblem) || error.status === 429 || error.status === 503;
}
