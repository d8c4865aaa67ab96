import type { Operation } from './operation.ts';
import { ownSessionSchema } from './sessions.ts';

/** The operations about sessions of browsers. */
export const SESSION_OPERATIONS = {
  getSession: {
    tag: 'Sessions',
    method: 'get',
    path: '/v1/session',
    summary:
      'Show who is signed in with this browser, until when, and the token for calls that change something',
    readers: 'caller',
    answers: [{ status: 200, description: 'The session of the cookie.', schema: ownSessionSchema }],
    errors: ['not_found'],
  },
} as const satisfies Readonly<Record<string, Operation>>;
