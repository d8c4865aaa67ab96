import type { z } from 'zod';

import type { ErrorCode } from '../../../domain/errors.ts';
import * as policies from '../../../domain/wire-policies.ts';
import * as switches from '../../../domain/wire-switches.ts';
import { evaluateBodySchema, evaluationSchema } from '../../../domain/wire-evaluate.ts';
import * as wire from '../../../domain/wire.ts';

/** One answer that is not an error. */
export interface Answer {
  readonly status: number;
  readonly description: string;
  readonly schema?: z.ZodType;
  readonly mediaType?: string;
}

/** A header that an operation reads. */
export interface HeaderParameter {
  readonly name: string;
  readonly description: string;
  readonly isRequired?: boolean;
}

/** One operation, as it is published. A test compares the list with the routes that exist. */
export interface Operation {
  readonly method: 'get' | 'post';
  readonly path: string;
  readonly summary: string;
  readonly isPublic?: boolean;
  readonly headers?: readonly HeaderParameter[];
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly answers: readonly Answer[];
  readonly errors?: readonly ErrorCode[];
}

const DECISION_ERRORS: readonly ErrorCode[] = [
  'invalid_request',
  'machine_cannot_decide',
  'reviewer_unknown',
  'reviewer_inactive',
  'self_approval',
  'not_eligible',
  'grade_too_low',
  'switched_off',
  'not_found',
  'use_withdraw',
  'request_not_pending',
  'request_finished',
  'request_expired',
  'decision_digest_stale',
  'already_decided',
  'reason_required',
  'defer_invalid',
  'hand_over_invalid',
  'unavailable',
];

const POLICY_ERRORS: readonly ErrorCode[] = [
  'machine_cannot_decide',
  'reviewer_unknown',
  'reviewer_inactive',
];

const OPERATOR_ERRORS: readonly ErrorCode[] = [
  'invalid_json',
  'invalid_request',
  'machine_cannot_decide',
  'reviewer_unknown',
  'reviewer_inactive',
  'forbidden',
  'unavailable',
];

