import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { RequestStatus } from '../../domain/request/status.ts';
import type { Requirement } from '../../domain/request/requirement.ts';
import type { RequestPage, RequestView } from '../../contract/requests.ts';
import type { Timeline } from '../../contract/history.ts';
import { withPolicy, type PolicyChange } from '../workflows/policies.ts';
import { startApi, type TestApi } from './api.ts';
import {
  ONE_DBA,
  SECRET_OF_PLAN,
  storeDecision,
  storeEntry,
  storeRequest,
  type StoredRequest,
} from './rows.ts';

const LEADS = { any: ['group:dba-leads' as const], quorum: 1, escalate: [] };

/** Names of the call, which differ each time. */
const SAME = { instance: '', request_id: '' };

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

/** Whether a secret of the plan is in anything that a caller can read of a request. */
async function canReadSecret(id: string, token: string): Promise<boolean> {
  const paths = [
    ...['', '/card', '/timeline', '/evidence', '/workflow-events'].map((part) => `/v1/requests/${id}${part}`),
    '/v1/actions',
  ];
  const bodies = await Promise.all(paths.map(async (path) => (await api.http({ path, token })).body));
  const list = await api.http<RequestPage>({ path: '/v1/requests?limit=100', token });
  const inbox = await api.http<Partial<RequestPage>>({ path: '/v1/inbox?limit=100', token });
  const [listed, waiting] = [list, inbox].map(({ body }) => body.items?.filter((item) => item.id === id));
  expect(listed).toHaveLength(1);
  return JSON.stringify([bodies, listed, waiting]).includes(SECRET_OF_PLAN);
}

/** What policy made of the plan. */
const UNRATED = { risk: null, matched_rules: null, requirement: null, progress: null, shortage: null };

interface Rated {
  readonly status?: RequestStatus;
  readonly decision?: Pick<Parameters<typeof storeDecision>[2], 'verdict' | 'to'>;
  readonly round?: number;
  readonly planned?: boolean;
}

async function listed(
  id: string,
  token: string,
  query = '',
): Promise<RequestPage['items'][number] | undefined> {
  const { body } = await api.http<RequestPage>({ path: `/v1/requests?limit=100${query}`, token });
  return body.items.find((item) => item.id === id);
}

