import { ACCOUNT_OPERATIONS } from './account-operations.ts';
import { evaluateBodySchema, evaluationSchema } from './evaluate.ts';
import { CATALOGUE_OPERATIONS } from './catalogue-operations.ts';
import { meSchema } from './me.ts';
import { cardAnswerSchema } from './cards.ts';
import { eventsQuerySchema } from './changes.ts';
import * as decisions from './decisions.ts';
import * as requests from './requests.ts';
import { GOVERNING_OPERATIONS } from './governing-operations.ts';
import { HISTORY_OPERATIONS } from './history-operations.ts';
import { KEY_OPERATIONS } from './key-operations.ts';
import { REPEATABLE, REPEATED, REVIEWER_ERRORS, type Operation } from './operation.ts';
import { PROPOSAL_OPERATIONS } from './proposal-operations.ts';
import { QUESTION_OPERATIONS } from './question-operations.ts';
import { PASSKEY_OPERATIONS } from './passkey-operations.ts';
import { PEOPLE_OPERATIONS } from './people-operations.ts';
import { SESSION_OPERATIONS } from './session-operations.ts';
import { SERVICE_OPERATIONS } from './service-operations.ts';

const DECISION_ERRORS = [
  ...REVIEWER_ERRORS,
  'self_approval',
  'not_eligible',
  'grade_too_low',
  'switched_off',
  'use_withdraw',
  'request_not_pending',
  'request_finished',
  'request_expired',
  'decision_digest_stale',
  'view_digest_missing',
  'view_digest_stale',
  'already_decided',
  'unknown_decision',
  'not_your_decision',
  'already_taken_back',
  'take_back_invalid',
  'request_executing',
  'on_call_unknown',
  'reason_required',
  'defer_invalid',
  'hand_over_invalid',
  'proof_invalid',
] as const;

/** How whatever is asked for may be refused, in the order of the checks. */
const SUBMISSION_ERRORS = [
  'forbidden',
  'requester_inactive',
  'acts_for_nobody',
  'unknown_policy',
  // People report the outcome of an execution in the way that they decide.
  ...REVIEWER_ERRORS,
  'not_found',
  'self_approval',
  'unknown_action',
  'unknown_target',
  'mode_unsupported',
  'switched_off',
  'arguments_invalid',
  'break_glass_unavailable',
] as const;

const LOCATED = { schema: requests.requestSchema, headers: ['Location'] } as const;