/** Every operation of the interface. */
export const OPERATIONS: readonly Operation[] = [
  {
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
        description: 'wait=N: wait up to N seconds (0 to 60, default 5) for the plan and its evaluation.',
      },
    ],
    body: wire.createBodySchema,
    answers: [
      { status: 201, description: 'Taken and recorded.', schema: wire.requestSchema },
      { status: 200, description: 'A repeat: the same request as before.', schema: wire.requestSchema },
      { status: 202, description: 'Taken and durable; not yet recorded.', schema: wire.requestSchema },
    ],
    errors: [
      'invalid_json',
      'invalid_request',
      'idempotency_key_missing',
      'forbidden',
      'acts_for_nobody',
      'requester_inactive',
      'switched_off',
      'foreign_run',
      'body_too_large',
      'unsupported_media_type',
      'unknown_action',
      'unknown_target',
      'unknown_policy',
      'arguments_invalid',
      'not_canonical',
      'idempotency_key_reused',
      'gate_answer_expired',
      'mode_unsupported',
      'unavailable',
    ],
  },
  {
    method: 'post',
    path: '/v1/evaluate',
    summary: 'Ask what policy would say, without asking for anything',
    body: evaluateBodySchema,
    answers: [{ status: 200, description: 'What policy says now.', schema: evaluationSchema }],
    errors: [
      'invalid_json',
      'invalid_request',
      'forbidden',
      'acts_for_nobody',
      'requester_inactive',
      'unknown_action',
      'unknown_target',
      'arguments_invalid',
      'mode_unsupported',
      'break_glass_unavailable',
    ],
  },
  {
    method: 'get',
    path: '/v1/requests',
    summary: 'List requests, newest first',
    query: wire.listQuerySchema,
    answers: [{ status: 200, description: 'One page.', schema: wire.requestPageSchema }],
    errors: ['invalid_request'],
  },
  {
    method: 'get',
    path: '/v1/requests/{id}',
    summary: 'Show a request; with wait, answer when it changes',
    query: wire.showQuerySchema,
    answers: [{ status: 200, description: 'The request.', schema: wire.requestSchema }],
    errors: ['invalid_request', 'not_found'],
  },
  {
    method: 'get',
    path: '/v1/requests/{id}/timeline',
    summary: 'What happened to a request',
    answers: [{ status: 200, description: 'The steps, from the audit log.', schema: wire.timelineSchema }],
    errors: ['not_found'],
  },
  {
    method: 'get',
    path: '/v1/requests/{id}/evidence',
    summary: 'Everything needed to verify a request offline',
    answers: [{ status: 200, description: 'Entries, parts, signatures, keys.', schema: wire.evidenceSchema }],
    errors: ['not_found', 'forbidden'],
  },
  {
    method: 'post',
    path: '/v1/requests/{id}/withdraw',
    summary: 'Withdraw your own request',
    body: wire.withdrawBodySchema,
    answers: [
      { status: 200, description: 'Withdrawn.', schema: wire.requestSchema },
      { status: 202, description: 'Durable, not yet recorded.', schema: wire.requestSchema },
    ],
    errors: [
      'invalid_request',
      'forbidden',
      'not_found',
      'request_executing',
      'request_finished',
      'unavailable',
    ],
  },
  {
    method: 'post',
    path: '/v1/requests/{id}/decisions',
    summary: 'Approve, deny or defer',
    body: wire.decisionBodySchema,
    answers: [
      { status: 200, description: 'Recorded and counted.', schema: wire.decisionAnswerSchema },
      { status: 202, description: 'Durable, not yet counted.', schema: wire.decisionQueuedSchema },
    ],
    errors: DECISION_ERRORS,
  },
  {
    method: 'post',
    path: '/v1/requests/{id}/tickets',
    summary: 'Get a ticket to decide from the Temporal UI or CLI',
    body: wire.decisionBodySchema,
    answers: [{ status: 201, description: 'A ticket for ten minutes.', schema: wire.ticketSchema }],
    errors: DECISION_ERRORS,
  },
  {
    method: 'get',
    path: '/v1/inbox',
    summary: 'Pending requests that you may decide now',
    query: wire.inboxQuerySchema,
    answers: [{ status: 200, description: 'One page.', schema: wire.requestPageSchema }],
    errors: ['invalid_request', 'machine_cannot_decide', 'reviewer_unknown', 'reviewer_inactive'],
  },
  {
    method: 'get',
    path: '/v1/actions',
    summary: 'What can be asked for',
    answers: [{ status: 200, description: 'The catalogue.', schema: wire.actionsSchema }],
  },
  {
    method: 'get',
    path: '/v1/switches',
    summary: 'Kill switches that are on',
    answers: [{ status: 200, description: 'All of them, oldest first.', schema: switches.switchListSchema }],
  },
  {
    method: 'post',
    path: '/v1/switches',
    summary: 'Throw a kill switch (operators)',
    body: switches.throwBodySchema,
    answers: [{ status: 201, description: 'It is on.', schema: switches.switchSchema }],
    errors: [...OPERATOR_ERRORS, 'unknown_action', 'unknown_target', 'unknown_agent'],
  },
  {
    method: 'post',
    path: '/v1/switches/{id}/lift',
    summary: 'Agree to lift a kill switch (operators, two different people)',
    body: switches.liftBodySchema,
    answers: [
      { status: 200, description: 'Lifted.', schema: switches.liftAnswerSchema },
      { status: 202, description: 'Noted: one more person is needed.', schema: switches.liftAnswerSchema },
    ],
    errors: [...OPERATOR_ERRORS, 'not_found', 'already_decided', 'switch_lifted'],
  },
  {
    method: 'post',
    path: '/v1/policies',
    summary: 'Propose a policy (people); a request then asks to publish it',
    body: policies.proposeBodySchema,
    answers: [{ status: 201, description: 'It is kept.', schema: policies.proposalSchema }],
    errors: [...POLICY_ERRORS, 'invalid_json', 'invalid_request', 'not_canonical', 'body_too_large'],
  },
  {
    method: 'get',
    path: '/v1/policies/{digest}',
    summary: 'A policy that was proposed or installed (people)',
    answers: [{ status: 200, description: 'The policy.', schema: policies.policyAnswerSchema }],
    errors: [...POLICY_ERRORS, 'not_found'],
  },
  {
    method: 'get',
    path: '/v1/events',
    summary: 'Changes as server-sent events (request.changed)',
    headers: [{ name: 'Last-Event-ID', description: 'Resume after this event. Some events may come again.' }],
    query: wire.eventsQuerySchema,
    answers: [
      { status: 200, description: 'A stream.', schema: wire.changeSchema, mediaType: 'text/event-stream' },
    ],
    errors: ['invalid_request', 'not_found'],
  },
  {
    method: 'get',
    path: '/v1/keys',
    summary: 'Public keys that verify what Keyturn signed',
    isPublic: true,
    answers: [{ status: 200, description: 'A JSON Web Key Set.', schema: wire.keysSchema }],
  },
  {
    method: 'get',
    path: '/healthz',
    summary: 'The process lives',
    isPublic: true,
    answers: [{ status: 200, description: 'It does.', schema: wire.healthSchema }],
  },
  {
    method: 'get',
    path: '/readyz',
    summary: 'Database and Temporal can be reached',
    isPublic: true,
    answers: [
      { status: 200, description: 'Both.', schema: wire.healthSchema },
      { status: 503, description: 'Not both.', schema: wire.healthSchema },
    ],
  },
  {
    method: 'get',
    path: '/metrics',
    summary: 'Measurements for Prometheus',
    isPublic: true,
    answers: [{ status: 200, description: 'Prometheus text.', mediaType: 'text/plain' }],
  },
  {
    method: 'get',
    path: '/openapi.json',
    summary: 'This document',
    isPublic: true,
    answers: [{ status: 200, description: 'OpenAPI 3.1.', mediaType: 'application/json' }],
  },
  {
    method: 'get',
    path: '/docs',
    summary: 'This document, for people',
    isPublic: true,
    answers: [{ status: 200, description: 'A page.', mediaType: 'text/html' }],
  },
];