describe('what readers see of a pending request', () => {
  it('shows reviewers the plan, the arguments, the claims and the reasons of decisions', async () => {
    const { id } = await storeRequest(api);
    await storeDecision(api, id, {
      person: 'dmitri',
      verdict: 'defer',
      to: 'group:dba',
      reason: 'not my table',
    });
    const { body } = await api.http<RequestView>({
      path: `/v1/requests/${id}`,
      token: await api.issuer.humanToken('olga'),
    });
    expect(body.plan?.summary).toContain(SECRET_OF_PLAN);
    expect(body.arguments).toEqual({ statement: 'select 1' });
    expect(body.claims).toEqual({ justification: 'so I was told' });
    expect(body.decisions).toEqual([expect.objectContaining({ person: 'dmitri', reason: 'not my table' })]);
    expect(body.progress?.rules[0]?.stages[0]).toMatchObject({
      selectors: ['group:dba'],
      quorum: 1,
      filled: 0,
    });
    expect(body.matched_rules).toEqual([{ id: 'usual', because: 'Every statement is looked at' }]);
  });

  it.each<[string, () => Promise<string>]>([
    ['the agent', () => api.issuer.agentToken('agent-billing')],
    ['the owner of the agent', () => api.issuer.humanToken('ada')],
    ['the person it acts for', () => api.issuer.humanToken('olga')],
    ['the person it acts for, by another account', () => api.secondIssuer.humanToken('olga.petrenko')],
  ])(
    'shows %s nothing of the target, but who may decide, status and their own words',
    async (_name, token) => {
      const { id } = await storeRequest(api, { onBehalfOf: 'olga' });
      await storeEntry(api, id, 'request.planned');
      expect(await canReadSecret(id, await token())).toBe(false);
      const { body } = await api.http<RequestView>({ path: `/v1/requests/${id}`, token: await token() });
      expect(body).toMatchObject({
        status: 'pending',
        arguments: { statement: 'select 1' },
        may_decide: ['group:dba'],
        ...UNRATED,
      });
      expect(body).not.toHaveProperty('plan');
      expect(body).not.toHaveProperty('decisions');
      expect(JSON.stringify(await listed(id, await token()))).not.toMatch(/"low"|usual/);
      expect(await listed(id, await token(), '&risk=low')).toBeUndefined();
    },
  );

  it.each<[string, Rated, boolean]>([
    ['a person approved what it asks now', { decision: { verdict: 'approve' } }, true],
    ['a person denied it', { status: 'denied', decision: { verdict: 'deny' } }, true],
    ['it was approved', { status: 'approved' }, true],
    ['nothing was tried out', { planned: false }, true],
    ['somebody put it off', { decision: { verdict: 'defer', to: 'group:dba' } }, false],
    ['it was withdrawn', { status: 'cancelled' }, false],
    ['it expired', { status: 'expired' }, false],
    ['policy denied it', { status: 'denied' }, false],
    ['it failed', { status: 'failed' }, false],
    ['what was decided is void', { round: 2, decision: { verdict: 'approve' } }, false],
  ])('tells those behind it how it was rated only by what people did: %s', async (_what, wanted, isShown) => {
    const { status = 'pending', decision, round = 1, planned = true } = wanted;
    const { id } = await storeRequest(api, { status });
    if (decision) await storeDecision(api, id, { person: 'dmitri', ...decision });
    await api.db.query('update keyturn.request set round = $2 where id = $1', [id, round]);
    if (!planned) await api.db.query('update keyturn.request set plan_digest = null where id = $1', [id]);
    const token = await api.issuer.agentToken('agent-billing');
    const { body } = await api.http<RequestView>({ path: `/v1/requests/${id}`, token });
    const item = await listed(id, token);
    for (const { risk, matched_rules: rules, requirement } of [body, item ?? body])
      expect([risk !== null, rules !== null, requirement !== null]).toEqual(Array(3).fill(isShown));
    expect((await listed(id, token, '&risk=low')) !== undefined).toBe(isShown);
  });

  it('tells agents nothing of the requests of others, and no existence either', async () => {
    const { id } = await storeRequest(api);
    const token = await api.issuer.agentToken('agent-dba');
    const reply = await api.http({ path: `/v1/requests/${id}`, token });
    const missing = await api.http({ path: `/v1/requests/req_${'a'.repeat(26)}`, token });
    expect(reply.status).toBe(404);
    expect({ ...reply.body, ...SAME }).toEqual({ ...missing.body, ...SAME });
    const list = await api.http<RequestPage>({ path: '/v1/requests', token });
    expect(list.body.items).toEqual([]);
  });

  it('does not take a token that a program holds for a person for that person', async () => {
    const { id } = await storeRequest(api);
    const token = await api.issuer.sign({ sub: 'olga', client_id: 'some-program', scope: 'keyturn:decide' });
    expect((await api.http({ path: `/v1/requests/${id}`, token })).status).toBe(404);
  });

  it('does not take the same name at another issuer for the same agent', async () => {
    const { id } = await storeRequest(api);
    const token = await api.secondIssuer.agentToken('agent-billing');
    expect((await api.http({ path: `/v1/requests/${id}`, token })).status).toBe(404);
  });
});

