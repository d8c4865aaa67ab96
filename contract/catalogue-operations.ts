import { actionsSchema } from './actions.ts';
import type { Operation } from './operation.ts';
import { targetPageSchema, targetsQuerySchema } from './targets.ts';
import { usualTimesQuerySchema, usualTimesSchema } from './usual-times.ts';

/** What can be asked for, on what, and how long people take to decide. */
export const CATALOGUE_OPERATIONS = {
  listActions: {
    tag: 'Requests',
    method: 'get',
    path: '/v1/actions',
    summary: 'List the actions that can be asked for',
    readers: 'directory',
    answers: [{ status: 200, description: 'The catalogue.', schema: actionsSchema }],
    errors: ['forbidden'],
  },
  listTargets: {
    tag: 'Requests',
    method: 'get',
    path: '/v1/targets',
    summary: 'List what actions act on, by id',
    readers: 'directory',
    query: targetsQuerySchema,
    answers: [{ status: 200, description: 'One page.', schema: targetPageSchema }],
    errors: ['forbidden'],
  },
  getUsualTimes: {
    tag: 'Requests',
    method: 'get',
    path: '/v1/usual-times',
    summary: 'Show how long people took to decide on requests for an action in an environment',
    readers: 'directory',
    query: usualTimesQuerySchema,
    answers: [{ status: 200, description: 'The usual times.', schema: usualTimesSchema }],
    errors: ['forbidden'],
  },
} as const satisfies Readonly<Record<string, Operation>>;
