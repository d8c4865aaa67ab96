import { meSchema } from './me.ts';
import { targetPageSchema, targetsQuerySchema } from './targets.ts';
import type { Operation } from './operation.ts';

/** What there is to act on, and who asks. */
export const CATALOGUE_OPERATIONS = {
  listTargets: {
    tag: 'Requests',
    method: 'get',
    path: '/v1/targets',
    summary: 'List what actions act on, by id',
    query: targetsQuerySchema,
    answers: [{ status: 200, description: 'One page.', schema: targetPageSchema }],
    errors: ['forbidden'],
  },
  getMe: {
    tag: 'Requests',
    method: 'get',
    path: '/v1/me',
    summary: 'Show who you are to Keyturn, and whether this token may decide',
    answers: [{ status: 200, description: 'The account that calls.', schema: meSchema }],
  },
} as const satisfies Readonly<Record<string, Operation>>;