describe('what the requester sees later', () => {
  it.each<[RequestStatus, boolean]>([
    ['planning', false],
    ['approved', true],
    ['executing', true],
    ['succeeded', true],
    ['indeterminate', true],
    ['denied', false],
    ['expired', false],
    ['cancelled', false],
    ['failed', false],
  ])('of a request that is %s: plan shown is %s', async (status, isShown) => {
    const failure = { code: 'target_error', detail: SECRET_OF_PLAN };
    const { id } = await storeRequest(api, { status, ...(status === 'failed' ? { failure } : {}) });
    const token = await api.issuer.agentToken('agent-billing');
    expect(await canReadSecret(id, token)).toBe(isShown);
    const { body } = await api.http<RequestView>({ path: `/v1/requests/${id}`, token });
    expect('plan' in body).toBe(isShown);
    if (status === 'failed') expect(body.failure).toEqual({ code: 'target_error' });
  });

  const CAUSE = { detail: SECRET_OF_PLAN };

  /** Codes as they are stored, and what those behind the request are shown. */
  const SHOWN: readonly (readonly [string, string])[] = [
    ['target_error', 'target_error'],
    // Rows of the target choose between these: all are one.
    ['not_previewable', 'target_error'],
    ['a_code_that_nobody_listed', 'target_error'],
    ['statement_kind', 'statement_kind'],
    ['function_not_allowed', 'function_not_allowed'],
    ['data_exception', 'data_exception'],
    ['integrity_constraint_violation', 'integrity_constraint_violation'],
    ['lock_timeout', 'lock_timeout'],
  ];

  it.each(SHOWN)('of a failure with the code %s is shown %s, wherever it failed', async (code, shown) => {
    const failure = { code, ...CAUSE };
    const { id, decisionDigest } = await storeRequest(api, { status: 'failed', failure, onBehalfOf: 'olga' });
    await storeEntry(api, id, 'request.plan_failed');
    await api.db.query(
      `insert into keyturn.execution (request, attempt, idempotency_key, decision_digest, state, claimed_at)
       values ($1, 1, $1, $2, 'failed', now())`,
      [id, decisionDigest],
    );
    for (const token of [await api.issuer.agentToken('agent-billing'), await api.issuer.humanToken('olga')]) {
      expect(await canReadSecret(id, token)).toBe(false);
      const { body } = await api.http<RequestView>({ path: `/v1/requests/${id}`, token });
      expect(body.failure).toEqual({ code: shown });
    }
    const reviewer = await api.issuer.humanToken('dmitri');
    const { body } = await api.http<RequestView>({ path: `/v1/requests/${id}`, token: reviewer });
    expect(body.failure).toEqual(failure);
  });

  it('never holds the evidence, the facts or the parts of entries, also after an approval', async () => {
    const { id } = await storeRequest(api, { status: 'succeeded' });
    await storeEntry(api, id, 'execution.released');
    const token = await api.issuer.agentToken('agent-billing');
    for (const part of ['timeline', 'evidence']) {
      const { body } = await api.http({ path: `/v1/requests/${id}/${part}`, token });
      expect(JSON.stringify(body)).not.toContain(SECRET_OF_PLAN);
    }
  });
});

