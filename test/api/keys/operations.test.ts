import { afterAll, beforeAll, expect, it } from 'vitest';

import type { Operation } from '../../../contract/operation.ts';
import { OPERATIONS } from '../../../contract/operations.ts';
import { GOOD_BODY, type TestApi } from '../api.ts';
import { storeRequest } from '../rows.ts';
import { insertKey, startApiWithKeys, TERMS } from './keys.ts';

let api: TestApi;
let key: string;
let request: string;
let digest: string;
beforeAll(async () => {
  api = await startApiWithKeys();
  key = await insertKey(api);
  ({ id: request, decisionDigest: digest } = await storeRequest(api));
});
afterAll(async () => {
  await api.stop();
});

const MACHINE = [403, 'machine_cannot_decide'] as const;

/** What a machine gets of each operation with an API key or a token, at a request of somebody else. A new operation has to say so. */
const ANSWERS: Readonly<Record<keyof typeof OPERATIONS, readonly [status: number, code?: string]>> = {
  createRequest: [202],
  evaluate: [200],
  listRequests: [200],
  getRequest: [404, 'not_found'],
  getCard: [404, 'not_found'],
  getTimeline: [404, 'not_found'],
  getWorkflowEvents: [404, 'not_found'],
  getEvidence: [404, 'not_found'],
  withdrawRequest: [404, 'not_found'],
  askQuestion: [404, 'not_found'],
  answerQuestion: [404, 'not_found'],
  decide: MACHINE,
  decideMany: MACHINE,
  beginProof: MACHINE,
  createTicket: MACHINE,
  listInbox: MACHINE,
  listActions: [200],
  listTargets: [200],
  // It names no action.
  getUsualTimes: [400, 'invalid_request'],
  getMe: [200],
  listSwitches: [200],
  throwSwitch: MACHINE,
  liftSwitch: MACHINE,
  proposePolicy: MACHINE,
  getActivePolicy: MACHINE,
  getPolicy: MACHINE,
  listProposals: MACHINE,
  comparePolicy: MACHINE,
  backtestPublication: [404, 'not_found'],
  evaluateToday: [404, 'not_found'],
  getSystemHealth: MACHINE,
  getAuditEntries: MACHINE,
  listPeople: MACHINE,
  getPerson: MACHINE,
  streamEvents: [200],
  getSession: [404, 'not_found'],
  listSessions: MACHINE,
  endSession: MACHINE,
  endSessions: MACHINE,
  createApiKey: MACHINE,
  listApiKeys: MACHINE,
  revokeApiKey: MACHINE,
  listAccounts: MACHINE,
  beginAccountLink: MACHINE,
  getAccountLink: MACHINE,
  confirmAccountLink: MACHINE,
  removeAccountLink: MACHINE,
  beginPasskey: MACHINE,
  createPasskey: MACHINE,
  listPasskeys: MACHINE,
  revokePasskey: MACHINE,
  createPasskeyLink: MACHINE,
  listPasskeyLinks: MACHINE,
  agreeToRecovery: MACHINE,
  getKeys: [200],
  getHealth: [200],
  getReadiness: [200],
  getProtectedResource: [200],
  getOpenApi: [200],
  getDocs: [200],
};

/** Bodies that pass the schema, so that a refusal is about the caller. */
function bodyOf(name: string): unknown {
  const decision = { verdict: 'approve', decision_digest: digest, reason: 'x' };
  const bodies: Readonly<Record<string, unknown>> = {
    createRequest: GOOD_BODY,
    evaluate: GOOD_BODY,
    decide: decision,
    askQuestion: { question: 'x' },
    answerQuestion: { answer: 'x' },
    decideMany: { items: [{ id: request, ...decision }] },
    createTicket: decision,
    beginProof: { grade: 'A', verdict: 'approve', decision_digest: digest, view_digest: digest },
    throwSwitch: { scope: { kind: 'all' }, reason: 'x' },
    liftSwitch: { reason: 'x' },
    proposePolicy: { files: {} },
    createApiKey: TERMS,
    beginAccountLink: { issuer: 'https://id.example' },
    beginPasskey: {},
    createPasskey: { challenge: 'x', credential: 'x', client_data: 'x', attestation: 'x' },
    createPasskeyLink: { person: 'ada', kind: 'enrolment' },
  };
  return bodies[name];
}

