import { activePolicySchema } from './active-policy.ts';
import * as policies from './policies.ts';
import * as streams from './streams.ts';
import { policyTodaySchema } from './policy-today.ts';
import { systemHealthSchema } from './system-health.ts';
import * as switches from './switches.ts';
import { REPEATABLE, REPEATED, REVIEWER_ERRORS, type Operation } from './operation.ts';

const OPERATOR_ERRORS = [...REVIEWER_ERRORS, 'forbidden'] as const;

/** The operations by which people govern Keyturn itself. */
export const GOVERNING_OPERATIONS = {
  listSwitches: {
    tag: 'Kill switches',
    method: 'get',
    path: '/v1/switches',
    summary: 'List the kill switches that are engaged, or those that were released',
    readers: 'directory',
    query: switches.switchesQuerySchema,
    answers: [{ status: 200, description: 'The kill switches.', schema: switches.switchListSchema }],
    errors: ['forbidden'],
  },
  throwSwitch: {
    tag: 'Kill switches',
    method: 'post',
    path: '/v1/switches',
    summary: 'Engage a kill switch (operators)',
    readers: 'operators',
    headers: [REPEATABLE],
    body: switches.throwBodySchema,
    answers: [{ status: 201, description: 'The kill switch is engaged.', schema: switches.switchSchema }],
    errors: [
      ...REPEATED,
      ...OPERATOR_ERRORS,
      'unknown_action',
      'unknown_target',
      'unknown_agent',
      'switch_lifted',
    ],
  },
  liftSwitch: {
    tag: 'Kill switches',
    method: 'post',
    path: '/v1/switches/{id}/lift',
    summary: 'Agree to the release of a kill switch (operators, two different people)',
    readers: 'operators',
    isForSessions: true,
    headers: [REPEATABLE],
    body: switches.liftBodySchema,
    answers: [
      { status: 200, description: 'The kill switch is released.', schema: switches.liftAnswerSchema },
      {
        status: 202,
        description: 'The agreement is recorded. One more person is needed.',
        schema: switches.liftAnswerSchema,
      },
    ],
    errors: [
      ...REPEATED,
      ...OPERATOR_ERRORS,
      'self_approval',
      'already_decided',
      'switch_lifted',
      'sign_in_again',
    ],
  },
  proposePolicy: {
    tag: 'Policies',
    method: 'post',
    path: '/v1/policies',
    summary: 'Propose a policy (people). A request then asks to publish it',
    readers: 'people',
    body: policies.proposeBodySchema,
    answers: [{ status: 201, description: 'The proposal is kept.', schema: policies.proposalSchema }],
    errors: [...REVIEWER_ERRORS, 'not_canonical', 'too_many_proposals', 'proposals_full'],
  },
  getActivePolicy: {
    tag: 'Policies',
    method: 'get',
    path: '/v1/policy',
    summary: 'Show the active policy in words (people)',
    readers: 'people',
    answers: [{ status: 200, description: 'The active policy.', schema: activePolicySchema }],
    errors: REVIEWER_ERRORS,
  },
  getPolicy: {
    tag: 'Policies',
    method: 'get',
    path: '/v1/policies/{digest}',
    summary: 'Get a policy that was proposed or installed (people)',
    readers: 'people',
    answers: [{ status: 200, description: 'The policy.', schema: policies.policyAnswerSchema }],
    errors: REVIEWER_ERRORS,
  },
  evaluateToday: {
    tag: 'Policies',
    method: 'get',
    path: '/v1/requests/{id}/today',
    summary:
      'Show whether the active policy would decide otherwise on a request, by the facts on record. For reviewers, operators and auditors: those behind the request get 403',
    readers: 'request',
    answers: [{ status: 200, description: 'Both, side by side.', schema: policyTodaySchema }],
    errors: ['forbidden'],
  },
  getSystemHealth: {
    tag: 'Service',
    method: 'get',
    path: '/v1/health',
    summary:
      'Show how workers, queues, sweeps and freezes are, and which requests do not move (operators and auditors)',
    readers: 'auditors',
    answers: [{ status: 200, description: 'How they are.', schema: systemHealthSchema }],
    errors: OPERATOR_ERRORS,
  },
  getAuditEntries: {
    tag: 'Audit log',
    method: 'get',
    path: '/v1/audit/{stream}',
    summary: 'List the audit entries about policy, proposals, switches or directory (operators and auditors)',
    readers: 'auditors',
    query: streams.streamQuerySchema,
    answers: [{ status: 200, description: 'A page, oldest first.', schema: streams.streamPageSchema }],
    errors: OPERATOR_ERRORS,
  },
} as const satisfies Readonly<Record<string, Operation>>;
