import { REVIEWER_ERRORS, type Operation } from './operation.ts';
import * as sessions from './sessions.ts';

/** The operations about sessions of browsers. */
export const SESSION_OPERATIONS = {
  getSession: {
    tag: 'Sessions',
    method: 'get',
    path: '/v1/session',
    summary:
      'Show who is signed in with this browser, until when, and the token for calls that change something',
    readers: 'caller',
    answers: [{ status: 200, description: 'The session of the cookie.', schema: sessions.ownSessionSchema }],
    errors: ['not_found'],
  },
  listSessions: {
    tag: 'Sessions',
    method: 'get',
    path: '/v1/sessions',
    summary: 'List the sessions of browsers: your own, or as an operator those of somebody else',
    readers: 'people',
    query: sessions.sessionsQuerySchema,
    answers: [{ status: 200, description: 'All that are live.', schema: sessions.sessionListSchema }],
    errors: [...REVIEWER_ERRORS, 'forbidden'],
  },
  endSession: {
    tag: 'Sessions',
    method: 'post',
    path: '/v1/sessions/{id}/end',
    summary: 'End a session: one of your own, or as an operator one of somebody else',
    readers: 'people',
    answers: [{ status: 200, description: 'It is over.', schema: sessions.endedSchema }],
    errors: REVIEWER_ERRORS,
  },
  endSessions: {
    tag: 'Sessions',
    method: 'post',
    path: '/v1/sessions/end-all',
    summary: 'Sign out everywhere; as an operator: sign somebody else out everywhere',
    readers: 'people',
    body: sessions.endAllBodySchema,
    isBodyOptional: true,
    answers: [{ status: 200, description: 'All are over.', schema: sessions.endedSchema }],
    errors: [...REVIEWER_ERRORS, 'forbidden'],
  },
} as const satisfies Readonly<Record<string, Operation>>;