/** What the API says to an operation: the status, and the code of a refusal. */
async function answerTo(
  name: string,
  token: string,
  key: string,
): Promise<readonly [status: number, code: string | undefined]> {
  const { method, path } = (OPERATIONS as Readonly<Record<string, Operation>>)[name] as Operation;
  const at = path
    .replace('{stream}', 'keys')
    .replace('{digest}', api.policyDigest)
    .replace('{id}', path.includes('/switches') ? `swi_${'a'.repeat(26)}` : request);
  const body = bodyOf(name);
  const hangUp = new AbortController();
  const response = await fetch(`${api.url}${at}`, {
    method: method.toUpperCase(),
    signal: hangUp.signal,
    headers: {
      authorization: `Bearer ${token}`,
      'idempotency-key': key,
      prefer: 'wait=0',
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const code = response.ok ? undefined : ((await response.json()) as { code: string }).code;
  hangUp.abort();
  return [response.status, code];
}

it.each(Object.keys(OPERATIONS))('an API key and %s', async (name) => {
  const [status, code] = ANSWERS[name as keyof typeof OPERATIONS];
  expect(await answerTo(name, key, name)).toEqual([status, code]);
});

it.each(Object.keys(OPERATIONS))('the token of an agent, whatever its scope, and %s', async (name) => {
  const [status, code] = ANSWERS[name as keyof typeof OPERATIONS];
  const token = await api.issuer.agentToken('agent-dba', {
    claims: { scope: 'openid keyturn:decide' },
  });
  expect(await answerTo(name, token, `${name} of an agent`)).toEqual([status, code]);
});

/** Beside what an API key does not get either: what people do with the command line. */
const OF_COMMAND_LINE: ReadonlySet<string> = new Set([
  'listInbox',
  'getSystemHealth',
  'throwSwitch',
  'proposePolicy',
  'getActivePolicy',
  'getPolicy',
  'listProposals',
  'comparePolicy',
  'getAuditEntries',
  'listSessions',
  'listAccounts',
  'listApiKeys',
  'listPasskeys',
  'listPasskeyLinks',
  'listPeople',
  'getPerson',
]);

const DECIDING = [
  'askQuestion',
  ...Object.entries(ANSWERS).flatMap(([name, [, code]]) =>
    code === 'machine_cannot_decide' && !OF_COMMAND_LINE.has(name) ? [name] : [],
  ),
];

it.each(DECIDING)('the sign-in of the command line and %s: refused, whatever its scope', async (name) => {
  for (const scope of ['openid', 'openid keyturn:decide', 'keyturn:decide']) {
    const token = await api.issuer.cliToken('olga', { scope });
    expect(await answerTo(name, token, `${name} ${scope}`)).toEqual(MACHINE);
  }
});

const FOR_SESSIONS = Object.entries<Operation>(OPERATIONS).flatMap(([name, { isForSessions }]) =>
  isForSessions ? [name] : [],
);

it.each(FOR_SESSIONS)('the token of an operator who may decide and %s: for sessions alone', async (name) => {
  expect(await answerTo(name, await api.issuer.humanToken('olga'), name)).toEqual([403, 'sign_in_again']);
});

it('the sign-in of the command line reads, and says that it may not decide', async () => {
  const token = await api.issuer.cliToken('olga');
  expect(await answerTo('listInbox', token, 'inbox')).toEqual([200, undefined]);
  expect(await answerTo('getRequest', token, 'request')).toEqual([200, undefined]);
  const { body } = await api.http({ path: '/v1/me', token });
  expect(body).toMatchObject({ may_decide: false, why_not: { code: 'machine_cannot_decide' } });
});
