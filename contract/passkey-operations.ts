import { REVIEWER_ERRORS, SESSION_ERRORS, type Operation } from './operation.ts';
import * as passkeys from './passkeys.ts';

/** The operations about passkeys of people. */
export const PASSKEY_OPERATIONS = {
  beginPasskey: {
    tag: 'Passkeys',
    method: 'post',
    path: '/v1/passkeys/registrations',
    summary: 'Begin to register a passkey of your own, in a session, within ten minutes after a sign-in',
    readers: 'people',
    isForSessions: true,
    body: passkeys.beginPasskeyBodySchema,
    answers: [
      {
        status: 201,
        description: 'For `navigator.credentials.create`.',
        schema: passkeys.registrationSchema,
      },
    ],
    errors: [...SESSION_ERRORS, 'not_found', 'passkey_needed'],
  },
  createPasskey: {
    tag: 'Passkeys',
    method: 'post',
    path: '/v1/passkeys',
    summary: 'Register the passkey that the browser made',
    readers: 'people',
    isForSessions: true,
    body: passkeys.createPasskeyBodySchema,
    answers: [{ status: 201, description: 'The passkey.', schema: passkeys.passkeySchema }],
    errors: [...SESSION_ERRORS, 'not_found', 'passkey_invalid', 'passkey_needed', 'too_many_keys'],
  },
  listPasskeys: {
    tag: 'Passkeys',
    method: 'get',
    path: '/v1/passkeys',
    summary: 'List passkeys: your own, or as an operator those of somebody else',
    readers: 'people',
    query: passkeys.passkeysQuerySchema,
    answers: [{ status: 200, description: 'All of them.', schema: passkeys.passkeyListSchema }],
    errors: [...REVIEWER_ERRORS, 'forbidden'],
  },
  revokePasskey: {
    tag: 'Passkeys',
    method: 'post',
    path: '/v1/passkeys/{id}/revoke',
    summary:
      'Revoke a passkey of your own, in a session. Approvals with it that did not run yet count no more',
    readers: 'people',
    isForSessions: true,
    answers: [{ status: 200, description: 'It is over.', schema: passkeys.passkeySchema }],
    errors: [...SESSION_ERRORS, 'not_found'],
  },
  createPasskeyLink: {
    tag: 'Passkeys',
    method: 'post',
    path: '/v1/passkey-links',
    summary:
      'As an operator who has just signed in with a browser, let somebody else register a passkey: a first one, or one in place of those that were lost, which takes two operators',
    readers: 'operators',
    isForSessions: true,
    body: passkeys.passkeyLinkBodySchema,
    answers: [{ status: 201, description: 'The link.', schema: passkeys.openedLinkSchema }],
    errors: [...SESSION_ERRORS, 'forbidden', 'not_found', 'passkey_needed'],
  },
  listPasskeyLinks: {
    tag: 'Passkeys',
    method: 'get',
    path: '/v1/passkey-links',
    summary: 'List the links that are open, and the recoveries that wait for a second operator',
    readers: 'operators',
    answers: [{ status: 200, description: 'All of them.', schema: passkeys.passkeyLinkListSchema }],
    errors: [...REVIEWER_ERRORS, 'forbidden'],
  },
  agreeToRecovery: {
    tag: 'Passkeys',
    method: 'post',
    path: '/v1/passkey-links/{id}/agree',
    summary:
      'Agree to a recovery as its second operator: the passkeys of the person are revoked, and the link opens',
    readers: 'operators',
    isForSessions: true,
    answers: [{ status: 200, description: 'The link.', schema: passkeys.openedLinkSchema }],
    errors: [...SESSION_ERRORS, 'forbidden', 'not_found'],
  },
} as const satisfies Readonly<Record<string, Operation>>;