/** Every operation of the interface, by what generated clients call it: that is never changed. */
export const OPERATIONS = {
  createRequest: {
    tag: 'Requests',
    method: 'post',
    path: '/v1/requests',
    summary: 'Ask for a privileged action. With mode gate: for a decision, which policy may give at once',
    readers: 'caller',
    headers: [
      {
        name: 'Idempotency-Key',
        description: '1 to 256 characters of UTF-8. The same key finds the same request for ever.',
        isRequired: true,
      },
      {
        name: 'Prefer',
        description:
          '`wait=N` (RFC 7240): answer once the request is planned and evaluated, and after N seconds at the latest (0 to 60, default 5). It does not wait for people.',
      },
    ],
    body: requests.createBodySchema,
    answers: [
      { status: 201, description: 'The request is recorded.', ...LOCATED },
      { status: 200, description: 'A repeat with the same key: the request as it is now.', ...LOCATED },
      { status: 202, description: 'The request is durable and not yet recorded.', ...LOCATED },
    ],
    errors: [
      ...REPEATED,
      'foreign_run',
      'over_budget',
      'not_canonical',
      'gate_answer_expired',
      'start_invalid',
      ...SUBMISSION_ERRORS,
    ],
  },
  evaluate: {
    tag: 'Requests',
    method: 'post',
    path: '/v1/evaluate',
    summary: 'Ask what policy would say. Nothing is requested or recorded',
    readers: 'caller',
    body: evaluateBodySchema,
    answers: [{ status: 200, description: 'What policy says now.', schema: evaluationSchema }],
    errors: SUBMISSION_ERRORS,
  },
  listRequests: {
    tag: 'Requests',
    method: 'get',
    path: '/v1/requests',
    summary: 'List requests, newest first. What policy answered at once (mode gate) is in no list',
    readers: 'request',
    query: requests.listQuerySchema,
    answers: [{ status: 200, description: 'One page.', schema: requests.requestPageSchema }],
  },
  getRequest: {
    tag: 'Requests',
    method: 'get',
    path: '/v1/requests/{id}',
    summary: 'Show a request. With wait: answer when it changes',
    readers: 'request',
    query: requests.showQuerySchema,
    headers: [
      {
        name: 'If-None-Match',
        description: 'One or more ETags, or `*`. While the answer has one of them: 304 without a body.',
      },
    ],
    answers: [
      { status: 200, description: 'The request.', schema: requests.requestSchema, headers: ['ETag'] },
      { status: 304, description: 'Nothing has changed since the answer with this ETag.', headers: ['ETag'] },
    ],
  },
  getCard: {
    tag: 'Requests',
    method: 'get',
    path: '/v1/requests/{id}/card',
    summary: 'Show what people decide upon, and nothing that changes meanwhile',
    readers: 'request',
    answers: [{ status: 200, description: 'The card, and its digest.', schema: cardAnswerSchema }],
  },
  ...HISTORY_OPERATIONS,
  withdrawRequest: {
    tag: 'Requests',
    method: 'post',
    path: '/v1/requests/{id}/withdraw',
    summary: 'Withdraw your own request',
    readers: 'request',
    headers: [REPEATABLE],
    body: decisions.withdrawBodySchema,
    isBodyOptional: true,
    answers: [
      { status: 200, description: 'The request is withdrawn.', schema: requests.requestSchema },
      {
        status: 202,
        description: 'The withdrawal is durable and not yet recorded.',
        schema: requests.requestSchema,
      },
    ],
    errors: [...REPEATED, 'forbidden', 'request_executing', 'request_finished'],
  },
  ...QUESTION_OPERATIONS,
  decide: {
    tag: 'Decisions',
    method: 'post',
    path: '/v1/requests/{id}/decisions',
    summary:
      'Approve, deny or defer a request, or take your approval back. What is approved can be stopped until it starts',
    readers: 'request',
    headers: [REPEATABLE],
    body: decisions.decisionBodySchema,
    answers: [
      {
        status: 200,
        description: 'The decision is recorded and counted.',
        schema: decisions.decisionAnswerSchema,
      },
      {
        status: 202,
        description:
          'The decision is durable and not yet counted. Send the same call with the same key to learn whether it is.',
        schema: decisions.decisionQueuedSchema,
      },
    ],
    errors: [...REPEATED, ...DECISION_ERRORS],
  },
  decideMany: {
    tag: 'Decisions',
    method: 'post',
    path: '/v1/decisions',
    summary:
      'Approve or deny several requests, each for itself. Approve so only what has a low or medium risk, asks for no evidence above grade C, and has a plan that shows everything; others are refused as `not_in_batch`',
    readers: 'request',
    headers: [REPEATABLE],
    body: decisions.decideManyBodySchema,
    answers: [
      {
        status: 200,
        description: 'The outcome of each, refused or not.',
        schema: decisions.decideManyAnswerSchema,
      },
    ],
    errors: [...REPEATED, ...REVIEWER_ERRORS],
  },
  beginProof: {
    tag: 'Decisions',
    method: 'post',
    path: '/v1/requests/{id}/proofs',
    summary:
      'Begin to prove a decision with a passkey, in a session: where policy asks for stronger evidence than that gives',
    readers: 'request',
    isForSessions: true,
    body: decisions.proofBodySchema,
    answers: [{ status: 201, description: 'For ten minutes, once.', schema: decisions.proofSchema }],
    errors: [...DECISION_ERRORS, 'sign_in_again', 'passkey_needed'],
  },
  createTicket: {
    tag: 'Decisions',
    method: 'post',
    path: '/v1/requests/{id}/tickets',
    summary: 'Get a ticket with which to decide in the Temporal UI or CLI',
    readers: 'request',
    isForSessions: true,
    body: decisions.decisionBodySchema,
    answers: [
      { status: 201, description: 'A ticket that is valid for ten minutes.', schema: decisions.ticketSchema },
    ],
    errors: [...REPEATED, ...DECISION_ERRORS, 'sign_in_again'],
  },
  listInbox: {
    tag: 'Decisions',
    method: 'get',
    path: '/v1/inbox',
    summary: 'List the pending requests that you may decide now, or that you have to do with',
    readers: 'request',
    query: requests.inboxQuerySchema,
    answers: [{ status: 200, description: 'One page.', schema: requests.inboxPageSchema }],
    errors: REVIEWER_ERRORS,
  },
  ...CATALOGUE_OPERATIONS,
  getMe: {
    tag: 'Requests',
    method: 'get',
    path: '/v1/me',
    summary: 'Show who you are to Keyturn, and whether this token may decide',
    readers: 'caller',
    answers: [{ status: 200, description: 'The account that calls.', schema: meSchema }],
  },
  ...GOVERNING_OPERATIONS,
  ...PROPOSAL_OPERATIONS,
  streamEvents: {
    tag: 'Requests',
    method: 'get',
    path: '/v1/events',
    summary:
      'Follow changes as server-sent events (`open`, `request.changed`, `reset`). The body does not end, so read it with a library for event streams',
    readers: 'request',
    headers: [
      {
        name: 'Last-Event-ID',
        description:
          'The `id` of the last event that arrived: the stream goes on after it. Every event has one, `open` too. Some changes may come again. After `reset` list the requests again: the position is too far back, or not of this log.',
      },
    ],
    query: eventsQuerySchema,
    answers: [
      {
        status: 200,
        description:
          'A stream of events. The `data` of `request.changed` is a Change as JSON; that of `reset` is `{"reason": …}`: `too_far_behind` or `ahead_of_log` (of another log).',
        mediaType: 'text/event-stream',
      },
    ],
    errors: ['not_found', 'forbidden'],
  },
  ...PEOPLE_OPERATIONS,
  ...SESSION_OPERATIONS,
  ...KEY_OPERATIONS,
  ...ACCOUNT_OPERATIONS,
  ...PASSKEY_OPERATIONS,
  ...SERVICE_OPERATIONS,
} as const satisfies Readonly<Record<string, Operation>>;
