import type { ErrorCode } from '../../../domain/errors.ts';
import { evaluateBodySchema, evaluationSchema } from '../../../domain/wire-evaluate.ts';
import { actionsSchema } from '../../../domain/wire-actions.ts';
import { healthSchema, openApiSchema } from '../../../domain/wire-service.ts';
import * as wire from '../../../domain/wire.ts';
import { protectedResourceSchema } from '../../../domain/wire-sign-in.ts';
import { CATALOGUE_OPERATIONS } from './catalogue-operations.ts';
import { GOVERNING_OPERATIONS } from './governing-operations.ts';
import { REPEATABLE, REPEATED, type Operation } from './operation.ts';

const DECISION_ERRORS: readonly ErrorCode[] = [
  'machine_cannot_decide',
  'reviewer_unknown',
  'reviewer_inactive',
  'self_approval',
  'not_eligible',
  'grade_too_low',
  'switched_off',
  'use_withdraw',
  'request_not_pending',
  'request_finished',
  'request_expired',
  'decision_digest_stale',
  'already_decided',
  'on_call_unknown',
  'reason_required',
  'defer_invalid',
  'hand_over_invalid',
];

/** What became of an execution is told by people, as decisions are made. */
const RESOLVE_ERRORS: readonly ErrorCode[] = [
  'not_found',
  'machine_cannot_decide',
  'reviewer_unknown',
  'reviewer_inactive',
  'self_approval',
];

const LOCATED = { schema: wire.requestSchema, headers: ['Location'] } as const;

