import * as keys from './api-keys.ts';
import { REVIEWER_ERRORS, SESSION_ERRORS, type Operation } from './operation.ts';

/** The operations about API keys of agents. */
export const KEY_OPERATIONS = {
  createApiKey: {
    tag: 'API keys',
    method: 'post',
    path: '/v1/api-keys',
    summary:
      'Make a key of an agent without an issuer: as its owner or an operator who has just signed in with a browser. The answer has the key, once',
    readers: 'owners',
    isForSessions: true,
    body: keys.createKeyBodySchema,
    answers: [{ status: 201, description: 'The key.', schema: keys.createdKeySchema }],
    errors: [
      ...SESSION_ERRORS,
      'forbidden',
      'not_found',
      'unknown_action',
      'unknown_target',
      'requester_inactive',
      'too_many_keys',
    ],
  },
  listApiKeys: {
    tag: 'API keys',
    method: 'get',
    path: '/v1/api-keys',
    summary:
      'List the agents without an issuer that are yours (operators and auditors: all of them), and their keys: those that are live, or ended less than 30 days ago',
    readers: 'people',
    answers: [{ status: 200, description: 'All of them.', schema: keys.keyListSchema }],
    errors: REVIEWER_ERRORS,
  },
  revokeApiKey: {
    tag: 'API keys',
    method: 'post',
    path: '/v1/api-keys/{id}/revoke',
    summary: 'Revoke a key: as the owner of its agent or as an operator',
    readers: 'owners',
    isForSessions: true,
    answers: [
      { status: 200, description: 'It is over: each call with it gets 401.', schema: keys.apiKeySchema },
    ],
    errors: [...SESSION_ERRORS, 'not_found'],
  },
} as const satisfies Readonly<Record<string, Operation>>;