describe('what people see who have no part in a request', () => {
  const ONE_LEAD: Requirement = {
    ...ONE_DBA,
    rules: ONE_DBA.rules.map((rule) => ({ ...rule, stages: [LEADS] })),
  };

  const NOT_EVALUATED = { requirement: null, status: 'failed' as const };
  const FORBIDDEN = { requirement: null, status: 'denied', deniedBy: 'policy' } as const;

  it.each<[string, readonly [string, Partial<StoredRequest>, boolean]]>([
    ['somebody whom the requirement does not name', ['dmitri', { requirement: ONE_LEAD }, false]],
    ['somebody whom it names', ['dmitri', {}, true]],
    ['somebody whom its escalation names', ['petra', {}, true]],
    ['an operator', ['olga', { requirement: ONE_LEAD }, true]],
    ['somebody before it is known whom policy names', ['dmitri', NOT_EVALUATED, false]],
    ['an operator where policy asked nobody and denied it', ['olga', FORBIDDEN, true]],
    [
      'whom the requirement named, where policy denied it',
      ['dmitri', { ...FORBIDDEN, requirement: ONE_DBA }, true],
    ],
  ])('see the plan only where it is for them: %s', async (_who, [subject, wanted, isShown]) => {
    const { id } = await storeRequest(api, wanted);
    await storeEntry(api, id, 'request.planned');
    const token = await api.issuer.humanToken(subject);
    expect(await canReadSecret(id, token)).toBe(isShown);
    const { body } = await api.http<RequestView>({ path: `/v1/requests/${id}`, token });
    expect(body).toMatchObject({ action: 'postgres.execute', target: 'shop' });
    expect('arguments' in body).toBe(isShown);
  });

  it.each<[string, Partial<StoredRequest>, boolean]>([
    ['before it is known whom policy names', NOT_EVALUATED, true],
    ['not where policy asked nobody and denied it', FORBIDDEN, false],
  ])('see the plan as an owner of the target, who operates nothing, %s', async (_when, wanted, isShown) => {
    const { id } = await storeRequest(api, wanted);
    await storeEntry(api, id, 'request.planned');
    const owned: PolicyChange = (policy) => ({
      ...policy,
      targets: policy.targets.map((target) => ({ ...target, owners: ['user:dmitri'] })),
    });
    await withPolicy(api.db, owned, async () => {
      expect(await canReadSecret(id, await api.issuer.humanToken('dmitri'))).toBe(isShown);
    });
  });

  it('see no result: it counts rows of the target', async () => {
    const { id } = await storeRequest(api, { requirement: ONE_LEAD, status: 'succeeded' });
    const result = JSON.stringify({ rows: [{ resource: SECRET_OF_PLAN, updated: 7 }] });
    await api.db.query('update keyturn.request set result = $2 where id = $1', [id, result]);
    expect(await canReadSecret(id, await api.issuer.humanToken('dmitri'))).toBe(false);
    for (const token of [await api.issuer.humanToken('petra'), await api.issuer.agentToken('agent-billing')])
      expect(await canReadSecret(id, token)).toBe(true);
  });

  it('one who decided still sees it', async () => {
    const { id } = await storeRequest(api, { requirement: ONE_LEAD });
    const token = await api.issuer.humanToken('dmitri');
    expect(await canReadSecret(id, token)).toBe(false);
    await storeDecision(api, id, { person: 'dmitri', verdict: 'approve' });
    expect(await canReadSecret(id, token)).toBe(true);
  });
});

describe('the timeline', () => {
  it('names actors and shows facts and parts to reviewers', async () => {
    const { id } = await storeRequest(api);
    await storeEntry(api, id, 'request.received');
    await storeEntry(api, id, 'request.planned');
    const token = await api.issuer.humanToken('olga');
    const { body } = await api.http<Timeline>({ path: `/v1/requests/${id}/timeline`, token });
    expect(body.items.map(({ n, text }) => `${n} ${text}`)).toEqual([
      '0 Requested it.',
      '1 The dry run showed what would happen.',
    ]);
    expect(body.items[0]?.actor).toEqual({ kind: 'agent', name: 'Billing agent', id: 'agent-billing' });
    expect(body.items[1]).toMatchObject({
      facts: { found: SECRET_OF_PLAN },
      parts: { summary: SECRET_OF_PLAN },
      grade: 'C',
    });
  });

  it('never says of a decision for somebody else that Keyturn tried or executed something', async () => {
    const { id } = await storeRequest(api, { status: 'succeeded' });
    await api.db.query(`update keyturn.request set mode = 'gate' where id = $1`, [id]);
    for (const type of [
      'request.planned',
      'execution.claimed',
      'execution.succeeded',
      'execution.failed',
    ] as const)
      await storeEntry(api, id, type);
    for (const token of [await api.issuer.humanToken('olga'), await api.issuer.agentToken('agent-billing')]) {
      const { body } = await api.http<Timeline>({ path: `/v1/requests/${id}/timeline`, token });
      const texts = body.items.map(({ text }) => text).join('\n');
      expect(body.items).toHaveLength(4);
      expect(texts).not.toMatch(/dry run|was (?:performed|executed)|at most once|changed nothing/);
    }
  });

  it('shows the requester the steps without facts', async () => {
    const { id } = await storeRequest(api);
    await storeEntry(api, id, 'request.planned');
    const token = await api.issuer.agentToken('agent-billing');
    const { body } = await api.http<Timeline>({ path: `/v1/requests/${id}/timeline`, token });
    expect(body.items).toEqual([
      expect.objectContaining({ type: 'request.planned', facts: {}, actor: { kind: 'agent' } }),
    ]);
  });
});