/** Every operation of the interface. */
export const OPERATIONS: readonly Operation[] = [
  {
    id: 'createRequest',
    tag: 'Requests',
    method: 'post',
    path: '/v1/requests',
    summary: 'Ask for a privileged action; with mode gate, for a decision that policy may give on the spot',
    headers: [
      {
        name: 'Idempotency-Key',
        description: '1 to 256 characters (UTF-8). The same key finds the same request, for ever.',
        isRequired: true,
      },
      {
        name: 'Prefer',
        description:
          'wait=N: answer once the request is planned and evaluated, after N seconds (0 to 60, default 5) at the latest. It does not wait for people.',
      },
    ],
    body: wire.createBodySchema,
    answers: [
      { status: 201, description: 'Taken and recorded.', ...LOCATED },
      { status: 200, description: 'A repeat: the same request as before.', ...LOCATED },
      { status: 202, description: 'Taken and durable; not yet recorded.', ...LOCATED },
    ],
    errors: [
      'idempotency_key_missing',
      'idempotency_key_invalid',
      'forbidden',
      'acts_for_nobody',
      'requester_inactive',
      'switched_off',
      'foreign_run',
      'over_budget',
      'unknown_action',
      'unknown_target',
      'unknown_policy',
      'arguments_invalid',
      'not_canonical',
      'idempotency_key_reused',
      'gate_answer_expired',
      'mode_unsupported',
      'break_glass_unavailable',
      'start_invalid',
      ...RESOLVE_ERRORS,
    ],
  },
  {
    id: 'evaluate',
    tag: 'Requests',
    method: 'post',
    path: '/v1/evaluate',
    summary: 'Ask what policy would say, without asking for anything',
    body: evaluateBodySchema,
    answers: [{ status: 200, description: 'What policy says now.', schema: evaluationSchema }],
    errors: [
      'forbidden',
      'acts_for_nobody',
      'requester_inactive',
      'switched_off',
      'unknown_action',
      'unknown_target',
      'arguments_invalid',
      'mode_unsupported',
      'break_glass_unavailable',
      ...RESOLVE_ERRORS,
    ],
  },
  {
    id: 'listRequests',
    tag: 'Requests',
    method: 'get',
    path: '/v1/requests',
    summary: 'List requests, newest first. Answers that policy gave on the spot (mode gate) are in no list',
    query: wire.listQuerySchema,
    answers: [{ status: 200, description: 'One page.', schema: wire.requestPageSchema }],
  },
  {
    id: 'getRequest',
    tag: 'Requests',
    method: 'get',
    path: '/v1/requests/{id}',
    summary: 'Show a request; with wait, answer when it changes',
    query: wire.showQuerySchema,
    headers: [{ name: 'If-None-Match', description: 'An ETag: answer only when it is another one by now.' }],
    answers: [
      { status: 200, description: 'The request.', schema: wire.requestSchema, headers: ['ETag'] },
      { status: 304, description: 'As the ETag says.', headers: ['ETag'] },
    ],
  },
  {
    id: 'getTimeline',
    tag: 'Requests',
    method: 'get',
    path: '/v1/requests/{id}/timeline',
    summary: 'What happened to a request',
    answers: [{ status: 200, description: 'The steps, from the audit log.', schema: wire.timelineSchema }],
  },
  {
    id: 'getEvidence',
    tag: 'Requests',
    method: 'get',
    path: '/v1/requests/{id}/evidence',
    summary:
      'Everything needed to verify a request offline. For reviewers and operators: whoever asked for it gets 403',
    answers: [{ status: 200, description: 'Entries, parts, signatures, keys.', schema: wire.evidenceSchema }],
    errors: ['forbidden'],
  },
  {
    id: 'withdrawRequest',
    tag: 'Requests',
    method: 'post',
    path: '/v1/requests/{id}/withdraw',
    summary: 'Withdraw your own request',
    headers: [REPEATABLE],
    body: wire.withdrawBodySchema,
    isBodyOptional: true,
    answers: [
      { status: 200, description: 'Withdrawn.', schema: wire.requestSchema },
      { status: 202, description: 'Durable, not yet recorded.', schema: wire.requestSchema },
    ],
    errors: [...REPEATED, 'forbidden', 'request_executing', 'request_finished'],
  },
  {
    id: 'decide',
    tag: 'Decisions',
    method: 'post',
    path: '/v1/requests/{id}/decisions',
    summary: 'Approve, deny or defer; deny also what is approved and not started yet',
    headers: [REPEATABLE],
    body: wire.decisionBodySchema,
    answers: [
      { status: 200, description: 'Recorded and counted.', schema: wire.decisionAnswerSchema },
      { status: 202, description: 'Durable, not yet counted.', schema: wire.decisionQueuedSchema },
    ],
    errors: [...REPEATED, ...REPEATED, ...DECISION_ERRORS],
  },
  {
    id: 'createTicket',
    tag: 'Decisions',
    method: 'post',
    path: '/v1/requests/{id}/tickets',
    summary: 'Get a ticket to decide from the Temporal UI or CLI',
    body: wire.decisionBodySchema,
    answers: [{ status: 201, description: 'A ticket for ten minutes.', schema: wire.ticketSchema }],
    errors: [...REPEATED, ...DECISION_ERRORS],
  },
  {
    id: 'listInbox',
    tag: 'Decisions',
    method: 'get',
    path: '/v1/inbox',
    summary: 'Pending requests that you may decide now',
    query: wire.inboxQuerySchema,
    answers: [{ status: 200, description: 'One page.', schema: wire.requestPageSchema }],
    errors: ['machine_cannot_decide', 'reviewer_unknown', 'reviewer_inactive'],
  },
  {
    id: 'listActions',
    tag: 'Requests',
    method: 'get',
    path: '/v1/actions',
    summary: 'What can be asked for',
    answers: [{ status: 200, description: 'The catalogue.', schema: actionsSchema }],
    errors: ['forbidden'],
  },
  ...CATALOGUE_OPERATIONS,
  ...GOVERNING_OPERATIONS,
  {
    id: 'streamEvents',
    tag: 'Requests',
    method: 'get',
    path: '/v1/events',
    summary:
      'Changes as server-sent events (open, request.changed, reset). The body does not end: clients that read it whole wait for ever, so use a library for event streams',
    headers: [
      {
        name: 'Last-Event-ID',
        description:
          'Resume after this position: every event has one, the first (open) too. Some changes may come again; after reset list again: the position is too far back, or not of this log.',
      },
    ],
    query: wire.eventsQuerySchema,
    answers: [
      {
        status: 200,
        description: 'A stream. `data` of `request.changed` is a Change as JSON.',
        mediaType: 'text/event-stream',
      },
    ],
    errors: ['not_found', 'forbidden'],
  },
  {
    id: 'getKeys',
    tag: 'Service',
    method: 'get',
    path: '/v1/keys',
    summary: 'Public keys that verify what Keyturn signed',
    isPublic: true,
    answers: [{ status: 200, description: 'A JSON Web Key Set.', schema: wire.keysSchema }],
  },
  {
    id: 'getHealth',
    tag: 'Service',
    method: 'get',
    path: '/healthz',
    summary: 'The process lives',
    isPublic: true,
    answers: [{ status: 200, description: 'It does.', schema: healthSchema }],
  },
  {
    id: 'getReadiness',
    tag: 'Service',
    method: 'get',
    path: '/readyz',
    summary: 'Database and Temporal can be reached',
    isPublic: true,
    answers: [
      { status: 200, description: 'Both.', schema: healthSchema },
      { status: 503, description: 'Not both, or this process is about to end.', schema: healthSchema },
    ],
  },
  {
    id: 'getProtectedResource',
    tag: 'Service',
    method: 'get',
    path: '/.well-known/oauth-protected-resource',
    summary: 'How to get a token (RFC 9728): where people sign in, and as which client',
    isPublic: true,
    answers: [{ status: 200, description: 'The metadata.', schema: protectedResourceSchema }],
  },
  {
    id: 'getOpenApi',
    tag: 'Service',
    method: 'get',
    path: '/openapi.json',
    summary: 'This document',
    isPublic: true,
    answers: [{ status: 200, description: 'OpenAPI 3.1.', schema: openApiSchema }],
  },
  {
    id: 'getDocs',
    tag: 'Service',
    method: 'get',
    path: '/docs',
    summary: 'This document, for people',
    isPublic: true,
    answers: [{ status: 200, description: 'A page.', mediaType: 'text/html' }],
  },
];
