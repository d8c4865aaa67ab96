import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Timeline } from '../../contract/history.ts';
import type { Me } from '../../contract/me.ts';
import type { Operation } from '../../contract/operation.ts';
import { OPERATIONS } from '../../contract/operations.ts';
import type { RequestView } from '../../contract/requests.ts';
import type { TestApi } from './api.ts';
import { startApiWithKeys } from './keys/keys.ts';
import { ONE_DBA, SECRET_OF_PLAN, storeDecision, storeEntry, storeRequest } from './rows.ts';

const LEADS_ONLY = {
  ...ONE_DBA,
  rules: ONE_DBA.rules.map((rule) => ({
    ...rule,
    stages: [{ any: ['group:dba-leads' as const], quorum: 1, escalate: [] }],
  })),
};

let api: TestApi;
let request: string;
beforeAll(async () => {
  api = await startApiWithKeys();
  request = (await storeRequest(api, { requirement: LEADS_ONLY })).id;
  await storeEntry(api, request, 'request.planned');
});
afterAll(async () => {
  await api.stop();
});

const CALLERS = {
  nobody: () => Promise.resolve(''),
  stranger: () => api.issuer.humanToken('mallory'),
  agent: () => api.issuer.agentToken('agent-dba'),
  person: () => api.issuer.humanToken('dmitri'),
  auditor: () => api.issuer.humanToken('reviewer-01'),
  operator: () => api.issuer.humanToken('omar'),
} as const;
type CallerName = keyof typeof CALLERS;

/** Who gets past the check of the class; everybody else gets 401, 403 or 404. */
const ADMITTED: Readonly<Record<Operation['readers'], readonly CallerName[]>> = {
  anybody: ['nobody', 'stranger', 'agent', 'person', 'auditor', 'operator'],
  caller: ['stranger', 'agent', 'person', 'auditor', 'operator'],
  request: ['person', 'auditor', 'operator'],
  directory: ['agent', 'person', 'auditor', 'operator'],
  people: ['person', 'auditor', 'operator'],
  person: ['auditor', 'operator'],
  owners: ['auditor', 'operator'],
  operators: ['operator'],
  auditors: ['auditor', 'operator'],
};

/** Bodies that pass the schema, so that a refusal is about the caller. */
const BODIES: Readonly<Record<string, unknown>> = {
  throwSwitch: { scope: { kind: 'target', value: 'shop' }, reason: 'x' },
  liftSwitch: { reason: 'x' },
};

/** Queries that pass the schema. */
const QUERIES: Readonly<Record<string, string>> = {
  getUsualTimes: '?action=postgres.execute&environment=prod',
};

/** Reads of the class `request` that refuse by themselves, each with a test of its own. */
const OF_ONE_REQUEST: readonly string[] = ['getRequest', 'getCard', 'getTimeline'];

function isTried([name, { method, readers, path, isForSessions }]: readonly [string, Operation]): boolean {
  if (readers === 'request') return OF_ONE_REQUEST.includes(name);
  // Nobody has a session by a token.
  if (path === '/v1/events' || path === '/v1/session') return false;
  return (method === 'get' && !isForSessions) || name in BODIES;
}

async function statusOf(name: string, { path, method }: Operation, caller: CallerName): Promise<number> {
  const token = await CALLERS[caller]();
  const at = path
    .replace('people/{id}', 'people/ada')
    .replace('{stream}', 'switches')
    .replace('{digest}', api.policyDigest)
    .replace('{id}', path.includes('switches') ? `swi_${'a'.repeat(26)}` : request);
  const { status } = await api.http({
    path: `${at}${QUERIES[name] ?? ''}`,
    method: method.toUpperCase(),
    ...(token === '' ? {} : { token }),
    ...(method === 'post' ? { body: BODIES[name] } : {}),
  });
  return status;
}

describe('who may read what an operation answers', () => {
  const tried = Object.entries<Operation>(OPERATIONS).filter(isTried);

  it.each(tried)('%s: those of its class, and nobody else', async (name, operation) => {
    for (const caller of Object.keys(CALLERS) as CallerName[]) {
      const status = await statusOf(name, operation, caller);
      const isRefused = [401, 403, 404].includes(status) && !(name === 'liftSwitch' && caller === 'operator');
      expect(`${caller}: ${isRefused ? 'refused' : 'admitted'}`, `${name} answered ${status}`).toBe(
        `${caller}: ${ADMITTED[operation.readers].includes(caller) ? 'admitted' : 'refused'}`,
      );
    }
  });
});

describe('auditors', () => {
  it('read the whole of a request that names them nowhere, and may not decide it', async () => {
    const token = await CALLERS.auditor();
    const { body } = await api.http<RequestView>({ path: `/v1/requests/${request}`, token });
    expect(body.plan?.summary).toContain(SECRET_OF_PLAN);
    const evidence = await api.http({ path: `/v1/requests/${request}/evidence`, token });
    expect(evidence.status).toBe(200);
    const decided = await api.http({
      path: `/v1/requests/${request}/decisions`,
      token,
      body: { verdict: 'approve', decision_digest: body.decision_digest, reason: 'x' },
    });
    expect(decided.body).toMatchObject({ code: 'not_eligible' });
  });

  it('see no more of a request of their own than others who are behind one', async () => {
    const { id } = await storeRequest(api, { onBehalfOf: 'reviewer-01' });
    const { body } = await api.http<RequestView>({
      path: `/v1/requests/${id}`,
      token: await CALLERS.auditor(),
    });
    expect(body).not.toHaveProperty('plan');
  });

  it('learn from `me` that they are, with a token of their own only', async () => {
    const { body } = await api.http<Me>({ path: '/v1/me', token: await CALLERS.auditor() });
    expect(body).toMatchObject({ is_auditor: true, is_operator: false });
    const held = await api.issuer.sign({ sub: 'reviewer-01', client_id: 'some-program', scope: 'x' });
    const program = await api.http<Me>({ path: '/v1/me', token: held });
    expect(program.body).toMatchObject({ is_auditor: false });
    expect((await api.http({ path: '/v1/audit/policy', token: held })).status).toBe(403);
  });
});

describe('programs behind an approved request', () => {
  it('learn what was decided, and by nobody’s name', async () => {
    const { id } = await storeRequest(api, { status: 'approved' });
    await storeDecision(api, id, { person: 'dmitri', verdict: 'approve', reason: 'fine' });
    await storeDecision(api, id, { person: 'omar', verdict: 'defer', to: 'user:dmitri' });
    await storeEntry(api, id, 'decision.counted');
    const token = await api.issuer.agentToken('agent-billing');
    const { body } = await api.http<RequestView>({ path: `/v1/requests/${id}`, token });
    expect(body.decisions).toEqual([
      expect.objectContaining({ verdict: 'approve', reason: 'fine', reviewer: null, person: null }),
      expect.objectContaining({ verdict: 'defer', person: null }),
    ]);
    const timeline = await api.http<Timeline>({ path: `/v1/requests/${id}/timeline`, token });
    expect(JSON.stringify([body.decisions, timeline.body])).not.toMatch(/dmitri/i);
    const owner = await api.issuer.humanToken('ada');
    const hers = await api.http<RequestView>({ path: `/v1/requests/${id}`, token: owner });
    expect(hers.body.decisions).toEqual([
      expect.objectContaining({ person: 'dmitri' }),
      expect.objectContaining({ person: 'omar', defer_to: 'user:dmitri' }),
    ]);
  });
});
