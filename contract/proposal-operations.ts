import { REVIEWER_ERRORS, type Operation } from './operation.ts';
import { backtestSchema, comparisonSchema, proposalListSchema } from './proposals.ts';

/** The operations by which people read what somebody proposed. */
export const PROPOSAL_OPERATIONS = {
  listProposals: {
    tag: 'Policies',
    method: 'get',
    path: '/v1/policies',
    summary: 'List the policies that people proposed, with the state of each (people)',
    readers: 'people',
    answers: [{ status: 200, description: 'The newest ones.', schema: proposalListSchema }],
    errors: REVIEWER_ERRORS,
  },
  comparePolicy: {
    tag: 'Policies',
    method: 'get',
    path: '/v1/policies/{digest}/comparison',
    summary: 'Show what a policy changes, in words and line by line (people)',
    readers: 'people',
    answers: [{ status: 200, description: 'Both, side by side.', schema: comparisonSchema }],
    errors: REVIEWER_ERRORS,
  },
  backtestPublication: {
    tag: 'Policies',
    method: 'get',
    path: '/v1/requests/{id}/backtest',
    summary:
      'Show what the policy that a request publishes would have said of recorded requests. For reviewers of the request, operators and auditors: others get 403',
    readers: 'request',
    answers: [{ status: 200, description: 'The backtest.', schema: backtestSchema }],
    errors: ['forbidden'],
  },
} as const satisfies Readonly<Record<string, Operation>>;
