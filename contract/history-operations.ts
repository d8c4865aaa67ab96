import { evidenceSchema } from './evidence.ts';
import { timelineSchema } from './history.ts';
import type { Operation } from './operation.ts';
import { workflowEventsSchema } from './workflow-events.ts';

/** The operations that tell what happened to a request. */
export const HISTORY_OPERATIONS = {
  getTimeline: {
    tag: 'Requests',
    method: 'get',
    path: '/v1/requests/{id}/timeline',
    summary: 'Show what happened to a request',
    readers: 'request',
    answers: [{ status: 200, description: 'The steps, from the audit log.', schema: timelineSchema }],
  },
  getWorkflowEvents: {
    tag: 'Requests',
    method: 'get',
    path: '/v1/requests/{id}/workflow-events',
    summary:
      'Show what Temporal keeps about the workflow of a request: names, times and attempts of its events. For reviewers, operators and auditors: those behind the request get 403',
    readers: 'request',
    answers: [{ status: 200, description: 'The events, without contents.', schema: workflowEventsSchema }],
    errors: ['forbidden'],
  },
  getEvidence: {
    tag: 'Requests',
    method: 'get',
    path: '/v1/requests/{id}/evidence',
    summary:
      'Get everything that verifies a request offline. For reviewers, operators and auditors: those behind the request get 403',
    readers: 'request',
    answers: [
      {
        status: 200,
        description: 'Audit entries with their parts, signatures and keys.',
        schema: evidenceSchema,
      },
    ],
    errors: ['forbidden'],
  },
} as const satisfies Readonly<Record<string, Operation>>;
