import * as accounts from './accounts.ts';
import { REVIEWER_ERRORS, type Operation } from './operation.ts';

/** The operations about accounts of people, and how they link further ones. */
export const ACCOUNT_OPERATIONS = {
  listAccounts: {
    tag: 'Accounts',
    method: 'get',
    path: '/v1/accounts',
    summary: 'List accounts and links: your own, or as an operator those of somebody else',
    readers: 'people',
    query: accounts.accountsQuerySchema,
    answers: [{ status: 200, description: 'All of them.', schema: accounts.accountListSchema }],
    errors: [...REVIEWER_ERRORS, 'forbidden'],
  },
  beginAccountLink: {
    tag: 'Accounts',
    method: 'post',
    path: '/v1/account-links',
    summary:
      'Begin to link a further account of your own, in a session, within ten minutes after a sign-in. The browser then goes to `address` and signs in with the other account',
    readers: 'people',
    isForSessions: true,
    body: accounts.beginAccountLinkBodySchema,
    answers: [
      { status: 201, description: 'The link that was begun.', schema: accounts.begunAccountLinkSchema },
    ],
    errors: [...REVIEWER_ERRORS, 'sign_in_again'],
  },
  getAccountLink: {
    tag: 'Accounts',
    method: 'get',
    path: '/v1/account-links/{id}',
    summary: 'Show a link that was begun in this session, with both accounts',
    readers: 'people',
    isForSessions: true,
    answers: [
      { status: 200, description: 'The link that was begun.', schema: accounts.begunAccountLinkSchema },
    ],
    errors: [...REVIEWER_ERRORS, 'sign_in_again', 'not_found'],
  },
  confirmAccountLink: {
    tag: 'Accounts',
    method: 'post',
    path: '/v1/account-links/{id}/confirm',
    summary: 'Confirm a link, in the session that began it, within ten minutes after both sign-ins',
    readers: 'people',
    isForSessions: true,
    answers: [{ status: 200, description: 'It is linked.', schema: accounts.accountLinkSchema }],
    errors: [...REVIEWER_ERRORS, 'sign_in_again', 'not_found', 'account_taken'],
  },
  removeAccountLink: {
    tag: 'Accounts',
    method: 'post',
    path: '/v1/account-links/{id}/remove',
    summary:
      'Remove a link of your own, or as an operator one of somebody else, in a session, within ten minutes after a sign-in. The account signs in no more; whatever was done with it stays the person’s',
    readers: 'people',
    isForSessions: true,
    answers: [{ status: 200, description: 'It is removed.', schema: accounts.accountLinkSchema }],
    errors: [...REVIEWER_ERRORS, 'sign_in_again', 'not_found'],
  },
} as const satisfies Readonly<Record<string, Operation>>;
