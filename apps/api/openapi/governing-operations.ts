import type { ErrorCode } from '../../../domain/errors.ts';
import * as policies from '../../../domain/wire-policies.ts';
import * as streams from '../../../domain/wire-streams.ts';
import * as switches from '../../../domain/wire-switches.ts';
import type { Operation } from './operation.ts';

const OPERATOR_ERRORS: readonly ErrorCode[] = [
  'invalid_json',
  'invalid_request',
  'machine_cannot_decide',
  'reviewer_unknown',
  'reviewer_inactive',
  'forbidden',
  'unavailable',
];

const POLICY_ERRORS: readonly ErrorCode[] = [
  'machine_cannot_decide',
  'reviewer_unknown',
  'reviewer_inactive',
];

/** The operations by which people govern Keyturn itself. */
export const GOVERNING_OPERATIONS: readonly Operation[] = [
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
    errors: [...OPERATOR_ERRORS, 'not_found', 'self_approval', 'already_decided', 'switch_lifted'],
  },
  {
    method: 'post',
    path: '/v1/policies',
    summary: 'Propose a policy (people); a request then asks to publish it',
    body: policies.proposeBodySchema,
    answers: [{ status: 201, description: 'It is kept.', schema: policies.proposalSchema }],
    errors: [
      ...POLICY_ERRORS,
      'invalid_json',
      'invalid_request',
      'not_canonical',
      'body_too_large',
      'too_many_proposals',
      'policy_invalid',
      'proposals_full',
    ],
  },
  {
    method: 'get',
    path: '/v1/policies/{digest}',
    summary: 'A policy that was proposed or installed (people)',
    answers: [{ status: 200, description: 'The policy.', schema: policies.policyAnswerSchema }],
    errors: [...POLICY_ERRORS, 'not_found', 'policy_invalid'],
  },
  {
    method: 'get',
    path: '/v1/audit/{stream}',
    summary: 'The audit entries of policy, proposals, switches or directory (operators)',
    query: streams.streamQuerySchema,
    answers: [{ status: 200, description: 'A page, oldest first.', schema: streams.streamPageSchema }],
    errors: [...POLICY_ERRORS, 'invalid_request', 'forbidden', 'not_found'],
  },
];
